"""A config -> how large the state of a service may become, refused where the state topic would not take it."""

from typing import Final

import numpy as np

from schemas.signals import CATEGORIES
from schemas.strict import ConfigError
from schemas.topics import BY_ROLE
from streams.watch.alphabet import slice_count, width
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.state import Alphabet, Baseline

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
    watch, dimensions = plan.config.watch, tuple(plan.config.measure.slices)
    alphabet = Alphabet(
        dimensions,
        tuple(tuple(map(str, range(watch.slices_per_dimension))) for _ in dimensions),
        tuple(tuple(map(str, range(watch.names_per_signal))) for _ in CATEGORIES),
        watch.names_per_signal,
    )
    tally = np.ones((slice_count(alphabet), width(alphabet)), np.int64)
    full = Baseline(1, alphabet, 1000, tally, {}, (), 0, 1)
    return len(detector(full, plan, "").accumulators.bets) * FLOAT_BYTES * plan.streams


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
            f"`watch.slices_per_dimension` ({watch.slices_per_dimension}) or `watch.names_per_signal` "
            f"({watch.names_per_signal})"
        )
