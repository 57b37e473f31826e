"""Incidents as WATCH finds them, and GATHER as its owner runs it: its log, and what it says.

Times are seconds after a moment; every state goes through bytes after every record.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from schemas.config import Config
from schemas.control import Acknowledge
from schemas.found import MANY, Asked, Rules, Wake, encode
from schemas.incidents import Also, Change, Incident, ModeCount, Notify, Severity, Slice, Step
from schemas.rejected import Rejected
from schemas.tallies import Passed
from schemas.watching import Service
from streams.gather import records
from streams.gather.stage import Word, present, step
from streams.gather.state import State
from streams.telling.findings import Finding, finding
from streams.telling.identity import fingerprint, incident_id

MOMENT_S = 1_795_500_000
CONFIG = Config(services=tuple(Service(name=f"p{i}", provider="acme") for i in range(12)))
UPDATE_S = CONFIG.watch.update_every_s
ROUND: dict[Notify, Severity] = {"page": "sev-2", "ticket": "sev-3", "record": "sev-4"}


def ms(seconds: float) -> int:
    return round((MOMENT_S + seconds) * 1000)


def mode(name: str, n: int = 20) -> ModeCount:
    return ModeCount(name, "sev-3", n, 1.0)


def change(signal: str, feature: str = "yes", at: float = 0) -> Change:
    return Change(
        signal=signal, feature=feature, words=f"{signal} changed", direction="up", unit="", before=None, after=None,
        before_n=100, after_n=100, onset_at=ms(at), onset_low_at=ms(at), onset_high_at=ms(at), alarmed_at=ms(at),
        notify="page", false_per_week=0.001, release="v1",
    )  # fmt: skip


def found(service: str, since: float = 0, *, at: float | None = None, episode: int = 1, **what: Any) -> Incident:
    """Make the first step of an incident, ten seconds after its onset unless it is said when.

    Parameters
    ----------
    what : `low`, `high` (how much earlier, and later, the onset may be), `alert`, `env`, `signal`, `feature`, `modes`;
        `model` (its slice), `also_model` and `release` (that changed as well); and whatever an incident has
    """
    seen: dict[str, Any] = {
        "low": 5,
        "high": 5,
        "alert": "FailedChanged",
        "env": "",
        "signal": "failed",
        "feature": "yes",
    }
    seen |= {"modes": (), "model": "", "also_model": "", "release": "", "notify": "page"} | what
    where = f"model_served={seen['model']}" if seen["model"] else ""
    labels = {"alertname": seen["alert"], "service": service, "env": seen["env"], "slice": where}
    print_, now = fingerprint(labels), ms(since + 10 if at is None else at)
    also = [Also("model_served", "gpt-w", seen["also_model"], ms(since))] if seen["also_model"] else []
    also += [Also("release", "v0", seen["release"], ms(since))] if seen["release"] else []
    said = Incident(
        id=incident_id(print_, episode, 1, shadow=False), fingerprint=print_, episode=episode, sequence=1,
        status="firing", step="fired", severity=ROUND[seen["notify"]], notify=seen["notify"], labels=labels,
        service=service, summary=f"{service}: {seen['signal']} changed", why_severity="it is declared so",
        action="Look.", since=ms(since), since_low=ms(since - seen["low"]), since_high=ms(since + seen["high"]),
        started_at=now, updated_at=now, changes=(change(seen["signal"], seen["feature"], since),),
        modes=tuple(seen["modes"]), also=tuple(also), offset=3, partition=1,
        slice=Slice("model_served", seen["model"], 0.9, "failed", 0.1, 0.5) if seen["model"] else None,
    )  # fmt: skip
    return replace(said, **{name: value for name, value in what.items() if name in ("severity", "kind", "provisional")})


def then(said: Incident, step_: Step, at: float, **more: Any) -> Incident:
    """Make the next step of an incident."""
    more |= {"status": "resolved", "ended_at": ms(at)} if step_ == "resolved" else {}
    sequence = said.sequence + 1
    id_ = incident_id(said.fingerprint, said.episode, sequence, shadow=False)
    return replace(said, id=id_, sequence=sequence, step=step_, updated_at=ms(at), **more)


@dataclass
class Gathering:
    """An inner topic, and who reads it.

    Attributes
    ----------
    log : all that was written
    told : what was said of incidents, in order; `refused`: of control facts; `restated`: on the compacted topic alone
    """

    config: Config = CONFIG
    state: State = field(default_factory=State)
    log: list[Word] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    told: list[Incident] = field(default_factory=list)
    restated: list[Finding] = field(default_factory=list)
    refused: list[Rejected] = field(default_factory=list)

    def hears(self, *incidents: Incident, resend: bool = False) -> "Gathering":
        for said in incidents:
            message = finding(said, resend=resend)
            self.reads(Word(len(self.log), said.updated_at + 20, message.value, message.headers))
        return self

    def wakes(self, at: float) -> "Gathering":
        return self.reads(Word(len(self.log), ms(at), encode(Wake())))

    def is_asked(self, by: str, fingerprint_: str, at: float, offset: int = 0) -> "Gathering":
        """Pass on that somebody takes an incident."""
        taken = Acknowledge(service=MANY, at=ms(at), fingerprint=fingerprint_, by=by, note="mine")
        fact = Passed(source="ai.control", partition=0, offset=offset, timestamp=ms(at), said=taken)
        return self.reads(Word(len(self.log), ms(at), encode(Asked(ms(at), fact))))

    def reads(self, word: Word) -> "Gathering":
        self.log.append(word)
        return self.steps(word)

    def steps(self, word: Word) -> "Gathering":
        state = records.restore([(records.KEY, records.encode(self.state))])
        assert state == self.state
        self.state, said = step(Rules.of(self.config), state, word)
        self.findings += said
        for one in said:
            match one.roles:
                case ("incidents", "incidents_state"):
                    self.told.append(msgspec.json.decode(one.value, type=Incident))
                case ("incidents_state",):
                    self.restated.append(one)
                case roles:
                    assert roles == ("rejected",)
                    self.refused.append(msgspec.json.decode(one.value, type=Rejected))
        return self

    def parents(self, step_: Step | None = None) -> list[Incident]:
        return [one for one in self.told if one.kind == "common" and step_ in (None, one.step)]

    def pages(self) -> list[Incident]:
        """List the first words that page somebody: what wakes people."""
        seen, woken = set[tuple[str, int]](), list[Incident]()
        for one in self.told:
            if one.notify == "page" and (one.fingerprint, one.episode) not in seen and one.step != "resolved":
                seen.add((one.fingerprint, one.episode))
                woken.append(one)
        return woken

    def present(self) -> list[Finding]:
        return present(self.state)


def gathered(incidents: Iterable[Incident], config: Config = CONFIG) -> Gathering:
    return Gathering(config).hears(*incidents)
