"""The ways to fail, as rules over an event's fields -> a checked taxonomy."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from importlib.resources import files
from itertools import chain
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct

from schemas import evidence
from schemas.bounds import Bounded, Bounds
from schemas.events import Exchange, Outcome, Response
from schemas.incidents import Severity
from schemas.matchers import Aliases, Matcher, check, plain, screened
from schemas.paths import OUTCOME, root
from schemas.questions import NO_TERMS, Question, Terms, all_of
from schemas.strict import ConfigError, nearest, read

Counts = Literal["failure", "degradation"]
Words = Annotated[str, Meta(min_length=1)]
Example = dict[str, Any]
T = TypeVar("T")
Judgeable = Exchange | Response | Outcome

OWN = "X."
"""What the ids of a user's own modes begin with; none that is shipped does."""


UNCLASSIFIED: Final = "UNK.UNCLASSIFIED"
"""The mode of failures that no rule knows."""


class _Part(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Examples(_Part, frozen=True):
    """Events, by their telling fields, that a mode takes, and others that it leaves alone.

    One with `outcome` is an outcome, any other an exchange; `bounds` are those of its service, as in a config's
    `services[].allows`.
    """

    takes: tuple[Example, ...] = ()
    leaves: tuple[Example, ...] = ()


class Mode(_Part, frozen=True):
    """One way to fail.

    Attributes
    ----------
    id : str
        Category and name; never given to another mode.
    words : str
        What is said of it.
    severity : "sev-1" to "sev-4"
        By what it does to the user.
    tier : "T0" to "T3"
        The evidence it needs: telemetry, content or schema, an evaluator, feedback of people or of the business.
    counts : "failure" or "degradation"
        Whether an exchange in this mode did not do its job, or did it badly.
    observable, reason : bool, str
        False, with the reason, where nothing in the events can show it: then it is "not observable", not zero.
    evidence : what events must carry, one of these at least, for the mode to be seen; see `schemas.evidence`. That of
        its rules, if nothing is named
    last_resort : bool
        Given only where no other mode that counts as a failure matches.
    rules : field -> matcher
        All fields of a rule must hold, one rule is enough. The first field that a rule needs is what every event is
        screened by, so it should be the rarest. A rule is over an exchange, or over an outcome.
    maps : what it is called elsewhere
    """

    id: Annotated[str, Meta(pattern=r"^[A-Z]{1,3}\.[A-Z][A-Z0-9_]*$", description="like X.LOW_BASKET")]
    words: Words
    severity: Severity
    tier: Literal["T0", "T1", "T2", "T3"]
    counts: Counts
    maps: tuple[str, ...] = ()
    observable: bool = True
    reason: str = ""
    evidence: tuple[str, ...] = ()
    last_resort: bool = False
    rules: tuple[dict[str, Matcher], ...] = ()
    examples: Examples = Examples()


class _File(_Part, frozen=True):
    aliases: dict[str, tuple[Words, ...]] = {}
    modes: tuple[Mode, ...] = ()


class Own(Protocol):
    """What a config adds to the taxonomy: its section `failures`."""

    def __hash__(self) -> int:
        """Hash what it says, so that a taxonomy is made of it once."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Modes of its own."""

    @property
    def severities(self) -> Mapping[str, Severity]:
        """Modes, with severities in place of theirs."""

    @property
    def aliases(self) -> Mapping[str, tuple[str, ...]]:
        """Words for aliases: of its own, or more for one that is shipped."""


class Configured(Protocol):
    """A config."""

    @property
    def failures(self) -> Own:
        """What it says of failures."""


class Rule(NamedTuple):
    """One of the rules of a mode, the `nth` of them from 0."""

    mode: Mode
    nth: int

    @property
    def asks(self) -> Mapping[str, Matcher]:
        """What must hold, field by field."""
        return self.mode.rules[self.nth]

    @property
    def screened(self) -> str:
        """The path that an event must carry for it to hold."""
        field = screened(self.asks)
        assert field, "a rule that was checked"
        return field

    @property
    def of_outcome(self) -> bool:
        """Whether it is over an outcome; else it is over an exchange."""
        return evidence.of_outcome(self.screened)


class Asked(NamedTuple):
    """A rule, with its question, and whether that is asked of outcomes."""

    rule: Rule
    of_outcome: bool
    holds: Question


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """Modes that were checked: every rule wins somewhere, and every example says so.

    Attributes
    ----------
    modes : in the order of the file, then a user's own
    rules : all of them, the gravest mode's first, then in the order of the modes
    aliases : alias -> its words as `plain` reads them
    names : alias -> its words as they are written
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

    @staticmethod
    def of_config(config: Configured) -> "Taxonomy":
        """Make the taxonomy that a config means: the shipped one, with what the config says of failures.

        Raises
        ------
        ConfigError
            As `extended` does.
        """
        return extended(Taxonomy.load_default(), config.failures)

    @cached_property
    def _by_id(self) -> Mapping[str, Mode]:
        return {mode.id: mode for mode in self.modes}

    @cached_property
    def _asked(self) -> tuple[Asked, ...]:
        return self.questions()

    @cached_property
    def evidence(self) -> Mapping[str, tuple[str, ...]]:
        """Mode -> paths of which events must carry one for it to be seen; empty where it cannot be."""
        return {mode.id: evidence.paths(mode.rules, mode.evidence) for mode in self.modes}

    def of(self, mode: str) -> Mode | None:
        """Find a mode by its id; None if there is none.

        Examples
        --------
        >>> Taxonomy.load_default().of("AVL.QUOTA").words, Taxonomy.load_default().of("AVL.NOTHING")
        ("the account's quota or budget is used up", None)
        """
        return self._by_id.get(mode)

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
        return self._by_id[mode].severity

    def questions(self, terms: Terms = NO_TERMS) -> tuple[Asked, ...]:
        """Make the question of each rule, in their order.

        Parameters
        ----------
        terms : what a config allows services, and how statements are read
        """
        return tuple(Asked(rule, rule.of_outcome, all_of(rule.asks, self.aliases, terms)) for rule in self.rules)

    def matching(self, event: Judgeable, terms: Terms | None = None) -> tuple[Rule, ...]:
        """Find every rule that holds, the primary mode's first. The slow way, which says what the fast one must."""
        asked = self._asked if terms is None else self.questions(terms)
        return _held(asked, event)

    def fields(self) -> frozenset[str]:
        """Name every field of an exchange that a rule looks at.

        Examples
        --------
        >>> sorted(load("modes: []").fields())
        []
        """
        asked = [(field, matcher) for rule in self.rules for field, matcher in rule.asks.items() if not rule.of_outcome]
        paths = [path for field, one in asked for path in (field, one.at_least_field, one.other_language_than) if path]
        bounded = any(one.over_budget or one.under_budget or one.not_allowed or one.unsafe for _, one in asked)
        return frozenset(map(root, paths)) | ({"workflow"} if bounded else frozenset())

    def fingerprint(self) -> str:
        """Sum up all that decides which mode an event gets: equal exactly where every event is judged alike."""
        decides = (
            {alias: sorted(words) for alias, words in self.aliases.items()},
            [(mode.id, mode.severity, mode.counts, mode.last_resort, mode.rules) for mode in self.modes],
        )
        return sha256(msgspec.json.encode(decides, order="deterministic")).hexdigest()[:16]


def _held(asked: Iterable[Asked], event: Judgeable) -> tuple[Rule, ...]:
    later = isinstance(event, Outcome)
    held = tuple(rule for rule, of_outcome, holds in asked if of_outcome is later and holds(event))
    if any(rule.mode.counts == "failure" and not rule.mode.last_resort for rule in held):
        return tuple(rule for rule in held if not rule.mode.last_resort)
    return held


def observable(taxonomy: Taxonomy, paths: Collection[str]) -> set[str]:
    """Name the modes that could be seen, were an event in one, where events carry these paths.

    Examples
    --------
    >>> sorted(mode for mode in observable(Taxonomy.load_default(), ["tools.ok"]))
    ['AGT.CASCADE', 'TOL.EXEC_ERROR']
    """
    carried = set(paths)
    return {mode for mode, needed in taxonomy.evidence.items() if not carried.isdisjoint(needed)}


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
    words = [
        (alias, word, f"aliases.{alias}[{i}]") for alias, names in file.aliases.items() for i, word in enumerate(names)
    ]
    return _checked(file.modes, file.aliases, words, {i: f"modes[{i}]" for i in range(len(file.modes))})


@lru_cache(16)  # MEASURE's plan and WATCH's ask for the same one
def extended(base: Taxonomy, own: Own) -> Taxonomy:
    """Add a user's own modes and words to a taxonomy, and put their severities in place of its own.

    Parameters
    ----------
    own : a config's `failures`

    Raises
    ------
    ConfigError
        If the two do not go together: an own mode whose id does not begin with ``X.`` or is there twice, one whose
        example a shipped rule takes or of which a rule can never win, a severity of a mode that is not there, a word
        that stands under another alias already.
    """
    if not (own.modes or own.severities or own.aliases):
        return base
    for i, mode in enumerate(own.modes):
        if not mode.id.startswith(OWN):
            raise ConfigError(
                f"the id of a mode of your own begins with `{OWN}`, not {mode.id!r} - at `failures.modes[{i}].id`"
            )
    modes = (*base.modes, *own.modes)
    known = [mode.id for mode in modes]
    for name in own.severities:
        if name not in known:
            hint = nearest(name, known, most=3)
            raise ConfigError(f"no mode `{name}` - at `failures.severities`; {hint}docs/taxonomy.md has them all")
    modes = tuple(msgspec.structs.replace(mode, severity=own.severities.get(mode.id, mode.severity)) for mode in modes)
    names = {alias: tuple(words) for alias, words in base.names.items()}
    for alias, more in own.aliases.items():
        names[alias] = (*names.get(alias, ()), *more)
    words = [(alias, word, f"the shipped `{alias}`") for alias, there in base.names.items() for word in there]
    for alias, more in own.aliases.items():
        words += [(alias, word, f"failures.aliases.{alias}[{i}]") for i, word in enumerate(more)]
    return _checked(modes, names, words, {len(base.modes) + i: f"failures.modes[{i}]" for i in range(len(own.modes))})


def _checked(
    modes: tuple[Mode, ...], names: Mapping[str, tuple[str, ...]], words: Iterable[tuple[str, str, str]],
    new: Mapping[int, str],
) -> Taxonomy:  # fmt: skip
    """Make a taxonomy, of which the `new` modes (their places, with their paths) are checked."""
    aliases = {alias: frozenset(map(plain, said)) for alias, said in names.items()}
    first = {mode.id: i for i, mode in reversed(list(enumerate(modes)))}
    for i, path in new.items():
        if first[modes[i].id] != i:
            raise ConfigError(f"`{modes[i].id}` is there twice - at `{path}.id`")
        _check_mode(modes[i], aliases, path)
    _check_words(words, modes)
    if len(last := [mode.id for mode in modes if mode.last_resort]) > 1:
        raise ConfigError(f"only one mode can be the last resort, not {' and '.join(last)} - at `modes`")
    ranked = sorted(modes, key=lambda mode: mode.severity)  # stable, and "sev-1" sorts first
    rules = tuple(Rule(mode, i) for mode in ranked for i in range(len(mode.rules)))
    taxonomy = Taxonomy(modes, aliases, names, rules)
    checked = [(modes[i], path) for i, path in new.items()]
    asked = taxonomy.questions(Terms(_bounds(checked)))
    for mode, path in checked:
        _check_examples(asked, mode, path)
    return taxonomy


def _check_words(words: Iterable[tuple[str, str, str]], modes: Sequence[Mode]) -> None:
    """Refuse a word that would mean two things where it stands."""
    asked: dict[str, set[str]] = {}
    for field, matcher in chain.from_iterable(rule.items() for mode in modes for rule in mode.rules):
        for path, one in [
            (field, matcher),
            *((f"{field}.{name}", inner) for name, inner in (matcher.any or {}).items()),
        ]:
            for alias in one.asked:
                asked.setdefault(alias, set()).add(path)
    owners: dict[str, list[str]] = {}
    for alias, word, path in words:
        for owner in owners.setdefault(plain(word), []):
            apart = alias in asked and owner in asked and asked[alias].isdisjoint(asked[owner])
            if owner == alias or not apart:
                raise ConfigError(f"`{word}` already stands under `{owner}` - at `{path}`")
        owners[plain(word)].append(alias)


def _check_mode(mode: Mode, aliases: Aliases, path: str) -> None:
    if mode.observable == bool(mode.reason):
        raise ConfigError(f"`{mode.id}`: a reason is given exactly where a mode is not observable - at `{path}.reason`")
    for name, there in (("rules", mode.rules), ("takes", mode.examples.takes), ("leaves", mode.examples.leaves)):
        if mode.observable != bool(there):
            said = "needs at least one" if mode.observable else "is not observable and has none"
            raise ConfigError(f"`{mode.id}` {said} - at `{path}.{name if name == 'rules' else f'examples.{name}'}`")
    for i, rule in enumerate(mode.rules):
        for field, matcher in rule.items():
            check(field, matcher, aliases, f"{path}.rules[{i}].{field}")
        if screened(rule) is None:
            raise ConfigError(f"`{mode.id}`: a rule must need at least one field to be sent - at `{path}.rules[{i}]`")
        if len({field.partition(".")[0] == OUTCOME for field in rule}) > 1:
            raise ConfigError(f"`{mode.id}`: a rule is over an exchange or over an outcome - at `{path}.rules[{i}]`")
    for i, said in enumerate(mode.evidence):
        evidence.check(said, aliases, f"{path}.evidence[{i}]")


def _bounds(modes: Iterable[tuple[Mode, str]]) -> Bounded:
    """Gather the bounds that examples carry; each is a service of its own, by its path."""
    found: dict[tuple[str, str | None], Bounds] = {}
    for mode, path in modes:
        for name in ("takes", "leaves"):
            for i, said in enumerate(getattr(mode.examples, name)):
                if "bounds" in said:
                    at = f"{path}.examples.{name}[{i}]"
                    found[at, None] = _converted(said["bounds"], Bounds, f"{at}.bounds")
    return Bounded(found)


def _check_examples(asked: Sequence[Asked], mode: Mode, path: str) -> None:
    """Ask every example; find every rule of the mode that wins none."""
    won: set[int] = set()
    for i, fields in enumerate(mode.examples.takes):
        at = f"{path}.examples.takes[{i}]"
        event = example(fields, at)
        held = _held(asked, event)
        if not any(rule.mode is mode for rule in held) and not any(
            rule.mode is mode and holds(event) for rule, of_outcome, holds in asked if of_outcome is _later(event)
        ):
            raise ConfigError(f"no rule of `{mode.id}` takes its example {fields} - at `{at}`")
        if held[0].mode is not mode:
            raise ConfigError(f"`{held[0].mode.id}` takes this example of `{mode.id}`: {fields} - at `{at}`")
        won.add(held[0].nth)
    for i, fields in enumerate(mode.examples.leaves):
        at = f"{path}.examples.leaves[{i}]"
        if any(rule.mode is mode for rule in _held(asked, example(fields, at))):
            raise ConfigError(f"`{mode.id}` takes what it should leave: {fields} - at `{at}`")
    if missing := sorted(set(range(len(mode.rules))) - won):
        raise ConfigError(
            f"no example of `{mode.id}` is won by this rule: add one, or drop the rule if an earlier or graver one "
            f"shadows it - at `{path}.rules[{missing[0]}]`"
        )


def _later(event: Judgeable) -> bool:
    return isinstance(event, Outcome)


def example(fields: Example, path: str = "example") -> Exchange | Outcome:
    """Make an exchange, or an outcome, of the few fields that an example names. Its service is its path.

    Raises
    ------
    ConfigError
        If a field is unknown, or holds what it cannot.
    """
    required = {"service": path, "release": "r", "at": 0}
    if OUTCOME in fields:
        if beside := sorted({*fields} - {OUTCOME}):
            raise ConfigError(f"`{beside[0]}` stands beside an outcome, and is not of it - at `{path}`")
        said = fields[OUTCOME]
        if not isinstance(said, dict):
            raise ConfigError(f"expected a mapping - at `{path}.{OUTCOME}`")
        _known(said, Outcome, path)
        return _converted(required | {"about": "1"} | said, Outcome, path)
    said = {name: value for name, value in fields.items() if name != "bounds"}
    _known(said, Exchange, path)
    return _converted(required | {"id": "1"} | said, Exchange, path)


def _known(said: Example, kind: type[Struct], path: str) -> None:
    if unknown := sorted(set(said) - set(kind.__struct_fields__)):
        raise ConfigError(f"no field `{unknown[0]}` - at `{path}`; fields: {', '.join(kind.__struct_fields__)}")


def _converted(said: object, kind: type[T], path: str) -> T:
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{wrong} - in `{path}`") from None
