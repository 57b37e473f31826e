"""What services emit: the events of `ai.events`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Amount = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
When = str | Annotated[int, Meta(ge=0, le=2**53)]
"""A time: RFC 3339 with its zone, or whole milliseconds since 1970."""


class Retrieval(Struct, gc=False, frozen=True):
    """What a search brought to an answer."""

    n: Count | None = None
    coverage: Share | None = None
    top_score: float | None = None
    newest_age_days: Amount | None = None
    citations: Count | None = None
    citations_valid: bool | None = None


class Tool(Struct, gc=False, frozen=True):
    """One call of a tool."""

    name: str
    known: bool | None = None
    ok: bool | None = None
    error: str | None = None
    authorized: bool | None = None
    args_valid: bool | None = None
    args_hash: str | None = None


class Guardrail(Struct, gc=False, frozen=True):
    """One guardrail that looked at an exchange."""

    name: str
    fired: bool | None = None
    category: str | None = None
    responded: bool | None = None


class Opinion(Struct, gc=False, frozen=True):
    """What one evaluator thought of an exchange."""

    name: str
    value: float | None = None
    label: str | None = None
    judge: str | None = None


class Embedding(Struct, gc=False, frozen=True):
    """Where a text lies in its producer's codebook; the vector itself stays with the producer."""

    cell: Count
    distance: Amount


class _Event(Struct, gc=False, kw_only=True, tag_field="type"):
    service: Name
    release: Name
    at: When


class _RequestSide(_Event):
    id: Name
    env: str | None = None
    workflow: str | None = None
    persona: str | None = None
    intent: str | None = None
    language: str | None = None
    expected_language: str | None = None
    tenant_tier: str | None = None
    session: str | None = None
    turn: Count | None = None
    trace: str | None = None
    parent: str | None = None
    model_requested: str | None = None
    prompt_version: str | None = None
    input_tokens: Count | None = None
    deadline_ms: Amount | None = None
    embedding: Embedding | None = None


class _BothSides(_RequestSide):
    status: Literal["ok", "error", "timeout", "aborted", "filtered"] | None = None
    model_served: str | None = None
    route: str | None = None
    http_status: Count | None = None
    error_type: str | None = None
    latency_ms: Amount | None = None
    ttft_ms: Amount | None = None
    output_tokens: Count | None = None
    cost_usd: Amount | None = None
    finish_reason: str | None = None
    answered: bool | None = None
    refused: bool | None = None
    abstained: bool | None = None
    confidence: Share | None = None
    schema_valid: bool | None = None
    missing_fields: tuple[str, ...] = ()
    prohibited: tuple[str, ...] = ()
    retrieval: Retrieval | None = None
    tools: tuple[Tool, ...] = ()
    sql: str | None = None
    steps: Count | None = None
    guardrails: tuple[Guardrail, ...] = ()
    fallback: bool | None = None
    retries: Count | None = None
    evals: tuple[Opinion, ...] = ()
    attributes: dict[str, bool | float | str | None] | None = None


class Exchange(_BothSides, tag="exchange"):
    """A request and what became of it, in one record."""


class Request(_RequestSide, tag="request"):
    """The first half of an exchange that is sent in two records, both of one partition: give them the same key."""


class Response(_BothSides, tag="response"):
    """The second half, with the `id` and `service` of its request; what it does not say, the request's word holds."""


class Outcome(_Event, tag="outcome"):
    """A later judgement about an exchange; it counts for the release that served it, which it names itself."""

    about: Name
    id: str | None = None
    correct: bool | None = None
    critical_fields_ok: bool | None = None
    rule_ok: bool | None = None
    accepted: bool | None = None
    resolved: bool | None = None
    escalated: bool | None = None
    escalation_correct: bool | None = None
    repeat_contact: bool | None = None
    business_outcome: str | None = None
    confidence: Share | None = None
    mode: str | None = None
    source: str | None = None
    judge: str | None = None


class Evaluation(_Event, tag="evaluation"):
    """One case of an offline evaluation run."""

    pack: Name
    pack_version: Name
    case: Name
    suite: Literal["core", "red_team", "incident"]
    difficulty: Literal["easy", "medium", "hard", "adversarial"] | None = None
    subdomain: str | None = None
    critical: bool | None = None
    score: float | None = None
    correct: bool | None = None


Event = Exchange | Request | Response | Outcome | Evaluation
