"""Configs named for their verdict: each `*.good.yml` loads, each `*.bad.yml` is refused with what its comments say."""

from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Config, load, parse, show
from schemas.security import Security
from schemas.signals import CATALOGUE
from schemas.strict import ConfigError

TESTDATA = Path(__file__).parent / "testdata"
GOOD = sorted(TESTDATA.glob("*.good.yml"))
BAD = sorted(TESTDATA.glob("*.bad.yml"))


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    return str(refused.value)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name.split(".")[0])
def test_a_good_config_loads_and_survives_being_shown(path: Path) -> None:
    config = load(path)
    assert parse(show(config)) == config


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.split(".")[0])
def test_a_bad_config_is_refused_in_one_sentence_that_names_what_is_wrong(path: Path) -> None:
    text = path.read_text()
    expected = [line.removeprefix("# says: ") for line in text.splitlines() if line.startswith("# says: ")]
    assert expected
    said = refusal(text)
    for part in expected:
        assert part in said
    assert "\n" not in said


def test_an_empty_file_is_the_default() -> None:
    assert parse("") == Config()


def test_everything_good_sets_each_setting_to_something_else_than_its_default() -> None:
    config, default = load(TESTDATA / "everything.good.yml"), Config()
    for section in ("kafka", "topics", "worker", "measure", "watch", "limits", "failures", "common", "releases"):
        for name in get_type_hints(type(getattr(default, section))):
            if not name.startswith("__") and name not in ("http_token_env", "kpi_files", "policy_files"):  # two ways
                assert getattr(getattr(config, section), name) != getattr(getattr(default, section), name), name
    for one in (config.services[0], config.signals[0], config.releases.targets[0]):
        for field, value in zip(msgspec.structs.fields(one), msgspec.structs.astuple(one), strict=True):
            assert value != field.default, field.name


def test_the_good_configs_together_set_each_setting_of_security() -> None:
    default, found = Security(), [load(path).kafka.security for path in GOOD]
    for field in msgspec.structs.fields(Security):
        assert any(getattr(one, field.name) != getattr(default, field.name) for one in found), field.name


def test_what_stands_where_a_secret_is_named_is_not_repeated() -> None:
    """Somebody puts the secret itself there."""
    for wrong in (
        "password_env: hunter-2",
        "password_file: [hunter2]",
        "token_file: {a: hunter2}",
        "password: hunter2",
    ):
        assert "hunter" not in refusal(f"kafka: {{security: {{{wrong}}}}}")
    assert "hunter" not in refusal("worker: {http_token_env: hunter-2}")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nothing.yaml", "no such file"),
        (lambda folder: folder, "is a directory"),
        (lambda folder: _written(folder, b"watch: \xff"), "byte 7 is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(make, said: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = make(tmp_path)
    with pytest.raises(ConfigError, match=said) as refused:
        load(path)
    assert str(path) in str(refused.value)


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(content)
    return path


yaml_like = st.text(alphabet=st.sampled_from("abwatch:{}[],-&*!|>'\"#%@ \n\t019.é\x00"), max_size=40)


@given(yaml_like | st.text(max_size=40))
def test_any_text_loads_or_is_refused(text: str) -> None:
    refusals = []
    try:
        assert isinstance(parse(text), Config)
    except ConfigError as refused:
        refusals.append(str(refused))
    assert not any("\n" in said for said in refusals)


def test_a_text_nested_without_end_is_refused() -> None:
    assert "nested too deeply" in refusal("watch: " + "[" * 5000)


def test_all_signals_are_watched_where_none_is_named() -> None:
    own = "signals: [{name: vip, source: attribute, kind: rate}]"
    assert parse("").watched() == CATALOGUE
    assert [signal.name for signal in parse(own).watched()] == [*(signal.name for signal in CATALOGUE), "vip"]
    assert [signal.name for signal in parse(f"{own}\nwatch: {{signals: [vip, cost]}}").watched()] == ["cost", "vip"]
