"""The life of an incident, step by step -> the topics that hold it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from schemas.control import Acknowledge, Control, Maintain, Release
from schemas.failures import Diversity, FailureReport, Seen, Span, Worst
from schemas.incidents import (
    Change,
    ChangeReport,
    Child,
    Exemplar,
    Fired,
    Incident,
    Interval,
    Lineage,
    ModeCount,
    Slice,
)
from streams.story.gathered import ROLES
from streams.story.log import Log, Record

NOON: Final = 1_786_708_800_000  # 2026-08-14 12:00:00 UTC
MINUTE: Final = 60_000

REFUSED: Final = Change(
    signal="refused", feature="yes", words="refusals", direction="up", unit="", before=Interval(0.12, 0.11, 0.13),
    after=Interval(0.31, 0.27, 0.35), before_n=20_000, after_n=400, onset_at=NOON, onset_low_at=NOON - 2000,
    onset_high_at=NOON + 1000, alarmed_at=NOON + 3000, notify="page", false_per_week=0.0002, release="v2",
)  # fmt: skip
EXEMPLAR: Final = Exemplar("SAF.OVER_REFUSAL", "a-17", "4bf9", "ai.events", 3, 99_812)


def step(sequence: int, after_s: float, what: str, **more: Any) -> Incident:
    """Make one step of the first episode of 9f0c, so long after its onset."""
    known: dict[str, Any] = {
        "id": f"9f0c-1-{sequence}", "fingerprint": "9f0c", "episode": 1, "sequence": sequence, "status": "firing",
        "step": what, "severity": "sev-3", "notify": "ticket", "labels": {"service": "shop"}, "service": "shop",
        "summary": "shop: refusals 12.0 % -> 31.0 %", "why_severity": "refusals: a degraded experience",
        "action": "Pin the former model.", "since": NOON, "since_low": NOON - 2000, "since_high": NOON + 1000,
        "started_at": NOON + 3000, "updated_at": NOON + round(after_s * 1000), "releases": ("v2",),
        "changes": (REFUSED,), "how_sure": "one in 96 years", "baseline_version": 3, "baseline_events": 20_000,
    }  # fmt: skip
    made = known | more
    return Incident(**(made | {"id": f"{made['fingerprint']}-{made['episode']}-{sequence}"}))


FIRED: Final = step(1, 3, "fired")
GRAVER: Final = step(
    2, 33, "updated", severity="sev-2", previous_severity="sev-3", notify="page",
    why_severity="SAF.OVER_REFUSAL: a repeated error of a business process",
    changes=(replace(REFUSED, after=Interval(0.4, 0.37, 0.43), after_n=900),),
    modes=(ModeCount("SAF.OVER_REFUSAL", "sev-2", 402, 30.0, ("a-17",)),), exemplars=(EXEMPLAR,),
    guardrails=(Fired("policy", 12, 1.2),), slice=Slice("workflow", "refunds", 0.98, "refused", 0.2, 0.3),
    cause="the model that serves was changed", lineage=Lineage("c0ffee", "7a0", 3, "0.2.0"), owner="shop team",
)  # fmt: skip
TAKEN: Final = replace(
    GRAVER, id="9f0c-1-3", sequence=3, step="acknowledged", updated_at=NOON + 5 * MINUTE, acknowledged_by="ana",
    note="rolling back", previous_severity=None,
)  # fmt: skip
OVER: Final = replace(
    TAKEN, id="9f0c-1-4", sequence=4, step="resolved", status="resolved", updated_at=NOON + 20 * MINUTE,
    ended_at=NOON + 20 * MINUTE, ended_why="all is back within its limits",
)  # fmt: skip
LIFE: Final = (FIRED, GRAVER, TAKEN, OVER)


def parent(*children: Child) -> Incident:
    """Make the incident of a cause that others have in common."""
    return step(
        1, 60, "fired", fingerprint="c0de", service="barograph", summary="1 service fails with provider acme",
        severity="sev-1", notify="page", kind="common", common="provider", cause="acme", children=children, changes=(),
    )  # fmt: skip


SAID: Final[tuple[tuple[int, Control], ...]] = (
    (NOON - 10 * MINUTE, Release(service="shop", at=0, release="v2", phase="promoted", generation=7, previous="v1")),
    (NOON + 5 * MINUTE, Acknowledge(service="shop", at=0, fingerprint="9f0c", by="ana", note="rolling back")),
    (NOON + 8 * MINUTE, Release(service="shop", at=0, release="v2", phase="rolled_back", generation=8)),
    (NOON - 500 * MINUTE, Release(service="shop", at=0, release="v1", phase="promoted", generation=6)),
    (NOON + MINUTE, Maintain(service="bank", at=0, by="bob", until="2026-08-14T13:00:00Z")),
)

CHANGES: Final = ChangeReport(
    id="shop:v2:1", sequence=1, service="shop", release="v2", previous="v1", phase="promoted", generation=7,
    first_seen_at=NOON, updated_at=NOON + MINUTE, summary="v2 answers slower than v1", changes=(), incidents=("9f0c",),
    baseline_version=3,
)  # fmt: skip


def span(**more: Any) -> Span:
    """Make what a report says of some time."""
    known: dict[str, Any] = {
        "since": NOON, "exchanges": 1000, "failed": 50, "judged": 0,
        "modes": (Seen("SAF.OVER_REFUSAL", "sev-2", 40, 2, 1, (EXEMPLAR,)), Seen("PRF.SLOW", "sev-3", 10)),
        "diversity": Diversity(
            50, 2, ("SAF.OVER_REFUSAL",), effective=Interval(1.65, 1.4, 1.9), dominant=Interval(1.47, 1.2, 1.8),
            richness=Interval(2, 2, 5), rarefied=Interval(1.9, 1.5, 2), of=30, coverage=Interval(0.99, 0.9, 1),
            unseen=0.01, turnover=0.25,
        ),
        "concentration": (Worst("workflow", "refunds", Interval(0.8, 0.7, 0.9), 0.2, 40, 200),),
    }  # fmt: skip
    return Span(**(known | more))


def report(service: str = "shop", release: str = "v2", sequence: int = 1, **more: Any) -> FailureReport:
    """Make a failure report."""
    known: dict[str, Any] = {
        "id": f"{service}:{release}:{sequence}", "sequence": sequence, "service": service, "release": release,
        "previous": "v1", "updated_at": NOON + MINUTE, "summary": "mostly refusals", "now": span(), "all": span(),
        "within_rule": True, "not_observable": ("GRD.BAD_CITATION", "SEC.DATA_LEAK"),
    }  # fmt: skip
    return FailureReport(**(known | more))


def log(topic: str, said: Iterable[Any], begins: float | None = None) -> Log:
    """Lay messages on a topic, a second apart; bytes as they are, and facts with the time of their record."""
    records = []
    for offset, one in enumerate(said):
        at, what = one if isinstance(one, tuple) else (NOON + offset * 1000, one)
        records.append(Record(0, offset, at, what if isinstance(what, bytes) else msgspec.json.encode(what)))
    return Log(topic, tuple(records), begins=begins)


def topics(incidents: Sequence[Any] | Log = LIFE, **others: Any) -> dict[str, Log]:
    """Make all topics of a story: the state is the last of the incidents, if nothing else is said."""
    present = LIFE[-1:] if isinstance(incidents, Log) else incidents[-1:]
    said: dict[str, Any] = {"incidents": incidents, "incidents_state": present, "control": SAID} | others
    names = {role: f"ai.{role.replace('_', '.')}" for role in ROLES}
    return {
        role: found if isinstance(found := said.get(role, ()), Log) else log(name, found)
        for role, name in names.items()
    }
