"""Line charts, interval and scatter plots, stacked bars as inline SVG.

No library, no script, no network. Colours are CSS classes of the page, so a chart follows the light
or dark theme. Every mark has a `<title>` that shows its values on hover.

    svg = line_chart([Line("train", "train", [(1, 2.0), (2, 1.5)])], "nats per token")
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

__all__ = [
    "Dot",
    "Interval",
    "Line",
    "interval_plot",
    "line_chart",
    "scatter_plot",
    "stacked_bar",
]

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A curve. `style` is a CSS class: `train` thin, `val` with dots."""

    label: str
    style: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Interval:
    """One dot with its whiskers, as shares of 1; `style` is a CSS class."""

    label: str
    style: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Dot:
    """A point with a name; `y` is a share of 1, `style` a CSS class."""

    label: str
    style: str
    x: float
    y: float


def line_chart(lines: Sequence[Line], unit: str, *, width: int = 460, height: int = 240) -> Markup:
    """Curves over the optimizer step, the ordinate from 0. Empty text when there is no point."""
    points = [point for line in lines for point in line.points if all(map(math.isfinite, point))]
    if not points:
        return Markup("")
    left, right, top, bottom = 46, 12, 24, 34
    x_max = max(x for x, _ in points) or 1.0
    y_ticks = _ticks(max(y for _, y in points))
    y_max = y_ticks[-1]

    def at(x: float, y: float) -> Point:
        return (
            left + (width - left - right) * x / x_max,
            height - bottom - (height - top - bottom) * y / y_max,
        )

    parts = [_open(width, height, f"{unit} by optimizer step")]
    parts.append(f'<text class="axis" x="4" y="12">{escape(unit)}</text>')
    for tick in y_ticks:
        _, y = at(0, tick)
        parts.append(
            f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(f'<text class="axis end" x="{left - 6}" y="{y + 4:.1f}">{tick:g}</text>')
    for tick in _ticks(x_max):
        if tick <= x_max:
            x, _ = at(tick, 0)
            parts.append(
                f'<text class="axis middle" x="{x:.1f}" y="{height - bottom + 16}">{tick:g}</text>'
            )
    parts.append(
        f'<text class="axis middle" x="{(left + width - right) / 2}" y="{height - 4}">'
        "optimizer step</text>"
    )
    for line in lines:
        kept = [point for point in line.points if all(map(math.isfinite, point))]
        path = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in kept)
        parts.append(f'<polyline class="curve {line.style}" points="{path}"/>')
        for point in kept:
            x, y = at(*point)
            name = f"{line.label}, step {point[0]:g}: {point[1]:.4g}"
            parts.append(
                f'<circle class="dot {line.style}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
                f"<title>{escape(name)}</title></circle>"
            )
    return Markup("".join([*parts, "</svg>"]))


def interval_plot(groups: Sequence[tuple[str, Sequence[Interval]]], *, width: int = 860) -> Markup:
    """For every group of a label, its dots with whiskers on one scale from 0 to 100%."""
    if not groups:
        return Markup("")
    left, right, row, gap, top = 210, 56, 16, 14, 24
    height = top + sum(row * len(marks) + gap for _, marks in groups) + 6

    def at(share: float) -> float:
        return left + (width - left - right) * min(max(share, 0.0), 1.0)

    parts = [_open(width, height, "share of problems solved, with intervals")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = at(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{height}"/>')
        parts.append(f'<text class="axis middle" x="{x:.1f}" y="12">{tick:.0%}</text>')
    y = top + 8.0
    for label, marks in groups:
        middle = y + row * (len(marks) - 1) / 2
        parts.append(
            f'<text class="label end" x="{left - 14}" y="{middle + 4:.1f}">{escape(label)}</text>'
        )
        for mark in marks:
            name = f"{label}, {mark.label}: {mark.mean:.1%} [{mark.low:.1%}, {mark.high:.1%}]"
            low, mean, high = at(mark.low), at(mark.mean), at(mark.high)
            parts.append(
                f'<g class="mark {mark.style}"><title>{escape(name)}</title>'
                f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<circle cx="{mean:.1f}" cy="{y:.1f}" r="4.5"/></g>'
                f'<text class="axis" x="{width - right + 12}" y="{y + 4:.1f}">'
                f"{mark.mean:.0%}</text>"
            )
            y += row
        y += gap
    return Markup("".join([*parts, "</svg>"]))


def scatter_plot(
    dots: Sequence[Dot], x_unit: str, y_unit: str, *, width: int = 860, height: int = 300
) -> Markup:
    """Named points, both axes from 0, the ordinate in percent. Empty text without a point."""
    dots = [dot for dot in dots if math.isfinite(dot.x) and math.isfinite(dot.y)]
    if not dots:
        return Markup("")
    left, right, top, bottom = 46, 160, 24, 34
    x_ticks, y_ticks = _ticks(max(dot.x for dot in dots)), _ticks(max(dot.y for dot in dots))

    def at(x: float, y: float) -> Point:
        return (
            left + (width - left - right) * x / x_ticks[-1],
            height - bottom - (height - top - bottom) * y / y_ticks[-1],
        )

    parts = [_open(width, height, f"{y_unit} by {x_unit}")]
    parts.append(f'<text class="axis" x="4" y="12">{escape(y_unit)}</text>')
    for tick in y_ticks:
        _, y = at(0, tick)
        parts.append(
            f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="axis end" x="{left - 6}" y="{y + 4:.1f}">{100 * tick:g}%</text>'
        )
    for tick in x_ticks:
        x, _ = at(tick, 0)
        parts.append(
            f'<text class="axis middle" x="{x:.1f}" y="{height - bottom + 16}">{tick:g}</text>'
        )
    middle = (left + width - right) / 2
    parts.append(f'<text class="axis middle" x="{middle}" y="{height - 4}">{escape(x_unit)}</text>')
    for dot in dots:
        x, y = at(dot.x, dot.y)
        name = f"{dot.label}: {dot.y:.1%} at {dot.x:.4g} {x_unit}"
        parts.append(
            f'<g class="mark {dot.style}"><title>{escape(name)}</title>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/></g>'
            f'<text class="axis" x="{x + 9:.1f}" y="{y + 4:.1f}">{escape(dot.label[:40])}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))


def stacked_bar(shares: Sequence[tuple[str, str, int]], *, width: int = 1080) -> Markup:
    """One bar of (label, CSS class, count), each part as wide as its share."""
    total = sum(count for _, _, count in shares)
    if not total:
        return Markup("")
    height, x = 26, 0.0
    parts = [_open(width, height, "share of each kind")]
    for label, style, count in shares:
        part = width * count / total
        name = f"{label}: {count:,} ({count / total:.1%})"
        parts.append(
            f'<rect class="{style}" x="{x:.2f}" y="0" width="{max(part - 1, 0.5):.2f}" '
            f'height="{height}"><title>{escape(name)}</title></rect>'
        )
        x += part
    return Markup("".join([*parts, "</svg>"]))


def _open(width: int, height: int, name: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(name)}" '
        f'style="max-width:{width}px">'
    )


def _ticks(largest: float) -> list[float]:
    """0 and up in steps of 1, 2 or 5 times a power of ten, until `largest` is covered."""
    if largest <= 0:
        return [0.0, 1.0]
    raw = largest / 4
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    count = math.ceil(largest / step - 1e-9)
    return [round(i * step, 10) for i in range(count + 1)]
