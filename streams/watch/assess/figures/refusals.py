"""The tally of a window -> whether what was refused, and what was left undecided, rightly was."""

from typing import Final

from detectors.band import Reading
from detectors.describe.exact import exact_share
from schemas.kpis import Kpi
from schemas.signals import ALSO
from streams.watch.assess.figures.given import Given, failures, known, level, names_of, rate_of, reading
from streams.watch.assess.tally import Tally

OVER: Final = "SAF.OVER_REFUSAL"
UNDER: Final = "SAF.UNDER_REFUSAL"
BAD_ABSTAIN: Final = "CAL.BAD_ABSTAIN"


def refusal_correctness(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out which share of refusals, and of what had to be refused and was not, was right.

    A refusal that nobody calls wrong is right, as long as somebody looks: where no event carries what would show it,
    there is no data.
    """
    if not known((OVER, UNDER), tally, given):
        return None
    refused, _ = rate_of(tally.whole, "refused", given)
    over, under = _in(tally, OVER), _in(tally, UNDER)
    return _right(kpi, refused + under, over + under)


def abstention_precision(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out which share of abstentions was right; as of refusals, only where somebody looks.

    `CAL.BAD_ABSTAIN` is also what should have been left undecided, so the share is never too kind.
    """
    if not known((BAD_ABSTAIN,), tally, given):
        return None
    abstained, _ = rate_of(tally.whole, "abstained", given)
    return _right(kpi, abstained, _in(tally, BAD_ABSTAIN))


def _in(tally: Tally, mode: str) -> int:
    """Count what is in a mode, be it the gravest of its modes or not."""
    return failures(tally).get(mode, 0) + names_of(tally, ALSO).get(mode, 0)


def _right(kpi: Kpi, of: int, wrong: int) -> Reading | None:
    return reading(kpi, exact_share(of - min(wrong, of), of, level(kpi)), of, 100.0)
