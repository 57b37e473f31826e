"""Nothing -> a Kafka address: librdkafka's mock cluster in a process of its own, for the demo and for quick tests."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final, NoReturn

from streams.shell.exits import BrokerError

LIMITS: Final = (
    "barograph's embedded broker: for the demo and for quick tests, not for production and not for benchmarks. "
    "It keeps everything in memory, at most the last 5 MiB of each partition, and forgets it when it stops; compacts "
    "nothing; keeps the producers' timestamps; gives every topic 4 partitions, as soon as somebody asks for the topic; "
    "and its consumer groups are for one worker, which after a restart waits for its session's end."
)
"""What it says on standard error when it starts."""

NOT_INSTALLED: Final = (
    "the embedded broker needs the package confluent-kafka, which is not installed: "
    "install barograph with its extra `demo` (pip install 'barograph[demo]'), or name a broker of your own"
)

_START_S: Final = 10.0
_STOP_S: Final = 5.0


@contextmanager
def embedded() -> Iterator[str]:
    """Run an embedded broker for the length of a `with` block.

    A process of its own, so that a worker that keeps Python's lock busy does not slow the broker down, and a worker
    that dies does not take it along. It ends with the block, and with its parent however that ends: its standard input
    closes then.

    Yields
    ------
    str
        Where it listens, as `kafka.bootstrap` takes it. Loopback only.

    Raises
    ------
    BrokerError
        If confluent-kafka is not installed, or the broker ends as it starts.

    Examples
    --------
    >>> with embedded() as bootstrap:
    ...     print(bootstrap.split(":")[0])
    127.0.0.1
    """
    if find_spec("confluent_kafka") is None:
        raise BrokerError(NOT_INSTALLED)
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.shell.broker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,  # a Ctrl-C is for the workers, which still have to checkpoint
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        try:
            said = process.stdout.readline()
            if not said:
                raise BrokerError(f"the embedded broker ended with code {process.wait()} as it started")
            yield json.loads(said)["bootstrap"]
        finally:
            _end(process)


def main() -> None:
    """Run until SIGTERM comes, or standard input ends because the parent is gone."""
    if find_spec("confluent_kafka") is None:
        sys.exit(NOT_INSTALLED)
    from confluent_kafka import Producer  # only where somebody wants this broker

    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    print(LIMITS, file=sys.stderr, flush=True)
    # The mock cluster lives in the client that asks for it. Level 4 leaves warnings, and not what LIMITS says better.
    cluster = Producer({"test.mock.num.brokers": 1, "log_level": 4})
    (broker,) = cluster.list_topics(timeout=_START_S).brokers.values()
    print(json.dumps({"bootstrap": f"{broker.host}:{broker.port}"}), flush=True)
    sys.stdin.buffer.read()


def _leave(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
