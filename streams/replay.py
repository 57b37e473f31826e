"""What was recorded -> what would have been found: the same stages, without a broker's groups or a clock."""

import gzip
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.config import Config
from schemas.found import Rules, Wake, encode
from schemas.strict import ConfigError
from schemas.tallies import Quarantine, Tick
from schemas.tallies import encode as tallied
from schemas.taxonomy import Taxonomy
from streams.gather import stage as gather
from streams.measure import stage as measure
from streams.measure.times import BadTime, second
from streams.telling.findings import Finding
from streams.trial import Difference, Heard, Side, difference, untried
from streams.watch import adopt, effective
from streams.watch import stage as watch
from streams.watch.clock import begin_ms
from streams.watch.own import FLEET, Own, left_out
from streams.watch.partition import Begun, Engine, advance
from streams.watch.pieces import whole
from streams.watch.state import State

BATCH: Final = 2000
"""Lines that are counted at a time."""


class _At(Struct):
    at: str | int


_at: Final = msgspec.json.Decoder(_At).decode


def files(config: Config, paths: Sequence[Path]) -> Iterator[bytes]:
    """Run recorded events through all stages.

    The lines of all files, one after another, are the log of one source partition. A record's timestamp is the latest
    event time so far (a file has no other), and a tick comes with every second of it; so the same file always gives
    the same findings, and those of the live run but for where blocks begin and end.

    Parameters
    ----------
    config : to replay under
    paths : files of JSON lines, plain or gzip; empty lines are skipped, and lines that are no event are set aside like
        any rejected record

    Yields
    ------
    bytes
        Findings as JSON, in the order of time.
    """
    taxonomy = Taxonomy.load_default()
    plan = measure.Plan.of(config, taxonomy)
    live, heard = _Watch(config, taxonomy), _Gather(config)
    block = measure.begin(plan.source, 0, 0)
    records = _records(line for path in paths for line in _lines(path))
    while batch := list(islice(records, BATCH)):
        block, finished = measure.feed(plan, block, batch)
        for done in finished:
            yield from heard.told(live.told(plan, done))
    yield from heard.told(live.told(plan, block))
    yield from heard.told(live.tick_to(live.second + 1))
    yield from heard.until(begin_ms(live.second))


def topic(
    config: Config,
    recorded: Iterable[tuple[int, watch.Record]],
    begun: Mapping[int, Begun] = MappingProxyType({}),
    quarantines: Iterable[tuple[int, Quarantine]] = (),
    as_recorded: bool = False,
) -> Iterator[bytes]:
    """Run the recorded tallies through WATCH again, from the log's start or from a snapshot, and GATHER after it.

    Partitions are read one after the other, and what is found of services meets in GATHER in the order of the broker's
    time. Live it met in nearly the same: of a common cause, the position and the times of its own steps may be others,
    and which of its parts came before it. All else is the live run's, byte for byte.

    Parameters
    ----------
    config : to replay under; under the one of the live run, the findings are the live run's, byte for byte
    recorded : (partition, record) of `barograph.tallies`, each partition's in order
    begun : partition -> what a snapshot says of it, for those whose records begin behind one
    quarantines : (partition, fact) of all that are recorded: a service is left out before the fact that says so
    as_recorded : decide by the configs that the log names, as the live run did, and not by this one

    Yields
    ------
    bytes
        Findings as JSON: change reports and what is in shadow as the records come, then incidents in order of time.

    Raises
    ------
    ConfigError
        If the config would watch what was never counted.
    """
    live = _Watch(config, Taxonomy.load_default(), forced=not as_recorded)
    live.begin(begun, quarantines)
    checked, found, latest = {""}, list[_Found](), 0
    for partition, record in recorded:
        latest = max(latest, record.timestamp)
        for one in live.apply(partition, record):
            if "found" in one.finding.roles:
                found.append(one)
            else:
                yield one.finding.value
        if not as_recorded and (said := live.own[partition].config) not in checked:
            checked.add(said)
            untried(said, config)
    found.sort(key=lambda one: one.at)
    heard = _Gather(live.engine.plan(live.own[FLEET]).config)
    yield from heard.told(found)
    yield from heard.until(latest)


def trial(
    config: Config,
    recorded: Iterable[tuple[int, watch.Record]],
    begun: Mapping[int, Begun] = MappingProxyType({}),
    quarantines: Sequence[tuple[int, Quarantine]] = (),
) -> Difference:
    """Run the recorded tallies through WATCH twice, as they were decided and by another config, side by side.

    Incidents are compared as WATCH finds them, service by service. What GATHER makes of them is left out: a page that a
    common cause holds back is one here, on both sides.

    Parameters
    ----------
    config : to be tried
    recorded, begun, quarantines : as of `topic`

    Returns
    -------
    Difference
        Between what was found and what this config would have found.

    Raises
    ------
    ConfigError
        If there is nothing to compare: no record, none that says by which config it was decided, or what the config
        would watch was never counted.
    """
    taxonomy, left = Taxonomy.load_default(), dict[str, list[str]]()
    learned = any(state.baseline is not None for start in begun.values() for state in start.states.values())
    found, would = _Watch(config, taxonomy, forced=False), _Watch(config, taxonomy)
    for side in (found, would):
        side.begin(begun, quarantines)

    span, records = [sys.maxsize, 0], Counter[int]()

    def heard() -> Iterator[Heard]:
        for partition, record in recorded:
            if not records[partition] and partition not in begun and record.offset > 0:
                raise ConfigError(
                    f"partition {partition} of `barograph.tallies` now begins at record {record.offset}, and no "
                    "snapshot is kept that says what was known by then, and by which config it was decided: there is "
                    "nothing to compare with; try again when there is one, they are written daily"
                )
            records[partition] += 1
            span[:] = min(span[0], record.timestamp), max(span[1], record.timestamp)
            sides: tuple[tuple[Side, _Watch], ...] = (("found", found), ("would", would))
            for side, watch_ in sides:
                told = watch_.apply(partition, record)
                yield from (Heard(side, one.finding.value) for one in told if one.finding.severity)
            said = found.own[partition].config
            if said and said not in left:
                left[said] = untried(said, config, learned)
        if not records:
            raise ConfigError("`barograph.tallies` holds no record yet: there is nothing to compare with")

    compared = difference(heard())
    if not left:
        raise ConfigError("no worker has watched what is recorded: there is nothing to compare with")
    return replace(
        compared,
        begins_at=span[0],
        ends_at=span[1],
        records=records.total(),
        untried=tuple(sorted({path for paths in left.values() for path in paths})),
    )


_SHOWN: Final = ("found", "incidents_shadow", "changes")
"""What a replay says, by the topics that it would go to. Reports and verdicts come every minute or five."""


class _Found(NamedTuple):
    """What WATCH found, and its place among what all partitions did: when, in which, by which record."""

    at: tuple[int, int, int]
    finding: Finding


class _Gather:
    """GATHER, in memory."""

    def __init__(self, config: Config) -> None:
        self.rules, self.state = Rules.of(config), gather.State()

    def told(self, found: Iterable[_Found]) -> Iterator[bytes]:
        """Say what people are told of what WATCH found."""
        for one in found:
            yield from self.until(one.at[0])
            if "found" in one.finding.roles:
                yield from self._next(one.at[0], one.finding.value)
            else:
                yield one.finding.value

    def until(self, ms: int) -> Iterator[bytes]:
        """Let time pass, and say what waits for it."""
        while (waits := gather.due(self.rules, self.state)) is not None and waits < ms:
            yield from self._next(waits, encode(Wake()))

    def _next(self, at_ms: int, value: bytes) -> Iterator[bytes]:
        self.state, findings = gather.step(self.rules, self.state, gather.Word(self.state.next, at_ms, value))
        yield from (finding.value for finding in findings if "incidents" in finding.roles)


class _Watch:
    """WATCH over all partitions, in memory."""

    def __init__(self, config: Config, taxonomy: Taxonomy, forced: bool = True) -> None:
        self.engine = Engine(config, taxonomy, forced)
        self.plan = self.engine.plan(Own())
        partitions = config.topics.tallies_partitions
        self.states: list[dict[str, State]] = [{} for _ in range(partitions)]
        self.own = [Own()] * partitions
        self.ahead: list[list[Quarantine]] = [[] for _ in range(partitions)]
        self.offsets = [0] * partitions
        self.second = 0
        self.forced, self.taxonomy = forced, taxonomy

    def begin(self, begun: Mapping[int, Begun], quarantines: Iterable[tuple[int, Quarantine]]) -> None:
        """Begin at snapshots. What is decided by a config that the log does not name is taken over to it there."""
        for partition, start in begun.items():
            states = {name: _with_a_baseline_of_its_own(state) for name, state in start.states.items()}
            old = effective.plan(self.plan.config, start.own.config, self.taxonomy)
            if self.forced and old.config != self.plan.config:
                states = {name: whole(adopt.config(old, self.plan, state)) for name, state in states.items()}
            self.states[partition], self.own[partition] = states, start.own
        for partition, fact in quarantines:
            self.ahead[partition].append(fact)

    def apply(self, partition: int, record: watch.Record) -> Iterator[_Found]:
        """Apply a record of the log, and give what was found."""
        states = self.states[partition]
        for fact in [one for one in self.ahead[partition] if one.since == record.offset]:
            self.own[partition] = left_out(self.own[partition], fact)
        done = advance(self.engine, partition, self.own[partition], states, record)
        self.own[partition] = done.own
        done.put(states)
        at = record.timestamp, partition, record.offset
        yield from (_Found(at, finding) for finding in done.findings if finding.roles[0] in _SHOWN)

    def told(self, plan: measure.Plan, block: measure.Block) -> Iterator[_Found]:
        """Apply a finished block's flushes as soon as its second is over, with the ticks until then."""
        if block.first_ms is None:
            return
        second = block.first_ms // 1000
        yield from self.tick_to(second)
        for message in measure.flushes(plan, block, final=True):
            yield from self._next(message.partition, (second + 1) * 1000, message.value)

    def tick_to(self, second: int) -> Iterator[_Found]:
        """Let the clock of every partition come to the beginning of a second."""
        self.second = self.second or second - 1
        while self.second < second:
            self.second += 1
            tick = tallied(Tick("replay", self.plan.source, (0,)))
            for partition in range(len(self.states)):
                yield from self._next(partition, begin_ms(self.second), tick)

    def _next(self, partition: int, at_ms: int, value: bytes) -> Iterator[_Found]:
        record = watch.Record(self.offsets[partition], at_ms, value)
        self.offsets[partition] += 1
        yield from self.apply(partition, record)


def _with_a_baseline_of_its_own(state: State) -> State:
    """Keep the two sides of a trial apart: of a baseline, the bets of the last config alone are held."""
    return state if state.baseline is None else replace(state, baseline=replace(state.baseline))


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        yield from lines


def _records(lines: Iterable[bytes]) -> Iterator[measure.Record]:
    """Number the lines and give each the latest time so far; before the first that says one, the first's own."""
    latest = 0
    held: list[bytes] = []
    offset = 0
    for line in lines:
        if not (text := line.strip()):
            continue
        said = _said(text)
        if said is None and not latest:
            held.append(text)
            continue
        latest = max(latest, said or 0)
        for one in (*held, text):
            yield measure.Record(offset, latest * 1000, one)
            offset += 1
        held.clear()
    for one in held:
        yield measure.Record(offset, 0, one)
        offset += 1


def _said(text: bytes) -> int | None:
    try:
        return second(_at(text).at)
    except (msgspec.MsgspecError, ValueError, RecursionError, BadTime):
        return None
