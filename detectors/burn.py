"""Bad events of all, in some windows -> how fast an error budget burns, which rules are surely broken, what is left."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from detectors.describe.estimate import Estimate, normal
from detectors.limits import clopper_pearson

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
PERIOD: Final = 30 * DAY
"""Seconds that a budget is for, if nobody says otherwise."""
FEWEST: Final = 20
"""Events of the long window, below which a rule says nothing."""
FEWEST_BAD: Final = 2
"""Bad ones among them: one alone breaks no rule, however quiet it is."""


class Window(NamedTuple):
    """Events of a window: the bad ones, and all."""

    bad: int
    total: int


class Rule(NamedTuple):
    """A row of the table of burn rates.

    Attributes
    ----------
    tier : "page" or "ticket"
    long_s, short_s : the window that must have burnt, and the one that must still burn
    spent : part of the period's budget that is gone when the long window has burnt as fast as the rule allows
    """

    tier: Literal["page", "ticket"]
    long_s: int
    short_s: int
    spent: float

    def factor(self, period_s: int = PERIOD) -> float:
        """Say how many times too fast that is.

        Examples
        --------
        >>> [round(rule.factor(), 2) for rule in RULES], [round(rule.factor(28 * DAY), 2) for rule in RULES]
        ([14.4, 6.0, 3.0, 1.0], [13.44, 5.6, 2.8, 0.93])
        """
        return self.spent * period_s / self.long_s


RULES: Final = (
    Rule("page", HOUR, HOUR // 12, 0.02),
    Rule("page", 6 * HOUR, HOUR // 2, 0.05),
    Rule("ticket", DAY, 2 * HOUR, 0.10),
    Rule("ticket", 3 * DAY, 6 * HOUR, 0.10),
)
"""Google's table, with the day that Sloth and the mixin of Kubernetes add."""


class Burn(NamedTuple):
    """What a rule says.

    Attributes
    ----------
    factor : burn rate that it allows
    long : burn rate of the long window, with interval; None without events
    short : that of the short window; None without events
    broken : whether the long window surely burns faster, and the short one does still
    """

    rule: Rule
    factor: float
    long: Estimate | None
    short: float | None
    broken: bool


def burns(
    windows: Mapping[int, Window],
    target: float,
    *,
    period_s: int = PERIOD,
    rules: Sequence[Rule] = RULES,
    level: float = 0.95,
    fewest: int = FEWEST,
) -> list[Burn]:
    """Hold each rule against its two windows.

    A burn rate is the share of bad events over the share that the target allows: at 1 the budget lasts just the period.
    The usual rule compares that of the sample, and at little traffic pages for one error. Here the long window must be
    *surely* too fast: the lower end of the exact interval lies above the factor, with `fewest` events and two bad ones
    at least. The short window only says that it goes on, so there the plain share is enough, and no event means no.

    Parameters
    ----------
    windows : int -> Window
        By length in seconds; each that a rule names, all of which end now.
    target : float
        Share of good events that was promised, in (0, 1).
    period_s : int
        Seconds that the budget is for.
    rules : sequence of Rule
    level : float
        Of the interval, both sides together. A service at just the factor breaks a rule with half of what is left, at
        one look; who looks every minute at overlapping windows has more.
    fewest : int
        Events of the long window, below which a rule is not broken.

    Returns
    -------
    list of Burn
        One of each rule, in order.

    Raises
    ------
    ValueError
        If a window is missing, holds more bad events than events, or less than a shorter one; if target or level are
        not between 0 and 1, or the period, or `fewest`, is not positive.

    Notes
    -----
    Beyer and others, The Site Reliability Workbook, chapter 5, table 5-8. Clopper and Pearson, Biometrika 26, 1934.

    Examples
    --------
    One request every two seconds, of which nine in ten began to fail four minutes ago; and one error of ten requests.

    >>> seen = {rule.short_s: Window(108, min(rule.short_s // 2, 900)) for rule in RULES}
    >>> seen |= {rule.long_s: Window(108, rule.long_s // 2) for rule in RULES}
    >>> [(burn.rule.tier, burn.broken) for burn in burns(seen, 0.999)][:2]
    [('page', True), ('page', True)]
    >>> [burn.broken for burn in burns(dict.fromkeys(seen, Window(1, 10)), 0.999)]
    [False, False, False, False]
    """
    normal(level)
    allowed = _allowed(target)
    if period_s <= 0 or fewest <= 0:
        raise ValueError(f"the period and the fewest events must be positive: {period_s} s, {fewest}")
    _check(windows, rules)
    found = []
    for rule in rules:
        factor, long, short = rule.factor(period_s), windows[rule.long_s], windows[rule.short_s]
        burnt = _share(long, level)
        rate = Estimate(*(end / allowed for end in burnt)) if burnt else None
        still = short.bad / short.total / allowed if short.total else None
        enough = long.total >= fewest and long.bad >= FEWEST_BAD
        broken = bool(enough and rate and rate.low > factor and still is not None and still > factor)
        found.append(Burn(rule, factor, rate, still, broken))
    return found


def remaining(spent: Window, target: float, level: float = 0.95) -> Estimate | None:
    """Say what part of an error budget is left.

    Parameters
    ----------
    spent : Window
        Events of the period so far.
    target : float
        Share of good events that was promised, in (0, 1).
    level : float
        Of the interval, both sides together.

    Returns
    -------
    Estimate or None
        1 if nothing was bad, 0 if all is used up, negative if more is. The value is what these events left. The
        interval, exact, is what events of the same process leave on the whole. None without events: that is no data,
        and no full budget.

    Raises
    ------
    ValueError
        If there are more bad events than events, or target or level are not between 0 and 1.

    Examples
    --------
    >>> [round(number, 2) for number in remaining(Window(30, 100_000), 0.999)]
    [0.7, 0.57, 0.8]
    """
    normal(level)
    allowed = _allowed(target)
    _check_window("the period", spent)
    share = _share(spent, level)
    if share is None:
        return None
    return Estimate(1 - share.value / allowed, 1 - share.high / allowed, 1 - share.low / allowed)


def _allowed(target: float) -> float:
    if not 0 < target < 1:
        raise ValueError(f"target must lie between 0 and 1, for all or nothing leaves no budget: {target}")
    return 1 - target


def _share(window: Window, level: float) -> Estimate | None:
    if not window.total:
        return None
    low, high = clopper_pearson.limits(window.bad, window.total, (1 - level) / 2)
    return Estimate(window.bad / window.total, float(low), float(high))


def _check(windows: Mapping[int, Window], rules: Sequence[Rule]) -> None:
    for rule in rules:
        for length in (rule.short_s, rule.long_s):
            if length not in windows:
                raise ValueError(f"no window of {length} s; there are {', '.join(map(str, sorted(windows))) or 'none'}")
            _check_window(f"{length} s", windows[length])
        short, long = windows[rule.short_s], windows[rule.long_s]
        if short.bad > long.bad or short.total > long.total:
            raise ValueError(f"{rule.short_s} s hold more than {rule.long_s} s, which they are a part of")


def _check_window(name: str, window: Window) -> None:
    if not 0 <= window.bad <= window.total:
        raise ValueError(f"{name}: bad events must lie between 0 and all: {window.bad} of {window.total}")
