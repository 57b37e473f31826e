"""Each label promises the evidence that it names, with counts; and where there is none, it says so."""

from typing import Any

import pytest

from schemas.found import Rules
from schemas.incidents import Incident
from streams.gather.cause import cause
from tests.gather.incidents import CONFIG, found, gathered, mode

RULES = Rules.of(CONFIG)
SERVICES = "abcdefg"


def each(n: int, **what: Any) -> list[Incident]:
    """Make an incident of each of seven services; of the first `n` the words say what is seen."""
    return [found(name, **(what if i < n else {})) for i, name in enumerate(SERVICES)]


def acme(n: int, **what: Any) -> list[Incident]:
    """Make incidents of services of which all have one provider."""
    return [found(f"p{i}", **what) for i in range(n)]


AVL = [mode("AVL.OVERLOADED"), mode("FMT.EMPTY")]
CASES = [
    (each(5, signal="silence", feature="silence"), "telemetry_lag", "", "nothing is seen any more of 5 of 7"),
    (each(4, feature="missing"), "telemetry_lag", "", "nothing is seen any more of 4 of 7"),
    (each(4, kind="no_data"), "telemetry_lag", "", "nothing is seen any more of 4 of 7"),
    (each(5, release="2026.2", modes=AVL), "release", "release=2026.2", "a new release in 5 of 7 (2026.2 in 5)"),
    (each(6, also_model="gpt-x", modes=AVL), "provider", "model_served=gpt-x",
     "provider: gpt-x in 6 of 7 (AVL.OVERLOADED in 6 of 7)"),
    (each(4, model="gpt-x"), "provider", "model_served=gpt-x", "provider: gpt-x in 4 of 7"),
    (acme(4, modes=AVL), "provider", "provider=acme", "provider: acme serves 4 of 4 (AVL.OVERLOADED in 4 of 4)"),
    (acme(4, signal="refused"), "provider", "provider=acme", "provider: acme serves 4 of 4"),
    (each(5, modes=AVL), "infrastructure", "", "5 of 7, with no model or provider in common"),
    (each(5, signal="latency"), "infrastructure", "", "unavailable, slow or silent are 5 of 7"),
    (each(3, signal="silence", feature="silence") + each(7, signal="latency")[3:5], "infrastructure", "", "are 5 of 7"),
    (each(4, signal="intent"), "traffic_mix", "", "what is asked, or how much, changed in 4 of 7"),
    (each(4, signal="traffic", kind="traffic"), "traffic_mix", "", "changed in 4 of 7"),
    (acme(4, signal="input_tokens"), "traffic_mix", "", "changed in 4 of 4"),
    (each(3, modes=AVL), "unknown", "", "no cause in common is known"),
    (each(3, also_model="gpt-x"), "unknown", "", "no cause in common is known"),
    (each(0), "unknown", "", "no cause in common is known"),
]  # fmt: skip


@pytest.mark.parametrize(("incidents", "label", "about", "words"), CASES)
def test_a_label_has_its_evidence_in_most_services(
    incidents: list[Incident], label: str, about: str, words: str
) -> None:
    said = cause(incidents, "", RULES)
    assert (said.cause, said.about) == (label, about)
    assert words in said.words


def test_several_incidents_of_a_service_count_as_one() -> None:
    """Five incidents of one service and one of each of two others: one of three services is not most."""
    many = [found("a", alert=f"A{i}", modes=AVL) for i in range(5)]
    assert cause([*many, found("b"), found("c")], "", RULES).cause == "unknown"


def test_trouble_of_our_own_goes_before_all_else() -> None:
    said = cause(each(7, also_model="gpt-x", modes=AVL), "WorkerStalled", RULES)
    assert said.cause == "telemetry_lag"
    assert "WorkerStalled" in said.words


def test_own_trouble_at_that_time_is_seen_whenever_it_is_told() -> None:
    stall = found("barograph", -300, alert="WorkerStalled", notify="ticket")
    before = gathered([stall, *(found(name) for name in "abc")])
    assert before.parents("fired")[0].common == "telemetry_lag"
    after = gathered([found(name) for name in "abc"])
    assert after.parents("fired")[0].common == "unknown"
    after.hears(found("barograph", 5, alert="LossDeclared", at=100))
    assert after.parents()[-1].common == "telemetry_lag"
    assert after.told[-2].service == "barograph"
    assert after.told[-2].notify == "page", "what goes wrong with ourselves is told by itself"


def test_own_trouble_of_another_time_or_kind_labels_nothing() -> None:
    long_ago = found("barograph", -3600, at=-3600, alert="WorkerStalled", notify="ticket")
    plan = found("barograph", 0, alert="OverPlan", notify="ticket")
    assert gathered([long_ago, plan, *(found(name) for name in "abc")]).parents()[0].common == "unknown"


def test_a_label_gets_surer_with_what_joins_and_its_name_stays() -> None:
    told = gathered([found("a"), found("b"), found("c", also_model="gpt-x")])
    assert told.parents()[0].common == "unknown"
    told.hears(*(found(name, also_model="gpt-x") for name in "defg")).wakes(at=100)
    first, last = told.parents()[0], told.parents()[-1]
    assert last.common == "provider"
    assert last.cause == "provider: gpt-x in 5 of 7"
    assert (last.fingerprint, last.labels) == (first.fingerprint, first.labels)
    assert last.action != first.action
