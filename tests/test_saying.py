"""What is said on a command line is the fact that WATCH hears."""

import argparse
import shlex
from typing import Any

import msgspec
import pytest

from schemas.control import Acknowledge, Approve, Control, Maintain, Rebaseline, Release, SignOff
from schemas.strict import ConfigError
from streams import saying

NOW = 1_795_000_000_000


def said(line: str) -> Control:
    parser = argparse.ArgumentParser()
    saying.add_arguments(parser)
    fact: Control = msgspec.json.decode(saying.fact(parser.parse_args(shlex.split(line)), NOW), type=Control)
    return fact


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("release --service bot --release v2 --phase canary --generation 3 --previous v1",
         Release(service="bot", at=NOW, release="v2", phase="canary", generation=3, previous="v1")),
        ("sign-off --service bot --release v2 --role sre --by ana --no-agreed --note 'too slow'",
         SignOff(service="bot", at=NOW, release="v2", role="sre", by="ana", agreed=False, note="too slow")),
        ("sign-off --service bot --release v2 --role ml --by ana",
         SignOff(service="bot", at=NOW, release="v2", role="ml", by="ana")),
        ("acknowledge --service bot --fingerprint feed --by ana",
         Acknowledge(service="bot", at=NOW, fingerprint="feed", by="ana")),
        ("maintain --service bot --by ana --until 2026-01-01T00:00:00Z --reason 'new racks'",
         Maintain(service="bot", at=NOW, by="ana", until="2026-01-01T00:00:00Z", reason="new racks")),
        ("rebaseline --service bot --by ana --signals refused latency",
         Rebaseline(service="bot", at=NOW, by="ana", signals=("refused", "latency"))),
        ("approve --service bot --release v2 --by ana --key k",
         Approve(service="bot", at=NOW, release="v2", by="ana", key="k")),
    ],
)  # fmt: skip
def test_every_fact_can_be_said(line: str, fact: Control) -> None:
    assert said(line) == fact


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("release --service bot --release v2 --phase canary --generation -3", r"`int` >= 0 - at `--generation`"),
        ("release --service '' --release v2 --phase canary", r"length >= 1 - at `--service`"),
        (f"acknowledge --service bot --fingerprint f --by {'x' * 300}", r"length <= 256 - at `--by`"),
        ("maintain --service bot --by ana --until tonight", r"not an RFC 3339 time: 'tonight' - at `--until`"),
        ("maintain --service bot --by ana --until 9999-01-01T00:00:00Z", r"more than a year .* - at `--until`"),
    ],
)  # fmt: skip
def test_what_would_be_set_aside_is_refused_before_it_is_said(line: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        said(line)


@pytest.mark.parametrize(
    "line",
    ["", "promote", "release --service bot", "release --service bot --release v2 --phase live",
     "release --service b --release v --phase canary --generation x"],
)  # fmt: skip
def test_what_is_no_command_names_the_choices(line: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as end:
        said(line)
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert any(word in told for word in ("choose from", "required", "invalid int"))
