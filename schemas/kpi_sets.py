"""A YAML file of one use case -> its KPIs with their targets and bands, or the one sentence that says what is wrong."""

from importlib.resources import files
from math import isinf
from pathlib import Path
from typing import Final

from schemas.config import Config, Dimension
from schemas.kpi_measures import FIGURES, check
from schemas.kpis import Band, Kpi, KpiSet, Level
from schemas.signals import CATALOGUE, Signal
from schemas.strict import ConfigError, nearest, read, text_of
from schemas.taxonomy import Taxonomy

PRESETS: Final = ("knowledge-assistant", "workflow-agent", "compliance-copilot", "developer-copilot", "support-bot")
"""Deployment types for which a set is shipped, ready to copy."""


def preset(name: str) -> KpiSet:
    """Read one of `PRESETS`."""
    return parse(files("schemas").joinpath(f"presets/{name}.yaml").read_text("utf-8"))


def load(path: Path, config: Config = Config()) -> KpiSet:  # noqa: B008 - it is frozen
    """Read a file of KPIs; see `parse`.

    Raises
    ------
    ConfigError
        If the file cannot be read, or as `parse` does.
    """
    return parse(text_of(path, "KPIs"), config)


def parse(text: str, config: Config = Config()) -> KpiSet:  # noqa: B008 - it is frozen
    r"""Read a set of KPIs.

    Parameters
    ----------
    text : YAML
    config : which signals and slices are counted, and which failure modes there are

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
    found = read(text, KpiSet)
    signals = {signal.name: signal for signal in (*CATALOGUE, *config.own_signals())}
    modes = [mode.id for mode in Taxonomy.of_config(config).modes]
    names = [kpi.name for kpi in found.kpis]
    for i, kpi in enumerate(found.kpis):
        if kpi.name in names[:i]:
            raise ConfigError(f"`{kpi.name}` is there twice - at `kpis[{i}].name`")
        check(kpi.measures, signals, modes, f"kpis[{i}].measures")
        _sliced(kpi, signals, config.measure.slices, f"kpis[{i}]")
        _reachable(kpi, f"kpis[{i}]")
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
