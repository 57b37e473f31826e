"""An open incident of which nothing new was said for long -> its last word once more, for those who lost it."""

from typing import NamedTuple

from schemas.incidents import Incident
from streams.watch.cases import Case
from streams.watch.plan import Plan


class Again(NamedTuple):
    """What was said before, to be sent once more as the very same message."""

    said: Incident


def due(plan: Plan, case: Case, over: int) -> bool:
    """Whether the last word on an open incident is to be sent again; of what is in shadow nobody waits for one.

    Parameters
    ----------
    over : the last second that is over
    """
    every_s = plan.config.watch.resend_every_s
    return bool(every_s) and not case.said.shadow and over - case.sent_second >= every_s
