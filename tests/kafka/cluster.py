"""A folder -> a real Apache Kafka: one KRaft node on loopback that can be killed and started again.

Tests, benchmarks and chaos share it. ``python -m tests.kafka.cluster`` (``make kafka``) only fetches the jars.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.kafka.guarded import LISTENERS, Guard

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".kafka"
JARS = CACHE / "jars"
STAMP = JARS / "pom.sha256"
JAVA = 17  # the oldest Java that Kafka 4's broker runs on
START_S = 90  # a start that takes longer has failed (measured: 4-6 s, and 9 s after a kill)

SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Of a JVM that lives for seconds: what it would compile better it never runs often enough (half of the CPU time)."""

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",  # 50 by default: seconds of start for nothing
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # After a kill KRaft waits this long for the dead registration (9 s by default).
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
}


class BrokerError(RuntimeError):
    """The broker cannot be had, or did not start; the message says why."""


class Cluster:
    """One Kafka node, combined broker and controller, whose whole life is in `folder`.

    A `with` block starts it, gives it, and stops it. Methods block: inside a running event loop call them as
    ``await asyncio.to_thread(cluster.restart)``; blocking the loop also stops the heartbeats of every client in it.

    Parameters
    ----------
    folder : where data, configuration and logs go; kept on `stop`, so that a restart finds everything
    heap : the JVM's heap, as for ``-Xmx``
    settings : broker settings that add to `SETTINGS` or replace them
    guard : if given, the broker also has the guarded listeners of `tests.kafka.guarded`; `bootstrap` stays open
    java : options of the JVM; `SHORT_LIVED` for a broker of which nobody measures how fast it is

    Raises
    ------
    BrokerError
        from `start` and `restart`, with the end of the broker's log, if it ends or gives no answer
    """

    def __init__(
        self, folder: Path, heap: str = "512m", settings: Mapping[str, str] | None = None, guard: Guard | None = None,
        java: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.folder = folder
        self.heap = heap
        self.settings = dict(settings or {})
        self.guard = guard
        self.java = java
        self.port, self._controller_port, *ports = _free_ports(2 + (len(LISTENERS) if guard else 0))
        self._guarded = dict(zip(LISTENERS, ports, strict=True)) if guard else {}
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def available() -> str | None:
        """Say why no broker can be had here, or None; fetches the jars where they are missing."""
        if reason := _java_lacks():
            return reason
        try:
            fetch()
        except BrokerError as error:
            return str(error)
        return None

    @property
    def bootstrap(self) -> str:
        """The address that clients are given, ``host:port``; the same after every restart."""
        return f"127.0.0.1:{self.port}"

    def guarded(self, listener: str = "SASLTLS") -> str:
        """The address of one of the guarded listeners, ``host:port``."""
        return f"127.0.0.1:{self._guarded[listener]}"

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs, for a SIGSTOP or a look at its memory."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Format the folder if it is new, start the broker and wait until it answers an admin request."""
        if self._process:
            raise BrokerError(f"the broker of {self.folder} already runs")
        fetch()
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "server.properties"
        if not config.exists():
            self._format(config)
        with (self.folder / "broker.out").open("ab") as out:
            # A group of its own: a Ctrl-C at the terminal is for the tests, which then stop the broker themselves.
            self._process = subprocess.Popen(
                self._command(*self.java, f"-Xmx{self.heap}", main=("kafka.Kafka", str(config))),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        try:
            self._wait_ready(self._process)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End the broker as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the broker in order (SIGTERM), by force if it does not go within 30 s."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start on the same ports and folder again, after a `kill` or, if it still runs, a `stop`."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def acls(self, line: str) -> None:
        """Run a line of `kafka-acls`, as an administrator does at a shell.

        Raises
        ------
        BrokerError
            With what the command says, if it fails.
        """
        command, *words = shlex.split(line)
        assert command == "kafka-acls"
        said = self._command(*SHORT_LIVED, main=("org.apache.kafka.tools.AclCommand", *words))
        done = subprocess.run(said, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode or "Error" in done.stdout:
            raise BrokerError(f"{line}: {done.stdout} {done.stderr}")

    def _format(self, config: Path) -> None:
        listeners = {"PLAINTEXT": self.bootstrap} | {name: self.guarded(name) for name in self._guarded}
        clients = ",".join(f"{name}://{address}" for name, address in listeners.items())
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"} | {
            name: LISTENERS[name] for name in self._guarded
        }
        properties = {
            **SETTINGS,
            "listeners": f"{clients},CONTROLLER://127.0.0.1:{self._controller_port}",
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "advertised.listeners": clients,
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "log.dirs": str(self.folder / "data"),
            **(self.guard.settings() if self.guard else {}),
            **self.settings,
        }
        draft = config.with_suffix(".draft")
        draft.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        # The cluster id is 16 bytes in base64url; any will do, and one node never meets another cluster.
        users = self.guard.scram() if self.guard else []
        tool = ("kafka.tools.StorageTool", "format", "-t", "barographAAAAAAAAAAAAA", "-c", str(draft), *users)
        command = self._command(*SHORT_LIVED, main=tool)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerError(f"Kafka could not format {self.folder}: {done.stderr.strip()}")
        draft.rename(config)  # only a formatted folder has its server.properties

    def _command(self, *options: str, main: Sequence[str]) -> list[str]:
        logging = (HERE / "log4j2.properties").as_uri()
        log = self.folder / "server.log"
        return [
            "java",
            *options,
            f"-Dlog4j2.configurationFile={logging}",
            f"-Dbarograph.kafka.log={log}",
            "-cp",
            f"{JARS}/*",
            *main,
        ]

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(START_S * 10):
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(0.1)
                raise BrokerError(f"Kafka ended with {code} as it started: {self._last_words()}")
            if asyncio.run(_answers(self.port)):
                return
        raise BrokerError(f"Kafka gave no answer on {self.bootstrap} within {START_S} s: {self._last_words()}")

    def _last_words(self) -> str:
        texts = [path.read_text(errors="replace") for name in ("broker.out", "server.log")
                 if (path := self.folder / name).exists()]  # fmt: skip
        errors = [line for text in texts for line in text.splitlines() if re.search("ERROR|FATAL|Exception", line)]
        return " | ".join(errors[-3:]) or f"see {self.folder / 'server.log'}"

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # a broker that was paused would not hear the other one
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def fetch() -> None:
    """Copy the broker's jars into `.kafka/jars` of the checkout, once for each version of pom.xml.

    Raises
    ------
    BrokerError
        if Maven is missing or cannot fetch
    """
    pom = HERE / "pom.xml"
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of one checkout fetch once
        if STAMP.exists() and STAMP.read_text() == digest:
            return
        if not shutil.which("mvn"):
            raise BrokerError("Maven (mvn) is not installed, and the jars of Kafka are not in .kafka/jars")
        shutil.rmtree(JARS, ignore_errors=True)
        command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime",
                   f"-DoutputDirectory={JARS}"]  # fmt: skip
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
            raise BrokerError(f"Maven could not fetch Kafka: {(errors or ['no reason given'])[0]}")
        STAMP.write_text(digest)


def _java_lacks() -> str | None:
    if not shutil.which("java"):
        return f"Java is not installed; Kafka's broker needs Java {JAVA} or newer"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if not found or int(found[1]) < JAVA:
        return f"Kafka's broker needs Java {JAVA} or newer, here is {found[1] if found else 'none that runs'}"
    return None


async def _answers(port: int) -> bool:
    """Whether a broker on this port has registered itself and answers an admin request."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
    except OSError:
        return False
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=5_000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()


def _free_ports(count: int) -> list[int]:
    """Find loopback ports below the kernel's ephemeral range.

    A port that clients may be given for their own end could be taken, even by a client's connection to itself, while
    the broker is down between `kill` and `restart`.
    """
    found: list[int] = []
    # Tests that run side by side look at the same moment, and Hypothesis seeds `random` alike in all of them.
    begin = 20_000 + 3_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4)
    for port in random.SystemRandom().sample(range(begin, begin + 3_000), 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise BrokerError(f"no free loopback port between {begin} and {begin + 3_000}")


if __name__ == "__main__":
    try:
        fetch()
    except BrokerError as reason:
        raise SystemExit(str(reason)) from None
    print(f"Kafka's jars are in {os.path.relpath(JARS)}")
