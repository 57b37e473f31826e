"""What a config says of releases: sets of KPIs, policies, targets; and the files it names for them -> all in one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from schemas import kpi_sets, policy
from schemas.durations import Duration, seconds
from schemas.kpi_measures import Named
from schemas.kpis import KpiSet
from schemas.policy import Phase, Policy
from schemas.strict import ConfigError, nearest, read, text_of

if TYPE_CHECKING:  # it is a section of the config, and cannot be checked without the others
    from schemas.config import Config

T = TypeVar("T")
SERVING: Final[tuple[Phase, ...]] = ("canary", "live")
"""Phases in which there are verdicts by themselves."""


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Target(_Part, frozen=True, kw_only=True):
    """Where the releases of a service are put into force, and so can be taken back.

    Attributes
    ----------
    service : whose; it has a set of KPIs
    env : as the actuator knows it
    kind : of what decides there which release serves
    ref : the flag's key, the webhook's name, or `namespace/name` of an object
    expires : so long after it was asked for a rollback may be done
    cooldown : from one rollback of it to the next, at least
    max_per_hour : rollbacks of it
    """

    service: Named
    env: Named = "production"
    kind: Literal["flagd", "webhook", "kubernetes"]
    ref: Named
    expires: Duration = "30m"
    cooldown: Duration = "30m"
    max_per_hour: Annotated[int, Meta(ge=1, le=1000)] = 1


class Releases(_Part, frozen=True, kw_only=True):
    """What releases are held against, and what may be done about them.

    Attributes
    ----------
    kpi_files : files with sets of KPIs (kpis.md), beside this one if their paths do not say otherwise
    policy_files : files with policies (policy.md), likewise
    kpi_sets : sets that are written here, instead of in files
    policies : likewise; a service without one has the one that follows from its set
    targets : where rollbacks are asked for, see below; without one a release that fails is not taken back
    slices : names of a field that KPIs by slice are held for; the others are one more, `__other__`
    """

    kpi_files: tuple[Named, ...] = ()
    policy_files: tuple[Named, ...] = ()
    kpi_sets: tuple[KpiSet, ...] = ()
    policies: tuple[Policy, ...] = ()
    targets: tuple[Target, ...] = ()
    slices: Annotated[int, Meta(ge=1, le=64)] = 16


def filled(config: "Config", folder: Path) -> "Config":
    """Put what files say in place of their names, so that a config is all that there is to know."""
    releases = config.releases
    if not (releases.kpi_files or releases.policy_files):
        return config
    sets = (*releases.kpi_sets, *(_of_file(folder / name, "KPIs", KpiSet) for name in releases.kpi_files))
    policies = (*releases.policies, *(_of_file(folder / name, "policy", Policy) for name in releases.policy_files))
    whole = replace(releases, kpi_files=(), policy_files=(), kpi_sets=sets, policies=policies)
    return replace(config, releases=whole)


def _of_file(path: Path, what: str, kind: type[T]) -> T:
    text = text_of(path, what)
    try:
        return read(text, kind)
    except ConfigError as wrong:
        raise ConfigError(f"{path}: {wrong}") from None


def check(config: "Config") -> None:
    """Refuse sets and policies of which one alone cannot see what is wrong, and services that have two."""
    releases = config.releases
    seen: dict[str, str] = {}
    for i, kpis in enumerate(releases.kpi_sets):
        _within(f"KPIs of {kpis.use_case}", partial(kpi_sets.checked, kpis, config))
        for service in kpis.services:
            if service in seen:
                raise ConfigError(
                    f"`{service}` is in the KPIs of {seen[service]} and of {kpis.use_case}; it can be held against one"
                    f" set - at `releases.kpi_sets[{i}]`"
                )
            seen[service] = kpis.use_case
    ruled: set[str] = set()
    for i, one in enumerate(releases.policies):
        _within(f"policy of {', '.join(one.services)}", partial(policy.checked, one, releases.kpi_sets))
        if twice := ruled.intersection(one.services):
            raise ConfigError(f"`{min(twice)}` has two policies - at `releases.policies[{i}]`")
        ruled.update(one.services)
    said = {service: one for one in releases.policies for service in one.services}
    for kpis in releases.kpi_sets:
        for service in kpis.services:
            _lasting(kpis, said.get(service) or policy.default(kpis), config.measure.late_after_s, service)
    for i, target in enumerate(releases.targets):
        if target.service not in seen:
            raise ConfigError(
                f"`{target.service}` has no set of KPIs - at `releases.targets[{i}].service`; "
                f"{nearest(target.service, seen)}those that have: {', '.join(seen) or 'none'}"
            )
        if any((target.service, target.env) == (one.service, one.env) for one in releases.targets[:i]):
            raise ConfigError(f"`{target.service}` has two targets in {target.env} - at `releases.targets[{i}]`")


def _lasting(kpis: KpiSet, rules: Policy, late_s: int, service: str) -> None:
    """Refuse verdicts that expire before the next one comes."""
    every_s = kpis.grain_s + late_s
    for phase in SERVING:
        if (holds_s := seconds(rules.rules(phase).holds)) < every_s:
            raise ConfigError(
                f"a verdict of `{service}` would hold for {holds_s} s, and the next may come {every_s} s later, since "
                f"spans are {kpis.grain_s} s long and `measure.late_after_s` is {late_s}: let it hold longer, in a "
                f"policy - at `{phase}.holds`"
            )


def _within(where: str, check: Callable[[], object]) -> None:
    try:
        check()
    except ConfigError as wrong:
        raise ConfigError(f"{where}: {wrong}") from None
