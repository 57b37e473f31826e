"""The mask promises: of a chunk it names every exchange that a rule could take, with the rules that could."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import Bounds
from schemas.config import Config
from schemas.taxonomy import Taxonomy
from schemas.watching import Failures, Service
from streams.measure.columns import NONE_LOOKED, Columns
from streams.measure.plan import Plan
from streams.measure.texts import Texts
from tests.measure.test_classify import everything, made

BOUNDED = Service(
    name="shop",
    allows=Bounds(latency_ms=500, ttft_ms=90, output_tokens=2, steps=9, document_age_days=30, top_score=0.5,
                  tools=("search",), tables=("a",)),
)  # fmt: skip
PLANS = [
    Plan.of(config, Taxonomy.load_default())
    for config in (
        Config(), Config(services=(BOUNDED,)), Config(failures=Failures(severities={"FMT.TRUNCATED": "sev-1"})),
    )
]  # fmt: skip


def found(plan: Plan, said: list[dict[str, Any]]) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Run a chunk through the columns: who failed and how, and all other modes that it is in."""
    columns = Columns(plan.readers, plan.classifier, plan.mask, Texts(), NONE_LOOKED)
    columns.add([made(one) for one in said])
    also = [(mark.place, mark.name) for mark in columns.marks if mark.column == 0]
    return sorted((one.place, one.mode) for one in columns.failed), sorted(also)


@given(st.sampled_from(PLANS), st.lists(everything, max_size=6))
def test_a_chunk_is_judged_as_each_exchange_is_by_itself(plan: Plan, chunk: list[dict[str, Any]]) -> None:
    """Whatever columns tell, and whoever else is in the chunk."""
    alone = [plan.classifier.judge(made(said)) for said in chunk]
    failed = sorted((i, judged.primary) for i, judged in enumerate(alone) if judged.primary)
    others = sorted((i, mode) for i, judged in enumerate(alone) for mode in judged.others)
    assert found(plan, chunk) == (failed, others)


def test_nothing_that_a_signal_looks_into_is_looked_into_again() -> None:
    """Nested objects lie far apart, and to go there a second time is what costs."""
    mask, rules = PLANS[0].mask, [rule for rule in PLANS[0].classifier.taxonomy.rules if not rule.of_outcome]
    by_columns = {place for places in (*mask.by_rate, *mask.by_number) for place in places}
    by_columns |= {place for *_, places in mask.names for place in places}
    rest = {rule.screened.partition(".")[0] for place, rule in enumerate(rules) if place not in by_columns}
    assert not rest & {"guardrails", "retrieval", "schema_valid", "fallback", "finish_reason", "prohibited"}


def test_what_is_odd_is_taken_off_before_it_is_counted() -> None:
    plan = PLANS[0]
    columns = Columns(plan.readers, plan.classifier, plan.mask, Texts(), NONE_LOOKED)
    columns.add([made({"tools": [{"name": "a", "ok": True, "authorized": False}], "status": "ok"})])
    assert set(columns.rates) <= {0, 1, 2}
    assert [one.mode for one in columns.failed] == ["TOL.UNAUTHORIZED"]
