"""Charts as values that every format draws: as vectors on paper, natively in slides."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from gridmap.i18n import tr
from gridmap.report.tables import printable, shown
from gridmap.typing import Bools, Floats

#: Colours of every chart and map: text, quiet text, what stands out, what is calm.
INK, QUIET, ACCENT, WATER = "#1b2a3a", "#5b6b7c", "#c8500a", "#0f7a8a"
BAND, GRID_LINE = "#e8ecf0", "#c9d1d9"

_REGULAR = "'Noto Sans SC','Microsoft YaHei','PingFang SC',sans-serif"
_BOLD = "'Noto Sans CJK SC','Noto Sans SC','Microsoft YaHei','PingFang SC',sans-serif"


class Svg:
    """A drawing of a size in points, built from back to front.

    Parameters
    ----------
    width, height
        Size in points.
    alt
        What the drawing shows, in words.
    """

    def __init__(self, width: float, height: float, alt: str = "") -> None:
        self.width, self.height, self.alt = width, height, alt
        self._parts: list[str] = []

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = "none",
        stroke: str = "none",
        stroke_width: float = 0.0,
    ) -> None:
        """Draw a rectangle."""
        self._parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}"'
            f' height="{_n(max(height, 0))}" {_look(fill, stroke, stroke_width)}/>'
        )

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        stroke: str = INK,
        width: float = 0.6,
        dash: str = "",
    ) -> None:
        """Draw a straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" stroke="{stroke}"'
            f' stroke-width="{_n(width)}"{dashed}/>'
        )

    def polyline(
        self,
        points: Iterable[Sequence[float]],
        *,
        stroke: str = INK,
        width: float = 1.0,
        dash: str = "",
    ) -> None:
        """Draw a line through points."""
        joined = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<polyline points="{joined}" fill="none" stroke="{stroke}"'
            f' stroke-width="{_n(width)}" stroke-linejoin="round"{dashed}/>'
        )

    def path(
        self,
        data: str,
        *,
        fill: str = "none",
        stroke: str = "none",
        stroke_width: float = 0.0,
        step: float = 1.0,
    ) -> None:
        """Draw a path as SVG writes it, in parts of ``1 / step`` points; holes are even-odd."""
        if data:
            scale = f' transform="scale({_n(1.0 / step)})"' if step != 1.0 else ""
            self._parts.append(
                f'<path d="{data}" fill-rule="evenodd" stroke-linejoin="round"{scale}'
                f" {_look(fill, stroke, stroke_width * step)}/>"
            )

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        fill: str = INK,
        stroke: str = "none",
        stroke_width: float = 0.0,
    ) -> None:
        """Draw a circle."""
        look = _look(fill, stroke, stroke_width)
        self._parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" {look}/>')

    def triangle(self, x: float, y: float, size: float, *, up: bool, fill: str = INK) -> None:
        """Draw a triangle that points up or down."""
        half, tip = size * 0.58, size * 0.5 * (-1 if up else 1)
        points = f"{_n(x - half)},{_n(y - tip)} {_n(x + half)},{_n(y - tip)} {_n(x)},{_n(y + tip)}"
        self._parts.append(f'<polygon points="{points}" fill="{fill}"/>')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 8.0,
        fill: str = INK,
        anchor: str = "start",
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """Write words on one line; ``y`` is the base line."""
        look = f'font-family="{_BOLD if bold else _REGULAR}" font-size="{_n(size)}"'
        look += ' font-weight="700"' if bold else ""
        look += f' text-anchor="{anchor}"' if anchor != "start" else ""
        place = f'x="{_n(x)}" y="{_n(y)}"'
        written = escape(printable(words))
        if halo:
            look += f' stroke="#fff" stroke-width="{_n(size / 3.2)}" paint-order="stroke"'
            look += ' stroke-linejoin="round"'
        self._parts.append(f'<text {place} {look} fill="{fill}">{written}</text>')

    def clip(self, name: str, x: float, y: float, width: float, height: float) -> None:
        """Begin a part of which only a rectangle is seen; `end` ends it."""
        self._parts.append(
            f'<clipPath id="{name}"><rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}"'
            f' height="{_n(height)}"/></clipPath><g clip-path="url(#{name})">'
        )

    def end(self) -> None:
        """End a part that `clip` began."""
        self._parts.append("</g>")

    def place(self, other: Svg, x: float, y: float) -> None:
        """Put another drawing into this one, with its upper left corner at a point."""
        inner = "".join(other._parts)
        self._parts.append(f'<g transform="translate({_n(x)} {_n(y)})">{inner}</g>')

    def _repr_svg_(self) -> str:
        """Return what a notebook shows."""
        return self.to_string()

    def to_string(self) -> str:
        """Return the drawing as an SVG document."""
        size = f'width="{_n(self.width)}" height="{_n(self.height)}"'
        label = f" aria-label={quoteattr(printable(self.alt))}" if self.alt else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"{label}'
            f' viewBox="0 0 {_n(self.width)} {_n(self.height)}">{"".join(self._parts)}</svg>'
        )


def text_width(words: str, size: float = 1.0) -> float:
    """Return about how wide words are, in points; in ems without a size.

    >>> text_width("警情", 10.0)
    20.0
    """
    return sum(map(_letter_width, words)) * size


@cache
def _letter_width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF" or letter in "“”‘’—…":
        return 1.0
    if letter.isupper():
        return 0.68
    return 0.57 if letter.isalnum() else 0.4


def _look(fill: str, stroke: str, stroke_width: float) -> str:
    if stroke == "none" or not stroke_width:
        return f'fill="{fill}"'
    return f'fill="{fill}" stroke="{stroke}" stroke-width="{_n(stroke_width)}"'


def _n(value: float) -> str:
    """Return a number with two digits at most."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass(frozen=True, slots=True)
class ControlLimits:
    """Natural process limits of a chart of individual values.

    Attributes
    ----------
    mean, lower, upper
        The mean, and the limits within which chance keeps the values.
    """

    mean: float
    lower: float
    upper: float

    def outside(self, values: npt.ArrayLike) -> Bools:
        """Return which values are beyond the limits."""
        numbers = np.asarray(values, dtype=float)
        return np.asarray((numbers > self.upper) | (numbers < self.lower), dtype=bool)


def control_limits(values: npt.ArrayLike) -> ControlLimits | None:
    """Return the XmR limits of values in the order of time, or None for fewer than six.

    ``mean +- 2.66 * mean moving range`` (Shewhart 1931; Wheeler 1993, *Understanding
    Variation*); a count cannot fall below 0.

    Examples
    --------
    >>> control_limits([10, 12, 10, 12, 10, 12]).upper
    16.32
    """
    numbers = np.asarray(values, dtype=float)
    if len(numbers) < 6:
        return None
    mean, moving = float(numbers.mean()), float(np.abs(np.diff(numbers)).mean())
    return ControlLimits(mean, max(mean - 2.66 * moving, 0.0), mean + 2.66 * moving)


@dataclass(frozen=True, slots=True, eq=False)
class ControlChartDrawing:
    """Values in the order of time between the limits that chance keeps them in.

    Parameters
    ----------
    labels
        What each value is of, for the axis.
    values
        The values.
    limits
        The limits, or None where there are too few values.
    current
        Place of the first value of the reported period.
    alt
        The chart in words.
    """

    labels: tuple[str, ...]
    values: Floats
    limits: ControlLimits | None
    current: int
    alt: str = ""

    def draw(self, width: float, height: float = 0.0) -> Svg:
        """Draw the chart at a width in points."""
        tall = height or min(max(width * 0.5, 110.0), 190.0)
        svg = Svg(width, tall, self.alt)
        known = self.limits
        most = [float(self.values.max())] + ([known.upper] if known else [])
        least = [float(self.values.min())] + ([known.lower] if known else [])
        ticks = nice_ticks(min(least), max(most), 3)
        left = 6.0 + max(text_width(shown(tick, "count"), 7.5) for tick in ticks)
        right, top, bottom = width - 44.0, 8.0, tall - 18.0
        span = max(ticks[-1] - ticks[0], 1e-9)

        def y(value: float) -> float:
            return bottom - (value - ticks[0]) / span * (bottom - top)

        step = (right - left - 14.0) / max(len(self.values) - 1, 1)
        xs = [left + 8.0 + step * place for place in range(len(self.values))]
        if known is not None:
            svg.rect(
                left, y(known.upper), right - left, y(known.lower) - y(known.upper), fill=BAND
            )
            svg.line(left, y(known.mean), right, y(known.mean), stroke=QUIET, width=0.5)
            names = (("upper", known.upper), ("mean", known.mean), ("lower", known.lower))
            spots = _apart([y(value) + 2.4 for _, value in names], 8.0)
            for (name, value), spot in zip(names, spots, strict=True):
                words = tr(
                    "report.pair", name=tr(f"briefing.chart.{name}"), value=shown(value, "count")
                )
                svg.text(right + 3.0, spot, words, size=6.3, fill=QUIET)
        for tick in ticks:
            svg.line(left - 3.0, y(tick), left, y(tick), width=0.5)
            svg.text(left - 5.0, y(tick) + 2.6, shown(tick, "count"), size=7.5, anchor="end")
        svg.line(left, top, left, bottom, width=0.6)
        if ticks[0] > 0:  # the axis does not begin at nothing: two strokes say so
            svg.line(left - 3.0, bottom - 3.0, left + 3.0, bottom - 6.0, width=0.6)
            svg.line(left - 3.0, bottom - 6.0, left + 3.0, bottom - 9.0, width=0.6)
        svg.line(left, bottom, right, bottom, width=0.6)
        svg.polyline([(x, y(value)) for x, value in zip(xs, self.values, strict=True)], width=1.1)
        beyond = np.zeros(len(xs), bool) if known is None else known.outside(self.values)
        for place, (x, value) in enumerate(zip(xs, self.values, strict=True)):
            if beyond[place]:
                svg.circle(x, y(value), 3.6, fill="#fff", stroke=ACCENT, stroke_width=1.3)
            inside = place >= self.current
            svg.circle(x, y(value), 1.7, fill=INK if inside else "#fff", stroke=INK,
                       stroke_width=0.7)  # fmt: skip
        _axis_labels(svg, xs, self.labels, bottom + 10.0, right)
        return svg


@dataclass(frozen=True, slots=True, eq=False)
class SmallMultiples:
    """The same chart for each of several rows, on one axis.

    Parameters
    ----------
    titles, notes
        Two lines above each.
    values : (rows, times)
        The values.
    marks
        Whether each row's last change is beyond chance: 1 up, -1 down, 0 neither.
    alt
        The charts in words.
    """

    titles: tuple[str, ...]
    notes: tuple[str, ...]
    values: Floats
    marks: tuple[int, ...] = ()
    alt: str = ""

    def draw(self, width: float, height: float = 0.0) -> Svg:
        """Draw the charts at a width in points, as many side by side as their notes let."""
        count = len(self.titles)
        needed = max((text_width(note, 7.0) for note in self.notes), default=0.0) + 10.0
        columns = max(min(count, int((width - 20.0) // max(needed, 62.0)), 8), 1)
        lines = -(-count // columns)
        columns = -(-count // lines)
        each = height / lines if height else 74.0
        svg = Svg(width, each * lines, self.alt)
        most = float(self.values.max(initial=1.0)) or 1.0
        ticks = nice_ticks(0.0, most, 1)
        left = 6.0 + text_width(shown(ticks[-1], "count"), 7.0)
        wide = (width - left) / columns
        for place in range(count):
            row, column = divmod(place, columns)
            x0, y0 = left + column * wide, row * each
            top, bottom = y0 + 24.0, y0 + each - 8.0
            if not column:
                for tick in (0.0, ticks[-1]):
                    at = bottom - tick / ticks[-1] * (bottom - top)
                    svg.text(left - 4.0, at + 2.4, shown(tick, "count"), size=7.0, anchor="end")
            room = wide - 8.0
            svg.text(x0 + 2.0, y0 + 8.0, _fitted(self.titles[place], 7.2, room), size=7.2)
            mark = self.marks[place] if self.marks else 0
            svg.text(x0 + 2.0, y0 + 17.0, _fitted(self.notes[place], 7.0, room), size=7.0,
                     fill=ACCENT if mark else QUIET, bold=bool(mark))  # fmt: skip
            svg.line(x0 + 2.0, bottom, x0 + room, bottom, stroke=GRID_LINE, width=0.5)
            series = self.values[place]
            step = (room - 4.0) / max(len(series) - 1, 1)
            mean = bottom - float(series.mean()) / ticks[-1] * (bottom - top)
            svg.line(x0 + 2.0, mean, x0 + room, mean, stroke=QUIET, width=0.4)
            svg.polyline(
                [
                    (x0 + 2.0 + step * at, bottom - value / ticks[-1] * (bottom - top))
                    for at, value in enumerate(series)
                ],
                width=1.0,
            )
        return svg


@dataclass(frozen=True, slots=True, eq=False)
class BarChart:
    """Lying bars, one or two to a row, with their values at the end.

    Parameters
    ----------
    labels
        What each row is.
    values, others
        Lengths of the bars, and of paler ones below them (the period before), or None.
    names
        What the two are, for the legend.
    form
        How values are written.
    marks
        1 up, -1 down or 0 for each row.
    alt
        The chart in words.
    """

    labels: tuple[str, ...]
    values: Floats
    others: Floats | None = None
    names: tuple[str, ...] = ()
    form: str = "decimal"
    marks: tuple[int, ...] = ()
    alt: str = ""

    def draw(self, width: float, height: float = 0.0) -> Svg:
        """Draw the chart at a width in points."""
        del height  # follows from the rows
        pitch = 15.0 if self.others is None else 19.0
        top = 14.0 if self.names else 2.0
        svg = Svg(width, top + pitch * len(self.labels) + 4.0, self.alt)
        room = min(max(text_width(label, 8.0) for label in self.labels), width * 0.4)
        left, right = room + 8.0, width - 48.0
        most = float(np.nanmax(self.values, initial=0.0))
        if self.others is not None:
            most = max(most, float(np.nanmax(self.others, initial=0.0)))
        scale = (right - left) / (most or 1.0)
        x = left
        for place, name in enumerate(self.names):
            svg.rect(x, 2.0, 8.0, 6.0, fill=(INK, "#b8c2cc")[place])
            svg.text(x + 11.0, 8.0, name, size=7.0, fill=QUIET)
            x += 24.0 + text_width(name, 7.0)
        for place, label in enumerate(self.labels):
            y = top + pitch * place
            svg.text(left - 5.0, y + 9.5, _fitted(label, 8.0, room + 2.0), size=8.0, anchor="end")
            value = float(self.values[place])
            thick = 10.0 if self.others is None else 7.0
            mark = self.marks[place] if self.marks else 0
            if np.isfinite(value):
                fill = ACCENT if mark > 0 else INK
                svg.rect(left, y + 2.0, value * scale, thick, fill=fill)
            if self.others is not None and np.isfinite(self.others[place]):
                svg.rect(left, y + 9.5, float(self.others[place]) * scale, 5.0, fill="#b8c2cc")
            end = left + (value * scale if np.isfinite(value) else 0.0) + 4.0
            svg.text(end, y + 9.0, shown(value, self.form), size=7.5)  # type: ignore[arg-type] # a format
            if mark:
                svg.triangle(end + 30.0, y + 6.5, 6.0, up=mark > 0,
                             fill=ACCENT if mark > 0 else INK)  # fmt: skip
        return svg


@dataclass(frozen=True, slots=True, eq=False)
class HourChart:
    """Incidents by hour of the day and day of the week, as shades.

    Parameters
    ----------
    values : (24, 7)
        Per occurrence of that weekday; NaN where hidden.
    days
        Names of the days.
    alt
        The chart in words.
    """

    values: Floats
    days: tuple[str, ...]
    alt: str = ""

    def draw(self, width: float, height: float = 0.0) -> Svg:
        """Draw the chart at a width in points: hours across, days down."""
        del height
        left = max(text_width(day, 7.5) for day in self.days) + 9.0
        cell, tall = (width - left - 2.0) / 24.0, 15.0
        svg = Svg(width, 12.0 + tall * 7 + 20.0, self.alt)
        most = float(np.nanmax(self.values, initial=0.0)) or 1.0
        for hour in range(0, 24, 3):
            svg.text(left + cell * hour, 8.0, f"{hour:02d}:00", size=7.0, fill=QUIET)
        for day in range(7):
            y = 12.0 + tall * day
            svg.text(left - 5.0, y + 10.5, self.days[day], size=7.5, anchor="end")
            for hour in range(24):
                value = self.values[hour, day]
                x = left + cell * hour
                if not np.isfinite(value):
                    svg.text(x + cell / 2, y + 11.0, "*", size=8.0, anchor="middle", fill=QUIET)
                    continue
                svg.rect(x, y, cell - 0.6, tall - 0.6, fill=_shade(float(value) / most))
                if cell >= 14.0:
                    dark = value / most > 0.55
                    svg.text(x + cell / 2, y + 10.2, _short_number(float(value)), size=6.2,
                             anchor="middle", fill="#fff" if dark else INK)  # fmt: skip
        y = 12.0 + tall * 7 + 6.0
        svg.text(left, y + 7.0, tr("briefing.chart.hours_legend"), size=7.0, fill=QUIET)
        return svg


def sparkline(values: npt.ArrayLike, width: float = 52.0, height: float = 11.0) -> Svg:
    """Return a line of a few values without axes, its last point marked."""
    series = np.asarray(values, dtype=float)
    svg = Svg(width, height, "")
    low, high = float(series.min(initial=0.0)), float(series.max(initial=0.0))
    span = (high - low) or 1.0
    step = (width - 5.0) / max(len(series) - 1, 1)
    points = [
        (1.5 + step * place, height - 2.0 - (value - low) / span * (height - 4.0))
        for place, value in enumerate(series.tolist())
    ]
    if points:
        svg.polyline(points, width=0.8)
        svg.circle(*points[-1], 1.4, fill=ACCENT)
    return svg


def nice_ticks(low: float, high: float, parts: int) -> list[float]:
    """Return round numbers from at or below ``low`` to at or above ``high``.

    >>> nice_ticks(1002.0, 1270.0, 3)
    [1000.0, 1100.0, 1200.0, 1300.0]
    """
    span = max(high - low, 1.0)
    raw = span / max(parts, 1)
    size = 10.0 ** np.floor(np.log10(raw))
    step = float(next(size * each for each in (1.0, 2.0, 5.0, 10.0) if size * each >= raw * 0.9))
    first = float(np.floor(low / step) * step)
    count = int(np.ceil((high - first) / step - 1e-9))
    return [first + step * place for place in range(max(count, 1) + 1)]


def _shade(share: float) -> str:
    """Return a shade from near white to dark orange; in grey it falls from light to dark too."""
    stops = ((253, 246, 238), (249, 190, 130), (214, 92, 20), (110, 38, 4))
    at = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(at), len(stops) - 2)
    part = at - low
    mixed = [round(a + (b - a) * part) for a, b in zip(stops[low], stops[low + 1], strict=True)]
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _short_number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or not value else f"{value:.1f}"


def _apart(spots: Sequence[float], least: float) -> list[float]:
    """Return places, ascending, that are at least so far apart."""
    kept: list[float] = []
    for spot in spots:
        kept.append(max(spot, kept[-1] + least) if kept else spot)
    return kept


def _fitted(words: str, size: float, room: float) -> str:
    """Return words cut with an ellipsis where they are wider than there is room."""
    if text_width(words, size) <= room:
        return words
    while words and text_width(words + "…", size) > room:
        words = words[:-1]
    return words + "…"


def _axis_labels(
    svg: Svg, xs: Sequence[float], labels: Sequence[str], y: float, right: float
) -> None:
    """Write as many labels under an axis as have room."""
    widest = max((text_width(label, 7.0) for label in labels), default=0.0) + 10.0
    step = (xs[1] - xs[0]) if len(xs) > 1 else right
    every = max(int(np.ceil(widest / max(step, 1e-9))), 1)
    if every > 1:
        every = -(-len(xs) // max(int(len(xs) / every), 1))
    for place in range(0, len(xs), every):
        anchor = "start" if place == 0 and len(xs) > 1 else "middle"
        x = min(xs[place], right - widest / 2 + 10.0) if anchor == "middle" else xs[place] - 6.0
        svg.line(xs[place], y - 10.0, xs[place], y - 7.5, width=0.5)
        svg.text(x, y, labels[place], size=7.0, anchor=anchor)
