"""Tables of topics, settings and metrics -> pages for people, in Markdown."""

from typing import Final

import msgspec

from schemas.actuate import Actuate
from schemas.config import Config
from schemas.docs.docstrings import summary
from schemas.docs.markdown import page, table
from schemas.docs.settings import section
from schemas.metrics import GIVEN, METRICS
from schemas.own import OwnSignal
from schemas.policy import Policy, Rules
from schemas.sections import Maintenance
from schemas.topics import TOPICS
from schemas.watching import Service

_LISTED: Final[dict[str, type]] = {"maintenance": Maintenance, "services": Service, "signals": OwnSignal}
"""Sections of which there are several."""
_SIZES: Final = {
    "events": "`topics.events_partitions`",
    "tallies": "`topics.tallies_partitions`",
    "one": "1",
    "first": "1",
}


def topics() -> str:
    """Write docs/topics.md."""
    rows = [
        (
            f"`{topic.name}`", topic.key, topic.value, _SIZES[topic.partitions],
            "the latest of each key" if topic.retention_s is None else f"{topic.retention_s // 86_400} days",
            topic.writer, topic.reader, "; ".join(f"`{key}={value}`" for key, value in topic.config().items()),
        )
        for topic in TOPICS
    ]  # fmt: skip
    return page(
        "Topics",
        "Barograph creates those that are missing, before anything else, and never changes one that exists. "
        "`topics.prefix` stands before every name. `barograph topics` shows which the broker has; "
        "`barograph topics --create` creates them. asyncapi.yaml says what each message looks like.",
        table(("topic", "key", "value", "partitions", "kept", "written by", "read by", "settings"), rows),
        "Who may write where is an access rule of the broker's; `barograph topics --acls` prints all that are needed. "
        "Nobody but Barograph writes to `barograph.*`; who may write to `ai.control` may declare releases and take "
        "incidents.",
    )


def config() -> str:
    """Write docs/config.md."""
    parts = []
    for field in msgspec.structs.fields(Config):
        kind = _LISTED.get(field.name, type(field.default))
        parts += section(f"{field.name}[]" if field.name in _LISTED else field.name, kind)
    return page(
        "Settings",
        f"{summary(Config)} The file is YAML; schemas/config.json is its JSON Schema. `barograph check FILE` validates "
        "a file and says what it means in pages and seconds.",
        *parts,
    )


def policy() -> str:
    """Write docs/policy.md."""
    return page(
        "Policy",
        "What the KPIs of a service (kpis.md) mean for its releases, in each phase: one YAML file for a service, or "
        "for several; schemas/policy.json is its JSON Schema. A file that is not right stops the start, with the path "
        "of what is wrong and the choices there are. A service that no policy names, and a phase that it does not say, "
        "are decided by the set of KPIs alone: red of a primary KPI, or of the kill switch, fails a release.",
        "## Verdicts\n\nschemas/verdicts.json is what a verdict looks like. The first line that holds decides, before "
        "promotion and after it ([decision 61](decisions/0061-what-is-known-to-be-bad-fails.md)).\n\n"
        + table(
            ("verdict", "if"),
            [
                ("`no_data`", "there are fewer exchanges of the release than `min_events`"),
                ("`fail`", "a KPI is red that blocks or rolls back"),
                ("`no_data`", "a KPI of `must_have` has no data; or half of all KPIs, by weight; or nothing is known"),
                ("`marginal`", "another KPI is red, or any is yellow"),
                ("`pass`", "nothing of this holds"),
            ],
        )
        + "\n\nA KPI that is held by slice is as bad as its worst slice, and has data if one of them has. The score, "
        "in percent, is the green part of the weight of all KPIs that have data; nothing is decided by it.",
        section("", Policy)[0],
        "`offline`, `canary` and `live` have the same settings.",
        *section("live", Rules),
    )


def actuate() -> str:
    """Write docs/actuate.md."""
    return page(
        "The actuator's settings",
        "What `barograph actuate` may roll back, and how: one YAML file, deploy/actuate.yaml is an example; "
        "schemas/actuate.json is its JSON Schema. A file that is not right stops the start, with the path of what is "
        "wrong and the choices there are. `barograph actuate FILE --check` validates a file, and says what each of "
        "its targets runs now.",
        *section("", Actuate),
    )


def metrics() -> str:
    """Write docs/metrics.md."""
    rows = [
        (
            f"`{one.name}`", one.kind,
            "; ".join(f"`{label}`: {values}" for label, values in one.labels.items()) or "-", one.words, one.action,
        )
        for one in METRICS
    ]  # fmt: skip
    return page(
        "Metrics",
        "What a worker says of itself at `/metrics`, in Prometheus' format. Counters count what this process did since "
        "it started; after a restart or a rebalance a little is read again, and counted here again: the tallies are "
        "what is exact. Alert rules for these stand in deploy/alerts.yaml, what to do in operations.md, and a "
        "dashboard of all of them in deploy/dashboard.json.",
        table(("metric", "type", "labels", "what it is", "what to do"), rows),
        "## Of the process\n\n" + table(("metric", "what it is good for"), [(f"`{a}`", b) for a, b in GIVEN.items()]),
    )
