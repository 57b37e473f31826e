"""Whatever keeps a worker from going on -> one sentence and an exit code."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, ClassVar

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from schemas.strict import ConfigError

log = logging.getLogger(__name__)


class Exit(Exception):
    """The worker must not go on; the message is one sentence for the operator."""

    code: ClassVar[int] = 1


class ConfigRefused(Exit):
    """The config asks for what cannot be had on this machine."""

    code = 2


class BrokerError(Exit):
    """Nobody answers at the broker's address."""

    code = 3


class TopicError(Exit):
    """The topics there are do not fit the config, or what was learned from them."""

    code = 3


class Doubt(Exit):
    """What is in memory may no longer be what the log says. Reading it again cures that: end, and be started again."""

    code = 4


class Stalled(Doubt):
    """A partition made no progress although there is something to read."""

    def __init__(self, words: str, topic: str, partition: int, position: int) -> None:
        super().__init__(words)
        self.topic, self.partition, self.position = topic, partition, position


def forbidden(error: BaseException) -> BrokerError | None:
    """Say what the broker does not allow, if that is what an error means.

    Examples
    --------
    >>> forbidden(TopicAuthorizationFailedError("ai.incidents"))
    BrokerError('the broker does not allow what is needed: the topic ai.incidents; `barograph topics --acls` prints \
how to grant it')
    >>> forbidden(KafkaError("it is slow"))
    """
    match error:
        case TopicAuthorizationFailedError():
            what = "the topic"
        case GroupAuthorizationFailedError():
            what = "the group"
        case ClusterAuthorizationFailedError():
            what = "idempotent writing"
        case _:
            return None
    names = " ".join(str(name) for name in error.args)
    return BrokerError(
        f"the broker does not allow what is needed: {what} {names}; `barograph topics --acls` prints how to grant it"
    )


class Fuse:
    """Blows by the first part of a worker that finds a reason to end.

    Examples
    --------
    >>> async def worker() -> None:
    ...     fuse = Fuse()
    ...     fuse.blow(Doubt("record 7 is missing"))
    ...     fuse.blow(Doubt("so is the rest"))
    ...     await fuse.blown()
    ...     print(fuse.why)
    >>> asyncio.run(worker())
    record 7 is missing
    """

    def __init__(self) -> None:
        self.why: Exit | None = None
        self._blown = asyncio.Event()

    def blow(self, why: Exit) -> None:
        """Ask for the end."""
        self.why = self.why or why
        self._blown.set()

    async def blown(self) -> None:
        """Wait until somebody asks for the end; `why` says then who."""
        await self._blown.wait()

    async def guard(self, work: Coroutine[Any, Any, object]) -> None:
        """Run a part of the worker; if it fails, the worker ends.

        An `Exit` says itself why. An error of Kafka's client means that something was not read, sent or committed. All
        else is a bug: it is logged with its traceback, and the process ends as on any doubt.
        """
        try:
            await work
        except Exit as why:
            self.blow(why)
        except ConfigError as wrong:
            self.blow(ConfigRefused(str(wrong)))
        except KafkaConnectionError:
            self.blow(BrokerError("the Kafka broker does not answer any more"))
        except KafkaError as error:
            self.blow(forbidden(error) or Doubt(f"Kafka: {error!r}"))
        except Exception as bug:
            log.exception("a bug")
            self.blow(Doubt(f"a bug: {bug!r}"))
