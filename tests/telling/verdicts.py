"""A few words -> verdicts, what a worker knows of them, and what a hook of Flagger's sends."""

import msgspec

from schemas.verdicts import Counted, Verdict, Word
from streams.telling.answered import Known
from streams.telling.heard import heard

NOW = 1_795_478_400_000
HOLDS = 900_000


def verdict(
    word: Word = "pass", release: str = "v2", at: int = NOW - 1000, baseline: str = "v1", service: str = "bot"
) -> Verdict:
    return Verdict(
        id=f"{service}:{release}:{at}", service=service, release=release, baseline=baseline, phase="canary",
        verdict=word, band="green", score=100.0, evaluated_at=at, expires_at=at + HOLDS,
        n=Counted(candidate=500, baseline=9000, needed=300), kpis=(), reasons=(f"it is {word}",), policy="p",
        kpi_set="k",
    )  # fmt: skip


def known(*verdicts: Verdict, unread: str = "") -> Known:
    kept: dict[str, dict[str, Verdict]] = {}
    for one in verdicts:
        kept[one.service] = heard(kept.get(one.service, {}), one, 10).verdicts
    return Known({"bot", "quiet"}, kept, unread, "eu.")


def hook(service: str = "bot", release: str = "v2", **more: str) -> bytes:
    said = {"name": "podinfo", "namespace": "test", "phase": "Progressing", "checksum": "85d557f47b"}
    return msgspec.json.encode(said | {"metadata": {"service": service, "release": release} | more})
