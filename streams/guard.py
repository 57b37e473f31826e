"""A config -> what its releases are held against and what follows, as lines for the operator."""

from collections.abc import Iterable, Iterator

from schemas.config import Config
from schemas.policy import decides
from schemas.releases import SERVING
from schemas.taxonomy import Taxonomy
from streams.watch.plan import Against, Plan


def lines(config: Config) -> Iterator[str]:
    """Say of each service that has KPIs what decides about its releases.

    Examples
    --------
    >>> list(lines(Config()))
    ['No service has KPIs (`releases.kpi_files`), so there are no verdicts about releases.']
    """
    plan = Plan.of(config, Taxonomy.load_default())
    services = [service for kpis in config.releases.kpi_sets for service in kpis.services]
    if not services:
        yield "No service has KPIs (`releases.kpi_files`), so there are no verdicts about releases."
    for service in services:
        held = plan.held(service)
        assert held is not None
        yield from _of(config, service, held)


def _of(config: Config, service: str, held: Against) -> Iterator[str]:
    kpis, late_s = held.kpis, config.measure.late_after_s
    yield (
        f"{service}: {len(kpis.kpis)} KPIs of `{kpis.use_case}`; a verdict every {held.grain_s} s, "
        f"{late_s} s after what it knows."
    )
    for phase in SERVING:
        rules, found = held.policy.rules(phase), decides(held.policy, phase, kpis)
        yield (
            f"  {phase}: red of {_named(found.block)} blocks, red of {_named(found.roll_back)} rolls back; from "
            f"{rules.min_events:,} exchanges on, and it holds for {rules.holds}"
        )
    kill = kpis.kill_switch
    yield f"  kill switch: red of {kill.kpi} means {kill.action}, {kill.mode}"
    targets = [one for one in config.releases.targets if one.service == service]
    for one in targets:
        yield f"  rollbacks are asked of {one.kind} {one.ref} in {one.env}, and may be done within {one.expires}"
    if not targets:
        yield "  no rollback is asked for: `releases.targets` does not name it"


def _named(names: Iterable[str]) -> str:
    return " or ".join(sorted(names)) or "nothing"
