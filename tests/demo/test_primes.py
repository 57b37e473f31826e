"""The prime-checker's variants are what the flag says, and its events are the recorded answers."""

from collections import Counter
from math import sqrt
from typing import Any

import pytest
from msgspec import convert, structs

from schemas.events import Event, Exchange, Outcome
from streams.demo.primes import CANARY_PERCENT, CHECKED_AFTER_S, JUNE, MARCH, MODELS, RATE, Checker, serving
from streams.demo.rows import PRIME, Prime, shipped

ROWS = shipped(PRIME, Prime)


def test_a_seed_tells_one_story() -> None:
    def told(seed: int) -> list[object]:
        checker = Checker(seed)
        return [checker.ask(serving(MARCH, 1, JUNE)) for _ in range(50)]

    assert told(1) == told(1) != told(2)


def test_every_event_is_one_of_the_schema() -> None:
    checker = Checker(0)
    for _ in range(100):
        asked = checker.ask(serving(MARCH, 1, JUNE))
        exchange, outcome = (convert({**said, "at": 0}, Event) for said in (asked.exchange, asked.outcome))
        assert isinstance(exchange, Exchange)
        assert isinstance(outcome, Outcome)
        assert asked.exchange.keys() <= {"type"} | {field.name for field in structs.fields(exchange)}
        assert (outcome.about, outcome.release) == (exchange.id, exchange.release)
        assert CHECKED_AFTER_S[0] <= asked.checked_after_s <= CHECKED_AFTER_S[1]


def test_a_canary_serves_its_share_and_a_promoted_release_serves_all() -> None:
    checker = Checker(0)
    served = Counter(checker.ask(serving(MARCH, 1, JUNE)).exchange["release"] for _ in range(3000))
    share = CANARY_PERCENT / 100
    assert abs(served[JUNE] - 3000 * share) < 5 * sqrt(3000 * share * (1 - share))
    assert {checker.ask(serving(JUNE, 2)).exchange["release"] for _ in range(100)} == {JUNE}


@pytest.mark.parametrize("release", MODELS)
def test_a_release_asks_each_question_once_before_it_asks_again(release: str) -> None:
    checker = Checker(0)
    asked = [checker.ask(serving(release, 1)) for _ in range(1000)]
    sent = Counter(_row(one.exchange, one.outcome) for one in asked)
    assert sent == Counter(row for row in ROWS if row.model == MODELS[release])
    spent = sum(one.after_s for one in asked)
    assert abs(RATE * spent - 1000) < 5 * sqrt(1000)  # a Poisson process


def _row(exchange: dict[str, Any], outcome: dict[str, Any]) -> Prime:
    said = {"question": exchange["id"].split("-")[2], "model": exchange["model_served"]}
    return convert({**exchange, **said, "in_form": exchange["schema_valid"], "correct": outcome["correct"]}, Prime)
