"""Commands, and a target in memory, for the tests of rollbacks."""

from collections.abc import Callable
from typing import Any, Final

from schemas.control import Approve
from schemas.rollbacks import Expected, Fence, Reasons, Rollback, Target, Version, key_of
from streams.act.resource import Done, Marker, Observed, Try, Unseen

T0: Final = 1_795_529_100_000
MINUTE: Final = 60_000
TARGET: Final = Target("production", "bot", "flagd", "model")


def version(n: int) -> Version:
    return Version(f"v{n}", n)


def command(bad: Version | None = None, to: Version | None = None, **changed: Any) -> Rollback:
    """Ask to go from v3 to v2, from now on for half an hour."""
    bad = bad or version(3)
    expected = Expected(bad.release, bad.generation, changed.pop("source", "fact"))
    usual: dict[str, Any] = {
        "key": key_of(TARGET, expected), "target": TARGET, "expected": expected, "to": to or version(2),
        "fence": Fence(bad.generation, "barograph/eu-1"), "issued_at": T0, "expires_at": T0 + 30 * MINUTE,
        "cause": Reasons("275d440f17e5b50a", 1, "sev-1", n=1840),
    }  # fmt: skip
    return Rollback(**(usual | changed))


def approve(of: Rollback, at: int = T0, **changed: str) -> Approve:
    said = {"service": of.target.service, "release": of.expected.release, "key": of.key, "by": "mira"} | changed
    return Approve(at=at, **said)


class Twin:
    """A target in memory that keeps the contract of every actuator (tests/act/test_contract.py).

    `compares` false is a target whose write does not look at the version: no compare-and-set.
    """

    def __init__(self, meanwhile: Callable[[], None] = lambda: None, *, compares: bool = True) -> None:
        self.version, self.runs = 1, version(3)
        self.marker: Marker | None = None
        self.meanwhile, self.compares = meanwhile, compares

    def observe(self) -> Observed | Unseen:
        return Observed(str(self.version), self.runs, self.marker)

    def act(self, tried: Try) -> Done:
        self.meanwhile()
        if self.compares and tried.observed.version != str(self.version):
            return Done("stale", "changed meanwhile")
        self.version, self.runs, self.marker = self.version + 1, tried.command.to, tried.marker
        return Done("applied", "done")

    def deploy(self, runs: Version, *, forget: bool = False) -> None:
        """Deploy as a pipeline does, which may write the target anew without its marker."""
        self.version, self.runs = self.version + 1, runs
        self.marker = None if forget else self.marker

    def touch(self) -> None:
        """Change something of the target that is nothing to us."""
        self.version += 1
