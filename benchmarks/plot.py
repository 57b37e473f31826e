"""Readings -> an SVG that shows them, with a line through; written by hand, so that no library is needed for it."""

from collections.abc import Sequence
from html import escape
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
