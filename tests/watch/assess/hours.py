"""Hours of a service that is held against KPIs: events -> MEASURE -> WATCH, one flush and two ticks an hour.

Where a story tells every second, here what lies between is left out: an hour's events are measured once and said
again in every hour that is like it, and a tick after its end says that all was read.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from msgspec.structs import replace

from schemas.config import Config, parse, show
from schemas.kpis import KpiSet, Shown
from schemas.tallies import Flush, Tick, decode, encode
from schemas.taxonomy import Taxonomy
from streams.measure import stage as measure
from streams.watch.assess.state import Stand
from streams.watch.assess.tally import Tally, summed
from streams.watch.measured import layout_of
from streams.watch.own import Own
from streams.watch.partition import Engine, advance
from streams.watch.stage import Record
from streams.watch.state import State

HOUR_S = 3600
BEGINS = 1_795_478_400
TAXONOMY = Taxonomy.load_default()
EVENTS_AT_S = 600
"""When in an hour its events are."""
FLUSHED_AT_S = 1800


def hourly(kpis: KpiSet, baseline_events: int = 100_000_000) -> Config:
    """Make a config with a set of which all windows are an hour long; it is checked as any is."""
    hours = tuple(replace(kpi, window="1h", every=None, no_data_after=None) for kpi in kpis.kpis)
    plain = parse("topics: {tallies_partitions: 1}\nwatch: {dependence: none, season_percent: 0}")
    watch = replace(plain.watch, baseline_events=baseline_events)
    releases = replace(plain.releases, kpi_sets=(replace(kpis, kpis=hours),))
    return parse(show(replace(plain, watch=watch, releases=releases)))


def measured(config: Config, events: Sequence[dict[str, Any]]) -> list[Flush]:
    """Measure the events of the first hour, of the service that the config holds against its set."""
    plan = measure.Plan.of(config, TAXONOMY)
    usual = {"at": (BEGINS + EVENTS_AT_S) * 1000, "service": _service(config), "release": "v1"}
    stamp = (BEGINS + EVENTS_AT_S) * 1000
    records = [measure.Record(i, stamp, orjson.dumps({**usual, **event})) for i, event in enumerate(events)]
    block, finished = measure.feed(plan, measure.begin(plan.source, 0, 0), records)
    assert not finished
    assert not block.rejected, block.rejected[0]
    flushes = [decode(one.value) for one in measure.flushes(plan, block, final=True)]
    return [one for one in flushes if isinstance(one, Flush)]


def _service(config: Config) -> str:
    return config.releases.kpi_sets[0].services[0]


class Hours:
    """A worker of WATCH, hour by hour."""

    def __init__(self, config: Config) -> None:
        self.config, self.engine = config, Engine(config, TAXONOMY)
        self.source = measure.Plan.of(config, TAXONOMY).source
        self.own, self.states, self.offset, self.hour = Own(), dict[str, State](), 0, 0

    def serve(self, flushes: Sequence[Flush]) -> None:
        """Let an hour pass in which this came."""
        begins = BEGINS + self.hour * HOUR_S
        for flush in flushes:
            later = self.hour * HOUR_S // flush.bucket_s
            anchor = self.hour * 1_000_000
            said = replace(flush, anchor=anchor, end=anchor + 1_000_000, first_bucket=flush.first_bucket + later)
            self._hear(begins + FLUSHED_AT_S, encode(said))
        over = begins + HOUR_S + self.config.measure.late_after_s
        for second in (over + 6, over + 7):  # the first says that all was read, by the second it is known
            self._hear(second, encode(Tick("worker", self.source, (0,))))
        self.hour += 1

    def _hear(self, second: int, value: bytes) -> None:
        record = Record(self.offset, second * 1000 + 500, value)
        self.offset += 1
        done = advance(self.engine, 0, self.own, self.states, record)
        self.own = done.own
        done.put(self.states)

    @property
    def state(self) -> State:
        """What is known of the service."""
        return self.states[_service(self.config)]

    @property
    def stands(self) -> tuple[Stand, ...]:
        """Where each KPI of the release stands, by slice."""
        return self.state.book.releases["v1"].stands

    def bands(self) -> dict[str, Shown]:
        """Say the worst band of each KPI; slices without data say nothing where others have some."""
        order: list[Shown] = ["no_data", "green", "yellow", "red"]
        found: dict[str, Shown] = {}
        for one in self.stands:
            found[one.kpi] = max(found.get(one.kpi, "no_data"), one.band, key=order.index)
        return found

    def tally(self) -> Tally:
        """Add up all that came of the release."""
        book = self.state.book
        return summed([*book.releases["v1"].hours.values()], layout_of(book.own).fixed)
