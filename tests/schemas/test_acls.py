"""Rights promise: each role can do its work, and nothing beside it."""

import shlex
from itertools import pairwise

import pytest

from schemas.acls import ROLES, Operation, Role, commands, grants
from schemas.config import Config, parse
from schemas.topics import TOPICS

CONFIG = parse("{topics: {prefix: eu.}, kafka: {group: eu}}")


def may(role: Role, operation: Operation) -> set[str]:
    return {grant.name for grant in grants(CONFIG, role) if operation in grant.operations and grant.kind == "topic"}


def test_every_topic_has_who_writes_and_who_reads_it() -> None:
    for topic in TOPICS:
        assert topic.written_by, topic.name
        assert topic.read_by or topic.role == "incidents_state", topic.name


def test_only_pipelines_and_people_write_the_control_topic() -> None:
    assert [role for role in ROLES if "eu.ai.control" in may(role, "Write")] == ["pipeline"]


def test_only_workers_write_what_is_barographs_own() -> None:
    ours = {"eu." + topic.name for topic in TOPICS if topic.name.startswith("barograph.")}
    assert ours
    actuated = {"eu.barograph.actuated"}
    assert {role for role in ROLES if (ours - actuated) & may(role, "Write")} == {"worker"}
    assert {role for role in ROLES if actuated & may(role, "Write")} == {"actuator"}


def test_only_workers_read_events() -> None:
    assert {role for role in ROLES if "eu.ai.events" in may(role, "Read")} == {"worker"}


def test_who_replays_writes_nothing() -> None:
    assert may("operator", "Read")
    assert not may("operator", "Write")


def test_a_stage_alone_needs_less() -> None:
    whole = set(grants(Config(), "worker"))
    measure = grants(parse("worker: {stages: [measure]}"), "worker")
    rights = {(grant.name, operation) for grant in whole for operation in grant.operations}
    fewer = {(grant.name, operation) for grant in measure for operation in grant.operations}
    assert fewer < rights
    assert ("ai.incidents", "Write") not in fewer
    assert ("barograph-watch", "Read") not in fewer


@pytest.mark.parametrize("config", [CONFIG, parse("kafka: {security: {protocol: SSL}}")])
def test_every_grant_stands_in_one_line_and_no_other_does(config: Config) -> None:
    said = set()
    for line in commands(config):
        if line.startswith("#"):
            continue
        words = shlex.split(line)
        assert words[:2] == ["kafka-acls", "--bootstrap-server"]
        assert ("--command-config" in words) is config.kafka.security.tls
        options = list(pairwise(words))
        user = next(value for name, value in options if name == "--allow-principal").removeprefix("User:")
        said |= {
            (user, value_of, kind.removeprefix("--"), name, "prefixed" in words)
            for option, value_of in options if option == "--operation"
            for kind, name in options if kind in ("--topic", "--group")
        }  # fmt: skip
    assert said == {
        (role, operation, grant.kind, grant.name, grant.prefixed)
        for role in ROLES for grant in grants(config, role) for operation in grant.operations
    }  # fmt: skip
