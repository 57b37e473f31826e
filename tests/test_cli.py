"""The command line promises: one sentence and a code for what the user can put right, never a traceback."""

import gzip
import io
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas import actuate, kpi_sets
from schemas.config import load, parse
from streams import cli
from streams.cli import main

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "deploy").rglob("barograph*.yaml"))

Said = pytest.CaptureFixture[str]


def refused(said: Said, code: int, *named: str) -> None:
    """Check what was said on standard error: one sentence that names what is wrong."""
    error = said.readouterr().err
    assert error.startswith("barograph: ")
    assert error.count("\n") == 1
    for part in named:
        assert part in error
    assert code in (2, 3)


@pytest.mark.parametrize("argv", [[], ["rnu"], ["run", "--configg", "x"], ["check"]])
def test_a_command_that_does_not_exist_is_a_config_error_with_usage(argv: list[str], capsys: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: barograph" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "replay",
        "check",
        "incidents",
        "explain",
        "failures",
        "budgets",
        "calibrate",
        "scorecard",
        "topics",
        "control",
        "actuate",
        "kpis",
        "demo",
    ],
)
def test_every_command_has_help(command: str, capsys: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: barograph {command}" in capsys.readouterr().out


def test_the_exit_codes_are_in_the_help(capsys: Said) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for code in ("0 done", "2 the config", "3 the broker", "4 in doubt"):
        assert code in said


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "--config"],
        ["replay", "--topic", "--config"],
        ["check"],
        ["topics", "--config"],
        ["incidents", "--config"],
        ["explain", "9f0c", "--config"],
        ["failures", "--config"],
        ["scorecard", "shop", "--config"],
        ["budgets", "shop", "--config"],
        ["calibrate", "shop", "--kpis", "none.yaml", "--config"],
    ],
    ids=lambda argv: argv[0],
)
@pytest.mark.parametrize(
    ("content", "named"),
    [(None, "no such file"), ("watch: {max_service: 3}", "did you mean `max_services`?"), ("watch: [", "not YAML")],
    ids=["missing", "unknown key", "not YAML"],
)
def test_a_bad_config_ends_every_command_with_2(
    argv: list[str], content: str | None, named: str, tmp_path: Path, capsys: Said
) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content)
    assert main([*argv, str(path)]) == 2
    refused(capsys, 2, named)


def test_a_name_that_no_worker_can_have_is_refused(capsys: Said) -> None:
    assert main(["run", "--name", "barograph 1"]) == 2
    refused(capsys, 2, "'barograph 1'", "`worker.name`")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_shipped_config_is_checked_and_printed_as_a_config(path: Path, capsys: Said) -> None:
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert parse(said) == load(path)
    for service in parse(said).services:
        assert f"# {service.name} (weight {service.weight:g}), in vain at most:" in said


def test_an_actuators_config_is_checked_shown_and_says_what_each_target_runs(tmp_path: Path, capsys: Said) -> None:
    flag = {"state": "ENABLED", "variants": {"v3": 3}, "defaultVariant": "v3"}
    flags = {"flags": {"model": flag | {"metadata": {"version": 7, "generation": 3}}}}
    (tmp_path / "flags.json").write_text(json.dumps(flags))
    target = f"{{service: bot, ref: model, flagd: {{file: {tmp_path / 'flags.json'}}}}}"
    lost = f"{{service: search, ref: model, flagd: {{file: {tmp_path / 'none.json'}}}}}"
    path = tmp_path / "actuate.yaml"
    path.write_text(f"targets: [{target}, {lost}]")
    assert main(["actuate", str(path), "--check"]) == 0
    said = capsys.readouterr().out
    assert actuate.parse(said) == actuate.load(path)
    assert "# production/bot: the flag model runs v3 (generation 3)" in said
    assert "# production/search: the flag model cannot be seen: cannot read none.json" in said
    assert main(["actuate", str(path), "--check", "--name", "pod-1"]) == 0
    assert actuate.parse(capsys.readouterr().out).name == "pod-1"
    assert main(["actuate", str(path), "--name", "pod 1"]) == 2
    refused(capsys, 2, "letters, digits, dots, dashes and underscores", "`name`")
    path.write_text("targets: [{service: bot, ref: r, webhook: {url: 'http://example.org'}}]")
    assert main(["actuate", str(path), "--check"]) == 2
    refused(capsys, 2, "neither https nor http on loopback", "`targets[0].webhook`")
    path.write_text("targts: []")
    assert main(["actuate", str(path)]) == 2
    refused(capsys, 2, "did you mean `targets`?")


def test_the_rights_are_printed_without_a_broker(tmp_path: Path, capsys: Said) -> None:
    path = config_for(tmp_path, nobody(), "eu.")
    assert main(["topics", "--acls", "--config", path]) == 0
    said = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("kafka-acls ") for line in said) > 5
    assert all(line.startswith(("#", "kafka-acls ")) for line in said)
    assert main(["topics", "--acls", "--create", "--config", path]) == 2
    refused(capsys, 2, "--acls", "--create")


def test_findings_at_a_terminal_are_the_same_json_but_do_not_act(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = '{"service":"shop\x9b2J\u202e"}'.encode()
    for terminal in (False, True):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        monkeypatch.setattr(out, "isatty", lambda there=terminal: there)
        monkeypatch.setattr("sys.stdout", out)
        cli._write([finding])
        written = out.buffer.getvalue()
        assert json.loads(written) == json.loads(finding)
        assert (written == finding + b"\n") is not terminal
        assert written.decode().rstrip().isprintable() is terminal


def test_a_sentence_that_quotes_anything_is_one_line(capsys: Said, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text('"a\\e[2J\\nb": 1')
    assert main(["check", str(path)]) == 2
    refused(capsys, 2, r"a\x1b[2J\nb")


def test_a_config_is_checked_without_kafkas_clients() -> None:
    check = f"main(['check', {str(CONFIGS[0])!r}])"
    code = f"import sys; from streams.cli import main; {check}; print('aiokafka' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "False"


def test_a_reader_who_has_seen_enough_ends_it_quietly() -> None:
    command = [sys.executable, "-m", "streams.cli", "check", str(CONFIGS[0])]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert (process.stderr.read(), process.wait()) == (b"", 0)
    process.stderr.close()


@pytest.mark.parametrize("argv", [["--json"], ["--service", "support-bot"]], ids=" ".join)
def test_data_and_a_service_are_asked_of_a_running_system(argv: list[str], capsys: Said) -> None:
    assert main(["check", *argv, str(CONFIGS[0])]) == 2
    refused(capsys, 2, "--live")


def nobody() -> str:
    """Find an address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def config_for(folder: Path, bootstrap: str, prefix: str = "") -> str:
    path = folder / "config.yaml"
    path.write_text(
        json.dumps({"kafka": {"bootstrap": bootstrap}, "topics": {"prefix": prefix, "events_partitions": 2}})
    )
    return str(path)


@pytest.mark.parametrize(
    "argv",
    [
        ["topics"], ["topics", "--create"], ["replay", "--topic"], ["run"], ["check", "--live"], ["incidents"],
        ["explain", "9f0c"], ["failures"], ["scorecard", "shop"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_where_no_broker_answers_its_address_is_named_with_3(
    argv: list[str], tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.shell.knock.ANSWER_S", 0.3)
    address = nobody()
    config = config_for(tmp_path, address)
    assert main([*argv, config] if argv[0] == "check" else [*argv, "--config", config]) == 3
    refused(capsys, 3, address, "`kafka.bootstrap`")


def test_the_table_of_topics_is_shown_even_where_no_broker_answers(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.shell.knock.ANSWER_S", 0.3)
    main(["topics", "--config", config_for(tmp_path, nobody(), "eu.")])
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert ["eu.ai.events", "?", "2"] in rows
    assert ["eu.barograph.tallies", "?", "4"] in rows


def test_topics_are_shown_missing_then_created_and_there(
    kafka: str, namespace: str, tmp_path: Path, capsys: Said
) -> None:
    path = config_for(tmp_path, kafka, f"{namespace}.")

    def rows(*argv: str) -> dict[str, str]:
        assert main(["topics", "--config", path, *argv]) == 0
        return {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]}

    assert set(rows().values()) == {"missing"}
    created = rows("--create")
    assert created[f"{namespace}.ai.events"] == "2"
    assert created[f"{namespace}.barograph.tallies"] == "4"
    assert rows() == created


@pytest.mark.parametrize("argv", [[], ["events.jsonl", "--topic"]], ids=["neither", "both"])
def test_replay_takes_files_or_the_topic(argv: list[str], capsys: Said) -> None:
    assert main(["replay", *argv]) == 2
    refused(capsys, 2, "--topic", "one of the two")


BROKEN: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "no gzip": lambda path: path.write_bytes(b"plain text"),
    "cut gzip": lambda path: path.write_bytes(gzip.compress(b"{}\n" * 999)[:20]),
    "torn gzip": lambda path: path.write_bytes(gzip.compress(bytes(range(256)) * 99)[:40] + b"x" * 99),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_replayed_is_refused(how: str, tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "events.jsonl.gz"
    BROKEN[how](path)
    assert main(["replay", str(path)]) == 2
    refused(capsys, 2, "events")


def test_a_file_of_a_few_healthy_events_and_a_line_that_is_none_replays_without_a_finding(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "events.jsonl.gz"
    event = {
        "type": "exchange",
        "service": "s",
        "release": "1",
        "at": "2026-01-01T00:00:00Z",
        "id": "1",
        "status": "ok",
    }
    path.write_bytes(gzip.compress(f"{json.dumps(event)}\nno event\n{json.dumps(event | {'id': '2'})}\n".encode()))
    assert main(["replay", str(path)]) == 0
    assert capfdbinary.readouterr() == (b"", b"")


def test_a_preset_is_printed_as_it_can_be_loaded(capsys: Said) -> None:
    assert main(["kpis", "support-bot"]) == 0
    assert kpi_sets.parse(capsys.readouterr().out) == kpi_sets.preset("support-bot")
    assert main(["kpis"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in kpi_sets.PRESETS)
    assert main(["kpis", "suport-bot"]) == 2
    assert "did you mean `support-bot`?" in capsys.readouterr().err


def test_a_history_to_calibrate_by_is_between_a_week_and_thirteen_months(capsys: Said) -> None:
    assert main(["calibrate", "shop", "--kpis", "none.yaml", "--days", "6"]) == 2
    refused(capsys, 2, "a history is of 7 to 396 days, thirteen months, and not of 6 - at `--days`")


def test_a_set_to_calibrate_that_is_not_there_is_named(capsys: Said) -> None:
    assert main(["calibrate", "shop", "--kpis", "none.yaml"]) == 2
    refused(capsys, 2, "cannot read the KPIs `none.yaml`: no such file")
