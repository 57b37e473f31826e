"""The rule of verdicts: what passes, what fails, and that what is not known never passes."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.band import NEW, Banded, Reading, step
from schemas.failures import Diversity
from schemas.incidents import Interval, Lineage
from schemas.kpi_sets import PRESETS, preset
from schemas.kpis import Kpi, KpiSet, Shown
from schemas.policy import Escalation, Phase, Policy, Rules, decides, default
from schemas.verdicts import Verdict
from streams.watch.assess.verdict import Current, Evidence, Subject, judge

BOT = preset("support-bot")
"""Primary: `resolved` and `policy_violations` roll back, `repeat_contact` blocks; seven others."""
NAMES = tuple(kpi.name for kpi in BOT.kpis)
NOW = 1_786_708_860_000
ENOUGH = Evidence(1840, 52110)
LEVELS: tuple[Shown, ...] = ("green", "yellow", "red")
RANK = {"pass": 0, "marginal": 1, "fail": 2}


def subject(phase: Phase = "canary") -> Subject:
    return Subject("support-bot", "2026.11.3", "2026.11.2", phase)


def judged(policy: Policy, bands: Mapping[str, Shown], phase: Phase = "canary", n: int = 1840) -> Verdict:
    """Judge a release of which all is green but what is named."""
    current = [Current(name, Banded(bands.get(name, "green"), "why"), None) for name in NAMES]
    return judge(policy, BOT, subject(phase), current, Evidence(n, 52110), NOW)


def found(policy: Policy | None = None, n: int = 1840, **bands: Shown) -> Verdict:
    return judged(policy or default(BOT), bands, n=n)


def without(names: Iterable[str]) -> dict[str, Shown]:
    return dict.fromkeys(names, "no_data")


def policy(**rules: object) -> Policy:
    said = Rules(**rules)  # type: ignore[arg-type]
    return Policy(services=BOT.services, canary=said, live=said)


def test_all_green_passes() -> None:
    verdict = found()
    assert (verdict.verdict, verdict.band, verdict.score) == ("pass", "green", 100.0)
    assert verdict.reasons == ("every KPI that has data is green: 10 of 10",)


def test_a_red_that_rolls_back_or_blocks_fails() -> None:
    assert found(resolved="red").reasons == ("`resolved` is red, which rolls back: why",)
    assert found(repeat_contact="red").reasons == ("`repeat_contact` is red, which blocks: why",)
    for verdict in (found(resolved="red"), found(repeat_contact="red")):
        assert (verdict.verdict, verdict.band, verdict.score) == ("fail", "red", 90.0)


def test_a_lesser_red_and_any_yellow_are_marginal() -> None:
    assert found(escalated="red").verdict == found(escalated="yellow").verdict == "marginal"
    assert found(resolved="yellow").verdict == "marginal"
    assert found(escalated="red").band == "red"
    assert found(resolved="yellow").band == "yellow"
    assert found(policy(block=("escalated",)), escalated="red").verdict == "fail"


def test_what_must_have_data_and_has_none_is_no_data() -> None:
    verdict = found(resolved="no_data")
    assert (verdict.verdict, verdict.band) == ("no_data", "green")
    assert verdict.reasons == ("`resolved` must have data: why",)
    assert found(resolved="no_data", escalated="red").verdict == "no_data"
    assert found(policy(must_have=("escalated",)), resolved="no_data").verdict == "pass"
    assert found(policy(must_have=("escalated",)), escalated="no_data").verdict == "no_data"


def test_what_need_not_have_data_is_left_out_and_said() -> None:
    verdict = found(escalated="no_data")
    assert (verdict.verdict, verdict.score) == ("pass", 100.0)
    assert verdict.reasons == ("every KPI that has data is green: 9 of 10", "`escalated` is left out: why")


def test_what_is_known_to_be_bad_fails_whatever_else_is_not_known() -> None:
    verdict = judged(default(BOT), without(NAMES) | {"policy_violations": "red"})
    assert (verdict.verdict, verdict.score) == ("fail", None)
    assert verdict.reasons[0] == "`policy_violations` is red, which rolls back: why"


def test_fewer_events_than_asked_are_no_data_and_the_reasons_still_name_what_is_red() -> None:
    assert found(n=300).verdict == "pass"
    assert found(n=299).verdict == "no_data"
    verdict = found(n=299, resolved="red")
    assert verdict.verdict == "no_data"
    assert verdict.reasons == ("299 exchanges, and 300 are needed", "`resolved` is red, which rolls back: why")
    assert verdict.n.needed == 300
    assert found(policy(min_events=10), n=10).verdict == "pass"


def test_nothing_known_is_no_data() -> None:
    for rules in (default(BOT), policy(must_have=())):
        for current in ([], [Current(name, Banded("no_data", "none came"), None) for name in NAMES]):
            verdict = judge(rules, BOT, subject(), current, ENOUGH, NOW)
            assert (verdict.verdict, verdict.band, verdict.score) == ("no_data", "no_data", None)
            assert [kpi.band for kpi in verdict.kpis] == ["no_data"] * 10


def test_half_of_the_weight_without_data_is_no_data() -> None:
    """Of ten KPIs, five; or those that weigh as much as the rest."""
    lesser = [name for name in NAMES if BOT.kpi(name).rank == "secondary"]
    assert judged(default(BOT), without(lesser[:4])).verdict == "pass"
    verdict = judged(default(BOT), without(lesser[:5]))
    assert (verdict.verdict, verdict.score) == ("no_data", None)
    assert verdict.reasons[0] == "half of the KPIs, or more, by weight, have no data"
    assert found(policy(weights={"escalated": 8.9}), escalated="no_data").verdict == "pass"
    assert found(policy(weights={"escalated": 9.0}), escalated="no_data").verdict == "no_data"


def test_the_score_is_the_green_part_of_the_weight_that_has_data() -> None:
    verdict = found(policy(weights={"resolved": 3.0}), resolved="yellow", escalated="no_data", fallback="red")
    assert verdict.score == round(100 * 7 / 11, 1), "of 3 + 9 one has no data; three and one are not green"


def test_reasons_are_the_gravest_first() -> None:
    verdict = found(
        n=5, throughput="no_data", latency_p95="yellow", escalated="red", repeat_contact="no_data",
        policy_violations="red",
    )  # fmt: skip
    assert [said.partition(":")[0] for said in verdict.reasons] == [
        "5 exchanges, and 300 are needed",
        "`policy_violations` is red, which rolls back",
        "`repeat_contact` must have data",
        "`escalated` is red",
        "`latency_p95` is yellow",
        "`throughput` is left out",
    ]


def test_a_verdict_expires() -> None:
    assert found().expires_at == NOW + 15 * 60 * 1000
    assert found(policy(holds="90s")).expires_at == NOW + 90_000


def test_a_kpi_by_slice_is_as_bad_as_its_worst_and_one_slice_with_data_is_enough() -> None:
    rest = [Current(name, Banded("green", ""), None) for name in NAMES if name != "latency_p95"]

    def with_slices(**bands: Shown) -> Verdict:
        slices = [Current("latency_p95", Banded(band, "why"), None, name) for name, band in bands.items()]
        return judge(policy(block=("latency_p95",)), BOT, subject(), [*rest, *slices], ENOUGH, NOW)

    assert with_slices(refunds="green", orders="no_data").verdict == "pass"
    assert with_slices(refunds="no_data", orders="no_data").verdict == "no_data"
    verdict = with_slices(refunds="red", orders="green")
    assert verdict.verdict == "fail"
    assert verdict.reasons == ("`latency_p95` of refunds is red, which blocks: why",)
    assert [(kpi.slice, kpi.band) for kpi in verdict.kpis if kpi.slice] == [("orders", "green"), ("refunds", "red")]


@pytest.mark.parametrize(
    ("name", "band", "rules", "action"),
    [
        ("resolved", "green", policy(), ""),
        ("resolved", "no_data", policy(), ""),
        ("resolved", "yellow", policy(), "notify"),
        ("resolved", "red", policy(), "rollback"),
        ("resolved", "red", policy(block=("resolved",)), "pause_rollout"),
        ("resolved", "red", policy(roll_back=(), block=()), "human_review"),
        ("repeat_contact", "red", policy(), "human_review"),
        ("latency_p95", "red", policy(), "pause_rollout"),
        ("latency_p95", "red", policy(roll_back=("latency_p95",)), "rollback"),
        ("policy_violations", "yellow", policy(), "human_review"),
    ],
)
def test_the_action_is_the_sets_and_nothing_is_rolled_back_that_the_policy_does_not(
    name: str, band: Shown, rules: Policy, action: str
) -> None:
    (kpi,) = [one for one in judged(rules, {name: band}).kpis if one.name == name]
    assert kpi.action == action


def test_who_is_told() -> None:
    rules = policy(escalate=(Escalation(kpi="resolved", to="a"), Escalation(kpi="resolved", to="b", at="yellow")))
    told = {band: found(rules, resolved=band).kpis[0].escalate_to for band in (*LEVELS, "no_data")}
    assert told == {"green": (), "no_data": (), "yellow": ("b",), "red": ("a", "b")}
    assert found().kpis[0].owner == "support", "the one who is accountable"
    assert found().kpis[2].owner == "risk"


@pytest.mark.parametrize(
    ("current", "evidence", "says"),
    [
        ([Current("nonsense", Banded("green", ""), None)], ENOUGH, "no KPI `nonsense`"),
        ([Current("resolved", Banded("green", ""), None)] * 2, ENOUGH, "`resolved` is there twice"),
        ([], Evidence(-1, 0), "fewer exchanges than none"),
    ],
)
def test_what_cannot_be_is_refused(current: list[Current], evidence: Evidence, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        judge(default(BOT), BOT, subject(), current, evidence, NOW)


def example() -> Verdict:
    """The verdict that the docs show."""
    seen: dict[str, tuple[Shown, Reading | None, str]] = {
        "resolved": ("green", Reading(value=76.1, low=74.1, high=78.0, n=1840), "76.1 is not surely under 72"),
        "repeat_contact": ("no_data", None, "no data; there never were enough"),
        "policy_violations": (
            "red",
            Reading(value=1.2, low=0.8, high=1.8, n=1840),
            "surely over 0.5, where red begins, in 1 window",
        ),
    }
    kpis = msgspec.structs.replace(BOT, kpis=BOT.kpis[:3])
    rules = Policy(
        services=BOT.services, canary=Rules(escalate=(Escalation(kpi="policy_violations", to="risk officer"),))
    )
    current = [Current(name, Banded(band, why), reading) for name, (band, reading, why) in seen.items()]
    evidence = Evidence(
        candidate=1840, baseline=52110, new_modes=("SAF.POLICY_VIOLATION",),
        diversity=Diversity(64, 4, ("SAF.POLICY_VIOLATION",), effective=Interval(2.1, 1.7, 2.6)),
        lineage=Lineage("5b1d0c2e9f3a7b64", "0f7c9a1e2b3d4c55", 3, "0.1.0"),
    )  # fmt: skip
    return judge(rules, kpis, subject(), current, evidence, NOW)


def test_the_example_of_the_docs_is_a_verdict_of_this_rule() -> None:
    path = Path(__file__).parents[3] / "docs/examples/verdict.json"
    assert path.read_bytes() == msgspec.json.format(msgspec.json.encode(example()), indent=2) + b"\n"


bands = st.sampled_from(get_args(Shown))
some_names = st.none() | st.sets(st.sampled_from(NAMES)).map(lambda names: tuple(sorted(names)))
all_bands = st.fixed_dictionaries(dict.fromkeys(NAMES, bands))


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    block = draw(some_names)
    roll_back = draw(some_names)
    return Rules(
        block=block,
        roll_back=roll_back and tuple(name for name in roll_back if name not in (block or ())),
        must_have=draw(some_names),
        weights=draw(st.dictionaries(st.sampled_from(NAMES), st.floats(0.1, 100))),
        min_events=draw(st.sampled_from([1, 300])),
    )


policies = st.builds(lambda canary, live: Policy(services=BOT.services, canary=canary, live=live), rules(), rules())


@settings(max_examples=300, deadline=None)
@given(policies, all_bands, st.sampled_from(NAMES), st.sampled_from([10, 1000]))
def test_a_worse_band_never_gives_a_better_verdict(policy: Policy, bands: dict[str, Shown], name: str, n: int) -> None:
    words = [judged(policy, bands | {name: band}, n=n).verdict for band in LEVELS]
    for better, worse in pairwise(words):
        if better != worse:
            assert worse != "no_data", "a worse band is not less data"
            assert better == "no_data" or RANK[worse] > RANK[better]
    assert "pass" not in words[1:]


@settings(max_examples=300, deadline=None)
@given(policies, all_bands)
def test_no_data_of_what_must_have_it_never_passes(policy: Policy, bands: dict[str, Shown]) -> None:
    needs = decides(policy, "canary", BOT).must_have
    for name in needs:
        assert judged(policy, {**bands, name: "no_data"}).verdict in ("no_data", "fail")


@settings(max_examples=300, deadline=None)
@given(policies, all_bands)
def test_what_passes_is_green_in_all_that_is_known_and_knows_all_that_it_needs(
    policy: Policy, bands: dict[str, Shown]
) -> None:
    needs = decides(policy, "canary", BOT).must_have
    if judged(policy, bands).verdict == "pass":
        assert set(bands.values()) <= {"green", "no_data"}
        assert all(bands[name] == "green" for name in needs)
        assert 2 * list(bands.values()).count("no_data") < 10 or policy.canary.weights


@settings(max_examples=300, deadline=None)
@given(policies, all_bands, st.integers(0, 1000), st.integers(0, 1000))
def test_a_fail_does_not_become_a_pass_by_promotion(
    policy: Policy, bands: dict[str, Shown], canary: int, live: int
) -> None:
    if judged(policy, bands, "canary", canary).verdict == "fail":
        assert judged(policy, bands, "live", live).verdict != "pass"


@settings(max_examples=200, deadline=None)
@given(policies, all_bands, st.data())
def test_the_same_is_the_same_verdict_in_whatever_order(
    policy: Policy, bands: Mapping[str, Shown], data: st.DataObject
) -> None:
    current = [Current(name, Banded(band, "why"), None) for name, band in bands.items()]
    current += [Current("latency_p95", Banded("yellow", "why"), None, name) for name in ("a", "b")]
    mixed = data.draw(st.permutations(current))
    once, again = (judge(policy, BOT, subject(), some, ENOUGH, NOW) for some in (current, mixed))
    assert msgspec.json.encode(once) == msgspec.json.encode(again)


EVERY = [pytest.param(preset(name), kpi, id=f"{name}:{kpi.name}") for name in PRESETS for kpi in preset(name).kpis]


def courses(kpis: KpiSet, kpi: Kpi, values: list[float | None]) -> list[str]:
    """Drive one KPI through its windows, all others green, and list the verdicts."""
    rest = [Current(one.name, Banded("green", ""), None) for one in kpis.kpis if one != kpi]
    standing, said = NEW, list[str]()
    for i, value in enumerate(values):
        reading = None if value is None else Reading(value=value, n=10**9)
        standing, banded = step(kpi, standing, reading, 300.0 * (i + 1))
        current = [*rest, Current(kpi.name, banded, reading)]
        verdict = judge(default(kpis), kpis, subject("live"), current, ENOUGH, NOW)
        if not said or said[-1] != verdict.verdict:
            said.append(verdict.verdict)
    return said


@pytest.mark.parametrize(("kpis", "kpi"), EVERY)
def test_each_kpi_of_each_preset_takes_the_verdict_down_and_back(kpis: KpiSet, kpi: Kpi) -> None:
    """By default a primary one fails the release, and a secondary one makes it marginal."""
    yellow, red = kpi.begins("yellow"), kpi.begins("red")
    well = kpi.bands.clear.for_windows
    course = [kpi.target, *[yellow + (red - yellow) / 2] * 5, *[red + (red - yellow) / 2] * 5, *[kpi.target] * 2 * well]
    said = courses(kpis, kpi, [*course])
    down = ["pass", "marginal", "fail", "marginal", "pass"] if kpi.rank == "primary" else ["pass", "marginal", "pass"]
    assert said == down, "it comes down one band at a time"
    nothing = courses(kpis, kpi, [kpi.target, None, None])
    assert nothing == (["pass", "no_data"] if kpi.rank == "primary" else ["pass"])


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_without_any_window_is_no_data(name: str) -> None:
    kpis = preset(name)
    empty = [Current(kpi.name, step(kpi, NEW, None, 300.0)[1], None) for kpi in kpis.kpis]
    for phase in get_args(Phase):
        assert judge(default(kpis), kpis, subject(phase), empty, ENOUGH, NOW).verdict == "no_data"
