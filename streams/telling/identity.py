"""Labels -> the fingerprint that names an incident, the same that Alertmanager would give it."""

from collections.abc import Mapping

_OFFSET, _PRIME = 14695981039346656037, 1099511628211


def incident_id(fingerprint: str, episode: int, sequence: int, shadow: bool) -> str:
    """Name one step of an incident's life; nobody takes one in shadow for one in earnest.

    Examples
    --------
    >>> incident_id("275d440f17e5b50a", 1, 2, shadow=False), incident_id("9d1c1f1c0d2bb1b4", 1, 2, shadow=True)
    ('275d440f17e5b50a-1-2', 'shadow-9d1c1f1c0d2bb1b4-1-2')
    """
    return f"{'shadow-' if shadow else ''}{fingerprint}-{episode}-{sequence}"


def fingerprint(labels: Mapping[str, str]) -> str:
    """Hash labels.

    FNV-1a over 64 bits of the sorted pairs, with the byte 0xFF after each name and each value, which UTF-8 never
    uses; empty values do not count.

    Parameters
    ----------
    labels : of the identity only: what may change in an incident's life (release, severity, figures) is not in it

    Returns
    -------
    str
        16 hexadecimal digits.

    Notes
    -----
    `model.LabelSet.Fingerprint` of prometheus/common; checked against Alertmanager 0.25.

    Examples
    --------
    >>> fingerprint({}), fingerprint({"alertname": "", "b": ""}) == fingerprint({})
    ('cbf29ce484222325', True)
    """
    hashed = _OFFSET
    for name, value in sorted(labels.items()):
        if value:
            for byte in name.encode() + b"\xff" + value.encode() + b"\xff":
                hashed = (hashed ^ byte) * _PRIME % 2**64
    return f"{hashed:016x}"
