"""A verdict, a rollback command, or what became of it -> the card that a person would read of it in a terminal."""

from collections.abc import Iterator
from typing import Final

from schemas.kpi_measures import unit
from schemas.kpis import KpiSet
from schemas.rollbacks import Rollback, RollbackResult, Version
from schemas.signals import BY_NAME
from schemas.verdicts import KpiVerdict, Verdict, Word
from streams.demo.tell import COLOURS, GREEN, LABEL, RESET
from streams.figures import beside, clock, figure, wrap

PAINT: Final[dict[Word, str]] = {
    "pass": GREEN, "marginal": COLOURS["sev-3"], "fail": COLOURS["sev-1"], "no_data": COLOURS["sev-4"]
}  # fmt: skip


def judged(verdict: Verdict, kpis: KpiSet, colour: bool = False) -> str:
    """Write a verdict: what it is, why, and how each KPI stands.

    Parameters
    ----------
    kpis : the set that it was judged by, which knows the units
    colour : the title by the verdict; for a terminal only

    Returns
    -------
    str
        Lines of at most 100 characters.
    """
    beside_whom = f" beside {verdict.baseline}" if verdict.phase == "canary" else ""
    title = f"{verdict.verdict.upper()}: {verdict.service} {verdict.release} ({verdict.phase}{beside_whom})"
    rows = [("because" if i == 0 else "", reason) for i, reason in enumerate(verdict.reasons)]
    rows += [(one.name, _stands(one, kpis)) for one in verdict.kpis]
    rows.append(("until", f"{clock(verdict.expires_at)}, if nothing is said before"))
    return _card(title, rows, PAINT[verdict.verdict] if colour else "")


def asked(command: Rollback, colour: bool = False) -> str:
    """Write a rollback command.

    Examples
    --------
    >>> from schemas.rollbacks import Expected, Fence, Reasons, Target, key_of
    >>> target, bad = Target("production", "bot", "flagd", "model"), Expected("v3", 3)
    >>> print(asked(Rollback(
    ...     key=key_of(target, bad), target=target, expected=bad, to=Version("v2", 2), fence=Fence(3, "eu"),
    ...     issued_at=10_000, expires_at=60_000, cause=Reasons("f", 1, "sev-2", ("right",), 500),
    ... )))
    ROLLBACK ASKED FOR: bot, back to v2 (generation 2)
      because    right is red, on 500 exchanges
      only if    v3 (generation 3) still serves
      mode       require_approval, until 00:01:00
      key        rollback:production/bot:v3:g3
    """
    cause = command.cause
    are = "is" if len(cause.kpis) == 1 else "are"
    rows = [
        ("because", f"{', '.join(cause.kpis) or 'nothing'} {are} red, on {cause.n:,} exchanges"),
        ("only if", f"{_named(Version(command.expected.release, command.expected.generation))} still serves"),
        ("mode", f"{command.mode}, until {clock(command.expires_at)}"),
        ("key", command.key),
    ]
    title = f"ROLLBACK ASKED FOR: {command.target.service}, back to {_named(command.to)}"
    return _card(title, rows, COLOURS["sev-1"] if colour else "")


def answered(result: RollbackResult, colour: bool = False) -> str:
    """Write what became of a command.

    Examples
    --------
    >>> from schemas.rollbacks import Target
    >>> target = Target("production", "bot", "flagd", "model")
    >>> print(answered(RollbackResult(
    ...     key="rollback:production/bot:v3:g3", target=target, outcome="applied", said="model is v2 now", at=7_000,
    ...     before=Version("v3", 3), after=Version("v2", 2), applied_at=7_000, approved_by="ana",
    ... )))
    ROLLBACK APPLIED: bot
      said       model is v2 now
      serves     v3 (generation 3) -> v2 (generation 2)
      approved   by ana
    """
    rows = [("said", result.said)]
    if result.before and result.after and result.before != result.after:
        rows.append(("serves", f"{_named(result.before)} -> {_named(result.after)}"))
    if result.approved_by:
        rows.append(("approved", f"by {result.approved_by}"))
    title = f"ROLLBACK {result.outcome.upper().replace('_', ' ')}: {result.target.service}"
    return _card(title, rows, (GREEN if result.outcome == "applied" else COLOURS["sev-3"]) if colour else "")


def _card(title: str, rows: list[tuple[str, str]], paint: str) -> str:
    head, *rest = wrap(title)
    lines = [f"{paint}{head}{RESET}" if paint else head, *rest]
    width = max(LABEL, *(len(label) + 1 for label, _ in rows))
    for label, text in rows:
        lines += beside(label, text, width)
    return "\n".join(lines)


def _stands(one: KpiVerdict, kpis: KpiSet) -> str:
    """Say how a KPI stands."""
    return ", ".join(_parts(one, unit(kpis.kpi(one.name).measures, BY_NAME)))


def _parts(one: KpiVerdict, of: str) -> Iterator[str]:
    if one.observed is None:
        yield f"{one.band.replace('_', ' ')}: {one.reason}"
        return
    around = f" ({figure(one.interval[0])} to {figure(one.interval[1])})" if one.interval else ""
    yield f"{one.band}: {figure(one.observed)} {of}{around}"
    yield f"target {figure(one.target)} {of}"
    yield f"{one.n:,} events"
    if one.action:
        yield one.action


def _named(version: Version) -> str:
    return f"{version.release} (generation {version.generation})"
