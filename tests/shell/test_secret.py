"""Secrets promise: read from where the config says, refused with that place if useless, and shown to nobody."""

import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from schemas.config import Config, parse
from schemas.sections import Kafka, Worker
from schemas.security import Security
from schemas.strict import ConfigError
from streams import cli
from streams.shell import clients, secret
from tests.kafka.guarded import Guard

HUNTER = "hunter2-hunter2"
VARIABLE, EMPTY, UNSET = (f"BAROGRAPH_TEST_{what}" for what in ("PASSWORD", "EMPTY", "UNSET"))


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Guard:
    return Guard(tmp_path_factory.mktemp("guard"))


def scram(**changed: str) -> Security:
    return Security(protocol="SASL_SSL", mechanism="SCRAM-SHA-512", username="worker", **changed)  # type: ignore[arg-type]


def test_a_password_is_read_from_a_file_without_its_last_newline(tmp_path: Path) -> None:
    path = tmp_path / "password"
    for written in (HUNTER, HUNTER + "\n", HUNTER + "\r\n"):
        path.write_bytes(written.encode())
        secret.password.cache_clear()
        found = secret.password(scram(password_file=str(path)))
        assert found is not None
        assert found.reveal() == HUNTER


def test_a_password_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAROGRAPH_TEST_PASSWORD", HUNTER)
    found = secret.password(scram(password_env=VARIABLE))
    assert found is not None
    assert found.reveal() == HUNTER


def test_a_token_is_read_again_whenever_one_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "token"
    security = Security(protocol="SASL_SSL", mechanism="OAUTHBEARER", token_file=str(path))
    for token in ("first", "renewed"):
        path.write_text(token)
        assert secret.token(security).reveal() == token


async def test_a_token_that_is_missing_for_a_while_is_an_error_that_clients_try_again_after(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = clients.Token(Security(protocol="SASL_SSL", mechanism="OAUTHBEARER", token_file=str(path)))
    with pytest.raises(OSError, match="no such file"):
        await token.token()
    path.write_text("here")
    assert await token.token() == "here"


WRONG: list[tuple[str, Callable[[Path, Guard], Security], str, str]] = [
    ("missing", lambda p, g: scram(password_file=str(p)), "no such file", "password_file"),
    ("empty", lambda p, g: scram(password_file=_written(p, " \n")), "is empty", "password_file"),
    ("lines", lambda p, g: scram(password_file=_written(p, f"{HUNTER}\nmore")), "more than one line", "password_file"),
    ("bytes", lambda p, g: scram(password_file=_written(p, b"\xff")), "no text in UTF-8", "password_file"),
    ("folder", lambda p, g: scram(password_file=str(p.parent)), "is a directory", "password_file"),
    ("unset", lambda p, g: scram(password_env=UNSET), "no variable `BAROGRAPH_TEST_UNSET`",
     "password_env"),
    ("unset empty", lambda p, g: scram(password_env=EMPTY), "is empty", "password_env"),
    ("token", lambda p, g: Security(protocol="SASL_SSL", mechanism="OAUTHBEARER", token_file=str(p)), "no such file",
     "token_file"),
    ("ca", lambda p, g: Security(protocol="SSL", ca_file=str(p)), "no such file", "ca_file"),
    ("no ca", lambda p, g: Security(protocol="SSL", ca_file=_written(p, "CA")), "no certificate in PEM", "ca_file"),
    ("no key", lambda p, g: _own(g, key=str(p)), "no such file", "key_file"),
    ("other key", lambda p, g: _own(g, key=str(g.folder / "broker.key")), "not that of the certificate", "key_file"),
    ("locked key", lambda p, g: _own(g, key=_locked(p, g)), "is encrypted", "key_file"),
    ("no certificate", lambda p, g: _own(g, cert=_written(p, "x")), "no certificate and key", "certificate_file"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "said", "at"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_cannot_be_used_is_named_with_2_by_check_and_by_run(
    make: Callable[[Path, Guard], Security], said: str, at: str, guard: Guard, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("BAROGRAPH_TEST_EMPTY", "")
    path = tmp_path / "barograph.yaml"
    path.write_bytes(msgspec.yaml.encode(Config(kafka=Kafka(security=make(tmp_path / "file", guard)))))
    for argv in (["check", str(path)], ["run", "--config", str(path)], ["topics", "--config", str(path)]):
        assert cli.main(argv) == 2
        error = capsys.readouterr().err
        assert said in error
        assert f"`kafka.security.{at}`" in error
        assert error.count("\n") == 1
        assert HUNTER not in error


def test_an_http_token_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file or directory - at `worker\.http_token_file`"):
        secret.check(Config(worker=Worker(http_host="0.0.0.0", http_token_file=str(tmp_path / "none"))))  # noqa: S104


def test_a_certificate_must_be_for_the_host_and_tls_is_not_old(guard: Guard) -> None:
    context = secret.tls(guard.mutual())
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert context.minimum_version.name == "TLSv1_2"


def test_a_secret_is_shown_to_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAROGRAPH_TEST_PASSWORD", HUNTER)
    path = tmp_path / "barograph.yaml"
    worker = Worker(http_token_file=_written(tmp_path / "token", HUNTER))
    path.write_bytes(msgspec.yaml.encode(Config(kafka=Kafka(security=scram(password_env=VARIABLE)), worker=worker)))
    assert cli.main(["check", str(path)]) == 0
    said = capsys.readouterr()
    assert HUNTER not in said.out + said.err
    config = parse(path.read_text())
    held = secret.password(config.kafka.security), secret.http_token(config.worker), config
    assert HUNTER not in f"{held} {held!r} {held[0]!s:>20}"
    with pytest.raises(RuntimeError) as raised:
        _fail(held)
    told = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert "(secret)" in told
    assert HUNTER not in told


def _fail(held: object) -> None:
    raise RuntimeError(held)


def _written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def _own(guard: Guard, cert: str = "", key: str = "") -> Security:
    own = guard.mutual()
    return msgspec.structs.replace(own, certificate_file=cert or own.certificate_file, key_file=key or own.key_file)


def _locked(path: Path, guard: Guard) -> str:
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415

    key = s.load_pem_private_key((guard.folder / "client.key").read_bytes(), None)
    locked = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"x"))
    return _written(path, locked)
