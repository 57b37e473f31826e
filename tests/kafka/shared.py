"""A folder that processes share -> one broker for all of them, for as long as one of them needs it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kafka.cluster import SHORT_LIVED, Cluster


@contextmanager
def shared(folder: Path) -> Iterator[str]:
    """Give the address of the folder's broker. Who comes first starts it, and stops it when all others have left.

    Whoever is within holds a lock, which the system takes back from a process that dies.
    """
    address = folder / "bootstrap"
    with (folder / "gate").open("w") as gate, (folder / "within").open("w") as within:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if address.exists():
            fcntl.flock(within, fcntl.LOCK_SH)
            fcntl.flock(gate, fcntl.LOCK_UN)
            yield address.read_text()
            return
        with Cluster(folder / "kafka", java=SHORT_LIVED) as cluster:
            address.write_text(cluster.bootstrap)
            fcntl.flock(gate, fcntl.LOCK_UN)
            try:
                yield cluster.bootstrap
            finally:
                fcntl.flock(gate, fcntl.LOCK_EX)  # who comes now starts the broker again
                fcntl.flock(within, fcntl.LOCK_EX)
                address.unlink()
