"""A flag -> what the demo's prime-checker sends: its variants are releases, and each answers as it was recorded.

The rows are real (`data/NOTICE.md`): 1,000 numbers, and whether GPT-4's snapshots of March and of June were right about
each. What is made up is the service around them, its two releases, and when somebody asks.
"""

from collections.abc import Mapping
from random import Random
from typing import Any, Final, NamedTuple

from streams.demo.rows import PRIME, shipped
from streams.demo.rows import Prime as Row
from streams.demo.story import shuffled

SERVICE: Final = "prime-checker"
MARCH: Final = "march"
JUNE: Final = "june"
MODELS: Final = {MARCH: "gpt-4-0314", JUNE: "gpt-4-0613"}
"""Release -> the snapshot that it asks."""

RATE: Final = 60.0
"""Exchanges a second."""
CANARY_PERCENT: Final = 33
CHECKED_AFTER_S: Final = (0.2, 0.6)
"""From an answer to its outcome: whether a number is prime is quickly worked out."""


class Asked(NamedTuple):
    """One question: when it comes, what is sent of it, and when it is known whether the answer was right.

    Attributes
    ----------
    after_s : since the question before
    exchange, outcome : ready for JSON but for ``at``, which the driver puts
    checked_after_s : since the exchange
    """

    after_s: float
    exchange: dict[str, Any]
    outcome: dict[str, Any]
    checked_after_s: float


class Checker:
    """The service. It goes through the numbers in shuffled order, again and again, whichever release serves.

    Parameters
    ----------
    seed : the same seed, and the same flags, make the same events

    Examples
    --------
    >>> asked = Checker(seed=0).ask(serving(MARCH, generation=1))
    >>> asked.exchange["release"], asked.exchange["model_served"], asked.outcome["about"] == asked.exchange["id"]
    ('march', 'gpt-4-0314', True)
    """

    def __init__(self, seed: int) -> None:
        self._rng, self._n = Random(f"{seed} primes"), 0
        rows = shipped(PRIME, Row)
        self._rows = {
            release: shuffled(self._rng, [row for row in rows if row.model == model])
            for release, model in MODELS.items()
        }

    def ask(self, flag: Mapping[str, Any]) -> Asked:
        """Ask the next question, of the variant that the flag gives."""
        release = variant(flag, self._rng.random())
        row = next(self._rows[release])
        who = {"service": SERVICE, "release": release}
        self._n += 1
        exchange = {
            "type": "exchange",
            "id": f"prime-{self._n:06d}-{row.question}",
            **who,
            "status": "ok",
            "model_served": row.model,
            "schema_valid": row.in_form,
            "output_tokens": row.output_tokens,
            "latency_ms": row.latency_ms,
            "cost_usd": row.cost_usd,
        }
        outcome = {"type": "outcome", "about": exchange["id"], **who, "correct": row.correct}
        return Asked(self._rng.expovariate(RATE), exchange, outcome, self._rng.uniform(*CHECKED_AFTER_S))


def serving(release: str, generation: int, canary: str = "") -> dict[str, Any]:
    """Make the flag of a deployment, as flagd knows flags.

    Parameters
    ----------
    release : that serves, all but the canary's share
    generation : of the release
    canary : what serves a third beside it

    References
    ----------
    https://flagd.dev/reference/custom-operations/fractional-operation
    """
    split = [[release, 100 - CANARY_PERCENT], [canary, CANARY_PERCENT]]
    return {
        "state": "ENABLED",
        "variants": MODELS,
        "defaultVariant": release,
        "targeting": {"fractional": split} if canary else {},
        "metadata": {"generation": generation},
    }


def variant(flag: Mapping[str, Any], chance: float) -> str:
    """Say which variant a flag gives, as flagd would: its split, or without one its default.

    Parameters
    ----------
    chance : from 0 to 1; flagd makes it from the key of who asks

    Examples
    --------
    >>> canary = serving(MARCH, generation=1, canary=JUNE)
    >>> variant(canary, 0.66), variant(canary, 0.68), variant(serving(JUNE, generation=2), 0.1)
    ('march', 'june', 'june')
    """
    place = 100 * chance
    for name, percent in flag["targeting"].get("fractional", ()):
        if place < percent:
            return str(name)
        place -= percent
    return str(flag["defaultVariant"])
