"""A release's verdict -> the rollbacks that are asked for, or why none is."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.control import Release
from schemas.durations import seconds
from schemas.kpis import KillSwitch
from schemas.moments import written
from schemas.policy import decides
from schemas.printable import printable
from schemas.releases import Target as Configured
from schemas.rollbacks import Expected, Fence, Guard, Mode, Reasons, Rollback, Target, Version, key_of
from schemas.rollups import Rollup
from schemas.signals import KPI_BAND
from schemas.verdicts import KpiVerdict, Verdict
from streams.telling.identity import fingerprint
from streams.watch.assess.state import Asked, Held
from streams.watch.plan import Against, Plan
from streams.watch.report import labelled
from streams.watch.state import State

LONGEST_COOLDOWN_S: Final = 86_400
MOST_KPIS: Final = 64
MOST_ARTIFACT: Final = 512
LONGEST_KEY: Final = 4096
"""What a command has room for: seconds, names, characters."""
_ONCE: Final[dict[Mode, str]] = {
    "auto": "",
    "require_approval": ", once a person approves",
    "dry_run": ", as a dry run",
}


class Commanded(NamedTuple):
    """A state, and what is to be published."""

    state: State
    said: list[Verdict | Rollup | Rollback]


class Issued(NamedTuple):
    """What is remembered of the release's commands, what is new of them, and what its verdict says of that."""

    asked: dict[str, Asked]
    commands: tuple[Rollback, ...] = ()
    why: tuple[str, ...] = ()


class Way(NamedTuple):
    """From where to where."""

    expected: Expected
    to: Version


def commanded(plan: Plan, state: State, said: Sequence[Verdict | Rollup], now_ms: int) -> Commanded:
    """Ask for what follows from new verdicts, and say in each what is asked for, or why nothing is.

    Parameters
    ----------
    state : of the service
    said : verdicts and what else was said
    now_ms : when, in milliseconds
    """
    found = list[Verdict | Rollup | Rollback]()
    for one in said:
        if not isinstance(one, Verdict) or (held := state.book.releases.get(one.release)) is None:
            found.append(one)
            continue
        issue = issued(plan, state, held, one, now_ms)
        found += [replace(one, reasons=(*one.reasons, *issue.why)), *issue.commands]
        if issue.asked != held.asked:
            releases = {**state.book.releases, one.release: replace(held, asked=issue.asked)}
            state = replace(state, book=replace(state.book, releases=releases))
    return Commanded(state, found)


def issued(plan: Plan, state: State, held: Held, verdict: Verdict, now_ms: int) -> Issued:
    """Ask for a rollback of each target of the service, if the verdict says so.

    It is asked for once while the command lasts; if the release is still in force and still fails when it has expired,
    it is asked for anew. What was asked for cannot be taken back: whoever acts compares what serves.

    Parameters
    ----------
    state : of the service
    held : the release, whose verdict it is
    now_ms : when, in milliseconds
    """
    open_ = {key: one for key, one in held.asked.items() if one.expires_at > now_ms}
    against = plan.held(state.service)
    if against is None or verdict.verdict != "fail":
        return Issued(open_)
    found = decides(against.policy, verdict.phase, against.kpis)
    red = [one for one in verdict.kpis if one.band == "red" and one.name in found.roll_back]
    if not red:
        return Issued(open_)
    targets = [one for one in plan.config.releases.targets if one.service == state.service]
    way = _way(state, held, verdict, now_ms) if targets else f"`releases.targets` has none of {state.service}"
    if isinstance(way, str):
        return Issued(open_, why=(printable(f"no rollback is asked for: {way}"),))
    commands, why = list[Rollback](), list[str]()
    for target in targets:
        command = _command(plan, state, against, verdict, red, target, way)
        if len(command.key) > LONGEST_KEY:
            why.append(printable(f"no rollback is asked for in {target.env}: the names are too long for its key"))
            continue
        if (before := open_.get(command.key)) is None:
            commands.append(command)
            open_[command.key] = before = Asked(mode=command.mode, expires_at=command.expires_at)
        why.append(printable(
            f"a rollback to {way.to.release} (generation {way.to.generation}) is asked for in {target.env} until "
            f"{written(before.expires_at)}{_ONCE[before.mode]}"
        ))  # fmt: skip
    return Issued(open_, tuple(commands), tuple(why))


def _way(state: State, held: Held, verdict: Verdict, now_ms: int) -> Way | str:
    """Find where to go back to; or say why there is nowhere to go."""
    if verdict.expires_at <= now_ms:
        return f"the verdict held until {written(verdict.expires_at)}, and comes too late"
    release = held.release
    if not state.present:
        return "no fact says which release is in force"
    if release != state.present:
        return f"it is not in force, {state.present} is; its rollout is to be stopped by whoever rolls it out"
    fact = state.releases.get(release)
    if fact is None or fact.generation is None:
        return "no fact says of which generation it is"
    to = _back(state, fact, fact.generation)
    if isinstance(to, str):
        return to
    artifact = fact.artifact or ""
    return Way(Expected(release, fact.generation, "fact", artifact if len(artifact) <= MOST_ARTIFACT else ""), to)


def _back(state: State, fact: Release, generation: int) -> Version | str:
    """Find the release that was in force before, of an older generation; or say why there is none."""
    for one in state.releases.values():
        if one.phase == "rolled_back" and one.generation is not None and one.generation > generation:
            return f"{one.release} was rolled back to it, and nothing goes back by itself more than once"
    name = fact.previous or state.previous
    if not name or name == fact.release:
        return "no fact says what was in force before it"
    to = state.releases.get(name)
    if to is None or to.generation is None:
        return f"no fact says of which generation {name} is, which was in force before it"
    if to.generation >= generation:
        return f"{name} is of generation {to.generation}, which is not older than {generation}"
    if to.phase == "rolled_back":
        return f"{name}, which was in force before it, was rolled back itself"
    return Version(name, to.generation)


def _command(
    plan: Plan,
    state: State,
    against: Against,
    verdict: Verdict,
    red: Sequence[KpiVerdict],
    target: Configured,
    way: Way,
) -> Rollback:
    at = Target(target.env, target.service, target.kind, target.ref)
    kill = [one for one in red if one.name == against.kpis.kill_switch.kpi]
    least = against.policy.rules(verdict.phase).min_events
    lead = max(kill or red, key=lambda one: one.n)
    print_, episode = _incident(plan, state, verdict, lead)
    names = tuple(dict.fromkeys(one.name for one in red))
    return Rollback(
        key=key_of(at, way.expected),
        target=at,
        expected=way.expected,
        to=way.to,
        fence=Fence(way.expected.generation, "/".join(filter(None, ("barograph", plan.config.topics.prefix)))),
        mode=_mode(against.kpis.kill_switch, kill, least),
        issued_at=verdict.evaluated_at,
        expires_at=verdict.evaluated_at + 1000 * seconds(target.expires),
        cause=Reasons(
            fingerprint=print_,
            episode=episode,
            severity=min(against.kpis.kpi(name).bands.red.severity for name in names),
            kpis=names[:MOST_KPIS],
            n=lead.n,
        ),
        guard=Guard(target.max_per_hour, min(seconds(target.cooldown), LONGEST_COOLDOWN_S), least),
    )


def _mode(switch: KillSwitch, kill: Sequence[KpiVerdict], least: int) -> Mode:
    """Say how it is asked for: as the kill switch says, where it is red; `auto` only if it rests on enough events.

    A set whose switch is `auto` calls red of it sev-1, or the start would have stopped.

    Parameters
    ----------
    kill : the kill switch, and its slices, where they are red
    least : events that `auto` needs in one window
    """
    if not kill or switch.action != "rollback":
        return "require_approval"
    if switch.mode == "auto" and max(one.n for one in kill) < least:
        return "require_approval"
    return switch.mode


def _incident(plan: Plan, state: State, verdict: Verdict, lead: KpiVerdict) -> tuple[str, int]:
    """Name the incident that tells of a KPI: fingerprint and episode.

    Where none does, for the service is not learned yet, it is the one that it would be, and episode 0.
    """
    about = f"{lead.name}@{lead.slice}" if lead.slice else lead.name
    for case in (*state.cases, *state.pending, *state.shadow.cases, *state.shadow.pending):
        if any(
            one.signal == KPI_BAND.name and (one.about, one.release) == (about, verdict.release) for one in case.alarms
        ):
            return case.said.fingerprint, case.said.episode
    dark, env = plan.in_shadow(state.service, KPI_BAND.name), plan.service(state.service).env
    return fingerprint(labelled(KPI_BAND.name, state.service, env, None, dark, {"kpi": about})), 0
