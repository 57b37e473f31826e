"""A step of an incident -> the common cause that it belongs to, and how it is told."""

from collections.abc import Sequence

from msgspec.structs import replace

from schemas.found import OWN, Rules
from schemas.incidents import Incident
from streams.gather.keep import PRESENT, SAYS, Stepped, kept, message, placed
from streams.gather.lived import brought_up, trouble_at
from streams.gather.onset import Span, span, together
from streams.gather.parent import born, stepped
from streams.gather.state import MOST_ENDED, Known, Parent, State
from streams.telling.findings import Finding
from streams.telling.loud import louder


def heard(rules: Rules, state: State, came: Incident, offset: int, resend: bool) -> Stepped:
    """Take a step of an incident in; an older one than is known gives nothing."""
    last = state.places.get(came.fingerprint)
    if last is not None and (came.episode, came.sequence) == (last.episode, last.sequence):
        return Stepped(state, _repeated(state, came, resend))
    # What counts from one again, but comes later, is no zombie's: WATCH's state was deleted to learn anew.
    if (
        last is not None
        and came.updated_at <= last.at
        and (came.episode, came.sequence) < (last.episode, last.sequence)
    ):
        return Stepped(state, [])
    state = placed(replace(state, now=max(state.now, came.updated_at)), came)
    was = state.known.get(came.fingerprint)
    if was is not None and was.said.episode == came.episode:
        told = was.told
    else:  # of one that is not new we cannot know better than that it was told before
        told = "record" if came.step == "fired" else came.notify
    now = Known(came, came.notify, told, was.parent if was is not None else "")
    state, findings = _at_home(rules, state, now, offset)
    now = state.known[came.fingerprint]
    parent = state.parents.get(now.parent)
    now = _alone(now) if parent is None else _under(now, parent)
    findings.append(message(now.said, SAYS))
    if came.status == "resolved":
        state = replace(state, ended=(*state.ended, now.said)[-MOST_ENDED:])
    known = {one: held for one, held in state.known.items() if one != came.fingerprint}
    if came.status != "resolved" or parent is not None:
        known[came.fingerprint] = now
    about = state.parents if came.service == OWN else () if parent is None else (now.parent,)
    state, more = brought_up(rules, kept(rules, replace(state, known=known)), offset, about)
    return Stepped(state, [*findings, *more])


def _alone(now: Known) -> Known:
    """Tell an incident as it is, and remember how loud that was."""
    return replace(now, told=now.own if louder(now.own, now.told) else now.told)


def _under(now: Known, parent: Parent) -> Known:
    """Tell an incident as a part: no louder than it was told before it was one."""
    said = replace(now.said, parent=now.parent)
    if louder(now.own, now.told):
        said = replace(said, notify=now.told, held=f"part of {parent.said.summary}")
    return replace(now, said=said)


def _at_home(rules: Rules, state: State, now: Known, offset: int) -> Stepped:
    """Put an incident to the common cause that it belongs to: the one that it had, one that is open, or a new one."""
    print_, within_ms = now.said.fingerprint, rules.common.within_s * 1000
    full = len(state.known) >= rules.most and all(known.parent for known in state.known.values())
    if now.parent or full or not _counts(rules, now.said):
        return Stepped(replace(state, known={**state.known, print_: now}), [])
    mine = span(now.said, within_ms)
    for parent in state.parents.values():
        if mine.meets(Span(parent.low, parent.high)):
            joined = replace(parent, parts=(*parent.parts, print_))
            return Stepped(
                replace(
                    state,
                    known={**state.known, print_: replace(now, parent=parent.said.fingerprint)},
                    parents={**state.parents, parent.said.fingerprint: joined},
                ),
                [],
            )
    others = [
        known.said for one, known in state.known.items()
        if one != print_ and not known.parent and _counts(rules, known.said)
    ]  # fmt: skip
    found, where = together(now.said, others, within_ms)
    state = replace(state, known={**state.known, print_: now})
    if len({one.service for one in found}) < rules.common.services:
        return Stepped(state, [])
    return _born(rules, state, [one.fingerprint for one in found], where, offset)


def _counts(rules: Rules, incident: Incident) -> bool:
    """Say whether an incident may have its cause in common: it is open, it hurts, and is not about ourselves."""
    return (
        rules.common.services > 0
        and incident.status == "firing"
        and incident.severity != "sev-4"
        and incident.service != OWN
        and not incident.provisional
    )


def _born(rules: Rules, state: State, parts: Sequence[str], where: Span, offset: int) -> Stepped:
    trouble = trouble_at(state, where)
    first = born([state.known[one] for one in parts], trouble, rules, state.parents, state.now)
    last = state.places.get(first.fingerprint)
    episode = (state.forgotten if last is None else last.episode) + 1
    said = stepped(replace(first, episode=episode), first, state.now, offset)
    print_ = said.fingerprint
    parent = Parent(said, state.now, tuple(parts), where.low, where.high, trouble)
    known = {**state.known, **{one: replace(state.known[one], parent=print_) for one in parts}}
    state = replace(state, known=known, parents={**state.parents, print_: parent})
    return Stepped(placed(state, said), [message(said, SAYS)])


def _repeated(state: State, came: Incident, resend: bool) -> list[Finding]:
    """Say the last word on an incident again, as it was said: to all if that is wanted, else as its present state.

    The last word on a common cause goes out again with that on the first of its parts that is open.
    """
    known = state.known.get(came.fingerprint)
    if known is None:
        ended = [one for one in state.ended if one.id == came.id]
        if ended or came.status == "resolved":
            return [message(one, PRESENT) for one in ended]
        return [message(came, SAYS if resend else PRESENT)]  # beyond the cap, so it never had a parent
    roles = SAYS if resend else PRESENT
    said = [known.said]
    if resend and known.parent and came.fingerprint == _first_open(state, state.parents[known.parent]):
        said.append(state.parents[known.parent].said)
    return [message(one, roles) for one in said]


def _first_open(state: State, parent: Parent) -> str:
    return next((one for one in parent.parts if state.known[one].said.status != "resolved"), "")
