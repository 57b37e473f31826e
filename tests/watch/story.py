"""A story is a timeline: what comes in, what must come out.

It is told through both stages as they run: events become blocks and flushes, ticks come every second, and every state
goes through bytes at every expectation. Times are times of day.

>>> calm = story().at("14:00").every("5s", until="14:02").flush(refused=rate(2))
>>> told = calm.every("5s", until="14:03").flush(refused=rate(40)).expects(
...     incident("fired", signal="refused", sev="sev-2", notify="page", since="14:02"))
"""

import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import orjson

from schemas import rollups
from schemas.config import Config, parse
from schemas.control import Control
from schemas.failures import FailureReport
from schemas.incidents import Change, ChangeReport, Incident
from schemas.rejected import Rejected
from schemas.rollbacks import Rollback
from schemas.rollups import Rollup
from schemas.scorecards import Scorecard
from schemas.tallies import Effective, Passed, Tick, encode
from schemas.taxonomy import Taxonomy
from schemas.topics import tallies_partition
from schemas.verdicts import Verdict
from streams.measure import stage as measure
from streams.watch import effective, records, store
from streams.watch.own import Own
from streams.watch.partition import Engine, advance
from streams.watch.stage import Finding, Record
from streams.watch.state import State
from tests.watch.traffic import Values, rate

__all__ = ["Story", "incident", "rate", "story"]

MIDNIGHT = 1_795_478_400
TAXONOMY = Taxonomy.load_default()
USUAL = """
topics: {tallies_partitions: 2}
measure: {slices: [workflow], flush_after_s: 0.5}
watch: {dependence: none, season_percent: 0, baseline_events: 2000, resolve_after_s: 60, silence_after_s: 60}
"""
"""A hundred exchanges every five seconds: learned in a hundred seconds, from twenty flushes."""


def seconds(clock: str) -> int:
    """Read a time of day, or a span ("90s", "5min").

    >>> seconds("14:00:05") - MIDNIGHT, seconds("5min")
    (50405, 300)
    """
    if span := re.fullmatch(r"(-?\d+)(s|min|h)", clock):
        return int(span[1]) * {"s": 1, "min": 60, "h": 3600}[span[2]]
    parts = [int(part) for part in clock.split(":")]
    return MIDNIGHT + sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))


class Expected(NamedTuple):
    """An incident that must be told, and what must be true of it."""

    step: str
    checks: tuple[tuple[str, Callable[[Any], Any], Any], ...]

    def differences(self, told: "Incident | ChangeReport | Rejected") -> list[str]:
        step = _step(told)
        if step != self.step:
            return [f"is {step}, not {self.step}"]
        wrong: list[str] = []
        return wrong + [
            f"{name} is {read(told)!r}, not {wanted!r}" for name, read, wanted in self.checks if read(told) != wanted
        ]


def incident(step: str, **what: Any) -> Expected:
    """Describe an incident by its step, and by any of the words below; the rest may be anything."""
    reads: dict[str, Callable[[Incident], Any]] = {
        "signal": lambda i: i.changes[0].signal,
        "signals": lambda i: {change.signal for change in i.changes},
        "sev": lambda i: i.severity,
        "notify": lambda i: i.notify,
        "since": lambda i: _clock(i.since),
        "at": lambda i: _clock(i.updated_at),
        "where": lambda i: f"{i.slice.dimension}={i.slice.name}" if i.slice else None,
        "words": lambda i: i.changes[0].words,
        "summary": lambda i: i.summary,
        "about": lambda i: _about(i.changes[0]),
        "modes": lambda i: [mode.mode for mode in i.modes],
        "also": lambda i: [f"{also.what} {also.before} -> {also.after}" for also in i.also],
        "of": lambda i: i.service,
        "releases": lambda i: set(i.releases),
        "episode": lambda i: i.episode,
        "sequence": lambda i: i.sequence,
        "previous": lambda i: i.previous_severity,
        "by": lambda i: i.acknowledged_by,
        "why": lambda i: i.ended_why,
        "how_sure": lambda i: i.how_sure,
        "version": lambda i: i.baseline_version,
        "shadow": lambda i: i.shadow,
        "name": lambda i: i.labels["alertname"],
        "kind": lambda i: i.kind,
        "labels": lambda i: {name: i.labels[name] for name in what["labels"] if name in i.labels},
        "held": lambda i: i.held,
        "cause": lambda i: i.cause,
        "flaps": lambda i: i.flaps,
        "first": lambda i: _clock(i.started_at),
        "taken": lambda i: _clock(i.acknowledged_at) if i.acknowledged_at else None,
        "id": lambda i: i.id,
    }
    checks = [(name, reads[name], wanted) for name, wanted in what.items() if name != "moved"]
    if "moved" in what:
        checks.append(("moved", lambda i: _covers(i.changes[0], what["moved"]), True))
    return Expected(step, tuple(checks))


def _clock(ms: int) -> str:
    s = ms // 1000 - MIDNIGHT
    return f"{s // 3600:02}:{s // 60 % 60:02}" + (f":{s % 60:02}" if s % 60 else "")


def _about(change: Change) -> tuple[float | None, ...]:
    """The two figures that people read, to one digit: cells are 9 % wide."""
    return tuple(float(f"{figure.value:.1g}") if figure else None for figure in (change.before, change.after))


def _covers(change: Change, moved: tuple[float, float]) -> bool:
    """Whether the intervals that people read hold the true figures, before and after."""
    return all(
        interval is not None and interval.low <= true <= interval.high
        for interval, true in zip((change.before, change.after), moved, strict=True)
    )


def report(release: str, **what: Any) -> Expected:
    """Describe a change report by its release, and by any of the words below."""
    reads: dict[str, Callable[[ChangeReport], Any]] = {
        "signals": lambda r: {change.signal for change in r.changes},
        "previous": lambda r: r.previous,
        "phase": lambda r: r.phase,
        "generation": lambda r: r.generation,
        "sequence": lambda r: r.sequence,
        "incidents": lambda r: len(r.incidents),
    }
    return Expected("report", (("release", lambda r: r.release, release), *_checks(reads, what)))


def refused(reason: str, says: str = "") -> Expected:
    """Describe a control fact that changes nothing, and words that its sentence has."""
    return Expected("refused", (
        ("reason", lambda r: r.reason, reason), ("said", lambda r: says in r.said, True),
    ))  # fmt: skip


def _checks(reads: dict[str, Callable[[Any], Any]], what: dict[str, Any]) -> list[Any]:
    return [(name, reads[name], wanted) for name, wanted in what.items()]


class Line(NamedTuple):
    """Traffic of one kind: so many exchanges of a release, at some seconds."""

    times: tuple[int, ...]
    partition: int
    events: int
    late_s: int
    fields: dict[str, Values]


@dataclass(frozen=True)
class Story:
    """What was told up to now; every word gives a longer one."""

    config: Config
    now: int = MIDNIGHT
    step_s: int = 0
    until: int = MIDNIGHT
    lines: tuple[Line, ...] = ()
    facts: tuple[tuple[int, Control], ...] = ()
    stage: "Stages | None" = field(default=None, compare=False)

    def at(self, clock: str) -> "Story":
        """Go to a time."""
        return replace(self, now=seconds(clock), until=seconds(clock), step_s=0)

    def every(self, span: str, until: str) -> "Story":
        """What comes next comes again and again, from where the story stands, and the story goes on after that."""
        now = self.until
        return replace(self, now=now, until=seconds(until), step_s=seconds(span))

    def wait(self, until: str) -> "Story":
        """Let time pass."""
        return replace(self, now=seconds(until), until=seconds(until))

    def flush(
        self, events: int = 100, service: str = "bot", release: str = "v1", partition: int = 0, late: str = "0s",
        **fields: Values,
    ) -> "Story":  # fmt: skip
        """Send exchanges; each field says what its words say, and what is not named is not observed.

        Fields that hang together are dicts under the name `together`.
        """
        who = {"service": Values((service,)), "release": Values((release,))}
        times = tuple(range(self.now, self.until, self.step_s)) if self.step_s else (self.now,)
        return replace(self, lines=(*self.lines, Line(times, partition, events, seconds(late), who | fields)))

    def tell(self, fact: type[Control], service: str = "bot", **said: Any) -> "Story":
        """Say a control fact."""
        return replace(self, facts=(*self.facts, (self.until, fact(service=service, at=self.until * 1000, **said))))

    def lag(self, until: str) -> "Story":
        """Until then no worker can say that it has read all there is."""
        stage = self.stage.branch() if self.stage else Stages(self.config)
        stage.lag_until = seconds(until)
        return replace(self, stage=stage)

    def configure(self, words: str) -> "Story":
        """Restart all workers under another config, as it stands now; what was told must have been played."""
        assert self.stage is not None
        assert not self.lines
        config, stage = parse(words), self.stage.branch()
        stage.configure(config)
        return replace(self, config=config, stage=stage)

    def expects(self, *incidents: Expected) -> "Story":
        """Play up to here. All that is told must be these, in this order.

        Updates, and incidents that are only pending, may be left out by whoever asks for none.
        """
        stage, findings = self._played()
        told = [_read(finding) for finding in findings]
        asked = {expected.step for expected in incidents}
        if "updated" not in asked:
            told = [one for one in told if _step(one) != "updated"]
        if "pending" not in asked:
            told = [one for one in told if _step(one) != "pending" and not _went_on(one)]
        said = [_in_short(one) for one in told]
        assert len(told) == len(incidents), f"told {said}, expected {[one.step for one in incidents]}"
        for expected, one, line in zip(incidents, told, said, strict=True):
            wrong = expected.differences(one)
            assert not wrong, f"{line}: {'; '.join(wrong)}"
        return replace(self, lines=(), facts=(), stage=stage)

    def told(self) -> list[Incident]:
        """Play up to here, and give every incident that is told on the way, in order."""
        said = [_read(finding) for finding in self._played()[1]]
        return [one for one in said if isinstance(one, Incident)]

    def _played(self) -> "tuple[Stages, list[Finding]]":
        """Play up to here, or remember how it went: many stories begin alike."""
        key = self.stage, repr(self.config), self.facts, max(self.until, self.now), repr(self.lines)
        if key not in _PLAYED:
            while len(_PLAYED) >= MOST_PLAYED:
                del _PLAYED[next(iter(_PLAYED))]
            stage = self.stage.branch() if self.stage else Stages(self.config)
            stage.facts += self.facts
            _PLAYED[key] = stage, list(stage.play(self.lines, max(self.until, self.now)))
        return _PLAYED[key]

    def failures(self, service: str = "bot", release: str = "v1") -> FailureReport:
        """Look at the last report of how a release fails."""
        assert self.stage is not None
        return self.stage.reports[f"{service}:{release}"]

    def verdicts(self, service: str = "bot", release: str = "v1") -> list[Verdict]:
        """Look at all verdicts of a release so far, the latest last."""
        assert self.stage is not None
        return [one for one in self.stage.verdicts if (one.service, one.release) == (service, release)]

    def rollbacks(self, service: str = "bot") -> list[Rollback]:
        """Look at all rollbacks that were asked for so far, the latest last."""
        assert self.stage is not None
        return [one for one in self.stage.rollbacks if one.target.service == service]

    def scorecard(self, service: str = "bot", release: str = "v1") -> Scorecard:
        """Look at the latest scorecard of a release."""
        assert self.stage is not None
        return msgspec.json.decode(self.stage.scorecards[f"{service}:{release}"], type=Scorecard)

    def rollups(self, service: str = "bot", release: str = "v1") -> list[Rollup]:
        """Look at what was kept of a release so far, hour by hour."""
        assert self.stage is not None
        return [one for one in self.stage.rollups if (one.service, one.release) == (service, release)]

    def state(self, service: str = "bot") -> State:
        """Look at what is known of a service."""
        assert self.stage is not None
        return self.stage.states[tallies_partition(service, self.config.topics.tallies_partitions)][service]


def _read(finding: Finding) -> Incident | ChangeReport | Rejected:
    kinds: dict[str, Any] = {
        "found": Incident,
        "incidents_shadow": Incident,
        "changes": ChangeReport,
        "rejected": Rejected,
    }
    read: Incident | ChangeReport | Rejected = msgspec.json.decode(finding.value, type=kinds[finding.roles[0]])
    return read


def _went_on(told: Incident | ChangeReport | Rejected) -> bool:
    """Whether it is the end of a pending incident that fires under another name."""
    return isinstance(told, Incident) and told.ended_why.startswith("it goes on as incident")


def _step(told: Incident | ChangeReport | Rejected) -> str:
    return told.step if isinstance(told, Incident) else "report" if isinstance(told, ChangeReport) else "refused"


def _in_short(told: Incident | ChangeReport | Rejected) -> str:
    match told:
        case Incident():
            return f"{_clock(told.updated_at)} {told.step} {told.severity} {told.notify} {told.summary}"
        case ChangeReport():
            return f"{_clock(told.updated_at)} report {told.summary}"
        case Rejected():
            return f"refused {told.reason}: {told.said}"


_PLAYED: "dict[Any, tuple[Stages, list[Finding]]]" = {}
MOST_PLAYED = 50


def story(words: str = USUAL) -> Story:
    """Begin a story."""
    return Story(parse(words))


class Stages:
    """Both stages, second by second. Where a story stands others may go on from, so that each goes on from a branch."""

    def __init__(self, config: Config) -> None:
        partitions = range(config.topics.tallies_partitions)
        self.measuring, self.watching = measure.Plan.of(config, TAXONOMY), Engine(config, TAXONOMY)
        self.own = [Own() for _ in partitions]
        self.states: list[dict[str, State]] = [{} for _ in partitions]
        self.offsets = [0 for _ in partitions]
        self.blocks = {0: measure.begin(self.measuring.source, 0, 0)}
        self.flushed: dict[int, int] = {}
        self.values: dict[str, Iterator[Any]] = {}
        self.second: int | None = None
        self.lag_until = 0
        self.facts: tuple[tuple[int, Control], ...] = ()
        self.reports: dict[str, FailureReport] = {}
        self.verdicts: tuple[Verdict, ...] = ()
        self.scorecards: dict[str, bytes] = {}
        self.rollups: tuple[Rollup, ...] = ()
        self.rollbacks: tuple[Rollback, ...] = ()

    def branch(self) -> "Stages":
        """Go on from here, and leave this as it is; what lies in the dicts is immutable, but for what is being said."""
        other = copy(self)
        other.own, other.states = [*self.own], [dict(states) for states in self.states]
        other.blocks, other.flushed, other.reports = dict(self.blocks), dict(self.flushed), dict(self.reports)
        other.values = {which: copy(saying) for which, saying in self.values.items()}
        return other

    def configure(self, config: Config) -> None:
        """Finish what is open, and go on under another config from there."""
        assert self.second is not None
        for partition, block in self.blocks.items():
            for message in measure.flushes(self.measuring, block, final=True):
                assert not list(self.apply(message.partition, self.second, message.value))
            self.blocks[partition] = measure.begin(self.measuring.source, partition, block.end)
        self.measuring = measure.Plan.of(config, TAXONOMY)
        fact = encode(Effective(worker="worker", engine=effective.ENGINE, said=effective.said(config)))
        for partition in range(len(self.states)):
            assert not list(self.apply(partition, self.second, fact))

    def play(self, lines: tuple[Line, ...], until: int) -> Iterator[Finding]:
        """Play up to a second, which begins."""
        if self.second is None:
            self.second = min((min(line.times) for line in lines), default=until)
        for second in range(self.second, until):
            yield from self.tick(second)
            for place, (_, fact) in [one for one in enumerate(self.facts) if one[1][0] == second]:
                passed = Passed(source="ai.control", partition=0, offset=place, timestamp=second * 1000, said=fact)
                home = tallies_partition(fact.service, len(self.states))
                yield from self.apply(home, second, encode(passed))
            for partition in {line.partition for line in lines}:
                block = self.blocks.get(partition) or measure.begin(self.measuring.source, partition, 0)
                records = [
                    measure.Record(block.end + i, second * 1000 + 100, event)
                    for i, event in enumerate(self.events(lines, partition, second))
                ]
                block, finished = measure.feed(self.measuring, block, records)
                self.blocks[partition] = block
                for done in finished:
                    yield from self.tell(second, measure.flushes(self.measuring, done, final=True))
                # As MEASURE would after `flush_after_s`, since nobody knows whether another record will come.
                if block.events and self.flushed.get(partition) != block.end:
                    self.flushed[partition] = block.end
                    yield from self.tell(second, measure.flushes(self.measuring, block, final=False))
        yield from self.tick(until)
        self.through_bytes()
        self.second = until

    def events(self, lines: tuple[Line, ...], partition: int, second: int) -> Iterator[bytes]:
        for line in lines:
            if line.partition == partition and second in line.times:
                usual = {"type": "exchange", "at": (second - line.late_s) * 1000, "status": "ok"}
                columns = [islice(self.saying(line, name), line.events) for name in line.fields]
                for n, row in enumerate(zip(*columns, strict=True)):
                    said = dict(zip(line.fields, row, strict=True))
                    yield orjson.dumps({**usual, "id": f"{second}-{n}", **said, **(said.pop("together", None) or {})})

    def saying(self, line: Line, name: str) -> Iterator[Any]:
        who = f"{line.fields['service'].each}-{line.fields['release'].each}-{name}"
        values = line.fields[name]
        return self.values.setdefault(f"{who}-{values}", values.forever(who))

    def tick(self, second: int) -> Iterator[Finding]:
        read = tuple(self.blocks) if second >= self.lag_until else ()
        tick = encode(Tick("worker", self.measuring.source, read))
        for partition in range(len(self.states)):
            yield from self.apply(partition, second, tick)

    def tell(self, second: int, messages: list[measure.Message]) -> Iterator[Finding]:
        for message in messages:
            yield from self.apply(message.partition, second, message.value)

    def apply(self, partition: int, second: int, value: bytes) -> Iterator[Finding]:
        record = Record(self.offsets[partition], second * 1000 + 500, value)
        self.offsets[partition] += 1
        done = advance(self.watching, partition, self.own[partition], self.states[partition], record)
        self.own[partition] = done.own
        done.put(self.states[partition])
        for finding in done.findings:
            match finding.roles:  # of some there is one every minute or hour; who wants one asks for it
                case ("failures",):
                    self.reports[finding.key.decode()] = msgspec.json.decode(finding.value, type=FailureReport)
                case ("verdicts",):
                    self.verdicts = (*self.verdicts, msgspec.json.decode(finding.value, type=Verdict))
                case ("rollbacks",):
                    self.rollbacks = (*self.rollbacks, msgspec.json.decode(finding.value, type=Rollback))
                case ("scorecards",):
                    self.scorecards = {**self.scorecards, finding.key.decode(): finding.value}
                case ("rollups",):
                    self.rollups = (*self.rollups, rollups.decode(finding.value))
                case _:
                    yield finding

    def through_bytes(self) -> None:
        """Store all states and take them from the topic again, as after a restart."""
        for partition, states in enumerate(self.states):
            out, _ = store.writes(states, states.keys(), store.Written())
            position = store.position(self.offsets[partition], states, self.own[partition])
            back = store.restore([*out.cold, *out.hot, (store.POSITION, position)])
            self.states[partition] = {name: _as_before(state, states[name]) for name, state in back.states.items()}
            self.own[partition] = back.position.own


def _as_before(state: State, before: State) -> State:
    """Give a state that was read back the very baseline that it had, if it is the same: its bets are made already."""
    if state.baseline is None or records.encode(state.baseline) != records.encode(before.baseline):
        return state
    return msgspec.structs.replace(state, baseline=before.baseline)
