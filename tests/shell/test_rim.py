"""The worker's page, its reasons to end, its ticks, and topics that do not fit."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import aiohttp
import pytest
from aiokafka.errors import KafkaError
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Config
from schemas.sections import Topics, Worker
from schemas.strict import ConfigError
from schemas.tallies import Tick, decode
from schemas.topics import TOPICS
from streams.shell.exits import ConfigRefused, Doubt, Fuse, TopicError
from streams.shell.heart import Heart
from streams.shell.metrics import Metrics
from streams.shell.outbox import Headers, Outbox, Sent
from streams.shell.ticks import MARGIN_S, Survey, Ticks, wait_s
from streams.shell.topics import partitions, verify
from streams.shell.web import Web
from streams.telling.answered import Known
from streams.watch.clock import begin_ms, second_of
from streams.watch.effective import digest
from tests.shell.fakes import Producer, settle

ANY_PORT = Config(worker=Worker(http_port=0))
NOTHING = Known((), {})


async def test_ready_says_what_is_missing() -> None:
    missing = ["watch: no assignment yet"]
    web = Web(ANY_PORT, Metrics(), lambda: missing, lambda: NOTHING)
    await web.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as session:
            async with session.get("/ready") as answer:
                assert answer.status == 503
                assert await answer.json() == {"ready": False, "missing": missing}
            missing.clear()
            async with session.get("/ready") as answer:
                assert answer.status == 200
            async with session.get("/live") as answer:
                assert answer.status == 200
            async with session.get("/metrics") as answer:
                assert "barograph_flushes_total" in await answer.text()
    finally:
        await web.stop()


async def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        web = Web(Config(worker=Worker(http_port=port)), Metrics(), list, lambda: NOTHING)
        with pytest.raises(ConfigRefused, match=rf"cannot listen on 127\.0\.0\.1:{port} .*`worker\.http_port`"):
            await web.start()
        await web.stop()


async def test_beyond_loopback_a_token_is_asked_for_everywhere_but_of_probes(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3same\n")
    worker = Worker(http_host="127.0.0.1", http_port=0, http_token_file=str(tmp_path / "token"))
    web = Web(Config(worker=worker), Metrics(), lambda: ["watch: no assignment \x9b yet"], lambda: NOTHING)
    await web.start()
    ours = {"Authorization": "Bearer s3same"}
    strangers: list[dict[str, str]] = [
        {}, {"Authorization": "Bearer"}, {"Authorization": "Bearer s3sam"}, {"Authorization": "Basic s3same"},
        {"Authorization": "s3same"}, {"Authorization": "Bearer s3same\N{LATIN SMALL LETTER E WITH ACUTE}"},
    ]  # fmt: skip
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as session:
            for path, found in (("/metrics", 200), ("/nothing", 404)):
                for headers in strangers:
                    async with session.get(path, headers=headers) as answer:
                        assert answer.status == 401, (path, headers)
                        assert answer.headers["WWW-Authenticate"] == "Bearer"
                async with session.get(path, headers=ours) as answer:
                    assert answer.status == found
            async with session.get("/live") as answer:
                assert answer.status == 200
            async with session.get("/ready") as answer:
                assert answer.status == 503
                assert await answer.json() == {"ready": False}
            async with session.get("/ready", headers=ours) as answer:
                assert await answer.json() == {"ready": False, "missing": [r"watch: no assignment \x9b yet"]}
    finally:
        await web.stop()


def test_names_of_unknown_fields_cannot_act_on_who_reads_the_metrics() -> None:
    metrics = Metrics()
    metrics.counted({("unknown_field", 'a\x1b[2J\n"} 1\u202e'): 1})
    [line] = [one for one in metrics.page().decode().splitlines() if one.startswith("barograph_unknown_fields_total")]
    assert line == r'barograph_unknown_fields_total{field="a\\x1b[2J\\n\"} 1\\u202e"} 1.0'


def test_names_of_unknown_fields_cannot_fill_prometheus() -> None:
    metrics = Metrics()
    metrics.counted({("unknown_field", f"field-{i}"): 1 for i in range(1000)})
    series = [
        line for line in metrics.page().decode().splitlines() if line.startswith("barograph_unknown_fields_total")
    ]
    assert len(series) == 51, "fifty names, and all others as one"
    assert 'barograph_unknown_fields_total{field="__other__"} 950.0' in series


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Doubt("record 7 is missing"), "record 7 is missing"),
        (KafkaError("gone"), "Kafka: "),
        (ZeroDivisionError(), "bug"),
    ],
)
async def test_whatever_fails_blows_the_fuse(failure: Exception, said: str) -> None:
    async def work() -> None:
        raise failure

    fuse = Fuse()
    await fuse.guard(work())
    assert isinstance(fuse.why, Doubt)
    assert said in str(fuse.why)
    assert fuse.why.code == 4


async def test_the_first_reason_counts_and_a_cancelled_part_is_none() -> None:
    fuse = Fuse()
    waiting = asyncio.create_task(fuse.guard(asyncio.Event().wait()))
    await settle()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert fuse.why is None
    fuse.blow(TopicError("first"))
    fuse.blow(Doubt("second"))
    await fuse.blown()
    assert str(fuse.why) == "first"


async def test_a_partition_gets_no_tick_before_its_last_is_acknowledged() -> None:
    class Slow(Producer):
        def __init__(self) -> None:
            super().__init__(acknowledges=False)
            self.ticks: list[tuple[int | None, object]] = []

        async def send(
            self, topic: str, value: bytes | None, key: bytes, partition: int | None, *, headers: Headers
        ) -> Sent:
            assert value is not None
            self.ticks.append((partition, decode(value)))
            return await super().send(topic, value, key, partition, headers=headers)

    async def survey() -> Survey:
        return Survey((3,), "q83v")

    producer = Slow()
    ticks = Ticks(Config(), Outbox(producer, Config()), lambda: (0, 1), survey)
    tick = Tick(worker="barograph-0", source="ai.events", caught_up=(3,), topic_id="q83v", config=digest(Config()))
    await ticks.write()
    await ticks.write()
    assert producer.ticks == [(0, tick), (1, tick)]
    producer.acknowledge()
    await ticks.write()
    assert len(producer.ticks) == 4
    producer.fail()
    with pytest.raises(Doubt):
        await ticks.write()


@given(st.floats(1.7e9, 1.9e9), st.floats(-5, 5), st.floats(0, 0.5))
def test_a_tick_is_appended_just_after_a_second_of_watch_is_over(now: float, ahead_s: float, longer_s: float) -> None:
    """By the clock of the broker, whatever ours says, as long as it takes no less time than was seen."""
    waited_s = wait_s(now, ahead_s)
    assert 0 <= waited_s <= 1.001
    appended = now + waited_s + ahead_s + longer_s
    second = second_of(round(appended * 1000))
    assert begin_ms(second) <= appended * 1000 <= begin_ms(second) + (MARGIN_S + longer_s) * 1000 + 1


async def test_ticks_tell_how_far_the_brokers_clock_is_ahead() -> None:
    """The least of what was heard: now and then one is on its way for long."""

    async def survey() -> Survey:
        return Survey()

    producer = Producer()
    ticks = Ticks(Config(), Outbox(producer, Config()), lambda: (0, 1), survey)
    assert ticks.ahead_s == 0
    for seconds in (7, -3, 5):
        producer.appended_ms = int((time.time() + seconds) * 1000)
        await ticks.write()
        await settle()
    assert -3.5 < ticks.ahead_s <= -3


def there(config: Config, **changed: int) -> dict[str, int]:
    return {topic.name: changed.get(topic.role, partitions(config, topic)) for topic in TOPICS}


def test_more_partitions_of_events_are_fine_and_fewer_are_not() -> None:
    config = Config(topics=Topics(events_partitions=4))
    verify(config, there(config, events=9))
    with pytest.raises(TopicError, match=r"ai\.events has 3 partitions, but `topics\.events_partitions` says 4"):
        verify(config, there(config, events=3))


@pytest.mark.parametrize("role", ["tallies", "state"])
@pytest.mark.parametrize("found", [3, 5])
def test_another_number_of_tallies_partitions_is_refused(role: str, found: int) -> None:
    config = Config(topics=Topics(tallies_partitions=4))
    with pytest.raises(TopicError, match=rf"{role} has {found} partitions, but `topics.tallies_partitions` says 4"):
        verify(config, there(config, **{role: found}))


def test_topics_of_one_partition_may_have_more() -> None:
    verify(Config(), there(Config(), incidents=4, rejected=4))


async def test_a_loop_that_hangs_ends_the_process_from_beside_it() -> None:
    died: asyncio.Future[Doubt] = asyncio.get_running_loop().create_future()
    loop, hangs = asyncio.get_running_loop(), threading.Event()

    def die(why: Doubt) -> None:
        hangs.set()
        loop.call_soon_threadsafe(died.set_result, why)

    heart = Heart(2.0, die)
    beating = asyncio.create_task(heart.beat())
    await asyncio.sleep(0)
    heart.listen()
    assert hangs.wait(60), "this line keeps the loop from going round, and only the thread can end that"
    assert "the event loop stood still for 2 s" in str(await died)
    beating.cancel()


async def test_a_config_that_cannot_be_used_is_no_bug() -> None:
    async def work() -> None:
        raise ConfigError("`watch.resolve_after_s` takes too many buckets")

    fuse = Fuse()
    await fuse.guard(work())
    assert isinstance(fuse.why, ConfigRefused)
    assert fuse.why.code == 2


async def test_a_record_that_its_topic_does_not_take_is_one_sentence_and_is_not_sent() -> None:
    producer = Producer()
    with pytest.raises(TopicError, match=r"a record of \d+ bytes, b'svc', does not fit into barograph.state"):
        await Outbox(producer, Config()).put("state", b"svc", bytes(9 << 20))
    assert producer.sent == []
