"""A flag in a file of flagd's -> the variant that it gives by default, changed by compare-and-set."""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from schemas.rollbacks import Rollback
from streams.act.resource import Done, Observed, Try, Unseen, seen

Json = dict[str, Any]

MARKS: Final = {"key": "rollbackKey", "epoch": "rollbackEpoch", "at": "rollbackAt"}
"""The marker, in the flag's `metadata`; flagd allows texts and numbers there."""

_WAIT_S: Final = 0.05
_WAITS: Final = 100


class FlagFile:
    """A flag whose variants are named for releases, in a JSON file that flagd watches.

    `defaultVariant` is the release that serves, `metadata.generation` its generation; `metadata.version` goes up by
    one with each of our writes. What is compared is that version and a digest of the flag, so that a writer who does
    not count is noticed as well; other flags of the file may change. A flag that is disabled, or has targeting rules,
    is not decided by its default, so it is left alone.

    The file is replaced as a whole, flushed to the disk before, while the lock of ``.NAME.lock`` beside it is held.
    Whoever deploys by the same file has to take that lock (`flock`), write a new generation, and may drop the marker.

    Parameters
    ----------
    path : of the file; a link is followed
    flag : the flag's key
    meanwhile : called between reading and writing, for tests

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> flag = {"state": "ENABLED", "variants": {"v2": 2, "v3": 3}, "defaultVariant": "v3"}
    >>> flag["metadata"] = {"version": 7, "generation": 3}
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "flags.json")
    ...     _ = path.write_text(json.dumps({"flags": {"model": flag}}))
    ...     FlagFile(path, "model").observe().runs
    Version(release='v3', generation=3)

    References
    ----------
    https://flagd.dev/schema/v0/flags.json
    """

    def __init__(self, path: Path, flag: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._path, self._flag, self._meanwhile = path.resolve(), flag, meanwhile

    def observe(self) -> Observed | Unseen:
        """Read the flag; no lock is needed, since the file is only ever replaced."""
        found = self._read()
        return found if isinstance(found, Unseen) else self._seen(found)

    def act(self, tried: Try) -> Done:
        """Write the other variant, if the flag is as it was observed."""
        try:
            return self._act(tried)
        except OSError as wrong:
            return Done("unknown", f"cannot write {self._path.name}: {wrong}")

    def _act(self, tried: Try) -> Done:
        with self._locked() as held:
            if not held:
                return Done("unknown", f"somebody holds the lock of {self._path.name}")
            document = self._read()
            if isinstance(document, Unseen):
                return Done("unknown", document.said)
            now = self._seen(document)
            if isinstance(now, Unseen) or now.version != tried.observed.version:
                return Done("stale", f"{self._flag} was changed meanwhile")
            if tried.command.to.release not in document["flags"][self._flag]["variants"]:
                return Done("refused", f"{self._flag} has no variant {tried.command.to.release}")
            self._meanwhile()
            _change(document["flags"][self._flag], tried)
            try:
                text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
            except (ValueError, RecursionError) as wrong:
                return Done("refused", f"{self._path.name} holds what cannot be written: {wrong}")
            self._replace(text)
        return Done("applied", f"{self._flag} is {tried.command.to.release} now")

    def _read(self) -> Json | Unseen:
        try:
            document = json.loads(self._path.read_bytes(), object_pairs_hook=_once, parse_constant=_no_number)
            flag = document["flags"][self._flag]
            default, variants, metadata = flag["defaultVariant"], flag["variants"], flag["metadata"]
        except (OSError, ValueError, RecursionError) as wrong:
            return Unseen(f"cannot read {self._path.name}: {wrong}")
        except (KeyError, TypeError) as wrong:
            return Unseen(f"{self._path.name} has no flag {self._flag} that can be rolled back: {wrong!r}")
        if not isinstance(variants, dict) or not isinstance(metadata, dict) or default not in variants:
            return Unseen(f"{self._flag} has no variants of which {default!r} is one, or no metadata")
        if flag.get("state") != "ENABLED" or flag.get("targeting"):
            return Unseen(f"{self._flag} is not decided by its default: it is disabled, or has targeting rules")
        if type(metadata.get("version")) is not int:
            return Unseen(f"{self._flag} has no whole number as its metadata.version")
        return document  # type: ignore[no-any-return]  # it has just been looked at

    def _seen(self, document: Json) -> Observed | Unseen:
        flag = document["flags"][self._flag]
        metadata = flag["metadata"]
        try:
            digest = hashlib.sha256(json.dumps(flag, sort_keys=True).encode()).hexdigest()[:16]
        except RecursionError:
            return Unseen(f"{self._flag} is nested deeper than any flag")
        marks = {name: metadata.get(mark) for name, mark in MARKS.items()}
        facts = {"release": flag["defaultVariant"], "generation": metadata.get("generation"), **marks}
        return seen(f"{metadata['version']}-{digest}", facts)

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Hold the lock if it can be had within five seconds: who was frozen with it must not freeze us."""
        with self._beside("lock").open("a") as lock:
            for _ in range(_WAITS):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(_WAIT_S)
                else:
                    yield True
                    return
            yield False

    def _replace(self, text: bytes) -> None:
        written = self._beside("new")
        with written.open("wb") as file:
            os.fchmod(file.fileno(), self._path.stat().st_mode & 0o777)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        written.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _beside(self, what: str) -> Path:
        return self._path.with_name(f".{self._path.name}.{what}")


def _change(flag: Json, tried: Try) -> None:
    command: Rollback = tried.command
    marker = tried.marker._asdict()
    flag["defaultVariant"] = command.to.release
    flag["metadata"] |= {"version": flag["metadata"]["version"] + 1, "generation": command.to.generation}
    flag["metadata"] |= {mark: marker[name] for name, mark in MARKS.items()}


def _once(pairs: list[tuple[str, Any]]) -> Json:
    """Refuse a key that stands twice: one of the two would be lost."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    return made


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
