"""Rates that are known exactly -> alarms of thousands of monitors in half a billion events, while nothing changes."""

import math
from typing import Final, NamedTuple

import numpy as np

from detectors import esr
from detectors.bets.indicator import indicators
from schemas.signals import NO, RATE_CELLS, YES

RATES: Final = (0.005, 0.5)
"""Each monitor's rate is drawn between these, evenly on a logarithmic scale."""
BLOCK: Final = 20


class Known(NamedTuple):
    """What was watched, what was allowed, and what was found."""

    monitors: int
    events: int
    budget: float
    alarms: int


def watch(monitors: int, blocks: int, budget: float, estimated: int = 0, block: int = BLOCK, seed: int = 1) -> Known:
    """Watch rates of which the limits are the rates themselves.

    Nothing is kept back for what a baseline does not know, so a budget that is not spent would show evidence that is
    given away; and one that is overspent, bets that win more than they lose.

    Parameters
    ----------
    monitors, blocks : how many, and how many blocks each
    budget : alarms allowed to all of them together; it accrues evenly, so over a block the monitors may take in
        ``budget / blocks``
    estimated : take for limits what so many events of each monitor's own showed, as if that were the truth. No promise
        holds then: this is what limits are there for. 0 to know the rates
    block : events of a monitor in a block. Only their sum is drawn: a binomial number says all that bets ask for

    Examples
    --------
    >>> seen = watch(monitors=100, blocks=100, budget=20.0)
    >>> seen.events, seen.alarms < 30
    (200000, True)
    >>> watch(monitors=100, blocks=1000, budget=20.0, estimated=200).alarms > 2 * 20
    True
    """
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.uniform(math.log(RATES[0]), math.log(RATES[1]), monitors))
    limit = (rng.binomial(estimated, rate) / estimated if estimated else rate)[:, None]
    bets = indicators(("yes",), (YES,), (False,), (1.0,), limit, limit, RATE_CELLS)
    evidence = np.zeros((monitors, len(bets.weights)), np.float32)
    allowed = np.full(monitors, budget / blocks / monitors)
    counts, alarms = np.zeros((monitors, RATE_CELLS), np.int64), 0
    for _ in range(blocks):
        counts[:, YES] = rng.binomial(block, rate)
        counts[:, NO] = block - counts[:, YES]
        evidence = esr.advance(evidence, bets.growth(counts), bets.weights, allowed)
        reached = esr.fired(evidence)
        evidence[reached] = 0.0
        alarms += int(reached.sum())
    return Known(monitors, monitors * blocks * block, budget, alarms)
