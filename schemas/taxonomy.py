"""The ways to fail, as rules over an exchange's fields -> a checked taxonomy."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from schemas.events import Exchange, Response
from schemas.incidents import Severity
from schemas.matchers import Aliases, Matcher, Question, check, plain, question
from schemas.strict import ConfigError, read

Counts = Literal["failure", "degradation"]
Words = Annotated[str, Meta(min_length=1)]
Example = dict[str, Any]


class _Part(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Examples(_Part, frozen=True):
    """Exchanges, by their telling fields, that a mode takes, and others that it leaves alone."""

    takes: tuple[Example, ...] = ()
    leaves: tuple[Example, ...] = ()


class Mode(_Part, frozen=True):
    """One way to fail.

    Attributes
    ----------
    id : str
        Family and name; never given to another mode.
    words : str
        What is said of it.
    severity : "sev-1" to "sev-4"
        By what it does to the user.
    tier : "T0" to "T3"
        The evidence it needs: telemetry, content or schema, an evaluator, feedback of people or of the business.
    counts : "failure" or "degradation"
        Whether an exchange in this mode did not do its job, or did it badly.
    observable, reason : bool, str
        False, with the reason, where nothing in the events can show it yet: then it is "not observable", not zero.
    last_resort : bool
        Given only where no other mode that counts as a failure matches.
    rules : field -> matcher
        All fields of a rule must hold, one rule is enough. The first field that a rule needs is what every exchange is
        screened by, so it should be the rarest.
    maps : what it is called elsewhere
    """

    id: Annotated[str, Meta(pattern=r"^[A-Z]{1,3}\.[A-Z][A-Z_]*$")]
    words: Words
    severity: Severity
    tier: Literal["T0", "T1", "T2", "T3"]
    counts: Counts
    maps: tuple[str, ...] = ()
    observable: bool = True
    reason: str = ""
    last_resort: bool = False
    rules: tuple[dict[str, Matcher], ...] = ()
    examples: Examples = Examples()


class _File(_Part, frozen=True):
    aliases: dict[str, tuple[Words, ...]] = {}
    modes: tuple[Mode, ...] = ()


class Rule(NamedTuple):
    """One of the rules of a mode, the `nth` of them from 0."""

    mode: Mode
    nth: int
    holds: Question


@dataclass(frozen=True)
class Taxonomy:
    """Modes that were checked: every rule wins somewhere, and every example says so.

    Attributes
    ----------
    modes : in the order of the file
    rules : all of them, the gravest mode's first, then in the order of the file
    aliases : alias -> vendors' names as `plain` reads them
    names : alias -> vendors' names as they are written
    """

    modes: tuple[Mode, ...]
    aliases: Aliases
    names: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]

    @staticmethod
    @cache
    def load_default() -> "Taxonomy":
        """Read the taxonomy that is shipped."""
        return load(files("schemas").joinpath("taxonomy.yaml").read_text("utf-8"))

    def matching(self, exchange: Exchange | Response) -> tuple[Rule, ...]:
        """Find every rule that holds, the primary mode's first."""
        held = tuple(rule for rule in self.rules if rule.holds(exchange))
        if any(rule.mode.counts == "failure" and not rule.mode.last_resort for rule in held):
            return tuple(rule for rule in held if not rule.mode.last_resort)
        return held

    def severity_of(self, mode: str) -> Severity:
        """Look up how grave a mode is.

        Raises
        ------
        KeyError
            If there is no such mode.

        Examples
        --------
        >>> Taxonomy.load_default().severity_of("AVL.QUOTA")
        'sev-2'
        """
        for known in self.modes:
            if known.id == mode:
                return known.severity
        raise KeyError(mode)

    def fields(self) -> frozenset[str]:
        """Name every field of an exchange that a rule looks at.

        Examples
        --------
        >>> sorted(load("modes: []").fields())
        []
        """
        asked = [(field, matcher) for mode in self.modes for rule in mode.rules for field, matcher in rule.items()]
        others = (other for _, matcher in asked for other in (matcher.at_least_field, matcher.other_language_than))
        return frozenset(field for field, _ in asked) | frozenset(filter(None, others))

    def fingerprint(self) -> str:
        """Sum up all that decides which mode an exchange gets: equal exactly where every exchange is judged alike."""
        decides = (
            {alias: sorted(words) for alias, words in self.aliases.items()},
            [(mode.id, mode.severity, mode.counts, mode.last_resort, mode.rules) for mode in self.modes],
        )
        return sha256(msgspec.json.encode(decides, order="deterministic")).hexdigest()[:16]


def load(text: str) -> Taxonomy:
    """Read and check a taxonomy.

    Reachability is shown, not argued: each rule must be the one that wins an example of its mode. A rule that others
    shadow has no such example, whatever its author writes.

    Parameters
    ----------
    text : YAML, as in ``taxonomy.yaml``

    Raises
    ------
    ConfigError
        With the path of what is wrong and the choices there are.
    """
    file = read(text, _File)
    aliases = _aliases(file)
    seen: set[str] = set()
    for i, mode in enumerate(file.modes):
        if mode.id in seen:
            raise ConfigError(f"`{mode.id}` is there twice - at `modes[{i}].id`")
        seen.add(mode.id)
        _check_mode(mode, aliases, f"modes[{i}]")
    if len(last := [mode.id for mode in file.modes if mode.last_resort]) > 1:
        raise ConfigError(f"only one mode can be the last resort, not {' and '.join(last)} - at `modes`")
    ranked = sorted(file.modes, key=lambda mode: mode.severity)  # stable, and "sev-1" sorts first
    rules = tuple(
        Rule(mode, i, _all([question(field, matcher, aliases) for field, matcher in fields.items()]))
        for mode in ranked
        for i, fields in enumerate(mode.rules)
    )
    taxonomy = Taxonomy(file.modes, aliases, file.aliases, rules)
    for i, mode in enumerate(file.modes):
        _check_examples(taxonomy, mode, f"modes[{i}]")
    return taxonomy


def _all(asked: list[Question]) -> Question:
    return asked[0] if len(asked) == 1 else lambda exchange: all(holds(exchange) for holds in asked)


def _aliases(file: _File) -> dict[str, frozenset[str]]:
    owner: dict[str, str] = {}
    for alias, names in file.aliases.items():
        for i, name in enumerate(names):
            if plain(name) in owner:
                raise ConfigError(f"`{name}` already stands under `{owner[plain(name)]}` - at `aliases.{alias}[{i}]`")
            owner[plain(name)] = alias
    return {alias: frozenset(map(plain, names)) for alias, names in file.aliases.items()}


def _check_mode(mode: Mode, aliases: Aliases, path: str) -> None:
    if mode.observable == bool(mode.reason):
        raise ConfigError(f"`{mode.id}`: a reason is given exactly where a mode is not observable - at `{path}.reason`")
    for name, there in (("rules", mode.rules), ("takes", mode.examples.takes), ("leaves", mode.examples.leaves)):
        if mode.observable != bool(there):
            said = "needs at least one" if mode.observable else "is not observable and has none"
            raise ConfigError(f"`{mode.id}` {said} - at `{path}.{name if name == 'rules' else f'examples.{name}'}`")
    for i, fields in enumerate(mode.rules):
        for field, matcher in fields.items():
            check(field, matcher, aliases, f"{path}.rules[{i}].{field}")
        if not any(matcher.needs_presence for matcher in fields.values()):
            raise ConfigError(f"`{mode.id}`: a rule must need at least one field to be sent - at `{path}.rules[{i}]`")


def _check_examples(taxonomy: Taxonomy, mode: Mode, path: str) -> None:
    """Ask every example; find every rule of the mode that wins none."""
    won: set[int] = set()
    for i, fields in enumerate(mode.examples.takes):
        at = f"{path}.examples.takes[{i}]"
        held = taxonomy.matching(exchange := example(fields, at))
        if not any(rule.holds(exchange) for rule in taxonomy.rules if rule.mode is mode):
            raise ConfigError(f"no rule of `{mode.id}` takes its example {fields} - at `{at}`")
        if held[0].mode is not mode:
            raise ConfigError(f"`{held[0].mode.id}` takes this example of `{mode.id}`: {fields} - at `{at}`")
        won.add(held[0].nth)
    for i, fields in enumerate(mode.examples.leaves):
        at = f"{path}.examples.leaves[{i}]"
        if any(rule.mode is mode for rule in taxonomy.matching(example(fields, at))):
            raise ConfigError(f"`{mode.id}` takes what it should leave: {fields} - at `{at}`")
    if missing := sorted(set(range(len(mode.rules))) - won):
        raise ConfigError(
            f"no example of `{mode.id}` is won by this rule: add one, or drop the rule if an earlier or graver one "
            f"shadows it - at `{path}.rules[{missing[0]}]`"
        )


def example(fields: Example, path: str = "example") -> Exchange:
    """Make an exchange of the few fields that an example names.

    Raises
    ------
    ConfigError
        If a field is unknown, or holds what it cannot.
    """
    if unknown := sorted(set(fields) - set(Exchange.__struct_fields__)):
        raise ConfigError(f"no field `{unknown[0]}` - at `{path}`; fields: {', '.join(Exchange.__struct_fields__)}")
    try:
        return msgspec.convert({"service": "s", "release": "r", "at": 0, "id": "1"} | fields, Exchange)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{wrong} - in `{path}`") from None
