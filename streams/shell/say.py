"""A control fact -> a record of `ai.control`, and where it lies."""

import asyncio

from aiokafka.errors import KafkaError

from schemas.config import Config
from streams.shell.clients import producer, topic
from streams.shell.exits import BrokerError, forbidden
from streams.shell.knock import ANSWER_S, hushed, knock


def say(config: Config, service: str, fact: bytes) -> str:
    """Write a fact, and wait until the broker has it.

    Returns
    -------
    str
        Its place, ``ai.control:0:17`` say.

    Raises
    ------
    BrokerError
        If nobody answers, or the broker does not take it. Whether it has it is then unknown; said twice, a fact does
        no harm.
    """
    return asyncio.run(_say(config, service, fact))


async def _say(config: Config, service: str, fact: bytes) -> str:
    await knock(config)
    name, sender = topic(config, "control"), producer(config)
    try:
        with hushed():
            async with asyncio.timeout(ANSWER_S * 2):
                await sender.start()
                sent = await sender.send_and_wait(name, fact, service.encode())
    except (KafkaError, TimeoutError) as error:
        raise forbidden(error) or BrokerError(
            f"the fact was not said: no Kafka broker at {config.kafka.bootstrap} took it for the topic {name}; set "
            "`kafka.bootstrap` to where it is, or create the topic with `barograph topics --create`"
        ) from None
    finally:
        await sender.stop()
    return f"{name}:{sent.partition}:{sent.offset}"
