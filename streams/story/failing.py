"""The reports of `ai.failures` -> how each release fails: in which modes, how diverse, where, and what is not seen."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from schemas.failures import Diversity, FailureReport, Group, Seen, Span
from schemas.incidents import Interval
from schemas.printable import printable
from schemas.strict import ConfigError
from streams.figures import GLUE, beside, date, figure, fit, measured, percent, table, wrap
from streams.story.log import Log, read

NOBODY: Final = (
    "No failures were reported yet. A report of a release comes with its first failures, once its service is watched."
)
_MODES: Final = 20
_GROUPS: Final = 8
_SPANS: Final = ("now", "in all")
_LABEL: Final = 17
_SUCH: Final = 40
_MEANING: Final[dict[str, str]] = {
    "distinct": "modes seen; more traffic alone shows more",
    "effective": "as diverse as so many equal modes (q = 1)",
    "dominant": "the same by the frequent ones (q = 2)",
    "richness": "modes that there are at least (Chao1)",
    "rarefied": "modes in {of} failures, to compare releases",
    "coverage": "of failures are in modes that were seen",
    "unseen": "chance that the next is in a new mode",
    "turnover": "0 % as the release before, 100 % all other",
}

_reports: Final = msgspec.json.Decoder(FailureReport).decode


def reported(log: Log, service: str | None, release: str | None) -> list[FailureReport]:
    """Choose the furthest report of each release, in order of service and time.

    Parameters
    ----------
    log : `ai.failures`
    service, release : of this one only, if any is named

    Raises
    ------
    ConfigError
        If nothing was reported of what is named; with what was.
    """
    found: dict[tuple[str, str], FailureReport] = {}
    for _, one in read(log, _reports).said:
        known = found.get((one.service, one.release))
        if known is None or one.sequence > known.sequence:
            found[one.service, one.release] = one
    of_service = [one for one in found.values() if service in (None, one.service)]
    if service is not None and not of_service:
        raise ConfigError(f"{_none('service', service, (one.service for one in found.values()))} - at `SERVICE`")
    some = [one for one in of_service if release in (None, one.release)]
    if release is not None and not some:
        raise ConfigError(f"{_none('release', release, (one.release for one in of_service))} - at `--release`")
    return sorted(some, key=lambda one: (one.service, one.updated_at, one.release))


def _none(what: str, name: str, known: Iterable[str]) -> str:
    return f"no failures of a {what} `{name}` were reported; there are: {', '.join(sorted(set(known))) or 'none'}"


def lines(reports: Sequence[FailureReport]) -> Iterator[str]:
    """Write reports for people; nothing in them acts on a terminal."""
    if not reports:
        yield NOBODY
    for i, one in enumerate(reports):
        if i:
            yield ""
        yield from _report(one)


def _report(one: FailureReport) -> Iterator[str]:
    against = f", against {one.previous}" if one.previous else ""
    yield from wrap(f"{one.service}, release {one.release}{against}, as of {date(one.updated_at)}")
    yield from wrap(one.summary)
    for name, span in zip(_SPANS, (one.now, one.all), strict=True):
        yield from _row(name, _counted(span))
    yield from _rule(one)
    if one.all.modes:
        yield ""
        yield from _modes(one.now.modes, one.all.modes)
    if one.all.failed + one.all.judged:
        yield ""
        yield from _diversity(one.now.diversity, one.all.diversity)
    yield from _concentration(one)
    yield from _unclassified(one)
    if one.not_observable:
        yield ""
        yield from _row("not observable", "no event carries the evidence of these, so they are unknown, not zero:")
        yield from _row("", ", ".join(one.not_observable))


def _counted(span: Span) -> str:
    share = f" ({percent(span.failed / span.exchanges)})" if span.exchanges else ""
    judged = f"; {span.judged:,} outcomes in a mode" if span.judged else ""
    return f"{span.failed:,} of {span.exchanges:,} exchanges failed{share}{judged}; since {date(span.since)}"


def _rule(one: FailureReport) -> Iterator[str]:
    critical = one.all.diversity.critical
    n = f"{len(critical)} critical mode{'s' * (len(critical) != 1)}, seen often enough to count"
    verdict = "kept" if one.within_rule else "broken: so many are not allowed (`failures.critical_modes`)"
    yield from _row("operating rule", f"{verdict}; {n}{': ' + ', '.join(critical) if critical else ''}")


def _modes(now: Sequence[Seen], all_: Sequence[Seen]) -> Iterator[str]:
    """Lay out the modes, the gravest first, as they are reported: how often each was seen, and where to look."""
    lately = {seen.mode: seen for seen in now}
    rows = [("mode", "severity", *_SPANS, "beside", "judged", "such as")]
    for seen in all_[:_MODES]:
        recent = lately.get(seen.mode)
        such = seen.exemplars or (recent.exemplars if recent else ())
        rows.append((
            printable(seen.mode), seen.severity, f"{recent.n if recent else 0:,}", f"{seen.n:,}", f"{seen.beside:,}",
            f"{seen.judged:,}", fit(printable(", ".join(one.id for one in such)), _SUCH),
        ))  # fmt: skip
    yield from table(rows, right=range(2, 6))
    if len(all_) > _MODES:
        yield f"  and {len(all_) - _MODES} more: --json has them"


def _diversity(now: Diversity, all_: Diversity) -> Iterator[str]:
    """Say how diverse failures are, and what each figure means."""
    counts = [f"{of.failures:,} failures" for of in (now, all_)]
    rows = [("diversity", *_SPANS, "intervals are of 95 %"), ("", *counts, "")]
    of = f"{all_.of:,}" if now.of == all_.of else f"{now.of:,} and {all_.of:,}"
    for name, meaning in _MEANING.items():
        figures = [_figure(name, getattr(of_span, name)) for of_span in (now, all_)]
        if any(figures):
            rows.append((name, *(said or "not known" for said in figures), meaning.format(of=of)))
    return table(rows)


def _figure(name: str, said: Interval | float | None) -> str:
    """Write a figure of diversity, some of which are shares; nothing of one that is not known."""
    if said is None:
        return ""
    if isinstance(said, Interval):
        return measured(said, "" if name == "coverage" else "1")
    return percent(said) if name in ("unseen", "turnover") else figure(said)


def _concentration(one: FailureReport) -> Iterator[str]:
    worst = {part.dimension: part for part in one.now.concentration}
    for i, part in enumerate(worst.values()):
        if i == 0:
            yield ""
        shares = f"{measured(part.failures, '')} of the failures now, {percent(part.traffic)} of the traffic"
        counts = f"{part.failed:,} failed of {part.served:,}"
        yield from _row("most in" if i == 0 else "", f"{part.dimension} = {part.name}: {shares} ({counts})")


def _unclassified(one: FailureReport) -> Iterator[str]:
    span = one.all
    if span.unclassified is None or not (span.groups or span.unclassified.value):
        return
    yield ""
    share = f"{measured(span.unclassified, '')} of all failures"
    yield from _row("unclassified", f"{share}: no rule knows them. Name them: a mode of your own in `failures.modes`.")
    for group in span.groups[:_GROUPS]:
        yield from _row("", _group(group))
    if len(span.groups) > _GROUPS:
        yield from _row("", f"and {len(span.groups) - _GROUPS} more groups: --json has them")


def _group(group: Group) -> str:
    such = ", ".join(one.id for one in group.exemplars)
    return f"{group.n:,}{GLUE}alike: {group.signature}{f'; such as {such}' if such else ''}"


def _row(label: str, text: str) -> list[str]:
    return beside(label, text, _LABEL)
