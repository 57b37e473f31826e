"""The parts of a common cause -> the incident that tells it, at one step of its life."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from schemas.found import MANY, Rules
from schemas.incidents import Child, Incident
from schemas.printable import printable
from streams.figures import clock
from streams.gather.cause import ACTIONS, Label, cause
from streams.gather.state import Known, Parent
from streams.telling.identity import fingerprint, incident_id
from streams.telling.loud import NOTICES


def born(
    parts: Sequence[Known], trouble: str, rules: Rules, taken: Mapping[str, object], now_ms: int
) -> Incident:  # fmt: skip
    """Tell a common cause for the first time; episode, sequence and place are for the caller to say.

    Its labels are frozen: they name it, whatever else comes to be known of it.

    Parameters
    ----------
    taken : fingerprints of common causes that are open: another one at the same time, of the same name, has a number
    """
    label = cause([one.said for one in parts], trouble, rules)
    environments = {one.said.labels.get("env", "") for one in parts}
    labels = {
        "alertname": "CommonCause", "service": MANY,
        "env": environments.pop() if len(environments) == 1 else "", "slice": label.about,
    }  # fmt: skip
    number = 1
    while (print_ := fingerprint(labels)) in taken:
        number += 1
        labels["number"] = str(number)
    surest = min((one.said for one in parts), key=lambda one: (one.since_high - one.since_low, one.since, one.service))
    said = Incident(
        id="", fingerprint=print_, episode=0, sequence=0, status="firing", step="fired", severity="sev-4",
        notify="record", labels=labels, service=MANY, summary="", why_severity="", action="", since=surest.since,
        since_low=surest.since_low, since_high=surest.since_high, started_at=now_ms, updated_at=now_ms, kind="common",
        how_sure=f"a rule, no statistic: {rules.common.services} services or more, with onsets within "
        f"{rules.common.within_s} s of each other",
        runbook="docs/operations.md#many-services-at-once", resend_after_s=rules.resend_every_s,
    )  # fmt: skip
    return _told(said, parts, label)


def grown(parent: Parent, parts: Sequence[Known], rules: Rules) -> Incident:
    """Tell it with all that is known of its parts by now, but for what is a matter of the step."""
    return _told(parent.said, parts, cause([one.said for one in parts], parent.trouble, rules))


def stepped(said: Incident, now: Incident, now_ms: int, offset: int) -> Incident:
    """Make the next step of its life of what is known now.

    Parameters
    ----------
    said : what was last said of it
    now : status and step are as they will be said
    offset : of the record of `barograph.incidents` that it follows from
    """
    return replace(
        now,
        id=incident_id(said.fingerprint, said.episode, said.sequence + 1, shadow=False),
        episode=said.episode,
        sequence=said.sequence + 1,
        previous_severity=said.severity if now.severity != said.severity else None,
        updated_at=now_ms,
        offset=offset,
        partition=0,
    )


def _told(said: Incident, parts: Sequence[Known], label: Label) -> Incident:
    gravest = min(parts, key=lambda one: one.said.severity).said
    notify = min((one.own for one in parts), key=NOTICES.index)
    services = len({one.said.service for one in parts})
    return replace(
        said,
        severity=gravest.severity,
        notify=notify,
        summary=printable(f"{services} services at once since {clock(said.since)} UTC: {label.words}"),
        why_severity=printable(f"as grave as its gravest part, of {gravest.service}: {gravest.why_severity}"),
        action=ACTIONS[label.cause],
        common=label.cause,
        cause=label.words,
        children=tuple(_child(one) for one in parts),
    )


def _child(part: Known) -> Child:
    said = part.said
    return Child(
        said.service, said.fingerprint, said.episode, said.severity, said.summary,
        paged=part.told == "page", resolved=said.status == "resolved",
    )  # fmt: skip
