"""A target of the config -> its actuator."""

from pathlib import Path
from typing import Final

from schemas.actuate import KINDS, Actuate, Kubernetes, Place
from schemas.rollbacks import Rollback, Target, target_key
from schemas.strict import ConfigError
from streams.act.resource import Done, Observed, Try, Unseen
from streams.shell.actuators.actuator import Actuator
from streams.shell.actuators.asking import Asking
from streams.shell.actuators.flagd import FlagFile
from streams.shell.actuators.kubernetes import KubernetesObject
from streams.shell.actuators.webhook import Webhook

WORDS: Final = dict(zip(KINDS, ("the flag", "the webhook", "the object"), strict=True))


def made(config: Actuate) -> dict[str, Actuator]:
    """Make every actuator: key of the target -> actuator.

    Raises
    ------
    ConfigError
        With the path of what cannot be used.
    """
    found: dict[str, Actuator] = {}
    for i, place in enumerate(config.targets):
        try:
            found[target_key(place.env, place.service)] = _made(place)
        except ConfigError as wrong:
            raise ConfigError(f"{wrong} - at `targets[{i}].{place.kind}`") from None
    return found


def _made(place: Place) -> Actuator:
    if place.flagd is not None:
        return FlagFile(Path(place.flagd.file), place.ref)
    if (hook := place.webhook) is not None:
        return Webhook(Asking(hook.url, hook.token_file, hook.ca_file, hook.timeout_s))
    assert place.kubernetes is not None
    one = place.kubernetes
    asking = Asking(address(one, place.ref), one.token_file, one.ca_file, one.timeout_s)
    return KubernetesObject(asking, one.field)


def address(one: Kubernetes, ref: str) -> str:
    """Give an object's URL.

    Examples
    --------
    >>> address(Kubernetes(api="apps/v1", plural="deployments"), "ml/bot")
    'https://kubernetes.default.svc/apis/apps/v1/namespaces/ml/deployments/bot'
    >>> address(Kubernetes(api="v1", plural="configmaps"), "ml/bot")
    'https://kubernetes.default.svc/api/v1/namespaces/ml/configmaps/bot'
    """
    namespace, _, name = ref.partition("/")
    root = "apis" if "/" in one.api else "api"
    return f"{one.url.rstrip('/')}/{root}/{one.api}/namespaces/{namespace}/{one.plural}/{name}"


def named(target: Target) -> str:
    """Say what decides at a target.

    Examples
    --------
    >>> named(Target("production", "bot", "flagd", "model"))
    'the flag model'
    """
    return f"{WORDS[target.kind]} {target.ref}"


class Elsewhere:
    """A target that a command names otherwise than the config: it is not looked at, and nothing is done.

    Examples
    --------
    >>> Elsewhere(Target("production", "bot", "flagd", "model"), Target("production", "bot", "webhook", "r")).observe()
    Unseen(said='here it is the flag model that decides, not the webhook r')
    """

    def __init__(self, here: Target, asked: Target) -> None:
        self._said = f"here it is {named(here)} that decides, not {named(asked)}"

    def observe(self) -> Unseen:
        """Say why nothing is looked at."""
        return Unseen(self._said)

    def act(self, _: Try) -> Done:
        """Do nothing; what was not seen is not acted upon."""
        return Done("refused", self._said)


def for_command(place: Target, actuator: Actuator, command: Rollback) -> Actuator:
    """Choose who answers a command: the target's actuator, if the command means that one."""
    return actuator if command.target == place else Elsewhere(place, command.target)


def seen(found: Observed | Unseen) -> str:
    """Say what was seen of a target.

    Examples
    --------
    >>> seen(Unseen("no answer"))
    'cannot be seen: no answer'
    """
    if isinstance(found, Unseen):
        return f"cannot be seen: {found.said}"
    last = f"; last rolled back by {found.marker.key}" if found.marker else ""
    return f"runs {found.runs.release} (generation {found.runs.generation}){last}"
