"""A step tells what is new in it against the step before: everything that can change has its line, and nothing else."""

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.incidents import Also, Child, Concentrated, Exemplar, Fired, Incident, Interval, Lineage, ModeCount, Spread
from streams.figures import GLUE
from streams.story.news import NOTHING, news
from tests.story.life import EXEMPLAR, FIRED, GRAVER, NOON, REFUSED, parent

CHILD = Child("shop", "9f0c", 1, "sev-2", "shop: refusals", paged=True)
CAUSE = parent(CHILD)
FIVE, SIX = Interval(5, 4, 6), Interval(6, 5, 7)


def told(before: Incident, **changed: Any) -> list[str]:
    return [line.replace(GLUE, " ") for line in news(before, replace(before, **changed))]


@pytest.mark.parametrize(
    ("before", "changed", "lines"),
    [
        (FIRED, {}, [NOTHING]),
        (FIRED, {"sequence": 2, "updated_at": NOON + 9}, [NOTHING]),
        (FIRED, {"summary": "9 records are lost"}, ["9 records are lost"]),
        (FIRED, {"summary": "other figures", "notify": "page"}, ["ticket -> page"]),
        (FIRED, {"severity": "sev-2", "why_severity": "x"}, ["severity sev-3 -> sev-2: x"]),
        (FIRED, {"why_severity": "another line"}, ["sev-3, now since another line"]),
        (FIRED, {"notify": "page"}, ["ticket -> page"]),
        (FIRED, {"held": "maintenance"}, ["held back: maintenance"]),
        (replace(FIRED, held="flaps"), {"held": ""}, ["no longer held back (flaps)"]),
        (
            FIRED, {"since": NOON - 60_000, "since_low": NOON - 60_000, "since_high": NOON - 60_000},
            ["onset now estimated at 2026-08-14 11:59:00 UTC; before, at 12:00:00"],
        ),
        (FIRED, {"releases": ("v2", "v3")}, ["releases v2, v3; before, v2"]),
        (GRAVER, {"slice": None}, ["for all its traffic: no slice explains it; release v2"]),
        (FIRED, {"changes": ()}, ["no longer named: refusals"]),
        (
            FIRED, {"changes": (REFUSED, replace(REFUSED, words="time", feature="missing", after=None))},
            ["also moved: time (missing): 12 % (11 to 13) -> not observed, 20,000 then 400 events"],
        ),
        (FIRED, {"also": (Also("release", "v1", "v2", NOON),)}, ["also release: v1 -> v2 at 2026-08-14 12:00:00 UTC"]),
        (
            GRAVER, {"modes": (ModeCount("SAF.OVER_REFUSAL", "sev-2", 500, 40.0),)},
            ["SAF.OVER_REFUSAL: 402 -> 500, 40 expected"],
        ),
        (GRAVER, {"guardrails": (Fired("policy", 12, 1.2),)}, [NOTHING]),
        (GRAVER, {"guardrails": (Fired("policy", 13, 1.2),)}, ["policy fired 13 times since then, 1.2 expected"]),
        (
            FIRED, {"diversity": Spread(FIVE, SIX, 90, 40)},
            ["as diverse as so many modes of equal share: 5 (4 to 6) -> 6 (5 to 7), 90 then 40 failures"],
        ),
        (
            FIRED, {"concentration": Concentrated("intent", "refund", Interval(0.8, 0.7, 0.9), 0.2)},
            ["intent = refund: 80 % (70 to 90) of the failures, 20 % of the traffic"],
        ),
        (GRAVER, {"exemplars": (EXEMPLAR, Exemplar("A", "b", "", "t", 0, 1))}, ["such as A: b, at t:0:1"]),
        (FIRED, {"cause": "release v2"}, ["suspected cause: release v2"]),
        (FIRED, {"parent": "c0de"}, ["part of c0de, which tells the common cause"]),
        (replace(FIRED, parent="c0de"), {"parent": ""}, ["no longer part of c0de"]),
        (CAUSE, {"children": (replace(CHILD, resolved=True),)}, ["over: shop, 9f0c-1"]),
        (
            CAUSE, {"children": (CHILD, replace(CHILD, fingerprint="beef", paged=False))},
            ["joined by shop, sev-2, beef-1: shop: refusals"],
        ),
        (FIRED, {"step": "acknowledged", "acknowledged_by": "ana", "note": "mine"}, ["taken by ana: mine"]),
        (FIRED, {"action": "Wait."}, ["recommended now: Wait."]),
        (FIRED, {"owner": "shop team"}, ["owner nobody -> shop team"]),
        (FIRED, {"lineage": Lineage("c0ffee")}, ["decided by config c0ffee, baseline 3"]),
        (FIRED, {"baseline_version": 4}, ["decided by baseline 4"]),
        (FIRED, {"status": "resolved", "step": "resolved", "ended_why": "it is over"}, ["it is over"]),
    ],
)  # fmt: skip
def test_what_changed_is_told_and_nothing_else(before: Incident, changed: dict[str, Any], lines: list[str]) -> None:
    assert told(before, **changed) == lines


def test_the_first_step_tells_what_it_is() -> None:
    first = replace(FIRED, held="it flaps", flaps=3, parent="c0de")
    assert news(None, first) == [
        "sev-3, ticket: shop: refusals 12.0 % -> 31.0 %",
        "held back: it flaps",
        "it came back soon after its end, 3 times in a row",
        "part of c0de, which tells the common cause",
    ]
