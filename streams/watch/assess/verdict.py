"""Policy, phase and the bands of a release's KPIs -> its verdict: pass, marginal, fail or no data, and why.

The rule is the same before promotion and after it. What is known to be bad fails whatever else is not known; what is
not known never passes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from detectors.band import Banded, Reading
from schemas.durations import seconds
from schemas.failures import Diversity
from schemas.incidents import Lineage
from schemas.kpis import Action, Kpi, KpiSet, Shown
from schemas.policy import Decides, Phase, Policy, Rules, decides
from schemas.verdicts import Counted, KpiVerdict, Verdict, Word


class Current(NamedTuple):
    """Where a KPI stands.

    Attributes
    ----------
    kpi : its name
    banded : as `detectors.band.step` says
    reading : of the last window, None without data
    slice : empty of the whole service
    """

    kpi: str
    banded: Banded
    reading: Reading | None
    slice: str = ""


class Subject(NamedTuple):
    """Whose verdict it is; `baseline` is the release that it is compared with, empty without one."""

    service: str
    release: str
    baseline: str
    phase: Phase


class Evidence(NamedTuple):
    """What is known beside KPIs: exchanges of release and baseline, how the release fails, and by what one decides."""

    candidate: int
    baseline: int
    diversity: Diversity | None = None
    new_modes: tuple[str, ...] = ()
    lineage: Lineage = Lineage()


GRAVEST: Final[tuple[Shown, ...]] = ("red", "yellow", "green", "no_data")
"""No data last: a KPI is what is known of it."""
_NOTHING: Final = Banded("no_data", "no data; nothing was measured")


def judge(
    policy: Policy, kpis: KpiSet, subject: Subject, current: Sequence[Current], evidence: Evidence, now: int
) -> Verdict:
    """Say whether a release may go on.

    In this order: fewer exchanges than the policy asks for are `no_data`; a red KPI that blocks or rolls back is
    `fail`; a KPI that must have data and has none, half of all weight without data, or nothing known at all, are
    `no_data`; another red, or any yellow, is `marginal`; the rest is `pass`. A KPI that is held by slice is as bad as
    its worst slice, and has data if one of them has.

    Parameters
    ----------
    kpis : the set of the service
    current : in any order; of what is not there nothing is known
    now : milliseconds since 1970

    Raises
    ------
    ValueError
        If a KPI is not of the set, is there twice, or there are fewer exchanges than none.

    Examples
    --------
    >>> from schemas.kpi_sets import preset
    >>> from schemas.policy import default
    >>> bot = preset("support-bot")
    >>> stand = [Current(kpi.name, Banded("green", ""), None) for kpi in bot.kpis]
    >>> stand[0] = Current("resolved", Banded("red", "surely under 65, where red begins, in 2 windows in a row"), None)
    >>> release = Subject("support-bot", "2026.11.3", "2026.11.2", "canary")
    >>> found = judge(default(bot), bot, release, stand, Evidence(1840, 52110), now=1_786_708_860_000)
    >>> print(found.verdict, found.score, found.reasons[0])
    fail 90.0 `resolved` is red, which rolls back: surely under 65, where red begins, in 2 windows in a row

    References
    ----------
    Kayenta, the score of a group: https://github.com/spinnaker/kayenta, docs/canary-config.md
    """
    _checked(kpis, current, evidence)
    rules, found = policy.rules(subject.phase), decides(policy, subject.phase, kpis)
    entries = [
        entry(kpi, one, rules, found, kpis)
        for kpi in kpis.kpis
        for one in _of(kpi, current) or [Current(kpi.name, _NOTHING, None)]
    ]
    bands: dict[str, Shown] = {
        kpi.name: _worst(one.band for one in entries if one.name == kpi.name) for kpi in kpis.kpis
    }
    few = evidence.candidate < rules.min_events
    score = _score(bands, rules.weights)
    grave = [
        *([(0, f"{evidence.candidate:,} exchanges, and {rules.min_events:,} are needed")] if few else []),
        *([(3, "half of the KPIs, or more, by weight, have no data")] if score is None else []),
        *(_reason(one, bands[one.name], found) for one in entries if one.band != "green"),
    ]
    word = _word(few, score, bands, found)
    reasons = [said for _, said in sorted(grave, key=lambda one: one[0])]
    if word == "pass":
        green = sum(band == "green" for band in bands.values())
        reasons.insert(0, f"every KPI that has data is green: {green} of {len(bands)}")
    return Verdict(
        id=f"{subject.service}:{subject.release}:{now}",
        service=subject.service,
        release=subject.release,
        baseline=subject.baseline,
        phase=subject.phase,
        verdict=word,
        band=_worst(bands.values()),
        score=score,
        evaluated_at=now,
        expires_at=now + 1000 * seconds(rules.holds),
        n=Counted(candidate=evidence.candidate, baseline=evidence.baseline, needed=rules.min_events),
        kpis=tuple(entries),
        reasons=tuple(reasons),
        diversity=evidence.diversity,
        new_modes=evidence.new_modes,
        policy=policy.fingerprint(),
        kpi_set=kpis.fingerprint(),
        lineage=evidence.lineage,
    )


def _checked(kpis: KpiSet, current: Sequence[Current], evidence: Evidence) -> None:
    names, seen = {kpi.name for kpi in kpis.kpis}, set()
    for one in current:
        if one.kpi not in names:
            raise ValueError(f"no KPI `{one.kpi}` in the set of {kpis.use_case}")
        if (one.kpi, one.slice) in seen:
            raise ValueError(f"`{one.kpi}` is there twice, of slice `{one.slice}`")
        seen.add((one.kpi, one.slice))
    if evidence.candidate < 0 or evidence.baseline < 0:
        raise ValueError(f"fewer exchanges than none: {evidence.candidate} and {evidence.baseline}")


def _of(kpi: Kpi, current: Sequence[Current]) -> list[Current]:
    return sorted((one for one in current if one.kpi == kpi.name), key=lambda one: one.slice)


def _worst(bands: Iterable[Shown]) -> Shown:
    return min(bands, key=GRAVEST.index)


def _word(few: bool, score: float | None, bands: Mapping[str, Shown], found: Decides) -> Word:
    if few:
        return "no_data"
    if any(bands[name] == "red" for name in found.block | found.roll_back):
        return "fail"
    if score is None or any(bands[name] == "no_data" for name in found.must_have):
        return "no_data"
    return "marginal" if {"red", "yellow"} & set(bands.values()) else "pass"


def _score(bands: Mapping[str, Shown], weights: Mapping[str, float]) -> float | None:
    """Give the green part of the weight that has data, in percent; None if half or more has none."""
    weight = {name: weights.get(name, 1.0) for name in bands}
    known = sum(weight[name] for name, band in bands.items() if band != "no_data")
    if 2 * known <= sum(weight.values()):
        return None
    return round(100 * sum(weight[name] for name, band in bands.items() if band == "green") / known, 1)


def entry(kpi: Kpi, one: Current, rules: Rules, found: Decides, kpis: KpiSet) -> KpiVerdict:
    """Say where a KPI stands, and what is to be done by whom."""
    band, reading = one.banded.band, one.reading
    interval = None
    if reading is not None and reading.low is not None and reading.high is not None:
        interval = (reading.low, reading.high)
    return KpiVerdict(
        name=kpi.name,
        slice=one.slice,
        band=band,
        observed=reading.value if reading else None,
        interval=interval,
        target=kpi.target,
        n=reading.n if reading else 0,
        critical=kpi.name in found.block | found.roll_back,
        must_have=kpi.name in found.must_have,
        reason=one.banded.why,
        action=_action(kpi, band, found) if band in ("yellow", "red") else "",
        owner=kpi.owner or kpis.owners.accountable,
        escalate_to=tuple(told.to for told in rules.escalate if told.kpi == kpi.name and band in ("red", told.at)),
    )


def _action(kpi: Kpi, band: Shown, found: Decides) -> Action:
    """Say what is to be done: as the set says, but nothing is rolled back that the policy does not roll back."""
    said = kpi.bands.red.action if band == "red" else kpi.bands.yellow.action
    if band == "red" and kpi.name in found.roll_back:
        return "rollback"
    if band == "red" and kpi.name in found.block:
        return "pause_rollout" if said in ("rollback", "notify") else said
    return "human_review" if said == "rollback" else said


def _reason(entry: KpiVerdict, band: Shown, found: Decides) -> tuple[int, str]:
    """Say how grave a KPI that is not green is, 1 the gravest, and why.

    Parameters
    ----------
    band : of the KPI, over all slices
    """
    whose = f"`{entry.name}`" + (f" of {entry.slice}" if entry.slice else "")
    if entry.band == "red":
        means = "rolls back" if entry.name in found.roll_back else "blocks" if entry.critical else ""
        return (1 if means else 4), f"{whose} is red{f', which {means}' if means else ''}: {entry.reason}"
    if entry.band == "yellow":
        return 5, f"{whose} is yellow: {entry.reason}"
    needed = entry.must_have and band == "no_data"
    return (2 if needed else 6), f"{whose} {'must have data' if needed else 'is left out'}: {entry.reason}"
