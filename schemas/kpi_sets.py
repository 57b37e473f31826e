"""A YAML file of one use case -> its KPIs with their targets and bands, or the one sentence that says what is wrong."""

from importlib.resources import files
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.dimensions import Dimension
from schemas.durations import seconds
from schemas.kpi_measures import FIGURES, check
from schemas.kpis import HOUR_S, Band, Kpi, KpiSet, Level
from schemas.signals import CATALOGUE, Signal
from schemas.slos import check as check_slo
from schemas.strict import ConfigError, nearest, read, text_of
from schemas.taxonomy import Taxonomy

if TYPE_CHECKING:  # a config names sets, and a set is checked by a config
    from schemas.config import Config

PRESETS: Final = ("knowledge-assistant", "workflow-agent", "compliance-copilot", "developer-copilot", "support-bot")
"""Deployment types for which a set is shipped, ready to copy."""


def preset(name: str) -> KpiSet:
    """Read one of `PRESETS`."""
    return parse(preset_text(name))


def preset_text(name: str) -> str:
    """Give one of `PRESETS` as it is written, comments and all."""
    return files("schemas").joinpath(f"presets/{name}.yaml").read_text("utf-8")


def load(path: Path, config: "Config | None" = None) -> KpiSet:
    """Read a file of KPIs; see `parse`.

    Raises
    ------
    ConfigError
        If the file cannot be read, or as `parse` does.
    """
    return parse(text_of(path, "KPIs"), config)


def parse(text: str, config: "Config | None" = None) -> KpiSet:
    r"""Read a set of KPIs.

    Parameters
    ----------
    text : YAML
    config : which signals and slices are counted, and which failure modes there are; all that is shipped if not said

    Raises
    ------
    ConfigError
        With the path of what is wrong and the choices there are.

    Examples
    --------
    >>> parse("use_case: x\nservice: [x]")
    Traceback (most recent call last):
    schemas.strict.ConfigError: unknown key `service` at the top; did you mean `services`? Keys
    there: kill_switch, kpis, owners, services, use_case
    """
    from schemas.config import Config  # noqa: PLC0415 - a config names sets, so it must be there first

    return checked(read(text, KpiSet), config or Config())


def checked(found: KpiSet, config: "Config") -> KpiSet:
    """Refuse a set of which no single field can see what is wrong; see `parse`."""
    signals = {signal.name: signal for signal in (*CATALOGUE, *config.own_signals())}
    modes = [mode.id for mode in Taxonomy.of_config(config).modes]
    names = [kpi.name for kpi in found.kpis]
    for i, kpi in enumerate(found.kpis):
        if kpi.name in names[:i]:
            raise ConfigError(f"`{kpi.name}` is there twice - at `kpis[{i}].name`")
        check(kpi.measures, signals, modes, f"kpis[{i}].measures")
        _sliced(kpi, signals, config.measure.slices, f"kpis[{i}]")
        _lasting(kpi, config.measure.bucket_s, f"kpis[{i}]")
        _reachable(kpi, f"kpis[{i}]")
        check_slo(kpi, f"kpis[{i}]")
    if all(kpi.rank == "secondary" for kpi in found.kpis):
        raise ConfigError("no KPI is `primary`; one at least says whether the use case is served - at `kpis`")
    if (name := found.kill_switch.kpi) not in names:
        raise ConfigError(f"no KPI `{name}` - at `kill_switch.kpi`; {nearest(name, names)}KPIs: {', '.join(names)}")
    if found.kill_switch.mode == "auto" and (grave := found.kpi(name).bands.red.severity) != "sev-1":
        raise ConfigError(
            f"`auto` acts for sev-1 alone, and red of `{name}` is {grave}: make it sev-1, or the mode require_approval"
            " - at `kill_switch.mode`"
        )
    return found


def _lasting(kpi: Kpi, bucket_s: int, path: str) -> None:
    """Refuse windows that cannot be put together from what is kept: buckets of an hour, and whole hours."""
    window_s, every_s = seconds(kpi.window), kpi.every_s
    if window_s > HOUR_S:
        grain_s, of = HOUR_S, "the hours that are kept"
    else:
        grain_s, of = bucket_s, f"`measure.bucket_s`, {bucket_s} s"
        if HOUR_S % window_s:
            raise ConfigError(f"no whole number of windows of {kpi.window} makes an hour - at `{path}.window`")
    for name, length_s in (("window", window_s), ("every", every_s)):
        if length_s % grain_s:
            raise ConfigError(f"{length_s} s are no multiple of {of} - at `{path}.{name}`")
    if window_s % every_s:
        raise ConfigError(f"`every` {every_s} s is no part of a window of {window_s} s - at `{path}.every`")


def _sliced(kpi: Kpi, signals: dict[str, Signal], counted: tuple[Dimension, ...], path: str) -> None:
    """Refuse a slice that nobody counts."""
    stat, per = kpi.measures.stat, kpi.measures.per
    if kpi.by is None:
        if stat == "concentration":
            raise ConfigError(f"`concentration` needs `by`: of which slices? - at `{path}`")
        if kpi.slice is not None:
            raise ConfigError(f"a slice needs `by`: of which field? - at `{path}.slice`")
        return
    if kpi.by not in counted:
        raise ConfigError(
            f"`{kpi.by}` is not counted - at `{path}.by`; `measure.slices` has: {', '.join(counted) or 'nothing'}"
        )
    if stat == "concentration":
        if kpi.slice is not None:
            raise ConfigError(f"`concentration` is over all slices - at `{path}.slice`")
        return
    whole = f"of the whole service only; leave out `by` - at `{path}.by`"
    if not FIGURES[stat].sliced or per == "successful_task":
        raise ConfigError(f"`{stat}`{' per successful task' if per else ''} is known {whole}")
    if (name := kpi.measures.signal) and not signals[name].cut:
        cut = ", ".join(signal.name for signal in signals.values() if signal.cut)
        raise ConfigError(f"signal `{name}` is counted {whole}; sliced are: {cut}")


def _reachable(kpi: Kpi, path: str) -> None:
    """Refuse targets that cannot be, and bands that are in the wrong order or that no value can be in."""
    figure = FIGURES[kpi.measures.stat]
    least, most = figure.least, figure.most
    between = f"lies between {least:g} and {most:g}" if not isinf(most) else f"is at least {least:g}"
    if not least <= kpi.target <= most:
        raise ConfigError(
            f"a target of {kpi.target:g} is out of range: `{kpi.measures.stat}` {between} - at `{path}.target`"
        )
    levels: tuple[tuple[Level, Band], ...] = (("yellow", kpi.bands.yellow), ("red", kpi.bands.red))
    for level, band in levels:
        at = f"at `{path}.bands.{level}`"
        if (band.beyond_percent is None) == (band.value is None):
            raise ConfigError(f"where does {level} begin? Give one of `beyond_percent` and `value` - {at}")
        if band.beyond_percent and kpi.target == 0:
            raise ConfigError(f"{band.beyond_percent:g} % of a target of 0 are 0; give `value` instead - {at}")
        begins = kpi.begins(level)
        worst = most if kpi.direction == "lower_is_better" else least
        if not kpi.worse(worst, begins) or not least <= begins <= most:
            raise ConfigError(
                f"{level} would begin at {begins:g}, beyond which nothing lies: `{kpi.measures.stat}` {between} - {at}"
            )
    side = "over" if kpi.direction == "lower_is_better" else "under"
    yellow, red = kpi.begins("yellow"), kpi.begins("red")
    if kpi.worse(kpi.target, yellow):
        raise ConfigError(
            f"yellow begins at {yellow:g}, on the good side of the target {kpi.target:g}: {kpi.direction}, so it must "
            f"not be {'below' if side == 'over' else 'above'} it - at `{path}.bands.yellow`"
        )
    if not kpi.worse(red, yellow):
        raise ConfigError(
            f"red begins at {red:g} and yellow at {yellow:g}: {kpi.direction}, so red must lie {side} yellow"
            f" - at `{path}.bands.red`"
        )
