"""A config -> a broker that answers and knows us, or the one sentence that says why none does."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from schemas.config import Config
from streams.shell import secret
from streams.shell.clients import access
from streams.shell.exits import BrokerError
from streams.shell.refusal import Refusal, explain, no_token

ANSWER_S: Final = 5.0
"""How long a broker may keep us waiting for its first answer: one that is just being started gets so long."""

_PAUSE_S: Final = 0.2
_CLOSE_S: Final = 1.0


async def knock(config: Config) -> None:
    """Connect to a broker, and to all that it names, as every client of the worker will.

    The clients themselves only log why they cannot connect, and try for ever.

    Raises
    ------
    BrokerError
        If a broker refuses us, or none answers in time.
    ConfigError
        If a secret or a certificate cannot be read.
    """
    secret.usable(config.kafka.security)
    said = ""
    with hushed():
        try:
            async with asyncio.timeout(ANSWER_S):
                while (refusal := await _round(config)) and not refusal.final:
                    said = refusal.said or said
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            address = config.kafka.bootstrap
            none = f"no Kafka broker answers at {address}: start one, or set `kafka.bootstrap` to where it is"
            raise BrokerError(said or none) from None
    if refusal:
        raise BrokerError(refusal.said)


async def _round(config: Config) -> Refusal | None:
    """Try each address once; None if a broker lets us in, and no other one that it names refuses us."""
    refusals = []
    for host, port, _ in collect_hosts(config.kafka.bootstrap, randomize=False):
        found = await _brokers(config, host, port)
        if isinstance(found, Refusal):
            refusals.append(found)
            continue
        others = [await _brokers(config, *broker) for broker in found if broker != (host, port)]
        return next((one for one in others if isinstance(one, Refusal) and one.final), None)
    return max(refusals, key=lambda refusal: (refusal.final, bool(refusal.said)))


async def _brokers(config: Config, host: str, port: int) -> list[tuple[str, int]] | Refusal:
    """Connect to one address and ask where the brokers are."""
    said = access(config)
    del said["bootstrap_servers"]
    made: AIOKafkaConnection | None = None
    try:
        made = await create_conn(
            host, port, client_id=f"{config.worker.name}-knocking", request_timeout_ms=round(ANSWER_S / 2 * 1000),
            **said,
        )  # fmt: skip
        answer = await made.send(MetadataRequest([]))
        if config.kafka.security.mechanism == "OAUTHBEARER" and answer.cluster_id is None:
            # The client overlooks that the broker took no token; what it asks for next is answered by nothing.
            return Refusal(no_token(config, f"{host}:{port}"), final=True)
        return [(broker[1], broker[2]) for broker in answer.brokers]
    except (OSError, KafkaError, ValueError) as error:
        return explain(config, f"{host}:{port}", error)
    finally:
        if made:
            await asyncio.wait([made.close()], timeout=_CLOSE_S)  # TLS says goodbye, and a loop may end with ours


@contextmanager
def hushed() -> Iterator[None]:
    """Keep the client from logging each attempt: what comes of them is said in one sentence."""
    log = logging.getLogger("aiokafka")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
