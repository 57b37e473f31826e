"""Events -> those that may have failed, and the ways in which they did."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from schemas import evidence
from schemas.bounds import UNBOUNDED, Bounded
from schemas.events import Exchange, Outcome, Response
from schemas.printable import printable
from schemas.questions import Question, Terms, of_value
from schemas.taxonomy import UNCLASSIFIED, Asked, Taxonomy
from streams.measure.derive import good
from streams.measure.screen import Remembered, Screen, screen, sorter

Served = Sequence[Exchange | Response]

LONGEST_UNKNOWN: Final = 64
_LONGEST_PART: Final = 48
"""Characters of each part of a signature: a name's, not those of a message."""


class Judged(NamedTuple):
    """The ways in which an event failed.

    Attributes
    ----------
    primary : the gravest mode that counts as a failure, the first of these in the taxonomy's order; None without one
    others : all other modes that match, in the same order, those that are degradations too
    unknown : a mode that an outcome named and that the taxonomy does not have
    """

    primary: str | None
    others: tuple[str, ...] = ()
    unknown: str = ""


_FINE: Final = Judged(None)


class _Ranked(NamedTuple):
    """A rule by its place among all, which is its mode's rank."""

    rank: int
    holds: Question


@dataclass(frozen=True, eq=False)
class Classifier:
    """A taxonomy, made ready for traffic of which nearly all is fine.

    Attributes
    ----------
    suspects : exchanges -> the indexes of those that any rule could take
        The one part that every event passes. Whoever is not named here matches no rule.
    outcome_suspects : likewise of outcomes, with those that name a mode
    digest : of all that decides: the taxonomy, the bounds, the dialect
    """

    taxonomy: Taxonomy
    suspects: Screen
    outcome_suspects: Screen
    digest: str
    _sort: Callable[[Any], list[int]]
    _of_exchanges: tuple[_Ranked, ...]
    _of_outcomes: tuple[_Ranked, ...]
    _modes: tuple[str, ...]
    _order: Mapping[str, int]
    _failing: frozenset[str]
    _carriers: tuple[tuple[str, Question], ...]
    _outcome_carriers: tuple[tuple[str, Question], ...]
    _meant: Remembered
    _alone: Mapping[str, Judged]

    def judge(self, exchange: Exchange | Response) -> Judged:
        """Find the modes that an exchange is in.

        Examples
        --------
        >>> classifier = compile(Taxonomy.load_default())
        >>> late = Exchange(service="s", release="r", at=0, id="1", status="error", http_status=429, latency_ms=9.0,
        ...                 deadline_ms=8.0, error_type="insufficient_quota", fallback=True)
        >>> classifier.judge(late)
        Judged(primary='AVL.QUOTA', others=('AVL.RATE_LIMIT', 'AVL.TIMEOUT', 'PRF.FALLBACK'), unknown='')
        """
        return self.judge_by(exchange, self._sort(exchange))

    def judge_by(self, exchange: Exchange | Response, worth: Iterable[int]) -> Judged:
        """Find the modes that an exchange is in, where it is known which rules are worth asking.

        Parameters
        ----------
        worth : places among the taxonomy's rules over exchanges; no other holds
        """
        rules = self._of_exchanges
        modes = {self._modes[rules[i].rank] for i in worth if rules[i].holds(exchange)}
        if len(modes) == 1:  # as most have
            (mode,) = modes
            return self._alone[mode]
        return self._judged(modes) if modes else _FINE

    def judge_outcome(self, outcome: Outcome) -> Judged | None:
        """Find the modes that an outcome says; None if it says of none.

        A mode that it names is one of them; a name that the taxonomy does not know is `UNK.UNCLASSIFIED`, and kept.

        Examples
        --------
        >>> classifier = compile(Taxonomy.load_default())
        >>> said = Outcome(service="s", release="r", at=0, about="1", mode="RTV.STALL", correct=False)
        >>> classifier.judge_outcome(said)
        Judged(primary='TSK.WRONG', others=('UNK.UNCLASSIFIED',), unknown='RTV.STALL')
        """
        modes = {self._modes[rank] for rank, holds in self._of_outcomes if holds(outcome)}
        unknown = ""
        if outcome.mode:
            known = outcome.mode in self._order
            unknown = "" if known else outcome.mode[:LONGEST_UNKNOWN]
            modes.add(outcome.mode if known else UNCLASSIFIED)
        return self._judged(modes, unknown) if modes else None

    def _judged(self, modes: set[str], unknown: str = "") -> Judged:
        """Rank modes; a failure that no rule knows is none where a rule knows one, unless somebody named it so."""
        failing = modes & self._failing
        if failing and not unknown:
            modes = modes - {UNCLASSIFIED}
        held = sorted(modes, key=self._order.__getitem__)
        primary = min(failing, key=self._order.__getitem__, default=UNCLASSIFIED if UNCLASSIFIED in modes else None)
        return Judged(primary, tuple(mode for mode in held if mode != primary), unknown)

    def signature(self, exchange: Exchange | Response) -> str:
        """Say what failures that no rule knows may have in common: so that a person can name them.

        The error's type, what it finished by, and which evaluators disapprove, in one short text that can be shown.

        Examples
        --------
        >>> classifier = compile(Taxonomy.load_default())
        >>> from schemas.events import Opinion
        >>> classifier.signature(Exchange(service="s", release="r", at=0, id="1", status="error", finish_reason="stop",
        ...     error_type="SomethingNew", evals=(Opinion("tone", value=0.2), Opinion("style", label="pass"))))
        'error=SomethingNew finish=stop evals=tone'
        """
        evals = sorted({one.name for one in exchange.evals if not self._meant[one.name] and good(one) is False})
        said = {
            "http": str(exchange.http_status) if (exchange.http_status or 0) >= 400 else "",
            "error": exchange.error_type, "finish": exchange.finish_reason, "evals": ",".join(evals),
        }  # fmt: skip
        parts = [f"{what}={_shown(text)}" for what, text in said.items() if text]
        return " ".join(parts) or f"status={exchange.status}"

    def carried(self, event: Exchange | Response | Outcome) -> tuple[str, ...]:
        """Name the paths, of all that modes need, that an event carries; see `schemas.taxonomy.observable`.

        Examples
        --------
        >>> classifier = compile(Taxonomy.load_default())
        >>> classifier.carried(Exchange(service="s", release="r", at=0, id="1", status="ok", fallback=False))
        ('fallback', 'status')
        """
        carriers = self._outcome_carriers if isinstance(event, Outcome) else self._carriers
        return tuple(path for path, carries in carriers if carries(event))

    def modes(self, exchange: Exchange | Response) -> tuple[str, ...]:
        """Name all modes that an exchange is in: gravest first, then in the taxonomy's order; empty if in none."""
        judged = self.judge(exchange)
        return tuple(sorted({*judged.others, *filter(None, [judged.primary])}, key=self._order.__getitem__))

    def failure(self, exchange: Exchange | Response) -> str | None:
        """Name the gravest mode that counts as a failure; None if the exchange did its job, however badly."""
        return self.judge(exchange).primary


def compile(taxonomy: Taxonomy, bounded: Bounded = UNBOUNDED, sql_dialect: str = "") -> Classifier:
    """Make a classifier of a taxonomy.

    Parameters
    ----------
    bounded : what exchanges of services may take and use
    sql_dialect : how their statements are read
    """
    terms = Terms(bounded, sql_dialect)
    asked = taxonomy.questions(terms)
    ranked = [(_Ranked(rank, one.holds), one) for rank, one in enumerate(asked)]
    served, later = [one.rule for one in asked if not one.of_outcome], [one.rule for one in asked if one.of_outcome]
    paths = sorted({path for needed in taxonomy.evidence.values() for path in needed})
    carriers = [(path, evidence.carrier(path, taxonomy.aliases, terms)) for path in paths]
    order = {mode.id: i for i, mode in enumerate(sorted(taxonomy.modes, key=lambda mode: mode.severity))}
    decides = taxonomy.fingerprint(), sorted(bounded.of.items(), key=str), sql_dialect
    return Classifier(
        taxonomy=taxonomy,
        suspects=screen(served, taxonomy.aliases, terms),
        outcome_suspects=screen(later, taxonomy.aliases, terms, also=["e.mode"]),
        digest=sha256(msgspec.json.encode(decides, order="deterministic")).hexdigest()[:16],
        _sort=sorter(served, taxonomy.aliases, terms),
        _of_exchanges=tuple(held for held, one in ranked if not one.of_outcome),
        _of_outcomes=tuple(held for held, one in ranked if one.of_outcome),
        _modes=tuple(one.rule.mode.id for one in asked),
        _order={UNCLASSIFIED: len(order)} | order,
        _failing=frozenset(mode.id for mode in taxonomy.modes if mode.counts == "failure" and not mode.last_resort),
        _carriers=tuple(one for one in carriers if not evidence.of_outcome(one[0])),
        _outcome_carriers=tuple(one for one in carriers if evidence.of_outcome(one[0])),
        _meant=_evaluators(asked, taxonomy),
        _alone={
            mode.id: Judged(*((mode.id, ()) if mode.counts == "failure" else (None, (mode.id,))))
            for mode in taxonomy.modes
        },
    )


def _evaluators(asked: Sequence[Asked], taxonomy: Taxonomy) -> Remembered:
    """Say of an evaluator's name whether any rule means it: then what it says is known, and which way is bad."""
    matchers = [one.rule.asks["evals"].any for one in asked if "evals" in one.rule.asks]
    names = [matcher["name"] for matcher in matchers if matcher and "name" in matcher]
    means = [of_value(lambda said: said, name, taxonomy.aliases) for name in names]
    return Remembered(lambda name: any(holds(name) for holds in means))


def _shown(text: str) -> str:
    """Cut a name, and show it as one word."""
    return "_".join(printable(text[:_LONGEST_PART]).split())
