"""The one table of topics: names, keys, clean-up, retention, who writes and who reads."""

from typing import Final, Literal
from zlib import crc32

from msgspec import Struct

_DAY_S: Final = 86_400

Actor = Literal["producer", "pipeline", "measure", "watch", "reader", "operator", "actuator"]
"""Who does something with a topic: a service that sends events, who declares releases and takes incidents, a stage of a
worker (`watch` is GATHER, too: the two run together), who reads what was found, who replays, who rolls back."""


class Topic(Struct, frozen=True, kw_only=True):
    """One topic.

    Attributes
    ----------
    role : str
        What the code and the config call it.
    partitions : "events", "tallies", "one" or "first"
        Which setting says how many: `topics.events_partitions`, `topics.tallies_partitions`, or always one; of "first"
        only the first is ever used, however many somebody gave it, since all must come in one order.
    retention_s : int or None
        Seconds that a record stays at least; None where compaction alone decides.
    writer, reader : str
        For people.
    written_by, read_by : tuple of Actor
        The same for `schemas.acls`.
    """

    role: str
    name: str
    key: str
    value: str
    cleanup: Literal["delete", "compact", "compact,delete"]
    retention_s: int | None
    partitions: Literal["events", "tallies", "one", "first"]
    writer: str
    reader: str
    written_by: tuple[Actor, ...]
    read_by: tuple[Actor, ...]
    timestamp: Literal["CreateTime", "LogAppendTime"] = "CreateTime"
    max_message_bytes: int = 1 << 20
    settings: dict[str, str] = {}

    def config(self) -> dict[str, str]:
        """Say it in Kafka's own settings.

        Examples
        --------
        >>> BY_ROLE["tallies"].config()["message.timestamp.type"]
        'LogAppendTime'
        """
        said = {
            "cleanup.policy": self.cleanup,
            "message.timestamp.type": self.timestamp,
            "max.message.bytes": str(self.max_message_bytes),
        }
        if self.retention_s is not None:
            said["retention.ms"] = str(self.retention_s * 1000)
        return said | self.settings


_LATEST: Final = {
    "min.compaction.lag.ms": str(2 * 3600 * 1000), "segment.bytes": str(16 << 20), "compression.type": "zstd",
}  # fmt: skip
"""Who lost a partition may write an old record of a key after a newer one, as long as he has not noticed: both must be
there still. But it is kept short, for who reads it reads all of it."""

TOPICS: Final[tuple[Topic, ...]] = (
    Topic(
        written_by=("producer",), read_by=("measure",),
        role="events", name="ai.events", key="any; split requests and responses: the exchange's id",
        value="JSON: exchange, request, response, outcome or evaluation",
        cleanup="delete", retention_s=3 * _DAY_S, partitions="events",
        writer="your services, gateways and collectors", reader="MEASURE",
    ),
    Topic(
        written_by=("pipeline",), read_by=("measure", "reader", "actuator"),
        role="control", name="ai.control", key="service",
        value="JSON: release, sign_off, acknowledge, maintain, rebaseline or approve",
        cleanup="delete", retention_s=30 * _DAY_S, partitions="one",
        writer="pipelines and people, `barograph control`", reader="MEASURE; `explain`; `actuate`",
    ),
    Topic(
        written_by=("measure", "watch", "actuator"), read_by=("reader",),
        role="rejected", name="ai.events.rejected", key="topic:partition:offset of the rejected record",
        value="JSON: reason, field, position", cleanup="delete", retention_s=7 * _DAY_S, partitions="one",
        writer="MEASURE; WATCH and GATHER, of control facts; `actuate`, of commands", reader="people",
    ),
    Topic(
        written_by=("measure", "watch"), read_by=("watch", "operator"),
        role="tallies", name="barograph.tallies", key="flush: its source and anchor; tick: its worker",
        value="msgpack: flush, tick or another fact", cleanup="delete", retention_s=7 * _DAY_S, partitions="tallies",
        writer="MEASURE", reader="WATCH, replay",
        # One clock for all of WATCH: the broker's. A worker's own may be wrong; two workers' never agree.
        timestamp="LogAppendTime",
    ),
    Topic(
        written_by=("watch",), read_by=("watch", "operator"),
        role="state", name="barograph.state", key="service, or service and part, or @",
        value="msgpack: state of WATCH", cleanup="compact", retention_s=None, partitions="tallies",
        writer="WATCH", reader="WATCH, at start; `check --live`", max_message_bytes=8 << 20,
        # A resumed zombie may write an old state after a newer one. Restore takes the furthest, so both must still be
        # there: nothing younger than a day is compacted away.
        settings={"min.compaction.lag.ms": str(_DAY_S * 1000), "compression.type": "zstd"},
    ),
    Topic(
        written_by=("watch",), read_by=("operator",),
        role="snapshots", name="barograph.snapshots", key="offset, and the key that the record has in barograph.state",
        value="msgpack: all states of a partition at one offset, once a day", cleanup="delete", retention_s=7 * _DAY_S,
        partitions="tallies", writer="WATCH", reader="replay", max_message_bytes=8 << 20,
        settings={"compression.type": "zstd"},
    ),
    Topic(
        written_by=("watch",), read_by=("watch", "operator"),
        role="found", name="barograph.incidents", key="fingerprint; control fact: its position; GATHER's own: @",
        value="JSON: incident as WATCH found it, or another word to GATHER", cleanup="delete",
        retention_s=7 * _DAY_S, partitions="first", writer="WATCH; GATHER, of its rules and of time", reader="GATHER",
        timestamp="LogAppendTime",
    ),
    Topic(
        written_by=("watch",), read_by=("watch",),
        role="gathered", name="barograph.gathered", key="@, or %exits", value="msgpack: state of GATHER",
        cleanup="compact", retention_s=None, partitions="first", writer="GATHER", reader="GATHER, at its start",
        max_message_bytes=8 << 20,
        # Any of its records will do: an old one only means that more is read, and said, again. So it is kept short.
        settings={"segment.bytes": str(16 << 20), "compression.type": "zstd"},
    ),
    Topic(
        written_by=("watch",), read_by=("reader",),
        role="incidents", name="ai.incidents", key="fingerprint", value="JSON: incident, with CloudEvents headers",
        cleanup="delete", retention_s=30 * _DAY_S, partitions="one",
        writer="GATHER", reader="on-call, and what routes to it",
    ),
    Topic(
        written_by=("watch",), read_by=("reader",),
        role="incidents_state", name="ai.incidents.state", key="fingerprint", value="JSON: the incident's latest step",
        cleanup="compact", retention_s=None, partitions="one",
        writer="GATHER", reader="dashboards, `incidents`",
    ),
    Topic(
        written_by=("watch",), read_by=("reader",),
        role="incidents_shadow", name="ai.incidents.shadow", key="fingerprint",
        value="JSON: incident, of which nobody was told (would have paged)",
        cleanup="delete", retention_s=30 * _DAY_S, partitions="one",
        writer="WATCH", reader="whoever tries a service or a signal before it may page",
    ),
    Topic(
        written_by=("watch",), read_by=("reader",),
        role="changes", name="ai.changes", key="service:release",
        value="JSON: what a release changed, the latest report",
        cleanup="compact", retention_s=None, partitions="one",
        writer="WATCH", reader="whoever owns the release",
    ),
    Topic(
        written_by=("watch",), read_by=("reader",),
        role="failures", name="ai.failures", key="service:release",
        value="JSON: how a release fails, the latest report",
        cleanup="compact", retention_s=None, partitions="one",
        writer="WATCH", reader="whoever owns the release",
    ),
    Topic(
        written_by=("watch",), read_by=("measure", "watch", "reader"),
        role="verdicts", name="ai.verdicts", key="service:release",
        value="JSON: whether a release may go on, the latest verdict",
        cleanup="compact", retention_s=None, partitions="one",
        writer="WATCH", reader="every worker, to answer over HTTP; rollouts",
        settings=_LATEST,
    ),
    Topic(
        written_by=("watch",), read_by=("reader",),
        role="scorecards", name="ai.scorecards", key="service:release",
        value="JSON: all that a release is held against, and how it stands",
        cleanup="compact", retention_s=None, partitions="one",
        writer="WATCH", reader="`scorecard`; ML, SRE, security, product",
        settings=_LATEST,
    ),
    Topic(
        written_by=("watch",), read_by=("actuator", "reader"),
        role="rollbacks", name="ai.rollbacks", key="env/service",
        value="JSON: a command to go back to another release; the header `ce_expirytime` says until when",
        # A command that was not carried out in its time is of no use any more, and read later it is a danger.
        cleanup="delete", retention_s=_DAY_S, partitions="first",
        writer="WATCH", reader="`actuate`, or your own actuator",
    ),
    Topic(
        written_by=("actuator",), read_by=("actuator", "reader"),
        role="rollback_results", name="ai.rollbacks.results", key="env/service",
        value="JSON: what became of a command", cleanup="delete", retention_s=30 * _DAY_S, partitions="first",
        writer="`actuate`", reader="people",
    ),
    Topic(
        written_by=("actuator",), read_by=("actuator",),
        role="actuated", name="barograph.actuated", key="env/service",
        value="msgpack: what an actuator remembers of a target", cleanup="compact", retention_s=None,
        partitions="first", writer="`actuate`", reader="`actuate`, at its start",
    ),
    Topic(
        written_by=("watch",), read_by=("reader", "operator"),
        role="rollups", name="barograph.rollups", key="service:release:hour",
        value="msgpack: the tallies of a release in one hour",
        # Thirteen months: this quarter beside the same one a year ago.
        cleanup="compact,delete", retention_s=396 * _DAY_S, partitions="tallies",
        writer="WATCH", reader="`calibrate`, `budgets`",
        settings={"compression.type": "zstd"},
    ),
)  # fmt: skip

BY_ROLE: Final[dict[str, Topic]] = {topic.role: topic for topic in TOPICS}


def tallies_partition(service: str, partitions: int) -> int:
    """Find the partition of `barograph.tallies` (and of the state) where all is known of a service.

    CRC-32 of the name, so that every worker, in any version, says the same.

    Examples
    --------
    >>> tallies_partition("support-bot", 4)
    2
    """
    return crc32(service.encode()) % partitions


def source_home(topic: str, partition: int, partitions: int) -> int:
    """Find the partition of `barograph.tallies` where all is said of a source partition itself: losses, stalls.

    Examples
    --------
    >>> source_home("ai.events", 3, 4) == tallies_partition("ai.events:3", 4)
    True
    """
    return tallies_partition(f"{topic}:{partition}", partitions)
