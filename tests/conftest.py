"""What tests share: a real broker for the session, Prometheus' tool, and names that no other test uses."""

import itertools
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.kafka.cluster import SHORT_LIVED, Cluster
from tests.kafka.guarded import Guard
from tests.kafka.shared import shared

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_serial = itertools.count(1)
TOP = Path(__file__).parents[1]
MAKEFILE = (TOP / "Makefile").read_text("utf-8")

# No test asserts a time, nor does Hypothesis for it: how fast inputs are made depends on what else the machine does.
settings.register_profile("barograph", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("barograph")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for a real broker, so that `-m "not kafka"` leaves it out; their files come first.

    They wait for brokers most of the time: other processes have the machine for all else meanwhile. Of them the long
    ones begin.
    """
    for item in items:
        if "a_broker_can_be_had" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)
    waiting = {item.path for item in items if item.get_closest_marker("kafka")}
    places = [TOP / place for place in re.findall(r"^OF_KAFKA := (.*)$", MAKEFILE, re.MULTILINE)[0].split()]
    if lost := [path for path in waiting if not any(path.is_relative_to(place) for place in places)]:
        raise pytest.UsageError(f"`make test` runs no test of Kafka in {lost[0]}: name it in the Makefile's OF_KAFKA")
    items.sort(key=lambda item: (item.path not in waiting, item.get_closest_marker("long") is None))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadgroup`, spread tests one by one; those of the guarded broker stay together: its rights are dear.

    (`xdist_group` would say so at the tests, but does nothing with pytest 9: xdist 3.8 renames tests for it, and their
    names are no longer to be changed.)
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    spread = LoadScopeScheduling(config, log)
    spread._split_scope = lambda nodeid: "guarded" if "test_guarded.py::" in nodeid else nodeid
    return spread


@pytest.fixture(scope="session")
def a_broker_can_be_had() -> None:
    """Skip, with the reason, where it cannot; with BAROGRAPH_REQUIRE_KAFKA=1, as in CI, fail instead."""
    if reason := Cluster.available():
        if os.environ.get("BAROGRAPH_REQUIRE_KAFKA") == "1":
            pytest.fail(f"BAROGRAPH_REQUIRE_KAFKA=1, but: {reason}", pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka(a_broker_can_be_had: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the run's real Kafka, one for all its processes: most of a broker's CPU time goes into its start.

    A test that kills its broker takes `own_kafka`, so that nobody else's flow breaks.
    """
    mine = tmp_path_factory.getbasetemp()
    folder = (mine.parent if WORKER else mine) / "kafka"
    folder.mkdir(exist_ok=True)
    with shared(folder) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def guarded_kafka(a_broker_can_be_had: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real Kafka with TLS and SASL on, and an authorizer that refuses what nobody granted."""
    folder = tmp_path_factory.mktemp("guarded-kafka")
    settings = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer"}
    with Cluster(folder / "kafka", settings=settings, guard=Guard(folder / "guard"), java=SHORT_LIVED) as cluster:
        yield cluster


@pytest.fixture
def own_kafka(a_broker_can_be_had: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real Kafka for one test alone, to be killed."""
    with Cluster(tmp_path_factory.mktemp("own-kafka"), java=SHORT_LIVED) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def promtool() -> str:
    """Skip, with the reason, where it is not; with BAROGRAPH_REQUIRE_PROMTOOL=1, as in CI, fail instead."""
    if (found := shutil.which("promtool")) is None:
        reason = "promtool is not installed (it is in Debian's package `prometheus`)"
        if os.environ.get("BAROGRAPH_REQUIRE_PROMTOOL") == "1":
            pytest.fail(f"BAROGRAPH_REQUIRE_PROMTOOL=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    return found


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A prefix for topics, groups and client ids that no other test of this run has."""
    return f"{re.sub('[^a-z0-9]+', '-', request.node.name.lower()).strip('-')[:60]}-{WORKER}{next(_serial)}"
