"""What a KPI promises of its events -> whether any of them is good or bad, and for how long the budget is."""

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

from schemas.durations import Duration, seconds
from schemas.kpi_measures import Stat
from schemas.strict import ConfigError

if TYPE_CHECKING:  # it is a section of a KPI, and is checked with it
    from schemas.kpis import Kpi

DAY_S: Final = 86_400
KEPT_D: Final = 396
"""Days that rollups are kept: thirteen months."""
SHORTEST_D: Final = 28
"""Days: a tenth of a shorter budget in three days is no faster than what was promised."""
COUNTED: Final[tuple[Stat, ...]] = ("share", "share_above", "quantile")
"""Figures of which each event is good or bad."""


class Slo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is promised of the events of a KPI, over all releases that serve; the rest is the error budget.

    Of a `share` those are good that the `direction` of the KPI wants: with `lower_is_better` what is *not* counted in
    it; of `share_above` those that are not above. A KPI that is held by slice promises it of the whole service, and one
    that names its `slice` of that slice.

    Attributes
    ----------
    target_percent : share of good events, more than 0 and less than 100
    period : what the budget is for: `28d` to `396d`, thirteen months
    good_up_to : of a `quantile`, and of nothing else: the largest value that is good, in the signal's unit
    """

    target_percent: Annotated[float, Meta(ge=0, le=100)]
    period: Duration = "30d"
    good_up_to: Annotated[float, Meta(ge=0, le=1e12, description="a number, 0 or more")] | None = None

    @property
    def target(self) -> float:
        """The promised share, in (0, 1)."""
        return self.target_percent / 100

    @property
    def period_s(self) -> int:
        """Seconds that the budget is for."""
        return seconds(self.period)

    @property
    def words(self) -> str:
        """What it is called, like `30-day budget`."""
        return f"{self.period_s // DAY_S}-day budget"


def check(kpi: "Kpi", path: str) -> None:
    """Refuse a promise that leaves no budget, or of events that are neither good nor bad.

    Parameters
    ----------
    path : of the KPI, for the message

    Raises
    ------
    ConfigError
        With the path of what is wrong and the choices there are.
    """
    slo = kpi.slo
    if slo is None:
        return
    stat = kpi.measures.stat
    if stat not in COUNTED:
        raise ConfigError(
            f"no single event is good or bad by `{stat}`, so there is no budget of it - at `{path}.slo`; "
            f"there is of: {', '.join(COUNTED)}"
        )
    _lasting(slo, f"{path}.slo")
    if stat == "quantile" and slo.good_up_to is None:
        raise ConfigError(f"`quantile` needs `good_up_to`: which values are good? - at `{path}.slo`")
    if stat != "quantile" and slo.good_up_to is not None:
        raise ConfigError(f"`{stat}` does not take `good_up_to`; only `quantile` does - at `{path}.slo.good_up_to`")
    if stat != "share" and kpi.direction == "higher_is_better":
        raise ConfigError(
            f"of `{stat}` good is what is small, and `{kpi.name}` is {kpi.direction}: no budget is kept of that - "
            f"at `{path}.slo`"
        )


def _lasting(slo: Slo, path: str) -> None:
    if not 0 < slo.target_percent < 100:
        none = "leaves no budget" if slo.target_percent else "promises nothing"
        raise ConfigError(
            f"{slo.target_percent:g} % {none}: more than 0 and less than 100, like 99.5 - at `{path}.target_percent`"
        )
    if not SHORTEST_D * DAY_S <= slo.period_s <= KEPT_D * DAY_S:
        raise ConfigError(
            f"a budget is for {SHORTEST_D}d to {KEPT_D}d, thirteen months, and not for {slo.period} - "
            f"at `{path}.period`"
        )
    if slo.period_s % DAY_S:
        raise ConfigError(f"a budget is for whole days, and not for {slo.period} - at `{path}.period`")
