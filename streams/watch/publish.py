"""What is to be said -> the message that carries it."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas import found, rollups
from schemas.failures import FailureReport
from schemas.found import Asked
from schemas.incidents import ChangeReport, Incident
from schemas.rollbacks import Rollback, target_key
from schemas.rollups import Rollup
from schemas.scorecards import Scorecard
from schemas.tallies import Fact, Passed
from schemas.verdicts import Verdict
from streams.telling.findings import ENDED_S, Finding, encoded, finding, moment, refusal, said_by
from streams.watch.control import Refused
from streams.watch.notices import Notices
from streams.watch.resend import Again
from streams.watch.state import State

Said = Incident | Again | ChangeReport | FailureReport | Verdict | Scorecard | Rollup | Rollback | Refused | Asked


def published(said: Said, partition: int, offset: int, fact: Fact | None) -> Finding:
    """Write what follows from a record of `barograph.tallies`.

    Parameters
    ----------
    partition, offset : where the record lies
    fact : what it says; None of one that says nothing
    """
    match said:
        case Incident():
            return finding(replace(said, partition=partition, offset=offset))
        case Again():
            return finding(said.said, resend=True)
        case ChangeReport() | FailureReport():
            return _report(replace(said, partition=partition, offset=offset))
        case Verdict() | Scorecard():
            kind, role = _JUDGED[type(said)]
            headers = said_by(f"barograph.{kind}.v1", said.id, said.service, said.evaluated_at, "watch")
            key = f"{said.service}:{said.release}".encode()
            return Finding(key, said.id, msgspec.json.encode(said), headers, roles=(role,))
        case Rollup():
            id_ = f"{said.service}:{said.release}:{said.hour}"
            headers = said_by("barograph.rollup.v1", id_, said.service, said.hour * 1000, "watch")
            return Finding(id_.encode(), id_, rollups.encode(said), headers, roles=("rollups",))
        case Rollback():
            return _asked_for(said)
        case Refused():
            assert isinstance(fact, Passed)
            return refusal(fact, said.reason, said.field, said.said)
        case Asked():
            return _asked(said)


def again(notices: Notices, states: Mapping[str, State], second: int) -> list[Finding]:
    """Say again how every incident stands, open ones and those that ended lately: the very messages that were sent.

    Those in shadow have no present state on any topic, so there is nothing that a zombie could have set back.

    Parameters
    ----------
    notices : incidents about ourselves
    states : of all services of a partition
    second : now, by the partition's clock
    """
    ended, open_ = list(notices.ended), [held.said for held in notices.held.values()]
    for _, state in sorted(states.items()):
        ended += state.ended
        open_ += [case.said for case in (*state.pending, *state.cases)]
    lately = [one for one in ended if second - one.updated_at // 1000 <= ENDED_S]
    return [finding(one) for one in (*lately, *open_)]


def _report(report: ChangeReport | FailureReport) -> Finding:
    kind, role = _REPORTS[type(report)]
    headers = said_by(f"barograph.{kind}.v1", report.id, report.service, report.updated_at, "watch")
    key = f"{report.service}:{report.release}".encode()
    return Finding(key, report.id, msgspec.json.encode(report), headers, roles=(role,))


_JUDGED: Final = {Verdict: ("verdict", "verdicts"), Scorecard: ("scorecard", "scorecards")}
_REPORTS: Final = {ChangeReport: ("change_report", "changes"), FailureReport: ("failure_report", "failures")}


def _asked_for(said: Rollback) -> Finding:
    """Write a command; each that is issued for a key has an id of its own, and says when it expires."""
    id_, target = f"{said.key}:{said.issued_at}", said.target
    headers = said_by("barograph.rollback.v1", id_, target.service, said.issued_at, "watch")
    headers += encoded({"ce_expirytime": moment(said.expires_at)})
    key = target_key(target.env, target.service).encode()
    return Finding(key, id_, msgspec.json.encode(said), headers, roles=("rollbacks",))


def _asked(said: Asked) -> Finding:
    fact = said.fact
    id_ = f"{fact.source}:{fact.partition}:{fact.offset}"
    headers = said_by("barograph.asked.v1", id_, fact.said.service, said.at, "watch")
    return Finding(id_.encode(), id_, found.encode(said), headers)
