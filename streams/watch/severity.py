"""What moved and how exchanges failed -> how grave it is, and the line that says why."""

from collections.abc import Sequence

from schemas.incidents import ModeCount, Notify, Severity
from schemas.signals import BY_NAME, Signal
from schemas.taxonomy import Taxonomy
from streams.watch.plan import PAGED
from streams.watch.state import Alarm

SILENCE = "silence"


def grown_modes(taxonomy: Taxonomy, after: dict[str, int], before: dict[str, int], times: float) -> list[ModeCount]:
    """List the failure modes that are seen more often than before: at least twice, and at least twice as often.

    Parameters
    ----------
    after, before : mode -> events, since the onset and in the baseline
    times : exchanges since the onset, to those of the baseline
    """
    found = []
    for mode, n in after.items():
        expected = before.get(mode, 0) * times
        if n >= max(2.0, 2 * expected):
            found.append(ModeCount(mode, taxonomy.severity_of(mode), n, round(expected, 2)))
    return sorted(found, key=lambda m: (m.severity, -m.n, m.mode))


def judge(alarms: Sequence[Alarm], modes: Sequence[ModeCount]) -> tuple[Severity, Notify, str]:
    """Say how grave an incident is, whom to tell, and why.

    Each alarm is as grave as its signal's declared consequence; that failures grew is as grave as the gravest mode
    that grew, for that says what failing meant. Pages are sev-1 and sev-2 of which a page's own evidence is there.

    Parameters
    ----------
    alarms : of the incident
    modes : those that grew
    """
    severity: Severity = "sev-4"
    why, paged = "", False
    for alarm in alarms:
        grave, line = alarm.severity, _line(alarm)
        if alarm.signal == "failed" and modes and grave in PAGED:
            gravest = modes[0]
            grave = gravest.severity
            line = f"failures grew, gravest as {gravest.mode}: {gravest.n} since then, {gravest.expected:g} expected"
        paged |= alarm.notify == "page" and grave in PAGED
        if not why or grave < severity:
            severity, why = grave, line
    notify: Notify = "page" if paged else "record" if severity == "sev-4" else "ticket"
    return severity, notify, why


def _line(alarm: Alarm) -> str:
    if alarm.signal == SILENCE:
        return "nothing comes from the service, and all that it could have sent was read"
    signal: Signal = BY_NAME[alarm.signal]
    if alarm.severity == "sev-4":
        return f"{signal.words} changed, in no direction that hurts"
    return f"{signal.words} changed the bad way; that is declared to be a matter of {signal.consequence}"
