"""A folder -> what a guarded broker has beside its open listener: certificates, listeners with TLS and SASL, users.

All listeners of one broker, so that one start serves every test:

===========  ========  ==================================================================
name         protocol  what is of note
===========  ========  ==================================================================
SASLTLS      TLS+SASL  PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER (unsecured tokens)
MUTUAL       TLS       knows clients by their certificate, and by nothing else
EXPIRED      TLS       its certificate has expired
ELSEWHERE    TLS       its certificate is for another host
PLAINSASL    SASL      without TLS
===========  ========  ==================================================================

Whoever comes by the cluster's own plain listener is ANONYMOUS, and may everything.
"""

import base64
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import trustme
from cryptography.hazmat.primitives import serialization
from msgspec.structs import replace

from schemas.security import Mechanism, Security

LISTENERS: Final[Mapping[str, str]] = {
    "SASLTLS": "SASL_SSL", "MUTUAL": "SSL", "EXPIRED": "SSL", "ELSEWHERE": "SSL", "PLAINSASL": "SASL_PLAINTEXT",
}  # fmt: skip
"""Name of a listener -> its protocol."""

SCRAM: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")
USERS: Final[Mapping[str, str]] = {
    "worker": "w0rker-s3cret",
    "operator": "0perator-s3cret",
    "reader": "re4der-s3cret",
    "stranger": "str4nger-s3cret",
}
"""User -> password, the same for PLAIN and SCRAM."""


class Guard:
    """What both sides need to know each other: certificates, passwords, tokens, and a client's settings.

    Parameters
    ----------
    folder : where certificates and secrets are put
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._ca = trustme.CA(organization_name="a CA of the tests")
        past = datetime.now(UTC) - timedelta(days=1)
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)
        self.other_ca_file = folder / "other-ca.pem"
        trustme.CA(organization_name="another CA").cert_pem.write_to_path(self.other_ca_file)
        self._store("broker", self._ca.issue_cert("127.0.0.1", "localhost"))
        self._store("expired", self._ca.issue_cert("127.0.0.1", not_before=past - timedelta(days=1), not_after=past))
        self._store("elsewhere", self._ca.issue_cert("kafka.example.org"))
        self._store("client", self._ca.issue_cert("client@example.org", common_name="worker"))
        for user, password in USERS.items():
            (folder / f"{user}.password").write_text(password + "\n")
        self.write_token("worker")

    def settings(self) -> dict[str, str]:
        """Say it in the broker's own settings."""
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required " + " ".join(
            f'user_{user}="{password}"' for user, password in USERS.items()
        )
        settings = {"super.users": "User:ANONYMOUS"}
        for name, protocol in LISTENERS.items():
            of = f"listener.name.{name.lower()}."
            if protocol.endswith("SSL"):
                store = name.lower() if name in ("EXPIRED", "ELSEWHERE") else "broker"
                settings |= {
                    f"{of}ssl.keystore.type": "PEM",
                    f"{of}ssl.keystore.location": str(self.folder / f"{store}.store.pem"),
                    f"{of}ssl.truststore.type": "PEM",
                    f"{of}ssl.truststore.location": str(self.ca_file),
                    f"{of}ssl.client.auth": "required" if name == "MUTUAL" else "none",
                    f"{of}ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
                }
            if protocol.startswith("SASL"):
                settings |= {
                    f"{of}sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM, "OAUTHBEARER")),
                    f"{of}plain.sasl.jaas.config": f"{plain};",
                    f"{of}oauthbearer.sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer."
                    'OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
                }
                settings |= {
                    f"{of}{mechanism.lower()}.sasl.jaas.config": "org.apache.kafka.common.security.scram."
                    "ScramLoginModule required;"
                    for mechanism in SCRAM
                }
        return settings

    def scram(self) -> list[str]:
        """Arguments of Kafka's `format` that make the users."""
        made = [
            f"{mechanism}=[name={user},password={password}]" for mechanism in SCRAM
            for user, password in USERS.items()
        ]  # fmt: skip
        return [word for one in made for word in ("--add-scram", one)]

    def write_token(self, user: str, expires_s: float = 3600) -> Path:
        """Write a token, as an agent does that renews it: unsecured (RFC 7515, appendix A.5), for tests only."""
        now = time.time()
        parts = ({"alg": "none"}, {"sub": user, "iat": now - 7200, "exp": now + expires_s})
        text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        path = self.folder / f"{user}.token"
        path.write_text(f"{text}.\n")
        return path

    def security(self, mechanism: Mechanism = "SCRAM-SHA-512", user: str = "worker") -> Security:
        """Settings of a client of SASLTLS."""
        by_password = Security(
            protocol="SASL_SSL", ca_file=str(self.ca_file), mechanism=mechanism, username=user,
            password_file=str(self.folder / f"{user}.password"),
        )  # fmt: skip
        if mechanism != "OAUTHBEARER":
            return by_password
        return replace(by_password, username="", password_file="", token_file=str(self.folder / f"{user}.token"))

    def mutual(self) -> Security:
        """Settings of a client of MUTUAL."""
        return Security(
            protocol="SSL", ca_file=str(self.ca_file), certificate_file=str(self.folder / "client.pem"),
            key_file=str(self.folder / "client.key"),
        )  # fmt: skip

    def _store(self, name: str, cert: trustme.LeafCert) -> None:
        """Write a key and its certificates: for a client in two files, for Kafka, which reads PKCS #8 only, in one."""
        key = serialization.load_pem_private_key(cert.private_key_pem.bytes(), None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = b"".join(blob.bytes() for blob in cert.cert_chain_pems)
        (self.folder / f"{name}.key").write_bytes(key)
        (self.folder / f"{name}.pem").write_bytes(chain)
        (self.folder / f"{name}.store.pem").write_bytes(key + chain)
