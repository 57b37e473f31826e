"""The catalogue: every signal, what it looks at, which way is bad, and what it means when it moves."""

from typing import Final, Literal

import msgspec

from schemas.incidents import Severity

Kind = Literal["rate", "number", "category", "calibration"]
Side = Literal["input", "output", "workflow"]
Source = Literal["exchange", "outcome", "attribute", "evaluator"]
Bad = Literal["up", "down", "both", "none"]
Consequence = Literal["harm", "process", "experience", "cosmetic"]

SEVERITY_OF: Final[dict[Consequence, Severity]] = {
    "harm": "sev-1",
    "process": "sev-2",
    "experience": "sev-3",
    "cosmetic": "sev-4",
}


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing about an exchange, or about what was later thought of it, that can change.

    Attributes
    ----------
    name : str
        As in configs, incidents and metrics.
    kind : "rate", "number", "category" or "calibration"
        A rate has the cells no, yes, missing; a number those of `schemas.cells`; a category its names; calibration
        bands of stated confidence, each wrong or right.
    field : str
        The field that it reads: ``latency_ms``, ``retrieval.coverage``, or one that is derived from several
        (`streams.measure.derive`; ``failed`` by the taxonomy). Of a user's own signal the attribute's or the
        evaluator's name.
    source : "exchange", "outcome", "attribute" or "evaluator"
        Where the field is found. Outcomes are counted when they arrive, for the release that served.
    per_unit : float
        What the field is multiplied by to come to the base unit of the scale (dollars are counted in millionths).
    unit : str
        The unit that people read: ``ms``, ``tokens``, ``USD``, or empty for a share.
    bad : "up", "down", "both" or "none"
        The direction that hurts. The other one is reported as well, but pages nobody.
    consequence : "harm", "process", "experience" or "cosmetic"
        What it does to the user when it moves the bad way. Severity comes from here, never from a test's statistic.
    sliced : bool
        Whether it is also counted and watched in each slice, or of the whole stream only. A signal in 28 slices takes
        28 times the room, and 28 parts of the budget.
    min_effect_points : float
        A change of a share that is no news of this signal, in percentage points, however large
        `watch.min_effect_points` is.
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
    source: Source = "exchange"
    unit: str = ""
    per_unit: float = 1.0
    sliced: bool = False
    min_effect_points: float = 0.0

    @property
    def cut(self) -> bool:
        """Say whether each slice has counters of it, or only the whole stream.

        A category is a mix of the stream's own, and of what was later thought of it there is little: of the whole only.
        """
        return self.sliced and self.kind in ("rate", "number") and self.source != "outcome"


_SHARE: Final = 1e4
"""Shares and scores are counted in ten-thousandths: the scale then tells 0.0003 from 0.0006, and 0.5 from 0.55."""

CATALOGUE: Final[tuple[Signal, ...]] = (
    # -- rates ------------------------------------------------------------------------------------------------------
    Signal(
        name="failed", side="output", kind="rate", field="failed", words="exchanges that failed", bad="up",
        consequence="process", sliced=True,
        action="Read the failure modes and their exemplars below; the gravest mode names the part to look at.",
    ),
    Signal(
        name="answered", side="output", kind="rate", field="answered", words="requests that got an answer",
        bad="down", consequence="process", sliced=True,
        action="Compare answers before and after the onset; if the served model changed, pin the former one.",
    ),
    Signal(
        name="refused", side="output", kind="rate", field="refused", words="requests refused", bad="both",
        consequence="process", sliced=True,
        action="Read refused exchanges of the named slice; look for a change of model, prompt or policy at the onset.",
    ),
    Signal(
        name="abstained", side="output", kind="rate", field="abstained",
        words="requests the model declined to decide", bad="both", consequence="experience",
        action="Read what it abstained from: new kinds of input, missing documents, or another prompt?",
    ),
    Signal(
        name="schema_valid", side="output", kind="rate", field="schema_valid",
        words="answers that hold their schema", bad="down", consequence="process", sliced=True,
        action="Look at what changed in model or prompt at the onset; consumers of this output are breaking now.",
    ),
    Signal(
        name="missing_fields", side="output", kind="rate", field="missing_fields",
        words="answers that lack a required field", bad="up", consequence="process",
        action="See which fields are missing in the exemplars, and whether the input still holds them.",
    ),
    Signal(
        name="prohibited", side="output", kind="rate", field="prohibited", words="answers with prohibited content",
        bad="up", consequence="harm", sliced=True,
        action="Stop the release or tighten the guardrail, then read what was flagged: it may have reached someone.",
    ),
    Signal(
        name="fallback", side="workflow", kind="rate", field="fallback", words="requests served by the fallback",
        bad="up", consequence="experience", sliced=True,
        action="Check the primary route: its errors, its quota, its latency.",
    ),
    Signal(
        name="tool_error", side="workflow", kind="rate", field="tool_error",
        words="exchanges with a failed tool call", bad="up", consequence="process", sliced=True,
        action="Group the failed calls by tool and error; check that tool's own health and its arguments.",
    ),
    Signal(
        name="served_differs", side="workflow", kind="rate", field="served_differs",
        words="requests served by another model than asked", bad="up", consequence="experience",
        action="Look at the gateway's routing and the provider's notices; pin the version if answers changed with it.",
    ),
    Signal(
        name="citations_valid", side="workflow", kind="rate", field="retrieval.citations_valid",
        words="answers whose citations hold", bad="down", consequence="process",
        action="Compare cited and retrieved documents of some exchanges; look at the index and the prompt.",
    ),
    Signal(
        name="guardrail_fired", side="workflow", kind="rate", field="guardrail_fired",
        words="exchanges in which a guardrail fired", bad="both", consequence="experience",
        action="More: look for attacks or a new kind of input. Fewer: make sure that the guardrail still looks.",
    ),
    Signal(
        name="correct", side="output", kind="rate", field="correct", source="outcome",
        words="outcomes judged correct", bad="down", consequence="process",
        action="Read the wrong ones by workflow and intent; compare with the release before.",
    ),
    Signal(
        name="critical_fields_ok", side="output", kind="rate", field="critical_fields_ok", source="outcome",
        words="outcomes with all critical fields right", bad="down", consequence="process",
        action="Read the wrong fields; stop automated use of them until the cause is known.",
    ),
    Signal(
        name="rule_ok", side="output", kind="rate", field="rule_ok", source="outcome",
        words="outcomes that keep the business rule", bad="down", consequence="process",
        action="Read the broken cases; a person should review what was acted upon.",
    ),
    Signal(
        name="accepted", side="output", kind="rate", field="accepted", source="outcome",
        words="answers that users accepted", bad="down", consequence="process",
        action="Read rejected answers, and what changed in them since the onset.",
    ),
    Signal(
        name="resolved", side="output", kind="rate", field="resolved", source="outcome", words="requests resolved",
        bad="down", consequence="process",
        action="Read unresolved requests by intent; look at retrieval and tools of that part.",
    ),
    Signal(
        name="escalated", side="output", kind="rate", field="escalated", source="outcome",
        words="requests escalated to a person", bad="up", consequence="process",
        action="See which intents are handed over, and tell the desk that more are coming.",
    ),
    Signal(
        name="repeat_contact", side="output", kind="rate", field="repeat_contact", source="outcome",
        words="users who had to come back", bad="up", consequence="process",
        action="Read first and second contact together: the first answer did not help.",
    ),
    # -- numbers ---------------------------------------------------------------------------------------------------
    Signal(
        name="latency", side="output", kind="number", field="latency_ms", words="time to answer", bad="up",
        consequence="experience", unit="ms", sliced=True,
        action="Check the provider's status, the length of inputs and outputs, and retries at the onset.",
    ),
    Signal(
        name="ttft", side="output", kind="number", field="ttft_ms", words="time to the first token", bad="up",
        consequence="experience", unit="ms",
        action="Check the provider's queueing and the length of inputs at the onset.",
    ),
    Signal(
        name="input_tokens", side="input", kind="number", field="input_tokens", words="length of the input",
        bad="none", consequence="cosmetic", unit="tokens",
        action="See who sends other inputs than before: a client, a template, a retrieval setting.",
    ),
    Signal(
        name="output_tokens", side="output", kind="number", field="output_tokens", words="length of the answer",
        bad="both", consequence="experience", unit="tokens", sliced=True,
        action="Compare answers before and after the onset: cut off, or talking around the question?",
    ),
    Signal(
        name="cost", side="output", kind="number", field="cost_usd", words="cost of a request", bad="up",
        consequence="experience", unit="USD", per_unit=1e6, sliced=True,
        action="Check tokens a request, the served model and its price, and retries.",
    ),
    Signal(
        name="confidence", side="output", kind="number", field="confidence", words="stated confidence", bad="both",
        consequence="experience", per_unit=_SHARE,
        action="Compare confidence with outcomes: a model that is surer without being right more often misleads.",
    ),
    Signal(
        name="steps", side="workflow", kind="number", field="steps", words="steps of the agent", bad="up",
        consequence="experience", unit="steps",
        action="Read some long runs: does it loop, or is the task harder than before?",
    ),
    Signal(
        name="retries", side="workflow", kind="number", field="retries", words="retries within a request", bad="up",
        consequence="experience", unit="retries",
        action="See what is retried, a tool or the model, and why the first attempt fails.",
    ),
    Signal(
        name="tool_calls", side="workflow", kind="number", field="tool_calls", words="tool calls of a request",
        bad="both", consequence="experience", unit="calls",
        action="Read some runs before and after: are tools called in vain, or no longer at all?",
    ),
    Signal(
        name="retrieved", side="workflow", kind="number", field="retrieval.n", words="documents retrieved",
        bad="down", consequence="experience", unit="documents",
        action="Check the index and its filters: fewer documents leave the answer without ground.",
    ),
    Signal(
        name="retrieval_coverage", side="workflow", kind="number", field="retrieval.coverage",
        words="share of the question that documents cover", bad="down", consequence="experience", per_unit=_SHARE,
        action="Check the index for what is asked now; look for new intents.",
    ),
    Signal(
        name="retrieval_score", side="workflow", kind="number", field="retrieval.top_score",
        words="score of the best document", bad="down", consequence="experience", per_unit=_SHARE,
        action="Check the embedding model and the index; both must be of one version.",
    ),
    Signal(
        name="document_age", side="workflow", kind="number", field="retrieval.newest_age_days",
        words="age of the newest document", bad="up", consequence="experience", unit="days",
        action="Check whether the index is still being refreshed.",
    ),
    # -- categories ------------------------------------------------------------------------------------------------
    Signal(
        name="finish_reason", side="output", kind="category", field="finish_reason", words="why generation ended",
        bad="both", consequence="experience",
        action="More 'length': outputs are cut off. More 'content_filter': inputs or policy changed.",
    ),
    Signal(
        name="intent", side="input", kind="category", field="intent", words="what users ask for", bad="none",
        consequence="cosmetic",
        action="See which intents grew or are new; make sure that the service was evaluated on them.",
    ),
    Signal(
        name="language", side="input", kind="category", field="language", words="the language of requests",
        bad="none", consequence="cosmetic",
        action="See which languages grew or are new; make sure that the service was evaluated on them.",
    ),
    Signal(
        name="persona", side="input", kind="category", field="persona", words="who asks", bad="none",
        consequence="cosmetic",
        action="See which users grew or are new; make sure that the service is meant for them.",
    ),
    Signal(
        name="model_served", side="workflow", kind="category", field="model_served", words="the model that answered",
        bad="both", consequence="experience",
        action="The provider or the gateway serves another model: pin the version, or evaluate the new one.",
    ),
    Signal(
        name="route", side="workflow", kind="category", field="route", words="the route that requests took",
        bad="both", consequence="experience",
        action="Look at the router's rules and at the health of the route that lost traffic.",
    ),
    Signal(
        name="tool_path", side="workflow", kind="category", field="tool_path",
        words="the tools that were called, in order", bad="both", consequence="experience",
        action="Read some runs of the path that grew: another model or prompt chooses tools otherwise.",
    ),
    Signal(
        name="prompt_version", side="workflow", kind="category", field="prompt_version",
        words="the version of the prompt", bad="none", consequence="cosmetic",
        action="Another prompt serves; what else moved since then is its doing until shown otherwise.",
    ),
    Signal(
        name="failure_mode", side="output", kind="category", field="mode", words="the ways in which exchanges fail",
        bad="none", consequence="cosmetic",
        action="Failures are others than they were, though perhaps not more: read the exemplars of the mode that grew.",
    ),
    # -- calibration -----------------------------------------------------------------------------------------------
    Signal(
        name="calibration", side="output", kind="calibration", field="confidence", source="outcome",
        words="right answers against the stated confidence", bad="down", consequence="process",
        action="Do not act on confidence alone until it is calibrated again; compare releases and bands of confidence.",
    ),
)  # fmt: skip


class OfAll(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is watched of a service as a whole: whether anything comes, and how it fails.

    Attributes
    ----------
    name : as in incidents; ``traffic`` also in `watch.signals`
    words : what is said of it
    decided : by what
    bad, consequence : as of a `Signal`
    told : what it makes
    action : what to look at first
    """

    name: str
    words: str
    decided: str
    bad: Bad
    consequence: Consequence
    told: Literal["page", "ticket"]
    action: str


SILENCE: Final = OfAll(
    name="silence", words="no events at all", bad="down", consequence="process", told="page",
    decided="a rule: no exchange for `watch.silence_after_s`, at least ten were due by the baseline, and all that "
    "could have been sent was read. Counted apart from the budget",
    action="Find out whether the service runs and can reach Kafka; everything it could have sent was read.",
)  # fmt: skip
TRAFFIC: Final = OfAll(
    name="traffic", words="traffic", bad="both", consequence="experience", told="ticket",
    decided="bets on the exchanges in each closed `measure.bucket_s`, over all releases, beyond what was learned of "
    "that hour of the week and `watch.traffic_percent` more or less; in the first week of all hours, and four times "
    "that. Back after `watch.resolve_after_s` within these limits",
    action="See who sends more or less than before: a client, a retry loop, a caller that failed, a campaign.",
)  # fmt: skip
NEW_CRITICAL_MODE: Final = OfAll(
    name="new_critical_mode", words="a failure mode of sev-1 or sev-2 that was never seen before", bad="up",
    consequence="process", told="page",
    decided="a rule: a mode that is not in what was learned, seen `failures.repeated` times; page or ticket by the "
    "table `failures.severity`. Counted apart from the budget. Back when it was not seen for `watch.resolve_after_s`",
    action="Read the exemplars: it is a new way to fail. If it came with a release, hold that.",
)  # fmt: skip
FAILURE_DIVERSITY: Final = OfAll(
    name="failure_diversity", words="the effective number of failure modes", bad="up", consequence="experience",
    told="ticket",
    decided="the bets on `failure_mode` have alarmed, so that what they promise holds, and the effective number of "
    "modes, or their number at equal failures, is surely higher than when it was learned: traffic alone raises neither",
    action="The service fails in more ways than it did: look for what they share, a release, a model, a dependency.",
)  # fmt: skip
FAILURE_CONCENTRATION: Final = OfAll(
    name="failure_concentration", words="the share of failures in the worst slice", bad="up", consequence="experience",
    told="ticket",
    decided="the bets on `failed` of a slice have alarmed, and of the failures surely "
    "`failures.concentration_percent` more lie in it than of the traffic, and more than when it was learned",
    action="The failures have one place: look at what is particular to that slice.",
)  # fmt: skip
KPI_BAND: Final = OfAll(
    name="kpi_band", words="a KPI of a release that is yellow or red", bad="both", consequence="process", told="page",
    decided="a rule: so many windows in a row lie beyond where the band begins (kpis.md), for a service that is learned"
    " already; page, ticket or record by the severity that the set gives to the band. Counted apart from the budget. "
    "Back when the KPI is green; no data neither raises nor ends it",
    action="Do what the band says: its action, its runbook. The release's verdict says what else is not green.",
)  # fmt: skip
ERROR_BUDGET: Final = OfAll(
    name="error_budget", words="the error budget of a KPI", bad="up", consequence="process", told="page",
    decided="a rule, on each KPI with an `slo` (kpis.md): in an hour or six it surely burns so fast that a page is "
    "due, in a day or three that a ticket is, and in the last twelfth of that time it still does; of 20 events and 2 "
    "bad ones at least. A page is sev-2, and sev-1 where red of the KPI is; a ticket sev-3. Counted apart from the "
    "budget of pages. Back when no rule is broken any more",
    action="The service breaks what was promised of it: stop what burns the budget, or promise less.",
)  # fmt: skip
OF_ALL: Final = {
    one.name: one
    for one in (
        SILENCE, TRAFFIC, NEW_CRITICAL_MODE, FAILURE_DIVERSITY, FAILURE_CONCENTRATION, KPI_BAND, ERROR_BUDGET
    )
}  # fmt: skip
BY_RULE: Final = (SILENCE.name, NEW_CRITICAL_MODE.name, KPI_BAND.name, ERROR_BUDGET.name)
"""What no bet stands behind: pages of these are counted apart from the budget."""
FAILING: Final = (
    "failed", "failure_mode", NEW_CRITICAL_MODE.name, FAILURE_DIVERSITY.name, FAILURE_CONCENTRATION.name
)  # fmt: skip
"""Signals, and rules, that are about failures."""
FAILURE_MODE: Final = "failure_mode"
"""The category whose names are the primary modes of failures; of exchanges that did not fail nothing is counted."""

BY_NAME: Final[dict[str, Signal]] = {signal.name: signal for signal in CATALOGUE}
RATES: Final = tuple(signal for signal in CATALOGUE if signal.kind == "rate")
NUMBERS: Final = tuple(signal for signal in CATALOGUE if signal.kind == "number")
CATEGORIES: Final = tuple(signal for signal in CATALOGUE if signal.kind == "category")
CALIBRATIONS: Final = tuple(signal for signal in CATALOGUE if signal.kind == "calibration")

NO: Final = 0
YES: Final = 1
UNKNOWN: Final = 2
RATE_CELLS: Final = 3
"""The cells of a rate: no, yes, and not observed (which is not healthy)."""

BANDS: Final = 20
"""Bands of stated confidence, five percent wide; 1.0 lies in the last."""
CALIBRATION_CELLS: Final = 2 * BANDS + 1
"""Of each band first wrong, then right; and not observed: no confidence, or no judgement."""

ALSO: Final = "also"
JUDGED: Final = "judged"
SIGNATURE: Final = "signature"
GUARDRAIL: Final = "guardrail"
MARKS: Final = (ALSO, JUDGED, SIGNATURE, GUARDRAIL)
"""Named columns that are no signals: modes that an exchange is in beside the primary one, or without having failed;
modes of outcomes; what failures that no rule knows look like; guardrails that fired. An event may have several names of
each, or none."""
