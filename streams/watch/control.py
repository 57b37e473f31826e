"""A control fact -> what a service is known to be from now on, and what is to be said of it."""

from typing import NamedTuple

from msgspec.structs import replace

from schemas.control import Acknowledge, Approve, Maintain, Rebaseline, Release, SignOff
from schemas.incidents import Incident
from schemas.moments import written
from schemas.rejected import Reason
from schemas.signals import TRAFFIC
from schemas.tallies import Passed
from streams.watch import traffic
from streams.watch.clock import end_ms
from streams.watch.learn import relearned
from streams.watch.merge import kept_of, place_of
from streams.watch.plan import Plan
from streams.watch.report import acknowledged, resolved
from streams.watch.state import State


class Refused(NamedTuple):
    """Why a fact changes nothing."""

    reason: Reason
    field: str
    said: str


class Heard(NamedTuple):
    """A state, the incidents to publish, and why the fact was refused, if it was."""

    state: State
    incidents: list[Incident]
    refused: Refused | None


def control(plan: Plan, state: State, fact: Passed, second: int) -> Heard:
    """Apply a fact once.

    Facts of one control partition come in its order, so one at or below the last that was applied is known.

    Parameters
    ----------
    state : of the fact's service
    fact : as MEASURE passed it on
    second : of the record that brings it
    """
    source = place_of(fact.source, fact.partition, fact.topic_id)
    if fact.offset <= state.controls.get(source, -1):
        return Heard(state, [], None)
    most = plan.config.limits.agreements
    noted = replace(state, controls=kept_of(state.controls, source) | {source: fact.offset})
    match fact.said:
        case Release() as release:
            return _released(plan, noted, release)
        case SignOff() as agreed:
            kept = [one for one in noted.sign_offs if (one.release, one.role) != (agreed.release, agreed.role)]
            return _known(noted, agreed.release, replace(noted, sign_offs=(*kept, agreed)[-most:]))
        case Approve() as approved:
            kept_ = [one for one in noted.approvals if one.key != approved.key]
            return _known(noted, approved.release, replace(noted, approvals=(*kept_, approved)[-most:]))
        case Acknowledge() as taken:
            return _acknowledged(noted, taken, second)
        case Maintain() as maintained:
            return Heard(replace(noted, maintained=maintained), [], None)
        case Rebaseline() as anew:
            return _rebaselined(plan, noted, anew, end_ms(second))


def _released(plan: Plan, state: State, fact: Release) -> Heard:
    """Take note of a phase. A release that is promoted becomes what the service is measured against."""
    if fact.generation is not None and fact.generation < state.generation:
        return Heard(state, [], Refused(
            "older_generation", "$.generation",
            f"generation {fact.generation} of `{state.service}` is older than {state.generation}, which is in force: "
            "nothing was changed; say it again with a higher one if it is meant",
        ))  # fmt: skip
    releases = {name: one for name, one in state.releases.items() if name != fact.release}
    releases[fact.release] = fact
    while len(releases) > plan.config.watch.max_releases * 2:
        del releases[next(one for one in releases if one not in (state.present, state.previous))]
    generation = state.generation if fact.generation is None else fact.generation
    state = replace(state, releases=releases, generation=generation)
    if fact.phase == "promoted" and fact.release != state.present:
        was = fact.previous or state.present
        state = replace(state, present=fact.release, previous=was)
        if state.baseline is not None and fact.release not in state.baseline.releases:
            state = relearned(plan, state, (), fact.release)
    elif fact.phase == "rolled_back" and fact.release == state.present:
        state = replace(state, present=fact.previous or state.previous, previous="", learns_from="")
    return Heard(state, [], None)


def _known(state: State, release: str, then: State) -> Heard:
    """Take note of a word about a release, if there is that release."""
    there = {*state.releases, *state.streams, *(state.baseline.releases if state.baseline else ())}
    if release in there:
        return Heard(then, [], None)
    named = ", ".join(sorted(there)) or "none yet"
    return Heard(state, [], Refused(
        "unknown_release", "$.release", f"`{state.service}` has no release `{release}`; known are: {named}"
    ))  # fmt: skip


def _acknowledged(state: State, fact: Acknowledge, second: int) -> Heard:
    """Let a person take an open incident, once: who took it first has it."""
    for i, case in enumerate(state.cases):
        if case.said.fingerprint != fact.fingerprint:
            continue
        if case.said.acknowledged_at is not None:
            return Heard(state, [], Refused(
                "already_acknowledged", "$.fingerprint",
                f"{case.said.acknowledged_by} took incident {fact.fingerprint} at "
                f"{written(case.said.acknowledged_at)}: nothing was changed",
            ))  # fmt: skip
        said = acknowledged(case.said, fact.by, fact.note or "", end_ms(second))
        cases = (*state.cases[:i], replace(case, said=said, sent_second=second), *state.cases[i + 1 :])
        return Heard(replace(state, cases=cases), [said], None)
    return Heard(state, [], Refused(
        "unknown_incident", "$.fingerprint",
        f"`{state.service}` has no open incident {fact.fingerprint}: it is pending, resolved, or of another service",
    ))  # fmt: skip


def _rebaselined(plan: Plan, state: State, fact: Rebaseline, now_ms: int) -> Heard:
    """Learn anew. What is open is over by a person's word; it does not alarm again until the new baseline is there."""
    known = [*(signal.name for signal in plan.known), TRAFFIC.name]
    for i, name in enumerate(fact.signals):
        if name not in known:
            return Heard(state, [], Refused(
                "invalid", f"$.signals[{i}]", f"no signal `{name}`; signals: {', '.join(sorted(known))}"
            ))  # fmt: skip
    about = fact.signals or known
    books = (state.pending, state.cases, state.shadow.pending, state.shadow.cases)
    over = [case for book in books for case in book if all(alarm.signal in about for alarm in case.alarms)]
    pending, cases, dark_pending, dark_cases = (tuple(case for case in book if case not in over) for book in books)
    why = f"rebaselined by {fact.by}" + (f": {fact.reason}" if fact.reason else "")
    shadow = replace(state.shadow, pending=dark_pending, cases=dark_cases)
    state = replace(state, pending=pending, cases=cases, shadow=shadow)
    if TRAFFIC.name in about:
        state = traffic.anew(state)
    cells = tuple(name for name in fact.signals if name != TRAFFIC.name)
    if cells or not fact.signals:
        state = relearned(plan, state, cells, "")
    return Heard(state, [resolved(case.said, now_ms, why) for case in over], None)
