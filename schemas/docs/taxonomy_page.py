"""The shipped taxonomy -> docs/taxonomy.md."""

from collections.abc import Iterable
from importlib.resources import files
from itertools import groupby
from typing import Final

from schemas.docs.docstrings import attributes
from schemas.docs.markdown import page, table, word
from schemas.matchers import LEAST, MOST, RANGE, Matcher
from schemas.taxonomy import Mode, Taxonomy

_TIERS: Final = {"T0": "telemetry", "T1": "content or schema", "T2": "an evaluator", "T3": "people, or the business"}
_OWN_MODES: Final = (
    "A config adds modes whose ids begin with `X.`, gives modes other severities, and adds words to aliases, its own "
    "or those that are shipped. Each rule must win an example of its mode: one that can never win, an example "
    "that a shipped rule takes, an unknown field or mode stops the start, with the path of what is wrong."
)
_EXAMPLE: Final = files("schemas.docs").joinpath("own_modes.yaml").read_text("utf-8")


def taxonomy() -> str:
    """Write docs/taxonomy.md."""
    known = Taxonomy.load_default()
    categories = [(name, list(modes)) for name, modes in groupby(known.modes, key=_category)]
    return page(
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
        "\n\n" + table(("alias", "names"), [(f"`{alias}`", ", ".join(names)) for alias, names in known.names.items()]),
    )


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
    return table(("mode", "what it is", "severity", "counts as", "evidence", "seen by", "elsewhere"), rows)


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
            return f"`{field}` is {' or '.join(word(value) for value in values)}"
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
