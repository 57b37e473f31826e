"""What the README shows can be done."""

import json
import re
import shlex
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from schemas.config import parse
from schemas.events import Event
from schemas.sections import Worker
from streams import cli
from streams.telling.answered import Asked, asked

TOP = Path(__file__).parents[1]
TEXT = (TOP / "README.md").read_text()
SECURITY = (TOP / "SECURITY.md").read_text()
OPERATIONS = (TOP / "docs/operations.md").read_text()
VERDICTS = (TOP / "docs/verdicts.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [line[2:] for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]
NEEDS_BROKER = (
    "barograph run", "barograph actuate", "barograph topics", "barograph incidents", "barograph explain",
    "barograph failures", "barograph scorecard", "barograph budgets", "barograph calibrate", "--topic", "--live",
)  # fmt: skip


def test_every_command_is_one_of_ours() -> None:
    assert COMMANDS
    assert all(command.startswith(("make ", "barograph ")) for command in COMMANDS)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_make_targets_exist(command: str) -> None:
    assert re.search(rf"^{command.split()[1]}:", (TOP / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("barograph ")])
def test_barograph_commands_run(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that need a broker are understood up to there; tests of the shell run them."""
    monkeypatch.chdir(TOP)
    words = shlex.split(command)[1:]
    if any(part in command for part in NEEDS_BROKER):
        args = cli.parser().parse_args(words)
        assert args.config.is_file()
    else:
        assert cli.main(words) == 0, capsys.readouterr().err


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "text"])
def test_what_check_is_shown_to_print_it_prints(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(TOP / "deploy/barograph.yaml")]) == 0
    said = [line.removeprefix("#").removeprefix(" ") for line in capsys.readouterr().out.splitlines()]
    assert text.rstrip() in "\n".join(said)


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "json"])
def test_the_event_is_one(text: str) -> None:
    msgspec.json.decode(text, type=Event)
    known = {field.name for field in msgspec.structs.fields(type(msgspec.json.decode(text, type=Event)))}
    assert json.loads(text).keys() <= known | {"type"}


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```", SECURITY + OPERATIONS, re.MULTILINE | re.DOTALL))
def test_the_configs_of_the_pages_are_configs(text: str) -> None:
    assert parse(text) != parse("")


@pytest.mark.parametrize(
    "path",
    sorted(set(re.findall(r"`((?:docs|deploy|schemas|streams|benchmarks)/[\w./-]+)`", TEXT + SECURITY + VERDICTS))),
)
def test_every_path_is_there(path: str) -> None:
    assert (TOP / path).exists()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w./-]+)\)", VERDICTS))))
def test_what_the_page_of_verdicts_leads_to_is_there(link: str) -> None:
    assert (TOP / "docs" / link).exists()


def test_what_the_page_of_verdicts_shows_can_be_asked() -> None:
    asks, scorecard = re.findall(r"^\$ (.*)$", VERDICTS, re.MULTILINE)
    question = urlsplit(shlex.split(asks)[-1])
    assert (question.path, question.port) == ("/v1/verdict", Worker().http_port)
    assert asked(parse_qsl(question.query)) == Asked("support-bot", "2026.11.3", "2026.11.2")
    assert cli.parser().parse_args(shlex.split(scorecard)[1:]).service == "support-bot"
