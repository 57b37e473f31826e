"""A trial says what another config would have found, as a difference to what was found, and of nothing else."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.config import Config, parse
from schemas.incidents import Incident
from schemas.strict import ConfigError
from schemas.tallies import Effective, Tick, encode
from schemas.taxonomy import Taxonomy
from streams import replay
from streams.cli import main
from streams.shell import tallies
from streams.trial import Difference, Heard, Side, difference, lines, untried
from streams.watch import effective
from streams.watch.partition import Begun
from streams.watch.stage import Record
from tests.watch import logs

WORDS = msgspec.to_builtins(logs.CONFIG)


def config(**sections: Any) -> Config:
    """The config of the recorded log, but for some settings."""
    merged = {name: {**WORDS[name], **said} if isinstance(said, dict) else said for name, said in sections.items()}
    return parse(msgspec.json.encode({**WORDS, **merged}).decode())


@cache
def recorded() -> tuple[tuple[int, Record], ...]:
    """A log as a worker leaves it: first the word by which config it decides."""
    fact = encode(Effective(worker="w", engine=effective.ENGINE, said=effective.said(logs.CONFIG)))
    first = Record(0, logs.BEGIN_MS, fact)
    return tuple((0, one) for one in (first, *(one._replace(offset=one.offset + 1) for one in logs.usual())))


def tried(**sections: Any) -> Difference:
    return replay.trial(config(**sections), recorded())


def written(told: Difference) -> str:
    return "\n".join(lines(told))


# -- over a recorded log: `alpha` refuses everything for twelve seconds, recovers, and falls silent --------------------


def test_the_config_that_was_in_force_makes_no_difference() -> None:
    told = tried()
    assert told.both
    assert not told.only_found
    assert not told.only_would
    assert all(pair.same for pair in told.both)
    assert all(found == would for found, would in told.sums.values())
    assert told.untried == ()


def test_what_was_read_is_said() -> None:
    told = tried()
    assert told.records == len(recorded())
    assert (told.begins_at, told.ends_at) == (recorded()[0][1].timestamp, recorded()[-1][1].timestamp)


def test_both_sides_are_what_a_replay_of_each_finds() -> None:
    other = config(watch={"signals": ["failed", "answered", "latency"]})
    told = replay.trial(other, recorded())
    for side, values in (
        ("found", replay.topic(other, recorded(), as_recorded=True)), ("would", replay.topic(other, recorded()))
    ):  # fmt: skip
        said = [one for one in map(_incident, values) if one is not None]
        fired = sum(one.step == "fired" for one in said)
        lives = [*(getattr(pair, side) for pair in told.both), *getattr(told, f"only_{side}")]
        assert len(lives) == fired
        assert {life.summary for life in lives} <= {one.summary for one in said}


def _incident(value: bytes) -> Incident | None:
    return msgspec.json.decode(value, type=Incident) if b'"barograph.incident/v1"' in value else None


def test_what_is_no_longer_watched_would_not_be_found() -> None:
    told = tried(watch={"signals": [one.name for one in logs.CONFIG.watched() if one.name != "refused"]})
    assert {life.alert for life in told.only_found} == {"RefusedChanged"}
    assert not told.only_would
    found, would = told.sums["pages"]
    assert found - would == len([life for life in told.only_found if life.notify == "page"]) > 0
    assert "\nalpha\n  - " in written(told)
    assert f"\npages: {found} -> {would}\n" in written(told)


def test_what_goes_into_shadow_is_the_same_incident_of_which_nobody_is_told() -> None:
    told = tried(services=[{"name": "alpha", "shadow": True}])
    dark = [pair for pair in told.both if pair.found.service == "alpha"]
    assert dark
    assert not told.only_found
    assert not told.only_would
    for pair in dark:
        assert not pair.same
        assert (pair.found.shadow, pair.would.shadow, pair.later_s, pair.over_later_s) == (False, True, 0, 0)
    assert told.sums["pages in shadow"] == (0, told.sums["pages"][0] - told.sums["pages"][1])
    assert "page -> page in shadow" in written(told)


def test_when_it_would_be_over_is_told() -> None:
    """Six seconds of health end an incident; now it takes eight, and buckets are two seconds long."""
    told = tried(watch={"resolve_after_s": 8})
    later = {pair.over_later_s for pair in told.both if pair.found.alert == "RefusedChanged"}
    assert later == {2.0}
    assert "over 2 s later" in written(told)


def test_a_budget_ten_thousand_times_smaller_finds_no_sooner() -> None:
    told = tried(watch={"false_pages_per_week": 0.0001, "false_tickets_per_week": 0.001})
    assert all(pair.later_s >= 0 for pair in told.both)
    assert not told.only_would


# -- what cannot be tried --------------------------------------------------------------------------------------------


def test_what_was_never_counted_cannot_be_watched() -> None:
    with pytest.raises(ConfigError, match=r"no trial of slices by `route`.* only by: workflow.*`measure.slices\[1\]`"):
        tried(measure={"slices": ["workflow", "route"]})
    with pytest.raises(ConfigError, match=r"buckets of 5 s.* 2 s - at `measure.bucket_s`"):
        tried(measure={"bucket_s": 5})
    with pytest.raises(ConfigError, match="no trial of slices by `route`"):
        list(replay.topic(config(measure={"slices": ["route"]}), recorded()))


def test_a_signal_of_ones_own_is_tried_on_what_was_counted_of_it_alone() -> None:
    """How it is judged can be tried; what decides the counts cannot, and no trial says that it found nothing."""
    escaped = {"name": "escaped", "source": "attribute", "kind": "rate"}
    with pytest.raises(ConfigError, match=r"signal `escaped`: it was not counted .* at `signals\[0\]`"):
        tried(signals=[escaped])
    counted = effective.said(config(signals=[escaped]))
    assert untried(counted, config(signals=[{**escaped, "consequence": "harm", "bad": "up"}])) == []
    assert untried(counted, config()) == []
    for otherwise in ({"kind": "number"}, {"field": "left"}, {"sliced": True}):
        with pytest.raises(ConfigError, match="signal `escaped`: it was counted otherwise"):
            untried(counted, config(signals=[{**escaped, **otherwise}]))


def test_fewer_slices_can_be_tried() -> None:
    assert tried(measure={"slices": []}).untried == ()


def test_what_is_at_work_before_tallies_are_written_is_named_as_not_tried() -> None:
    told = tried(measure={"late_after_s": 7, "exemplars": 1})
    assert told.untried == ("measure.exemplars", "measure.late_after_s")
    assert all(pair.same for pair in told.both)
    assert "not tried" in written(told)
    assert "measure.exemplars, measure.late_after_s" in written(told)


def test_what_decides_which_failures_have_which_modes_is_named_as_not_tried() -> None:
    counted = effective.said(config())
    assert untried(counted, config(failures={"severities": {"FMT.TRUNCATED": "sev-1"}})) == ["failures.severities"]
    assert untried(counted, config(failures={"sql_dialect": "postgres"})) == ["failures.sql_dialect"]
    assert untried(counted, config(failures={"repeated": 5})) == []
    bounded = config(services=[{"name": "shop", "workflows": [{"name": "refunds", "allows": {"steps": 5}}]}])
    assert untried(counted, bounded) == untried(effective.said(bounded), config()) == ["services.shop.allows"]
    assert untried(counted, config(services=[{"name": "shop", "owner": "team-a"}])) == []


def test_no_records_and_a_log_that_nobody_watched_are_refused() -> None:
    with pytest.raises(ConfigError, match="holds no record"):
        replay.trial(logs.CONFIG, [])
    with pytest.raises(ConfigError, match="no worker has watched"):
        replay.trial(logs.CONFIG, [(0, Record(0, logs.BEGIN_MS, encode(Tick("w", "ai.events"))))])


def test_a_log_that_lost_its_beginning_is_refused_where_no_snapshot_says_what_was_known() -> None:
    with pytest.raises(ConfigError, match=r"partition 0 .* begins at record 40.*no snapshot"):
        replay.trial(logs.CONFIG, recorded()[40:])


# -- from a snapshot -------------------------------------------------------------------------------------------------


@cache
def begun(second: int) -> tuple[Begun, tuple[tuple[int, Record], ...]]:
    """What a snapshot at a second of the log would say, and the records behind it."""
    watching = replay._Watch(logs.CONFIG, Taxonomy.load_default(), forced=False)
    cut = next(i for i, (_, one) in enumerate(recorded()) if one.timestamp >= logs.BEGIN_MS + second * 1000)
    for partition, record in recorded()[:cut]:
        list(watching.apply(partition, record))
    return Begun(watching.own[0], watching.states[0], recorded()[cut][1].offset), recorded()[cut:]


def from_snapshot(second: int, **sections: Any) -> Difference:
    start, rest = begun(second)
    return replay.trial(config(**sections), rest, {0: start})


def test_from_a_snapshot_the_config_in_force_makes_no_difference_and_the_log_need_not_begin_at_0() -> None:
    told = from_snapshot(20)
    assert told.both
    assert told.open_before == 0
    assert all(pair.same for pair in told.both)


def test_what_was_open_at_the_snapshot_is_of_neither_side() -> None:
    """`alpha` began to refuse at second 24, and is well again from 36 on."""
    told = from_snapshot(30)
    assert told.open_before >= 1
    assert "RefusedChanged" not in {pair.found.alert for pair in told.both}
    assert "open where the replay begins" in written(told)


def test_baselines_of_a_snapshot_are_not_learned_again_and_that_is_said() -> None:
    told = from_snapshot(20, watch={"baseline_events": 400, "false_pages_per_week": 2})
    assert told.untried == ("watch.baseline_events",)
    assert tried(watch={"baseline_events": 400}).untried == ()


def test_from_a_snapshot_too_what_goes_into_shadow_is_found_there() -> None:
    told = from_snapshot(20, services=[{"name": "alpha", "shadow": True}])
    assert {pair.would.shadow for pair in told.both if pair.found.service == "alpha"} == {True}


# -- the difference itself -------------------------------------------------------------------------------------------


def said(at: int, step: str, episode: int = 1, **changed: Any) -> bytes:
    """A step of an incident, at a second."""
    usual: dict[str, Any] = {
        "schema": "barograph.incident/v1", "fingerprint": "f", "episode": episode, "step": step, "severity": "sev-2",
        "notify": "page", "labels": {"alertname": "RefusedChanged", "service": "s", "slice": ""}, "service": "s",
        "summary": "s: refused", "since": 0, "updated_at": at * 1000, "shadow": False,
        "changes": [{"signal": "refused"}],
    }  # fmt: skip
    return msgspec.json.encode({**usual, **changed})


def heard(found: Sequence[bytes], would: Sequence[bytes]) -> Iterator[Heard]:
    sides: list[tuple[Side, Sequence[bytes]]] = [("found", found), ("would", would)]
    return (Heard(side, value) for side, values in sides for value in values)


def test_an_episode_more_shifts_no_other() -> None:
    """Ids and episodes are counted on each side; what is the same is told by what it is about, and when."""
    late = [said(500, "fired", 1, since=490_000), said(600, "resolved", 1, since=490_000)]
    early = [said(10, "fired", 1, since=5_000), said(90, "resolved", 1, since=5_000)]
    told = difference(heard(late, [*early, *(_later_episode(one) for one in late)]))
    [more] = told.only_would
    [pair] = told.both
    assert more.found_at == 10_000
    assert pair.same


def test_what_is_only_pending_is_no_incident_and_was_not_open_before() -> None:
    """It fires as the same episode, or goes on under another name: then it tells nobody of its end."""
    fires = [said(10, "pending"), said(15, "fired"), said(90, "resolved")]
    ends = [said(10, "pending", fingerprint="other"), said(12, "resolved", fingerprint="other")]
    told = difference(heard([*fires, *ends], [said(15, "fired"), said(90, "resolved")]))
    [pair] = told.both
    assert pair.same
    assert (told.only_found, told.only_would, told.open_before) == ((), (), 0)


def _later_episode(value: bytes) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(value), "episode": 2})


def test_another_slice_or_another_time_is_another_incident() -> None:
    first = [said(10, "fired"), said(20, "resolved")]
    labels = {"alertname": "RefusedChanged", "service": "s", "slice": "workflow=a"}
    for other in (
        [said(10, "fired", labels=labels)],
        [said(40, "fired", since=30_000)],
    ):
        told = difference(heard(first, other))
        assert (len(told.only_found), len(told.only_would), len(told.both)) == (1, 1, 0)


def test_a_ticket_that_becomes_a_page_is_a_page_from_then_on() -> None:
    ticket = said(10, "fired", notify="ticket", severity="sev-3")
    told = difference(heard([ticket], [ticket, said(30, "updated"), said(50, "updated", notify="ticket")]))
    [pair] = told.both
    assert (pair.found.notify, pair.would.notify, pair.would.severity) == ("ticket", "page", "sev-2")
    assert pair.would.told_at == 30_000
    assert told.sums["pages"] == (0, 1)
    assert told.sums["tickets"] == (1, 0)
    assert "  ~ 1970-01-01T00:00:10Z RefusedChanged: ticket -> page; sev-3 -> sev-2" in lines(told)


def test_both_may_page_but_one_sooner() -> None:
    slow = [said(10, "fired", notify="ticket"), said(70, "updated")]
    [pair] = difference(heard(slow, [said(25, "fired")])).both
    assert (pair.later_s, pair.told_later_s) == (15.0, -45.0)
    assert not pair.same
    assert "found 15 s later; a page 45 s sooner" in written(difference(heard(slow, [said(25, "fired")])))


def test_what_is_still_open_on_one_side_is_said() -> None:
    over, open_ = [said(10, "fired"), said(20, "resolved")], [said(10, "fired")]
    assert "would still be open" in written(difference(heard(over, open_)))
    assert "would be over by now" in written(difference(heard(open_, over)))
    assert difference(heard(open_, open_)).both[0].same


def test_names_from_events_do_not_act_on_who_reads_them() -> None:
    labels = {"alertname": "RefusedChanged", "service": "s\x1b[2J", "slice": "workflow=\u202e"}
    told = difference(heard([said(1, "fired", service="s\x1b[2J", labels=labels, summary="a\nb")], []))
    assert all(line.isprintable() for line in lines(told))


def test_lives_are_told_apart_from_change_reports() -> None:
    report = msgspec.json.encode({"schema": "barograph.change_report/v1", "id": "x"})
    assert difference(heard([report], [report])).sums["incidents"] == (0, 0)


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorded log, in place of a broker's."""
    monkeypatch.setattr(tallies, "recorded", lambda _config, _begun=None: iter(recorded()))
    monkeypatch.setattr(tallies, "snapshots", lambda _config, _before: {})
    monkeypatch.setattr(tallies, "quarantines", lambda _config: [])


def file_of(folder: Path, **sections: Any) -> str:
    path = folder / "new.yaml"
    path.write_bytes(msgspec.yaml.encode(config(**sections)))
    return str(path)


@pytest.mark.usefixtures("on_record")
def test_replay_of_the_topic_prints_the_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = file_of(tmp_path, services=[{"name": "alpha", "shadow": True}])
    assert main(["replay", "--topic", "--config", new]) == 0
    assert capsys.readouterr().out == written(tried(services=[{"name": "alpha", "shadow": True}])) + "\n"


@pytest.mark.usefixtures("on_record")
def test_the_difference_as_json_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = file_of(tmp_path, watch={"resolve_after_s": 8})
    assert main(["replay", "--topic", "--json", "--config", new]) == 0
    told = msgspec.json.decode(capsys.readouterr().out, type=Difference)
    assert told == tried(watch={"resolve_after_s": 8})


@pytest.mark.usefixtures("on_record")
def test_findings_of_each_side_are_json_lines(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    new = file_of(tmp_path, watch={"resolve_after_s": 8})
    for option, is_recorded in (("--findings", False), ("--as-recorded", True)):
        assert main(["replay", "--topic", option, "--config", new]) == 0
        wanted = list(replay.topic(config(watch={"resolve_after_s": 8}), recorded(), as_recorded=is_recorded))
        assert capfdbinary.readouterr().out.splitlines() == wanted


@pytest.mark.usefixtures("on_record")
def test_what_cannot_be_tried_is_one_sentence_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--topic", "--config", file_of(tmp_path, measure={"slices": ["route"]})]) == 2
    assert capsys.readouterr().err.startswith("barograph: no trial of slices by `route`")


@pytest.mark.parametrize(
    "argv", [["--json", "events.jsonl"], ["--topic", "--json", "--as-recorded"], ["--topic", "--json", "--findings"]]
)
def test_options_that_contradict_each_other_are_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *argv]) == 2
    assert "--json" in capsys.readouterr().err
