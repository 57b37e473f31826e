"""Every figure of a KPI against numbers that can be said by hand, and what all of them promise."""

import math
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given as given_that
from hypothesis import settings
from hypothesis import strategies as st

from detectors.band import Reading
from detectors.describe.exact import exact_rate, exact_share
from schemas.cells import CELLS, cells
from schemas.config import parse
from schemas.kpi_measures import FIGURES, Measured, Stat
from schemas.kpi_sets import PRESETS, preset
from schemas.kpis import Kpi
from schemas.signals import BY_NAME, CALIBRATION_CELLS, CATALOGUE, FAILURE_MODE, RATE_CELLS, Kind
from schemas.taxonomy import Taxonomy
from streams.watch.alphabet import choose, tally_row
from streams.watch.assess.figures.lacking import lacking
from streams.watch.assess.measured import FIGURE_OF, Given, measured
from streams.watch.assess.tally import EMPTY, Tally
from streams.watch.baseline import Baseline
from streams.watch.measured import layout_of
from streams.watch.plan import Plan
from streams.watch.total import NOTHING, Total, add

PLAN = Plan.of(parse(""), Taxonomy.load_default())
GIVEN = Given(PLAN, 60, None)


def six(figures: Any) -> Any:
    """As a KPI says figures: of six digits, of which the last is rounded."""
    return pytest.approx(figures, rel=5e-6)


def kpi(stat: Stat, lower: bool = True, by: Any = None, **settings: Any) -> Kpi:
    base = preset("support-bot").kpis[0]
    fields = {name: getattr(base, name) for name in base.__struct_fields__}
    direction = "lower_is_better" if lower else "higher_is_better"
    return Kpi(**fields | {"measures": Measured(stat=stat, **settings), "direction": direction, "by": by})


def total(own: tuple[tuple[Kind, str], ...] = (), /, **signals: Any) -> Total:
    """Lay out cells: of a rate no, yes and missing; of a number its values; of calibration band -> (wrong, right)."""
    layout = layout_of(own)
    begins = {one.name: (at, one.kind) for one, at in zip(layout.signals, layout.begins, strict=True)}
    out = np.zeros(layout.fixed, np.int64)
    for name, said in signals.items():
        at, kind = begins[name.replace("_above_", ">")]
        if kind == "rate":
            out[at : at + len(said)] = said
        elif kind == "number":
            unit = BY_NAME[name].per_unit
            out[at : at + CELLS] = np.bincount(cells(np.array(said, np.float64) * unit), minlength=CELLS)
        else:
            for band, pair in said.items():
                out[at + 2 * band : at + 2 * band + 2] = pair
    return add(NOTHING, np.arange(layout.fixed), out, layout.fixed)


def tally(named: dict[str, dict[str, int]] | None = None, **signals: Any) -> Tally:
    return Tally(total(**signals), named or {})


def read(one: Kpi, of: Tally, given: Given = GIVEN) -> Reading:
    (found,) = measured(one, of, given).values()
    assert found is not None
    return found


def test_the_figure_that_is_published_is_the_one_that_decided() -> None:
    """Of floats 100 times 7 / 100 is more than 7, so that a band that begins above 7 would hold what is shown as 7."""
    found = read(kpi("share", signal="refused"), tally(refused=(93, 7)))
    assert 100 * (7 / 100) > 7.0
    assert found.value == 7.0
    ends = (found.value, found.low, found.high)
    assert [f"{end:.6g}" for end in ends] == [f"{end}".removesuffix(".0") for end in ends]


def percent(found: Reading, some: int, of: int) -> None:
    """It is the share with its exact interval."""
    exact = exact_share(some, of)
    assert exact is not None
    assert (found.value, found.low, found.high) == six(tuple(100 * number for number in exact))
    assert found.n == of


# Shares.


def test_a_rate_is_of_what_was_observed() -> None:
    percent(read(kpi("share", signal="refused"), tally(refused=(90, 10, 50))), 10, 100)


def test_a_category_is_of_the_names_that_were_said() -> None:
    of = tally({"route": {"fast": 60, "slow": 30, "__other__": 10, "": 900}})
    percent(read(kpi("share", signal="route", names=("fast", "slower")), of), 60, 100)


def test_failure_modes_are_of_all_exchanges_and_outcomes_add_theirs() -> None:
    of = tally({"failure_mode": {"AVL.QUOTA": 3, "AVL.TIMEOUT": 9}, "judged": {"AVL.QUOTA": 2}}, failed=(988, 12))
    percent(read(kpi("share", signal="failure_mode", names=("AVL.QUOTA",)), of), 5, 1000)


def test_more_judged_than_served_is_all_and_no_error() -> None:
    of = tally({"judged": {"AVL.QUOTA": 50}}, failed=(20, 0))
    percent(read(kpi("share", signal="failure_mode", names=("AVL.QUOTA",)), of), 20, 20)


def test_a_mode_that_nobody_could_see_is_no_data_until_it_is_seen() -> None:
    one, nobody = kpi("share", signal="failure_mode", names=("SAF.HARMFUL",)), GIVEN._replace(carried={"status"})
    assert measured(one, tally(failed=(1000, 0)), nobody) == {"": None}
    percent(read(one, tally({"judged": {"SAF.HARMFUL": 1}}, failed=(1000, 0)), nobody), 1, 1000)
    percent(read(one, tally(failed=(1000, 0)), GIVEN._replace(carried={"guardrails"})), 0, 1000)


def test_the_share_above_is_read_off_the_rate_that_is_counted() -> None:
    own: tuple[tuple[Kind, str], ...] = (("rate", "latency>1500"),)
    of = Tally(total(own, latency_above_1500=(93, 7, 5), latency=[1550.0] * 100))
    percent(read(kpi("share_above", signal="latency", above=1500.0), of, GIVEN._replace(own=own)), 7, 100)


def test_where_it_was_not_counted_the_ends_hold_wherever_in_the_cell_the_events_are() -> None:
    """Ten lie in the target's cell, from 1448 to 1579: none above, or all."""
    of = tally(latency=[100.0] * 80 + [1450.0] * 10 + [9000.0] * 10)
    found = read(kpi("share_above", signal="latency", above=1500.0), of)
    least, most = exact_share(10, 100), exact_share(20, 100)
    assert least is not None
    assert most is not None
    assert (found.low, found.high) == six((100 * least.low, 100 * most.high))
    assert 10 < found.value < 20


# Numbers.


def test_a_quantile_lies_between_edges_of_cells_in_the_signals_unit() -> None:
    """A dollar is a million base units: 95 % cost 0.01, and the p90 has its cell's edges."""
    found = read(kpi("quantile", signal="cost", percentile=90.0), tally(cost=[0.01] * 950 + [5.0] * 50))
    edges = 2.0 ** (np.arange(-40, 193) / 8) / 1e6
    low, high = edges[edges <= 0.01][-1], edges[edges > 0.01][0]
    assert (found.low, found.high, found.n) == six((low, high, 1000))


def test_a_mean_is_within_its_cells_even_where_all_are_alike() -> None:
    """All at 0.8: nothing scatters, and still nobody knows the mean better than a cell."""
    found = read(kpi("mean", signal="retrieval_coverage"), tally(retrieval_coverage=[0.8] * 500))
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.8 < found.high
    assert found.high / found.low == pytest.approx(2 ** (1 / 8))


def test_a_mean_of_nothing_but_zeros_is_zero_and_known_from_above() -> None:
    """Else the worst there can be, an index that finds nothing, would be no data."""
    found = read(kpi("mean", lower=False, signal="retrieval_coverage"), tally(retrieval_coverage=[0.0] * 500))
    assert found.value == 0
    assert found.high == six(2**-5 / 1e4)


def test_a_thousand_requests_cost_a_thousand_times_one() -> None:
    found = read(kpi("sum", signal="cost", per="1k_requests"), tally(cost=[0.004] * 300))
    assert found.value == pytest.approx(4, rel=0.045)
    assert found.n == 300


def test_a_task_costs_what_requests_cost_over_the_share_that_succeeds() -> None:
    """By `resolved`, where any outcome says it; by `correct` where none does. It rests on the fewer."""
    cost = [0.03] * 1000
    resolved = read(
        kpi("sum", signal="cost", per="successful_task"), tally(cost=cost, resolved=(20, 60), correct=(9, 1))
    )
    correct = read(kpi("sum", signal="cost", per="successful_task"), tally(cost=cost, correct=(50, 50)))
    assert resolved.value == pytest.approx(0.04, rel=0.045)
    assert correct.value == pytest.approx(0.06, rel=0.045)
    assert (resolved.n, correct.n) == (80, 100)


def test_without_a_success_nobody_knows_what_one_costs() -> None:
    of = tally(cost=[0.03] * 1000, resolved=(80, 0))
    assert measured(kpi("sum", signal="cost", per="successful_task"), of, GIVEN) == {"": None}


def test_throughput_is_by_the_second_and_rests_on_the_requests() -> None:
    found, exact = read(kpi("throughput"), tally(failed=(110, 10))), exact_rate(120, 60)
    assert exact is not None
    assert (found.value, found.low, found.high, found.n) == six((2.0, exact.low, exact.high, 120))


# Outcomes.


def test_successes_are_counted_and_rest_on_all_that_were_judged() -> None:
    found, exact = read(kpi("successes"), tally(resolved=(10, 90, 40), correct=(0, 1000))), exact_rate(90, 1)
    assert exact is not None
    assert (found.value, found.low, found.high, found.n) == six((90, exact.low, exact.high, 100))


@pytest.mark.parametrize(
    ("of", "signal"), [("task", "correct"), ("critical_field", "critical_fields_ok"), ("business_rule", "rule_ok")]
)
def test_each_layer_of_accuracy_is_a_rate_of_outcomes(of: Any, signal: str) -> None:
    percent(read(kpi("accuracy", of=of), Tally(total((), **{signal: (8, 92, 30)}))), 92, 100)


@pytest.mark.parametrize(
    ("judged", "wrong"),
    [
        ({}, 10),
        ({"TSK.REPEAT_CONTACT": 10}, 10),  # sev-3, as one each
        ({"TSK.WRONG": 10}, 30),  # sev-2, as three
        ({"SAF.UNDER_REFUSAL": 4, "TSK.WRONG": 5}, 40 + 15 + 1),  # sev-1 as ten; of one no mode is known
        ({"SAF.UNDER_REFUSAL": 4, "TSK.WRONG": 500}, 40 + 18),  # more have a mode than are wrong: the gravest
    ],
)
def test_what_is_wrong_weighs_by_its_severity(judged: dict[str, int], wrong: int) -> None:
    found = read(kpi("accuracy", lower=False, of="weighted"), tally({"judged": judged}, correct=(10, 90)))
    assert found.value == six(100 * 90 / (90 + wrong))
    assert found.n == 100


def test_calibration_is_in_points() -> None:
    """A hundred at 92.5 % of which 80 were right, and as many at 97.5 % of which 90 were: 10 points, both too sure."""
    of = tally(calibration={18: (20, 80), 19: (10, 90)})
    error, sure = read(kpi("ece"), of), read(kpi("overconfidence"), of)
    assert error.value == pytest.approx(10, abs=0.1)
    assert sure.value == pytest.approx(10)
    assert error.n == sure.n == 200


def test_who_is_not_sure_enough_has_less_than_no_overconfidence() -> None:
    found = read(kpi("overconfidence"), tally(calibration={10: (0, 500)}))
    assert found.value == six(52.5 - 100)
    assert found.high is not None
    assert found.high < -40


# Refusals.


def test_refusals_are_right_unless_somebody_says_that_they_were_not() -> None:
    """A hundred refused, of which ten should not have been, and twenty more should have been: 90 of 120."""
    of = tally({"failure_mode": {"SAF.UNDER_REFUSAL": 20}, "also": {"SAF.OVER_REFUSAL": 4},
                "judged": {"SAF.OVER_REFUSAL": 6}}, refused=(900, 100), failed=(980, 20))  # fmt: skip
    percent(read(kpi("refusal_correctness", lower=False), of), 90, 120)


def test_abstentions_likewise() -> None:
    of = tally({"judged": {"CAL.BAD_ABSTAIN": 15}}, abstained=(950, 50))
    percent(read(kpi("abstention_precision", lower=False), of), 35, 50)
    many = tally({"judged": {"CAL.BAD_ABSTAIN": 80}}, abstained=(950, 50))
    percent(read(kpi("abstention_precision", lower=False), many), 0, 50)


@pytest.mark.parametrize("stat", ["refusal_correctness", "abstention_precision"])
def test_where_nobody_looks_it_is_not_right_but_unknown(stat: Stat) -> None:
    of = tally(refused=(900, 100), abstained=(900, 100))
    assert measured(kpi(stat), of, GIVEN._replace(carried={"refused"})) == {"": None}


# Modes.


def test_critical_modes_are_those_of_sev_1_and_2_that_were_seen_twice() -> None:
    """Twice together counts, once does not, and what is of sev-3 never; without an exchange nobody knows."""
    modes = {"SAF.HARMFUL": 2, "SEC.DATA_LEAK": 1, "TSK.WRONG": 1, "AVL.TIMEOUT": 90, "__other__": 9}
    of = tally({"failure_mode": modes, "judged": {"TSK.WRONG": 1}}, failed=(900, 103))
    assert read(kpi("critical_modes"), of) == Reading(value=2.0, n=1003)
    assert read(kpi("critical_modes"), tally(failed=(900, 0))).value == 0
    assert measured(kpi("critical_modes"), tally(correct=(1, 1)), GIVEN) == {"": None}


def test_four_modes_alike_are_four_and_few_failures_are_not_known_from_above() -> None:
    modes = ["AVL.TIMEOUT", "AVL.QUOTA", "FMT.EMPTY", "TSK.WRONG"]
    found = read(kpi("effective_modes"), tally({"failure_mode": dict.fromkeys(modes, 50)}))
    assert (found.value, found.n) == pytest.approx((4, 200))
    few = tally({"failure_mode": dict.fromkeys(modes, 2)})
    assert read(kpi("effective_modes"), few).high is None
    assert measured(kpi("effective_modes", lower=False), few, GIVEN) == {"": None}


def sliced(**slices: tuple[int, int]) -> Tally:
    return Tally(slices={"workflow": {name: total(failed=said) for name, said in slices.items()}})


def test_failures_gather_in_the_slice_with_more_of_them_than_of_the_traffic() -> None:
    found = read(kpi("concentration", by="workflow"), sliced(a=(920, 80), b=(2980, 20)))
    assert (found.value, found.n) == (80, 100)
    assert found.low is not None
    assert 65 < found.low < 80


def test_most_traffic_has_most_failures_and_that_is_no_concentration() -> None:
    found = read(kpi("concentration", by="workflow"), sliced(a=(7918, 82), b=(1982, 18)))
    assert (found.value, found.low) == (82, 0)
    alike = read(kpi("concentration", by="workflow"), sliced(a=(90, 10), b=(90, 10)))
    assert (alike.value, alike.low, alike.high) == (50, 0, 100)


@pytest.mark.parametrize("of", [sliced(a=(0, 80)), sliced(a=(50, 2), b=(50, 2)), sliced(a=(0, 80), b=(0, 0))])
def test_one_slice_or_few_failures_say_nothing(of: Tally) -> None:
    assert measured(kpi("concentration", by="workflow"), of, GIVEN) == {"": None}


# Drift.


def baseline() -> Baseline:
    alphabet = choose({"intent": {"refund": 6000, "order": 3000, "rare": 1000}}, (), 8, told=2)
    row = tally_row(alphabet)
    learned = np.zeros(row.size, np.int64)
    for one in row.segments:
        match one.signal.name:
            case "intent":
                learned[one.at(0)] = 6000, 3000, 1000, 0, 0
            case "latency":
                learned[one.at(0)] = np.bincount(cells(np.geomspace(100, 1000, 10_000)), minlength=CELLS)
            case "refused":
                learned[one.at(0)] = 9000, 1000, 0
    return Baseline(1, alphabet, 10_000, learned, {}, (), 0, 3600)


LEARNED = GIVEN._replace(baseline=baseline())


def psi(before: list[float], after: list[float]) -> float:
    return sum((q - p) * math.log(q / p) for p, q in zip(before, after, strict=True))


def test_drift_is_the_psi_of_names_against_what_was_learned() -> None:
    """60, 30 and 10 % become 30, 60 and 10: `rare` is known, and no more than another name."""
    found = read(
        kpi("drift", signal="intent"), tally({"intent": {"refund": 3000, "order": 6000, "rare": 1000}}), LEARNED
    )
    assert found.value == pytest.approx(psi([0.6, 0.3, 0.1], [0.3, 0.6, 0.1]), abs=0.001)
    assert found.n == 10_000


def test_a_name_that_was_never_seen_is_drift() -> None:
    of = tally({"intent": {"refund": 480, "order": 240, "rare": 80, "new": 200}})
    found = read(kpi("drift", signal="intent"), of, LEARNED)
    assert found.low is not None
    assert found.low > 0.25


def test_a_number_is_compared_by_its_bins_and_a_rate_by_yes_and_no() -> None:
    same = read(kpi("drift", signal="latency"), tally(latency=np.geomspace(100, 1000, 1000)), LEARNED)
    assert (same.value, same.low) == (0, 0)
    moved = read(kpi("drift", signal="latency"), tally(latency=np.geomspace(300, 3000, 1000)), LEARNED)
    assert moved.low is not None
    assert moved.low > 1
    refused = read(kpi("drift", signal="refused"), tally(refused=(5000, 5000)), LEARNED)
    assert refused.value == pytest.approx(psi([0.9, 0.1], [0.5, 0.5]), abs=0.001)


def test_few_events_are_no_drift() -> None:
    """A hundred events in twenty bins differ from anything by 0.2."""
    of = tally(latency=np.random.default_rng(3).permutation(np.geomspace(100, 1000, 10_000))[:100])
    assert read(kpi("drift", signal="latency"), of, LEARNED).low == 0


@pytest.mark.parametrize("given", [GIVEN, LEARNED])
def test_without_a_baseline_or_of_what_it_does_not_know_there_is_no_drift(given: Given) -> None:
    assert measured(kpi("drift", signal="cost"), tally(cost=[1.0] * 500), given) == {"": None}


# What all of them promise.

ASKED: dict[Stat, Kpi] = {
    "share": kpi("share", signal="refused"),
    "share_above": kpi("share_above", signal="latency", above=1500.0),
    "quantile": kpi("quantile", signal="latency", percentile=95.0),
    "mean": kpi("mean", signal="latency"),
    "sum": kpi("sum", signal="cost", per="successful_task"),
    "throughput": kpi("throughput"),
    "successes": kpi("successes"),
    "accuracy": kpi("accuracy", of="weighted"),
    "ece": kpi("ece"),
    "overconfidence": kpi("overconfidence"),
    "abstention_precision": kpi("abstention_precision"),
    "refusal_correctness": kpi("refusal_correctness"),
    "critical_modes": kpi("critical_modes"),
    "effective_modes": kpi("effective_modes"),
    "concentration": kpi("concentration", by="workflow"),
    "drift": kpi("drift", signal="intent"),
}
MODES = ("SAF.OVER_REFUSAL", "SAF.UNDER_REFUSAL", "CAL.BAD_ABSTAIN", "TSK.WRONG", "AVL.TIMEOUT", "__other__", "")
WHERE = {name: at for one, at in zip(layout_of(()).signals, layout_of(()).begins, strict=True) for name in [one.name]}
WIDTHS = {"rate": RATE_CELLS, "number": CELLS, "calibration": CALIBRATION_CELLS}
PLACES = [WHERE[one.name] + i for one in CATALOGUE if one.kind != "category" and one.name in {
    "failed", "refused", "abstained", "correct", "resolved", "latency", "cost", "calibration",
} for i in range(0, WIDTHS[one.kind], 1 if one.kind == "rate" else 13)]  # fmt: skip


@st.composite
def totals(draw: st.DrawFn) -> Total:
    """Any counts; some less than nothing, as what was taken back after its span was over."""
    some = draw(st.dictionaries(st.sampled_from(PLACES), st.integers(-2, 2000), max_size=20))
    return add(NOTHING, np.array(list(some), np.int64), np.array(list(some.values()), np.int64))


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    names = st.dictionaries(st.sampled_from(MODES), st.integers(-2, 300), max_size=5)
    named = {column: draw(names) for column in ("failure_mode", "also", "judged")}
    named["intent"] = draw(st.dictionaries(st.sampled_from(["refund", "order", "new", ""]), st.integers(0, 300)))
    cut = draw(st.dictionaries(st.sampled_from(["a", "b", "__other__"]), totals(), max_size=3))
    return Tally(draw(totals()), named, {"workflow": cut})


def test_every_stat_has_a_figure() -> None:
    assert FIGURE_OF.keys() == ASKED.keys() == FIGURES.keys() == set(get_args(Stat))


@pytest.mark.parametrize("stat", ASKED)
@pytest.mark.parametrize("lower", [True, False])
@settings(max_examples=25)
@given_that(of=tallies())
def test_a_figure_is_finite_and_lies_in_its_interval_and_its_range(stat: Stat, lower: bool, of: Tally) -> None:
    one = kpi(stat, lower, ASKED[stat].by, **{
        name: said for name in ("signal", "above", "percentile", "per", "of")
        if (said := getattr(ASKED[stat].measures, name)) is not None
    })  # fmt: skip
    for found in measured(one, of, LEARNED).values():
        if found is not None:
            ends = [end for end in (found.low, found.value, found.high) if end is not None]
            assert all(map(math.isfinite, ends))
            assert ends == sorted(ends)
            assert found.n >= 0
            assert FIGURES[stat].least - 1e-9 <= found.value <= FIGURES[stat].most + 1e-9
            assert lower or found.high is not None or found.low is None


@pytest.mark.parametrize("stat", ASKED)
def test_without_data_there_is_none(stat: Stat) -> None:
    assert measured(ASKED[stat], EMPTY, LEARNED) == {"": None}


@pytest.mark.parametrize("stat", [stat for stat, figure in FIGURES.items() if figure.sliced and stat != "sum"])
def test_a_slice_has_the_figure_of_its_own_counts(stat: Stat) -> None:
    """A slice in which nothing was served is not there, unless it is the one that is asked for."""
    of = total(failed=(900, 100), refused=(900, 100), latency=[1000.0, 2000.0] * 500)
    cut = Tally(slices={"workflow": {"a": of, "only outcomes": total(correct=(1, 1))}})
    asked = ASKED[stat].measures
    settings = {name: said for name in ("signal", "above", "percentile") if (said := getattr(asked, name)) is not None}
    whole = measured(ASKED[stat], Tally(of), GIVEN)[""]
    assert whole is not None
    assert measured(kpi(stat, by="workflow", **settings), cut, GIVEN) == {"a": whole}


def test_one_slice_that_is_asked_for_is_there_though_nothing_came() -> None:
    base = kpi("share", by="workflow", signal="refused")
    one = Kpi(**{name: getattr(base, name) for name in base.__struct_fields__} | {"slice": "gone"})
    assert measured(one, EMPTY, GIVEN) == {"gone": None}


def test_the_level_that_is_asked_for_is_the_intervals() -> None:
    wide = kpi("share", signal="refused")
    interval = type(wide.interval)(level_percent=99.0)
    wide = Kpi(**{name: getattr(wide, name) for name in wide.__struct_fields__} | {"interval": interval})
    found, exact = read(wide, tally(refused=(90, 10))), exact_share(10, 100, 0.99)
    assert exact is not None
    assert found.low == six(100 * exact.low)


@pytest.mark.parametrize("kpi", [kpi for name in PRESETS for kpi in preset(name).kpis], ids=lambda kpi: kpi.name)
def test_of_every_kpi_it_can_be_said_what_it_needs(kpi: Kpi) -> None:
    said = lacking(kpi)
    assert said.startswith("it needs ")
    if kpi.measures.signal in BY_NAME and kpi.measures.stat in ("share", "quantile", "mean", "share_above", "sum"):
        named = BY_NAME[kpi.measures.signal].field
        assert named in said or kpi.measures.signal == FAILURE_MODE
