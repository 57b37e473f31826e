"""A config and orders -> a worker as `barograph run` runs it, with failpoints, and with a bug if one is asked for."""

import argparse
from pathlib import Path

from schemas import config
from streams.shell import failpoints
from streams.shell.app import run
from tests.chaos import failures, plants


def main() -> int:
    """Run the worker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--orders", type=Path, required=True)
    parser.add_argument("--plant", choices=plants.PLANTS)
    parser.add_argument("--slow", type=float, default=0.0)
    asked = parser.parse_args()
    effective = config.load(asked.config)
    hook = failures.hook(asked.orders, effective.worker.name)
    failpoints.install(hook)
    failures.listen(hook)
    if asked.plant:
        plants.PLANTS[asked.plant](asked.orders)
    if asked.slow:
        plants.slow(asked.slow)
    return run(effective)


if __name__ == "__main__":
    raise SystemExit(main())
