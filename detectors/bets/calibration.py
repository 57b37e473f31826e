"""Stated confidence and who was right -> bets that a service is right more, or less, often than it says.

The one signal that needs no baseline: who says 90 % should be right nine times in ten. So the bets are there from the
first event, and what they say is that confidence is wrong, not that it moved. Where it is known to be wrong, and the
question is whether it moved, `learned` bets against a baseline in place of the truth.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Bools, Counts, Floats, Wealth
from detectors.bets import bounded
from detectors.bets.table import Bets, check_baseline, checked
from detectors.limits import betting
from schemas.signals import BANDS, CALIBRATION_CELLS

FEATURES: Final = ("all", "low", "middle", "high")
STAKES: Final = (0.1, 0.3, 0.7)
_FIRST: Final = (0, 0, 10, 16)
_AFTER: Final = (BANDS, 10, 16, BANDS)
"""The bands that each feature looks at. Who says less than one half would rather bet on being wrong; what models say
when asked for a number lies between 0.8 and 1, mostly (Xiong et al., ICLR 2024, arXiv 2306.13063)."""
_HALF_BAND: Final = 1 / (2 * BANDS)
_EACH: Final = 2 * len(STAKES)

_GAP: Final[Floats] = np.stack([np.zeros(BANDS), np.ones(BANDS)], 1) - (np.arange(BANDS)[:, None] + 0.5) / BANDS
"""(20, 2) what was right, less what was said: of the middle of each band, wrong and right."""
_LEAST: Final[Floats] = np.array([_GAP[first:after].min() for first, after in zip(_FIRST, _AFTER, strict=True)])
_SPAN: Final[Floats] = np.array([_GAP[first:after].max() for first, after in zip(_FIRST, _AFTER, strict=True)]) - _LEAST
"""Gaps of a feature lie between these; moved to [0, 1] they can be staked on without the risk of ruin."""


def _values() -> Floats:
    """Value of each feature in each cell, (4, 41); NaN where it does not look."""
    x = np.full((len(FEATURES), CALIBRATION_CELLS), np.nan)
    for f, (first, after) in enumerate(zip(_FIRST, _AFTER, strict=True)):
        x[f, 2 * first : 2 * after] = ((_GAP[first:after] - _LEAST[f]) / _SPAN[f]).ravel()
    return x


_X: Final = _values()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CalibrationBets(Bets):
    """Bets on the gap between what was right and what was said: over all confidences, and in each of three ranges.

    Up is right more often than said: under-confident. Down is right less often than said: over-confident, the way
    that hurts whoever acts on it. Missing cells neither win nor lose: whether confidence and judgement come at all is
    asked by the signals that they are.

    Attributes
    ----------
    wealth : float32 (S, 2, 6, 40)
        Log-wealth of each cell, in nats: for the bets over all confidences, and for those of the range it lies in.
    """

    wealth: Wealth

    def growth(self, counts: Counts) -> Floats:
        """Say what each bet wins in a block; see `Bets.growth`."""
        n = checked(counts, (len(self.wealth), CALIBRATION_CELLS))
        won = self.wealth * n[:, None, None, :-1]
        ranges = np.add.reduceat(won[:, 1], 2 * np.array(_FIRST[1:]), axis=-1)
        return np.concatenate([won[:, 0].sum(axis=-1), ranges.swapaxes(1, 2).reshape(len(n), -1)], axis=1)

    def matrix(self) -> Floats:
        """Write the table out; see `Bets.matrix`."""
        rows = np.zeros((len(self.wealth), len(FEATURES), _EACH, CALIBRATION_CELLS))
        rows[:, 0, :, :-1] = self.wealth[:, 0]
        rows[:, 1:, :, :-1] = self.wealth[:, 1:]
        rows *= ~np.isnan(_X)[:, None, :]
        return rows.reshape(len(rows), -1, CALIBRATION_CELLS)

    def values(self, s: int) -> Floats:  # noqa: ARG002 - all slices have the same cells
        """Say what each cell counts for; see `Bets.values`."""
        return _X[self.of]

    def gap(self, j: int, mean: float) -> float:
        """Say in points of share what a mean of bet `j` is: right, less said.

        Parameters
        ----------
        j : int
        mean : float
            In [0, 1], as of `mean`, `lo` and `hi`.

        Returns
        -------
        float
            In [-1, 1]; -0.1 for right in 80 of 100 where 90 was said. Stated confidence counts as the middle of its
            band, at most 2.5 points away.
        """
        return float(_LEAST[self.of[j]] + mean * _SPAN[self.of[j]])


def table(slices: int, tolerance: float) -> CalibrationBets:
    """Make the bets that a service is calibrated, up to a tolerance.

    Of a confidence only its band is known. So whoever is right more often than said is measured against the upper end
    of the band, and whoever is right less often against the lower one: wherever in its band each confidence lay, and
    the mean gap within the tolerance, wealth does not grow. A confidence that is said in words, as 0.9 or 0.95, is the
    lower end of its band, and over-confidence loses nothing by that.

    Parameters
    ----------
    slices : int
    tolerance : float
        The mean gap that is no news, in points of share: 0.02 where right in 88 to 92 of 100 is as good as 90.

    Returns
    -------
    CalibrationBets
        ``J = 24``: six bets a feature, those upward (under-confident) first.

    Raises
    ------
    ValueError
        If `slices` is negative or `tolerance` is not in [0, 1).

    Notes
    -----
    With y for right and c for confidence, the bets are ``1 + lam (y - c - m)``, with m the tolerance, positive lam
    above and, mirrored, negative lam below; E[L] <= 1 whenever the mean of y - c over what the bet looks at, given the
    past, is within the tolerance: if all confidence means what it says, and somewhat beyond that. Over all confidences
    lam is about 0.1, 0.3 and 0.7 either way. Within a range no gap is larger than its ends allow, and more can be
    staked: down to lam of -3.5 among confidences of 0.8 and above. Arnold, Henzi and Ziegel, "Sequentially valid tests
    for forecast calibration", Annals of Applied Statistics 17, 2023.

    Answers until 5, 10, 20 points of over-confidence are found, at one false alarm in 10^5: 600, 205, 70 where 0.9 and
    0.95 are said (measured). As `detectors.delay` foretells it, 690, 220, 74; where 0.5 to 0.95 are said, 1,470, 480,
    140; where confidences are spread over that range with many digits, 5,200, 760, 170, which is the price of bands. A
    tolerance of two points makes the first 2,000, 380, 100. Who knew all beforehand would need 450, 150, 52 there.

    Examples
    --------
    Forty answers given with a confidence of 0.9 to 0.95, of which ten were wrong:

    >>> bets = table(1, tolerance=0.02)
    >>> counts = np.zeros((1, 41), np.int64)
    >>> counts[0, 36:38] = 10, 30
    >>> best = int(bets.growth(counts)[0].argmax())
    >>> bets.feature[best], int(bets.direction[best]), round(bets.gap(best, bets.mean(best, 0, counts[0])), 3)
    ('high', -1, -0.175)
    """
    if slices < 0:
        raise ValueError(f"slices must not be negative: {slices}")
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance must lie in [0, 1), in points of share: {tolerance}")
    m = tolerance + _HALF_BAND
    lower, upper = np.maximum((-m - _LEAST) / _SPAN, 0.0), np.minimum((m - _LEAST) / _SPAN, 1.0)
    shape = (slices, len(FEATURES))
    return _bets(np.broadcast_to(lower, shape), np.broadcast_to(upper, shape))


def learned(counts: Counts, level: Floats, tolerance: float = 0.0) -> CalibrationBets:
    """Make the bets that a service is as badly calibrated as it was.

    Most models say more than they hold, and from those `table` has one alarm to give, at once. After that the question
    is whether the gap moved; `either` also lets it become smaller.

    Parameters
    ----------
    counts : int64 (S, 41)
        Of the baseline: of each band wrong and right; and missing.
    level : float64 (S,)
        Chance that any of a slice's limits is wrong. It is divided evenly over the four features and their two sides.
    tolerance : float
        Move of the mean gap that is too small to matter, in points of share.

    Returns
    -------
    CalibrationBets
        The same bets as of `table`, with the limits of the baseline's mean gap in place of the tolerance. Confidence
        counts as the middle of its band, in the baseline as after it.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, `level` is not in (0, 1), or `tolerance` not in
        [0, 1).

    Examples
    --------
    >>> counts = np.zeros((1, 41), np.int64)
    >>> counts[0, 36:38] = 500, 1500  # says 0.9, is right in 75 of 100
    >>> bets = learned(counts, np.array([1e-6]))
    >>> round(bets.gap(0, bets.lo[0, 0]), 2), round(bets.gap(0, bets.hi[0, 0]), 2)
    (-0.23, -0.12)
    """
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance must lie in [0, 1), in points of share: {tolerance}")
    lower, upper = _limits(counts, level)
    return _bets(np.maximum(lower - tolerance / _SPAN, 0.0), np.minimum(upper + tolerance / _SPAN, 1.0))


def either(counts: Counts, level: Floats, tolerance: float) -> CalibrationBets:
    """Make the bets that a service is as well calibrated as it says, or as badly as it was, or anything between.

    Where it is known how far confidence is off, its getting worse is news, and its getting well is none.

    Parameters
    ----------
    counts, level, tolerance
        As of `learned`; the tolerance is that of `table` as well.

    Returns
    -------
    CalibrationBets
        The same bets, with the outer ones of both limits, so that they keep the promise under either.

    Examples
    --------
    >>> counts = np.zeros((1, 41), np.int64)
    >>> counts[0, 36:38] = 500, 1500  # says 0.9, is right in 75 of 100
    >>> bets = either(counts, np.array([1e-6]), tolerance=0.02)
    >>> round(bets.gap(0, bets.lo[0, 0]), 3), round(bets.gap(0, bets.hi[0, 0]), 3)
    (-0.255, 0.045)
    """
    was, truth = learned(counts, level, tolerance), table(len(counts), tolerance)
    return _bets(np.minimum(was.lower, truth.lower), np.maximum(was.upper, truth.upper))


def overconfident(counts: Counts, level: Floats, tolerance: float) -> Bools:
    """Say of which slices a baseline shows that they are right less often than they say, beyond the tolerance.

    Parameters
    ----------
    counts, level, tolerance
        As of `learned`; a slice that is within the tolerance is said to be beyond it with a chance of at most `level`.

    Returns
    -------
    bool (S,)

    Examples
    --------
    Of 2,000 answers given with 0.9, three in four were right; then nine in ten:

    >>> counts = np.zeros((2, 41), np.int64)
    >>> counts[:, 36:38] = [[500, 1500], [200, 1800]]
    >>> overconfident(counts, np.array([1e-6, 1e-6]), tolerance=0.05).tolist()
    [True, False]
    """
    _, upper = _limits(counts, level)
    off: Bools = np.asarray((upper < table(len(counts), tolerance).lower).any(axis=1))
    return off


def _limits(counts: Counts, level: Floats) -> tuple[Floats, Floats]:
    """Bound the mean of each feature from both sides, (S, 4) each."""
    check_baseline(counts, level, CALIBRATION_CELLS)
    looked = np.where(np.isnan(_X), 0, counts[:, None, :])
    return betting.limits(np.nan_to_num(_X), looked, level[:, None] / (2 * len(FEATURES)))


def _bets(lower: Floats, upper: Floats) -> CalibrationBets:
    """Bet that the mean of each feature left its limits, (S, 4) each."""
    each = bounded.log_wealth(np.nan_to_num(_X[:, :-1]), lower, upper, STAKES)
    ranges = zip(range(1, len(FEATURES)), _FIRST[1:], _AFTER[1:], strict=True)
    within = np.concatenate([each[:, f, :, 2 * first : 2 * after] for f, first, after in ranges], axis=-1)
    bets = _EACH * len(FEATURES)
    side = np.tile(np.repeat(np.array([1, -1], np.int8), len(STAKES)), len(FEATURES))
    return CalibrationBets(
        weights=np.full(bets, 1 / bets),
        side=side,
        direction=side,
        feature=tuple(name for name in FEATURES for _ in range(_EACH)),
        of=np.repeat(np.arange(len(FEATURES)), _EACH),
        lower=lower,
        upper=upper,
        wealth=np.stack([each[:, 0], within], axis=1),
    )
