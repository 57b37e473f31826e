"""The config -> what WATCH decides by: shares of the budget, levels, caps, and what is known of each service."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from detectors.shares import level, shares
from schemas.config import Config, Service
from schemas.incidents import Severity
from schemas.signals import CATALOGUE, SEVERITY_OF, Kind, Signal
from schemas.strict import ConfigError
from schemas.taxonomy import Taxonomy
from schemas.topics import BY_ROLE
from streams.watch.segments import cut

PAGED: Final[tuple[Severity, ...]] = ("sev-1", "sev-2")
MOST_BUCKETS: Final = 1000
COUNTED_ONLY: Final[tuple[Kind, ...]] = ("calibration",)
"""Counted and kept, but watched by no bets yet: see `streams.watch.layout`."""


@dataclass(frozen=True)
class Tier:
    """The budget of pages, or of tickets, of one service: alarms a second of each (signal, dimension)."""

    per_week: float
    rates: dict[tuple[str, str | None], float]


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
            taxonomy,
            config.topics.prefix + BY_ROLE["events"].name,
            {service.name: service for service in config.services},
            buckets * bucket_s,
            config.own_signals(),
            tuple(signal for signal in config.watched() if signal.kind not in COUNTED_ONLY),
        )

    def service(self, name: str) -> Service:
        """Say what is known of a service; for one that the config does not name, the defaults."""
        return self.services.get(name) or Service(name=name)

    def baseline_events(self, service: str) -> int:
        """Say how many exchanges a service is learned from."""
        return self.service(service).baseline_events or self.config.watch.baseline_events

    def in_shadow(self, service: str, signal: str) -> bool:
        """Say whether what is found of a signal is said in shadow alone; of a service in shadow that is everything."""
        return self.service(service).shadow or signal in self.config.watch.shadow_signals

    @property
    def known(self) -> tuple[Signal, ...]:
        """All signals that there are, in that order."""
        return (*CATALOGUE, *self.own)

    @property
    def streams(self) -> int:
        """Streams of a service that may be watched at the same time: its releases, and `__other__`."""
        return self.config.watch.max_releases + 1

    def pages(self, service: str) -> Tier:
        """Divide the pages."""
        return _tier(self, service, self.config.watch.false_pages_per_week, tuple(filter(pageable, self.signals)))

    def tickets(self, service: str) -> Tier:
        """Divide the tickets."""
        return _tier(self, service, self.config.watch.false_tickets_per_week, self.signals)

    def miss(self, tier: Tier, signal: str, dimension: str | None) -> float:
        """Say how likely the limits of a monitor may be wrong: its part of the risk of learning."""
        risk = self.config.watch.learning_risk_percent / 100
        rate = tier.rates.get((signal, dimension))
        return risk if rate is None else level(rate, tier.per_week, miss=risk)  # without a rate it never alarms


def pageable(signal: Signal) -> bool:
    """Say whether a signal can page: whether it has a bad direction, and that direction is grave.

    Only these share the pages: what a ticket-only signal would leave unused is time that the others need.
    """
    return SEVERITY_OF[signal.consequence] in PAGED and signal.bad != "none"


@lru_cache(maxsize=4096)
def _tier(plan: Plan, service: str, per_week: float, signals: tuple[Signal, ...]) -> Tier:
    """Divide a budget over the signals in earnest, as if there were no others.

    Each in shadow gets what it would get if none were, and nobody has less for it.
    """
    shadow = plan.config.watch.shadow_signals
    rates = _divided(plan, service, per_week, tuple(one for one in signals if one.name not in shadow))
    if any(one.name in shadow for one in signals):
        every = _divided(plan, service, per_week, signals)
        rates |= {key: rate for key, rate in every.items() if key[0] in shadow}
    return Tier(per_week, rates)


def _divided(
    plan: Plan, service: str, per_week: float, signals: tuple[Signal, ...]
) -> dict[tuple[str, str | None], float]:
    watch = plan.config.watch
    if not signals:
        return {}
    return shares(
        per_week, watch.max_services, plan.service(service).weight, plan.streams,
        {signal.name: 1.0 for signal in signals},
        dict.fromkeys(plan.config.measure.slices, watch.slices_per_dimension),
        unsliced=[signal.name for signal in signals if not cut(signal)],
    )  # fmt: skip
