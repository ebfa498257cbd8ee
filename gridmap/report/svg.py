"""A small writer of SVG, with which charts and maps are drawn for every format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

__all__ = ["ACCENT", "BAND", "GRID_LINE", "INK", "QUIET", "WATER", "Svg", "text_width"]

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
        dash: str = "",
    ) -> None:
        """Draw a path as SVG writes it; holes by the even-odd rule."""
        if data:
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            self._parts.append(
                f'<path d="{data}" fill-rule="evenodd" stroke-linejoin="round"{dashed}'
                f" {_look(fill, stroke, stroke_width)}/>"
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
        written = escape(_printable(words))
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
        label = f" aria-label={quoteattr(_printable(self.alt))}" if self.alt else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"{label}'
            f' viewBox="0 0 {_n(self.width)} {_n(self.height)}">{"".join(self._parts)}</svg>'
        )


def text_width(words: str, size: float) -> float:
    """Return about how wide words are, in points.

    >>> text_width("警情", 10.0)
    20.0
    """
    wide = sum(1.0 if ord(letter) >= 0x2E80 else 0.56 for letter in words)
    return wide * size


def _look(fill: str, stroke: str, stroke_width: float) -> str:
    if stroke == "none" or not stroke_width:
        return f'fill="{fill}"'
    return f'fill="{fill}" stroke="{stroke}" stroke-width="{_n(stroke_width)}"'


def _n(value: float) -> str:
    """Return a number with two digits at most."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _printable(words: str) -> str:
    """Return words without control characters, which XML forbids."""
    return "".join(max(letter, " ") for letter in words)
