"""The flag that the demo deploys by is one that the actuator understands."""

from pathlib import Path

from schemas.rollbacks import Version
from streams.act.resource import Observed, Unseen
from streams.demo.primes import JUNE, MARCH, SERVICE, variant
from streams.shell.actuators.flagd import FlagFile
from streams.shell.demo_service import Flags


def test_a_deployment_is_seen_with_its_generation_and_a_canary_is_left_alone(tmp_path: Path) -> None:
    """While a split decides and not the default, nobody can say what serves."""
    flags, seen = Flags(tmp_path / "flags.json"), FlagFile(tmp_path / "flags.json", SERVICE)
    flags.deploy(MARCH, 1)
    assert _runs(seen.observe()) == Version(MARCH, 1)
    flags.deploy(MARCH, 1, canary=JUNE)
    assert isinstance(seen.observe(), Unseen)
    flags.deploy(JUNE, 2)
    assert _runs(seen.observe()) == Version(JUNE, 2)
    assert variant(flags.read(), 0.5) == JUNE
    assert flags.read()["metadata"]["version"] == 3


def _runs(observed: Observed | Unseen) -> Version:
    assert isinstance(observed, Observed)
    return observed.runs
