"""A pod's spec -> whether it keeps to what every pod of ours promises."""

from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[2] / "deploy"
OLDEST, NEWEST = "1.31", "1.37"
"""`unhealthyPodEvictionPolicy` is stable from 1.31 on; the newest is the newest whose schemas are here."""


def restricted(pod: dict[str, Any]) -> None:
    """What the Pod Security Standards ask of `restricted`, a root that nobody writes to, and the image's own user."""
    [container] = pod["containers"]
    whole, own = pod["securityContext"], container["securityContext"]
    assert whole["runAsNonRoot"] is True
    assert whole["runAsUser"] > 0
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert own["readOnlyRootFilesystem"] is True
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert all(volume.keys() <= {"name", "configMap", "secret"} for volume in pod["volumes"])
    assert f"USER {whole['runAsUser']}" in (DEPLOY / "Dockerfile").read_text().splitlines()


def mounted(pod: dict[str, Any], volume: str) -> Path:
    """Say where a volume lies in its container, which may only read it."""
    [mount] = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == volume]
    assert mount["readOnly"] is True
    return Path(mount["mountPath"])
