"""Files and variables that a config names -> passwords, tokens and TLS, or the sentence that says what is missing.

Needs nothing but Python, so that `barograph check` can ask.
"""

import os
import ssl
from functools import lru_cache
from pathlib import Path
from typing import Final

from schemas.config import Config
from schemas.sections import Worker
from schemas.security import Security
from schemas.strict import ConfigError

AT: Final = "kafka.security"


class Secret:
    """A text that shows itself only to who asks for it by name.

    Examples
    --------
    >>> print(Secret("hunter2"), [Secret("hunter2")], Secret("hunter2").reveal())
    (secret) [(secret)] hunter2
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "(secret)"

    def reveal(self) -> str:
        """Give the text, to hand it on to a client."""
        return self._text


def check(config: Config) -> None:
    """Read every secret and certificate that the config names, once, to see that they can be used.

    Raises
    ------
    ConfigError
        With the setting that names what is missing, empty or no certificate.
    """
    usable(config.kafka.security)
    http_token(config.worker)


def usable(security: Security) -> None:
    """Read what a connection to a broker needs.

    Raises
    ------
    ConfigError
        As `check`.
    """
    tls(security)
    password(security)
    if security.token_file:
        token(security)


@lru_cache(maxsize=8)
def password(security: Security) -> Secret | None:
    """Read the password for SASL, once for the life of the process; None where there is none."""
    return _either(
        f"{AT}.password_file", security.password_file, f"{AT}.password_env", security.password_env
    )  # fmt: skip


def token(security: Security) -> Secret:
    """Read the token for OAUTHBEARER, again at each call: whoever issues them writes a new one before it expires."""
    return _from_file(f"{AT}.token_file", security.token_file)


@lru_cache(maxsize=8)
def http_token(worker: Worker) -> Secret | None:
    """Read the token that the worker's page asks for; None where it asks for none."""
    return _either(
        "worker.http_token_file", worker.http_token_file, "worker.http_token_env", worker.http_token_env
    )  # fmt: skip


@lru_cache(maxsize=8)
def tls(security: Security) -> ssl.SSLContext | None:
    """Make what TLS needs: whom to trust, that the host's name must be in the certificate, and who we are.

    Returns
    -------
    ssl.SSLContext or None
        TLS 1.2 or later; None where the protocol has no TLS.

    Raises
    ------
    ConfigError
        If a file is missing, or holds no PEM certificate or key, or the key is encrypted or another certificate's.
    """
    if not security.tls:
        return None
    ca, certificate, key = security.ca_file, security.certificate_file, security.key_file
    for name, path in (("ca_file", ca), ("certificate_file", certificate), ("key_file", key)):
        if path:
            _bytes(f"{AT}.{name}", path)
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except ssl.SSLError:
        raise ConfigError(f"`{ca}` holds no certificate in PEM - at `{AT}.ca_file`") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        try:
            context.load_cert_chain(certificate, key, password=_refuse_encrypted)
        except _EncryptedError:
            raise ConfigError(f"the key in `{key}` is encrypted: store it decrypted - at `{AT}.key_file`") from None
        except ssl.SSLError as wrong:
            if wrong.reason == "KEY_VALUES_MISMATCH":
                said = f"the key in `{key}` is not that of the certificate in `{certificate}`"
                raise ConfigError(f"{said} - at `{AT}.key_file`") from None
            said = f"`{certificate}` and `{key}` hold no certificate and key in PEM"
            raise ConfigError(f"{said} - at `{AT}.certificate_file`") from None
    return context


class _EncryptedError(Exception):
    pass


def _refuse_encrypted() -> str:
    """Answer OpenSSL, which would otherwise ask for the key's password at the terminal."""
    raise _EncryptedError


def _either(file_at: str, path: str, env_at: str, variable: str) -> Secret | None:
    if path:
        return _from_file(file_at, path)
    if not variable:
        return None
    text = os.environ.get(variable)
    if text is None:
        raise ConfigError(f"the environment has no variable `{variable}` - at `{env_at}`")
    return _usable(text, f"the environment variable `{variable}`", env_at)


def _from_file(at: str, path: str) -> Secret:
    try:
        text = _bytes(at, path).decode()
    except UnicodeDecodeError:
        raise ConfigError(f"`{path}` holds no text in UTF-8 - at `{at}`") from None
    return _usable(text.removesuffix("\n").removesuffix("\r"), f"`{path}`", at)


def _usable(text: str, where: str, at: str) -> Secret:
    """Refuse what is certainly no secret."""
    if not text.strip():
        raise ConfigError(f"{where} is empty - at `{at}`")
    if not text.isprintable():  # a second line, say: a file with more in it than the secret
        raise ConfigError(f"{where} holds more than one line, or control characters - at `{at}`")
    return Secret(text)


def _bytes(at: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as wrong:
        raise ConfigError(f"cannot read `{path}`: {(wrong.strerror or str(wrong)).lower()} - at `{at}`") from None
