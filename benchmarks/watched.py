"""A null, through WATCH as it is shipped -> false alarms of each tier, and the budget that was taken in."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from benchmarks.flushes import SERVICE, Maker
from benchmarks.nulls import Null
from schemas.config import Config
from schemas.incidents import Notify
from schemas.tallies import Flush
from schemas.taxonomy import Taxonomy
from streams.watch.accumulators import Accumulators
from streams.watch.clock import begin_ms
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.stage import Record, reading, step
from streams.watch.state import State, Stream
from streams.watch.temper import tempered

TIERS: Final[Mapping[str, tuple[Notify, ...]]] = {"pages": ("page",), "tickets": ("ticket", "record")}
"""A record is a ticket that nobody need look at; they share a budget."""
RELEASES: Final = 4
"""Of a service, all alike, from before it was learned: the budget is divided by as many as may serve at once."""
BEGIN_S: Final = 1_795_478_400
"""A midnight."""
CHUNK: Final = 250
LOOKED_AT: Final = 16
"""Of so many seconds one is looked at for what it takes in: most take in the same."""
MOST_LEARNING: Final = 100_000
TOO_MANY: Final = 10
"""Times its budget that a service may page before it is looked at no longer."""


class Watched(NamedTuple):
    """What one service came to.

    Attributes
    ----------
    taken : budget that was taken in, by tier
    alarms : found, by tier
    flushes, events : since its baseline was there
    """

    taken: dict[str, float]
    alarms: dict[str, int]
    flushes: int
    events: int


def plan(baseline_events: int = 0, trusting: bool = False) -> Plan:
    """Make the shipped config's plan, with the largest budgets that it allows, for one service.

    Parameters
    ----------
    baseline_events : in place of the shipped ones, if not 0
    trusting : whether it takes events for independent, and all hours for alike
    """
    shipped = Config()
    watch = replace(
        shipped.watch, false_pages_per_week=1000.0, false_tickets_per_week=10_000.0, max_services=1,
        baseline_events=baseline_events or shipped.watch.baseline_events,
    )  # fmt: skip
    if trusting:
        watch = replace(watch, dependence="none", season_percent=0.0)
    return Plan.of(replace(shipped, watch=watch), Taxonomy.load_default())


def watch(plan: Plan, null: Null, seed: int, tier: str, budget: float) -> Watched:
    """Let a service be learned, and watch it until it has taken in its budget.

    Whether it goes on is known before the next second is seen, so what was found and what was taken in by then may be
    held against each other (optional stopping).

    Parameters
    ----------
    seed : of this service
    tier : whose budget it is
    budget : alarms of that tier that are allowed until the end

    Raises
    ------
    RuntimeError
        If no baseline comes about.
    """
    states: dict[str, State] = {}
    taken, alarms = dict.fromkeys(TIERS, 0.0), dict.fromkeys(TIERS, 0)
    flushes = events = 0
    for n, (at_s, flush) in enumerate(_sent(plan, null, seed)):
        before = states.get(SERVICE)
        learned = before is not None and before.baseline is not None
        if not learned and n >= MOST_LEARNING:
            raise RuntimeError(f"{null.name}: no baseline after {n} flushes")
        if before is not None and learned and flushes % LOOKED_AT == 0:
            for name, amount in _takes_in(plan, before).items():
                taken[name] += amount * LOOKED_AT
            if taken[tier] >= budget or alarms[tier] >= TOO_MANY * budget:
                break
        changed, _ = step(plan, 0, states, Record(n, begin_ms(at_s), b""), reading(flush))
        states |= changed
        if before is not None and learned:
            flushes, events = flushes + 1, events + flush.end - flush.anchor
            for name, more in _alarmed(plan, before, states[SERVICE]).items():
                alarms[name] += more
    return Watched(taken, alarms, flushes, events)


def _sent(plan: Plan, null: Null, seed: int) -> Iterator[tuple[int, Flush]]:
    """Give the flushes of a service without end. Its releases are alike, and their events are not."""
    kind = [np.random.default_rng([seed, 0]) for _ in range(RELEASES)]
    sources = [null.begin(one, np.random.default_rng([seed, 1, r])) for r, one in enumerate(kind)]
    maker = Maker(plan.config.measure.slices, null.numbers, RELEASES)
    begin, offset = BEGIN_S, 0
    while True:
        at_s = begin + null.every_s * np.arange(CHUNK)
        flushes = list(maker.flushes([one.take(at_s) for one in sources], at_s, offset))
        yield from zip(at_s.tolist(), flushes, strict=True)
        offset = flushes[-1].end
        begin += null.every_s * CHUNK


def _takes_in(plan: Plan, state: State) -> dict[str, float]:
    """Say what the next second to be closed takes in: a second's budget of every bet that moves and is in play.

    What may page is not, as long as it is not known how much events resemble each other.
    """
    assert state.baseline is not None
    watching = detector(state.baseline, plan, state.service)
    gathered, found = watching.accumulators, dict.fromkeys(TIERS, 0.0)
    tier_of, left = _tiers(gathered), tempered(plan, watching, state)
    waits = np.zeros(len(gathered.bets), np.bool_) if left is None else left.waits
    for stream in state.streams.values():
        if stream.pending is not None:
            moves = (watching.growth(stream.pending)[gathered.bets] != 0) & ~np.isin(gathered.of, stream.fired) & ~waits
            for name, of_tier in tier_of.items():
                found[name] += float(gathered.rate[moves & of_tier[gathered.of]].sum())
    return found


def _alarmed(plan: Plan, before: State, after: State) -> dict[str, int]:
    """Count the monitors that alarmed as a second closed, by tier.

    Incidents group alarms, so it is not incidents that are counted, but the accumulators that went out of play: each
    does so once for every alarm of it, and comes back when its incident is over. The ticket of a monitor that pages
    goes out with its page and says nothing: it is not counted.
    """
    found = dict.fromkeys(TIERS, 0)
    for name, stream in after.streams.items():
        was = _fired(before.streams.get(name))
        if stream.fired == was:
            continue
        assert before.baseline is not None
        gathered = detector(before.baseline, plan, after.service).accumulators
        new = set(stream.fired) - set(was)
        heard = new - {gathered.silences[one] for one in new if gathered.notify[one] == "page"}
        for tier, notices in TIERS.items():
            found[tier] += sum(gathered.notify[one] in notices for one in heard)
    return found


def _fired(stream: Stream | None) -> tuple[int, ...]:
    return stream.fired if stream else ()


def _tiers(gathered: Accumulators) -> dict[str, np.ndarray]:
    return {tier: np.isin(gathered.notify, notices) for tier, notices in TIERS.items()}
