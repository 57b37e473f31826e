"""The embedded broker does what the demo needs of it, says what it cannot, and never outlives its parent."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.shell import broker
from streams.shell.exits import BrokerError
from tests.kafka import clients

GUARD_S = 20  # a process that has not ended by then hangs


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    pytest.importorskip("confluent_kafka", reason="the extra `demo` is not installed")
    with broker.embedded() as address:
        yield address


async def test_records_come_back_in_order(bootstrap: str, namespace: str) -> None:
    sent = [b"%d" % number for number in range(1_000)]
    await clients.produce(bootstrap, namespace, sent, partition=3)
    got = await clients.read(bootstrap, namespace, partition=3)
    assert [(record.offset, record.value) for record in got] == list(enumerate(sent))


async def test_asking_for_a_topic_makes_it_with_four_partitions(bootstrap: str, namespace: str) -> None:
    """As many as `schemas.config.Topics` asks for by default; the mock cluster offers no other number."""
    async with clients.admin(bootstrap) as admin:
        (topic,) = await admin.describe_topics([namespace])
    assert sorted(partition["partition"] for partition in topic["partitions"]) == [0, 1, 2, 3]


async def test_a_restarted_member_goes_on_where_it_committed(bootstrap: str, namespace: str) -> None:
    """With the commit's metadata, as MEASURE's anchors are commits that say that they are one."""
    place = TopicPartition(namespace, 0)
    await clients.produce(bootstrap, namespace, [b"a", b"b", b"c"])
    async with _member(bootstrap, namespace) as first:
        await first.commit({place: (2, "anchor")})
    async with clients.admin(bootstrap) as admin:
        # Asked for all partitions, as real brokers can be, the mock cluster answers with nothing.
        offsets = await admin.list_consumer_group_offsets(namespace, partitions=[place])
    assert (offsets[place].offset, offsets[place].metadata) == (2, "anchor")
    async with _member(bootstrap, namespace) as second:
        assert (await second.getone()).value == b"c"


async def test_a_partition_keeps_its_last_5_mib(bootstrap: str, namespace: str) -> None:
    """The limit that a reader of LIMITS relies on: what is older than 5 MiB is gone, what is younger is not."""
    half = b"x" * (512 << 10)
    await clients.produce(bootstrap, namespace, [half] * 20)
    got = await clients.read(bootstrap, namespace)
    assert [record.offset for record in got] == list(range(20 - 9, 20))  # the tenth and its headers pass 5 MiB


def test_it_says_what_it_is_not_for() -> None:
    with _process() as process:
        assert json.loads(_line(process))["bootstrap"].startswith("127.0.0.1:")
        process.terminate()
        _, said = process.communicate(timeout=GUARD_S)
    assert said.decode().strip() == broker.LIMITS


def test_it_ends_on_sigterm() -> None:
    with _process() as process:
        _line(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(GUARD_S) == 0


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = "from streams.shell.broker import embedded\nwith embedded() as b: print(b, flush=True); input()"
    with _process("-c", parent) as process:
        host, port = _line(process).strip().split(":")
        with socket.create_connection((host, int(port)), timeout=GUARD_S) as connection:
            process.kill()
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""  # its end; a broker that lived on would let us wait


def test_without_confluent_kafka_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "find_spec", lambda name: None)
    with pytest.raises(BrokerError, match=r"confluent-kafka.*`demo`"), broker.embedded():
        pass


def _member(bootstrap: str, group: str) -> AIOKafkaConsumer:
    """The only member of its group.

    The mock cluster lets a first member wait 3 s, which its session must outlast, and a later one for the session less
    a second.
    """
    return AIOKafkaConsumer(
        group,
        bootstrap_servers=bootstrap,
        group_id=group,
        group_instance_id="worker",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=4_000,
        heartbeat_interval_ms=500,
    )


@contextlib.contextmanager
def _process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    pytest.importorskip("confluent_kafka", reason="the extra `demo` is not installed")
    pipe = subprocess.PIPE
    command = [sys.executable, *(arguments or ("-m", "streams.shell.broker"))]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode()
