"""What is said of a service over weeks -> lines for people."""

from collections.abc import Iterator, Sequence

from detectors.band import Reading
from schemas.incidents import Interval
from schemas.printable import printable
from streams.figures import GLUE, date, figure, percent, wrap
from streams.longer.budgets import Budgeted, Compared, Longer, days


def lines(said: Longer) -> Iterator[str]:
    """Write budgets and weeks for people; nothing in them acts on a terminal."""
    yield from wrap(f"{printable(said.service)}, by the hours from {date(said.since)} to {date(said.until)}")
    yield ""
    if said.budgets:
        yield from _table([("error budget", "promised", "bad", "of", "left", "known"), *map(_budget, said.budgets)])
    else:
        yield from wrap("No KPI of it promises anything (`slo`), so there is no error budget.")
    yield ""
    head = ("KPI", "last 7 days", "7 days before", "difference", "", "13 weeks", "target", "")
    yield from _table([head, *map(_kpi, said.kpis)])


def _budget(one: Budgeted) -> tuple[str, ...]:
    left = "no data"
    if one.left is not None:
        left = f"{_signed(one.left.value)} ({_signed(one.left.low)} to {_signed(one.left.high)})"
    promised = f"{one.target_percent:g} % over {one.period}"
    return one.kpi, promised, f"{one.bad:,}", f"{one.total:,}", left, days(one.known_s)


def _signed(share: float) -> str:
    return f"-{percent(-share)}" if share < 0 else percent(share)


def _kpi(one: Compared) -> tuple[str, ...]:
    name = f"{one.kpi} of {one.slice or 'none'}" if one.slice else one.kpi
    unit = f" {one.unit}".rstrip()
    moved = {"no_data": "", "unsure": "not sure"}.get(one.moved, one.moved)
    met = {"no_data": "", "unsure": "not sure"}.get(one.met, one.met)
    return (
        printable(name), _reading(one.week, unit), _reading(one.before, unit), _delta(one.delta), moved,
        _reading(one.quarter, unit), f"{figure(one.target)}{unit}", met,
    )  # fmt: skip


def _reading(one: Reading | None, unit: str) -> str:
    return "no data" if one is None else f"{figure(one.value)}{unit}"


def _delta(one: Interval | None) -> str:
    if one is None:
        return "-"
    return f"{_plus(one.value)} ({_plus(one.low)} to {_plus(one.high)})"


def _plus(value: float) -> str:
    return f"{'+' if value > 0 else ''}{figure(value)}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"  {line}".rstrip().replace(GLUE, " ")
