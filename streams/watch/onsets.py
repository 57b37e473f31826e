"""Alarms -> which of them share an onset, and which of them leads."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from streams.telling.loud import NOTICES
from streams.watch import rules
from streams.watch.assess.beyond import KPI
from streams.watch.cases import Alarm, Case
from streams.watch.plan import Plan

SLACK_BUCKETS: Final = 3


def slack_of(plan: Plan) -> int:
    """Say how far apart onsets may lie and be one, beside what is not known of them, in milliseconds."""
    return SLACK_BUCKETS * plan.config.measure.bucket_s * 1000


def same(lead: Alarm, other: Alarm, slack_ms: int) -> bool:
    """Whether two alarms share an onset, within what is not known of it."""
    return lead.since_low - slack_ms <= other.since_high and other.since_low <= lead.since_high + slack_ms


def grave(alarm: Alarm) -> tuple[int, str]:
    """Order alarms by how grave they are."""
    return NOTICES.index(alarm.notify), alarm.severity


def rank(alarm: Alarm) -> tuple[int, str, int, bool, int]:
    """Order alarms by which one leads: the gravest, of these the first to alarm, then as the catalogue has them.

    What a rule says of failures comes after what the bets say.
    """
    return (*grave(alarm), alarm.alarmed_at, alarm.monitor <= rules.DIVERSE, alarm.monitor)


def home(alarms_of: Iterable[tuple[Alarm, ...]], alarm: Alarm, slack_ms: int) -> int | None:
    """Find where an alarm belongs: to its own ticket, or to the lead that shares its onset.

    A new critical mode belongs to the failures that are known to have grown, whenever it was first seen: it says what
    failing means there by now.
    """
    held = list(alarms_of)
    own = (i for i, alarms in enumerate(held) if any(who(one) == who(alarm) for one in alarms))
    shared = (i for i, alarms in enumerate(held) if same(alarms[0], alarm, slack_ms) or _of_failures(alarms, alarm))
    return next(own, next(shared, None))


def _of_failures(held: tuple[Alarm, ...], alarm: Alarm) -> bool:
    grew = (one.signal == "failed" and one.release == alarm.release and one.notify != "record" for one in held)
    return rules.critical(alarm) and any(grew)


def joined(held: tuple[Alarm, ...], alarms: Iterable[Alarm]) -> tuple[Alarm, ...]:
    """Put alarms together, the gravest first, and what rules say last; a page takes the place of its own ticket."""
    new = {who(alarm): alarm for alarm in alarms}
    kept = [new.pop(who(alarm), alarm) for alarm in held]
    return tuple(sorted((*kept, *new.values()), key=lambda alarm: (alarm.monitor <= rules.DIVERSE, *grave(alarm))))


def grown(case: Case, alarms: Iterable[Alarm]) -> Case:
    """Add alarms to an incident of which nothing was said yet."""
    return replace(case, alarms=joined(case.alarms, alarms), grown=True)


def who(alarm: Alarm) -> tuple[str, int, str, bool]:
    """Tell monitors apart; what harms and what does not are two.

    A KPI is one, whichever band it is in, for each of its slices; its error budget is another.
    """
    if alarm.monitor <= KPI:
        return alarm.release, KPI, f"{alarm.signal} {alarm.about}", False
    return alarm.release, alarm.monitor, "", alarm.notify == "record"
