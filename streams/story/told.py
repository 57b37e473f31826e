"""A story -> its text: what happened, on what evidence, what was done about it, and when it ended."""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.control import Acknowledge
from schemas.incidents import Incident
from schemas.printable import printable_json
from streams import phrases
from streams.figures import beside, date, span, wrap
from streams.story.facts import AROUND_MS, Fact, phrase
from streams.story.gathered import Story
from streams.story.looked import Looked, exemplars
from streams.story.news import cause, lineage, news

Row = tuple[str | None, str]
"""A label and what stands beside it; with an empty label it goes on with the row before, with none it stands alone."""

_LABEL: Final = 11
_GONE: Final = {
    "gone": "its record is gone: retention took it, or the topic",
    "another": "another record lies there now: the topic was made again",
    "unreadable": "what lies there is no event",
}
_SEEN_AFTER_MS: Final = 600_000
"""A fact of `ai.control` is followed by a step within so long, or it was refused."""


def lines(story: Story) -> Iterator[str]:
    """Tell a story for people; nothing in it acts on a terminal.

    Lines have at most 100 columns, but for the records of exchanges: each of them is one line.
    """
    one = story.present
    shadow = ", in shadow: nobody was told" if one.shadow else ""
    yield from wrap(
        f"{one.severity.upper()} {one.status.upper()}: {one.service}, incident {one.fingerprint}, "
        f"episode {one.episode}{shadow}"
    )
    yield from wrap(one.summary)
    sections: dict[str, Iterable[Row]] = {
        "What happened": _happened(story),
        "On what evidence": _evidence(one),
        "Which guardrails": _guardrails(one),
        "What was recommended": _recommended(one),
        "Who acknowledged it": _acknowledged(story),
        "What else was said and done": _followed(story),
        "When it ended": _ended(story),
        "What the topics do not have": [(None, what) for what in story.missing],
    }
    for title, rows in sections.items():
        text = [line for row in rows for line in _row(*row)]
        if title == "On what evidence":
            text += _exchanges(story)
        if text:
            yield from ("", title, *text)


def _row(label: str | None, text: str) -> list[str]:
    if label is None:
        return wrap(text, first="  ", then="    ")
    return beside(label, text, _LABEL)


def _happened(story: Story) -> Iterator[Row]:
    one = story.present
    yield "since", date(one.since) + phrases.onset(one)
    yield "for", phrases.whom(one)
    before: Incident | None = None
    for step in story.steps:
        mark = " *" if step.sequence == story.asked else ""
        yield f"{step.sequence}{mark}", f"{date(step.updated_at)}: {step.step}"
        yield from (("", line) for line in news(before, step))
        before = step
    if story.asked is not None:
        yield "", f"* is {story.steps[0].fingerprint}-{one.episode}-{story.asked}, which was asked for"


def _evidence(one: Incident) -> Iterator[Row]:
    yield from _several("changed", map(phrases.moved, one.changes))
    if one.how_sure:
        yield "how sure", phrases.sure(one)
    yield from _several("failures", map(phrases.failures, one.modes))
    if one.diversity:
        yield "diversity", phrases.spread(one.diversity)
    if one.concentration:
        yield "most in", phrases.concentrated(one.concentration)
    yield "severity", f"{one.severity}: {one.why_severity}"
    yield from _several("also", (f"{also.what}: {also.before} -> {also.after} at {date(also.at)}" for also in one.also))
    if decided := lineage(one):
        yield "decided by", decided


def _exchanges(story: Story) -> Iterator[str]:
    """Name the exchanges to look at; with their records, one line each, if those were asked for."""
    if story.events is None:
        for i, one in enumerate(exemplars(story.steps)):
            yield from _row("exchanges" if i == 0 else "", phrases.place(one))
        return
    for i, looked in enumerate(story.events):
        yield from _row("exchanges" if i == 0 else "", phrases.place(looked.exemplar))
        yield from _record(looked)


def _record(looked: Looked) -> list[str]:
    if looked.found == "there":
        return [f"{'':<{_LABEL + 2}}{printable_json(looked.record)}"]
    return _row("", _GONE[looked.found])


def _guardrails(one: Incident) -> Iterator[Row]:
    if one.guardrails:
        yield from ((None, phrases.fired(guard)) for guard in one.guardrails)
    else:
        yield None, "no guardrail is known to have fired more often than before"


def _recommended(one: Incident) -> Iterator[Row]:
    yield "do", one.action
    if suspected := cause(one):
        yield "suspected", suspected
    if one.owner:
        yield "owner", one.owner
    if one.runbook:
        yield "runbook", one.runbook


def _acknowledged(story: Story) -> Iterator[Row]:
    steps = [step for step in story.steps if step.step == "acknowledged"]
    for step in steps:
        yield None, f"{step.acknowledged_by}, {date(step.updated_at)}{f': {step.note}' if step.note else ''}"
    if not steps and story.present.acknowledged_by:
        yield None, f"{story.present.acknowledged_by}; when is not on the topics"
    elif not steps:
        yield None, "nobody" if story.present.status == "resolved" else "nobody, so far"
    for fact, said in _taken(story):
        if not any(step.acknowledged_by == said.by and _soon(step, fact) for step in steps):
            refused = "no step is known to have followed: it may have been refused, then ai.events.rejected says why"
            yield None, f"{said.by} said so at {date(fact.at)} ({fact.place}), and {refused}"


def _taken(story: Story) -> list[tuple[Fact, Acknowledge]]:
    """Choose the acknowledgements of the incident itself, and not of a part of it."""
    return [
        (fact, fact.said)
        for fact in story.facts
        if isinstance(fact.said, Acknowledge) and fact.said.fingerprint == story.present.fingerprint
    ]


def _soon(step: Incident, fact: Fact) -> bool:
    return abs(step.updated_at - fact.at) <= _SEEN_AFTER_MS


def _followed(story: Story) -> Iterator[Row]:
    one = story.present
    taken = [fact for fact, _ in _taken(story)]
    facts = [fact for fact in story.facts if fact not in taken]
    for fact in facts:
        of = f"{fact.said.service}: " if fact.said.service != one.service else ""
        yield None, f"{date(fact.at)}, {fact.place}: {of}{phrase(fact.said)}"
    if not facts:
        until = f"to {span(AROUND_MS)} after it" if one.status == "resolved" else "on"
        yield None, f"nothing was said of {one.service} from {span(AROUND_MS)} before it {until}"
    if one.held:
        yield "held back", one.held
    if story.parent:
        yield "part of", _stands(story.parent)
    elif one.parent:
        yield "part of", f"{one.parent}, of which nothing is on the topics"
    last = {(part.fingerprint, part.episode): part.status for part in story.children}
    told = [
        f"{phrases.part_of(child)}; {last.get((child.fingerprint, child.episode), 'not on the topics')}"
        for child in one.children
    ]
    yield from _several("parts", told)
    yield from _several("changes", (f"{report.release}: {report.summary}" for report in story.changes))
    yield from _several("failures", (f"{report.release}: {report.summary}" for report in story.failures))


def _stands(one: Incident) -> str:
    return f"{one.fingerprint}-{one.episode} ({one.severity}, {one.status}): {one.summary}"


def _ended(story: Story) -> Iterator[Row]:
    one = story.present
    if one.status != "resolved":
        yield None, f"it has not: it is {one.status} since {date(one.started_at)}; last told at {date(one.updated_at)}"
    else:
        ended = one.updated_at if one.ended_at is None else one.ended_at
        lasted = span(max(ended - one.started_at, 0))
        yield None, f"{date(ended)}, {lasted} after it was first told{f': {one.ended_why}' if one.ended_why else ''}"
    if story.later:
        yield None, f"it came back: episode {story.later.episode} is {story.later.status}, {story.later.id}"


def _several(label: str, texts: Iterable[str]) -> Iterator[Row]:
    for i, text in enumerate(texts):
        yield label if i == 0 else "", text
