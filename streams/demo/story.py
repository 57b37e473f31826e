"""A seed -> what four services send in the demo: two of them change under their release, two stay as they are.

The rows are real (`data/NOTICE.md`). What is made up is the frame: the services' names and releases, when an event
comes, and that one service goes from GPT-4's March snapshot to June's while it runs, without a deploy and without a
word. And one regression is injected: a service whose answers must hold a schema breaks it in one of its workflows,
while every answer still says that all is well. Both moments are drawn here and known nowhere else.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

from msgspec import to_builtins

from streams.demo.rows import AIRLINE, CHAT, SURVEY, Airline, Chat, Survey, shipped

SEED: Final = 0
"""The seed of `barograph demo`."""

SECONDS: Final = 75.0
RATE: Final = 40.0
"""Exchanges a second, of each service."""

HEALTHY_FOR: Final = (46.0, 50.0)
BREAKS_AFTER: Final = (52.0, 56.0)
BROKEN: Final = "refunds"
WORKFLOWS: Final = ("intake", BROKEN, "renewals", "claims")
USUALLY_BROKEN, THEN_BROKEN = 0.02, 0.6  # shares of answers that break their schema; the latter in one workflow
JUDGED_AFTER: Final = (2.0, 6.0)  # seconds from an airline run to its outcome

Item = TypeVar("Item")


class Beat(NamedTuple):
    """One event of the story, and when it is sent.

    Attributes
    ----------
    seconds : float
        Since the story's start, to the millisecond.
    event : dict
        Ready for JSON but for ``at``, which the driver puts.
    """

    seconds: float
    event: dict[str, Any]


def story(seed: int) -> Iterator[Beat]:
    """Tell the whole story, in the order of time: 75 seconds, 40 exchanges a second from each service.

    ``survey-assistant`` asks for ``gpt-4`` and is served the March snapshot; between 46 and 50 seconds after the start
    it begins to be served June's. ``forms-assistant`` begins to break its schema in one workflow, between 52 and 56
    seconds after the start. ``chat-assistant`` and ``airline-agent`` do not change. What a run of the airline's agent
    was worth is told some seconds later, as an outcome.

    The two that do not change send rows drawn with replacement, each whatever came before it: independent draws from
    one distribution, which is what "nothing changed" means. The survey goes through its rows in a shuffled order, and
    again in another one when they are used up, so that its figures are those of the recorded answers. Events come as
    Poisson processes. Each service draws from its own generator.

    Parameters
    ----------
    seed : int
        The same seed tells the same story.

    Examples
    --------
    >>> beats = list(story(SEED))
    >>> sorted({beat.event["service"] for beat in beats})
    ['airline-agent', 'chat-assistant', 'forms-assistant', 'survey-assistant']
    >>> beats == list(story(SEED))
    True
    """
    services = {"survey": _survey, "chat": _chat, "airline": _airline, "forms": _forms}
    beats = [beat for name, told in services.items() for beat in told(Random(f"{seed} {name}"))]
    return iter(sorted(beats, key=lambda beat: beat.seconds))


def _survey(rng: Random) -> Iterator[Beat]:
    rows = shipped(SURVEY, Survey)
    march = shuffled(rng, [row for row in rows if row.model == "gpt-4-0314"])
    june = shuffled(rng, [row for row in rows if row.model == "gpt-4-0613"])
    change = rng.uniform(*HEALTHY_FOR)
    for n, seconds in enumerate(_arrivals(rng)):
        row = next(march if seconds < change else june)
        event = {
            "type": "exchange",
            "id": f"survey-{n:05d}-{row.question}",
            "service": "survey-assistant",
            "release": "2023-06-12",
            "status": "ok",
            "model_requested": "gpt-4",
            "model_served": row.model,
            "answered": row.answered,
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "latency_ms": row.latency_ms,
            "cost_usd": row.cost_usd,
        }
        yield Beat(seconds, event)


def _chat(rng: Random) -> Iterator[Beat]:
    rows = shipped(CHAT, Chat)
    for n, seconds in enumerate(_arrivals(rng)):
        row = rng.choice(rows)
        event = {
            "type": "exchange",
            "id": f"chat-{n:05d}",
            "service": "chat-assistant",
            "release": "2023-11-16",
            "status": "ok",
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
        }
        yield Beat(seconds, event)


def _forms(rng: Random) -> Iterator[Beat]:
    rows, breaks = shipped(CHAT, Chat), rng.uniform(*BREAKS_AFTER)
    for n, seconds in enumerate(_arrivals(rng)):
        row, workflow = rng.choice(rows), rng.choice(WORKFLOWS)
        broken = THEN_BROKEN if workflow == BROKEN and seconds >= breaks else USUALLY_BROKEN
        event = {
            "type": "exchange",
            "id": f"forms-{n:05d}",
            "service": "forms-assistant",
            "release": "2024-03-01",
            "status": "ok",
            "workflow": workflow,
            "schema_valid": rng.random() >= broken,
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
        }
        yield Beat(seconds, event)


def _airline(rng: Random) -> Iterator[Beat]:
    rows = shipped(AIRLINE, Airline)
    who = {"service": "airline-agent", "release": "2024-05-15"}
    for n, seconds in enumerate(_arrivals(rng)):
        row = rng.choice(rows)
        exchange = {
            "type": "exchange",
            "id": f"airline-{n:05d}-task-{row.task}-trial-{row.trial}",
            **who,
            "status": "ok",
            "workflow": "airline-desk",
            "steps": row.steps,
            "tools": to_builtins(row.tools),
        }
        if row.intent is not None:
            exchange["intent"] = row.intent
        yield Beat(seconds, exchange)
        judged = round(seconds + rng.uniform(*JUDGED_AFTER), 3)
        if judged < SECONDS:
            yield Beat(judged, {"type": "outcome", "about": exchange["id"], **who, "correct": row.correct})


def _arrivals(rng: Random) -> Iterator[float]:
    """Draw the times of a Poisson process of `RATE` a second, up to the story's end."""
    seconds = 0.0
    while (seconds := seconds + rng.expovariate(RATE)) < SECONDS:
        yield round(seconds, 3)


def shuffled(rng: Random, rows: Sequence[Item]) -> Iterator[Item]:
    """Go through the rows without end, each time in another order."""
    while True:
        yield from rng.sample(rows, len(rows))
