"""A config -> a broker that answers and knows us, or the one sentence that says why none does."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from schemas.config import Config
from streams.shell import secret
from streams.shell.clients import access
from streams.shell.exits import BrokerError

ANSWER_S: Final = 5.0
"""How long a broker may keep us waiting for its first answer: one that is just being started gets so long."""

_PAUSE_S: Final = 0.2

_EXPIRED, _NOT_YET, _OTHER_HOST = {10}, {9}, {62, 64}  # X509_V_ERR_*


class Refusal(NamedTuple):
    """Why a broker did not let us in; `final` if it will say the same the next time."""

    said: str
    final: bool


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
            return Refusal(_no_token(config, f"{host}:{port}"), final=True)
        return [(broker[1], broker[2]) for broker in answer.brokers]
    except (OSError, KafkaError, ValueError) as error:
        return explain(config, f"{host}:{port}", error)
    finally:
        if made:
            made.close()


def explain(config: Config, address: str, error: BaseException) -> Refusal:
    """Say why a connection was not made, and what to do.

    Parameters
    ----------
    address : whom we asked
    error : what the client raised

    Examples
    --------
    >>> explain(Config(), "kafka:9092", OSError())
    Refusal(said='', final=False)
    >>> explain(Config(), "kafka:9092", SaslAuthenticationFailed()).said
    'the broker at kafka:9092 does not accept the user `` or the password of `kafka.security`: put right which is wrong'
    """
    chain = list(_causes(error))
    for one in chain:
        if said := _of_tls(address, one) or _of_sasl(config, address, one):
            return Refusal(said, final=True)
    security = config.kafka.security
    if any(isinstance(one, ssl.SSLError | ConnectionResetError) for one in chain) and security.tls:
        return Refusal(
            f"the broker at {address} ends the connection while TLS begins: its listener may have no TLS, or ask for a "
            f"certificate of ours; compare its listeners with `kafka.security.protocol` ({security.protocol})", False
        )  # fmt: skip
    if any(isinstance(one, KafkaConnectionError | ConnectionResetError) for one in chain):
        return Refusal(
            f"the broker at {address} takes a connection and ends it without a word: its listener may speak another "
            f"protocol than the {security.protocol} of `kafka.security.protocol`, TLS or SASL say", False
        )  # fmt: skip
    return Refusal("", final=False)


def _of_tls(address: str, error: BaseException) -> str:
    broker = f"the broker at {address}"
    if isinstance(error, ssl.SSLCertVerificationError):
        code, theirs = error.verify_code, f"the certificate of {broker}"
        if code in _EXPIRED:
            return f"{theirs} has expired: give the broker a new one (or put this machine's clock right)"
        if code in _NOT_YET:
            return f"{theirs} is not valid yet: put this machine's clock right, or give the broker another one"
        if code in _OTHER_HOST:
            return (
                f"{theirs} is for another host: address it, in `kafka.bootstrap` and in its `advertised.listeners`, by "
                "a name that its certificate has, or give it a certificate for this one"
            )
        return (
            f"{theirs} is not trusted here ({error.verify_message}): put the CA that signed it into "
            "`kafka.security.ca_file`"
        )
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
            return (
                f"{broker} does not speak TLS: take the port of its TLS listener for `kafka.bootstrap`, or a "
                "`kafka.security.protocol` without TLS"
            )
        if "ALERT" in reason and "CERTIFICATE" in reason:
            return (
                f"{broker} does not accept our certificate ({reason.lower().replace('_', ' ')}): name one that it "
                "trusts in `kafka.security.certificate_file` and `kafka.security.key_file`"
            )
    return ""


def _of_sasl(config: Config, address: str, error: BaseException) -> str:
    security, broker = config.kafka.security, f"the broker at {address}"
    match error:
        case SaslAuthenticationFailed() | AuthenticationFailedError() if security.mechanism == "OAUTHBEARER":
            return _no_token(config, address)
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            return (
                f"{broker} does not accept the user `{security.username}` or the password of `kafka.security`: "
                "put right which is wrong"
            )
        case UnsupportedSaslMechanismError():
            return (
                f"{broker} does not offer the SASL mechanism {security.mechanism}: set `kafka.security.mechanism` to "
                "one that it has in `sasl.enabled.mechanisms`"
            )
        case IllegalSaslStateError():
            return (
                f"{broker} asks for no SASL on that port: set `kafka.security.protocol` to "
                f"{security.protocol.removeprefix('SASL_')}, or take the port of its SASL listener"
            )
        case ValueError() if security.sasl and not isinstance(error, UnicodeError):  # its signature is wrong
            return f"{broker} does not know our password itself, so it is not who it says; do not trust this address"
        case _:
            return ""


def _no_token(config: Config, address: str) -> str:
    return (
        f"the broker at {address} does not accept the token in `{config.kafka.security.token_file}`: it may have "
        "expired, or be issued for something else; see that whoever renews it does, or name another file in "
        "`kafka.security.token_file`"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


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
