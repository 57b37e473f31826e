"""Readings -> an SVG that shows them, with a line through, or as curves; written by hand, no library needed."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final

from benchmarks.line import Line

WIDE, HIGH, EDGE = 800, 400, 60
_HEAD: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" font-size="12">'
    f'<rect width="{WIDE}" height="{HIGH}" fill="white"/>'
)


def svg(x: Sequence[float], y: Sequence[float], line: Line | None, begin: float, title: str, across: str) -> str:
    """Draw readings as points joined, from zero up, and the line from `begin` on.

    Parameters
    ----------
    begin : x at which the line begins
    title, across : what is shown, and what x is

    Examples
    --------
    >>> picture = svg([0, 1, 2], [3, 4, 5], Line(3, 1, 0), 1, "RSS <MB>", "events")
    >>> picture.startswith("<svg"), "RSS &lt;MB&gt;" in picture, picture.count("<polyline")
    (True, True, 2)
    """
    far, top = max(x) or 1.0, max(y) * 1.1 or 1.0

    def points(xs: Sequence[float], ys: Sequence[float]) -> str:
        place = ((EDGE + a / far * (WIDE - 2 * EDGE), HIGH - EDGE - b / top * (HIGH - 2 * EDGE))
                 for a, b in zip(xs, ys, strict=True))  # fmt: skip
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in place)

    parts = [_HEAD, f'<polyline fill="none" stroke="#357" points="{points(x, y)}"/>']
    if line is not None:
        ends = (begin, far)
        fitted = points(ends, [line.level + line.slope * at for at in ends])
        parts.append(f'<polyline fill="none" stroke="#c33" stroke-width="2" points="{fitted}"/>')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        right, up = EDGE + share * (WIDE - 2 * EDGE), HIGH - EDGE - share * (HIGH - 2 * EDGE)
        parts.append(f'<text x="{right:.0f}" y="{HIGH - EDGE + 18}" text-anchor="middle">{far * share:,.4g}</text>')
        parts.append(f'<text x="{EDGE - 6}" y="{up + 4:.0f}" text-anchor="end">{top * share:,.4g}</text>')
    parts.append(f'<text x="{WIDE / 2:.0f}" y="24" text-anchor="middle" font-size="15">{escape(title)}</text>')
    parts.append(f'<text x="{WIDE / 2:.0f}" y="{HIGH - 12}" text-anchor="middle">{escape(across)}</text></svg>\n')
    return "".join(parts)


_COLOURS: Final = ("#c33", "#e99", "#357", "#393", "#888")


def curves(lines: Mapping[str, Sequence[tuple[float, float]]], title: str, across: str, up: str) -> str:
    """Draw named lines on scales of logarithms, with their points.

    Parameters
    ----------
    lines : name -> points, all above zero; a line without points is only named
    title, across, up : what is shown, and what the axes are

    Examples
    --------
    >>> picture = curves({"ours": [(1e-4, 90), (1e-2, 30)], "theirs": []}, "delay", "rate", "events")
    >>> picture.count("<polyline"), picture.count("<circle"), "theirs" in picture, ">0.01<" in picture
    (1, 2, True, True)
    """
    points = [point for line in lines.values() for point in line]
    spans = [_decades([point[axis] for point in points]) for axis in (0, 1)]

    def place(point: tuple[float, float]) -> tuple[float, float]:
        part = [(log10(value) - low) / (high - low) for value, (low, high) in zip(point, spans, strict=True)]
        return EDGE + part[0] * (WIDE - 2 * EDGE), HIGH - EDGE - part[1] * (HIGH - 2 * EDGE)

    parts = [_HEAD]
    for nth, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[nth % len(_COLOURS)]
        placed = [place(point) for point in sorted(line)]
        if placed:
            joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
            parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{joined}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        named = f'<text x="{WIDE - EDGE}" y="{EDGE + 16 * nth}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
        parts.append(named)
    (left, right), (low, high) = spans
    for power in range(left, right + 1):
        x, _ = place((10.0**power, 10.0**low))
        parts.append(f'<text x="{x:.0f}" y="{HIGH - EDGE + 18}" text-anchor="middle">{10.0**power:g}</text>')
    for power in range(low, high + 1):
        _, y = place((10.0**left, 10.0**power))
        parts.append(f'<text x="{EDGE - 6}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g}</text>')
    parts.append(f'<text x="{WIDE / 2:.0f}" y="24" text-anchor="middle" font-size="15">{escape(title)}</text>')
    parts.append(f'<text x="{EDGE}" y="{EDGE - 14}" text-anchor="middle">{escape(up)}</text>')
    parts.append(f'<text x="{WIDE / 2:.0f}" y="{HIGH - 12}" text-anchor="middle">{escape(across)}</text></svg>\n')
    return "".join(parts)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Say between which powers of ten values lie; one apart at least."""
    low = floor(log10(min(values, default=1.0)))
    return low, max(ceil(log10(max(values, default=1.0))), low + 1)
