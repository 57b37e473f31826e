"""Workers, and a broker that asks who they are: TLS, SASL, rights, and one sentence where they do not fit."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from msgspec.structs import replace

from schemas import acls
from schemas.acls import Grant, Operation
from schemas.config import Config
from schemas.incidents import Exemplar
from schemas.sections import Kafka, Topics, Worker
from schemas.security import Mechanism, Security
from schemas.watching import Watch
from streams.demo.tell import tell
from streams.shell import found, knock, secret, topics
from streams.shell.clients import producer, topic
from streams.shell.exits import BrokerError, TopicError
from streams.shell.rights import BITS, require
from streams.shell.say import say
from streams.shell.tallies import recorded
from streams.story import gathered
from streams.watch.stage import State
from streams.watch.store import restore
from tests.kafka.clients import produce, read
from tests.kafka.cluster import Cluster
from tests.kafka.guarded import USERS, Guard
from tests.shell.traffic import exchanges, known, sent, told
from tests.shell.workers import until, worker

HOSTILE = "shop\x1b[2J\n\x9b31m\u202eERROR"
"""A service that calls itself so clears a terminal, forges a line and turns what follows around."""


def guard_of(cluster: Cluster) -> Guard:
    assert cluster.guard is not None
    return cluster.guard


@pytest.fixture(scope="module")
def config(guarded_kafka: Cluster) -> Config:
    """Of a worker that was granted exactly what `barograph topics --acls` prints, and what it needs of nobody else."""
    made = Config(
        kafka=Kafka(
            bootstrap=guarded_kafka.guarded(), group="eu", session_timeout_s=6,
            security=guard_of(guarded_kafka).security(),
        ),
        topics=Topics(prefix="eu.", events_partitions=2, tallies_partitions=2),
        worker=Worker(http_port=0),
        watch=Watch(
            checkpoint_every_s=0.5, state_every_s=0, baseline_events=400, dependence="none", season_percent=0
        ),
    )  # fmt: skip
    # The worker's; and the reader's, that have the one other form. Each costs the start of a JVM.
    lines = [line for line in acls.commands(opened(made, guarded_kafka)) if "User:worker" in line or "prefixed" in line]
    assert len(lines) > 1
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(guarded_kafka.acls, lines))
    return made


def opened(config: Config, cluster: Cluster) -> Config:
    """The same, for the test itself, which comes in by the listener that nobody guards."""
    return replace(config, kafka=Kafka(bootstrap=cluster.bootstrap, group=config.kafka.group))


def events(n: int, seed: int = 0, failing: float = 0.05) -> list[bytes]:
    """Exchanges of five services, the first of which has a hostile name."""
    name = json.dumps(HOSTILE).encode()
    return [event.replace(b'"svc-0"', name) for event in exchanges(n, seed, failing)]


async def send(config: Config, values: Sequence[bytes]) -> None:
    for partition in range(config.topics.events_partitions):
        own = values[partition :: config.topics.events_partitions]
        await produce(config.kafka.bootstrap, topic(config, "events"), own, partition)


async def held(config: Config, role: str, partitions: int = 1) -> list[list[ConsumerRecord]]:
    return [await read(config.kafka.bootstrap, topic(config, role), partition) for partition in range(partitions)]


async def states(config: Config) -> list[State]:
    found = await held(config, "state", config.topics.tallies_partitions)
    return [one for records in found for one in restore((r.key, r.value) for r in records).states.values()]


async def counted(config: Config, values: Sequence[bytes]) -> None:
    async def all_of_them() -> bool:
        return known(await states(config)) == sent(values)

    await until(all_of_them)


async def test_a_worker_with_exactly_its_rights_counts_everything_over_tls_and_scram(
    config: Config, guarded_kafka: Cluster, tmp_path: Path
) -> None:
    ours = opened(config, guarded_kafka)
    good, bad = events(3000), [
        b"no event",
        json.dumps({"type": "exchange\x9b2J\u202e", "id": "1"}).encode(),
        json.dumps({"type": "exchange", "id": "1", "service": HOSTILE, "release": "1", "at": "\x1b]0;"}).encode(),
    ]  # fmt: skip
    async with worker(config, tmp_path) as running:
        await running.ready()
        worse = events(3000, seed=1, failing=0.9)
        await send(ours, bad)
        for phase in (good, worse):
            for begin in range(0, len(phase), 500):
                await send(ours, phase[begin : begin + 500])
                await asyncio.sleep(1)  # so that they lie in blocks of their own: a baseline is learned from whole ones
        await counted(ours, [*good, *worse])

        async def of_the_hostile_one() -> list[ConsumerRecord]:
            [found] = await held(ours, "incidents")
            return [record for record in found if json.loads(record.value)["service"] == HOSTILE]

        hostile = await until(of_the_hostile_one)  # the name itself is kept: it is the service's
        _, page = await running.ask("/metrics")
        assert await running.stop() == 0

    tallies = await held(ours, "tallies", 2)
    assert told(record for records in tallies for record in records) == sent([*good, *worse])
    for record in hostile:
        assert dict(record.headers)["ce_subject"].decode().isprintable()
        incident = json.loads(record.value)
        assert incident["summary"].startswith(r"shop\x1b[2J\n\x9b31m\u202eERROR: ")
        assert incident["summary"].isprintable()
        assert tell(incident).replace("\n", "").isprintable()
    [rejected] = await held(ours, "rejected")
    assert len({record.key for record in rejected}) == len(bad)
    assert all(json.loads(record.value)["said"].isprintable() for record in rejected)
    shown = [*running.said, *page.splitlines()]
    assert all(line.isprintable() for line in shown)
    assert not any(password in line for line in shown for password in USERS.values())


BY: dict[str, Callable[[Cluster], tuple[str, Security]]] = {
    **{
        mechanism: lambda c, m=mechanism: (c.guarded(), guard_of(c).security(m))  # type: ignore[misc]
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "OAUTHBEARER")
    },
    "certificate": lambda c: (c.guarded("MUTUAL"), guard_of(c).mutual()),
}


@pytest.mark.parametrize("by", BY)
async def test_each_way_to_prove_who_one_is_serves_every_client_of_a_worker(
    by: str, config: Config, guarded_kafka: Cluster, tmp_path: Path
) -> None:
    """Both stages: MEASURE's consumer, the producer, the admin, the reader, and Faust's own clients."""
    address, security = BY[by](guarded_kafka)
    ours = opened(config, guarded_kafka)
    await asyncio.to_thread(topics.ensure, ours)
    before = known(await states(ours))
    fresh = events(300, seed=len(by))
    async with worker(
        replace(config, kafka=replace(config.kafka, bootstrap=address, security=security)), tmp_path
    ) as it:
        await it.ready()
        await send(ours, fresh)

        async def all_of_them() -> bool:
            return known(await states(ours)) == before + sent(fresh)

        await until(all_of_them)
        assert await it.stop() == 0


Case = Callable[[Cluster, Path], tuple[str, Security]]


def _tls(cluster: Cluster) -> Security:
    return Security(protocol="SSL", ca_file=str(guard_of(cluster).ca_file))


def _wrong(path: Path, security: Security) -> Security:
    path.write_text("wr0ng-s3cret")
    return replace(security, **{"token_file" if security.token_file else "password_file": str(path)})


def _old_token(cluster: Cluster, path: Path) -> Security:
    token = guard_of(cluster).write_token("worker-of-yesterday", expires_s=-600)
    return replace(guard_of(cluster).security("OAUTHBEARER"), token_file=str(token))


def _unencrypted(cluster: Cluster) -> Security:
    return replace(guard_of(cluster).security(), protocol="SASL_PLAINTEXT", ca_file="", unencrypted=True)


REFUSED: dict[str, tuple[Case, str]] = {
    "wrong password": (lambda c, p: (c.guarded(), _wrong(p, guard_of(c).security())),
                       "does not accept the user `worker` or the password of `kafka.security`"),
    "wrong password of PLAIN": (lambda c, p: (c.guarded(), _wrong(p, guard_of(c).security("PLAIN"))),
                                "does not accept the user `worker` or the password"),
    "no token": (lambda c, p: (c.guarded(), _wrong(p, guard_of(c).security("OAUTHBEARER"))),
                 "does not accept the token in"),
    "expired token": (lambda c, p: (c.guarded(), _old_token(c, p)), "it may have expired"),
    "expired certificate": (lambda c, _: (c.guarded("EXPIRED"), _tls(c)), "has expired: give the broker a new one"),
    "other host": (lambda c, _: (c.guarded("ELSEWHERE"), _tls(c)), "is for another host: address it"),
    "other CA": (lambda c, _: (c.guarded("MUTUAL"), replace(_tls(c), ca_file=str(guard_of(c).other_ca_file))),
                 "is not trusted here (unable to get local issuer certificate): put the CA"),
    "no certificate of ours": (lambda c, _: (c.guarded("MUTUAL"), _tls(c)), "does not accept our certificate"),
    "TLS where there is none": (lambda c, _: (c.bootstrap, _tls(c)), "ends the connection while TLS begins"),
    "none where there is TLS": (lambda c, _: (c.guarded("MUTUAL"), Security()), "ends it without a word"),
    "none where there is SASL": (lambda c, _: (c.guarded("PLAINSASL"), Security()), "ends it without a word"),
    "TLS alone where there is SASL": (lambda c, _: (c.guarded(), _tls(c)), "ends it without a word"),
    "SASL where there is none": (lambda c, _: (c.bootstrap, _unencrypted(c)), "asks for no SASL on that port"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_a_broker_that_does_not_let_us_in_is_one_sentence_that_says_what_to_do(
    case: str, guarded_kafka: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knock, "ANSWER_S", 2.0)  # what a broker only hints at is taken for an answer after that
    make, said = REFUSED[case]
    address, security = make(guarded_kafka, tmp_path / "secret")
    with pytest.raises(BrokerError) as refused:
        await knock.knock(Config(kafka=Kafka(bootstrap=address, security=security)))
    told = str(refused.value)
    assert said in told
    assert address in told
    assert "\n" not in told
    assert not any(password in told for password in (*USERS.values(), "wr0ng-s3cret"))


@pytest.mark.parametrize("case", ["wrong password", "expired certificate", "none where there is TLS"])
async def test_a_worker_that_is_not_let_in_ends_with_3_and_that_sentence_alone(
    case: str, config: Config, guarded_kafka: Cluster, tmp_path: Path
) -> None:
    make, said = REFUSED[case]
    address, security = make(guarded_kafka, tmp_path / "secret")
    async with worker(
        replace(config, kafka=replace(config.kafka, bootstrap=address, security=security)), tmp_path
    ) as it:
        assert await it.ended() == 3
    assert len(it.said) == 1
    assert said in it.said[0]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
async def test_a_secret_is_in_no_log_at_any_level(
    mechanism: Mechanism, config: Config, guarded_kafka: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    security = guard_of(guarded_kafka).security(mechanism)
    password = secret.token(security).reveal() if security.token_file else USERS["worker"]
    caplog.set_level("DEBUG")
    sender = producer(replace(config, kafka=replace(config.kafka, security=security)))
    await sender.start()
    await sender.stop()
    assert "aiokafka" in caplog.text
    assert password not in caplog.text


NEEDED = [
    (grant, operation)
    for grant in acls.grants(Config(kafka=Kafka(group="eu"), topics=Topics(prefix="eu.")), "worker")
    for operation in grant.operations
    if operation in BITS and not (operation == "Describe" and len(set(grant.operations) & {"Read", "Write"}))
]
"""Each right of a worker; that to look at a topic comes with that to read or to write it."""


@pytest.fixture(scope="module")
def there(config: Config, guarded_kafka: Cluster) -> None:
    topics.ensure(opened(config, guarded_kafka))


@pytest.fixture(scope="module")
def admin(guarded_kafka: Cluster) -> AdminClient:
    return AdminClient({"bootstrap.servers": guarded_kafka.bootstrap})


@pytest.fixture
def without(admin: AdminClient) -> Iterator[Callable[[Grant, Operation], None]]:
    """Take a right away, until the end of the test."""
    taken: list[AclBinding] = []

    def take(grant: Grant, operation: Operation) -> None:
        rule = rule_of(grant, operation, "worker")
        [deleted] = admin.delete_acls([AclBindingFilter(*rule)]).values()
        assert len(deleted.result()) == 1, "it was granted, and by a rule of its own"
        taken.append(AclBinding(*rule))

    yield take
    for made in admin.create_acls(taken).values():
        made.result()


def rule_of(grant: Grant, operation: Operation, user: str) -> tuple[Any, ...]:
    return (
        ResourceType[grant.kind.upper()], grant.name, ResourcePatternType.LITERAL, f"User:{user}", "*",
        AclOperation[operation.upper()], AclPermissionType.ALLOW,
    )  # fmt: skip


@pytest.mark.parametrize(("grant", "operation"), NEEDED, ids=lambda value: getattr(value, "name", value))
async def test_a_right_that_is_missing_is_named(
    grant: Grant, operation: Operation, config: Config, there: None, without: Callable[[Grant, Operation], None]
) -> None:
    await allowed(config)
    without(grant, operation)

    async def refusal() -> str:
        try:
            await asyncio.to_thread(require, config)
        except BrokerError as refused:
            return str(refused)
        return ""  # the broker learns of it a moment later

    said = await until(refusal)
    assert f"does not let this worker {operation.lower()}" in said
    assert f"the {grant.kind} {grant.name}" in said
    assert "barograph topics --acls" in said


async def allowed(config: Config) -> None:
    """Wait until the broker has heard that the right of the test before is given back."""

    async def nothing_is_missing() -> bool:
        try:
            return await asyncio.to_thread(require, config)
        except BrokerError:
            return False

    await until(nothing_is_missing)


async def test_a_worker_without_a_right_ends_with_3_and_its_name(
    config: Config, there: None, without: Callable[[Grant, Operation], None], tmp_path: Path
) -> None:
    await allowed(config)
    without(Grant("topic", "eu.ai.events.rejected", ("Write",)), "Write")
    await asyncio.sleep(1)  # the broker learns of it a moment later
    async with worker(config, tmp_path) as running:
        assert await running.ended() == 3
    assert len(running.said) == 1
    assert "write the topic eu.ai.events.rejected" in running.said[0]


async def test_a_right_that_is_revoked_from_a_running_worker_ends_it_with_its_name(
    config: Config, there: None, without: Callable[[Grant, Operation], None], tmp_path: Path
) -> None:
    await allowed(config)
    async with worker(config, tmp_path) as running:
        await running.ready()
        without(Grant("topic", "eu.barograph.tallies", ("Write",)), "Write")  # a tick is written every second
        assert await running.ended() == 3
    assert "does not allow what is needed: the topic eu.barograph.tallies" in running.said[-1]


async def test_who_replays_needs_no_more_than_to_read_the_tallies(
    config: Config, there: None, guarded_kafka: Cluster, admin: AdminClient
) -> None:
    security = guard_of(guarded_kafka).security(user="operator")
    replaying = replace(config, kafka=replace(config.kafka, security=security))
    rules = [rule_of(g, o, "operator") for g in acls.grants(config, "operator") for o in g.operations]
    for made in admin.create_acls([AclBinding(*rule) for rule in rules]).values():
        made.result()
    await produce(guarded_kafka.bootstrap, topic(config, "tallies"), [b"a record"])

    async def read_all() -> bool:
        with contextlib.suppress(TopicError):  # the broker learns of the right a moment later
            return bool(await asyncio.to_thread(lambda: list(recorded(replaying))))
        return False

    await until(read_all)


async def test_who_reads_incidents_needs_no_more_to_explain_one_and_may_not_read_events(
    config: Config, there: None, guarded_kafka: Cluster, admin: AdminClient
) -> None:
    security = guard_of(guarded_kafka).security(user="reader")
    reading = replace(config, kafka=replace(config.kafka, security=security))
    rules = [rule_of(g, o, "reader") for g in acls.grants(config, "reader") for o in g.operations]
    for made in admin.create_acls([AclBinding(*rule) for rule in rules]).values():
        made.result()

    async def all_there() -> bool:
        with contextlib.suppress(TopicError):  # the broker learns of the rights a moment later
            logs = await asyncio.to_thread(found.logs, reading, gathered.ROLES, "incidents")
            return all(log.there for log in logs.values())
        return False

    await until(all_there)
    await produce(guarded_kafka.bootstrap, topic(config, "events"), [b"{}"])
    place = Exemplar("FMT.EMPTY", "a", "", topic(config, "events"), 0, 0)
    assert await asyncio.to_thread(found.records, opened(config, guarded_kafka), [place])
    with pytest.raises(TopicError, match=r"no topic `eu\.ai\.events` .*, or this user may not see it"):
        await asyncio.to_thread(found.records, reading, [place])


async def test_who_may_not_write_control_facts_is_told_so(config: Config, there: None) -> None:
    """The worker itself may not: it only reads them."""
    with pytest.raises(BrokerError, match=r"does not allow what is needed: the topic eu\.ai\.control"):
        await asyncio.to_thread(say, config, "shop", b"{}")


async def test_a_stranger_learns_which_topic_it_may_not_create(config: Config, guarded_kafka: Cluster) -> None:
    security = guard_of(guarded_kafka).security(user="stranger")
    strange = replace(config, kafka=replace(config.kafka, security=security), topics=Topics(prefix="us."))
    with pytest.raises(TopicError, match=r"us\.ai\.events is not there, or this user may not see it"):
        await asyncio.to_thread(topics.ensure, strange)
    with pytest.raises(BrokerError, match=r"read and describe the topic us\.ai\.events, nor .*the group eu-watch"):
        await asyncio.to_thread(require, strange)
