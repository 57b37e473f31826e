"""False alarms a week -> how sure an alarm is, in the operator's words."""

from typing import Final

from schemas.incidents import Notify

WEEKS_A_YEAR: Final = 365.25 / 7
MOST_YEARS: Final = 1000
"""Beyond that nobody can tell one from the other."""


def often(per_week: float, what: Notify) -> str:
    """Say how often such an alarm would come for nothing.

    Parameters
    ----------
    per_week : at most so many, of one monitor, if nothing had changed
    what : it made

    Examples
    --------
    >>> often(1 / 31, "page")
    'at most one such page in 31 weeks if nothing had changed'
    >>> often(0.00005, "page")
    'at most one such page in 383 years if nothing had changed'
    >>> often(2.5, "ticket")
    'at most 2.5 such tickets a week if nothing had changed'
    >>> often(1e-20, "record")
    'less than one such record in 1,000 years if nothing had changed'
    """
    weeks = 1 / max(per_week, 1e-9)
    if weeks < 1:
        said = f"at most {per_week:.2g} such {what}s a week"
    elif weeks < 2 * WEEKS_A_YEAR:
        said = f"at most one such {what} in {weeks:.0f} weeks" if weeks >= 1.5 else f"at most one such {what} a week"
    elif weeks < MOST_YEARS * WEEKS_A_YEAR:
        said = f"at most one such {what} in {weeks / WEEKS_A_YEAR:.0f} years"
    else:
        said = f"less than one such {what} in {MOST_YEARS:,} years"
    return f"{said} if nothing had changed"
