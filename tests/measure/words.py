"""One event's bytes -> a dict, or why it is none: the rules of ai.events once more, in plain Python.

Nothing here is the product's: the fields, their types and bounds are written out from the documents.
"""

import calendar
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

Check = Callable[[Any], str | None]
"""Gives the rest of the path to what is wrong, "" for the value itself; None if nothing is."""


class Refused(NamedTuple):
    """Why a record does not count, and the field at fault."""

    reason: str
    field: str


def _is(right: Callable[[Any], bool]) -> Check:
    return lambda value: None if right(value) else ""


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 2**53


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _or_null(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _list(check: Check) -> Check:
    def each(value: Any) -> str | None:
        if type(value) is not list:
            return ""
        wrong = ((i, check(one)) for i, one in enumerate(value))
        return next((f"[{i}]{rest}" for i, rest in wrong if rest is not None), None)

    return each


def _object(fields: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    def all_of(value: Any) -> str | None:
        if type(value) is not dict:
            return ""
        for name, one in value.items():
            if name in fields and (rest := fields[name](one)) is not None:
                return f".{name}{rest}"
        return next((f".{name}" for name in required if name not in value), None)

    return all_of


def _attributes(value: Any) -> str | None:
    if type(value) is not dict:
        return ""
    return None if all(type(one) in (bool, int, float, str, type(None)) for one in value.values()) else "[...]"


NAME = _is(lambda value: type(value) is str and 1 <= len(value) <= 256)
TEXT = _or_null(_is(lambda value: type(value) is str))
COUNT = _or_null(_is(_whole))
AMOUNT = _or_null(_is(lambda value: _number(value) and value >= 0))
SHARE = _or_null(_is(lambda value: _number(value) and 0 <= value <= 1))
NUMBER = _or_null(_is(_number))
FLAG = _or_null(_is(lambda value: type(value) is bool))
TEXTS = _list(_is(lambda value: type(value) is str))
STATUS = _or_null(_is(lambda value: value in ("ok", "error", "timeout", "aborted", "filtered")))

EVERY = {"service": NAME, "release": NAME, "at": _is(lambda value: type(value) is str or _whole(value))}
REQUEST = EVERY | {
    "id": NAME, "env": TEXT, "workflow": TEXT, "persona": TEXT, "intent": TEXT, "language": TEXT,
    "expected_language": TEXT, "tenant_tier": TEXT, "session": TEXT, "turn": COUNT, "trace": TEXT, "parent": TEXT,
    "model_requested": TEXT, "prompt_version": TEXT, "input_tokens": COUNT, "deadline_ms": AMOUNT,
    "embedding": _or_null(_object({"cell": _is(_whole), "distance": _is(lambda v: _number(v) and v >= 0)},
                                  ("cell", "distance"))),
}  # fmt: skip
TOOL = _object(
    {"name": _is(lambda v: type(v) is str), "known": FLAG, "ok": FLAG, "error": TEXT, "authorized": FLAG,
     "args_valid": FLAG, "args_hash": TEXT}, ("name",),
)  # fmt: skip
SERVED = REQUEST | {
    "status": STATUS, "model_served": TEXT, "route": TEXT, "http_status": COUNT, "error_type": TEXT,
    "latency_ms": AMOUNT, "ttft_ms": AMOUNT, "output_tokens": COUNT, "cost_usd": AMOUNT, "finish_reason": TEXT,
    "answered": FLAG, "refused": FLAG, "abstained": FLAG, "confidence": SHARE, "schema_valid": FLAG,
    "missing_fields": TEXTS, "prohibited": TEXTS, "tools": _list(TOOL), "sql": TEXT, "steps": COUNT, "fallback": FLAG,
    "retries": COUNT, "attributes": _or_null(_attributes),
    "retrieval": _or_null(_object({"n": COUNT, "coverage": SHARE, "top_score": NUMBER, "newest_age_days": AMOUNT,
                                   "citations": COUNT, "citations_valid": FLAG})),
    "guardrails": _list(_object({"name": _is(lambda v: type(v) is str), "fired": FLAG, "category": TEXT,
                                 "responded": FLAG}, ("name",))),
    "evals": _list(_object({"name": _is(lambda v: type(v) is str), "value": NUMBER, "label": TEXT, "judge": TEXT},
                           ("name",))),
}  # fmt: skip
OUTCOME = EVERY | {
    "about": NAME, "id": TEXT, "correct": FLAG, "critical_fields_ok": FLAG, "rule_ok": FLAG, "accepted": FLAG,
    "resolved": FLAG, "escalated": FLAG, "escalation_correct": FLAG, "repeat_contact": FLAG, "business_outcome": TEXT,
    "confidence": SHARE, "mode": TEXT, "source": TEXT, "judge": TEXT,
}  # fmt: skip
EVALUATION = EVERY | {
    "pack": NAME, "pack_version": NAME, "case": NAME,
    "suite": _is(lambda value: value in ("core", "red_team", "incident")),
    "difficulty": _or_null(_is(lambda value: value in ("easy", "medium", "hard", "adversarial"))),
    "subdomain": TEXT, "critical": FLAG, "score": NUMBER, "correct": FLAG,
}  # fmt: skip
EVENTS = {
    "exchange": _object(SERVED, ("id", "service", "release", "at")),
    "request": _object(REQUEST, ("id", "service", "release", "at")),
    "response": _object(SERVED, ("id", "service", "release", "at")),
    "outcome": _object(OUTCOME, ("service", "release", "at", "about")),
    "evaluation": _object(EVALUATION, ("service", "release", "at", "pack", "pack_version", "case", "suite")),
}  # fmt: skip


def event(value: bytes | None, max_bytes: int) -> dict[str, Any] | Refused:
    """Read one event, without its time."""
    if value is None:
        return Refused("empty", "$")
    if len(value) > max_bytes:
        return Refused("too_large", "$")
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return Refused("not_json", "$")
    if type(said) is not dict:
        return Refused("invalid", "$")
    if type(kind := said.get("type")) is not str:
        return Refused("invalid", "$.type")
    if kind not in EVENTS:
        return Refused("unknown_type", "$.type")
    wrong = EVENTS[kind](said)
    return said if wrong is None else Refused("invalid", f"${wrong}")


RFC_3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)


def second(at: str | int) -> int | None:
    """Read a time; None if it is none. By RFC 3339, but without leap seconds."""
    if isinstance(at, int):
        return at // 1000
    if (said := RFC_3339.fullmatch(at)) is None:
        return None
    year, month, day, hour, minute, whole = map(int, said.groups()[:6])
    sign, hours, minutes = said[7], int(said[8] or 0), int(said[9] or 0)
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    if hour > 23 or minute > 59 or whole > 59 or hours > 23 or minutes > 59:
        return None
    away = (hours * 60 + minutes) * 60 * (-1 if sign == "-" else 1)
    return calendar.timegm((year, month, day, hour, minute, whole)) - away
