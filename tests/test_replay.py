"""A file of events, replayed: the same findings every time, and those that the events call for."""

import gzip
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.config import Config, parse
from schemas.taxonomy import Taxonomy
from streams import replay
from streams.demo.story import SEED, story
from streams.measure import stage as measure
from streams.watch.stage import Record

BEGIN_MS = 1_764_000_000_000


@pytest.fixture(scope="module")
def config() -> Config:
    return parse(
        "watch: {baseline_events: 1000, dependence: none, season_percent: 0, update_every_s: 10}\n"
        "measure: {bucket_s: 2}"
    )


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return [orjson.dumps({**beat.event, "at": BEGIN_MS + int(beat.seconds * 1000)}) for beat in story(SEED)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> Path:
    path = tmp_path_factory.mktemp("replay") / "story.jsonl"
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.fixture(scope="module")
def findings(config: Config, recorded: Path) -> list[bytes]:
    return list(replay.files(config, [recorded]))


def test_the_changes_are_found_and_nothing_else(findings: list[bytes]) -> None:
    """One service changed at some time after 46 s, one after 52 s; two did not."""
    steps = [json.loads(finding) for finding in findings]
    changed = {"survey-assistant": (44_000, {"answered", "latency", "output_tokens"}),
               "forms-assistant": (50_000, {"schema_valid", "failed"})}  # fmt: skip
    assert {step["service"] for step in steps} == set(changed)
    for service, (since, signals) in changed.items():
        own = [step for step in steps if step["service"] == service]
        assert len({step["fingerprint"] for step in own}) == 1
        assert own[0]["step"] == "fired"
        assert {change["signal"] for change in own[-1]["changes"]} >= signals
        assert own[0]["since_low"] >= BEGIN_MS + since
    forms = [step for step in steps if step["service"] == "forms-assistant"][-1]
    assert [mode["mode"] for mode in forms["modes"]] == ["FMT.SCHEMA_INVALID"]
    assert (forms["severity"], forms["slice"]["name"]) == ("sev-2", "refunds")


def test_the_same_file_gives_the_same_bytes(config: Config, recorded: Path, findings: list[bytes]) -> None:
    assert list(replay.files(config, [recorded])) == findings


def test_gzip_is_read_as_plain(config: Config, recorded: Path, findings: list[bytes], tmp_path: Path) -> None:
    packed = tmp_path / "story.jsonl.gz"
    packed.write_bytes(gzip.compress(recorded.read_bytes()))
    assert list(replay.files(config, [packed])) == findings


def test_files_are_one_log(config: Config, lines: list[bytes], findings: list[bytes], tmp_path: Path) -> None:
    """Where the log is cut into files is nobody's business."""
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_bytes(b"\n".join(lines[:5000]) + b"\n\n")
    second.write_bytes(b"\n".join(lines[5000:]))
    assert list(replay.files(config, [first, second])) == findings


def test_lines_that_are_no_events_change_nothing(
    config: Config, lines: list[bytes], findings: list[bytes], tmp_path: Path
) -> None:
    """They are set aside; findings differ in nothing that they say of the service, but where examples of it lie."""
    path = tmp_path / "dirty.jsonl"
    path.write_bytes(b"\n".join([b"no event", *lines[:3000], b'{"type": "exchange"}', *lines[3000:], b"\xff"]))
    assert list(map(_without_places, replay.files(config, [path]))) == list(map(_without_places, findings))


def _without_places(finding: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(finding)
    return said | {"exemplars": [one["id"] for one in said["exemplars"]]}


def test_recorded_tallies_replay_to_the_same_findings(config: Config, lines: list[bytes]) -> None:
    """Applied once or with every record twice, the log says the same."""
    records = list(_tallies(config, lines))
    once = list(replay.topic(config, records))
    assert once
    assert list(replay.topic(config, [record for record in records for _ in range(2)])) == once


def test_an_empty_file_finds_nothing(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert list(replay.files(config, [path])) == []


def _tallies(config: Config, lines: list[bytes]) -> Iterator[tuple[int, Record]]:
    """What MEASURE records of these lines: each block's flushes, stamped one second after the block's first event."""
    plan = measure.Plan.of(config, Taxonomy.load_default())
    stamps = [json.loads(line)["at"] for line in lines]
    records = [measure.Record(i, at, line) for i, (at, line) in enumerate(zip(stamps, lines, strict=True))]
    _, finished = measure.feed(plan, measure.begin(plan.source, 0, 0), records)
    offsets = [0] * config.topics.tallies_partitions
    for block in finished:
        assert block.first_ms is not None
        for message in measure.flushes(plan, block, final=True):
            yield message.partition, Record(offsets[message.partition], block.first_ms + 1000, message.value)
            offsets[message.partition] += 1


def _outage(services: int, seconds: int) -> list[bytes]:
    """Ten exchanges a second of each service; half of all are refused in the last third of the time."""
    lines = []
    for second in range(seconds):
        for service, i in product(range(services), range(10)):
            refused = second >= 2 * seconds // 3 and i % 2 == 0
            lines.append(orjson.dumps({
                "type": "exchange", "id": f"{second}-{service}-{i}", "service": f"svc-{service:02}", "release": "1",
                "at": BEGIN_MS + second * 1000 + i * 50, "status": "ok", "refused": refused,
            }))  # fmt: skip
    return lines


@pytest.mark.parametrize("how", ["files", "topic"])
def test_what_twelve_services_have_in_common_is_told_once(config: Config, tmp_path: Path, how: str) -> None:
    """Of files and of recorded tallies alike: two page before it can be known, and then what they have in common."""
    lines, path = _outage(12, 150), tmp_path / "outage.jsonl"
    path.write_bytes(b"\n".join(lines))
    said = replay.files(config, [path]) if how == "files" else replay.topic(config, _tallies(config, lines))
    steps = [json.loads(line) for line in said]
    parents = [step for step in steps if step["kind"] == "common"]
    assert len({parent["fingerprint"] for parent in parents}) == 1
    assert len({child["service"] for child in parents[-1]["children"]}) == 12, "the last word waits for nothing"
    paged = [step["service"] for step in steps if step["step"] == "fired" and step["notify"] == "page"]
    assert len(paged) == 3
    assert "many services" in paged
