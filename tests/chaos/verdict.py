"""All records of a run's topics -> what is wrong with them, if anything.

Three questions. Is every cell told exactly once, and every mistake set aside? Does every service's furthest state hold
just that, and equal a crash-free worker's, byte for byte? Were the crash-free worker's findings published, all of them,
no others, and each in one wording only: those of WATCH on the inner topic, and on the outer ones those of a GATHER that
reads the inner one?
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Final, Literal

import msgspec
from msgspec import Struct

from schemas.config import Config
from schemas.control import Control
from schemas.found import OURS
from schemas.signals import CATEGORIES, MARKS
from schemas.tallies import Passed, decode
from schemas.topics import tallies_partition
from tests.chaos.driver import Produced, Sum
from tests.chaos.held import Held, held
from tests.chaos.records import Kept, Topic, furthest, name
from tests.chaos.replayed import Replayed, canonical, gathered, replay, totals
from tests.chaos.told import Told, Whole, flat, told
from tests.measure.recount import counts

Role = Literal[
    "found", "changes", "verdicts", "scorecards", "rollbacks", "rollups", "incidents", "incidents_state", "rejected"
]
BY_WATCH: Final[tuple[Role, ...]] = ("changes", "verdicts", "scorecards", "rollbacks", "rollups")
BY_GATHER: Final[tuple[Role, ...]] = ("incidents", "incidents_state")
"""Roles of the outer topics that each publishes on; on that of rejected records both do."""

Published = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
"""Key, value and headers of a finding."""


class Verdict(Struct, kw_only=True):
    """What was found; every attribute down to `outdated` must be 0.

    Attributes
    ----------
    wrong_log : partitions of `ai.events` that do not hold what the driver says it produced
    wrong_counts : cells, and totals of services, that differ from the recount
    wrong_states : services whose furthest state is not the crash-free worker's
    wrong_rejected : records set aside, or not, against the recount; or in two wordings
    wrong_control : control facts that were not passed on as they are, or are nobody's
    impure : the same part of the log, told of in different bytes
    lost : flushes that WATCH declared lost
    missing_findings, extra_findings : against the crash-free worker's, in any topic of findings
    outdated : incidents that `ai.incidents.state` ends with in an older state, though every partition was taken over
    stale_findings : states of incidents that came to lie behind further ones: a zombie's, or repeats
    stale : states and positions written after further ones; a restore by the latest would have taken them
    repeats : findings told again
    requests : what became of those sent apart from their responses -> how many
    steps : fired, updated, resolved -> findings
    common : common causes that were told
    judged : pass, marginal, fail, no_data -> verdicts about releases
    rollbacks : that were asked for
    examples : a few words on what is wrong
    """

    wrong_log: int = 0
    wrong_counts: int = 0
    wrong_states: int = 0
    wrong_rejected: int = 0
    wrong_control: int = 0
    impure: int = 0
    lost: int = 0
    missing_findings: int = 0
    extra_findings: int = 0
    outdated: int = 0
    stale_findings: int = 0
    events: int = 0
    rejected: int = 0
    controls: int = 0
    overflowed: int = 0
    cells: int = 0
    flushes: int = 0
    services: int = 0
    findings: int = 0
    repeats: int = 0
    stale: int = 0
    requests: dict[str, int] = {}
    steps: dict[str, int] = {}
    common: int = 0
    judged: dict[str, int] = {}
    rollbacks: int = 0
    examples: list[str] = []

    def wrong(self) -> int:
        """Count all that is wrong."""
        return (
            self.wrong_log + self.wrong_counts + self.wrong_states + self.wrong_rejected + self.wrong_control
            + self.impure + self.lost + self.missing_findings + self.extra_findings + self.outdated
        )  # fmt: skip


def judge(config: Config, topics: Mapping[str, Topic], produced: Mapping[int, Produced], pool: Executor) -> Verdict:
    """Judge a run.

    Parameters
    ----------
    topics : role -> all records
    produced : by partition of `ai.events`, as the driver says
    pool : where partitions are counted and replayed side by side
    """
    verdict = Verdict()
    events = [pool.submit(recounted, config, records) for records in topics["events"]]
    states = [held(records) for records in topics["state"]]
    replays = [
        pool.submit(
            replay, config, partition, topics["tallies"][partition],
            {service: state.offset for service, state in one.states.items()},
        )
        for partition, one in enumerate(states)
    ]  # fmt: skip
    said = pool.submit(told, topics["tallies"])
    check_log(verdict, topics["events"], produced)
    truth: Whole = Counter()
    refused: dict[int, set[int]] = {}
    for partition, job in enumerate(events):
        whole, refused[partition], requests = job.result()
        truth.update(whole)
        verdict.requests = dict(sorted((requests + Counter(verdict.requests)).items()))
    check_counts(verdict, config, truth, said.result(), states)
    check_rejected(verdict, name(config, "events"), refused, topics["rejected"])
    check_control(verdict, config, topics["control"], topics["tallies"])
    crash_free = [job.result() for job in replays]
    check_states(verdict, states, crash_free)
    check_findings(verdict, [[one for one in topics["found"][0] if one.key != OURS]], states, crash_free, "found")
    for role in BY_WATCH:
        check_findings(verdict, topics[role], states, crash_free, role)
    together = gathered(config, topics["found"][0])
    how_far = [Held(next=furthest(topics["gathered"][0]))]
    for role in BY_GATHER:
        check_findings(verdict, topics[role], how_far, [together], role)
    both = [*states, *how_far], [*crash_free, together]
    check_findings(verdict, topics["rejected"], *both, "rejected", name(config, "control"))
    check_present(verdict, topics["incidents_state"])
    verdict.findings = len({record.value for records in topics["incidents"] for record in records})
    verdict.repeats = sum(map(len, topics["incidents"])) - verdict.findings
    verdict.steps = _steps(crash_free)
    ours = [one for _, one in together.findings if dict(one.headers).get("ce_source") == b"//barograph/gather"]
    verdict.judged = _judged(topics["verdicts"])
    verdict.rollbacks = len({record.value for records in topics["rollbacks"] for record in records})
    verdict.common = len({one.id.rpartition("-")[0] for one in ours})
    return verdict


def recounted(config: Config, records: list[Kept]) -> tuple[Whole, set[int], Counter[str]]:
    """Count a partition of events event by event; also which of its records are none, and what became of requests."""
    whole: Whole = Counter()
    requests: Counter[str] = Counter()
    refused: set[int] = set()
    for count in counts([(record.offset, record.timestamp, record.value) for record in records], config):
        whole.update(flat(count.cells, count.beside))
        refused |= count.refused.keys()
        requests += count.requests
    return whole, refused, requests


def check_log(verdict: Verdict, events: Topic, produced: Mapping[int, Produced]) -> None:
    for partition, records in enumerate(events):
        found = Sum()
        for record in records:
            found.add(record.timestamp, record.value)
        verdict.events += found.count
        if found.said() != produced.get(partition):
            verdict.wrong_log += 1
            verdict.examples.append(f"events:{partition} {found.said()} != {produced.get(partition)}")


def check_counts(verdict: Verdict, config: Config, truth: Whole, said: Told, states: list[Held]) -> None:
    verdict.cells, verdict.flushes = len(truth), said.flushes
    verdict.overflowed = sum(n for key, n in truth.items() if "__other__" in key)
    verdict.impure = len(said.impure)
    verdict.examples += [f"impure {one}" for one in said.impure[:3]]
    different = [key for key in truth.keys() | said.whole.keys() if truth[key] != said.whole[key]]
    verdict.wrong_counts += len(different)
    shown = sorted(different, key=str)[:3]
    verdict.examples += [f"tallies {key}: {said.whole[key]}, not {truth[key]}" for key in shown]
    wholes = _totals(config, truth)
    known = {service: state for one in states for service, state in one.states.items()}
    for service in sorted(wholes.keys() | known.keys()):
        verdict.services += 1
        must = wholes.get(service, Counter())
        have = totals(known[service]) if service in known else Counter[tuple[object, ...]]()
        verdict.lost += known[service].lost if service in known else 0
        if wrong := [key for key in must.keys() | have.keys() if must[key] != have[key]]:
            verdict.wrong_counts += len(wrong)
            verdict.examples.append(f"state of {service} {wrong[0]}: {have[wrong[0]]}, not {must[wrong[0]]}")


def _totals(config: Config, truth: Whole) -> dict[str, Counter[tuple[object, ...]]]:
    """Add up the recount by service, over buckets, releases and one dimension: the catalogue's cells without names."""
    found: dict[str, Counter[tuple[object, ...]]] = defaultdict(Counter)
    others = {signal.name for signal in (*CATEGORIES, *config.own_signals())} | {*MARKS}
    for key, n in truth.items():
        service = str(key[0])
        if len(key) == 3:
            found[service]["beside", key[2]] += n
        elif key[3] == config.measure.slices[0] and key[5] not in others:
            found[service][key[5], key[6]] += n
            if key[1] == "late" and key[5] == "failed":
                found[service]["late",] += n
    return found


def check_rejected(verdict: Verdict, source: str, refused: Mapping[int, set[int]], topic: Topic) -> None:
    must = {f"{source}:{partition}:{offset}".encode() for partition, offsets in refused.items() for offset in offsets}
    said: dict[bytes | None, set[bytes | None]] = defaultdict(set)
    for records in topic:
        for record in records:
            if (record.key or b"").startswith(f"{source}:".encode()):
                said[record.key].add(record.value)
    verdict.rejected = len(must)
    wrong = [*(must ^ said.keys()), *(key for key, values in said.items() if len(values) > 1)]
    verdict.wrong_rejected = len(wrong)
    verdict.examples += [f"rejected {key!r}" for key in wrong[:3]]


def check_control(verdict: Verdict, config: Config, control: Topic, tallies: Topic) -> None:
    """See whether each control fact was passed on as it is, and to the partition of its service alone."""
    read = msgspec.json.Decoder(Control).decode
    said = {(p, record.offset): read(record.value or b"") for p, records in enumerate(control) for record in records}
    partitions = config.topics.tallies_partitions
    must = {(tallies_partition(fact.service, partitions), *at, fact) for at, fact in said.items()}
    passed = {
        (home, fact.partition, fact.offset, fact.said)
        for home, records in enumerate(tallies)
        for record in records
        if isinstance(fact := decode(record.value or b""), Passed)
    }
    verdict.controls = len(must)
    verdict.wrong_control = len(must ^ passed)
    verdict.examples += [f"control fact {one}" for one in list(must ^ passed)[:3]]


def check_states(verdict: Verdict, states: list[Held], crash_free: list[Replayed]) -> None:
    for one, free in zip(states, crash_free, strict=True):
        verdict.stale += one.stale
        for service, state in one.states.items():
            if canonical(state) != free.states.get(service):
                verdict.wrong_states += 1
                verdict.examples.append(f"state of {service} at {state.offset} is not the crash-free worker's")


def check_findings(
    verdict: Verdict, topic: Topic, states: list[Held], crash_free: list[Replayed], role: Role = "incidents",
    control: str = "",
) -> None:  # fmt: skip
    """Compare with the crash-free worker's: up to the position all of them, beyond it any first part of the rest.

    Parameters
    ----------
    role : of the topic
    control : name of the topic of control facts; of rejected records, those that are not MEASURE's are from there
    """
    published = {
        (record.key, record.value, record.headers) for records in topic for record in records
        if role != "rejected" or (record.key or b"").startswith(f"{control}:".encode())
    }  # fmt: skip
    may: set[Published] = set()
    for one, free in zip(states, crash_free, strict=True):
        beyond: list[str] = []
        for offset, finding in free.findings:
            if role not in finding.roles:
                continue
            may.add(message := (finding.key, finding.value, finding.headers))
            if message in published:
                _missing(verdict, beyond)  # a later one is out, so these should be
                beyond = []
            elif offset < one.next:
                _missing(verdict, [finding.id])
            else:
                beyond.append(finding.id)
    extra = published - may
    verdict.extra_findings += len(extra)
    verdict.examples += [f"besides: {key!r} {value!r}"[:300] for key, value, _ in list(extra)[:3]]


def _missing(verdict: Verdict, ids: list[str]) -> None:
    verdict.missing_findings += len(ids)
    verdict.examples += [f"missing: {one}" for one in ids[:3]]


class _Place(Struct):
    episode: int
    sequence: int


def check_present(verdict: Verdict, topic: Topic) -> None:
    """See whether the last word on every incident is the furthest one."""
    place = msgspec.json.Decoder(_Place).decode
    for records in topic:
        furthest: dict[bytes | None, tuple[int, int]] = {}
        last: dict[bytes | None, tuple[int, int]] = {}
        for record in records:
            if record.value is None:
                continue
            said = place(record.value)
            last[record.key] = (said.episode, said.sequence)
            verdict.stale_findings += last[record.key] < furthest.get(record.key, (0, 0))
            furthest[record.key] = max(last[record.key], furthest.get(record.key, (0, 0)))
        for key, now in last.items():
            if now < furthest[key]:
                verdict.outdated += 1
                verdict.examples.append(f"incident {key!r} is left at {now}, behind {furthest[key]}")


class _Judged(Struct):
    verdict: str


def _judged(topic: Topic) -> dict[str, int]:
    read = msgspec.json.Decoder(_Judged).decode
    values = {record.value for records in topic for record in records}
    return dict(sorted(Counter(read(value).verdict for value in values if value).items()))


class _Step(Struct):
    step: str


def _steps(crash_free: Iterable[Replayed]) -> dict[str, int]:
    step = msgspec.json.Decoder(_Step).decode
    found = [finding for free in crash_free for _, finding in free.findings if finding.severity]
    return dict(Counter(step(finding.value).step for finding in found))
