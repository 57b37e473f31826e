"""What a KPI was in one window after another -> the band it is in: green, yellow, red, or no data.

A window lies beyond a band if the value surely does. So many in a row raise the band; it comes down one band at a time,
after so many in a row that are well inside. No data is never green, and neither raises nor clears anything.
"""

from math import isfinite
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from schemas.kpis import Kpi, Level, Shown

Held = Literal["green", "yellow", "red"]


class Reading(Struct, frozen=True, kw_only=True):
    """What a KPI was in one window.

    Attributes
    ----------
    value : float, in the KPI's unit
    low, high : float or None
        The ends of its interval; None where the figure has none, and then the value acts.
    n : int
        Events that it rests on.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int


class Standing(Struct, frozen=True, kw_only=True):
    """What is remembered of a KPI between windows; a new one has never seen data.

    Attributes
    ----------
    held : the band by what was last seen, which is kept through windows without data
    yellow, red : windows in a row, up to the last one with data, that lay beyond where the band begins
    well : windows in a row that were well inside of the band that is held
    seen_at : float or None, in seconds
        When the last window with data ended.
    """

    held: Held = "green"
    yellow: int = 0
    red: int = 0
    well: int = 0
    seen_at: float | None = None


class Banded(NamedTuple):
    """The band of a KPI after a window, and why.

    Attributes
    ----------
    band : "green", "yellow", "red" or "no_data"
    why : str
        In the KPI's unit.
    """

    band: Shown
    why: str


NEW: Final = Standing()
"""Nothing was seen yet."""
_BELOW: Final[dict[Held, Held]] = {"red": "yellow", "yellow": "green", "green": "green"}


def step(kpi: Kpi, standing: Standing, reading: Reading | None, at: float) -> tuple[Standing, Banded]:
    """Let a KPI see one more window.

    Parameters
    ----------
    reading : None where the figure could not be computed
    at : float, in seconds
        When the window ended.

    Raises
    ------
    ValueError
        If the reading is not finite, its interval runs backwards, `n` is negative, or time does.

    Examples
    --------
    p95 over its budget of 1500 ms by more than 15 %, for two windows:

    >>> from schemas.kpi_sets import preset
    >>> p95, standing = preset("support-bot").kpi("latency_p95"), NEW
    >>> for nth, ms in enumerate([1500.0, 1900.0, 1900.0]):
    ...     reading = Reading(value=ms, low=ms - 100, high=ms + 100, n=500)
    ...     standing, banded = step(p95, standing, reading, at=300.0 * nth)
    ...     print(banded.band, "-", banded.why)
    green - 1500 is not surely over 1725
    green - surely over 1725, where yellow begins, in 1 of 2 windows
    yellow - surely over 1725, where yellow begins, in 2 windows in a row
    """
    _checked(standing, reading, at)
    if reading is None or reading.n < kpi.min_events:
        return _without_data(kpi, standing, reading, at)
    acting = _acting(kpi, reading)
    yellow = standing.yellow + 1 if kpi.worse(acting, kpi.begins("yellow")) else 0
    red = standing.red + 1 if kpi.worse(acting, kpi.begins("red")) else 0
    held, well = standing.held, 0
    if held != "green" and not kpi.worse(reading.value, kpi.clears(held)):
        well = standing.well + 1
    if red >= kpi.bands.red.for_windows:
        held = "red"
    elif held == "green" and yellow >= kpi.bands.yellow.for_windows:
        held = "yellow"
    elif well >= kpi.bands.clear.for_windows:
        held = _BELOW[held]
    well = well if held == standing.held else 0
    new = Standing(held=held, yellow=yellow, red=red, well=well, seen_at=at)
    return new, Banded(held, _why(kpi, new, reading))


def _checked(standing: Standing, reading: Reading | None, at: float) -> None:
    if not isfinite(at) or (standing.seen_at is not None and at <= standing.seen_at):
        raise ValueError(f"a window ended at {at}, not after {standing.seen_at}, when the last one did")
    if reading is None:
        return
    if not all(isfinite(one) for one in (reading.value, reading.low, reading.high) if one is not None):
        raise ValueError(f"not finite: {reading}")
    if reading.n < 0 or (reading.low is not None and reading.high is not None and reading.low > reading.high):
        raise ValueError(f"fewer events than none, or an interval that runs backwards: {reading}")


def _bound(kpi: Kpi, reading: Reading) -> float | None:
    """Give the end of the interval that lies nearest to the target, if that is what acts."""
    if kpi.interval.act_on == "point":
        return None
    return reading.low if kpi.direction == "lower_is_better" else reading.high


def _acting(kpi: Kpi, reading: Reading) -> float:
    """Give the value that must lie beyond: the bound, or the value itself should that be the better one."""
    bound = _bound(kpi, reading)
    return reading.value if bound is None or kpi.worse(bound, reading.value) else bound


def _without_data(kpi: Kpi, standing: Standing, reading: Reading | None, at: float) -> tuple[Standing, Banded]:
    lacks = "no data" if reading is None else f"{reading.n} events, and {kpi.min_events} are needed"
    if standing.seen_at is None:
        return standing, Banded("no_data", f"{lacks}; there never were enough")
    since = at - standing.seen_at
    lacks = f"{lacks}; the last were {since:g} s ago"
    if since >= kpi.patience_s:
        return Standing(held=standing.held, seen_at=standing.seen_at), Banded("no_data", lacks)
    if standing.held == "green":
        return standing, Banded("no_data", lacks)
    return standing, Banded(standing.held, f"{lacks}, and {standing.held} is kept for {kpi.patience_s} s")


def _why(kpi: Kpi, new: Standing, reading: Reading) -> str:
    lower = kpi.direction == "lower_is_better"
    side = ("surely " if _bound(kpi, reading) is not None else "") + ("over" if lower else "under")
    level: Level = "red" if new.red else "yellow"
    row, needed = (new.red, kpi.bands.red.for_windows) if new.red else (new.yellow, kpi.bands.yellow.for_windows)
    if row:
        windows = f"{row} of {needed} windows" if row < needed else f"{row} windows in a row" if row > 1 else "1 window"
        said = f"{side} {kpi.begins(level):g}, where {level} begins, in {windows}"
    else:
        said = f"{reading.value:g} is not {side} {kpi.begins(level):g}"
    if new.held == "green" or (row and level in ("red", new.held)):
        return said
    end = f"{'at most' if lower else 'at least'} {kpi.clears(new.held):g}"
    return f"{said}; {new.held} until {kpi.bands.clear.for_windows} windows in a row are {end}, so far {new.well}"
