"""What people and pipelines tell Barograph: the facts of `ai.control`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.events import Count, Name, When


class _Fact(Struct, kw_only=True, frozen=True, tag_field="type"):
    service: Name
    at: When


class Release(_Fact, tag="release", frozen=True):
    """A release began a phase of its life."""

    release: Name
    phase: Literal["deployed", "canary", "promoted", "rolled_back"]
    generation: Count | None = None
    previous: str | None = None
    artifact: str | None = None
    model: str | None = None
    owner: str | None = None


class SignOff(_Fact, tag="sign_off", frozen=True):
    """A role agreed to a release, or did not."""

    release: Name
    role: Literal["ml", "sre", "security", "product"]
    by: Name
    agreed: bool = True
    note: str | None = None


class Acknowledge(_Fact, tag="acknowledge", frozen=True):
    """A person took an incident."""

    fingerprint: Name
    by: Name
    note: str | None = None


class Maintain(_Fact, tag="maintain", frozen=True):
    """A service is worked on: until then nobody is paged for it. A later fact takes the place of an earlier one."""

    by: Name
    until: When
    reason: str | None = None


class Rebaseline(_Fact, tag="rebaseline", frozen=True):
    """What is now is the new normal: learn it."""

    by: Name
    signals: tuple[str, ...] = ()
    reason: str | None = None


class Approve(_Fact, tag="approve", frozen=True):
    """A person let a proposed rollback go ahead.

    Attributes
    ----------
    key : of the command, as it stands in its result
    """

    release: Name
    by: Name
    key: Annotated[str, Meta(min_length=1, max_length=4096)]


Control = Release | SignOff | Acknowledge | Maintain | Rebaseline | Approve
