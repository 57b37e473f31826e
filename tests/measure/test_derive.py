"""MEASURE promises: what is read of an exchange is what the documents say, and what is of another type is told."""

from math import isnan
from typing import Any

import pytest

from schemas.docs.signals_page import READS
from schemas.events import Exchange, Guardrail, Opinion, Retrieval, Tool
from schemas.own import NEGATIVE, POSITIVE, OwnSignal
from schemas.signals import BY_NAME, UNKNOWN, Signal
from streams.measure.derive import DERIVED, ODD, reader


def read(signal: Signal, **says: Any) -> tuple[Any, list[str]]:
    """What one exchange says of a signal, and what is told to be mistyped."""
    mistyped: list[str] = []
    [value] = reader([signal]).read([Exchange(service="s", release="r", at=0, id="1", **says)], mistyped.append)
    if signal.kind == "number":
        unsaid = value is None or isnan(value)
    else:
        unsaid = value == (UNKNOWN if signal.kind == "rate" else "")
    return (None if unsaid else value), mistyped


GOOD, BAD, LISTED = Tool("a", ok=True), Tool("b", ok=False), Tool("c")


@pytest.mark.parametrize(
    ("name", "says", "value"),
    [
        ("answered", {}, None), ("answered", {"answered": False}, False),
        ("latency", {}, None), ("latency", {"latency_ms": 0.0}, 0.0),
        ("missing_fields", {}, False), ("missing_fields", {"missing_fields": ("total",)}, True),
        ("prohibited", {}, False), ("prohibited", {"prohibited": ("pii",)}, True),
        ("tool_error", {}, None), ("tool_error", {"tools": (LISTED,)}, None), ("tool_error", {"tools": (GOOD,)}, False),
        ("tool_error", {"tools": (GOOD, BAD)}, True), ("tool_error", {"tools": (Tool("c", error="E"),)}, True),
        ("tool_error", {"tools": (Tool("c", ok=True, error="E"),)}, True),
        ("tool_error", {"tools": (Tool("c", ok=True, error=""),)}, False + ODD),
        ("tool_error", {"tools": (GOOD, Tool("c", known=False))}, False + ODD),
        ("tool_error", {"tools": (Tool("c", authorized=False),)}, UNKNOWN + ODD),
        ("tool_error", {"tools": (Tool("c", ok=True, args_valid=False), BAD)}, True),
        ("tool_calls", {}, 0), ("tool_calls", {"tools": (GOOD, GOOD)}, 2),
        ("tool_path", {}, None), ("tool_path", {"tools": (GOOD, BAD, GOOD)}, "a>b>a"),
        ("tool_path", {"tools": (GOOD,) * 9}, ">".join("a" * 8)),
        ("served_differs", {"model_requested": "m"}, None), ("served_differs", {"model_served": "m"}, None),
        ("served_differs", {"model_requested": "m", "model_served": "m"}, False),
        ("served_differs", {"model_requested": "m", "model_served": "m-2"}, True),
        ("guardrail_fired", {}, None), ("guardrail_fired", {"guardrails": (Guardrail("g"),)}, None),
        ("guardrail_fired", {"guardrails": (Guardrail("g", fired=False), Guardrail("g"))}, False),
        ("guardrail_fired", {"guardrails": (Guardrail("g"), Guardrail("g", fired=True))}, True),
        ("guardrail_fired", {"guardrails": (Guardrail("g", responded=False),)}, UNKNOWN + ODD),
        ("guardrail_fired", {"guardrails": (Guardrail("g", fired=True), Guardrail("g", responded=False))}, True),
        ("retrieved", {}, None), ("retrieved", {"retrieval": Retrieval()}, None),
        ("retrieved", {"retrieval": Retrieval(n=3)}, 3), ("citations_valid", {"retrieval": Retrieval(n=3)}, None),
        ("citations_valid", {"retrieval": Retrieval(citations_valid=False)}, False),
        ("retrieval_score", {"retrieval": Retrieval(top_score=-0.5)}, -0.5),
    ],
)  # fmt: skip
def test_what_a_signal_reads(name: str, says: dict[str, Any], value: object) -> None:
    assert read(BY_NAME[name], **says) == (value, [])


def test_the_document_tells_of_each_derived_field() -> None:
    assert READS.keys() == {"failed", "mode", *DERIVED}


MISTYPED = "mistyped"
RATE, NUMBER, CATEGORY = ("rate", "number", "category")
ATTRIBUTES: dict[object, dict[str, object]] = {
    None: {RATE: None, NUMBER: None, CATEGORY: None},
    True: {RATE: True, NUMBER: MISTYPED, CATEGORY: MISTYPED},
    0.0: {RATE: False, NUMBER: 0.0, CATEGORY: MISTYPED},
    0.5: {RATE: MISTYPED, NUMBER: 0.5, CATEGORY: MISTYPED},
    -2.0: {RATE: MISTYPED, NUMBER: -2.0, CATEGORY: MISTYPED},
    "true": {RATE: MISTYPED, NUMBER: MISTYPED, CATEGORY: "true"},
    "": {RATE: MISTYPED, NUMBER: MISTYPED, CATEGORY: None},
}


@pytest.mark.parametrize("kind", [RATE, NUMBER, CATEGORY])
@pytest.mark.parametrize("value", ATTRIBUTES)
def test_what_an_attribute_is(kind: Any, value: object) -> None:
    signal = OwnSignal(name="vip", source="attribute", field="gold", kind=kind).signal()
    expected = ATTRIBUTES[value][kind]
    found = read(signal, attributes={"gold": value, "vip": "another"})
    assert found == ((None, ["vip"]) if expected == MISTYPED else (expected, []))
    assert read(signal) == read(signal, attributes={}) == (None, [])


OPINIONS: list[tuple[float | None, str | None, dict[str, object]]] = [
    (None, None, {RATE: None, NUMBER: None, CATEGORY: None}),
    (0.5, None, {RATE: True, NUMBER: 0.5, CATEGORY: MISTYPED}),
    (0.4, "", {RATE: False, NUMBER: 0.4, CATEGORY: MISTYPED}),
    (0.4, "Passed", {RATE: True, NUMBER: 0.4, CATEGORY: "Passed"}),
    (0.9, "FAIL", {RATE: False, NUMBER: 0.9, CATEGORY: "FAIL"}),
    (0.9, "B", {RATE: True, NUMBER: 0.9, CATEGORY: "B"}),
    (None, "B", {RATE: MISTYPED, NUMBER: MISTYPED, CATEGORY: "B"}),
]


@pytest.mark.parametrize("kind", [RATE, NUMBER, CATEGORY])
@pytest.mark.parametrize(("value", "label", "reads"), OPINIONS)
def test_what_an_evaluators_word_is(
    kind: Any, value: float | None, label: str | None, reads: dict[str, object]
) -> None:
    signal = OwnSignal(name="grounded", source="evaluator", field="judge", kind=kind).signal()
    said = (Opinion("other", value=1.0, label="yes"), Opinion("judge", value, label), Opinion("judge", 1.0, "yes"))
    assert read(signal, evals=said) == ((None, ["grounded"]) if reads[kind] == MISTYPED else (reads[kind], []))
    assert read(signal) == read(signal, evals=said[:1]) == (None, [])


def test_no_label_is_both_a_yes_and_a_no() -> None:
    assert not set(POSITIVE) & set(NEGATIVE)


def test_what_a_user_names_is_never_source() -> None:
    name = "') or __import__('os')"
    for source in ("attribute", "evaluator"):
        for kind in (RATE, NUMBER, CATEGORY):
            own: Any = {"name": "a", "source": source, "field": name, "kind": kind}
            assert read(OwnSignal(**own).signal(), attributes={name: None}) == (None, [])
