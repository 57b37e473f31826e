"""Bets of all monitors, and the budget -> where evidence is gathered, and what each takes in a second."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.incidents import Notify
from streams.telling.loud import NOTICES
from streams.watch.arrays import Ints
from streams.watch.looks import Floats, Table
from streams.watch.plan import PAGED, Plan
from streams.watch.severity import severity


@dataclass(frozen=True, slots=True)
class Accumulators:
    """Where evidence is gathered: of every monitor, that which may page, make a ticket, or make a record.

    Each is a sum of its own over bets of its own: what made a ticket stands no nearer to a page, and what moved the
    harmless way takes nothing from what hurts. A bet that may page stands in two.

    Attributes
    ----------
    bets : (n,) which of the row's
    rate : (n,) alarms a second that each takes in
    of : (n,) accumulator of each
    begins : (a,) first bet of each accumulator
    monitor, notify : (a,) whose it is, and what it may do
    silences : (a,) the one that has nothing to say once this one has: of a page the monitor's ticket, else itself
    """

    bets: Ints
    rate: Floats
    of: Ints
    begins: Ints
    monitor: tuple[int, ...]
    notify: tuple[Notify, ...]
    silences: tuple[int, ...]

    def find(self, monitor: int, notify: Notify) -> tuple[int, ...]:
        """Find an accumulator, and the one that it silences; none, if what may page was another thing when it fired."""
        found = [i for i, one in enumerate(zip(self.monitor, self.notify, strict=True)) if one == (monitor, notify)]
        return tuple(one for at in found for one in (at, self.silences[at]))


def accumulators(plan: Plan, service: str, tables: Sequence[Table], dimensions: Sequence[str | None]) -> Accumulators:
    """Divide the budget over the bets.

    Tickets and records share one budget: a record is a ticket that nobody need look at.
    """
    bets, rates = [], []
    whose: list[tuple[int, Notify]] = []
    noticed = [[_notices(table, bet) for bet in range(len(table.table.weights))] for table in tables]
    for notify in NOTICES:
        share = (plan.pages if notify == "page" else plan.tickets)(service)
        for table, notices in zip(tables, noticed, strict=True):
            each = len(notices)
            here = np.flatnonzero([notify in one for one in notices])
            weights = table.table.weights[here]
            if notify == "page" and len(here):
                weights = weights / weights.sum()
            for s, dimension in enumerate(dimensions[: table.slices] if len(here) else []):
                bets.append(table.first_bet + s * each + here)
                rates.append(weights * share.rates.get((table.signal.name, dimension), 0.0))
                whose.append((table.first + s, notify))
    place = {one: i for i, one in enumerate(whose)}
    sizes = np.array([len(some) for some in bets])
    return Accumulators(
        bets=np.concatenate(bets),
        rate=np.concatenate(rates),
        of=np.repeat(np.arange(len(bets)), sizes),
        begins=np.cumsum(sizes) - sizes,
        monitor=tuple(monitor for monitor, _ in whose),
        notify=tuple(notify for _, notify in whose),
        silences=tuple(
            place[monitor, "ticket"] if notify == "page" else i for i, (monitor, notify) in enumerate(whose)
        ),
    )


def _notices(table: Table, bet: int) -> tuple[Notify, ...]:
    """Say what a bet may be noticed by when it wins."""
    grave = severity(table.signal, int(table.table.direction[bet]), table.table.feature[bet])
    return ("page", "ticket") if grave in PAGED else ("record",) if grave == "sev-4" else ("ticket",)
