"""Something that may befall a topic or a service -> a run on a real broker, and an account of every exchange.

Whatever was sent was counted, or its loss was declared: the two add up, and every cell of what was not lost is exact.
Each ordeal is short, and is a test of `tests.shell.test_own_on_kafka` as well as a part of the gate.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete
from msgspec import Struct
from msgspec.structs import replace

from schemas.config import Config
from schemas.control import Rebaseline
from schemas.incidents import Incident
from schemas.tallies import Flush, Loss, decode
from streams.shell import say, topics
from streams.shell.clients import admin
from streams.watch import store
from streams.watch.records import Position
from tests.chaos.crew import ROOT
from tests.chaos.records import Topic, everything, name, watched
from tests.chaos.told import Whole, told
from tests.chaos.verdict import recounted
from tests.shell.on_kafka import PARTITIONS, before, counted, produce, states_of
from tests.shell.traffic import Counts, exchanges, known, sent
from tests.shell.workers import until, worker

ROLES: Final = ("tallies", "state", "incidents", "changes")
BROKEN: Final = "svc-2"
"""The service that brings out the planted bug, once it has sent a thousand exchanges."""


class Account(Struct, kw_only=True):
    """What became of all exchanges.

    Attributes
    ----------
    sent : exchanges that were acknowledged by the broker
    counted : those that the states of services hold
    declared : those whose loss was declared
    wrong : all that must not be, in words
    """

    sent: int = 0
    counted: int = 0
    declared: int = 0
    wrong: list[str] = []

    def failed(self) -> list[str]:
        """Say why it does not pass."""
        if self.sent == self.counted + self.declared:
            return self.wrong
        return [*self.wrong, f"{self.sent} were sent, {self.counted} counted, {self.declared} declared lost"]


async def _life(config: Config, folder: Path, events: Sequence[bytes]) -> int:
    """Let a worker count some events, and stop it; its exit code."""
    async with worker(config, folder) as running:
        await running.ready()
        await produce(config, events)
        await counted(config, events)
        return await running.stop()


async def retention(config: Config, folder: Path) -> Account:
    """Let retention delete what was produced while the only worker was away, and go on."""
    first, lost, last = list(exchanges(600)), list(exchanges(300, seed=1)), list(exchanges(600, seed=2))
    stops = [await _life(config, folder, first)]
    before = await _events(config)
    await produce(config, lost)
    records = RecordsToDelete(before_offset=(len(first) + len(lost)) // PARTITIONS)
    async with admin(config) as client:
        await client.delete_records({TopicPartition(name(config, "events"), p): records for p in range(PARTITIONS)})
    await produce(config, last)
    async with worker(config, folder) as running:
        await counted(config, [*first, *last])

        async def all_said() -> bool:
            return len({one.labels["slice"] for one in await incidents(config, "LossDeclared")}) == PARTITIONS

        await until(all_said)
        stops.append(await running.stop())
    kept = [[*old, *new] for old, new in zip(before, await _events(config), strict=True)]
    found = await _found(config)
    facts = [decode(record.value or b"") for records in found["tallies"] for record in records]
    ends = {(flush.partition, flush.anchor): flush.end for flush in sorted(_flushes(found), key=lambda one: one.end)}
    # A loss begins at an anchor; what was told of that block while it was open is not lost.
    declared = sum(
        fact.end - ends.get((fact.partition, fact.begin), fact.begin) for fact in facts if isinstance(fact, Loss)
    )
    events = [*first, *lost, *last]
    return await _account(config, folder, events, [*first, *last], [kept], found, declared, stops)


async def made_again(config: Config, folder: Path) -> Account:
    """Delete the topic, with records that nobody had counted, and make it again; the second log is the longer one."""
    first, lost, last = list(exchanges(600)), list(exchanges(150, seed=1)), list(exchanges(900, seed=2))
    stops = [await _life(config, folder, first)]
    before = await _events(config)
    await produce(config, lost)
    async with admin(config) as client:
        await client.delete_topics([name(config, "events")])
    async with worker(config, folder) as running:
        await running.ready()
        await produce(config, last)
        await counted(config, [*first, *last])
        said = await until(lambda: incidents(config, "LossDeclared"))
        stops.append(await running.stop())
    found = await _found(config)
    # It is said that something is lost, but not how much, which nobody knows but who deleted it: what lay behind the
    # last flush of that log.
    flushes = sorted(_flushes(found), key=lambda flush: flush.end)
    first_log = next(_flushes(found)).topic_id
    ends = {flush.partition: flush.end for flush in flushes if flush.topic_id == first_log}
    is_said = any("made again" in one.summary for one in said)
    declared = len(first) + len(lost) - sum(ends.values()) if is_said else 0
    logs = [before, await _events(config)]
    return await _account(config, folder, [*first, *lost, *last], [*first, *last], logs, found, declared, stops)


async def partitions_added(config: Config, folder: Path) -> Account:
    """Add partitions to the source topic while a worker runs; their records are read as those of all others.

    The worker pairs, so that halves that now lie apart would be lost: it says so of each new partition, once.
    """
    first, last = list(exchanges(600)), list(exchanges(1000, seed=1))
    config = replace(config, measure=replace(config.measure, pairing=True))
    grown = replace(config, topics=replace(config.topics, events_partitions=PARTITIONS + 2))
    async with worker(config, folder) as running:
        await running.ready()
        await produce(config, first)
        await counted(config, first)
        async with admin(config) as client:
            await client.create_partitions({name(config, "events"): NewPartitions(PARTITIONS + 2)})
        await produce(grown, last)
        await counted(config, [*first, *last])
        await until(lambda: incidents(config, "LossDeclared"))
        stops = [await running.stop()]
    async with worker(config, folder) as again:
        await again.ready()
        stops.append(await again.stop())
    found = await _found(grown)
    account = await _account(
        config, folder, [*first, *last], [*first, *last], [await _events(grown)], found, 0, stops
    )  # fmt: skip
    said = await incidents(config, "LossDeclared")
    new = [f"{name(config, 'events')}:{partition}" for partition in (PARTITIONS, PARTITIONS + 1)]
    if sorted(one.labels["slice"] for one in said if one.step == "fired") != new or len(said) != len(new):
        account.wrong.append(f"of the new partitions was said: {[one.summary for one in said]}")
    return account


async def quarantine(config: Config, folder: Path) -> Account:
    """Have a service bring three owners to their end; the others go on, until a person has it begin anew."""
    events, more = list(exchanges(10_000)), list(exchanges(1000, seed=1))
    wrong: list[str] = []
    await asyncio.to_thread(topics.ensure, config)
    await produce(config, events[:8000])
    for life in range(3):
        async with worker(config, folder, "broken", BROKEN) as running:
            code = await running.ended()
            named = any(f"service `{BROKEN}` cannot be applied" in line for line in running.said)
            wrong += [] if (code, named) == (4, True) else [f"owner {life} ended with {code}, {named=}"]
    async with worker(config, folder, "broken", BROKEN) as running:
        await until(lambda: _others(config, events[:8000]))
        await produce(config, events[8000:])  # so that some blocks that it is left out of are finished
        await until(lambda: _others(config, events))
        [said] = await until(lambda: incidents(config, "ServiceQuarantined"))
        right = said.labels["slice"] == BROKEN and "ZeroDivisionError" in said.summary
        wrong += [] if right else [f"{said.labels} {said.summary}"]
        stops = [await running.stop()]
    async with worker(config, folder) as cured:  # the same version: it stays out
        await cured.ready()
        stops.append(await cured.stop())
    wrong += [] if [one.step for one in await incidents(config, "ServiceQuarantined")] == ["fired"] else ["said again"]
    found = await _found(config)
    apart = sum(one.own.quarantined[BROKEN].events for one in _kept(found) if BROKEN in one.own.quarantined)
    so_far = await _account(config, folder, events, None, [await _events(config)], found, apart, stops)
    wrong += [f"while it was left out: {one}" for one in so_far.failed()]
    async with worker(config, folder) as cured:
        await cured.ready()
        anew = msgspec.json.encode(Rebaseline(service=BROKEN, at=7, by="ana"))
        await asyncio.to_thread(say.say, config, BROKEN, anew)
        await until(lambda: incidents(config, "LossDeclared"))
        await produce(config, more)
        await until(lambda: _others(config, [*events, *more]))
        await watched(config)
        stops.append(await cured.stop())
    found = await _found(config)
    declared = sum(one.own.lost for one in _kept(found))
    logs = [await _events(config)]
    account = await _account(config, folder, [*events, *more], None, logs, found, declared, stops)
    account.wrong += wrong
    return account


ORDEALS: Final[dict[str, Callable[[Config, Path], Coroutine[Any, Any, Account]]]] = {
    "retention": retention, "made_again": made_again, "partitions_added": partitions_added, "quarantine": quarantine,
}  # fmt: skip


async def incidents(config: Config, alert: str) -> list[Incident]:
    """Read all that was published of one kind of incident."""
    [records] = (await everything(config, ["incidents"]))["incidents"]
    said = [msgspec.json.decode(record.value or b"", type=Incident) for record in records]
    return [one for one in said if one.labels["alertname"] == alert]


async def _others(config: Config, events: Iterable[bytes]) -> bool:
    """Say whether all exchanges of the services without the bug are counted."""
    return _without(known(await states_of(config))) == _without(sent(events))


def _without(counts: Counts) -> dict[tuple[str, bool], int]:
    return {one: n for one, n in counts.items() if one[0] != BROKEN}


async def _events(config: Config) -> Topic:
    return (await everything(config, ["events"]))["events"]


async def _found(config: Config) -> dict[str, Topic]:
    return await everything(config, ROLES)


def _kept(found: Mapping[str, Topic]) -> list[Position]:
    """Read what the last owner of each partition left."""
    return [
        store.restore((record.key or b"", record.value) for record in records).position for records in found["state"]
    ]


def _flushes(found: Mapping[str, Topic]) -> Iterator[Flush]:
    for records in found["tallies"]:
        for record in records:
            if isinstance(fact := decode(record.value or b""), Flush):
                yield fact


async def _account(
    config: Config, folder: Path, events: Sequence[bytes], kept: Sequence[bytes] | None, logs: Sequence[Topic],
    found: Mapping[str, Topic], declared: int, stops: Sequence[int],
) -> Account:  # fmt: skip
    """Draw up the account of a run.

    Parameters
    ----------
    events : all that were sent
    kept : those of them that must be counted; None for all, but of the broken service as many as are
    logs : what the source's partitions held and nobody took away unread, of each topic that there was
    found : all that was written
    """
    counts = known(await states_of(config))
    account = Account(sent=len(events), counted=sum(counts.values()), declared=declared)
    must, have = (sent(kept), counts) if kept is not None else (_without(sent(events)), _without(counts))
    account.wrong += [] if must == have else [f"services hold {have}, not {must}"]
    truth: Whole = Counter()
    for records in (records for log in logs for records in log):
        truth.update(recounted(config, records)[0])
    said = told(found["tallies"])
    cells = [key for key in truth.keys() | said.whole.keys() if truth[key] != said.whole[key]]
    account.wrong += [f"{len(cells)} cells are wrong, {cells[0]} one of them"] if cells else []
    account.wrong += said.impure + [f"a stopped worker ended with {code}" for code in stops if code]
    account.wrong += await _replayed(folder, found)
    return account


async def _replayed(folder: Path, found: Mapping[str, Topic]) -> list[str]:
    """Compare what was published with what another process finds in the tallies alone."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streams.cli", "replay", "--topic", "--as-recorded", "--config",
        str(folder / "barograph.yaml"), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, words = await process.communicate()
    if process.returncode:
        return [f"the replay ended with {process.returncode}: {words.decode()[-300:]}"]
    published = {record.value for role in ("incidents", "changes") for log in found[role] for record in log}
    may = set(out.splitlines())
    must = before([one.next for one in _kept(found)], may)  # what came after a stop was not watched yet
    wrong = [f"published, but not replayed: {(line or b'').decode()[:200]}" for line in published - may]
    return wrong + [f"replayed, but not published: {line.decode()[:200]}" for line in must - published]
