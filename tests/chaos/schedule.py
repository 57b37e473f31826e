"""A seed and a length -> what is broken, when and where. Pure."""

from random import Random
from typing import Final, Literal, NamedTuple

from streams.shell.failpoints import FAILPOINTS, Failpoint
from tests.chaos.settings import SESSION_S

WORKERS: Final = ("w0", "w1")
JOINER: Final = "w2"
FROZEN_S: Final = SESSION_S + 4
"""Past the session's timeout, so that the others take over from one who does not know that it is gone."""

GRACE_S: Final = 14.0
"""What is broken first: then all workers own partitions, and some services are watched."""


class Act(NamedTuple):
    """One disturbance.

    Attributes
    ----------
    do : kill a worker; have it killed or frozen at a failpoint; freeze it; let another one join and leave again; kill
        the broker
    lasts : seconds until the supervisor starts it again, it is thawed, leaves, or the broker is started
    """

    at: float
    do: Literal["kill", "kill at", "freeze", "freeze at", "join", "broker"]
    worker: str = ""
    where: Failpoint | None = None
    lasts: float = 1.0


def full(seed: int, seconds: float) -> list[Act]:
    """Plan a whole run: 24 kills of workers (one at each failpoint), 4 freezes, 2 joins and 2 kills of the broker."""
    rng = Random(seed)
    acts = [
        *(Act(0, "kill", lasts=rng.choice([1.0, 1.0, FROZEN_S])) for _ in range(14)),
        *(Act(0, "kill at", where=where) for where in FAILPOINTS),
        *(Act(0, "freeze at", where=where, lasts=FROZEN_S) for where in FROZEN_AT),
        Act(0, "freeze", lasts=FROZEN_S),
        *(Act(0, "join", JOINER, lasts=15.0) for _ in range(2)),
        *(Act(0, "broker", lasts=2.0) for _ in range(2)),
    ]
    rng.shuffle(acts)
    gap = (seconds - GRACE_S) / len(acts)
    return [
        act._replace(at=GRACE_S + (n + rng.random()) * gap, worker=act.worker or rng.choice(WORKERS))
        for n, act in enumerate(acts)
    ]


FROZEN_AT: Final[tuple[Failpoint, ...]] = ("measure.mid_final", "watch.before_findings", "watch.before_state")
"""In the middle of a send, and on both sides of the moment when findings are out and the state is not."""


def brief() -> list[Act]:
    """Plan the shortest run that holds one of each kind, for the test suite."""
    return [
        Act(11.0, "freeze at", "w0", "watch.before_state", SESSION_S + 1.5),
        Act(12.0, "kill", "w1"),
        Act(17.0, "kill at", "w1", "measure.mid_final"),
        Act(21.0, "broker", lasts=0.5),
        Act(22.0, "join", JOINER, lasts=8.0),
    ]
