"""What a KPI says that it measures -> whether tallies can answer it, in which unit, and between which values."""

from collections.abc import Collection, Mapping
from math import inf
from typing import Annotated, Final, Literal, NamedTuple, get_args

from msgspec import Meta, Struct

from schemas.signals import FAILURE_MODE, Kind, Signal
from schemas.strict import ConfigError, nearest

Stat = Literal[
    "share", "share_above", "quantile", "mean", "sum", "throughput", "successes", "accuracy", "ece", "overconfidence",
    "abstention_precision", "refusal_correctness", "critical_modes", "effective_modes", "concentration", "drift",
]  # fmt: skip
Named = Annotated[str, Meta(min_length=1, max_length=256)]


class Measured(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a KPI is a figure of. Each `stat` needs some of the other settings, and takes no others; see below.

    Attributes
    ----------
    stat : which figure
    signal : of which signal of signals.md, or of your own
    names : of a category, the names that count; of `failure_mode` its modes, of exchanges or by later outcomes, and
        the share is of all exchanges; no data as long as no event carries what would show any of them
    percentile : 95 for p95
    above : in the signal's unit; the share that is larger
    per : what a sum is divided by; a task is successful if its outcome is `resolved`, or else `correct`
    of : the layer of accuracy: `task` is `correct` of outcomes, `critical_field` is `critical_fields_ok`,
        `business_rule` is `rule_ok`, and in `weighted` what is not `correct` counts by the severity of its mode: ten
        times if it is sev-1, three times if it is sev-2, else once
    """

    stat: Stat
    signal: Named | None = None
    names: tuple[Named, ...] | None = None
    percentile: Annotated[float, Meta(gt=0, lt=100)] | None = None
    above: Annotated[float, Meta(ge=0, le=1e12, description="a number, 0 or more")] | None = None
    per: Literal["1k_requests", "successful_task"] | None = None
    of: Literal["task", "critical_field", "business_rule", "weighted"] | None = None


class Figure(NamedTuple):
    """What is to be known of a `stat`.

    Attributes
    ----------
    words : what it is
    takes : settings that it needs beside `stat`
    kinds : of signals that it can be asked of
    unit : of its value; None is the signal's
    least, most : between which values it lies
    sliced : whether it can be asked of one slice, if its signal is counted there
    """

    words: str
    takes: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    unit: str | None = "%"
    least: float = 0.0
    most: float = 100.0
    sliced: bool = False


FIGURES: Final[dict[Stat, Figure]] = {
    "share": Figure(
        "of a rate, the share of yes among what was observed; of a category, the share of `names`",
        ("signal",), ("rate", "category"), sliced=True,
    ),
    "share_above": Figure(
        "the share of a number that is larger than `above`", ("signal", "above"), ("number",), sliced=True
    ),
    "quantile": Figure(
        "the value that `percentile` percent of a number do not exceed",
        ("signal", "percentile"), ("number",), None, most=inf, sliced=True,
    ),
    "mean": Figure("the mean of a number", ("signal",), ("number",), None, most=inf, sliced=True),
    "sum": Figure(
        "the sum of a number, per thousand requests or per successful task",
        ("signal", "per"), ("number",), None, most=inf, sliced=True,
    ),
    "throughput": Figure(
        "requests a second; where none comes there is no data, and silence is told", unit="1/s", most=inf, sliced=True
    ),
    "successes": Figure("successful outcomes of the release in the window", unit="outcomes", most=inf),
    "accuracy": Figure("the share of outcomes that are right, in one layer or weighted", ("of",)),
    "ece": Figure(
        "expected calibration error: how far confidence and accuracy lie apart, over bands of confidence, less what "
        "chance adds", unit="points"
    ),
    "overconfidence": Figure("mean stated confidence less accuracy", unit="points", least=-100.0),
    "abstention_precision": Figure(
        "the share of abstentions that nobody called wrong; no data where nothing looks"
    ),
    "refusal_correctness": Figure(
        "the share of refusals, and of what had to be refused, that nobody called wrong; no data where nothing looks"
    ),
    "critical_modes": Figure(
        "different failure modes of sev-1 and sev-2, each seen `failures.repeated` times", unit="modes", most=inf
    ),
    "effective_modes": Figure("the effective number of failure modes", unit="modes", most=inf),
    "concentration": Figure(
        "the share of failures in the slice of `by` that has most more of them than of the traffic"
    ),
    "drift": Figure(
        "how far a signal lies from what was learned of it, as PSI less what chance adds: 0.1 is a little, 0.25 much",
        ("signal",), get_args(Kind), "PSI", most=inf,
    ),
}  # fmt: skip
"""Every `stat`."""

_SETTINGS: Final = tuple(name for name in Measured.__struct_fields__ if name != "stat")


def unit(measured: Measured, signals: Mapping[str, Signal]) -> str:
    """Name the unit of a KPI's value, target and bands.

    Examples
    --------
    >>> from schemas.signals import BY_NAME
    >>> unit(Measured(stat="quantile", signal="latency", percentile=95), BY_NAME)
    'ms'
    >>> unit(Measured(stat="accuracy", of="task"), BY_NAME)
    '%'
    """
    said = FIGURES[measured.stat].unit
    if said is not None:
        return said
    assert measured.signal, "a figure that was checked"
    of = signals[measured.signal].unit
    return {"1k_requests": f"{of}/1k", "successful_task": f"{of}/task"}.get(measured.per or "", of)


def check(measured: Measured, signals: Mapping[str, Signal], modes: Collection[str], path: str) -> None:
    """Refuse what tallies cannot answer.

    Parameters
    ----------
    signals : those that are counted, by name
    modes : ids of failure modes
    path : where it stands, for the message

    Raises
    ------
    ConfigError
        If the stat lacks a setting or has one that it does not take, the signal is not there or of another kind, or a
        failure mode is not there.
    """
    figure = FIGURES[measured.stat]
    for name in figure.takes:
        if getattr(measured, name) is None:
            raise ConfigError(f"`{measured.stat}` needs `{name}` - at `{path}`")
    signal = _signal(measured, signals, path)
    of_names = measured.stat == "share" and signal is not None and signal.kind == "category"
    takes = (*figure.takes, "names") if of_names else figure.takes
    for name in _SETTINGS:
        if getattr(measured, name) is not None and name not in takes:
            has = ", ".join(f"`{one}`" for one in takes) or "nothing else"
            raise ConfigError(f"`{measured.stat}` does not take `{name}`, but {has} - at `{path}.{name}`")
    if of_names and not measured.names:
        raise ConfigError(f"a share of the category `{measured.signal}` needs `names`, at least one - at `{path}`")
    if measured.signal == FAILURE_MODE:
        for i, name in enumerate(measured.names or ()):
            if name not in modes:
                raise ConfigError(
                    f"no mode `{name}` - at `{path}.names[{i}]`; {nearest(name, modes)}docs/taxonomy.md has them all"
                )


def _signal(measured: Measured, signals: Mapping[str, Signal], path: str) -> Signal | None:
    """Find the signal, if the figure is of one."""
    kinds = FIGURES[measured.stat].kinds
    if not kinds or measured.signal is None:
        return None
    signal = signals.get(measured.signal)
    able = sorted(one.name for one in signals.values() if one.kind in kinds)
    if signal is None:
        hint = nearest(measured.signal, able)
        raise ConfigError(
            f"no signal `{measured.signal}` - at `{path}.signal`; {hint}`{measured.stat}` can be of: {', '.join(able)}"
        )
    if signal.kind not in kinds:
        raise ConfigError(
            f"`{measured.stat}` is of a {' or '.join(kinds)}, and `{signal.name}` is a {signal.kind} - "
            f"at `{path}.signal`; it can be of: {', '.join(able)}"
        )
    return signal
