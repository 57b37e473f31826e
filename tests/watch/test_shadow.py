"""What is in shadow is found as if it were not, said apart, and changes nothing of what is said in earnest."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.config import Config, parse
from schemas.control import Acknowledge, Rebaseline
from schemas.incidents import Incident, Lineage
from schemas.taxonomy import Taxonomy
from streams import promise
from streams.telling.findings import Finding
from streams.watch import store
from streams.watch.layout import detector
from streams.watch.notices import Notices
from streams.watch.own import Own
from streams.watch.partition import Engine, advance
from streams.watch.plan import Plan
from streams.watch.publish import again
from streams.watch.quarantine import cleared
from streams.watch.stage import Record
from streams.watch.state import State
from tests.watch import logs
from tests.watch.story import USUAL, Story, incident, refused, report, story
from tests.watch.traffic import around, rate, some

TAXONOMY = Taxonomy.load_default()
LEARNED = "14:02"
DARK_SERVICE = f"{USUAL}services: [{{name: bot, shadow: true}}]"
EVERY = (*(signal.name for signal in Config().watched()), "traffic")
DARK_SIGNAL = USUAL.replace("watch: {", "watch: {shadow_signals: [refused], ")


def calm(words: str, **fields: Any) -> Story:
    return story(words).at("14:00").every("5s", until=LEARNED).flush(**fields).expects()


def incidents(findings: Sequence[Finding]) -> list[Incident]:
    return [msgspec.json.decode(one.value, type=Incident) for one in findings]


# -- stories ---------------------------------------------------------------------------------------------------------


def test_a_service_in_shadow_lives_its_incidents_apart() -> None:
    """The same life as in earnest: `notify` says what would have been."""
    (
        calm(DARK_SERVICE, refused=rate(2))
        .every("5s", until="14:04").flush(refused=rate(40))
        .expects(incident("fired", signal="refused", sev="sev-2", notify="page", since="14:02", at="14:02:01",
                          shadow=True, episode=1))
        .every("5s", until="14:12").flush(refused=rate(2))
        .expects(incident("resolved", signal="refused", notify="page", at="14:05", shadow=True))
        .every("5s", until="14:14").flush(refused=rate(40))
        .expects(incident("fired", shadow=True, episode=2))
    )  # fmt: skip


def test_a_service_in_shadow_falls_silent_in_shadow() -> None:
    (
        calm(DARK_SERVICE, refused=rate(2))
        .wait("14:04").expects(incident("fired", signal="silence", notify="page", shadow=True))
        .every("5s", until="14:05").flush(refused=rate(2)).expects(incident("resolved", signal="silence", shadow=True))
    )  # fmt: skip


def test_a_signal_in_shadow_neither_joins_nor_swallows_what_shares_its_onset() -> None:
    """In earnest the two are one incident, a page that has the ticket's name beside its own."""
    well: dict[str, Any] = {"refused": rate(2), "answered": rate(96)}
    bad: dict[str, Any] = {"refused": rate(40), "answered": rate(58)}
    one = calm(USUAL, **well).every("5s", until="14:04").flush(**bad)
    one.expects(incident("fired", shadow=False), incident("updated", signals={"refused", "answered"}, shadow=False))
    two = calm(DARK_SIGNAL, **well).every("5s", until="14:04").flush(**bad)
    two = two.expects(
        incident("fired", signals={"answered"}, shadow=False), incident("fired", signals={"refused"}, shadow=True)
    )
    live, dark = two.state().cases, two.state().shadow.cases
    assert [case.said.labels.get("shadow") for case in (*live, *dark)] == [None, "true"]
    (
        two.every("5s", until="14:07").flush(refused=rate(40), answered=rate(96))
        .expects(incident("resolved", signals={"answered"}, shadow=False))
        .every("5s", until="14:10").flush(**well)
        .expects(incident("resolved", signals={"refused"}, shadow=True))
    )  # fmt: skip


def test_what_a_release_does_otherwise_from_its_beginning_is_in_no_report_where_it_is_in_shadow() -> None:
    """What of it hurts would have been an incident, and is one in shadow."""
    well: dict[str, Any] = {"refused": rate(2), "latency_ms": around(800)}
    bad: dict[str, Any] = {"refused": rate(40), "latency_ms": around(400)}
    earnest = calm(USUAL, **well).every("5s", until="14:05").flush(release="v2", **bad)
    earnest.expects(incident("fired", signal="refused"), report("v2", signals={"refused", "latency"}, incidents=1))
    dark = calm(DARK_SIGNAL, **well).every("5s", until="14:05").flush(release="v2", **bad)
    dark.expects(incident("fired", signal="refused", shadow=True), report("v2", signals={"latency"}, incidents=0))


def test_nobody_takes_an_incident_in_shadow_and_a_rebaseline_ends_it() -> None:
    told = calm(DARK_SERVICE, refused=rate(2)).every("5s", until="14:04").flush(refused=rate(40))
    told = told.expects(incident("fired", shadow=True))
    [case] = told.state().shadow.cases
    (
        told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ann")
        .every("5s", until="14:05").flush(refused=rate(40))
        .expects(refused("unknown_incident"))
        .tell(Rebaseline, by="ann")
        .every("5s", until="14:08").flush(refused=rate(40))
        .expects(incident("resolved", shadow=True, why="rebaselined by ann"))
    )  # fmt: skip


# -- over, or the new normal -----------------------------------------------------------------------------------------

REBASE = "resolve_after_s: 60, rebase_after_s: 300"
SERVICE_AGES, SIGNAL_AGES = (words.replace("resolve_after_s: 60", REBASE) for words in (DARK_SERVICE, DARK_SIGNAL))


def test_what_lasts_becomes_the_new_normal_of_a_service_in_shadow() -> None:
    """As it would in earnest: so the trial shows what `rebase_after_s` comes to."""
    told = calm(SERVICE_AGES, refused=rate(2)).every("5s", until="14:12").flush(refused=rate(40))
    told = told.expects(
        incident("fired", signal="refused", shadow=True, version=1),
        incident("resolved", shadow=True, why="taken as the new normal after 5 min; learned anew: requests refused"),
    )
    known = told.state().baseline
    assert known is not None
    assert known.version == 2


def test_a_service_in_earnest_learns_nothing_for_a_signal_in_shadow_which_recovers_all_the_same() -> None:
    """What is learned anew begins all evidence anew and ends all incidents: those in earnest, too."""
    well: dict[str, Any] = {"refused": rate(2), "answered": rate(90)}
    told = calm(SIGNAL_AGES, **well).every("5s", until="14:12").flush(refused=rate(40), answered=rate(90))
    told = told.expects(incident("fired", signal="refused", shadow=True, since="14:02"))
    state = told.state()
    assert (state.baseline.version if state.baseline else 0, state.naming, state.counting) == (1, None, None)
    told.every("5s", until="14:16").flush(**well).expects(incident("resolved", signal="refused", shadow=True))


def test_of_a_signal_in_shadow_too_what_is_back_without_being_sure_is_over_in_the_end() -> None:
    """For that nothing is learned; it takes nothing from anybody."""
    words = SIGNAL_AGES.replace("watch: {", "watch: {window_buckets: 12, ")
    told = calm(words, refused=rate(2)).every("5s", until="14:04").flush(refused=rate(40))
    told = told.expects(incident("fired", signal="refused", shadow=True))
    told.every("6s", until="14:08").flush(1, refused=rate(0)).expects(
        incident("resolved", shadow=True, why="back within its limits, though in 5 min too little came to be sure")
    )


def test_another_config_begins_to_show_anew_that_what_is_in_shadow_is_over() -> None:
    """Limits may have moved, and with them the bets; what was begun counts all the same."""
    told = calm(DARK_SERVICE, refused=rate(2)).every("5s", until="14:04").flush(refused=rate(40))
    told = told.expects(incident("fired", shadow=True)).every("5s", until="14:04:30").flush(refused=rate(2)).expects()
    [before] = told.state().shadow.cases
    [after] = told.configure(DARK_SERVICE.replace("watch: {", "watch: {min_effect_points: 1, ")).state().shadow.cases
    assert sum(before.alarms[0].recovery.evidence) > 0
    assert not after.alarms[0].recovery.evidence
    assert after.alarms[0].recovery.begun == before.alarms[0].recovery.begun


def test_a_signal_of_ones_own_may_be_in_shadow() -> None:
    words = DARK_SIGNAL.replace("[refused]", "[escaped]")
    words += "signals: [{name: escaped, source: attribute, kind: rate, bad: up, consequence: harm}]"

    def sent(escaped: int) -> dict[str, Any]:
        return {"attributes": some(rate(escaped), {"escaped": True}, {"escaped": False})}

    (
        calm(words, **sent(2)).every("5s", until="14:04").flush(**sent(40))
        .expects(incident("fired", signal="escaped", notify="page", shadow=True))
    )  # fmt: skip


# -- into shadow, and out of it --------------------------------------------------------------------------------------


def test_what_goes_into_shadow_ends_in_earnest_and_is_found_again_in_shadow() -> None:
    told = calm(USUAL, refused=rate(2)).every("5s", until="14:03").flush(refused=rate(40))
    told = told.expects(incident("fired", shadow=False)).configure(DARK_SERVICE)
    (
        told.every("5s", until="14:05").flush(refused=rate(40))
        .expects(
            incident("resolved", shadow=False, why="from now on it is in shadow"),
            incident("fired", shadow=True, episode=1),
        )
    )  # fmt: skip


def test_what_comes_out_of_shadow_ends_there_and_is_found_again_in_earnest() -> None:
    told = calm(DARK_SIGNAL, refused=rate(2)).every("5s", until="14:03").flush(refused=rate(40))
    told = told.expects(incident("fired", shadow=True)).configure(USUAL)
    (
        told.every("5s", until="14:05").flush(refused=rate(40))
        .expects(incident("resolved", shadow=True), incident("fired", shadow=False, episode=1))
    )  # fmt: skip


def test_what_comes_out_of_shadow_began_when_it_began() -> None:
    """Nobody was told of it, so it is no matter of an incident that has ended."""
    told = calm(DARK_SIGNAL, refused=rate(2)).every("5s", until="14:06").flush(refused=rate(40))
    told = told.expects(incident("fired", shadow=True, since="14:02")).configure(USUAL)
    (
        told.every("5s", until="14:07").flush(refused=rate(40))
        .expects(incident("resolved", shadow=True), incident("fired", shadow=False, since="14:02"))
    )  # fmt: skip


def test_evidence_gathered_in_shadow_does_not_come_out_of_it() -> None:
    """It was gathered on no budget, so whatever it would make alarm would be above what was promised."""
    for words, names in ((DARK_SERVICE, None), (DARK_SIGNAL, {"refused"})):
        told = calm(words, refused=rate(2), answered=rate(98))
        [before] = told.state().streams.values()
        assert before.evidence.sum() > 0
        [after] = told.configure(USUAL).state().streams.values()
        baseline = told.state().baseline
        assert baseline is not None
        found = detector(baseline, Plan.of(parse(USUAL), TAXONOMY), "bot")
        of = [found.find(monitor)[0].signal.name for monitor in found.accumulators.monitor]
        own = [names is None or of[one] in names for one in found.accumulators.of]
        assert after.evidence[own].sum() == 0


# -- nothing in earnest is different ---------------------------------------------------------------------------------


def found(config: Config, records: Sequence[Record]) -> list[Finding]:
    """All that WATCH says over a log of one partition."""
    engine, known, states, said = Engine(config, TAXONOMY), Own(), dict[str, State](), list[Finding]()
    for record in records:
        done = advance(engine, 0, known, states, record)
        known = done.own
        done.put(states)
        said += done.findings
    return said


def of(service: str, findings: Sequence[Finding], *, shadow: bool = False) -> list[Finding]:
    return [
        one
        for one in findings
        if msgspec.json.decode(one.value)["service"] == service and (one.roles == ("incidents_shadow",)) is shadow
    ]


def test_a_service_in_shadow_changes_no_byte_of_what_is_said_of_another_nor_of_what_is_found_of_itself() -> None:
    """`alpha` refuses, recovers and falls silent; `beta` gets a release. Each in turn is put into shadow."""
    usual = found(logs.CONFIG, logs.usual())
    assert of("alpha", usual)
    for dark, live in (("alpha", "beta"), ("beta", "alpha")):
        config = parse(msgspec.json.encode({
            **msgspec.to_builtins(logs.CONFIG), "services": [{"name": dark, "shadow": True}]
        }).decode())  # fmt: skip
        said = found(config, logs.usual())
        assert _but_lineage(of(live, said)) == _but_lineage(of(live, usual))
        assert not [one for one in of(dark, said) if one.roles != ("failures",)]  # which tell nobody
        assert [_in_earnest(one) for one in incidents(of(dark, said, shadow=True))] == [
            _in_earnest(one) for one in incidents([one for one in of(dark, usual) if "found" in one.roles])
        ]


def _in_earnest(said: Incident) -> Incident:
    """Leave out what says that an incident is in shadow."""
    labels = {name: value for name, value in said.labels.items() if name != "shadow"}
    return replace(said, id="", fingerprint="", labels=labels, shadow=False, lineage=Lineage())


def _but_lineage(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out what names the config: by another one it was decided, and that is all that may differ."""

    def bare(value: bytes) -> bytes:
        said = msgspec.json.decode(value)
        said.pop("lineage", None)
        return msgspec.json.encode(said)

    return [one._replace(value=bare(one.value)) for one in findings]


@pytest.mark.parametrize(
    ("records", "rebase_after_s"),
    [(logs.plain(), 0), (logs.usual(), 0), (logs.plain(), 8)],
    ids=["plain", "usual", "new normal"],
)
def test_a_signal_in_shadow_changes_no_byte_of_what_is_said_in_earnest(
    records: Sequence[Record], rebase_after_s: int
) -> None:
    """What is said is what would be said if the signal were not watched at all; `alpha` refuses for twelve seconds."""
    words = msgspec.to_builtins(logs.CONFIG)
    for name in ("refused", "failed"):
        without = tuple(one for one in EVERY if one != name)
        apart = _config(words, signals=without, rebase_after_s=rebase_after_s)
        shadowed = found(_config(words, signals=EVERY, shadow_signals=[name], rebase_after_s=rebase_after_s), records)
        live = [one for one in shadowed if one.roles != ("incidents_shadow",)]
        assert _but_lineage(live) == _but_lineage(found(apart, records))
        assert bool([one for one in shadowed if one.roles == ("incidents_shadow",)]) is (name == "refused")


def _config(words: Any, **watch: Any) -> Config:
    return parse(msgspec.json.encode({**words, "watch": {**words["watch"], **watch}}).decode())


def test_what_is_in_shadow_holds_no_seat_that_a_release_in_earnest_needs() -> None:
    """An idle release with an open incident in earnest keeps its stream; with one in shadow it makes room."""
    words = DARK_SIGNAL.replace("watch: {", "watch: {max_releases: 1, ")
    told = calm(words, refused=rate(2)).every("5s", until="14:04").flush(refused=rate(40))
    told = told.expects(incident("fired", signal="refused", shadow=True))
    told = told.wait("15:10").expects(incident("fired", signal="silence", shadow=False))
    told = told.every("5s", until="15:12").flush(release="v2", refused=rate(2)).expects(
        incident("resolved", signal="silence", shadow=False), incident("resolved", signal="refused", shadow=True)
    )  # fmt: skip
    assert list(told.state().streams) == ["v2"]
    assert not told.state().shadow.cases


# -- the budget ------------------------------------------------------------------------------------------------------


def test_shares_in_earnest_are_those_without_what_is_in_shadow_and_shares_in_shadow_those_without_shadow() -> None:
    dark = ("refused", "latency")
    mixed = Plan.of(parse(f"watch: {{shadow_signals: [{', '.join(dark)}]}}"), TAXONOMY)
    live = Plan.of(parse(f"watch: {{signals: [{', '.join(one for one in EVERY if one not in dark)}]}}"), TAXONOMY)
    whole = Plan.of(Config(), TAXONOMY)
    for tier in ("pages", "tickets"):
        rates, alone, all_ = (getattr(plan, tier)("any").rates for plan in (mixed, live, whole))
        assert {key: rate for key, rate in rates.items() if key[0] not in dark} == alone
        assert {key: rate for key, rate in rates.items() if key[0] in dark} == {
            key: rate for key, rate in all_.items() if key[0] in dark
        }


def test_a_service_keeps_its_part_of_the_budget_while_it_is_in_shadow() -> None:
    """So nobody gets less on the day when it comes out, and more services than were planned are refused before."""
    light, dark = (Plan.of(parse(f"services: [{{name: a, shadow: {word}}}]"), TAXONOMY) for word in ("false", "true"))
    for name in ("a", "b"):
        assert light.pages(name).rates == dark.pages(name).rates


def test_all_signals_may_be_in_shadow() -> None:
    plan = Plan.of(parse(f"watch: {{shadow_signals: [{', '.join(EVERY)}]}}"), TAXONOMY)
    assert plan.pages("any").rates == Plan.of(Config(), TAXONOMY).pages("any").rates
    assert all(plan.in_shadow("any", name) for name in EVERY)
    assert not plan.in_shadow("any", "silence"), "a rule about the service, no signal"


def test_check_sums_up_what_is_in_earnest_and_names_what_is_not() -> None:
    """Signals in earnest spend a service's whole part, with and without others in shadow."""

    def sums(words: str) -> list[str]:
        return [line for line in promise.lines(parse(words)) if line.startswith(("  all signals", "  In shadow"))]

    usual, [of_one, named] = sums(""), sums("watch: {shadow_signals: [latency, failed]}")
    assert [of_one] == usual
    assert named == "  In shadow, and at the cost of none of these: failed, latency."
    assert len(sums(f"watch: {{shadow_signals: [{', '.join(EVERY)}]}}")) == 1


# -- what carries it -------------------------------------------------------------------------------------------------


def dark_findings() -> list[Finding]:
    config = parse(msgspec.json.encode({
        **msgspec.to_builtins(logs.CONFIG), "services": [{"name": "alpha", "shadow": True}]
    }).decode())  # fmt: skip
    return of("alpha", found(config, logs.usual()), shadow=True)


def test_id_labels_and_headers_say_that_it_is_in_shadow() -> None:
    findings = dark_findings()
    assert findings
    for one, said in zip(findings, incidents(findings), strict=True):
        assert one.roles == ("incidents_shadow",)
        assert one.id == said.id
        assert said.id == f"shadow-{said.fingerprint}-{said.episode}-{said.sequence}"
        assert dict(one.headers)["ce_shadow"] == b"true"
        assert dict(one.headers)["ce_id"] == said.id.encode()
        assert said.labels["shadow"] == "true"
        assert said.shadow


def test_the_life_of_each_incident_is_told_whole_and_in_order() -> None:
    for _, life in groupby(
        sorted(incidents(dark_findings()), key=lambda one: (one.fingerprint, one.episode, one.sequence)),
        key=lambda one: (one.fingerprint, one.episode),
    ):
        steps = list(life)
        assert [one.sequence for one in steps] == list(range(1, len(steps) + 1))
        assert steps[0].step == "fired"
        assert {one.step for one in steps[1:-1]} <= {"updated"}


def test_a_new_owner_does_not_say_again_what_is_in_shadow() -> None:
    told = calm(DARK_SIGNAL, refused=rate(2), answered=rate(98))
    told = told.every("5s", until="14:04").flush(refused=rate(40), answered=rate(58))
    told = told.expects(incident("fired", shadow=False), incident("fired", shadow=True))
    state = told.state()
    assert state.shadow.cases
    said = again(Notices(), {"bot": state}, state.second)
    assert [one.shadow for one in incidents(said)] == [False]
    assert all("found" in one.roles for one in said)


def test_the_episodes_in_shadow_outlive_a_quarantine() -> None:
    """Else an id would come twice, for two different things."""
    told = calm(DARK_SERVICE, refused=rate(2)).every("5s", until="14:04").flush(refused=rate(40))
    state = told.expects(incident("fired", shadow=True)).state()
    assert cleared(state).shadow.episodes == state.shadow.episodes
    assert not cleared(state).shadow.cases


def test_a_state_with_incidents_in_shadow_survives_bytes() -> None:
    told = calm(DARK_SERVICE, refused=rate(2)).every("5s", until="14:04").flush(refused=rate(40))
    state = told.expects(incident("fired", shadow=True)).state()
    out, _ = store.writes({"bot": state}, ["bot"], store.Written())
    [back] = store.restore([*out.cold, *out.hot]).states.values()
    assert back.shadow == state.shadow
