"""A flush -> each service's part; a longer part less a shorter one -> what came since."""

import numpy as np

from schemas.tallies import LATE, Flush, unpack
from streams.watch.arrays import Ints
from streams.watch.measured import layout_of
from streams.watch.state import Part


def parts(flush: Flush) -> dict[str, Part]:
    """Split a flush by service.

    Parameters
    ----------
    flush : as MEASURE wrote it

    Returns
    -------
    dict of str to Part
        Every service that the flush speaks of. All look into the same arrays and texts: what is kept of one must be
        narrowed first.
    """
    groups, beside = unpack(flush.groups, 6), unpack(flush.beside, 4)
    starts = (flush.first_bucket + groups[:, 1] - 1) * flush.bucket_s
    groups[:, 1] = np.where(groups[:, 1] == LATE, LATE, starts)
    begins = np.cumsum(groups[:, 5]) - groups[:, 5]
    order = np.argsort(groups[:, 0], kind="stable")  # a service's groups lie apart, one run for each dimension
    groups = groups[order]
    ends = np.cumsum(groups[:, 5])
    rows = np.repeat(begins[order] - ends + groups[:, 5], groups[:, 5]) + np.arange(ends[-1] if len(ends) else 0)
    cells, counts = unpack(flush.cells)[rows], unpack(flush.counts)[rows]
    services, carried = np.unique(np.concatenate([groups[:, 0], beside[:, 0]])), dict(flush.carried)
    edges = np.searchsorted(groups[:, 0], services), np.searchsorted(groups[:, 0], services, side="right")
    ends = np.concatenate([[0], ends])
    split = {}
    for service, a, b in zip(services.tolist(), *(edge.tolist() for edge in edges), strict=True):
        split[flush.names[service]] = Part(
            flush.names,
            flush.dimensions,
            groups[a:b, 1:],
            cells[ends[a] : ends[b]],
            counts[ends[a] : ends[b]],
            beside[beside[:, 0] == service, 1:],
            tuple((release, mode, chosen) for who, release, mode, chosen in flush.exemplars if who == service),
            flush.own,
            carried.get(service, ()),
        )
    return split


def narrowed(part: Part) -> Part:
    """Copy what a part says and the texts that it uses, so that nothing of the flush is kept beside it."""
    n, fixed = len(part.names), layout_of(part.own).fixed
    named = np.flatnonzero(part.cells >= fixed)
    column, name = np.divmod(part.cells[named] - fixed, n)
    used = np.zeros(n, np.bool_)
    for indexes in (part.groups[:, 1], part.groups[:, 3], name, part.beside[:, 0]):
        used[indexes] = True
    for release, mode, _ in part.exemplars:
        used[release] = used[mode] = True
    kept = np.flatnonzero(used).tolist()
    place = np.cumsum(used) - 1
    groups, cells, beside = part.groups.copy(), part.cells.copy(), part.beside.copy()
    groups[:, 1], groups[:, 3], beside[:, 0] = place[groups[:, 1]], place[groups[:, 3]], place[beside[:, 0]]
    cells[named] = fixed + column * len(kept) + place[name]
    return Part(
        tuple(part.names[i] for i in kept),
        part.dimensions,
        groups,
        cells,
        part.counts.copy(),
        beside,
        tuple((int(place[release]), int(place[mode]), chosen) for release, mode, chosen in part.exemplars),
        part.own,
        part.carried,
    )


def of_release(part: Part, release: str) -> Part:
    """Keep what a part says of one release."""
    at = part.names.index(release) if release in part.names else -1
    mine = part.groups[:, 1] == at
    rows = np.repeat(mine, part.groups[:, 4])
    return Part(
        part.names, part.dimensions, part.groups[mine], part.cells[rows], part.counts[rows],
        part.beside[part.beside[:, 0] == at], tuple(some for some in part.exemplars if some[0] == at), part.own,
        part.carried,
    )  # fmt: skip


def less(longer: Part, shorter: Part) -> Part:
    """Take what was added before from a longer part of the same block.

    Raises
    ------
    ValueError
        If the longer one lacks something: then one of the two is not the truth, and to go on would be to guess.
    """
    if longer.own != shorter.own:
        raise ValueError(f"the parts of a block were measured with other signals: {longer.own}, {shorter.own}")
    place = {name: i for i, name in enumerate(longer.names)}
    if gone := [name for name in shorter.names if name not in place]:
        raise ValueError(f"the longer part of a block lacks the name {gone[0]!r}")
    moved = np.array([place[name] for name in shorter.names], np.int64)
    old, old_beside = _keys(shorter, len(longer.names), moved), shorter.beside.copy()
    old_beside[:, 0] = moved[old_beside[:, 0]]
    keys, counts = _summed(_keys(longer, len(longer.names)), longer.counts, old, shorter.counts)
    beside, n = _summed(longer.beside[:, :2], longer.beside[:, 2], old_beside[:, :2], old_beside[:, 2])
    begins = np.flatnonzero((np.diff(keys[:, :4], axis=0, prepend=-1) != 0).any(axis=1))
    sizes = np.diff(begins, append=len(keys))
    return Part(
        longer.names,
        longer.dimensions,
        np.concatenate([keys[begins, :4], sizes[:, None]], axis=1),
        keys[:, 4],
        counts,
        np.concatenate([beside, n[:, None]], axis=1),
        longer.exemplars,
        longer.own,
        longer.carried,
    )


def _keys(part: Part, names: int, moved: Ints | None = None) -> Ints:
    """Write every cell out: (n, 5) start, release, dimension, name, cell, in a table of so many names."""
    keys = np.concatenate([np.repeat(part.groups[:, :4], part.groups[:, 4], axis=0), part.cells[:, None]], axis=1)
    if moved is not None and len(keys):
        keys[:, 1], keys[:, 3] = moved[keys[:, 1]], moved[keys[:, 3]]
        fixed = layout_of(part.own).fixed
        named = keys[:, 4] >= fixed
        column, name = np.divmod(keys[named, 4] - fixed, len(part.names))
        keys[named, 4] = fixed + column * names + moved[name]
    return keys


def _summed(keys: Ints, counts: Ints, old: Ints, before: Ints) -> tuple[Ints, Ints]:
    """Take counts from counts, key by key; the keys of what is left, in order, and how much."""
    both, n = np.concatenate([keys, old]), np.concatenate([counts, -before])
    order = np.lexsort(both.T[::-1])
    both, n = both[order], n[order]
    begins = np.flatnonzero((np.diff(both, axis=0, prepend=-1) != 0).any(axis=1))
    left = np.add.reduceat(n, begins) if len(begins) else n
    if left.min(initial=0) < 0:
        raise ValueError("the longer part of a block counts less than the shorter one")
    grew = left > 0
    return both[begins[grew]], left[grew]
