"""What a config says of TLS, SASL and who may listen -> settings that do not contradict each other."""

from ipaddress import ip_address
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.strict import ConfigError

Variable = Annotated[
    str,
    Meta(pattern=r"^([a-zA-Z_][a-zA-Z0-9_]*)?$", max_length=256, description="the name of an environment variable"),
]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class Security(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How brokers and worker know each other. Secrets stand in files or in the environment, never in the config.

    Attributes
    ----------
    protocol : of the brokers' listener, by Kafka's own name; `SSL` and `SASL_SSL` are TLS
    ca_file : PEM certificates of who may sign a broker's certificate; the system's own where none is named
    certificate_file : PEM certificate by which brokers know the worker, with those that lead to its CA
    key_file : PEM key of that certificate, not encrypted
    mechanism : how the worker proves who it is, where the protocol has SASL
    username : for `PLAIN` and `SCRAM`
    password_file : file that holds the password, and nothing else
    password_env : environment variable that holds it, instead of a file
    token_file : file that holds the token for `OAUTHBEARER`; read again for every connection, so an agent may renew it
    unencrypted : must be true for `SASL_PLAINTEXT`: whoever is on the way reads along
    """

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    mechanism: Mechanism | None = None
    username: str = ""
    password_file: str = ""
    password_env: Variable = ""
    token_file: str = ""
    unencrypted: bool = False

    @property
    def tls(self) -> bool:
        """Whether the protocol encrypts."""
        return self.protocol.endswith("SSL")

    @property
    def sasl(self) -> bool:
        """Whether the protocol asks who the worker is."""
        return self.protocol.startswith("SASL")


def check(security: Security) -> None:
    """Refuse settings of `kafka.security` that contradict each other, or of which one would be ignored in silence.

    Raises
    ------
    ConfigError
        With the path of the setting.
    """
    at = "kafka.security"
    mechanism, protocol = security.mechanism, security.protocol
    if security.sasl and mechanism is None:
        names = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
        raise ConfigError(f"{protocol} needs a mechanism: {names} - at `{at}.mechanism`")
    if mechanism and not security.sasl:
        raise ConfigError(f"{mechanism} needs SASL_SSL, and not {protocol} - at `{at}.protocol`")
    if protocol == "SASL_PLAINTEXT" and not security.unencrypted:
        raise ConfigError(
            f"SASL_PLAINTEXT sends credentials and events unencrypted: take SASL_SSL, or say so with "
            f"`{at}.unencrypted: true` - at `{at}.protocol`"
        )
    if security.unencrypted and protocol != "SASL_PLAINTEXT":
        raise ConfigError(f"only SASL_PLAINTEXT takes it - at `{at}.unencrypted`")
    for name in ("ca_file", "certificate_file", "key_file"):
        if getattr(security, name) and not security.tls:
            raise ConfigError(f"a file for TLS, but {protocol} has none: take SSL or SASL_SSL - at `{at}.{name}`")
    if bool(security.certificate_file) != bool(security.key_file):
        missing = "key_file" if security.certificate_file else "certificate_file"
        raise ConfigError(f"a certificate and its key go together - at `{at}.{missing}`")
    by_password = mechanism not in (None, "OAUTHBEARER")
    for name in ("username", "password_file", "password_env"):
        if getattr(security, name) and not by_password:
            raise ConfigError(f"only PLAIN and SCRAM take it; `{at}.mechanism` names none of them - at `{at}.{name}`")
    if security.token_file and mechanism != "OAUTHBEARER":
        raise ConfigError(f"only OAUTHBEARER takes it; `{at}.mechanism` is another - at `{at}.token_file`")
    if by_password and not security.username:
        raise ConfigError(f"{mechanism} needs a user - at `{at}.username`")
    if by_password and not (security.password_file or security.password_env):
        raise ConfigError(
            f"{mechanism} needs a password, in a file or an environment variable: name one in "
            f"`{at}.password_file` or `{at}.password_env` - at `{at}`"
        )
    if mechanism == "OAUTHBEARER" and not security.token_file:
        raise ConfigError(f"OAUTHBEARER needs a token, in a file - at `{at}.token_file`")
    if security.password_file and security.password_env:
        raise ConfigError(f"a password in a file and one in the environment: keep one - at `{at}.password_env`")


def loopback(host: str) -> bool:
    """Whether only this machine can reach a host.

    Examples
    --------
    >>> [loopback(host) for host in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "::", "example.org")]
    [True, True, True, False, False, False]
    """
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
