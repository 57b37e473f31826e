"""A seed -> what is broken, and what of it at the same time. Pure."""

from random import Random
from typing import Final, Literal, NamedTuple

from streams.shell.failpoints import FAILPOINTS
from tests.chaos.failures import Where
from tests.chaos.settings import SESSION_S

WORKERS: Final = ("w0", "w1")
JOINER: Final = "w2"
FROZEN_S: Final = SESSION_S + 4
"""Past the session's timeout, so that the others take over from one who does not know that it is gone."""

GRACE_S: Final = 12.0
"""What is broken first: by then, some services are watched."""

KILLS: Final = 24
"""Some find their worker dead; twenty are promised."""

FROZEN_AT: Final[tuple[Where, ...]] = ("measure.mid_final", "watch.before_findings", "watch.before_state", "saying")
"""In the middle of a send, on both sides of the moment when findings are out and the state is not, and with the state
of an incident in hand, that its heir will have said and left behind."""

OUTLIVED_S: Final = 6.0
"""Longer still, so that the heir has an incident's next state to say."""


class Act(NamedTuple):
    """One disturbance.

    Attributes
    ----------
    do : kill a worker; have it killed, or frozen, at a failpoint; freeze it where it is; let another one join and leave
        again; kill the broker; stop each worker in turn and start it with a changed config
    lasts : seconds until a killed worker is started again, a frozen one thawed, the joiner leaves, the broker starts
    after : seconds from the beginning of its wave
    """

    do: Literal["kill", "kill at", "freeze", "freeze at", "join", "broker", "upgrade"]
    worker: str = ""
    where: Where | None = None
    lasts: float = 1.0
    after: float = 0.0


Waves = list[list[Act]]
"""Acts of one wave overlap; between waves, every worker is seen at work again."""


def full(seed: int) -> Waves:
    """Plan `KILLS` of workers (one at each failpoint), 6 freezes, 2 joins, 2 kills of the broker, and an upgrade."""
    rng = Random(seed)
    acts = [
        *(Act("kill", lasts=rng.choice([1.0, 1.0, FROZEN_S])) for _ in range(KILLS - len(FAILPOINTS))),
        *(Act("kill at", where=where) for where in FAILPOINTS),
        *(Act("freeze at", where=where, lasts=FROZEN_S) for where in FROZEN_AT if where != "saying"),
        *(Act("freeze at", where="saying", lasts=FROZEN_S + OUTLIVED_S) for _ in range(2)),
        Act("freeze", lasts=FROZEN_S),
        *(Act("join", JOINER, lasts=6.0) for _ in range(2)),
        *(Act("broker", lasts=2.0) for _ in range(2)),
    ]
    rng.shuffle(acts)
    waves: Waves = []
    while acts:
        wave = [acts.pop() for _ in range(min(rng.choice([1, 2, 2]), len(acts)))]
        waves.append([act._replace(worker=_victim(rng, act), after=rng.uniform(0, 4)) for act in wave])
    # Between others, since the new version must restore what the old one left, and be killed as well; and apart from
    # them, since a worker that is down cannot be asked to stop.
    waves.insert(len(waves) // 2, [Act("upgrade")])
    return waves


def _victim(rng: Random, act: Act) -> str:
    return act.worker if act.do in ("join", "broker") else rng.choice(WORKERS)


def brief() -> Waves:
    """Plan the shortest run that holds one of each kind, for the test suite."""
    return [
        [
            Act("freeze at", "w0", "watch.before_state", SESSION_S + 1),
            Act("kill", "w1"),
            Act("kill at", "w1", "measure.mid_final", after=2.0),
        ],
        [Act("join", JOINER), Act("broker", lasts=0.5, after=1.0)],
    ]
