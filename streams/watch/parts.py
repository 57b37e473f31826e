"""A flush -> each service's part; a longer part less a shorter one -> what came since."""

import numpy as np

from schemas.tallies import FIXED, LATE, Flush, unpack
from streams.watch.state import Ints, Part


def parts(flush: Flush) -> dict[str, Part]:
    """Split a flush by service.

    Parameters
    ----------
    flush : as MEASURE wrote it

    Returns
    -------
    dict of str to Part
        Every service that the flush speaks of, with the texts that it uses.
    """
    groups = unpack(flush.groups, 6)
    cells, counts, beside = unpack(flush.cells), unpack(flush.counts), unpack(flush.beside, 4)
    row = np.repeat(np.arange(len(groups)), groups[:, 5])
    bucket = np.where(groups[:, 1] == LATE, LATE, flush.first_bucket + groups[:, 1] - 1)
    keys = np.stack([bucket[row], groups[row, 2], groups[row, 3], groups[row, 4], cells], axis=1)
    owner = groups[row, 0]
    order = np.argsort(owner, kind="stable")
    keys, counts, owner = keys[order], counts[order], owner[order]
    services = np.unique(np.concatenate([owner, beside[:, 0]]))
    begins, ends = np.searchsorted(owner, services), np.searchsorted(owner, services, side="right")
    split = {}
    for service, a, b in zip(services.tolist(), begins.tolist(), ends.tolist(), strict=True):
        split[flush.names[service]] = Part(
            flush.names,
            keys[a:b],
            counts[a:b],
            beside[beside[:, 0] == service, 1:],
            tuple((release, mode, chosen) for who, release, mode, chosen in flush.exemplars if who == service),
        )
    return split


def less(longer: Part, shorter: Part) -> Part:
    """Take what was added before from a longer part of the same block.

    Raises
    ------
    ValueError
        If the longer one lacks something: then one of the two is not the truth, and to go on would be to guess.
    """
    place = {name: i for i, name in enumerate(longer.names)}
    try:
        moved = np.array([place[name] for name in shorter.names] or [0], np.int64)
    except KeyError as gone:
        raise ValueError(f"the longer part of a block lacks the name {gone}") from None
    n_old, n_new = len(shorter.names), len(longer.names)
    old, new = shorter.keys.copy(), longer.keys
    old[:, 1], old[:, 3] = moved[old[:, 1]], moved[old[:, 3]]
    named = old[:, 4] >= FIXED
    column, name = np.divmod(old[named, 4] - FIXED, n_old)
    old[named, 4] = FIXED + column * n_new + moved[name]
    before = dict(zip(map(tuple, old.tolist()), shorter.counts.tolist(), strict=True))
    counts = longer.counts - np.array([before.pop(key, 0) for key in map(tuple, new.tolist())], np.int64)
    beside_before = {(int(moved[r]), k): n for r, k, n in shorter.beside.tolist()}
    beside = longer.beside.copy()
    beside[:, 2] -= np.array([beside_before.pop((r, k), 0) for r, k, _ in beside.tolist()], np.int64)
    if before or beside_before or (len(counts) and counts.min() < 0) or (len(beside) and beside[:, 2].min() < 0):
        raise ValueError("the longer part of a block counts less than the shorter one")
    grew = counts > 0
    return Part(longer.names, new[grew], counts[grew], beside[beside[:, 2] > 0], longer.exemplars)


def narrowed(part: Part) -> Part:
    """Keep only the texts that the part uses, for a part that is stored."""
    n = len(part.names)
    named = part.keys[:, 4] >= FIXED
    column, name = np.divmod(part.keys[named, 4] - FIXED, n)
    used = np.unique(
        np.concatenate(
            [part.keys[:, 1], part.keys[:, 3], name, part.beside[:, 0], _indexes(part)],
        )
    )
    place = np.zeros(n, np.int64)
    place[used] = np.arange(len(used))
    keys = part.keys.copy()
    keys[:, 1], keys[:, 3] = place[keys[:, 1]], place[keys[:, 3]]
    keys[named, 4] = FIXED + column * len(used) + place[name]
    beside = part.beside.copy()
    beside[:, 0] = place[beside[:, 0]]
    return Part(
        tuple(part.names[i] for i in used.tolist()),
        keys,
        part.counts,
        beside,
        tuple((int(place[release]), int(place[mode]), chosen) for release, mode, chosen in part.exemplars),
    )


def _indexes(part: Part) -> Ints:
    return np.array([i for release, mode, _ in part.exemplars for i in (release, mode)], np.int64)
