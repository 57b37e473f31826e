"""Why a connection was not made -> one sentence that says so, and what to do."""

import ssl
from collections.abc import Iterator
from typing import NamedTuple

from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from schemas.config import Config

_EXPIRED, _NOT_YET, _OTHER_HOST = {10}, {9}, {62, 64}  # X509_V_ERR_*


class Refusal(NamedTuple):
    """Why a broker did not let us in; `final` if it will say the same the next time."""

    said: str
    final: bool


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
            return no_token(config, address)
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


def no_token(config: Config, address: str) -> str:
    """Say that a broker did not accept the token of OAUTHBEARER."""
    return (
        f"the broker at {address} does not accept the token in `{config.kafka.security.token_file}`: it may have "
        "expired, or be issued for something else; see that whoever renews it does, or name another file in "
        "`kafka.security.token_file`"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
