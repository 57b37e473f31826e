"""A state fits into its record, whatever the config lets it grow to."""

import numpy as np
import orjson
import pytest

from schemas.config import parse
from schemas.strict import ConfigError
from schemas.tallies import FIXED
from schemas.taxonomy import Taxonomy
from schemas.topics import BY_ROLE
from streams.measure import stage as measure
from streams.watch import store
from streams.watch.alphabet import tally_row
from streams.watch.baseline import Baseline, Unfinished
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.size import check, evidence_bytes, fullest
from streams.watch.stage import Record, step
from streams.watch.state import State, Stream
from streams.watch.total import Total
from tests.watch import logs


def plan(words: str) -> Plan:
    return Plan.of(parse(words), Taxonomy.load_default())


def test_no_service_has_more_evidence_than_was_foreseen() -> None:
    states, _ = logs.truth(logs.plain())
    for name, state in states.items():
        assert state.baseline is not None
        found = detector(state.baseline, logs.PLAN, name)
        held = sum(stream.evidence.nbytes for stream in state.streams.values())
        assert held == len(found.accumulators.bets) * 4 * len(state.streams)
        assert held <= evidence_bytes(logs.PLAN)


def test_more_seats_are_more_bytes_in_proportion() -> None:
    few, many = (evidence_bytes(plan(f"watch: {{max_releases: {n}}}")) for n in (4, 32))
    assert many * 5 == few * 33  # `__other__` is one more


@pytest.mark.parametrize("words", ["", "watch: {max_releases: 32}", "watch: {slices_per_dimension: 64}"])
def test_what_fits_is_let_pass(words: str) -> None:
    check(plan(words))


def test_what_does_not_fit_is_refused_with_what_to_lower() -> None:
    large = plan("watch: {slices_per_dimension: 64, names_per_signal: 64, max_releases: 32}")
    assert evidence_bytes(large) > BY_ROLE["state"].max_message_bytes / 2
    with pytest.raises(ConfigError, match=r"lower `watch.max_releases` \(32\), `watch.slices_per_dimension` \(64\)"):
        check(large)


def test_a_service_with_every_signal_slice_and_release_taken_has_a_record_well_below_a_megabyte() -> None:
    """42 signals and 28 slices, five releases, all of their counters arrived in the second that is open.

    Of a release there are the evidence, four bytes a bet, and what is pending, two bytes a counter while no counter
    comes to 65,536 in a second. The rest of the record, of which the minute that is not over is a part and which has
    limits of its own, is a fiftieth of that here.
    """
    full = plan("")
    alphabet = fullest(full)
    assert sum(len(names) + 1 for names in alphabet.slices) + 1 == 28
    baseline = Baseline(1, alphabet, 1000, np.ones(tally_row(alphabet).size, np.int64), {}, (), 0, 1)
    found = detector(baseline, full, "s")
    chance = np.random.default_rng(1)
    streams = {
        str(i): Stream(
            str(i), 0, 0, chance.random(len(found.accumulators.bets), np.float32),
            pending=chance.integers(0, 1 << 16, found.kept_size),
        )
        for i in range(full.streams)
    }  # fmt: skip
    signals, of_whole = len(found.tables), sum(table.kept.width for table in found.tables)
    unfinished = Unfinished(
        0, chance.integers(0, 1 << 16, of_whole), 1, chance.integers(0, 1 << 31, signals),
        chance.random(signals, np.float32),
    )  # fmt: skip
    state = State(
        service="s", offset=0, second=0, naming=None, baseline=baseline, streams=streams, unfinished=unfinished,
        total=Total(np.arange(FIXED), chance.integers(0, 1 << 16, FIXED)),
    )  # fmt: skip
    (_, [(_, hot)], _), _ = store.writes({"s": state}, ["s"], store.Written())
    bound = evidence_bytes(full) + full.streams * found.kept_size * 2 + FIXED * 4
    assert bound < len(hot) < 1.02 * bound
    assert len(hot) < 300_000


def test_a_service_that_sent_one_event_takes_some_hundred_bytes() -> None:
    """Thousands of such come from one mistyped field."""
    event = orjson.dumps({"type": "exchange", "id": "1", "service": "s", "release": "1", "at": 1000, "status": "ok"})
    measuring = measure.Plan.of(parse(""), Taxonomy.load_default())
    block, _ = measure.feed(measuring, measure.begin(measuring.source, 0, 0), [measure.Record(0, 1000, event)])
    [message] = measure.flushes(measuring, block, final=True)
    states, _ = step(plan(""), 0, {}, Record(0, 1000, message.value))
    (_, [(_, hot)], _), _ = store.writes(states, ["s"], store.Written())
    assert len(hot) < 2000
