"""Sections of a config -> settings of the broker, the worker and MEASURE, with their defaults and bounds."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.dimensions import Dimension
from schemas.events import When
from schemas.security import Security, Variable

AtLeastOne = Annotated[int, Meta(ge=1)]
Named = Annotated[str, Meta(min_length=1, max_length=256)]
Letters = "letters, digits, dots, dashes and underscores"
Addresses = Annotated[
    str,
    Meta(
        pattern=r"^[^\s,]+:[0-9]{1,5}(,[^\s,]+:[0-9]{1,5})*$",
        max_length=2048,
        description="`host:port`, several with commas between",
    ),
]
_FEW_NAMES = "fields of few names; of a session or another id, every slice would have a handful of exchanges"


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Refuses what it does not know."""


class Kafka(Section, frozen=True, kw_only=True):
    """Where the broker is, and how patiently the groups wait for a worker.

    Attributes
    ----------
    bootstrap : brokers to ask first, as `host:port`, several with commas between
    group : what the names of both consumer groups begin with
    session_timeout_s : how long a worker may be away before others take over its partitions
    request_timeout_s : how long one request to the broker may take
    delivery_timeout_s : how long the broker may leave a record unacknowledged; then the worker ends, and reads again
    security : TLS and SASL, see below
    """

    bootstrap: Addresses = "localhost:9092"
    group: Named = "barograph"
    session_timeout_s: Annotated[float, Meta(ge=6, le=300)] = 10.0
    request_timeout_s: Annotated[float, Meta(ge=5, le=300)] = 30.0
    delivery_timeout_s: Annotated[float, Meta(ge=10, le=3600)] = 120.0
    security: Security = Security()


class Topics(Section, frozen=True, kw_only=True):
    """Names and sizes of topics. A topic that exists is never changed.

    Attributes
    ----------
    prefix : stands before every topic's name
    events_partitions : of `ai.events`, where Barograph creates it
    tallies_partitions : of `barograph.tallies` and `barograph.state`; cannot be changed after the first start
    replication : copies of each partition, where Barograph creates the topic
    """

    prefix: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100, description=Letters)] = ""
    events_partitions: AtLeastOne = 4
    tallies_partitions: AtLeastOne = 4
    replication: AtLeastOne = 1


class Worker(Section, frozen=True, kw_only=True):
    """One process.

    Attributes
    ----------
    name : of this worker, as no other; a restarted worker of the same name takes up its partitions again
    stages : what it runs; both by default, one alone to scale it apart
    http_host : where `/metrics`, `/live` and `/ready` listen; another address than loopback needs a token
    http_port : 0 picks a free one
    ready_lag_s : how far behind the end of a log it may be, in seconds, and still be ready; ready again at half of it
    stall_after_s : a partition that has something to read, and of which nothing is read for so long, ends the worker
    http_token_file : file that holds the bearer token, which is then asked for everywhere but at `/live` and `/ready`
    http_token_env : environment variable that holds it, instead of a file
    """

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]+$", max_length=100, description=Letters)] = "barograph-0"
    stages: Annotated[tuple[Literal["measure", "watch"], ...], Meta(min_length=1)] = ("measure", "watch")
    http_host: Annotated[str, Meta(pattern=r"^[^\s]+$", max_length=253, description="a host name or an address")] = (
        "127.0.0.1"
    )
    http_port: Annotated[int, Meta(ge=0, le=65535)] = 9464
    ready_lag_s: Annotated[float, Meta(ge=2, le=86400)] = 30.0
    stall_after_s: Annotated[float, Meta(ge=10, le=3600)] = 120.0
    http_token_file: str = ""
    http_token_env: Variable = ""


class Measure(Section, frozen=True, kw_only=True):
    """What is counted, and how finely. All workers must agree on it.

    Attributes
    ----------
    slices : the fields that each service is cut by, three at most
    bucket_s : seconds of the events' own time that are counted together
    late_after_s : an event that arrives later than this still counts, but in one bucket for all late ones
    flush_after_s : counts that have waited so long are handed on, though their block is still open
    names_per_block : different names counted in a second; the rest is `__other__`. Against abuse, not to save space
    exemplars : failed exchanges named as examples, for each failure mode
    max_event_bytes : a larger event is rejected. Texts do not belong into events; a megabyte of tool calls would keep
        everything else waiting for 20 ms
    pairing : whether requests and responses that come as two records are put together. Both halves need the same `id`,
        the same `service` and the same partition, the request first. Leave it off where services send whole exchanges:
        then a worker that takes over a partition begins at once, and need not read back
    pair_timeout_s : how much later than its request a response may come, by the records' timestamps; a request that
        waits longer has failed, `AVL.NO_RESPONSE`. Must lie below `late_after_s`
    pair_lookback : how many offsets may lie between the two; a worker that takes over a partition reads back so far
    open_requests : requests of a partition that may wait at once; beyond, the oldest are forgotten. About 0.6 kB each
    """

    slices: Annotated[tuple[Annotated[Dimension, Meta(description=_FEW_NAMES)], ...], Meta(max_length=3)] = (
        "workflow",
        "intent",
        "model_served",
    )
    bucket_s: Annotated[int, Meta(ge=1, le=3600)] = 10
    late_after_s: Annotated[int, Meta(ge=1, le=86400)] = 120
    flush_after_s: Annotated[float, Meta(ge=0.2, le=60)] = 1.25
    names_per_block: Annotated[int, Meta(ge=16, le=16384)] = 1024
    exemplars: Annotated[int, Meta(ge=0, le=20)] = 3
    max_event_bytes: Annotated[int, Meta(ge=1024, le=8 << 20)] = 256 << 10
    pairing: bool = False
    pair_timeout_s: Annotated[int, Meta(ge=1, le=3600)] = 60
    pair_lookback: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    open_requests: Annotated[int, Meta(ge=1, le=1_000_000)] = 50_000


class Maintenance(Section, frozen=True, kw_only=True):
    """A time in which nobody is paged: what happens is told, and pages when the time is over if it still lasts.

    Attributes
    ----------
    services : whose; all, if none is named
    begins, ends : RFC 3339 with a zone, or milliseconds since 1970
    weekly : instead of these, a time of every week in UTC: `sun 02:00-04:30`
    reason : stands in the incidents
    """

    services: tuple[Named, ...] = ()
    begins: When | None = None
    ends: When | None = None
    weekly: str = ""
    reason: str = ""
