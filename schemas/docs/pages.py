"""Tables of topics, settings, signals and modes -> pages for people, in Markdown."""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import groupby
from math import isinf
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from schemas.actuate import Actuate
from schemas.config import Config, Maintenance, Service
from schemas.docs.docstrings import attributes, summary
from schemas.kpi_measures import FIGURES, Measured, unit
from schemas.kpi_sets import PRESETS, preset
from schemas.kpis import Kpi, KpiSet, Level
from schemas.matchers import LEAST, MOST, RANGE, Matcher
from schemas.metrics import GIVEN, METRICS
from schemas.own import OwnSignal
from schemas.policy import Policy, Rules
from schemas.signals import BY_NAME, CATALOGUE, OF_ALL, SEVERITY_OF, Side, Signal
from schemas.slos import Slo
from schemas.taxonomy import Mode, Taxonomy
from schemas.topics import TOPICS

_MADE: Final = "<!-- Made by `python -m schemas.docs` from schemas/; change it there. -->\n"

_LISTED: Final[dict[str, type]] = {"maintenance": Maintenance, "services": Service, "signals": OwnSignal}
"""Sections of which there are several."""

_SIZES: Final = {
    "events": "`topics.events_partitions`",
    "tallies": "`topics.tallies_partitions`",
    "one": "1",
    "first": "1",
}
_BAD: Final = {"up": "more", "down": "less", "both": "either way", "none": "-"}
READS: Final = {
    "mode": "the primary mode of taxonomy.md in which an exchange failed; nothing of one that did not",
    "failed": "whether a failure mode of taxonomy.md matches that counts as failure",
    "missing_fields": "whether `missing_fields` names any",
    "prohibited": "whether `prohibited` names any",
    "tool_error": "whether any of `tools` is not `ok` or has an `error`; not observed without tools",
    "tool_calls": "how many `tools` there are",
    "tool_path": "names of `tools`, in order; the first eight, and 128 characters",
    "served_differs": "whether `model_served` is another than `model_requested`; not observed unless both are named",
    "guardrail_fired": "whether any of `guardrails` is `fired`; not observed without guardrails",
}
"""Signals whose field is derived; streams/measure/derive.py does it."""
_TIERS: Final = {"T0": "telemetry", "T1": "content or schema", "T2": "an evaluator", "T3": "people, or the business"}


def topics() -> str:
    """Write docs/topics.md."""
    rows = [
        (
            f"`{topic.name}`", topic.key, topic.value, _SIZES[topic.partitions],
            "the latest of each key" if topic.retention_s is None else f"{topic.retention_s // 86_400} days",
            topic.writer, topic.reader, "; ".join(f"`{key}={value}`" for key, value in topic.config().items()),
        )
        for topic in TOPICS
    ]  # fmt: skip
    return _page(
        "Topics",
        "Barograph creates those that are missing, before anything else, and never changes one that exists. "
        "`topics.prefix` stands before every name. `barograph topics` shows which the broker has; "
        "`barograph topics --create` creates them. asyncapi.yaml says what each message looks like.",
        _table(("topic", "key", "value", "partitions", "kept", "written by", "read by", "settings"), rows),
        "Who may write where is an access rule of the broker's; `barograph topics --acls` prints all that are needed. "
        "Nobody but Barograph writes to `barograph.*`; who may write to `ai.control` may declare releases and take "
        "incidents.",
    )


def config() -> str:
    """Write docs/config.md."""
    parts = []
    for field in msgspec.structs.fields(Config):
        kind = _LISTED.get(field.name, type(field.default))
        parts += _section(f"{field.name}[]" if field.name in _LISTED else field.name, kind)
    return _page(
        "Settings",
        f"{summary(Config)} The file is YAML; schemas/config.json is its JSON Schema. `barograph check FILE` validates "
        "a file and says what it means in pages and seconds.",
        *parts,
    )


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
    return _page(
        "KPIs",
        "What the releases of a use case are held against: figures with targets and bands, one YAML file a use case; "
        "schemas/kpis.json is its JSON Schema. A file that is not right stops the start, with the path of what is "
        "wrong and the choices there are.",
        "A window counts against a KPI only if the value is surely beyond a band: the end of its interval that lies "
        "nearest to the target is what acts, so that few events raise nothing. So many windows in a row raise the "
        "band; it comes down one band at a time, after windows in a row that are well. A window with too few events "
        "is no data, which is never green, raises nothing and clears nothing "
        "([decision 60](decisions/0060-bands-act-on-the-bound.md)).",
        *_section("", KpiSet),
        "## Figures\n\nWhat `stat` can be, and what it needs. `share` of a category needs `names` as well; "
        "`concentration` needs `by`. By slice are known `share`, `share_above`, `quantile`, `mean` and `sum` per "
        "thousand requests, of the signals that are sliced (signals.md), and `throughput`.\n\n"
        + _table(("stat", "what it is", "needs", "unit", "lies"), figures),
        "## Presets\n\nOne for each type of deployment, in `schemas/presets/`, ready to copy. Their targets are a "
        "beginning, not a recommendation: put in yours.",
        *(f"### {name}\n\n" + _preset(preset(name)) for name in PRESETS),
    )


def policy() -> str:
    """Write docs/policy.md."""
    return _page(
        "Policy",
        "What the KPIs of a service (kpis.md) mean for its releases, in each phase: one YAML file for a service, or "
        "for several; schemas/policy.json is its JSON Schema. A file that is not right stops the start, with the path "
        "of what is wrong and the choices there are. A service that no policy names, and a phase that it does not say, "
        "are decided by the set of KPIs alone: red of a primary KPI, or of the kill switch, fails a release.",
        "## Verdicts\n\nschemas/verdicts.json is what a verdict looks like. The first line that holds decides, before "
        "promotion and after it ([decision 61](decisions/0061-what-is-known-to-be-bad-fails.md)).\n\n"
        + _table(
            ("verdict", "if"),
            [
                ("`no_data`", "there are fewer exchanges of the release than `min_events`"),
                ("`fail`", "a KPI is red that blocks or rolls back"),
                ("`no_data`", "a KPI of `must_have` has no data; or half of all KPIs, by weight; or nothing is known"),
                ("`marginal`", "another KPI is red, or any is yellow"),
                ("`pass`", "nothing of this holds"),
            ],
        )
        + "\n\nA KPI that is held by slice is as bad as its worst slice, and has data if one of them has. The score, "
        "in percent, is the green part of the weight of all KPIs that have data; nothing is decided by it.",
        _section("", Policy)[0],
        "`offline`, `canary` and `live` have the same settings.",
        *_section("live", Rules),
    )


def actuate() -> str:
    """Write docs/actuate.md."""
    return _page(
        "The actuator's settings",
        "What `barograph actuate` may roll back, and how: one YAML file, deploy/actuate.yaml is an example; "
        "schemas/actuate.json is its JSON Schema. A file that is not right stops the start, with the path of what is "
        "wrong and the choices there are. `barograph actuate FILE --check` validates a file, and says what each of "
        "its targets runs now.",
        *_section("", Actuate),
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
        _table(("KPI", "layer", "rank", "measures", "window", "target", "yellow", "red", "promised", "owner"), rows)
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


def metrics() -> str:
    """Write docs/metrics.md."""
    rows = [
        (
            f"`{one.name}`", one.kind,
            "; ".join(f"`{label}`: {values}" for label, values in one.labels.items()) or "-", one.words, one.action,
        )
        for one in METRICS
    ]  # fmt: skip
    return _page(
        "Metrics",
        "What a worker says of itself at `/metrics`, in Prometheus' format. Counters count what this process did since "
        "it started; after a restart or a rebalance a little is read again, and counted here again: the tallies are "
        "what is exact. Alert rules for these stand in deploy/alerts.yaml, what to do in operations.md, and a "
        "dashboard of all of them in deploy/dashboard.json.",
        _table(("metric", "type", "labels", "what it is", "what to do"), rows),
        "## Of the process\n\n" + _table(("metric", "what it is good for"), [(f"`{a}`", b) for a, b in GIVEN.items()]),
    )


def _section(title: str, kind: type) -> list[str]:
    """Describe a section's settings, and then the sections within it."""
    info, meanings, rows, within = inspect.type_info(kind), attributes(kind), [], []
    assert isinstance(info, inspect.StructType)
    for one in info.fields:
        name = one.encode_name
        if (maybe := _maybe(one.type)) is not None:
            within += _section(f"{title}.{name}".lstrip("."), maybe)
            rows.append((f"`{name}`", "-", "a section, or none", meanings[name]))
        elif isinstance(one.type, inspect.StructType):
            within += _section(f"{title}.{name}".lstrip("."), one.type.cls)
            rows.append((f"`{name}`", "(required)" if one.required else "-", "a section", meanings[name]))
        elif isinstance(one.type, inspect.Metadata | inspect.VarTupleType) and (listed := _listed(one.type)):
            if listed is not Mode:  # taxonomy.md tells of these
                within += _section(f"{title}.{name}[]".lstrip("."), listed)
            default = "(required)" if one.required else "shipped" if one.default else "-"
            rows.append((f"`{name}`", default, "a list", meanings[name]))
        else:
            rows.append((f"`{name}`", _default(one), _allowed(one.type), meanings[name]))
    table = _table(("setting", "default", "allowed", "meaning"), rows)
    return [f"## {title or 'The file'}\n\n{summary(kind)}\n\n{table}", *within]


def _maybe(kind: inspect.Type) -> type | None:
    """Name the struct of a section that may be left out whole; None if it is no such section."""
    some = kind.types if isinstance(kind, inspect.UnionType) else ()
    return next((one.cls for one in some if isinstance(one, inspect.StructType)), None)


def _listed(kind: inspect.Type) -> type | None:
    """Name the struct that a setting is a list of; None if it is none."""
    inner = kind.type if isinstance(kind, inspect.Metadata) else kind
    item = inner.item_type if isinstance(inner, inspect.VarTupleType) else None
    return item.cls if isinstance(item, inspect.StructType) else None


def signals() -> str:
    """Write docs/signals.md."""
    return _page(
        "Signals",
        "What is watched of every service. A move the bad way is as grave as its consequence: sev-1 and sev-2 page, "
        "sev-3 is a ticket. A move the other way, or of a signal without a bad way, is told as well (sev-4), and that "
        "a signal is no longer observed is a ticket. Those that are sliced are watched in each slice as well, the "
        "others of the whole service.",
        "A rate is yes, no or not observed. A number is counted in logarithmic bins, eight to an octave. A category is "
        "counted by name. Calibration is counted in bands of stated confidence, five percent wide, each wrong or "
        "right; it is held against what was stated, up to `watch.calibration_points`, from the first baseline on. What "
        "is off even in that baseline is a ticket, once: after `watch.rebase_after_s`, or a `rebaseline`, only getting "
        "worse is news.",
        *(f"## {side.capitalize()}\n\n" + _catalogue(side) for side in get_args(Side)),
        "## The service as a whole\n\nWhether anything comes at all, and how much. A control fact may have traffic "
        "learned anew (`rebaseline`, signal `traffic`).\n\n" + _of_all(),
        "## Your own\n\nAttributes that your services send, and the word of each evaluator, are declared in the config "
        "(`signals`, config.md) and then are counted and watched like these.",
    )


def _catalogue(side: Side) -> str:
    rows = [
        (
            f"`{one.name}`", one.words, one.kind, _reads(one), _BAD[one.bad],
            f"{one.consequence} ({SEVERITY_OF[one.consequence]})" if one.bad != "none" else "-",
            "yes" if one.sliced else "-", one.action,
        )
        for one in CATALOGUE
        if one.side == side
    ]  # fmt: skip
    return _table(("signal", "what it is", "kind", "reads", "bad", "consequence", "sliced", "look first at"), rows)


def _of_all() -> str:
    rows = [
        (
            f"`{one.name}`", one.decided, _BAD[one.bad], f"{one.consequence} ({SEVERITY_OF[one.consequence]})",
            f"a {one.told}", one.action,
        )
        for one in OF_ALL.values()
    ]  # fmt: skip
    return _table(("name", "decided by", "bad", "consequence", "makes", "look first at"), rows)


def _reads(signal: Signal) -> str:
    unit = f" ({signal.unit})" if signal.unit else ""
    match signal:
        case Signal(kind="calibration"):
            return "`confidence` and `correct` of outcomes"
        case Signal(source="outcome"):
            return f"`{signal.field}` of outcomes"
        case _:
            return READS.get(signal.field, f"`{signal.field}`") + unit


def taxonomy() -> str:
    """Write docs/taxonomy.md."""
    known = Taxonomy.load_default()
    categories = [(name, list(modes)) for name, modes in groupby(known.modes, key=_category)]
    return _page(
        "Failure modes",
        f"An exchange, or a later outcome, is in every mode that matches it: {len(known.modes) - 1} are shipped, in "
        f"{len(categories) - 1} categories, and one for failures that no rule knows. The primary mode is the gravest "
        "that counts as a failure; among equals, the first of this list. An exchange failed if it has one, whatever "
        "its status says: a passing status hides none.",
        "An outcome counts for the release that served. A mode that it names (`mode`) is one of its modes; a name that "
        "is none of these counts as `UNK.UNCLASSIFIED`, and is kept.",
        "## Modes\n\n*Seen by* is what a service's events must carry, one of these at least, for a mode to be seen at "
        "all. Where they carry none it is *not observable*, not zero. `tools.ok` is a field of a list's elements; "
        "`evals:correctness` an evaluator of which the name stands under that alias; `bounds.latency_ms` the field "
        "itself and its bound in the config's `services[].allows`; `outcome.correct` a field of outcomes.",
        *(f"### {name}\n\n" + _modes(known, modes) for name, modes in categories),
        "## Rules\n\nA rule holds if all that stands in its line holds; a mode matches if one of its rules does.",
        *(f"### {name}: rules\n\n" + "\n".join(map(_mode, modes)) for name, modes in categories),
        "## Matchers\n\nA rule is data: a path, and what is asked of what stands there. Paths are those of an exchange "
        "(`status`, `retrieval.n`, `attributes.NAME` of your own), or of an outcome (`outcome.correct`).\n\n"
        + "\n".join(f"- `{name}`: {meaning}" for name, meaning in attributes(Matcher).items()),
        "## Evaluators and guardrails\n\nAn evaluator that gives a label is taken at that. Else its score is read, "
        "which must lie in 0..1: what should be there is missed below 0.5, what should not be is found from 0.5 on. "
        "Scores on another scale need a label. A guardrail that fired and stopped the answer (`status` is `filtered`, "
        "or `refused` is true) did its job; where the answer went out all the same, its category says the mode.",
        "## Your own\n\n" + _OWN_MODES + "\n\n```yaml\n" + _EXAMPLE + "```",
        "## Aliases\n\nOther people's words. Of a name only the last dotted part counts, without case, punctuation and "
        "a trailing Error or Exception, so other spellings are names as well. Of one field a word means one thing."
        "\n\n" + _table(("alias", "names"), [(f"`{alias}`", ", ".join(names)) for alias, names in known.names.items()]),
    )


_OWN_MODES: Final = (
    "A config adds modes whose ids begin with `X.`, gives modes other severities, and adds words to aliases, its own "
    "or those that are shipped. Each rule must win an example of its mode: one that can never win, an example "
    "that a shipped rule takes, an unknown field or mode stops the start, with the path of what is wrong."
)
_EXAMPLE: Final = files("schemas.docs").joinpath("own_modes.yaml").read_text("utf-8")


def _category(mode: Mode) -> str:
    return mode.id.partition(".")[0]


def _modes(known: Taxonomy, modes: Iterable[Mode]) -> str:
    rows = [
        (
            f"`{mode.id}`", mode.words, mode.severity, mode.counts, _TIERS[mode.tier],
            ", ".join(f"`{path}`" for path in known.evidence[mode.id]) or f"not observable: {mode.reason}",
            ", ".join(mode.maps) or "-",
        )
        for mode in modes
    ]  # fmt: skip
    return _table(("mode", "what it is", "severity", "counts as", "evidence", "seen by", "elsewhere"), rows)


def _mode(mode: Mode) -> str:
    last = " (only where no other failure matches)" if mode.last_resort else ""
    rules = [" and ".join(_asks(*asked) for asked in rule.items()) for rule in mode.rules]
    return "\n".join([f"- `{mode.id}`: {mode.words}{last}", *(f"  - {rule}" for rule in rules)])


def _asks(field: str, matcher: Matcher) -> str:
    """Say a matcher in words."""
    match matcher:
        case Matcher(any=dict() as asked):
            many = f"at least {matcher.times} elements" if matcher.times else "an element"
            return f"`{field}` has {many} of which " + " and ".join(_asks(*one) for one in asked.items())
        case Matcher(repeats=int() as times):
            return f"`{field}` calls one tool with the same arguments at least {times} times"
        case Matcher(over_budget=True) | Matcher(under_budget=True):
            side = "more" if matcher.over_budget else "less"
            return f"`{field}` is {side} than `bounds.{(MOST | LEAST)[field]}`"
        case Matcher(not_allowed=True):
            return f"`{field}` calls one that is not in `bounds.tools`"
        case Matcher(unsafe=tuple() as kinds):
            return f"`{field}` is {_or(kinds)}"
        case Matcher(one_of=tuple() as values):
            return f"`{field}` is {' or '.join(_word(value) for value in values)}"
        case Matcher(absent=bool() as absent):
            return f"`{field}` is {'absent' if absent else 'there'}"
        case _:
            return f"`{field}` " + _of_value(matcher)


def _of_value(matcher: Matcher) -> str:
    match matcher:
        case Matcher(alias=str() | tuple()):
            return f"is a name for {_or(matcher.one_of_aliases)}"
        case Matcher(not_alias=tuple() as aliases):
            return f"is no name for {_or(aliases)}"
        case Matcher(regex=str() as pattern):
            return f"has `{pattern}` in it"
        case Matcher(at_least_field=str() as other):
            return f"is at least `{other}`"
        case Matcher(other_language_than=str() as other):
            return f"is another language than `{other}`"
        case Matcher(unless_at_least=float() as least):
            return f"is absent or below {least:g}"
        case _:
            ends = [(end, getattr(matcher, end)) for end in RANGE]
            return "is " + " and ".join(
                f"{end.replace('_', ' ')} {value:g}" for end, value in ends if value is not None
            )


def _or(words: Iterable[str]) -> str:
    return " or ".join(f"`{word}`" for word in words)


def _word(value: Any) -> str:
    return "absent" if value is None else f"`{msgspec.json.encode(value).decode().strip(chr(34))}`"


def _default(field: inspect.Field) -> str:
    if field.required:
        return "(required)"
    return (
        "-" if field.default in (None, "") or field.default_factory is not msgspec.NODEFAULT else _word(field.default)
    )


def _allowed(kind: inspect.Type) -> str:
    """Say in words what a setting can be."""
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return str((extra or {}).get("description") or _allowed(inner))
        case inspect.UnionType(types=types):
            return " or ".join(_allowed(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.BoolType():
            return "`true`, `false`"
        case inspect.DictType(key_type=key, value_type=value):
            return f"{_allowed(key)} -> {_allowed(value)}"
        case inspect.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in values)
        case inspect.VarTupleType(item_type=inner, min_length=least, max_length=most):
            named = "names of signals" if inner == inspect.StrType() else "names"
            each = named if isinstance(inner, inspect.StrType) else _allowed(inner)
            return f"{_bounds('', least, most)} of {each}".strip() if least or most else f"any of {each}"
        case inspect.IntType() | inspect.FloatType():
            noun = "whole number" if isinstance(kind, inspect.IntType) else "number"
            return _bounds(noun, kind.ge, kind.le, kind.gt) + (f", below {kind.lt:g}" if kind.lt is not None else "")
        case _:
            return "text"


def _bounds(noun: str, least: float | None, most: float | None, above: float | None = None) -> str:
    said = [f"above {above:g}"] if above is not None else []
    said += [f"at least {least:,}"] if least is not None and most is None else []
    said += [f"at most {most:,}"] if most is not None and least is None else []
    said += [f"{least:,} to {most:,}"] if most is not None and least is not None else []
    return ", ".join([noun, *said]) if noun else ", ".join(said)


def _page(title: str, *parts: str) -> str:
    return f"{_MADE}\n# {title}\n\n" + "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
