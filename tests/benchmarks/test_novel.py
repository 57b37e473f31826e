"""Nothing is said twice, and all of it is valid."""

from collections import Counter

import msgspec
import orjson

from benchmarks.novel import FLOOD, FLOOD_EVERY, NAMED, OF, Novelties
from schemas.config import Config
from schemas.events import Event, Exchange

AT_MS = 1_795_478_400_000
N = 2_000


def _events() -> list[Exchange]:
    novelties, read = Novelties(), msgspec.json.Decoder(Event).decode
    found = []
    for n in range(N):
        one = novelties.of(n, AT_MS)
        event = read(one.value)
        assert isinstance(event, Exchange)
        assert event.service.encode() == one.service
        assert event.at == AT_MS
        found.append(event)
    return found


def test_ids_sessions_and_traces_never_come_again() -> None:
    events = _events()
    for field in ("id", "session", "trace"):
        assert len({getattr(event, field) for event in events}) == N


def test_of_every_hundred_one_service_one_release_and_one_of_each_name_is_new() -> None:
    events = _events()
    for field in ("service", "release", *NAMED):
        new = Counter(getattr(event, field) for event in events if str(getattr(event, field)).startswith("new-"))
        assert len(new) == N / OF
        assert set(new.values()) == {1}


def test_fields_tools_and_errors_have_names_that_never_were() -> None:
    novelties = Novelties()
    raw = [orjson.loads(novelties.of(n, AT_MS).value) for n in range(N)]
    assert len({name for one in raw for name in one if name.startswith("new_field_")}) == N / OF
    assert len({tool["name"] for one in raw for tool in one["tools"] if tool["name"].startswith("new-")}) == N / OF
    assert len({one["error_type"] for one in raw if one.get("error_type", "").startswith("New")}) == N / OF


def test_a_flood_names_more_services_than_a_block_may() -> None:
    novelties = Novelties()
    events = range(FLOOD_EVERY - FLOOD - 1, FLOOD_EVERY + 2)
    services = [novelties.of(n, AT_MS).service for n in events]
    assert len(set(services)) >= FLOOD > 4 * Config().measure.names_per_block
    assert not services[0].startswith(b"new-")
