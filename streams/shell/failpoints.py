"""Places between two promises -> where a test may stop the world."""

from collections.abc import Callable
from typing import Final, Literal, get_args

Failpoint = Literal[
    "measure.before_final",
    "measure.mid_final",
    "measure.after_final",
    "measure.after_commit",
    "measure.before_control",
    "measure.mid_open",
    "watch.before_findings",
    "watch.before_state",
    "watch.mid_state",
    "watch.before_position",
    "watch.before_ack",
    "gather.before_findings",
    "gather.before_state",
    "gather.after_state",
]
FAILPOINTS: Final[tuple[Failpoint, ...]] = get_args(Failpoint)
Hook = Callable[[Failpoint], None]


def _pass(_: Failpoint) -> None:
    """Do nothing, which is what a worker does that nobody tests."""


_hook: Hook = _pass


def install(hook: Hook | None) -> None:
    """Have `hook` called at every failpoint from now on; None takes it away again.

    The product never calls this. A crash test runs a worker from its own entry point, and kills or freezes the process
    from the hook: between a send and its acknowledgement, between a state and its position.
    """
    global _hook
    _hook = hook or _pass


def hooked() -> bool:
    """Say whether a hook is installed.

    A half-written flush needs its first half to be with the broker when the process dies; only then is that waited for.
    """
    return _hook is not _pass


def reach(name: Failpoint) -> None:
    """Say that a failpoint is reached.

    Examples
    --------
    >>> install(print)
    >>> reach("measure.after_final")
    measure.after_final
    >>> install(None)
    >>> reach("measure.after_final")
    """
    _hook(name)
