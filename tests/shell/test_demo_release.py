"""A story that does not go on says which step did not come, and the demo ends with 1."""

from pathlib import Path

import pytest

from schemas import config as configs
from streams.demo.primes import MARCH
from streams.shell import demo_release
from streams.shell.demo_release import NotSo, Stage

DEMO = Path(__file__).parents[2] / "streams" / "demo"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    """Nobody answers there."""
    monkeypatch.setattr(demo_release, "PATIENCE_S", 0.1)
    config = configs.parse((DEMO / "demo.yaml").read_text(), DEMO)
    path = tmp_path / "barograph.yaml"
    path.write_text(configs.show(config))
    return Stage(config, path, "http://127.0.0.1:1", lambda _: None)


async def test_a_verdict_that_does_not_come_ends_the_story(stage: Stage) -> None:
    with pytest.raises(NotSo, match=r"march was to be pass \(live\) within .* the last that was said: nothing") as why:
        await stage.verdict(MARCH, "pass", "live")
    assert why.value.code == 1


async def test_a_fact_that_is_refused_ends_the_story(stage: Stage) -> None:
    with pytest.raises(NotSo, match=r"`barograph control release` ended with 2: .*--phase"):
        await stage.control("release", "--release", MARCH, "--phase", "finished")
