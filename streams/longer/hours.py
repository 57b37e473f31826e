"""The records of `barograph.rollups` -> the hours of a service, release by release."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas import rollups
from schemas.config import Config
from schemas.kpis import HOUR_S
from schemas.rollups import Rollup
from schemas.signals import Kind
from schemas.strict import ConfigError
from schemas.tallies import Layout
from streams.story.log import Log, read
from streams.watch.assess.rollup import unrolled
from streams.watch.assess.tally import EMPTY, Tally, summed
from streams.watch.measured import layout_of

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
QUARTER_S: Final = 13 * WEEK_S


class Hours(NamedTuple):
    """The hours of a service.

    Attributes
    ----------
    own : the user's own signals of today, and the targets of KPIs, by which cells lie where they do
    kept : release -> when an hour began, in seconds -> what came in it
    until : when the last of them was over
    since : when the first one began
    """

    service: str
    own: tuple[tuple[Kind, str], ...]
    kept: dict[str, dict[int, Tally]]
    since: int
    until: int

    @property
    def layout(self) -> Layout:
        """Of the cells of all tallies."""
        return layout_of(self.own)

    def of(self, begin: int, end: int, release: str | None = None) -> Tally:
        """Add up what came in whole hours, of a release or of all."""
        some = list(self._within(begin, end, release))
        return summed(some, self.layout.fixed) if some else EMPTY

    def _within(self, begin: int, end: int, release: str | None) -> Iterator[Tally]:
        for name, hours in self.kept.items():
            if release in (None, name):
                yield from (tally for at, tally in hours.items() if begin <= at < end)


def key_of(service: str) -> bytes:
    """Say with what the keys of a service's records begin; another service's may begin so as well."""
    return f"{service}:".encode()


def hours(log: Log, service: str, config: Config) -> Hours:
    """Read the hours of a service.

    A worker that read something again wrote the same bytes again: which of them counts is all one.

    Parameters
    ----------
    log : `barograph.rollups`, or those records of it whose key begins with `key_of`

    Raises
    ------
    ConfigError
        If no hour of it was kept.
    """
    beside = (edge.signal() for edge in config.edges())
    own = tuple((one.kind, one.name) for one in (*config.own_signals(), *beside))
    layout = layout_of(own)
    found: dict[tuple[str, int], Rollup] = {}
    for _, one in read(log, rollups.decode).said:
        if one.service == service:
            found[one.release, one.hour] = one
    if not found:
        raise ConfigError(
            f"no hour of a service `{service}` was kept yet: one is when it is over, of every release - at `SERVICE`"
        )
    kept: dict[str, dict[int, Tally]] = {}
    for (release, hour), one in sorted(found.items()):
        kept.setdefault(release, {})[hour] = unrolled(one, layout)
    every = [hour for _, hour in found]
    return Hours(service, own, kept, min(every), max(every) + HOUR_S)
