"""A config file -> a worker, as `barograph run` starts it, that dies where a test says.

    python -m tests.shell.worker CONFIG [FAILPOINT [N]]

With a failpoint, the process kills itself the N-th time (the first by default) that the failpoint is reached.
"""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

from schemas.config import parse
from streams.shell import failpoints
from streams.shell.app import run


def main(config: str, failpoint: str = "", n: str = "1") -> int:
    reached: Counter[str] = Counter()

    def die(name: str) -> None:
        reached[name] += 1
        if name == failpoint and reached[name] == int(n):
            os.kill(os.getpid(), signal.SIGKILL)

    if failpoint:
        failpoints.install(die)
    return run(parse(Path(config).read_text()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
