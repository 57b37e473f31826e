"""A number -> an event that says something nobody said before, as fast as bytes can be formatted.

Events are made from some hundred templates of `benchmarks.events`: what differs is written between parts that stay.
Every event has an id, a session and a trace of its own. Beyond that, of every hundred events

- one comes from a service that never was, and never comes again;
- one comes from a release that never was, of a known service;
- ten give a name that never was in one of the named fields, each in turn;
- one has a field of a name that never was, and one an attribute, a tool, a guardrail and an error type of new names.

And of every half million events the last ten thousand each come from another new service: more than a block may name.
"""

import random
from typing import Any, Final, NamedTuple

import orjson

from benchmarks.events import SEED, SERVICES, exchange

TEMPLATES: Final = 500
NAMED: Final = (
    "workflow", "persona", "intent", "language", "tenant_tier", "env", "route", "model_served", "model_requested",
    "finish_reason",
)  # fmt: skip
OF: Final = 100
FLOOD_EVERY: Final = 500_000
FLOOD: Final = 10_000
_HOLE: Final = "7f3ahole"


class Novel(NamedTuple):
    """An event, and the service that it names."""

    service: bytes
    value: bytes


class Novelties:
    """Makes the n-th event.

    Examples
    --------
    >>> events = Novelties()
    >>> events.of(0, 1_795_478_400_000).service, events.of(100, 1_795_478_400_000).service
    (b'new-service-0', b'new-service-100')
    """

    def __init__(self, seed: int = SEED) -> None:
        chance = random.Random(seed)
        said = [exchange(chance, 0, chance.randrange(SERVICES)) for _ in range(TEMPLATES)]
        self._services = [one["service"].encode() for one in said]
        self._plain = [_template(one) for one in said]
        self._odd = {place: [_template(one | more) for one in said] for place, more in _novel().items()}

    def of(self, n: int, at_ms: int) -> Novel:
        """Make the n-th event, at that time."""
        flood = n % FLOOD_EVERY >= FLOOD_EVERY - FLOOD
        place, which = 0 if flood else n % OF, (n // OF * 7 + n) % TEMPLATES
        one, holes = self._odd.get(place, self._plain)[which]
        value = one % ((at_ms, *((n,) * holes)))
        return Novel(b"new-service-%d" % n if place == 0 else self._services[which], value)


def _novel() -> dict[int, dict[str, Any]]:
    """Say which of every hundred events says what, with a hole where the number goes."""
    found: dict[int, dict[str, Any]] = {
        0: {"service": f"new-service-{_HOLE}"},
        1: {"release": f"new-release-{_HOLE}"},
        12: {f"new_field_{_HOLE}": 1},
        13: {
            "attributes": {f"new-attribute-{_HOLE}": 1.5}, "error_type": f"NewError{_HOLE}", "status": "error",
            "tools": [{"name": f"new-tool-{_HOLE}", "ok": False, "error": f"new-fault-{_HOLE}"}],
            "guardrails": [{"name": f"new-guardrail-{_HOLE}", "fired": True, "category": f"new-category-{_HOLE}"}],
        },
    }  # fmt: skip
    return found | {2 + i: {field: f"new-{field}-{_HOLE}"} for i, field in enumerate(NAMED)}


def _template(said: dict[str, Any]) -> tuple[bytes, int]:
    """Write an event as a format: first the time, then as often as there are holes, the number."""
    whole = {"at": 0, **{k: v for k, v in said.items() if k != "at"}}
    whole |= {"id": f"e-{_HOLE}", "session": f"s-{_HOLE}", "trace": f"t-{_HOLE}"}
    text = orjson.dumps(whole).replace(b"%", b"%%").replace(_HOLE.encode(), b"%d")
    return text.replace(b'"at":0', b'"at":%d', 1), text.count(b"%d")
