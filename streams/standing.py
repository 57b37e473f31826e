"""What WATCH knows of a service -> how it stands with it: learning or watched, what is not seen, and what is found."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from detectors.limits.season import pools_of
from schemas.printable import printable
from streams.delays import NOTE, table
from streams.watch.clock import begin_ms
from streams.watch.expected import Expected, expected
from streams.watch.plan import Plan
from streams.watch.state import State
from streams.watch.unlearned import NOT_LEARNED, unlearned
from streams.watch.window import events

NOBODY: Final = (
    "No service is known yet: nothing has come, or no state was written. A worker writes them at its checkpoints."
)
ANOTHER: Final = "The workers decide by another config than this file; what follows is by this file."


class Standing(Struct, frozen=True, kw_only=True):
    """One service.

    Attributes
    ----------
    shadow : whether the service is on trial, so that what is found of it is said in shadow alone
    state : quarantined: it brought workers to their end, and is left out; see its incident
    learned, needed : exchanges that were learned from, of those that it takes; while it learns, anew or at first
    relearns : the signals that are learned anew while the old baseline still watches; empty for all
    baseline : version of the baseline, 0 without one
    since : when that was learned, so that it watches since then; RFC 3339
    exchanges : that it counted
    per_second : exchanges a second while it was learned
    taken_in : exchanges that it took in since
    derivations : how often limits were made
    hours_of : `weekdays`, `weekends`: of these each hour is known by itself
    drifts : what was another thing last week than when it was learned, though nothing alarmed
    unlearned : signal -> why it could not be learned
    expected : of all that is watched and observed, by the service's own baseline and traffic, at this hour of the week
    """

    service: str
    shadow: bool = False
    state: Literal["learning", "watched", "quarantined"]
    learned: int = 0
    needed: int = 0
    relearns: tuple[str, ...] = ()
    baseline: int = 0
    since: str = ""
    exchanges: int = 0
    per_second: float | None = None
    taken_in: int = 0
    derivations: int = 0
    hours_of: tuple[str, ...] = ()
    drifts: tuple[str, ...] = ()
    unlearned: dict[str, str] = {}
    expected: tuple[Expected, ...] = ()


def standing(state: State, plan: Plan, quarantined: bool = False) -> Standing:
    """Say how it stands with a service.

    Parameters
    ----------
    plan : of the config that it is to be judged by
    quarantined : whether the service is left out
    """
    learned, needed = _learned(state, plan.baseline_events(state.service))
    said = Standing(
        service=state.service,
        shadow=plan.service(state.service).shadow,
        state="quarantined" if quarantined else "learning" if state.baseline is None else "watched",
        learned=learned,
        needed=needed,
        relearns=state.relearns,
    )
    if (baseline := state.baseline) is None:
        return said
    growth = state.growth
    derived = growth.derived if growth else None
    known = pools_of(derived.days if derived else 0)[[0, -1]].tolist()
    per_second, watched = baseline.events / baseline.span_s, {signal.name for signal in plan.signals}
    return replace(
        said,
        baseline=baseline.version,
        since=datetime.fromtimestamp(begin_ms(baseline.learned_at) // 1000, UTC).isoformat().replace("+00:00", "Z"),
        exchanges=baseline.events,
        per_second=per_second,
        unlearned={signal: why for signal, why in unlearned(baseline).items() if signal in watched},
        taken_in=events(growth.taken.sums) if growth and growth.taken else 0,
        derivations=derived.number if derived else 1,
        hours_of=tuple(name for name, whole in zip(("weekdays", "weekends"), known, strict=True) if whole),
        drifts=growth.drifts if growth else (),
        expected=tuple(expected(baseline, plan, state.service, per_second, derived, state.second)),
    )


def _learned(state: State, needed: int) -> tuple[int, int]:
    """Say how far learning is, in exchanges: names come from the first half, and counts from the second."""
    if state.naming is not None:
        return min(state.naming.events, needed), needed
    if state.counting is not None:
        return min(needed // 2 + state.counting.events, needed), needed
    return 0, 0


def lines(standings: list[Standing], as_written: bool) -> Iterator[str]:
    """Say it for people.

    Parameters
    ----------
    as_written : whether the workers decide by the config that this is about
    """
    if not standings:
        yield NOBODY
        return
    if not as_written:
        yield ANOTHER
    yield from NOTE.splitlines()
    for one in standings:
        yield ""
        yield f"{printable(one.service)}: {_state(one)}"
        if one.drifts:
            yield f"  not what was learned at first, though nothing alarmed: {', '.join(one.drifts)}"
        for why in NOT_LEARNED:
            names = [
                f"{printable(name)}{said.removeprefix(why)}"
                for name, said in one.unlearned.items()
                if said.startswith(why)
            ]
            if names:
                yield f"  {why}: {', '.join(names)}"
        if one.expected:
            yield from table(one.expected)


def _state(one: Standing) -> str:
    said = []
    if one.state == "quarantined":
        said.append("in quarantine, and not counted: there is an incident that says why")
    if one.baseline:
        said.append(
            f"watched{' in shadow' * one.shadow} since {one.since} by baseline {one.baseline}, "
            f"of {one.exchanges:,} exchanges, {one.per_second:.3g} a second"
        )
    if one.taken_in:
        hours = f", hour by hour of {' and '.join(one.hours_of)}" if one.hours_of else ""
        said.append(f"took in {one.taken_in:,} since; limits were made {one.derivations} times{hours}")
    if one.needed:
        what = f" {', '.join(map(printable, one.relearns))} anew" if one.relearns else " anew" if one.baseline else ""
        said.append(f"learning{what}, {one.learned:,} of {one.needed:,} exchanges")
    return "; ".join(said)
