"""A YAML file that says which KPIs stop a release -> the rules of each phase, or the one sentence that says why not."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct, field

from schemas.durations import Duration
from schemas.kpi_measures import Named
from schemas.kpis import Kpi, KpiSet, Level
from schemas.strict import ConfigError, nearest, read, text_of

Phase = Literal["offline", "canary", "live"]
Weight = Annotated[float, Meta(gt=0, le=1000, description="a number above 0, up to 1000")]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Escalation(_Part, frozen=True, kw_only=True):
    """Whom to tell beside the owner of a KPI.

    Attributes
    ----------
    kpi : its name
    to : who is told
    at : from which band on
    """

    kpi: Named
    to: Named
    at: Level = "red"


class Rules(_Part, frozen=True, kw_only=True):
    """What KPIs mean for a release in one phase. Yellow, and red of what is in neither list, are `marginal`.

    Attributes
    ----------
    block : red of these fails the release, and its rollout is held; if not said, primary KPIs, and those of which the
        set says `block_release`
    roll_back : red of these fails the release, and it is rolled back; if not said, those of which the set says
        `rollback`. The kill switch of the set is always in one of the two lists: by its `action`, if you say nothing
    escalate : who is told beside the owner
    must_have : without data of these there is no verdict but `no_data`, unless another KPI fails the release; if not
        said, those that block or roll back. Without data of others the verdict is by the rest
    weights : of KPIs in the score, and in whether half of them have no data; 1 of those not named
    min_events : with fewer exchanges of the release the verdict is `no_data`
    holds : so long after it was made a verdict may be relied on
    """

    block: tuple[Named, ...] | None = None
    roll_back: tuple[Named, ...] | None = None
    escalate: tuple[Escalation, ...] = ()
    must_have: tuple[Named, ...] | None = None
    weights: dict[str, Weight] = field(default_factory=dict)
    min_events: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 300
    holds: Duration = "15m"


class Policy(_Part, frozen=True, kw_only=True):
    """What decides about the releases of a service, or of several.

    Attributes
    ----------
    services : whose releases; each has a set of KPIs
    offline : before it serves anybody
    canary : while it serves a part, beside the one before
    live : once it was promoted, as long as it serves
    """

    services: Annotated[tuple[Named, ...], Meta(min_length=1)]
    offline: Rules = Rules()
    canary: Rules = Rules()
    live: Rules = Rules()

    def rules(self, phase: Phase) -> Rules:
        """Give the rules of a phase, as they are written."""
        return {"offline": self.offline, "canary": self.canary, "live": self.live}[phase]

    def fingerprint(self) -> str:
        """Sum up the whole policy, for the lineage of what is decided by it."""
        return sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]


class Decides(Struct, frozen=True, kw_only=True):
    """The KPIs that decide in a phase, with nothing left unsaid.

    Attributes
    ----------
    block, roll_back, must_have : names; no KPI both blocks and rolls back
    """

    block: frozenset[str]
    roll_back: frozenset[str]
    must_have: frozenset[str]


def default(kpis: KpiSet) -> Policy:
    """Give the policy of services for which nobody wrote one.

    Examples
    --------
    >>> from schemas.kpi_sets import preset
    >>> bot = preset("support-bot")
    >>> found = decides(default(bot), "live", bot)
    >>> sorted(found.roll_back), sorted(found.block)
    (['policy_violations', 'resolved'], ['repeat_contact'])
    """
    return Policy(services=kpis.services)


def decides(policy: Policy, phase: Phase, kpis: KpiSet) -> Decides:
    """Say which KPIs decide in a phase.

    What a policy does not say is as the set says: red of a primary KPI, or of the kill switch, fails a release. Offline
    nothing serves that could be rolled back, so what would roll back blocks there.

    Parameters
    ----------
    kpis : the set of the policy's service
    """
    rules, kill = policy.rules(phase), kpis.kill_switch
    roll_back = frozenset(rules.roll_back or ())
    if rules.roll_back is None and phase != "offline":
        said = _names(kpi for kpi in kpis.kpis if kpi.bands.red.action == "rollback")
        roll_back = said - {kill.kpi, *(rules.block or ())}
    block = frozenset(rules.block or ())
    if rules.block is None:
        block = _names(one for one in kpis.kpis if one.rank == "primary" or one.bands.red.action == "block_release")
        block -= roll_back
    if kill.kpi not in (rules.block or ()) and kill.action == "rollback" and phase != "offline":
        block, roll_back = block - {kill.kpi}, roll_back | {kill.kpi}
    elif kill.kpi not in roll_back:
        block |= {kill.kpi}
    must_have = block | roll_back if rules.must_have is None else frozenset(rules.must_have)
    return Decides(block=block, roll_back=roll_back, must_have=must_have)


def _names(kpis: Iterable[Kpi]) -> frozenset[str]:
    return frozenset(kpi.name for kpi in kpis)


def load(path: Path, sets: Sequence[KpiSet]) -> Policy:
    """Read a file; see `parse`.

    Raises
    ------
    ConfigError
        If the file cannot be read, or as `parse` does.
    """
    return parse(text_of(path, "policy"), sets)


def parse(text: str, sets: Sequence[KpiSet]) -> Policy:
    r"""Read a policy.

    Parameters
    ----------
    text : YAML
    sets : every set of KPIs there is

    Raises
    ------
    ConfigError
        With the path of what is wrong and the choices there are.

    Examples
    --------
    >>> from schemas.kpi_sets import preset
    >>> parse("services: [support-bot]\ncanary: {block: [escalate]}", [preset("support-bot")])
    Traceback (most recent call last):
    schemas.strict.ConfigError: no KPI `escalate` of `support-bot` - at `canary.block[0]`; did you mean `escalated`?
    KPIs: resolved, repeat_contact, ...
    """
    return checked(read(text, Policy), sets)


def checked(found: Policy, sets: Sequence[KpiSet]) -> Policy:
    """Refuse a policy of which no single field can see what is wrong; see `parse`."""
    of = {service: kpis for kpis in sets for service in kpis.services}
    for i, service in enumerate(found.services):
        if service in found.services[:i]:
            raise ConfigError(f"`{service}` is there twice - at `services[{i}]`")
        if service not in of:
            hint = nearest(service, of)
            raise ConfigError(
                f"`{service}` has no set of KPIs - at `services[{i}]`; {hint}those that have: {', '.join(of) or 'none'}"
            )
        for phase in get_args(Phase):
            _known(found.rules(phase), service, [kpi.name for kpi in of[service].kpis], phase)
    for phase in get_args(Phase):
        _consistent(found.rules(phase), phase)
    return found


def _known(rules: Rules, service: str, names: Sequence[str], path: str) -> None:
    """Refuse KPIs that the service does not have."""
    lists = {"block": rules.block, "roll_back": rules.roll_back, "must_have": rules.must_have}
    said = [(f"{path}.{key}[{i}]", name) for key, some in lists.items() for i, name in enumerate(some or ())]
    said += [(f"{path}.escalate[{i}].kpi", one.kpi) for i, one in enumerate(rules.escalate)]
    said += [(f"{path}.weights", name) for name in rules.weights]
    for at, name in said:
        if name not in names:
            raise ConfigError(
                f"no KPI `{name}` of `{service}` - at `{at}`; {nearest(name, names)}KPIs: {', '.join(names)}"
            )


def _consistent(rules: Rules, phase: Phase) -> None:
    """Refuse what is said twice, or in two ways."""
    for key, some in (("block", rules.block), ("roll_back", rules.roll_back), ("must_have", rules.must_have)):
        for i, name in enumerate(some or ()):
            if name in (some or ())[:i]:
                raise ConfigError(f"`{name}` is there twice - at `{phase}.{key}[{i}]`")
    for i, name in enumerate(rules.roll_back or ()):
        if phase == "offline":
            raise ConfigError(
                f"offline nothing serves that could be rolled back; put `{name}` into `block` - at `offline.roll_back`"
            )
        if name in (rules.block or ()):
            raise ConfigError(
                f"`{name}` cannot both block and roll back; keep it in one of `{phase}.block` and `{phase}.roll_back`"
                f" - at `{phase}.roll_back[{i}]`"
            )
    told = [(one.kpi, one.to) for one in rules.escalate]
    for i, (name, to) in enumerate(told):
        if (name, to) in told[:i]:
            raise ConfigError(
                f"`{to}` is told of `{name}` twice; keep the one with the earlier band - at `{phase}.escalate[{i}]`"
            )
