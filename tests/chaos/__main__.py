"""A seed -> the crash gate: a table of what was broken and what came of it, and, last, one line of JSON.

``python -m tests.chaos`` is the whole of it: the long run, then the planted bugs, then the trials of topics and
services that fare badly. It ends with 0 if every count and every finding was right, the run was worth something, every
planted bug was seen, and in every trial what was sent is what was counted and what was declared lost.
"""

import argparse
import asyncio
import logging
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import orjson
from msgspec.structs import replace

from schemas.watching import Common
from streams.shell.failpoints import FAILPOINTS
from tests.chaos import schedule, trials
from tests.chaos.ordeals import ORDEALS, Account
from tests.chaos.plants import PLANTS
from tests.chaos.scene import Run, Scene
from tests.chaos.traffic import Script
from tests.kafka.cluster import Cluster
from tests.kafka.guarded import Guard
from tests.shell.on_kafka import configured

KILLS: Final = 20
REQUESTS: Final = ("answered", "no_response", "overflow", "repeated", "too_far")
CALM_S: Final = 12.0
"""Between the last disturbance and the end: some incidents resolve."""


def main() -> int:
    """Run the gate."""
    asked = _asked()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is what we are here for
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all that was started is ended
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="barograph-chaos-"))
    if reason := Cluster.available():
        print(reason)
        return 1
    said: dict[str, Any] = {"seed": asked.seed}
    wrong: list[str] = []
    with Cluster(folder / "kafka", guard=Guard(folder / "guard")) as cluster:
        if not asked.only_part:
            run = asyncio.run(_full(cluster, folder / "full", asked.seed, asked.minutes * 60))
            wrong += run.wrong() + worthless(run)
            _show("full", run)
            said |= summary(run)
        if asked.plant:
            run = asyncio.run(trials.trial(cluster, folder, asked.plant, asked.seed))
            wrong += run.wrong()
            _show(asked.plant, run)
            said |= summary(run)
        elif not asked.without_plants and not asked.ordeals:
            said["plants"] = {}
            names: tuple[trials.Trial, ...] = (*PLANTS, "none")
            for name in names:
                run = asyncio.run(trials.trial(cluster, folder, name, asked.seed))
                wrong += (found := trials.failed(name, run))
                _show(f"plant: {name}", run)
                print(f"  {'as it must be' if not found else '; '.join(found)}")
                said["plants"][name] = "red" if run.wrong() else "green"
        if asked.ordeals or not (asked.plants or asked.plant or asked.without_plants):
            said["trials"] = {}
            for name_ in ORDEALS:
                (folder / name_).mkdir()
                account = asyncio.run(_ordeal(cluster, folder / name_, name_))
                wrong += [f"{name_}: {one}" for one in account.failed()]
                said["trials"][name_] = told_of(account)
                print(f"\ntrial: {name_}\n  " + ", ".join(f"{n} {what}" for what, n in said["trials"][name_].items()))
    said |= {"seconds": round(time.monotonic() - began), "wrong": wrong}
    if wrong:
        print("\n".join(["", *wrong, f"All that there is to look at lies in {folder}"]))
    else:
        shutil.rmtree(folder)
    print(orjson.dumps(said).decode(), flush=True)
    return 1 if wrong else 0


async def _ordeal(cluster: Cluster, folder: Path, name: str) -> Account:
    """Go through an ordeal; one that does not come to its end in time has failed, and so has one that a bug ended."""
    try:
        # Each service by itself: of what they have in common a replay of the tallies says the same only nearly.
        config = replace(configured(cluster.bootstrap, f"trial-{name.replace('_', '-')}"), common=Common(services=0))
        return await ORDEALS[name](config, folder)
    except (TimeoutError, AssertionError) as error:
        return Account(wrong=[f"it did not come to its end: {error!r}"])


def told_of(account: Account) -> dict[str, object]:
    """Put an account into the keys that are asked for."""
    return {
        "sent": account.sent, "counted": account.counted, "declared": account.declared, "wrong": len(account.wrong),
        "verdict": "red" if account.failed() else "green",
    }  # fmt: skip


async def _full(cluster: Cluster, folder: Path, seed: int, seconds: float) -> Run:
    async def disturb(scene: Scene) -> None:
        await asyncio.sleep(schedule.GRACE_S)
        await scene.waves(schedule.full(seed), seconds)
        await asyncio.sleep(CALM_S)

    return await Scene(cluster, folder, "full").play(Script(), seed, disturb)


def worthless(run: Run) -> list[str]:
    """Say what a run lacks to prove anything, however right its counts."""
    verdict, reached = run.verdict, run.failpoints
    lacks = [] if run.kills >= KILLS else [f"only {run.kills} kills"]
    lacks += [f"nothing was killed at {where}" for where in FAILPOINTS if not reached[where]["kill"]]
    lacks += [f"nothing was frozen at {where}" for where in schedule.FROZEN_AT if not reached[where]["freeze"]]
    lacks += [f"no incident {step}" for step in ("fired", "updated", "resolved") if not verdict.steps.get(step)]
    lacks += [f"no release with verdict {one}" for one in ("pass", "fail") if not verdict.judged.get(one)]
    lacks += [] if verdict.rollbacks else ["no rollback asked for"]
    lacks += [] if verdict.common else ["no common cause"]
    lacks += [] if verdict.overflowed else ["no name beyond a cap"]
    lacks += [] if verdict.rejected else ["no record rejected"]
    lacks += [f"no request {one}" for one in REQUESTS if not verdict.requests.get(one)]
    lacks += [] if run.broker_restarts else ["the broker was not restarted"]
    lacks += [] if run.upgrades == len(schedule.WORKERS) else ["not every worker was upgraded"]
    lacks += [] if verdict.stale_findings else ["no finding behind a further one"]
    return lacks + [f"never came to pass: {one}" for one in run.missed] + (["workers got stuck"] if run.stuck else [])


def summary(run: Run) -> dict[str, Any]:
    """Put a run into the keys that are asked for, and some more."""
    verdict = run.verdict
    return {
        "kills": run.kills, "pauses": run.pauses, "broker_restarts": run.broker_restarts, "joins": run.joins,
        "upgrades": run.upgrades,
        "wrong_counts": verdict.wrong_counts, "missing_findings": verdict.missing_findings,
        "extra_findings": verdict.extra_findings, "stale_findings": verdict.stale_findings,
        "outdated": verdict.outdated, "wrong_states": verdict.wrong_states,
        "wrong_rejected": verdict.wrong_rejected, "wrong_control": verdict.wrong_control,
        "impure": verdict.impure, "wrong_log": verdict.wrong_log,
        "lost": verdict.lost, "events": verdict.events, "controls": verdict.controls, "rejected": verdict.rejected,
        "overflowed": verdict.overflowed, "cells": verdict.cells, "findings": verdict.findings,
        "repeats": verdict.repeats, "common": verdict.common,
        "requests": verdict.requests, "steps": verdict.steps, "stale_writes": verdict.stale,
        "failpoints": run.failpoints, "unexpected_exits": sum(run.exits.values()), "bugs": len(run.bugs),
    }  # fmt: skip


def _show(title: str, run: Run) -> None:
    verdict = run.verdict
    rows: list[tuple[str, object]] = [
        ("killed -9, paused, joined", f"{run.kills}, {run.pauses}, {run.joins}"),
        ("broker restarted, workers upgraded", f"{run.broker_restarts}, {run.upgrades}"),
        ("events, of them rejected, beyond a cap", f"{verdict.events}, {verdict.rejected}, {verdict.overflowed}"),
        ("control facts, of them wrong", f"{verdict.controls}, {verdict.wrong_control}"),
        ("requests", ", ".join(f"{n} {became}" for became, n in verdict.requests.items())),
        ("flushes, cells, services", f"{verdict.flushes}, {verdict.cells}, {verdict.services}"),
        ("cells or totals that are wrong", verdict.wrong_counts),
        ("states that are not the crash-free ones", verdict.wrong_states),
        ("rejected records wrong, flushes impure, lost", f"{verdict.wrong_rejected}, {verdict.impure}, {verdict.lost}"),
        ("findings, missing, besides", f"{verdict.findings}, {verdict.missing_findings}, {verdict.extra_findings}"),
        ("common causes", verdict.common),
        ("rollbacks asked for", verdict.rollbacks),
        ("verdicts", ", ".join(f"{n} {word}" for word, n in verdict.judged.items())),
        ("steps", ", ".join(f"{n} {step}" for step, n in sorted(verdict.steps.items()))),
        ("findings told again, old states after newer", f"{verdict.repeats}, {verdict.stale}"),
        ("incidents said behind further ones, left so", f"{verdict.stale_findings}, {verdict.outdated}"),
        ("seconds", ", ".join(f"{what} {when:g}" for what, when in run.seconds.items())),
    ]  # fmt: skip
    print(f"\n{title}\n" + "\n".join(f"  {what:<46}{n}" for what, n in rows))
    print(f"  {'failpoint':<30}{'reached':>10}{'killed':>8}{'frozen':>8}")
    for where, hit in run.failpoints.items():
        print(f"  {where:<30}{hit['reached']:>10}{hit['kill']:>8}{hit['freeze']:>8}")
    for one, n in run.exits.items():
        print(f"  ended by itself {n}x, with {one[:150]}")
    for one in verdict.examples[:12]:
        print(f"  ! {one[:300]}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="The crash gate, on a real Kafka.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=4.5, help="of disturbances; the whole takes some more")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--plants", action="store_true", help="only the planted bugs, each of which must be seen")
    only.add_argument("--plant", choices=PLANTS, help="only this bug; ends with 1, as any run that finds one")
    only.add_argument("--ordeals", action="store_true", help="only the trials of topics and services that fare badly")
    only.add_argument("--without-plants", action="store_true", help="only the long run")
    asked = parser.parse_args()
    asked.only_part = asked.plants or asked.plant or asked.ordeals
    return asked


if __name__ == "__main__":
    raise SystemExit(main())
