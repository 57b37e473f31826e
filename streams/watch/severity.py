"""What moved and how exchanges failed -> how grave it is, and the line that says why."""

from collections.abc import Mapping, Sequence

from schemas.incidents import ModeCount, Notify, Severity
from schemas.signals import SEVERITY_OF, SILENCE, TRAFFIC, Signal
from schemas.taxonomy import Taxonomy
from streams.watch.plan import PAGED
from streams.watch.state import Alarm


def severity(signal: Signal, direction: int, feature: str) -> Severity:
    """Say how grave a move is: by what the signal's bad direction does to users, never by the size of a statistic.

    A move the other way is worth knowing and hurts nobody. So is a wider spread: the part of it that hurts lies in a
    tail, which has bets of its own. That a signal is no longer observed is a degraded service to those who rely on
    seeing it.

    Parameters
    ----------
    direction : +1 up, -1 down, 0 neither
    feature : what of the signal moved

    Examples
    --------
    >>> from schemas.signals import BY_NAME
    >>> severity(BY_NAME["refused"], +1, "yes"), severity(BY_NAME["latency"], -1, "rank")
    ('sev-2', 'sev-4')
    """
    if feature == "missing":
        return "sev-3"
    bad = {"up": direction > 0, "down": direction < 0, "both": True, "none": False}[signal.bad]
    return SEVERITY_OF[signal.consequence] if bad else "sev-4"


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


def judge(
    signals: Mapping[str, Signal], alarms: Sequence[Alarm], modes: Sequence[ModeCount]
) -> tuple[Severity, Notify, str]:
    """Say how grave an incident is, whom to tell, and why.

    Each alarm is as grave as its signal's declared consequence; that failures grew is as grave as the gravest mode
    that grew, for that says what failing meant. Pages are sev-1 and sev-2 of which a page's own evidence is there.

    Parameters
    ----------
    signals : by name
    alarms : of the incident
    modes : those that grew
    """
    worst: Severity = "sev-4"
    why, paged = "", False
    for alarm in alarms:
        grave, line = alarm.severity, _line(signals, alarm)
        if alarm.signal == "failed" and modes and grave in PAGED:
            gravest = modes[0]
            grave = gravest.severity
            line = f"failures grew, gravest as {gravest.mode}: {gravest.n} since then, {gravest.expected:g} expected"
        paged |= alarm.notify == "page" and grave in PAGED
        if not why or grave < worst:
            worst, why = grave, line
    notify: Notify = "page" if paged else "record" if worst == "sev-4" else "ticket"
    return worst, notify, why


def _line(signals: Mapping[str, Signal], alarm: Alarm) -> str:
    if alarm.signal == SILENCE.name:
        return "nothing comes from the service, and all that it could have sent was read"
    if alarm.signal == TRAFFIC.name:
        return f"there is more, or less, {TRAFFIC.words} than usual; that is a matter of {TRAFFIC.consequence}"
    signal = signals[alarm.signal]
    if alarm.severity == "sev-4":
        return f"{signal.words} changed, in no direction that hurts"
    return f"{signal.words} changed the bad way; that is declared to be a matter of {signal.consequence}"
