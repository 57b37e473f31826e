"""The catalogue: every signal, what it looks at, which way is bad, and what it means when it moves."""

from typing import Final, Literal

import msgspec

from schemas.incidents import Severity

Kind = Literal["rate", "number", "category"]
Side = Literal["input", "output", "workflow"]
Bad = Literal["up", "down", "both", "none"]
Consequence = Literal["harm", "process", "experience", "cosmetic"]

SEVERITY_OF: Final[dict[Consequence, Severity]] = {
    "harm": "sev-1",
    "process": "sev-2",
    "experience": "sev-3",
    "cosmetic": "sev-4",
}


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing about an exchange that can change.

    Attributes
    ----------
    name : str
        As in configs, incidents and metrics.
    kind : "rate", "number" or "category"
        A rate has the cells no, yes, missing; a number those of `schemas.cells`; a category its names.
    field : str
        The field of the exchange that it reads (`failed` is derived by the taxonomy).
    per_unit : float
        What the field is multiplied by to come to the base unit of the scale (dollars are counted in millionths).
    unit : str
        The unit that people read: ``ms``, ``tokens``, ``USD``, or empty for a share.
    bad : "up", "down", "both" or "none"
        The direction that hurts. The other one is reported as well, but pages nobody.
    consequence : "harm", "process", "experience" or "cosmetic"
        What it does to the user when it moves the bad way. Severity comes from here, never from a test's statistic.
    words : str
        What is said of it: "<words> 98.1 % -> 23.4 %".
    action : str
        What to look at first when it moved.
    """

    name: str
    side: Side
    kind: Kind
    field: str
    words: str
    bad: Bad
    consequence: Consequence
    action: str
    unit: str = ""
    per_unit: float = 1.0


CATALOGUE: Final[tuple[Signal, ...]] = (
    Signal(
        name="failed", side="output", kind="rate", field="failed", bad="up", consequence="process",
        words="exchanges that failed",
        action="Read the failure modes and their exemplars below; the gravest mode names the part to look at.",
    ),
    Signal(
        name="answered", side="output", kind="rate", field="answered", bad="down", consequence="process",
        words="requests that got an answer",
        action="Compare answers before and after the onset; if the served model changed, pin the former one.",
    ),
    Signal(
        name="refused", side="output", kind="rate", field="refused", bad="both", consequence="process",
        words="requests refused",
        action="Read refused exchanges of the named slice; look for a change of model, prompt or policy at the onset.",
    ),
    Signal(
        name="schema_valid", side="output", kind="rate", field="schema_valid", bad="down", consequence="process",
        words="answers that hold their schema",
        action="Look at what changed in model or prompt at the onset; consumers of this output are breaking now.",
    ),
    Signal(
        name="fallback", side="workflow", kind="rate", field="fallback", bad="up", consequence="experience",
        words="requests served by the fallback",
        action="Check the primary route: its errors, its quota, its latency.",
    ),
    Signal(
        name="latency", side="output", kind="number", field="latency_ms", bad="up", consequence="experience", unit="ms",
        words="time to answer",
        action="Check the provider's status, the length of inputs and outputs, and retries at the onset.",
    ),
    Signal(
        name="ttft", side="output", kind="number", field="ttft_ms", bad="up", consequence="experience", unit="ms",
        words="time to the first token",
        action="Check the provider's queueing and the length of inputs at the onset.",
    ),
    Signal(
        name="input_tokens", side="input", kind="number", field="input_tokens", bad="none", consequence="cosmetic",
        unit="tokens", words="length of the input",
        action="See who sends other inputs than before: a client, a template, a retrieval setting.",
    ),
    Signal(
        name="output_tokens", side="output", kind="number", field="output_tokens", bad="both", consequence="experience",
        unit="tokens", words="length of the answer",
        action="Compare answers before and after the onset: cut off, or talking around the question?",
    ),
    Signal(
        name="cost", side="output", kind="number", field="cost_usd", bad="up", consequence="experience", unit="USD",
        per_unit=1e6, words="cost of a request",
        action="Check tokens a request, the served model and its price, and retries.",
    ),
    Signal(
        name="finish_reason", side="output", kind="category", field="finish_reason", bad="both",
        consequence="experience", words="why generation ended",
        action="More 'length': outputs are cut off. More 'content_filter': inputs or policy changed.",
    ),
    Signal(
        name="intent", side="input", kind="category", field="intent", bad="none", consequence="cosmetic",
        words="what users ask for",
        action="See which intents grew or are new; make sure that the service was evaluated on them.",
    ),
    Signal(
        name="model_served", side="workflow", kind="category", field="model_served", bad="both",
        consequence="experience", words="the model that answered",
        action="The provider or the gateway serves another model: pin the version, or evaluate the new one.",
    ),
)  # fmt: skip

BY_NAME: Final[dict[str, Signal]] = {signal.name: signal for signal in CATALOGUE}
RATES: Final = tuple(signal for signal in CATALOGUE if signal.kind == "rate")
NUMBERS: Final = tuple(signal for signal in CATALOGUE if signal.kind == "number")
CATEGORIES: Final = tuple(signal for signal in CATALOGUE if signal.kind == "category")

NO: Final = 0
YES: Final = 1
UNKNOWN: Final = 2
RATE_CELLS: Final = 3
"""The cells of a rate: no, yes, and not observed (which is not healthy)."""

BANDS: Final = 20
"""Bands of stated confidence, five percent wide; 1.0 lies in the last."""
CALIBRATION_CELLS: Final = 2 * BANDS + 1
"""Of each band first wrong, then right; and not observed: no confidence, or no judgement."""
