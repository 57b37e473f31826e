"""Names of models and prompts that served, span by span -> what they changed to, since when, and with what deploy."""

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Final, NamedTuple

from schemas.durations import seconds
from schemas.incidents import Also
from schemas.kpis import HOUR_S
from schemas.moments import second, written
from schemas.printable import printable
from schemas.tallies import OTHER
from streams.watch.assess.beyond import onset
from streams.watch.assess.state import Held, Serving
from streams.watch.assess.tally import Tally
from streams.watch.plan import Plan
from streams.watch.state import State

SWAPPED: Final = {"model_served": "the served model", "prompt_version": "the version of the prompt"}
"""What may change under a release without a deploy."""
MOVED: Final = 0.1
"""So much of the exchanges must be served by another one."""
MOST: Final = 16
"""Names that are told apart; the others are `__other__`."""
DEPLOYED_S: Final = 600
"""What changed so soon after a deploy, the deploy changed."""


class Swapped(NamedTuple):
    """What serves now, what did before, since when in seconds, and in words."""

    what: str
    before: str
    after: str
    at: int
    said: str

    def also(self) -> Also:
        """Say it as an incident says what else changed."""
        return Also(self.what, self.before, self.after, self.at * 1000)


def heard(known: Mapping[str, Serving], came: Mapping[int, Tally]) -> dict[str, Serving]:
    """Let what came in spans that are over be told from what served before.

    A span differs if the shares of names in it do, in sum, by a tenth and by three standard deviations of a share that
    rests on so many. What goes on changing within an hour is one change: an update that is rolled out, or a span in
    which both served.

    Parameters
    ----------
    known : column -> what served so far
    came : start of the span -> what came

    Examples
    --------
    >>> spans = [{"a": 100}, {"a": 90}, {"a": 40, "b": 60}, {"b": 100}, {"b": 90}]
    >>> came = {300 * nth: Tally(named={"model_served": names}) for nth, names in enumerate(spans)}
    >>> heard({}, came)["model_served"]
    Serving(since=600, names={'b': 190}, before={'a': 190})
    """
    found = dict(known)
    for start, tally in sorted(came.items()):
        for column in SWAPPED:
            names = {name: n for name, n in tally.named.get(column, {}).items() if n > 0}
            if names:
                was = found.get(column)
                found[column] = Serving(since=start, names=_most(names)) if was is None else _next(was, start, names)
    return found


def _next(was: Serving, start: int, names: dict[str, int]) -> Serving:
    if not _differs(was.names, names):
        return Serving(since=was.since, names=_most(_sum(was.names, names)), before=was.before)
    if not was.before or start - was.since >= HOUR_S:
        return Serving(since=start, names=_most(names), before=was.names)
    if _differs(was.before, names):
        return Serving(since=was.since, names=_most(names), before=was.before)
    return Serving(since=start, names=_most(_sum(was.before, names)))  # it is as it was


def _differs(before: Mapping[str, int], names: Mapping[str, int]) -> bool:
    n = sum(names.values())
    was, now = _shares(before), _shares(names)
    moved = sum(max(share - was.get(name, 0.0), 0.0) for name, share in now.items())
    return moved >= MOVED + 1.5 / sqrt(n)  # the standard deviation of a share is at most 1 / (2 sqrt n)


def _shares(names: Mapping[str, int]) -> dict[str, float]:
    total = sum(names.values())
    return {name: n / total for name, n in names.items()}


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {
        name: one.get(name, 0) + other.get(name, 0) for name in (*one, *(name for name in other if name not in one))
    }


def _most(names: Mapping[str, int]) -> dict[str, int]:
    """Keep the most frequent, in that order."""
    ranked = sorted(names.items(), key=lambda one: (one[0] == OTHER, -one[1], one[0]))
    kept, rest = dict(ranked[:MOST]), sum(n for _, n in ranked[MOST:])
    return {**kept, OTHER: kept.get(OTHER, 0) + rest} if rest else kept


def swapped(plan: Plan, state: State, held: Held) -> tuple[Swapped, ...]:
    """Say what changed under a release whose KPIs are yellow or red, around the time when that began, without a deploy.

    Around is from a window, and an hour, before the first window that was beyond until it was known.

    Parameters
    ----------
    state : of the service
    held : the release
    """
    times = list(_times(plan, state, held))
    found = []
    for what, serving in held.serving.items():
        if not serving.before or not any(begins <= serving.since <= ends for begins, ends in times):
            continue
        facts = [at for fact in state.releases.values() if (at := second(fact.at)) <= serving.since]
        last = max(facts, default=held.first)
        if serving.since - last < DEPLOYED_S:
            continue
        deploy = f"no deploy since {written(last * 1000)}"
        if not facts:
            deploy = f"no deploy is known since it first served, {written(last * 1000)}"
        was, now = _shares(serving.before), _shares(serving.names)
        before = max(was, key=lambda name: (was[name] - now.get(name, 0.0), name))
        after = max(now, key=lambda name: (now[name] - was.get(name, 0.0), name))
        said = (
            f"{SWAPPED[what]} changed from {before} ({_part(was, before)}, now {_part(now, before)}) to {after} "
            f"({_part(was, after)}, now {_part(now, after)}) at {written(serving.since * 1000)}; {deploy}"
        )
        found.append(Swapped(what, before, after, serving.since, printable(said)))
    return tuple(found)


def _times(plan: Plan, state: State, held: Held) -> Iterator[tuple[int, int]]:
    """Give from when to when what changed may have to do with each KPI that is yellow or red."""
    against = plan.held(state.service)
    kpis = {kpi.name: kpi for kpi in against.kpis.kpis} if against else {}
    for stand in held.stands:
        if stand.band in ("yellow", "red") and (kpi := kpis.get(stand.kpi)) is not None:
            yield onset(kpi, stand).since // 1000 - max(seconds(kpi.window), HOUR_S), stand.since


def _part(shares: Mapping[str, float], name: str) -> str:
    return f"{shares.get(name, 0.0):.0%}".replace("%", " %")
