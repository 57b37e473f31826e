"""Common causes that are open -> what is new of them, as far as it is due; and that a person has taken one."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from schemas.control import Acknowledge
from schemas.found import OWN, Asked, Rules
from schemas.incidents import Incident
from streams.gather.keep import SAYS, Stepped, message, placed
from streams.gather.onset import Span
from streams.gather.parent import grown, stepped
from streams.gather.state import MOST_ENDED, Parent, State
from streams.telling.findings import Finding, refusal
from streams.telling.loud import graver

TROUBLE: Final = ("WorkerStalled", "LossDeclared", "TalliesUnreadable", "ServiceQuarantined")
"""Of these, the ones that may make services look unwell that are not."""
BEFORE_MS: Final = 600_000
"""How long before an onset such trouble may lie and be its cause."""
MOST_ASKED: Final = 4


def brought_up(rules: Rules, state: State, offset: int, about: Iterable[str] = ()) -> Stepped:
    """Say what is new of common causes, as far as it is due.

    Parameters
    ----------
    about : those of which something may have changed by this record
    """
    findings = list[Finding]()
    waiting = [one for one, parent in state.parents.items() if parent.news and due_at(rules, parent) <= state.now]
    for print_ in dict.fromkeys((*about, *waiting)):
        parent = state.parents[print_]
        parent = replace(parent, trouble=parent.trouble or trouble_at(state, Span(parent.low, parent.high)))
        parts, said = [state.known[one] for one in parent.parts], parent.said
        now = grown(parent, parts, rules)
        over = all(one.resolved for one in now.children)
        news = _what(now) != _what(said)
        if over:
            why = f"all of its {len(parts)} parts are over"
            now = replace(now, status="resolved", step="resolved", ended_at=state.now, ended_why=why)
        elif graver(now, said) or (news and due_at(rules, parent) <= state.now):
            now = replace(now, step="updated")
        else:
            state = replace(state, parents={**state.parents, print_: replace(parent, news=news)})
            continue
        state, told = _told(state, parent, stepped(said, now, state.now, offset))
        findings.append(told)
    return Stepped(state, findings)


def asked(rules: Rules, state: State, said: Asked, offset: int) -> Stepped:
    """Take note that a person has taken a common cause, once."""
    fact, taken = said.fact, said.fact.said
    assert isinstance(taken, Acknowledge), "WATCH passes on nothing else"
    place = f"{fact.source}:{fact.partition}:{fact.topic_id}"
    if fact.offset <= state.asked.get(place, -1):
        return Stepped(state, [])
    others = [(one, last) for one, last in state.asked.items() if one != place][1 - MOST_ASKED :]
    state = replace(state, now=max(state.now, said.at), asked=dict([*others, (place, fact.offset)]))
    parent = state.parents.get(taken.fingerprint)
    if parent is None:
        why = f"no common cause {taken.fingerprint} is open: it is resolved, or there never was one"
        return Stepped(state, [refusal(fact, "unknown_incident", "$.fingerprint", why)])
    if parent.said.acknowledged_by:
        why = f"{taken.fingerprint} was taken by {parent.said.acknowledged_by} already: nothing was changed"
        return Stepped(state, [refusal(fact, "already_acknowledged", "$.fingerprint", why)])
    now = replace(
        grown(parent, [state.known[one] for one in parent.parts], rules),
        step="acknowledged",
        acknowledged_by=taken.by,
        note=taken.note or "",
    )
    state, told = _told(state, parent, stepped(parent.said, now, state.now, offset))
    return Stepped(state, [told])


def due_at(rules: Rules, parent: Parent) -> int:
    """Say when it may be told again, if it gets no graver, in milliseconds."""
    return parent.said_at + rules.update_every_s * 1000


def trouble_at(state: State, where: Span) -> str:
    """Name what went wrong with ourselves about a time, by the incidents that are open; empty if nothing did."""
    for known in state.known.values():
        said = known.said
        near = said.since <= where.high and said.updated_at >= where.low - BEFORE_MS
        if near and said.service == OWN and said.labels.get("alertname") in TROUBLE:
            return said.labels["alertname"]
    return ""


def _told(state: State, parent: Parent, now: Incident) -> tuple[State, Finding]:
    """Keep what is said of a common cause; once it is over, it and its parts are known no more."""
    print_ = now.fingerprint
    parents = {**state.parents, print_: replace(parent, said=now, said_at=state.now, news=False)}
    state = replace(placed(state, now), parents=parents)
    if now.status == "resolved":
        state = replace(
            state,
            parents={one: held for one, held in parents.items() if one != print_},
            known={one: known for one, known in state.known.items() if known.parent != print_},
            ended=(*state.ended, now)[-MOST_ENDED:],
        )
    return state, message(now, SAYS)


def _what(said: Incident) -> tuple[object, ...]:
    """Tell what of a common cause is news when it changes: its label, its parts, and which of them are over."""
    return said.common, said.cause, [(one.fingerprint, one.episode, one.resolved) for one in said.children]
