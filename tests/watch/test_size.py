"""A state fits into its record, whatever the config lets it grow to."""

import pytest

from schemas.config import parse
from schemas.strict import ConfigError
from schemas.taxonomy import Taxonomy
from schemas.topics import BY_ROLE
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.size import check, evidence_bytes
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
