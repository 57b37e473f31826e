"""A broker, and a note of what was produced -> a verdict as JSON. A process of its own, that reads only topics."""

import argparse
import asyncio
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from tests.chaos.driver import Produced
from tests.chaos.records import everything
from tests.chaos.settings import FLUSH_AFTER_S, STATE_EVERY_S, config
from tests.chaos.verdict import judge

ROLES = (
    "events", "control", "rejected", "tallies", "state", "found", "gathered", "incidents", "incidents_state", "changes",
    "verdicts", "scorecards", "rollbacks", "rollups",
)  # fmt: skip


def main() -> None:
    """Judge, and print the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--flush-after", type=float, default=FLUSH_AFTER_S)
    parser.add_argument("--state-every", type=float, default=STATE_EVERY_S)
    parser.add_argument("--produced", type=Path, required=True)
    asked = parser.parse_args()
    produced = msgspec.json.decode(asked.produced.read_bytes(), type=dict[int, Produced])
    effective = config(asked.bootstrap, asked.prefix, flush_after_s=asked.flush_after, state_every_s=asked.state_every)
    topics = asyncio.run(everything(effective, ROLES))
    with ProcessPoolExecutor(2) as pool:
        verdict = judge(effective, topics, produced, pool)
    print(msgspec.json.encode(verdict).decode())


if __name__ == "__main__":
    main()
