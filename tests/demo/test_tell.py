"""A card holds all that on-call needs, within the screen, and nothing that a name could do to the screen."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.incidents import (
    Also,
    Change,
    Child,
    Concentrated,
    Exemplar,
    Fired,
    Incident,
    Interval,
    ModeCount,
    Slice,
    Spread,
)
from streams.demo.tell import MOST, tell
from streams.figures import WIDTH

NOON = 1_786_708_800_000  # 2026-08-14 12:00:00 UTC

ANSWERED = Change(
    signal="answered", feature="yes", words="requests that got an answer", direction="down", unit="",
    before=Interval(0.979, 0.9714, 0.9851), after=Interval(0.2333, 0.1341, 0.3604), before_n=1500, after_n=60,
    onset_at=NOON, onset_low_at=NOON - 2000, onset_high_at=NOON + 1000, alarmed_at=NOON + 3000, notify="page",
    false_per_week=0.0002, release="2023-06-12",
)  # fmt: skip
LATENCY = replace(
    ANSWERED, signal="latency", feature="rank", words="time to answer", unit="ms", before=Interval(3422, 3301, 3560),
    after=Interval(1649.1, 1602, 1701), alarmed_at=NOON + 5000, notify="record", dimension="model_served", name="b",
    psi=1.8342, jensen_shannon=0.2113,
)  # fmt: skip
INCIDENT = Incident(
    id="5c1d-1-2", fingerprint="5c1d", episode=1, sequence=2, status="firing", step="updated", severity="sev-2",
    previous_severity="sev-3", notify="page", labels={"service": "survey-assistant"}, service="survey-assistant",
    summary="Requests that got an answer fell from 97.9 % to 23.3 %.", why_severity="answered fell: process",
    action="Pin the former model.", since=NOON, since_low=NOON - 2000, since_high=NOON + 1000, started_at=NOON + 3000,
    updated_at=NOON + 6000, releases=("2023-06-12",),
    slice=Slice("model_served", "gpt-4-0613", explains=0.98, of="answered", share_before=0.0, share_after=1.0),
    changes=(ANSWERED, LATENCY),
    modes=(ModeCount("FMT.EMPTY", "sev-3", 12, 0.4, ("survey-02013", "survey-02014")),),
    also=(Also("model_served", "gpt-4-0314", "gpt-4-0613", NOON + 1000),),
    how_sure="at most one such page in 96 years if nothing had changed",
    owner="surveys", runbook="https://example.org/answered", baseline_version=1, baseline_events=1500,
    held="maintenance until 2026-08-14T14:00:00Z: new racks", acknowledged_by="ana", acknowledged_at=NOON + 60_000,
    note="on it", cause="the served model changed", common="provider", parent="77aa",
    exemplars=(
        Exemplar("FMT.EMPTY", "survey-02013", "4bf9", "ai.events", 3, 99812),
    ),
    guardrails=(Fired("pii", 12, 0.4),),
    diversity=Spread(Interval(1.78, 1.4, 2.3), Interval(4.0, 3.2, 4.9), 30, 412),
    concentration=Concentrated("workflow", "refunds", Interval(0.8, 0.7, 0.88), 0.1),
    children=(Child("shop", "5c1d", 2, "sev-2", "shop answers less", paged=True, resolved=True),),
)  # fmt: skip


def card(incident: Incident, **options: Any) -> str:
    return tell(msgspec.json.decode(msgspec.json.encode(incident)), **options)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    "promised",
    [
        "SEV-2 FIRING: survey-assistant (page, updated, was sev-3)",
        "Requests that got an answer fell from 97.9 % to 23.3 %.",
        "since 2026-08-14 12:00:00 UTC, somewhere from 11:59:58 to 12:00:01",
        "model_served = gpt-4-0613: 98 % of the change in answered; 0 % of the traffic before, 100 % since",
        "release 2023-06-12",
        "requests that got an answer: 97.9 % (97.1 to 98.5) -> 23.3 % (13.4 to 36), 1,500 then 60 events",
        "time to answer where model_served = b: 3,422 ms (3,301 to 3,560) -> 1,649 ms (1,602 to 1,701), "
        "1,500 then 60 events; PSI 1.83, Jensen-Shannon 0.211",
        "how sure at most one such page in 96 years if nothing had changed; measured against 1,500 events (baseline 1)",
        "FMT.EMPTY (sev-3): 12 since then, 0.4 expected; such as survey-02013, survey-02014",
        "severity sev-2: answered fell: process",
        "also model_served: gpt-4-0314 -> gpt-4-0613 at 12:00:01",
        "do Pin the former model.",
        "runbook https://example.org/answered",
        "owner surveys",
        "held back maintenance until 2026-08-14T14:00:00Z: new racks",
        "taken by ana at 12:01:00: on it",
        "suspected the served model changed (common: provider)",
        "part of incident 77aa",
        "examples FMT.EMPTY: survey-02013, trace 4bf9, at ai.events:3:99812",
        "guardrails pii fired 12 times since then, 0.4 expected",
        "diversity as diverse as so many modes of equal share: 1.78 (1.4 to 2.3) -> 4 (3.2 to 4.9)",
        "workflow = refunds: 80 % (70 to 88) of the failures, 10 % of the traffic",
        "parts shop, sev-2, 5c1d-2: shop answers less; it had paged by itself",
        "finding 5c1d-1-2 in .demo/findings.jsonl",
    ],
)
def test_a_card_says(promised: str) -> None:
    assert promised in flat(card(INCIDENT, where=".demo/findings.jsonl"))


def test_a_card_says_what_it_does_not_know() -> None:
    bare = replace(INCIDENT, slice=None, also=(), changes=(replace(ANSWERED, after=None, feature="missing"),))
    text = flat(card(bare))
    assert "no slice explains it" in text
    assert "nothing else was seen to change" in text
    assert "requests that got an answer (missing): 97.9 % (97.1 to 98.5) -> not observed" in text


def test_a_resolved_incident_says_until_when() -> None:
    text = flat(
        card(replace(INCIDENT, status="resolved", step="resolved", ended_at=NOON + 600_000, ended_why="well again"))
    )
    assert "SEV-2 RESOLVED: survey-assistant" in text
    assert "until 2026-08-14 12:10:00 UTC: well again" in text


def test_what_is_left_out_is_counted() -> None:
    assert "and 3 more, in the finding" in card(replace(INCIDENT, changes=(ANSWERED,) * (MOST + 3)))
    assert "more, in the finding" not in card(replace(INCIDENT, changes=(ANSWERED,) * MOST))


@pytest.mark.parametrize("status", ["firing", "resolved"])
@pytest.mark.parametrize("severity", ["sev-1", "sev-2", "sev-3", "sev-4"])
def test_colour_is_only_in_the_title_and_only_where_asked(status: Any, severity: Any) -> None:
    incident = replace(INCIDENT, status=status, severity=severity)
    plain, coloured = card(incident), card(incident, colour=True)
    assert "\x1b" not in plain
    head, rest = coloured.split("\n", 1)
    assert head.startswith("\x1b[")
    assert head.endswith("\x1b[0m")
    assert plain.split("\n", 1) == [head[head.index("m") + 1 : -len("\x1b[0m")], rest]


def test_names_cannot_draw_on_the_screen() -> None:
    text = card(replace(INCIDENT, service="shop\x1b[2J\nSEV-4 RESOLVED\u202e"))
    assert r"shop\x1b[2J\nSEV-4 RESOLVED\u202e" in text


@given(name=st.text(max_size=300), ids=st.lists(st.text(max_size=300), max_size=3))
def test_any_name_stays_within_the_card(name: str, ids: list[str]) -> None:
    incident = replace(
        INCIDENT,
        id=name, service=name, summary=name, action=name, why_severity=name, owner=name, runbook=name, releases=(name,),
        slice=Slice(name, name, 1.0, name, 0.0, 1.0),
        changes=(replace(ANSWERED, words=name, feature=name, dimension=name, name=name),),
        modes=(ModeCount(name, "sev-4", 1, 0.0, tuple(ids)),),
        also=(Also(name, name, name, NOON),),
        held=name, acknowledged_by=name, note=name, cause=name, parent=name,
        exemplars=(Exemplar(name, name, name, name, 0, 0),), guardrails=(Fired(name, 1, 0.0),),
        children=(Child(name, name, 1, "sev-4", name, paged=False),),
        concentration=Concentrated(name, name, Interval(0.5, 0.4, 0.6), 0.1),
    )  # fmt: skip
    lines = card(incident, where=name).split("\n")
    assert all(len(line) <= WIDTH for line in lines)
    assert all(line.isprintable() for line in lines)


def test_a_finding_that_is_no_incident_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="severity"):
        tell({"id": "x", "severity": "bad"})
