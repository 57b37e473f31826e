"""What a null's flush says is what the null sent, in every dimension, and it is as MEASURE would have written it."""

import msgspec
import numpy as np
import pytest

from benchmarks.flushes import NUMBER_AT, RATE_AT, SERVICE, Maker
from benchmarks.nulls import SYNTHETIC, Null
from schemas.cells import CELLS
from schemas.config import Config
from schemas.signals import BY_NAME, RATE_CELLS, RATES, YES
from schemas.tallies import Flush, decode, encode
from streams.watch.parts import parts
from streams.watch.place import events_of, names_of

DIMENSIONS = Config().measure.slices


def _made(null: Null, releases: int) -> tuple[list[Flush], int, np.ndarray]:
    sources = [null.begin(np.random.default_rng(1), np.random.default_rng([1, r])) for r in range(releases)]
    at_s = 1_795_478_400 + null.every_s * np.arange(50)
    sent = [one.take(at_s) for one in sources]
    made = list(Maker(DIMENSIONS, null.numbers, releases).flushes(sent, at_s, offset=7))
    return made, sum(int(one.events.sum()) for one in sent), sum(one.yes.sum(axis=(0, 1)) for one in sent)


@pytest.mark.parametrize("null", SYNTHETIC, ids=lambda null: null.name)
def test_every_event_is_told_once_in_every_dimension(null: Null) -> None:
    made, events, yes = _made(null, releases=3)
    found = [parts(decode_flush(one))[SERVICE] for one in made]
    assert sum(events_of(one) for one in found) == events
    for d, field in enumerate(DIMENSIONS):
        cells = np.concatenate([np.repeat(one.groups[:, 2] == d, one.groups[:, 4]) for one in found])
        cell, count = (np.concatenate([getattr(one, what) for one in found])[cells] for what in ("cells", "counts"))
        told = np.bincount(cell, count)
        for r, at in enumerate(RATE_AT.tolist()):
            if d and not RATES[r].sliced:
                continue
            assert told[at : at + RATE_CELLS].sum() == events, field
            if len(yes):
                assert told[at + YES] == yes[r]
        for name, at in NUMBER_AT.items():
            if d and not BY_NAME[name].sliced:
                continue
            assert told[at : at + CELLS].sum() == events, field


def test_blocks_follow_each_other_without_a_gap() -> None:
    made, events, _ = _made(SYNTHETIC[0], releases=2)
    assert [one.anchor for one in made] == [7, *(one.end for one in made[:-1])]
    assert made[-1].end == 7 + events


def test_a_slice_is_also_the_name_of_its_category() -> None:
    made, _, _ = _made(SYNTHETIC[0], releases=1)
    names = names_of(parts(made[0])[SERVICE])
    assert set(names["intent"]) == {"part-0", "part-1"}
    assert set(names["model_served"]) == {"all"}


def decode_flush(flush: Flush) -> Flush:
    again = decode(encode(flush))
    assert isinstance(again, Flush)
    assert msgspec.msgpack.encode(again) == msgspec.msgpack.encode(flush)
    return again
