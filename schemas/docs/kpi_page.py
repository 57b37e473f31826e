"""Figures and presets of KPIs -> docs/kpis.md."""

from math import isinf

from schemas.docs.markdown import page, table
from schemas.docs.settings import section
from schemas.kpi_measures import FIGURES, Measured, unit
from schemas.kpi_sets import PRESETS, preset
from schemas.kpis import Kpi, KpiSet, Level
from schemas.signals import BY_NAME
from schemas.slos import Slo


def kpis() -> str:
    """Write docs/kpis.md."""
    figures = [
        (
            f"`{stat}`", figure.words, ", ".join(f"`{name}`" for name in figure.takes) or "-",
            "the signal's" if figure.unit is None else figure.unit,
            f"at least {figure.least:g}" if isinf(figure.most) else f"{figure.least:g} to {figure.most:g}",
        )
        for stat, figure in FIGURES.items()
    ]  # fmt: skip
    return page(
        "KPIs",
        "What the releases of a use case are held against: figures with targets and bands, one YAML file a use case; "
        "schemas/kpis.json is its JSON Schema. A file that is not right stops the start, with the path of what is "
        "wrong and the choices there are.",
        "A window counts against a KPI only if the value is surely beyond a band: the end of its interval that lies "
        "nearest to the target is what acts, so that few events raise nothing. So many windows in a row raise the "
        "band; it comes down one band at a time, after windows in a row that are well. A window with too few events "
        "is no data, which is never green, raises nothing and clears nothing "
        "([decision 60](decisions/0060-bands-act-on-the-bound.md)).",
        *section("", KpiSet),
        "## Figures\n\nWhat `stat` can be, and what it needs. `share` of a category needs `names` as well; "
        "`concentration` needs `by`. By slice are known `share`, `share_above`, `quantile`, `mean` and `sum` per "
        "thousand requests, of the signals that are sliced (signals.md), and `throughput`.\n\n"
        + table(("stat", "what it is", "needs", "unit", "lies"), figures),
        "## Presets\n\nOne for each type of deployment, in `schemas/presets/`, ready to copy. Their targets are a "
        "beginning, not a recommendation: put in yours.",
        *(f"### {name}\n\n" + _preset(preset(name)) for name in PRESETS),
    )


def _preset(found: KpiSet) -> str:
    rows = [
        (
            f"`{one.name}`", one.layer, one.rank, _measured(one.measures) + (f", by `{one.by}`" if one.by else ""),
            one.window + (f", every {one.every}" if one.every else ""), _with_unit(one, one.target),
            _begins(one, "yellow"), _begins(one, "red"), _promise(one.slo), one.owner or found.owners.accountable,
        )
        for one in found.kpis
    ]  # fmt: skip
    stop = found.kill_switch
    return (
        table(("KPI", "layer", "rank", "measures", "window", "target", "yellow", "red", "promised", "owner"), rows)
        + f"\n\nKill switch: red of `{stop.kpi}` means `{stop.action}`, `{stop.mode}`."
    )


def _measured(measured: Measured) -> str:
    said = {name: value for name in Measured.__struct_fields__ if (value := getattr(measured, name)) is not None}
    stat = said.pop("stat")
    return " ".join([f"`{stat}`", *(f"`{_said(value)}`" for value in said.values())])


def _said(value: tuple[str, ...] | float | str) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return value if isinstance(value, str) else f"{value:g}"


def _begins(kpi: Kpi, level: Level) -> str:
    band = kpi.bands.yellow if level == "yellow" else kpi.bands.red
    side = "over" if kpi.direction == "lower_is_better" else "under"
    windows = f", {band.for_windows} windows" if band.for_windows > 1 else ""
    return f"{side} {_with_unit(kpi, kpi.begins(level))}{windows}: `{band.action}`"


def _promise(slo: Slo | None) -> str:
    if slo is None:
        return "-"
    good = f" up to {slo.good_up_to:g}" if slo.good_up_to is not None else ""
    return f"{slo.target_percent:g} % good{good}, over {slo.period}"


def _with_unit(kpi: Kpi, value: float) -> str:
    return f"{value:g} {unit(kpi.measures, BY_NAME)}".strip()
