"""A config -> how large the state of a service may become, refused where the state topic would not take it."""

from typing import Final

import numpy as np

from schemas.strict import ConfigError
from schemas.topics import BY_ROLE
from streams.watch.alphabet import tally_row
from streams.watch.baseline import Alphabet, Baseline
from streams.watch.layout import detector
from streams.watch.plan import Plan

FLOAT_BYTES: Final = 4
SHARE: Final = 0.5
"""Evidence may fill half of a record. The rest is for open blocks, incidents and names, which limits of their own keep
small."""


def evidence_bytes(plan: Plan) -> int:
    """Count the bytes of evidence of a service whose every seat is taken: all releases, slices and names.

    Parameters
    ----------
    plan : of the config
    """
    full = Baseline(1, alphabet := fullest(plan), 1000, np.ones(tally_row(alphabet).size, np.int64), {}, (), 0, 1)
    return len(detector(full, plan, "").accumulators.bets) * FLOAT_BYTES * plan.streams


def fullest(plan: Plan) -> Alphabet:
    """Make the largest alphabet that a config allows."""
    watch, dimensions = plan.config.watch, tuple(plan.config.measure.slices)
    categories = [signal for signal in plan.known if signal.kind == "category"]
    return Alphabet(
        dimensions,
        tuple(tuple(map(str, range(watch.slices_per_dimension))) for _ in dimensions),
        tuple(tuple(map(str, range(watch.names_per_signal))) for _ in categories),
        watch.names_per_signal,
        plan.own,
    )


def check(plan: Plan) -> None:
    """Refuse a config whose states would not fit into their topic.

    Raises
    ------
    ConfigError
        With the sizes, and what to lower.
    """
    most = BY_ROLE["state"].max_message_bytes
    if (size := evidence_bytes(plan)) > most * SHARE:
        watch = plan.config.watch
        raise ConfigError(
            f"the state of a service may come to {size / 1e6:.1f} MB of evidence, and its topic takes records of "
            f"{most / 1e6:.1f} MB, half of them for that: lower `watch.max_releases` ({watch.max_releases}), "
            f"`watch.slices_per_dimension` ({watch.slices_per_dimension}), `watch.names_per_signal` "
            f"({watch.names_per_signal}), or `sliced` of the {len(plan.own)} `signals` of your own"
        )
