"""A YAML file -> what `barograph actuate` may act on, or the one sentence that says what is wrong with it."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas import security
from schemas.config import Config
from schemas.events import Name
from schemas.rollbacks import Mode
from schemas.rollbacks import Target as Asked
from schemas.sections import Kafka, Letters, Section, Topics, Worker
from schemas.strict import ConfigError, read, text_of

Kind = Literal["flagd", "webhook", "kubernetes"]
Said = Annotated[str, Meta(min_length=1, max_length=4096)]
Patience = Annotated[float, Meta(ge=0.1, le=60)]
KINDS: tuple[Kind, ...] = ("flagd", "webhook", "kubernetes")


class Names(Section, frozen=True, kw_only=True):
    """Names of topics. They are the workers' to create.

    Attributes
    ----------
    prefix : stands before every topic's name, as in the workers' config
    """

    prefix: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100, description=Letters)] = ""


class Policy(Section, frozen=True, kw_only=True):
    """What an actuator lets commands do; of this and a command's own guard the stricter counts.

    Attributes
    ----------
    mode : the most that a command may ask for
    oldest_s : a command that was issued longer ago is not acted upon, whatever it says: a topic was read from its start
    ahead_s : nor is one that was issued so far in the future: its clock says nothing of when it expires
    cooldown_s, max_per_hour : rollbacks of one target
    """

    mode: Mode = "require_approval"
    oldest_s: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    ahead_s: Annotated[int, Meta(ge=0, le=3600)] = 60
    cooldown_s: Annotated[int, Meta(ge=0, le=86_400)] = 1800
    max_per_hour: Annotated[int, Meta(ge=1, le=1000)] = 1


class Flagd(Section, frozen=True, kw_only=True):
    """A flag in a file that flagd watches. Its variants bear the names of releases; the default is what serves.

    Attributes
    ----------
    file : where it lies; whoever deploys by it takes the lock of `.NAME.lock` beside it
    """

    file: Said


class Webhook(Section, frozen=True, kw_only=True):
    """A URL of yours that says what serves, and goes back if that is still so.

    Attributes
    ----------
    url : https, or http on loopback
    token_file : holds a bearer token, read again at each request; empty for none
    ca_file : certificates in PEM to trust instead of the system's; empty for those
    timeout_s : of each wait for an answer
    """

    url: Said
    token_file: str = ""
    ca_file: str = ""
    timeout_s: Patience = 10.0


class Kubernetes(Section, frozen=True, kw_only=True):
    """An object that names its release in a field. Its generation is the annotation `barograph.io/generation`.

    Attributes
    ----------
    url : of the API, https, or http on loopback
    api : group and version, `serving.kserve.io/v1beta1` say; `v1` for those without a group
    plural : what objects of the kind are called in URLs, `inferenceservices` say
    field : keys that lead to the release
    token_file : holds a bearer token, read again at each request
    ca_file : certificates in PEM to trust instead of the system's
    timeout_s : of each wait for an answer
    """

    url: Said = "https://kubernetes.default.svc"
    api: Annotated[
        str,
        Meta(pattern=r"^([a-z0-9.-]+/)?v[a-z0-9]+$", max_length=256, description="`GROUP/VERSION`, or `v1`"),
    ]
    plural: Annotated[str, Meta(pattern=r"^[a-z0-9.-]+$", max_length=256, description="a name in small letters")]
    field: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=2, max_length=16)] = (
        "spec",
        "release",
    )
    token_file: str = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - where it lies
    ca_file: str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    timeout_s: Patience = 10.0


class Place(Section, frozen=True, kw_only=True):
    """What decides which release of a service serves: one of `flagd`, `webhook` and `kubernetes`.

    Attributes
    ----------
    env, service : as commands name them
    ref : the flag's key, the webhook's name, or `namespace/name` of the object; as commands name it
    flagd, webhook, kubernetes : see below
    """

    env: Name = "production"
    service: Name
    ref: Name
    flagd: Flagd | None = None
    webhook: Webhook | None = None
    kubernetes: Kubernetes | None = None

    @property
    def kind(self) -> Kind:
        """Which of the three it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def asked(self) -> Asked:
        """The target that a command has to name."""
        return Asked(self.env, self.service, self.kind, self.ref)


class Actuate(Section, frozen=True, kw_only=True):
    """Everything that can be set of an actuator.

    Attributes
    ----------
    name : of this process, as no other; the same again after a restart
    kafka, topics : as in the workers' config
    policy : what commands may do here
    again_s : a command that waits, for an approval or a target that does not answer, is asked again so often
    targets : what may be rolled back; of one service in one environment there is one
    """

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]+$", max_length=100, description=Letters)] = "actuator-0"
    kafka: Kafka = Kafka()
    topics: Names = Names()
    policy: Policy = Policy()
    again_s: Annotated[float, Meta(ge=0.1, le=600)] = 10.0
    targets: Annotated[tuple[Place, ...], Meta(min_length=1)]

    def config(self) -> Config:
        """Say it as a worker's config, for all that asks of one how to reach the broker."""
        return Config(kafka=self.kafka, topics=Topics(prefix=self.topics.prefix), worker=Worker(name=self.name))


def load(path: Path) -> Actuate:
    """Read a file.

    Raises
    ------
    ConfigError
        If it cannot be read, or with the path of what is wrong in it and the choices there are.
    """
    return parse(text_of(path, "config"))


def parse(text: str) -> Actuate:
    """Read a config.

    Parameters
    ----------
    text : YAML

    Raises
    ------
    ConfigError
        With the path of what is wrong and the choices there are.

    Examples
    --------
    >>> parse("targets: [{service: bot, ref: model, flagd: {file: flags.json}}]").targets[0].asked
    Target(env='production', service='bot', kind='flagd', ref='model')
    >>> parse("targets: [{service: bot, ref: model}]")
    Traceback (most recent call last):
    schemas.strict.ConfigError: say by what `bot` is rolled back, one of flagd, webhook, kubernetes - at `targets[0]`
    """
    found = read(text, Actuate)
    security.check(found.kafka.security)
    for i, one in enumerate(found.targets):
        kinds = [kind for kind in KINDS if getattr(one, kind) is not None]
        if not kinds:
            choices = ", ".join(KINDS)
            raise ConfigError(f"say by what `{one.service}` is rolled back, one of {choices} - at `targets[{i}]`")
        if len(kinds) > 1:
            both = " and ".join(kinds)
            raise ConfigError(f"{both}: keep one, which alone decides what serves - at `targets[{i}].{kinds[1]}`")
        if any((one.env, one.service) == (other.env, other.service) for other in found.targets[:i]):
            raise ConfigError(f"`{one.service}` has two targets in {one.env} - at `targets[{i}]`")
        if one.kubernetes is not None:
            _named(one.ref, one.kubernetes, i)
    return found


def _named(ref: str, one: Kubernetes, i: int) -> None:
    if [bool(part) for part in ref.split("/")] != [True, True]:
        raise ConfigError(f"expected `namespace/name` of an object, got {ref!r} - at `targets[{i}].ref`")
    if one.field[0] != "spec":
        where = f"targets[{i}].kubernetes.field"
        raise ConfigError(f"the release lies within `spec`, not at `{'.'.join(one.field)}` - at `{where}`")


def show(config: Actuate) -> str:
    """Write every setting with its value, as YAML that `parse` reads back."""
    return msgspec.yaml.encode(config).decode()
