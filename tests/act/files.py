"""A file of flagd's with two flags, of which one is a target."""

import json
from pathlib import Path
from typing import Any

from schemas.rollbacks import Version
from streams.shell.actuators.flagd import MARKS, FlagFile

RELEASES = [f"v{n}" for n in range(1, 10)]


class FlagTarget:
    """The flag `model`, deployed and touched as a pipeline does it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "flags.json"
        flag = {
            "state": "ENABLED", "variants": {release: {"model": release} for release in RELEASES},
            "defaultVariant": "v3", "metadata": {"version": 1, "generation": 3, "team": "ml"},
        }  # fmt: skip
        other = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
        self.write({"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": {"café": other, "model": flag}})

    def actuator(self, **given: Any) -> FlagFile:
        return FlagFile(self.path, "model", **given)

    def read(self) -> Any:
        return json.loads(self.path.read_text("utf-8"))

    def write(self, document: object) -> None:
        self.path.write_text(json.dumps(document), "utf-8")

    def deploy(self, runs: Version, *, forget: bool = False) -> None:
        document = self.read()
        flag = document["flags"]["model"]
        flag["defaultVariant"] = runs.release
        flag["metadata"] |= {"version": flag["metadata"]["version"] + 1, "generation": runs.generation}
        if forget:
            for mark in MARKS.values():
                flag["metadata"].pop(mark, None)
        self.write(document)

    def touch(self) -> None:
        """Change the flag as somebody does who does not count versions."""
        document = self.read()
        metadata = document["flags"]["model"]["metadata"]
        metadata["touched"] = metadata.get("touched", 0) + 1
        self.write(document)
