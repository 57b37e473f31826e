"""A config and the table of topics -> what each role may do at the broker, as rules of Kafka's (ACLs)."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct

from schemas.config import Config
from schemas.topics import TOPICS, Actor

Operation = Literal["Read", "Write", "Create", "Describe"]
Role = Literal["producer", "pipeline", "worker", "reader", "operator", "actuator"]

ROLES: Final[dict[Role, str]] = {
    "producer": "services, gateways and collectors that send events",
    "pipeline": "pipelines and people that declare releases and take incidents; nobody else may",
    "worker": "the workers",
    "reader": "on-call and its tools (`barograph incidents`, `explain`, `failures`, `scorecard`): they read what was "
    "found; by a consumer group, if by one, whose name begins as below",
    "operator": "who asks what was recorded and how it stands (`barograph replay --topic`, `check --live`)",
    "actuator": "who carries rollbacks out (`barograph actuate`); nobody else needs to write where it writes",
}


class Grant(Struct, frozen=True, order=True):
    """Operations that are allowed on one topic or group, or on all whose name begins so.

    Attributes
    ----------
    name : with the config's prefix
    """

    kind: Literal["topic", "group"]
    name: str
    operations: tuple[Operation, ...]
    prefixed: bool = False


def grants(config: Config, role: Role) -> list[Grant]:
    """Say what a role needs, and no more than that.

    A worker also creates topics that are missing, and looks at all of them. `Read` and `Write` let see, too.

    Parameters
    ----------
    config : of the names' prefixes; `worker.stages` says what the worker does

    Examples
    --------
    >>> grants(Config(), "pipeline")
    [Grant(kind='topic', name='ai.control', operations=('Write',), prefixed=False)]
    >>> [grant.name for grant in grants(Config(), "worker") if grant.kind == "group"]
    ['barograph-measure', 'barograph-watch']
    """
    actors: tuple[Actor, ...] = config.worker.stages if role == "worker" else (role,)
    found = [
        Grant("topic", config.topics.prefix + topic.name, operations)
        for topic in TOPICS
        if (operations := _operations(topic.written_by, topic.read_by, actors, is_worker=role == "worker"))
    ]
    if role == "worker":
        found += [Grant("group", f"{config.kafka.group}-{stage}", ("Read",)) for stage in sorted(config.worker.stages)]
    if role == "actuator":
        found.append(Grant("group", f"{config.kafka.group}-actuate", ("Read",)))
    if role == "reader":
        found.append(Grant("group", f"{config.kafka.group}-reader", ("Read",), prefixed=True))
    return found


def _operations(
    writers: tuple[Actor, ...], readers: tuple[Actor, ...], actors: tuple[Actor, ...], *, is_worker: bool
) -> tuple[Operation, ...]:
    said: list[Operation] = []
    if set(readers) & set(actors):
        said.append("Read")
    if set(writers) & set(actors):
        said.append("Write")
    return (*said, "Describe", "Create") if is_worker else tuple(said)


def commands(config: Config) -> Iterator[str]:
    """Write them as lines for a shell: Kafka's own `kafka-acls`, with a comment before each role.

    Examples
    --------
    >>> print(list(commands(Config()))[3])
    kafka-acls --bootstrap-server localhost:9092 --add --allow-principal User:producer --operation Write \
--topic ai.events
    """
    broker = config.kafka.bootstrap.split(",")[0]
    tls = "" if config.kafka.security.protocol == "PLAINTEXT" else " --command-config admin.properties"
    yield "# What each role needs at a broker that has an authorizer; whatever is not granted, it refuses."
    yield "# Put your own principals in place of User:producer and the others" + (
        ", and your own access into admin.properties." if tls else "."
    )
    for role, words in ROLES.items():
        yield f"# {role}: {words}"
        for operations, (kind, prefixed, names) in _together(grants(config, role)):
            allowed = " ".join(f"--operation {operation}" for operation in operations)
            of = " ".join(f"--{kind} {name}" for name in names)
            pattern = " --resource-pattern-type prefixed" if prefixed else ""
            yield (
                f"kafka-acls --bootstrap-server {broker}{tls} --add --allow-principal User:{role} "
                f"{allowed} {of}{pattern}"
            )


_Where = tuple[str, bool, tuple[str, ...]]
"""Kind, whether names only begin so, and the names."""


def _together(found: Iterable[Grant]) -> Iterator[tuple[list[Operation], _Where]]:
    """Put into one line what is allowed at the same places."""
    places: dict[tuple[Operation, str, bool], list[str]] = {}
    for grant in found:
        for operation in grant.operations:
            places.setdefault((operation, grant.kind, grant.prefixed), []).append(grant.name)
    lines: dict[_Where, list[Operation]] = {}
    for (operation, kind, prefixed), names in places.items():
        lines.setdefault((kind, prefixed, tuple(names)), []).append(operation)
    for where, operations in lines.items():
        yield operations, where
