"""A broker's address and a prefix -> the config that workers, driver and judge of one run share.

All that takes minutes in production takes seconds here, so that a short run sees baselines learned, names beyond the
caps, flushes of open blocks, requests given up, overflowing and left behind, and incidents fired, updated and resolved,
by themselves and as parts of a common cause.
"""

from typing import Final

from msgspec.structs import replace

from schemas.config import Config
from schemas.dimensions import Dimension
from schemas.kpi_measures import Measured
from schemas.kpis import Band, Bands, KillSwitch, Kpi, KpiSet, Owners, Red
from schemas.releases import Releases, Target
from schemas.sections import Kafka, Measure, Topics, Worker
from schemas.security import Security
from schemas.watching import Common, Watch

SESSION_S: Final = 6.0
"""How long a worker may be away before the others take over: the least that Kafka allows."""

FLUSH_AFTER_S: Final = 0.5
STATE_EVERY_S: Final = 3.0
NAMES: Final = 16
HELD_BY: Final[dict[str, Dimension | None]] = {"failed": None, "failed_by_workflow": "workflow"}
KPIS: Final = KpiSet(
    use_case="what is disturbed",
    services=("checkout-bot", "search-rag", "support-bot", "code-helper", "summarizer", "extractor"),
    owners=Owners(accountable="chaos"),
    kill_switch=KillSwitch(kpi="failed"),
    kpis=tuple(
        Kpi(
            name=name, layer="reliability", rank="primary", measures=Measured(stat="share", signal="failed"), by=by,
            window="10s", min_events=20, direction="lower_is_better", target=2.0,
            bands=Bands(yellow=Band(value=5.0), red=Red(value=10.0, action="rollback")),
        )
        for name, by in HELD_BY.items()
    ),
)  # fmt: skip
"""Those that change, and change back, so that releases pass and fail."""


def config(
    bootstrap: str, prefix: str, worker: str = "judge", flush_after_s: float = FLUSH_AFTER_S,
    security: Security | None = None, state_every_s: float = STATE_EVERY_S,
) -> Config:  # fmt: skip
    """Make the config of a worker; all that decides what is counted and found is the same for every worker.

    Parameters
    ----------
    prefix : of topics and groups, so that one broker serves several runs
    security : how the broker is spoken to; by default in the open
    """
    return Config(
        kafka=Kafka(
            bootstrap=bootstrap, group=prefix, session_timeout_s=SESSION_S, security=security or Security()
        ),
        topics=Topics(prefix=f"{prefix}."),
        worker=Worker(name=worker, http_port=0),
        measure=Measure(
            bucket_s=2, late_after_s=30, flush_after_s=flush_after_s, names_per_block=NAMES, exemplars=2,
            max_event_bytes=4096, pairing=True, pair_timeout_s=4, pair_lookback=400, open_requests=24,
        ),
        watch=Watch(
            dependence="none", season_percent=0, baseline_events=200, slices_per_dimension=3, names_per_signal=6,
            window_buckets=45,
            resolve_after_s=4, silence_after_s=8, update_every_s=2, checkpoint_every_s=1.0, state_every_s=state_every_s,
        ),
        common=Common(services=2, within_s=5),
        releases=Releases(
            kpi_sets=(KPIS,),
            targets=tuple(Target(service=name, kind="flagd", ref=name, expires="20s") for name in KPIS.services),
        ),
    )  # fmt: skip


def changed(config: Config) -> Config:
    """Make the config of the next version: flushes have another digest, and incidents are updated less often."""
    return replace(
        config,
        measure=replace(config.measure, exemplars=config.measure.exemplars + 1),
        watch=replace(config.watch, update_every_s=config.watch.update_every_s + 1),
    )
