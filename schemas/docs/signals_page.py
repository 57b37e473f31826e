"""The catalogue of signals -> docs/signals.md."""

from typing import Final, get_args

from schemas.docs.markdown import page, table
from schemas.signals import CATALOGUE, OF_ALL, SEVERITY_OF, Side, Signal

_BAD: Final = {"up": "more", "down": "less", "both": "either way", "none": "-"}
READS: Final = {
    "mode": "the primary mode of taxonomy.md in which an exchange failed; nothing of one that did not",
    "failed": "whether a failure mode of taxonomy.md matches that counts as failure",
    "missing_fields": "whether `missing_fields` names any",
    "prohibited": "whether `prohibited` names any",
    "tool_error": "whether any of `tools` is not `ok` or has an `error`; not observed without tools",
    "tool_calls": "how many `tools` there are",
    "tool_path": "names of `tools`, in order; the first eight, and 128 characters",
    "served_differs": "whether `model_served` is another than `model_requested`; not observed unless both are named",
    "guardrail_fired": "whether any of `guardrails` is `fired`; not observed without guardrails",
}
"""Signals whose field is derived; streams/measure/derive.py does it."""


def signals() -> str:
    """Write docs/signals.md."""
    return page(
        "Signals",
        "What is watched of every service. A move the bad way is as grave as its consequence: sev-1 and sev-2 page, "
        "sev-3 is a ticket. A move the other way, or of a signal without a bad way, is told as well (sev-4), and that "
        "a signal is no longer observed is a ticket. Those that are sliced are watched in each slice as well, the "
        "others of the whole service.",
        "A rate is yes, no or not observed. A number is counted in logarithmic bins, eight to an octave. A category is "
        "counted by name. Calibration is counted in bands of stated confidence, five percent wide, each wrong or "
        "right; it is held against what was stated, up to `watch.calibration_points`, from the first baseline on. What "
        "is off even in that baseline is a ticket, once: after `watch.rebase_after_s`, or a `rebaseline`, only getting "
        "worse is news.",
        *(f"## {side.capitalize()}\n\n" + _catalogue(side) for side in get_args(Side)),
        "## The service as a whole\n\nWhether anything comes at all, and how much. A control fact may have traffic "
        "learned anew (`rebaseline`, signal `traffic`).\n\n" + _of_all(),
        "## Your own\n\nAttributes that your services send, and the word of each evaluator, are declared in the config "
        "(`signals`, config.md) and then are counted and watched like these.",
    )


def _catalogue(side: Side) -> str:
    rows = [
        (
            f"`{one.name}`", one.words, one.kind, _reads(one), _BAD[one.bad],
            f"{one.consequence} ({SEVERITY_OF[one.consequence]})" if one.bad != "none" else "-",
            "yes" if one.sliced else "-", one.action,
        )
        for one in CATALOGUE
        if one.side == side
    ]  # fmt: skip
    return table(("signal", "what it is", "kind", "reads", "bad", "consequence", "sliced", "look first at"), rows)


def _of_all() -> str:
    rows = [
        (
            f"`{one.name}`", one.decided, _BAD[one.bad], f"{one.consequence} ({SEVERITY_OF[one.consequence]})",
            f"a {one.told}", one.action,
        )
        for one in OF_ALL.values()
    ]  # fmt: skip
    return table(("name", "decided by", "bad", "consequence", "makes", "look first at"), rows)


def _reads(signal: Signal) -> str:
    unit = f" ({signal.unit})" if signal.unit else ""
    match signal:
        case Signal(kind="calibration"):
            return "`confidence` and `correct` of outcomes"
        case Signal(source="outcome"):
            return f"`{signal.field}` of outcomes"
        case _:
            return READS.get(signal.field, f"`{signal.field}`") + unit
