"""The judge sees what it must: a run without fault passes, and each single fault in its topics is found."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from itertools import islice

import msgspec
import pytest
from msgspec.structs import replace

from schemas.config import Config
from schemas.control import Release
from schemas.tallies import Flush, Passed, Tick, decode, encode
from schemas.taxonomy import Taxonomy
from streams.gather import records as kept
from streams.measure import stage as measure
from streams.measure.control import words
from streams.telling.findings import Finding, finding
from streams.watch import stage as watch
from streams.watch import store
from streams.watch.own import Own
from streams.watch.partition import Engine, advance
from tests.chaos.driver import Produced, Sum
from tests.chaos.held import Held
from tests.chaos.records import Kept, Topic, furthest, name
from tests.chaos.replayed import Replayed, gathered
from tests.chaos.settings import config
from tests.chaos.traffic import Script, story
from tests.chaos.verdict import Verdict, check_findings, check_present, judge
from tests.gather.incidents import Gathering, found, then

START_MS = 1_790_000_000_000
CONFIG = config("localhost:9092", "test")
Topics = dict[str, Topic]


@pytest.fixture(scope="module")
def faultless() -> Topics:
    """The topics of a run of six seconds, without a broker: open blocks are flushed, too, and checkpoints taken."""
    events = _events(list(islice(story(Script(rate=100), 3, START_MS), 600)))
    tallies: Topic = [[] for _ in range(4)]
    rejected: list[Kept] = []
    plan = measure.Plan.of(CONFIG, Taxonomy.load_default())
    for partition, records in enumerate(events):
        block = measure.begin(plan.source, partition, 0)
        for at in range(0, len(records), 40):
            batch = [measure.Record(*record[:2], record.value) for record in records[at : at + 40]]
            block, finished = measure.feed(plan, block, batch)
            for final, told in [*((True, done) for done in finished), (False, block)]:
                for message in measure.flushes(plan, told, final):
                    _append(tallies[message.partition], message.key, message.value)
                for message in measure.rejects(told):
                    _append(rejected, message.key, message.value)
    control = _control()
    for word in words(name(CONFIG, "control"), 0, "", 4, [measure.Record(*one[:2], one.value) for one in control]):
        _append(tallies[word.message.partition], word.message.key, word.message.value)
    for log in tallies:
        _append(log, b"w0", encode(Tick(worker="w0", source=plan.source)))
    state = [_checkpoints(partition, records) for partition, records in enumerate(tallies)]
    return {"events": events, "tallies": tallies, "rejected": [rejected], "state": state,
            "found": [[]], "gathered": [[]], "incidents": [[]], "incidents_state": [[]], "changes": [[]],
            "verdicts": [[]], "scorecards": [[]], "rollbacks": [[]], "rollups": [[]],
            "control": [control]}  # fmt: skip


def _control() -> list[Kept]:
    log: list[Kept] = []
    for release in ("2026.1", "2026.2"):
        fact = Release(service="ranker", at=1, release=release, phase="deployed", generation=2)
        _append(log, b"ranker", msgspec.json.encode(fact))
    return log


def _events(beats: list) -> Topic:  # type: ignore[type-arg]
    events: Topic = [[] for _ in range(4)]
    for beat in beats:
        log = events[beat.partition]
        log.append(Kept(len(log), beat.timestamp, b"any", beat.value, ()))
    return events


def _append(log: list[Kept], key: bytes, value: bytes | None) -> None:
    log.append(Kept(len(log), START_MS + 10 * len(log), key, value, ()))


def _checkpoints(partition: int, records: list[Kept]) -> list[Kept]:
    engine, own = Engine(CONFIG, Taxonomy.load_default()), Own()
    states: dict[str, watch.State] = {}
    written, log = store.Written(), list[Kept]()
    for record in records:
        fact = watch.Record(record.offset, record.timestamp, record.value or b"")
        done = advance(engine, partition, own, states, fact)
        own = done.own
        done.put(states)
        (cold, hot, tombstones), written = store.writes(states, done.changed, written)
        for key, value in [*cold, *hot, *tombstones, (store.POSITION, store.position(record.offset + 1, states, own))]:
            _append(log, key, value)
    return log


def _produced(events: Topic) -> dict[int, Produced]:
    said = {}
    for partition, records in enumerate(events):
        log = Sum()
        for record in records:
            log.add(record.timestamp, record.value)
        said[partition] = log.said()
    return said


def _judge(topics: Mapping[str, Topic], produced: Mapping[int, Produced], config: Config = CONFIG) -> Verdict:
    with ThreadPoolExecutor(1) as pool:
        return judge(config, topics, produced, pool)


def test_a_faultless_run_passes(faultless: Topics) -> None:
    verdict = _judge(faultless, _produced(faultless["events"]))
    assert (verdict.wrong(), verdict.examples) == (0, [])
    assert verdict.events == 600
    assert verdict.rejected > 0
    assert verdict.services == 12


def _lose_an_event(topics: Topics) -> None:
    del topics["events"][1][-1]


def _lose_a_final_flush(topics: Topics) -> None:
    log = topics["tallies"][2]
    log[:] = [record for record in log if not _covers(record, log[0])]


def _covers(record: Kept, like: Kept) -> bool:
    return record.key == like.key


def _count_one_too_many(topics: Topics) -> None:
    log = topics["tallies"][0]
    n, flush = next((n, f) for n, r in enumerate(log) if isinstance(f := decode(r.value or b""), Flush) and f.final)
    more = bytearray(flush.counts)
    more[1] += 1
    log[n] = log[n]._replace(value=encode(replace(flush, counts=bytes(more))))


def _tell_twice_in_two_ways(topics: Topics) -> None:
    log = topics["tallies"][0]
    flush = next(f for r in log if isinstance(f := decode(r.value or b""), Flush) and f.final)
    _append(log, b"again", encode(replace(flush, first_bucket=flush.first_bucket + 1)))


def _forget_a_rejected_record(topics: Topics) -> None:
    [log] = topics["rejected"]
    gone = log[0].key
    log[:] = [record for record in log if record.key != gone]


def _reject_a_good_record(topics: Topics) -> None:
    _append(topics["rejected"][0], f"{name(CONFIG, 'events')}:0:0".encode(), b"{}")


def _word_a_rejection_anew(topics: Topics) -> None:
    [log] = topics["rejected"]
    _append(log, log[0].key or b"", (log[0].value or b"") + b" ")


def _lose_a_service(topics: Topics) -> None:
    log = topics["state"][0]
    log[:] = [record for record in log if not (record.key or b"").startswith(b"voice-agent")]


def _end_with_an_older_state(topics: Topics) -> None:
    log = topics["state"][0]
    last = max(n for n, record in enumerate(log) if record.key == b"voice-agent")
    log[:] = [record for n, record in enumerate(log) if n != last]


def _publish_from_nowhere(topics: Topics) -> None:
    _append(topics["incidents"][0], b"f", b"{}")


def _find_from_nowhere(topics: Topics) -> None:
    said = finding(found("nobody"))
    topics["found"][0].append(Kept(0, START_MS, said.key, said.value, said.headers))


def _keep_a_control_fact(topics: Topics) -> None:
    log = next(log for log in topics["tallies"] if any(_passed(record) for record in log))
    log.remove(next(record for record in log if _passed(record)))


def _pass_a_control_fact_on_to_another_service(topics: Topics) -> None:
    here = next(p for p, log in enumerate(topics["tallies"]) if any(_passed(record) for record in log))
    record = next(record for record in topics["tallies"][here] if _passed(record))
    _append(topics["tallies"][here - 1], record.key or b"", record.value)


def _passed(record: Kept) -> bool:
    return isinstance(decode(record.value or b""), Passed)


def _leave_an_incident_behind(topics: Topics) -> None:
    for sequence in (2, 3, 2):
        _append(topics["incidents_state"][0], b"f", b'{"episode": 1, "sequence": %d}' % sequence)


FAULTS: list[tuple[Callable[[Topics], None], str]] = [
    (_lose_an_event, "wrong_log"),
    (_lose_a_final_flush, "wrong_counts"),
    (_count_one_too_many, "wrong_counts"),
    (_tell_twice_in_two_ways, "impure"),
    (_forget_a_rejected_record, "wrong_rejected"),
    (_reject_a_good_record, "wrong_rejected"),
    (_word_a_rejection_anew, "wrong_rejected"),
    (_lose_a_service, "wrong_counts"),
    (_end_with_an_older_state, "wrong_counts"),
    (_publish_from_nowhere, "extra_findings"),
    (_find_from_nowhere, "extra_findings"),
    (_keep_a_control_fact, "wrong_control"),
    (_pass_a_control_fact_on_to_another_service, "wrong_control"),
    (_leave_an_incident_behind, "outdated"),
]


@pytest.mark.parametrize(("fault", "seen_in"), FAULTS, ids=[fault.__name__.strip("_") for fault, _ in FAULTS])
def test_a_single_fault_is_found(faultless: Topics, fault: Callable[[Topics], None], seen_in: str) -> None:
    produced = _produced(faultless["events"])
    topics = deepcopy(faultless)
    fault(topics)
    assert getattr(_judge(topics, produced), seen_in) > 0


def test_an_older_state_after_a_newer_one_is_no_fault(faultless: Topics) -> None:
    topics = deepcopy(faultless)
    log = topics["state"][0]
    first = next(record for record in log if record.key == b"voice-agent")
    _append(log, first.key or b"", first.value)
    verdict = _judge(topics, _produced(topics["events"]))
    assert verdict.wrong() == 0
    assert verdict.stale == 1


def test_a_part_of_the_log_that_is_told_again_under_another_digest_is_no_fault(faultless: Topics) -> None:
    """As after an upgrade: exemplars may differ, and what is counted may not."""
    topics = deepcopy(faultless)
    log = topics["tallies"][0]
    flush = next(f for r in log if isinstance(f := decode(r.value or b""), Flush) and f.final)
    _append(log, b"again", encode(replace(flush, digest="another", exemplars=())))
    assert _judge(topics, _produced(topics["events"])).wrong() == 0


@pytest.mark.parametrize(
    ("said", "stale", "outdated"),
    [
        pytest.param([(1, 1), (1, 2), (1, 2)], 0, 0, id="in order"),
        pytest.param([(1, 1), (1, 2), (1, 1), (1, 2)], 1, 0, id="a zombie's, righted"),
        pytest.param([(1, 3), (2, 1), (1, 3)], 1, 1, id="a zombie's of an older episode, left so"),
    ],
)
def test_the_last_word_on_an_incident_is_the_furthest(said: list[tuple[int, int]], stale: int, outdated: int) -> None:
    verdict = Verdict()
    words = [b'{"episode": %d, "sequence": %d}' % one for one in said]
    check_present(verdict, [[Kept(n, 0, b"f", word, ()) for n, word in enumerate(words)]])
    assert (verdict.stale_findings, verdict.outdated) == (stale, outdated)


ALL = [
    (offset, Finding(b"f", f"f-1-{offset}", b"said at %d" % offset, (("id", b"x"),), roles=("incidents",)))
    for offset in (3, 5, 8, 9)
]


@pytest.mark.parametrize(
    ("published", "missing", "extra"),
    [
        pytest.param([3, 5, 8, 9], 0, 0, id="all"),
        pytest.param([3, 3, 5, 8, 5, 9], 0, 0, id="repeats"),
        pytest.param([3, 5], 0, 0, id="none beyond the position"),
        pytest.param([3, 5, 8], 0, 0, id="the first beyond the position"),
        pytest.param([3, 5, 9], 1, 0, id="a later one beyond the position, but not the first"),
        pytest.param([5], 1, 0, id="one missing below the position"),
        pytest.param([3, 5, 7], 0, 1, id="one besides"),
    ],
)
def test_findings_up_to_the_position_and_a_first_part_of_the_rest(
    published: list[int], missing: int, extra: int
) -> None:
    verdict = Verdict()
    topic = [[Kept(n, 0, b"f", b"said at %d" % at, (("id", b"x"),)) for n, at in enumerate(published)]]
    check_findings(verdict, topic, [Held(next=6)], [Replayed(findings=ALL)], "incidents")
    assert (verdict.missing_findings, verdict.extra_findings) == (missing, extra)


def test_a_repeat_in_other_bytes_is_one_besides() -> None:
    verdict = Verdict()
    said = [Kept(0, 0, finding.key, finding.value, finding.headers) for _, finding in ALL]
    check_findings(
        verdict, [[*said, said[0]._replace(headers=())]], [Held(next=10)], [Replayed(findings=ALL)], "incidents"
    )
    assert (verdict.missing_findings, verdict.extra_findings) == (0, 1)


def _together() -> tuple[list[Kept], list[Kept], Kept]:
    """What four services with one cause come to: the inner topic, the outer one, and the state behind it."""
    first = [found(service) for service in "abcd"]
    told = Gathering(CONFIG).hears(*first, *(then(one, "resolved", 400) for one in first))
    inner = [Kept(one.offset, one.timestamp, b"f", one.value, tuple(one.headers)) for one in told.log]
    outer = [Kept(n, 0, one.key, one.value, one.headers) for n, one in enumerate(told.findings)]
    return inner, outer, Kept(0, 0, kept.KEY, kept.encode(told.state), ())


@pytest.mark.parametrize(
    ("fault", "missing", "extra"),
    [
        pytest.param(lambda outer: outer, 0, 0, id="all"),
        pytest.param(lambda outer: [*outer, outer[0]], 0, 0, id="repeats"),
        pytest.param(lambda outer: outer[:-1], 1, 0, id="the end of the common cause is missing"),
        pytest.param(
            lambda outer: [one for one in outer if one.value != outer[4].value], 1, 0, id="one held is missing"
        ),
        pytest.param(
            lambda outer: [*outer, outer[4]._replace(value=finding(found("d")).value)],
            0,
            1,
            id="one goes through unheld",
        ),
    ],
)
def test_incidents_are_those_of_a_crash_free_gather_over_the_inner_topic(
    fault: Callable[[list[Kept]], list[Kept]], missing: int, extra: int
) -> None:
    verdict, (inner, outer, state) = Verdict(), _together()
    assert (len(inner), len(outer)) == (8, 11), "the common cause fires, is updated, and is over"
    far = Held(next=furthest([state]))
    check_findings(verdict, [fault(outer)], [far], [gathered(CONFIG, inner)], "incidents")
    assert (verdict.missing_findings, verdict.extra_findings) == (missing, extra)
