"""A duration as people write it, like `5m` or `30d` -> seconds."""

from typing import Annotated, Final

from msgspec import Meta

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Duration = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{0,4}[smhd]$", description="seconds, minutes, hours or days, like `90s`, `5m`, `1h`, `30d`"
    ),
]


def seconds(duration: str) -> int:
    """Say how many seconds a `Duration` has.

    Examples
    --------
    >>> seconds("90s"), seconds("5m"), seconds("1h"), seconds("30d")
    (90, 300, 3600, 2592000)
    """
    return int(duration[:-1]) * _SECONDS[duration[-1]]
