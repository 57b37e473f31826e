"""The cards of `ai.scorecards` -> what a release is held against, and how it stands, for whoever answers for it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from schemas.incidents import Interval
from schemas.printable import printable
from schemas.scorecards import BudgetCard, Field, KpiCard, Scorecard, Stood
from schemas.strict import ConfigError, nearest
from streams.figures import GLUE, beside, date, figure, measured, table, wrap
from streams.story.log import Log, read

_LABEL: Final = 15
_THEN: Final = "    "
_HEAD: Final = ("now", "target", "yellow", "red", "band")

_cards: Final = msgspec.json.Decoder(Scorecard).decode


def chosen(log: Log, service: str, release: str | None, now_ms: int) -> list[Scorecard]:
    """Choose the latest card of each release of a service, in order of time.

    Parameters
    ----------
    log : `ai.scorecards`
    release : this one; without it, those that are still held against their KPIs, or else the last that was
    now_ms : milliseconds since 1970

    Raises
    ------
    ConfigError
        If there is no card of what is named; with those that there are.
    """
    found: dict[tuple[str, str], Scorecard] = {}
    for _, one in read(log, _cards).said:
        known = found.get((one.service, one.release))
        if known is None or one.evaluated_at >= known.evaluated_at:
            found[one.service, one.release] = one
    of_service = [one for one in found.values() if one.service == service]
    if not of_service:
        raise ConfigError(f"{_none('service', service, {one.service for one in found.values()})} - at `SERVICE`")
    of_service.sort(key=lambda one: (one.evaluated_at, one.release))
    if release is None:
        return [one for one in of_service if one.expires_at > now_ms] or of_service[-1:]
    some = [one for one in of_service if one.release == release]
    if not some:
        raise ConfigError(f"{_none('release', release, {one.release for one in of_service})} - at `--release`")
    return some


def _none(what: str, name: str, known: Iterable[str]) -> str:
    there = sorted(known)
    return f"no scorecard of a {what} `{name}`; {nearest(name, there)}there are: {', '.join(there) or 'none'}"


def lines(cards: Sequence[Scorecard], now_ms: int) -> Iterator[str]:
    """Write cards for people; nothing in them acts on a terminal.

    Parameters
    ----------
    now_ms : milliseconds since 1970
    """
    for i, one in enumerate(cards):
        if i:
            yield ""
        yield from _card(one, now_ms)


def _card(one: Scorecard, now_ms: int) -> Iterator[str]:
    against = f", against {one.baseline}" if one.baseline else ""
    yield from wrap(f"{one.service}, release {one.release}, {one.phase}{against}, as of {date(one.evaluated_at)}")
    score = "" if one.score is None else f"; score {figure(one.score)}{GLUE}%"
    over = f"; it expired at {date(one.expires_at)}, and nothing was said since" if one.expires_at <= now_ms else ""
    yield from _row("status", f"{_word(one.status)}{score}{over}")
    for i, reason in enumerate(one.reasons):
        yield from _row("" if i else "because", reason)
    yield from _row("model", ", ".join(one.models) or "not observed in the last hour")
    yield from _row("use case", one.use_case)
    yield from _row("owner", _owners(one))
    yield from _row("benchmark set", ", ".join(one.benchmark_sets) or "none is named")
    yield from _row("exchanges", f"{one.exchanges:,}")
    if one.new_modes:
        yield from _row("new modes", ", ".join(one.new_modes))
    yield ""
    yield from table([("field", *_HEAD, "owner", "action", "by"), *map(_field, one.fields)])
    yield ""
    rows = [_kpi(kpi, stood) for kpi in one.kpis for stood in kpi.stands]
    yield from table([("KPI", *_HEAD, "since", "owner", "action"), *rows])
    if one.budgets:
        yield ""
        rows = [_budget(budget) for budget in one.budgets]
        yield from table([("error budget", "promised", "period", "left", "burns too fast"), *rows])
    notes = [note for kpi in one.kpis for note in _notes(kpi)]
    if notes:
        yield ""
        yield from notes


def _owners(one: Scorecard) -> str:
    owners = one.owners
    others = {
        "quality": owners.quality, "reliability": owners.reliability, "policy": owners.policy, "product": owners.product
    }  # fmt: skip
    return ", ".join([owners.accountable, *(f"{who} for {what}" for what, who in others.items() if who)])


def _field(one: Field) -> tuple[str, ...]:
    by = one.kpi or ("the last hour" if one.value is not None else one.why)
    ends = [_end(end) for end in (one.target, one.yellow, one.red)]
    return _seen(
        one.name.replace("_", " "), _value(one.value, one.interval, one.unit), *ends, _word(one.band or "no threshold"),
        one.owner, one.action or "-", by,
    )  # fmt: skip


def _kpi(kpi: KpiCard, one: Stood) -> tuple[str, ...]:
    name = f"{kpi.name}, {kpi.by} = {one.slice}" if one.slice else kpi.name
    ends = [_end(end) for end in (kpi.target, kpi.yellow, kpi.red)]
    since = "-" if one.since is None else date(one.since)
    told = f", tell {', '.join(one.escalate_to)}" if one.escalate_to else ""
    return _seen(
        name, _value(one.value, one.interval, kpi.unit), *ends, _word(one.band), since, kpi.owner,
        f"{one.action or '-'}{told}",
    )  # fmt: skip


def _budget(one: BudgetCard) -> tuple[str, ...]:
    burns = f"yes: {one.burns}" if one.burns else "no"
    return _seen(one.kpi, f"{one.promised_percent:g}{GLUE}%", one.period, one.said, burns)


def _notes(kpi: KpiCard) -> Iterator[str]:
    """Say of a KPI that is not green why, what to do, and where its target comes from."""
    some = [one for one in kpi.stands if one.band != "green"]
    for one in some:
        where = f", {kpi.by} = {one.slice}" if one.slice else ""
        yield from wrap(f"{kpi.name}{where}: {one.why}", first="  ", then=_THEN)
    if some and kpi.runbook:
        yield from wrap(f"runbook: {kpi.runbook}", first=_THEN, then=_THEN)
    told = {
        "benchmark set": kpi.lineage.benchmark_set, "sampling": kpi.lineage.sampling,
        "labelling": kpi.lineage.labelling, "evaluator": kpi.lineage.evaluator, "interval": kpi.lineage.interval,
        "since": kpi.lineage.released_at, "approved by": kpi.lineage.approved_by,
    }  # fmt: skip
    lineage = "; ".join(f"{what} {said}" for what, said in told.items() if said)
    if some and lineage:
        yield from wrap(f"its target: {lineage}", first=_THEN, then=_THEN)


def _word(said: str) -> str:
    return said.replace("_", " ")


def _value(value: float | None, interval: tuple[float, float] | None, unit: str) -> str:
    if value is None:
        return "no data"
    if interval is not None:
        return measured(Interval(value, *interval), unit)
    return f"{figure(value)}{GLUE}{unit}"


def _end(value: float | None) -> str:
    return "-" if value is None else figure(value)


def _seen(*cells: str) -> tuple[str, ...]:
    return tuple(GLUE.join(map(printable, cell.split(GLUE))) for cell in cells)


def _row(label: str, text: str) -> list[str]:
    return beside(label, text, _LABEL)
