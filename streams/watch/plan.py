"""The config -> what WATCH decides by: shares of the budget, levels, caps, and what is known of each service."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.shares import level, shares
from schemas.config import Config
from schemas.incidents import Severity
from schemas.kpis import KpiSet
from schemas.policy import Policy, default
from schemas.signals import CATALOGUE, SEVERITY_OF, TRAFFIC, Signal
from schemas.strict import ConfigError
from schemas.taxonomy import Taxonomy, extended
from schemas.topics import BY_ROLE
from schemas.watching import Service

Levels: TypeAlias = NDArray[np.float64]
PAGED: Final[tuple[Severity, ...]] = ("sev-1", "sev-2")
MOST_BUCKETS: Final = 1000


@dataclass(frozen=True)
class Tier:
    """The budget of pages, or of tickets, of one service: alarms a second of each (signal, dimension)."""

    per_week: float
    rates: dict[tuple[str, str | None], float]


class Against(NamedTuple):
    """What the releases of a service are held against.

    Attributes
    ----------
    policy : the one that is written, or that follows from the set
    grain_s : the spans in which tallies are kept for KPIs of up to an hour, in seconds
    """

    kpis: KpiSet
    policy: Policy
    grain_s: int


@dataclass(frozen=True, eq=False)
class Plan:
    """All that WATCH's decisions depend on beside the log.

    Attributes
    ----------
    window_s : of event time that is kept in buckets: what the config says, or what a recovery has to look back on
    own : the user's own signals
    signals : those that are watched, in the catalogue's order, then the user's own
    """

    config: Config
    taxonomy: Taxonomy
    source: str
    services: dict[str, Service]
    window_s: int
    own: tuple[Signal, ...]
    signals: tuple[Signal, ...]

    @classmethod
    def of(cls, config: Config, taxonomy: Taxonomy) -> "Plan":
        """Make the plan of a config.

        Parameters
        ----------
        taxonomy : the shipped one; what the config says of failures is added to it

        Raises
        ------
        ConfigError
            If a recovery would have to look back on more buckets than are ever kept.
        """
        bucket_s, span_s = config.measure.bucket_s, config.watch.resolve_after_s
        buckets = max(config.watch.window_buckets, -(-span_s // bucket_s) + 1)
        if buckets > MOST_BUCKETS:
            raise ConfigError(
                f"`watch.resolve_after_s` of {span_s} takes {buckets} buckets of `measure.bucket_s` {bucket_s}, and at "
                f"most {MOST_BUCKETS} are kept: resolve sooner, or make the buckets longer"
            )
        return cls(
            config,
            extended(taxonomy, config.failures),
            config.topics.prefix + BY_ROLE["events"].name,
            {service.name: service for service in config.services},
            buckets * bucket_s,
            config.own_signals(),
            config.watched(),
        )

    def service(self, name: str) -> Service:
        """Say what is known of a service; for one that the config does not name, the defaults."""
        return self.services.get(name) or Service(name=name)

    def baseline_events(self, service: str) -> int:
        """Say how many exchanges a service is learned from."""
        return self.service(service).baseline_events or self.config.watch.baseline_events

    def held(self, service: str) -> Against | None:
        """Say what the releases of a service are held against; None of one that has no KPIs."""
        return _held(self).get(service)

    def in_shadow(self, service: str, signal: str) -> bool:
        """Say whether what is found of a signal is said in shadow alone; of a service in shadow that is everything."""
        return self.service(service).shadow or signal in self.config.watch.shadow_signals

    @property
    def known(self) -> tuple[Signal, ...]:
        """All signals that there are, in that order."""
        return (*CATALOGUE, *self.own)

    @property
    def by_name(self) -> Mapping[str, Signal]:
        """The same by their names."""
        return _by_name(self)

    @property
    def streams(self) -> int:
        """Streams of a service that may be watched at the same time: its releases, and `__other__`."""
        return self.config.watch.max_releases + 1

    def pages(self, service: str) -> Tier:
        """Divide the pages."""
        return _tier(self, service, self.config.watch.false_pages_per_week, tuple(filter(pageable, self.signals)))

    def tickets(self, service: str) -> Tier:
        """Divide the tickets."""
        beside = (TRAFFIC.name,) if self.config.watches(TRAFFIC.name) else ()
        return _tier(self, service, self.config.watch.false_tickets_per_week, self.signals, beside)

    def traffic(self, service: str) -> float:
        """Say how many alarms a second traffic may make in vain: what all streams have, for it is watched over all.

        Rounded down.
        """
        return self.tickets(service).rates.get((TRAFFIC.name, None), 0.0) * self.streams * (1 - 1e-12)

    def levels(self, service: str, signal: str, dimensions: Sequence[str | None], derivation: int = 1) -> Levels:
        """Say how likely the limits of a signal's monitors may be wrong: their parts of the risk of learning.

        The limits serve pages and tickets alike. All signals share the tickets, so these levels sum to the whole risk.

        Parameters
        ----------
        dimensions : of each slice, None of the whole
        derivation : how often limits were made, this time included
        """
        tier, risk = self.tickets(service), self.config.watch.learning_risk_percent / 100
        rates = [tier.rates.get((signal, dimension)) for dimension in dimensions]
        # Without a rate it never alarms.
        return np.array([risk if rate is None else level(rate, tier.per_week, derivation, risk) for rate in rates])


def pageable(signal: Signal) -> bool:
    """Say whether a signal can page: whether it has a bad direction, and that direction is grave.

    Only these share the pages: what a ticket-only signal would leave unused is time that the others need.
    """
    return SEVERITY_OF[signal.consequence] in PAGED and signal.bad != "none"


@lru_cache(maxsize=64)
def _by_name(plan: Plan) -> dict[str, Signal]:
    return {signal.name: signal for signal in plan.known}


@lru_cache(maxsize=64)
def _held(plan: Plan) -> dict[str, Against]:
    releases = plan.config.releases
    said = {service: one for one in releases.policies for service in one.services}
    return {
        service: Against(kpis, said.get(service) or default(kpis), kpis.grain_s)
        for kpis in releases.kpi_sets
        for service in kpis.services
    }


@lru_cache(maxsize=4096)
def _tier(plan: Plan, service: str, per_week: float, signals: tuple[Signal, ...], beside: tuple[str, ...] = ()) -> Tier:
    """Divide a budget over the signals in earnest, as if there were no others; `beside`: names without cells.

    Each in shadow gets what it would get if none were, and nobody has less for it.
    """
    shadow = plan.config.watch.shadow_signals
    unsliced = (*(signal.name for signal in signals if not signal.cut), *beside)
    names = (*(signal.name for signal in signals), *beside)
    rates = _divided(plan, service, per_week, [name for name in names if name not in shadow], unsliced)
    if any(name in shadow for name in names):
        every = _divided(plan, service, per_week, names, unsliced)
        rates |= {key: rate for key, rate in every.items() if key[0] in shadow}
    return Tier(per_week, rates)


def _divided(
    plan: Plan, service: str, per_week: float, names: Sequence[str], unsliced: Collection[str]
) -> dict[tuple[str, str | None], float]:
    watch = plan.config.watch
    if not names:
        return {}
    return shares(
        per_week, watch.max_services, plan.service(service).weight, plan.streams,
        dict.fromkeys(names, 1.0),
        dict.fromkeys(plan.config.measure.slices, watch.slices_per_dimension),
        unsliced=[name for name in unsliced if name in names],
    )  # fmt: skip
