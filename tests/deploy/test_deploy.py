"""What stands in deploy/ and docker-compose.yml fits together; no container runs here, so its structure is asked."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import codec

from schemas.config import load, parse, show
from schemas.kpi_sets import preset_text
from streams import cli, guard

TOP = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((TOP / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_kafka_is_4_and_needs_no_zookeeper() -> None:
    kafka = SERVICES["kafka"]
    assert re.fullmatch(r"apache/kafka:4\.\d+\.\d+", kafka["image"])
    assert set(kafka["environment"]["KAFKA_PROCESS_ROLES"].split(",")) == {"broker", "controller"}


def test_everything_is_started_again() -> None:
    """The worker's promise rests on it: it ends when in doubt."""
    assert {name: service["restart"] for name, service in SERVICES.items()} == dict.fromkeys(SERVICES, "unless-stopped")


def test_each_waits_for_what_it_needs() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[needed]


def test_nothing_is_published_beyond_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", ["barograph", "demo-traffic"])
def test_commands_are_ours(name: str) -> None:
    program, *words = SERVICES[name]["command"]
    assert program == "barograph"
    cli.parser().parse_args(words)


def test_the_config_with_releases_is_one_with_its_files() -> None:
    config = load(TOP / "deploy/releases/barograph.yaml")
    assert [one.use_case for one in config.releases.kpi_sets] == ["customer support bot"]
    assert parse(show(config)) == config
    assert any("red of policy_violations or resolved rolls back" in line for line in guard.lines(config))


def test_the_set_in_deploy_is_the_preset_that_it_says_it_is_copied_from() -> None:
    said = (TOP / "deploy/releases/support-bot.yaml").read_text().partition("\n")[2]
    assert said == preset_text("support-bot").partition("\n")[2]


def test_the_mounted_config_names_composes_own_broker() -> None:
    source, target, _ = SERVICES["barograph"]["volumes"][0].split(":")
    assert target in SERVICES["barograph"]["command"]
    config = load(TOP / source)
    assert config.kafka.bootstrap == SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split("//")[1]
    assert f"127.0.0.1:{config.worker.http_port}/live" in SERVICES["barograph"]["healthcheck"]["test"][-1]


def test_a_stop_leaves_time_to_drain() -> None:
    from streams.shell.app import DRAIN_S  # noqa: PLC0415

    assert int(SERVICES["barograph"]["stop_grace_period"].removesuffix("s")) > DRAIN_S
    assert int(_unit()["Service"]["TimeoutStopSec"]) > DRAIN_S


def test_the_unit_runs_a_worker_and_starts_it_again() -> None:
    service = _unit()["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert Path(program).name == "barograph"
    assert cli.parser().parse_args(words).config == Path("/etc/barograph/barograph.yaml")
    assert (service["Restart"], service["KillSignal"]) == ("on-failure", "SIGTERM")
    assert service["RestartPreventExitStatus"] == "2"
    assert _unit()["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_image_is_made_of_the_lock_and_is_not_root() -> None:
    lines = (TOP / "deploy/Dockerfile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert all("--no-deps" in line for line in installs[1:])
    assert "USER 10001" in lines, "Kubernetes cannot tell of a name that it is not root"
    for line in lines:
        if line.startswith("COPY"):
            assert all((TOP / path).exists() for path in line.split()[1:-1]), line


def test_the_containers_of_compose_can_do_nothing_but_their_work() -> None:
    for name in ("barograph", "demo-traffic"):
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_systemd_knows_every_line_of_the_unit(tmp_path: Path) -> None:
    if (systemd := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed")
    # What it runs and what it documents lie where an operator installs it, not here.
    text = (TOP / "deploy/barograph.service").read_text()
    unit = tmp_path / "barograph.service"
    unit.write_text(
        re.sub(r"^Documentation=.*\n", "", re.sub(r"/opt/\S*/barograph", sys.executable, text), flags=re.MULTILINE)
    )
    done = subprocess.run([systemd, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_calls_the_unit_ok(tmp_path: Path) -> None:
    """Its scale goes from 0, safe, to 10; below 2 it calls a unit OK, and one that is not hardened is at 9."""
    if (systemd := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        [systemd, "security", "--offline=true", "--threshold=19", "--no-pager", TOP / "deploy/barograph.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-200:]


def test_the_unit_leaves_open_what_the_worker_reads() -> None:
    """Without /proc/stat prometheus_client does not know when the process started, and nobody could count restarts."""
    assert "ProcSubset" not in _unit()["Service"]


def test_the_lock_names_no_host_and_hashes_everything() -> None:
    text = (TOP / "requirements.lock").read_text()
    assert "://" not in text
    pinned = re.findall(r"^[a-z0-9][^\s#]*==.*$", text, re.MULTILINE)
    assert len(pinned) > 40
    assert all(line.endswith("\\") for line in pinned)


def test_what_producers_compress_can_be_read() -> None:
    """aiokafka brings gzip alone; a record in another codec, barograph.state's zstd say, would stop every worker."""
    assert all([codec.has_gzip(), codec.has_lz4(), codec.has_snappy(), codec.has_zstd()])


def _unit() -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    unit.read(TOP / "deploy/barograph.service")
    return unit


def test_compose_runs_the_kafka_that_the_tests_run_on() -> None:
    version = SERVICES["kafka"]["image"].split(":")[1]
    assert f"<version>{version}</version>" in (TOP / "tests/kafka/pom.xml").read_text()
