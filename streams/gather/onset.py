"""Onsets, each with what is not known of it -> which of them may be one.

Two onsets may be one if they lie no more than `within` apart, beside what is not known of them; of that no more than
`within` counts to either side, lest a ticket whose onset may lie anywhere in half an hour glues together what has
nothing to do with each other. That holds for every two of those in which a common cause is first seen, and for each
that joins later against all of these: it is held against them and not against the last that joined, so no chain of
onsets leads ever further away.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.incidents import Incident


class Span(NamedTuple):
    """The time that lies near enough to an onset: half of `within` beside what is not known of it."""

    low: int
    high: int

    def meets(self, other: "Span") -> bool:
        """Say whether the two onsets may be one."""
        return self.low <= other.high and other.low <= self.high


def span(incident: Incident, within_ms: int) -> Span:
    """Say where an incident's onset may lie."""
    low = min(max(incident.since_low, incident.since - within_ms), incident.since)
    high = max(min(incident.since_high, incident.since + within_ms), incident.since)
    return Span(low - within_ms // 2, high + within_ms // 2)


def together(new: Incident, others: Iterable[Incident], within_ms: int) -> tuple[list[Incident], Span]:
    """Find the most services that share an onset with a new incident.

    Intervals of which every two meet have a point in common. So it is enough to look where one of them begins: whatever
    covers that point, meets.

    Parameters
    ----------
    others : that are open, and of no common cause yet

    Returns
    -------
    found
        Those that share it, the new one last; it alone if there are none.
    span
        The time that lies near enough to all of them.
    """
    mine = span(new, within_ms)
    spans = [(one, other) for one in others if (other := span(one, within_ms)).meets(mine)]
    best: list[Incident] = [new]
    where = mine
    for point in sorted({mine.low, *(other.low for _, other in spans if other.low >= mine.low)}):
        there = [(one, other) for one, other in spans if other.low <= point <= other.high]
        found = [*(one for one, _ in there), new]
        if _weight(found) > _weight(best):
            best = found
            where = _common([*(other for _, other in there), mine])
    return best, where


def _weight(incidents: Sequence[Incident]) -> tuple[int, int]:
    return len({one.service for one in incidents}), len(incidents)


def _common(spans: Sequence[Span]) -> Span:
    return Span(max(one.low for one in spans), min(one.high for one in spans))
