"""Maps of a report as vectors: shaded areas, borders with a halo, numbered places, an inset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.i18n import tr
from gridmap.maps.classes import classify, ramp
from gridmap.model import Layer
from gridmap.report.charts import ACCENT, INK, QUIET, WATER, Svg, text_width
from gridmap.report.tables import UNKNOWN, Format, shown
from gridmap.typing import Bools, Floats, Ints, Shapes

PATH_STEP = 5.0  # parts of a point that coordinates are rounded to
_MANY = 3_000  # cells above which their own borders are not drawn
_LABEL_PT, _SMALL_PT = 6.8, 5.6  # letters of labels, and of very many of them
_MANY_LABELS = 100
_DISC = 6.4  # radius of a disc with a number
_CROWDED = 13.0  # points below which a labelled area is too small for its label
_HIDDEN, _NONE = "#cfd4da", "#f7f7f5"
_Rect = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True, eq=False)
class Shading:
    """Areas and the colour of each.

    Attributes
    ----------
    shapes
        Polygons in the working CRS.
    rows
        Place of each one's colour in ``legend``; -1 for none.
    legend
        Colours and what they stand for, in the order of the legend.
    title
        What stands above the legend.
    lines
        Whether borders between the areas are drawn.
    """

    shapes: Shapes
    rows: Ints
    legend: tuple[tuple[str, str], ...]
    title: str = ""
    lines: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Borders or lines over the shading, by default white below to be seen on dark ground."""

    shapes: Shapes
    width: float = 0.8
    colour: str = INK
    name: str = ""
    halo: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Points of one kind: rooms, facilities."""

    xy: Floats
    colour: str = WATER
    radius: float = 1.7
    name: str = ""
    reach_m: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Locator:
    """A small map in a corner: where one area lies among others.

    Attributes
    ----------
    shapes
        All of them.
    row
        The one.
    name
        What they are together.
    """

    shapes: Shapes
    row: int
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class MapFigure:
    """One map, drawn at any size.

    Parameters
    ----------
    key, title
        Name for files, and what stands above it.
    shading
        The areas, from back to front; the first also gives the extent.
    outlines, marks
        Borders and points over them.
    numbers
        Texts in discs, each at a point: places that a table lists.
    labels
        Texts without discs, each at a point: names or small numbers of areas.
    label_shapes
        The areas of the labels: where many are too small, an inset shows them larger. A label
        that would lie over another is left out, and the map says how many are.
    alt
        The map in words.
    locator
        Where the area lies among others, drawn small in the corner that it leaves free.
    """

    key: str
    title: str
    shading: tuple[Shading, ...]
    outlines: tuple[Outline, ...] = ()
    marks: tuple[Marks, ...] = ()
    numbers: tuple[tuple[float, float, str], ...] = ()
    labels: tuple[tuple[float, float, str], ...] = ()
    label_shapes: Shapes = field(default_factory=lambda: np.empty(0, dtype=object))
    alt: str = ""
    locator: Locator | None = None

    def draw(self, width: float, height: float = 0.0) -> Svg:
        """Draw the map at a width in points; the height follows from the ground."""
        left, low, right, top = (float(v) for v in shapely.total_bounds(self.shading[0].shapes))
        across, up = max(right - left, 1.0), max(top - low, 1.0)
        tall = height or min(max(width * up / across, width * 0.52), width * 1.02)
        legend = self._legend()
        room = _legend_size(legend)
        scale = min((width - 8.0) / across, (tall - 8.0) / up)
        frame = _Frame(
            scale,
            (width - across * scale) / 2 - left * scale,
            (tall + up * scale) / 2 + low * scale,
        )
        # Any corner will do where nothing is covered; else the legend goes below the map.
        taken = shapely.STRtree(self.shading[0].shapes)
        corner = _free_corner(taken, frame, room, (width, tall))
        below = corner is None and room[1] > 0
        columns = max(int(width // max(room[0], 1.0)), 1)
        extra = 0.0
        if below:
            lines = -(-len(legend) // columns)
            extra = 12.0 * lines + 4.0
        svg = Svg(width, tall + extra + 14.0, self.alt or self.title)
        whole = (0.0, 0.0, width, tall)
        self._paint(svg, frame, whole)
        blocked = [_disc(*frame.point(east, north)) for east, north, _ in self.numbers]
        if corner is not None:
            blocked.append((*corner, corner[0] + room[0], corner[1] + room[1]))
        if self.locator is not None:
            blocked += _locate(svg, frame, self.locator, (width, tall))
        written, inset = self._inset(
            svg, frame, taken, (width, tall), (0.0, 0.0) if below else room, corner
        )
        written |= self._write(svg, frame, whole, ~written, [*blocked, *inset])
        if below:
            for place, item in enumerate(legend):
                line, column = divmod(place, columns)
                _legend_item(svg, item, 4.0 + column * width / columns, tall + 4.0 + 12.0 * line)
        elif corner is not None:
            for place, item in enumerate(legend):
                _legend_item(svg, item, corner[0] + 3.0, corner[1] + 3.0 + 11.0 * place)
        _scale_bar(svg, scale, 4.0, tall + extra + 8.0)
        _north(svg, width - 10.0, tall + extra + 3.0)
        left_out = int((~written).sum())
        if left_out:
            svg.text(width - 20.0, tall + extra + 10.0,
                     tr("briefing.map.left_out", count=left_out), size=6.5, fill=QUIET,
                     anchor="end")  # fmt: skip
        return svg

    def _legend(self) -> list[tuple[str, str, str]]:
        items: list[tuple[str, str, str]] = []
        for shade in self.shading:
            if shade.title:
                items.append(("title", "", shade.title))
            items += [("box", colour, label) for colour, label in shade.legend if label]
        items += [("line", each.colour, each.name) for each in self.outlines if each.name]
        items += [("dot", each.colour, each.name) for each in self.marks if each.name]
        return items

    def _paint(self, svg: Svg, frame: _Frame, box: _Rect) -> None:
        self._paint_ground(svg, frame)
        for east, north, words in self.numbers:
            x, y = frame.point(east, north)
            if box[0] < x < box[2] and box[1] < y < box[3]:
                svg.circle(x, y, _DISC, fill=INK, stroke="#fff", stroke_width=0.8)
                svg.text(x, y + 2.9, words, size=8.0 if len(words) < 2 else 6.8, fill="#fff",
                         anchor="middle", bold=True)  # fmt: skip

    def _write(
        self, svg: Svg, frame: _Frame, box: _Rect, which: Bools, blocked: Sequence[_Rect]
    ) -> Bools:
        """Write labels in a box, those of large areas first and none over another.

        Returns which are written.
        """
        boxes, taken = self._label_boxes(frame), list(blocked)
        written = np.zeros(len(self.labels), dtype=bool)
        order = np.arange(len(self.labels))
        if len(self.label_shapes) == len(order):
            order = np.argsort(-shapely.area(self.label_shapes), kind="stable")
        for place in order[which[order]].tolist():
            left, top, right, bottom = spot = boxes[place]
            x, y = (left + right) / 2, (top + bottom) / 2
            if not (box[0] < x < box[2] and box[1] < y < box[3]):
                continue
            if any(left < e and w < right and top < s and n < bottom for w, n, e, s in taken):
                continue
            taken.append(spot)
            written[place] = True
            svg.text(x, y + 2.4, self.labels[place][2], size=self._size, anchor="middle",
                     halo=True)  # fmt: skip
        return written

    @property
    def _size(self) -> float:
        """Size of the labels: smaller where there are very many."""
        return _LABEL_PT if len(self.labels) <= _MANY_LABELS else _SMALL_PT

    def _label_boxes(self, frame: _Frame) -> list[_Rect]:
        found = []
        for east, north, words in self.labels:
            (x, y), half = frame.point(east, north), text_width(words, self._size) / 2
            found.append((x - half, y - self._size / 2, x + half, y + self._size / 2))
        return found

    def _paint_ground(self, svg: Svg, frame: _Frame) -> None:
        """Draw the shading, the borders and the points."""
        for place, shade in enumerate(self.shading):
            lines = shade.lines and len(shade.shapes) <= _MANY
            if not place:
                svg.path(frame.path(shade.shapes), fill=_NONE, step=PATH_STEP)
            for row, (colour, _) in enumerate(shade.legend):
                held = shade.rows == row
                if held.any():
                    svg.path(
                        frame.path(shade.shapes[held]),
                        fill=colour,
                        stroke="#ffffff" if lines else colour,
                        stroke_width=0.3 if lines else 0.15,
                        step=PATH_STEP,
                    )
        for each in self.marks:
            if each.reach_m:
                for x, y in frame.points(each.xy):
                    svg.circle(x, y, each.reach_m * frame.scale, fill="none", stroke=each.colour,
                               stroke_width=0.4)  # fmt: skip
        for line in self.outlines:
            data = frame.path(line.shapes)
            if line.halo:
                svg.path(data, stroke="#ffffff", stroke_width=line.width + 0.9, step=PATH_STEP)
            svg.path(data, stroke=line.colour, stroke_width=line.width, step=PATH_STEP)
        for each in self.marks:
            for x, y in frame.points(each.xy):
                svg.circle(x, y, each.radius, fill=each.colour, stroke="#fff", stroke_width=0.4)

    def _crowd(self, frame: _Frame) -> Bools | None:
        """Return which labels have no room, or None where nearly all have."""
        if len(self.label_shapes) != len(self.labels) or not len(self.labels):
            return None
        bounds = shapely.bounds(self.label_shapes)
        small = np.minimum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
        boxes = shapely.box(*np.array(self._label_boxes(frame)).T)
        first, second = shapely.STRtree(boxes).query(boxes, predicate="intersects")
        crowd = small * frame.scale < _CROWDED
        crowd[first[first != second]] = True
        return crowd if crowd.sum() >= 4 else None

    def _inset(
        self,
        svg: Svg,
        frame: _Frame,
        taken: shapely.STRtree,
        size: tuple[float, float],
        legend: tuple[float, float],
        corner: tuple[float, float] | None,
    ) -> tuple[Bools, list[_Rect]]:
        """Draw ground whose labels have no room larger in a free corner, where there is one.

        Returns which labels it writes, and the rectangle that it takes.
        """
        none = np.zeros(len(self.labels), dtype=bool)
        crowd = self._crowd(frame)
        if crowd is None:
            return none, []
        bounds = shapely.bounds(self.label_shapes[crowd])
        centres = (bounds[:, :2] + bounds[:, 2:]) / 2.0
        middle = np.median(centres, axis=0)
        reach = float(np.quantile(np.abs(centres - middle).max(axis=1), 0.8)) * 1.3
        wide = min(size[0] * 0.36, size[1] * 0.42)
        spot = _free_corner(taken, frame, (wide, wide), size, beside=(corner, legend), least=0.35)
        if spot is None or reach <= 0 or wide / (2 * reach) < 1.5 * frame.scale:
            return none, []
        scale = wide / (2 * reach)
        inner = _Frame(
            scale,
            spot[0] + wide / 2 - middle[0] * scale,
            spot[1] + wide / 2 + middle[1] * scale,
        )
        x, y = frame.point(middle[0] - reach, middle[1] + reach)
        side = 2 * reach * frame.scale
        box = (*spot, spot[0] + wide, spot[1] + wide)
        svg.rect(x, y, side, side, stroke=ACCENT, stroke_width=0.9)
        svg.rect(*spot, wide, wide, fill="#fff", stroke=ACCENT, stroke_width=0.9)
        svg.clip(f"inset-{self.key}", *spot, wide, wide)
        self._paint(svg, inner, box)
        discs = [_disc(*inner.point(east, north)) for east, north, _ in self.numbers]
        written = self._write(svg, inner, box, ~none, discs)
        svg.end()
        svg.rect(*spot, wide, wide, stroke=ACCENT, stroke_width=0.9)
        return written, [box]


def _locate(svg: Svg, frame: _Frame, where: Locator, size: tuple[float, float]) -> list[_Rect]:
    """Draw a small map in the corner that holds least of the area; return what it covers."""
    mine = shapely.STRtree(where.shapes[[where.row]])
    for share, least in ((0.3, 0.02), (0.22, 0.02), (0.22, 1.0)):
        wide = min(size) * share
        spot = _free_corner(mine, frame, (wide, wide), size, least=least)
        if spot is not None:
            break
    assert spot is not None  # noqa: S101 - the last takes any corner
    left, low, right, top = (float(v) for v in shapely.total_bounds(where.shapes))
    scale = (wide - 12.0) / max(right - left, top - low, 1e-9)
    inner = _Frame(
        scale,
        spot[0] + wide / 2 - (left + right) / 2 * scale,
        spot[1] + wide / 2 - 3.0 + (low + top) / 2 * scale,
    )
    svg.rect(*spot, wide, wide, fill="#fff", stroke=INK, stroke_width=0.6)
    svg.path(inner.path(where.shapes), fill="#eef2f6", stroke="#8795a3", stroke_width=0.3,
             step=PATH_STEP)  # fmt: skip
    svg.path(inner.path(where.shapes[[where.row]]), fill=ACCENT, stroke=INK, stroke_width=0.5,
             step=PATH_STEP)  # fmt: skip
    svg.text(spot[0] + wide / 2, spot[1] + wide - 2.5, where.name, size=_SMALL_PT,
             anchor="middle", halo=True)  # fmt: skip
    return [(*spot, spot[0] + wide, spot[1] + wide)]


def _disc(x: float, y: float) -> _Rect:
    return x - _DISC, y - _DISC, x + _DISC, y + _DISC


@dataclass(frozen=True, slots=True)
class _Frame:
    """How ground becomes paper: ``x = east * scale + dx``, ``y = dy - north * scale``."""

    scale: float
    dx: float
    dy: float

    def point(self, east: float, north: float) -> tuple[float, float]:
        return east * self.scale + self.dx, self.dy - north * self.scale

    def points(self, xy: Floats) -> list[tuple[float, float]]:
        return [self.point(float(east), float(north)) for east, north in xy]

    def path(self, shapes: Shapes) -> str:
        """Return polygons or lines as a path in fifths of a point, for `Svg.path` to shrink.

        Points that fall together are drawn once.
        """
        known = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
        if not len(known):
            return ""
        areas = shapely.get_dimensions(known) == 2
        parts = shapely.get_parts(known[areas])
        rings = shapely.get_rings(parts) if len(parts) else np.empty(0, dtype=object)
        lines = shapely.get_parts(known[~areas])
        drawn = np.concatenate([rings, lines])
        points, of = shapely.get_coordinates(drawn, return_index=True)
        places = np.empty((len(points), 2), dtype=np.int64)
        places[:, 0] = np.rint((points[:, 0] * self.scale + self.dx) * PATH_STEP)
        places[:, 1] = np.rint((self.dy - points[:, 1] * self.scale) * PATH_STEP)
        fresh = np.ones(len(places), dtype=bool)
        fresh[1:] = (of[1:] != of[:-1]) | (places[1:] != places[:-1]).any(axis=1)
        places, of = places[fresh], of[fresh]
        begins = np.flatnonzero(np.diff(of, prepend=-1))
        ends = np.append(begins[1:], len(places))
        is_ring = of[begins] < len(rings)
        steps = np.diff(places, axis=0, prepend=places[:1])
        steps[begins] = places[begins]
        text = list(map(str, steps.ravel().tolist()))
        pieces = [
            f"M{text[2 * begin]} {text[2 * begin + 1]}l{' '.join(text[2 * begin + 2 : 2 * end])}"
            + ("z" if ring else "")
            for begin, end, ring in zip(
                begins.tolist(), ends.tolist(), is_ring.tolist(), strict=True
            )
            if end - begin >= (3 if ring else 2)
        ]
        return "".join(pieces)


def shade_by_class(
    shapes: Shapes,
    values: npt.ArrayLike,
    *,
    title: str,
    form: Format = "count",
    colours: str = "blue",
    count: int = 4,
    hidden: Bools | None = None,
    limit: int = 0,
) -> Shading:
    """Shade areas by values in classes that do not overlap.

    Parameters
    ----------
    shapes
        Polygons.
    values
        NaN where unknown.
    title, form
        What the values are, and how they are written.
    colours
        A ramp of `gridmap.maps.classes`, or ``grey``.
    count
        Most classes.
    hidden, limit
        Where values are hidden because they are below a limit; these get a colour of
        their own whatever they are.
    """
    digits = {"share": 3, "change": 3, "decimal": 1, "fine": 2}.get(form, 0)
    numbers = np.round(np.asarray(values, dtype=float), digits)
    dark = np.zeros(len(numbers), bool) if hidden is None else hidden
    numbers = np.where(dark, np.nan, numbers)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        unknown = ((_NONE, tr("briefing.map.unknown")),)
        return Shading(shapes, np.zeros(len(numbers), np.int64), unknown, title)
    some = known[known != 0]
    found = classify(some if len(some) else known, count=count)
    breaks = np.unique(np.round(found.breaks, digits))
    rows = np.searchsorted(breaks, numbers, side="left").astype(np.int64)
    colour = _greys(len(breaks)) if colours == "grey" else ramp(colours, len(breaks))
    step = 10.0**-digits
    lows = [float(some.min()) if len(some) else 0.0]
    lows += [float(edge) + step for edge in breaks[:-1]]
    legend: list[tuple[str, str]] = [
        (shade, _range_label(max(low, 0.0) if known.min() >= 0 else low, float(high), form))
        for shade, low, high in zip(colour, lows, breaks, strict=True)
    ]
    if (known == 0).any() and len(some):
        legend.insert(0, ("#ffffff", shown(0.0, form)))
        rows = np.where(numbers == 0, 0, rows + 1)
    if dark.any():
        rows = np.where(dark, len(legend), rows)
        legend.append((_HIDDEN, tr("report.map.hidden", limit=limit)))
    absent = ~np.isfinite(numbers) & ~dark
    if absent.any():
        rows = np.where(absent, len(legend), rows)
        legend.append((_NONE, tr("briefing.map.unknown")))
    return Shading(shapes, rows, tuple(legend), title)


def merged(shade: Shading) -> Shading:
    """Return a shading with the areas of one colour as one, where there are very many.

    Borders between so many areas are not drawn, and drawings without them are far smaller.
    Areas that overlap stay as they are: only a coverage can be merged exactly.
    """
    if len(shade.shapes) <= _MANY or not shapely.coverage_is_valid(shade.shapes).all():
        return shade
    kinds = np.unique(shade.rows[shade.rows >= 0])
    shapes = [shapely.coverage_union_all(shade.shapes[shade.rows == kind]) for kind in kinds]
    rest = shade.shapes[shade.rows < 0]
    if len(rest):
        shapes.append(shapely.coverage_union_all(rest))
        kinds = np.append(kinds, -1)
    return replace(shade, shapes=np.array(shapes, dtype=object), rows=kinds.astype(np.int64))


def shade_changes(shapes: Shapes, marks: Sequence[int], shares: npt.ArrayLike) -> Shading:
    """Shade areas by how much a rate changed, those beyond chance in strong colours.

    Parameters
    ----------
    shapes
        Polygons.
    marks
        1 up beyond chance, -1 down, 0 neither.
    shares
        The change as a share; NaN where nothing was before.
    """
    known = np.nan_to_num(np.asarray(shares, dtype=float))
    beyond = np.asarray(marks, dtype=np.int64)
    legend = (
        ("#b35806", tr("briefing.map.up_beyond")),
        ("#f6c79a", tr("briefing.map.up_usual")),
        ("#f2f2f0", tr("briefing.map.same")),
        ("#9fa3cf", tr("briefing.map.down_usual")),
        ("#542788", tr("briefing.map.down_beyond")),
    )
    rows = np.where(known > 0.1, 1, np.where(known < -0.1, 3, 2))
    rows = np.where(beyond > 0, 0, np.where(beyond < 0, 4, rows)).astype(np.int64)
    used = np.bincount(rows, minlength=5) > 0
    return Shading(
        shapes,
        rows,
        tuple((colour, label if used[n] else "") for n, (colour, label) in enumerate(legend)),
        tr("briefing.map.change_title"),
    )


def points_in(layer: Layer | Shapes) -> Floats:
    """Return a point inside each area, shape (n, 2)."""
    shapes = layer.geometry if isinstance(layer, Layer) else layer
    return np.asarray(shapely.get_coordinates(shapely.point_on_surface(shapes)), dtype=np.float64)


def _range_label(low: float, high: float, form: Format) -> str:
    if low >= high:
        return shown(high, form)
    return f"{shown(low, form)}{UNKNOWN}{shown(high, form)}"


def _greys(count: int) -> tuple[str, ...]:
    # Lighter than the hot grids above them, in print too.
    levels = np.linspace(0xEA, 0x96, count) if count > 1 else np.array([0xB0])
    return tuple(f"#{round(v):02x}{round(v):02x}{round(v):02x}" for v in levels)


def _legend_size(items: Sequence[tuple[str, str, str]]) -> tuple[float, float]:
    if not items:
        return 0.0, 0.0
    wide = max(
        text_width(words, 7.0) + (0.0 if kind == "title" else 13.0) for kind, _, words in items
    )
    return wide + 8.0, 11.0 * len(items) + 6.0


def _legend_item(svg: Svg, item: tuple[str, str, str], x: float, y: float) -> None:
    kind, colour, words = item
    if kind == "title":
        svg.text(x, y + 7.0, words, size=7.0, bold=True)
        return
    if kind == "box":
        svg.rect(x, y + 0.8, 9.0, 7.0, fill=colour, stroke="#8795a3", stroke_width=0.3)
    elif kind == "line":
        svg.line(x, y + 4.5, x + 9.0, y + 4.5, stroke=colour, width=1.4)
    else:
        svg.circle(x + 4.5, y + 4.5, 2.2, fill=colour)
    svg.text(x + 13.0, y + 7.0, words, size=7.0)


def _free_corner(
    taken: shapely.STRtree,
    frame: _Frame,
    room: tuple[float, float],
    size: tuple[float, float],
    *,
    beside: tuple[tuple[float, float] | None, tuple[float, float]] | None = None,
    least: float = 0.02,
) -> tuple[float, float] | None:
    """Return the upper left of a corner in which little ground lies, or None."""
    best: tuple[float, tuple[float, float]] | None = None
    for x in (1.0, size[0] - room[0] - 1.0):
        for y in (1.0, size[1] - room[1] - 1.0):
            if beside is not None and beside[0] is not None:
                (bx, by), (bw, bh) = beside[0], beside[1]
                if x < bx + bw and bx < x + room[0] and y < by + bh and by < y + room[1]:
                    continue
            west, east = (x - frame.dx) / frame.scale, (x + room[0] - frame.dx) / frame.scale
            north, south = (frame.dy - y) / frame.scale, (frame.dy - y - room[1]) / frame.scale
            box = shapely.box(west, south, east, north)
            hit = taken.query(box, predicate="intersects")
            ground = taken.geometries[hit]
            covered = float(shapely.area(shapely.clip_by_rect(ground, *box.bounds)).sum())
            share = covered / max(float(shapely.area(box)), 1e-9)
            if best is None or share < best[0]:
                best = (share, (x, y))
    return best[1] if best is not None and best[0] <= least else None


def _scale_bar(svg: Svg, scale: float, x: float, y: float) -> None:
    size = 10.0 ** np.floor(np.log10(max(60.0 / scale, 1.0)))
    metres = max(size * each for each in (1.0, 2.0, 5.0) if size * each * scale <= 64.0)
    wide = metres * scale
    words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    svg.line(x, y, x + wide, y, width=0.8)
    svg.line(x, y - 2.5, x, y, width=0.8)
    svg.line(x + wide, y - 2.5, x + wide, y, width=0.8)
    svg.text(x + wide + 4.0, y + 1.5, words, size=6.5, fill=QUIET)


def _north(svg: Svg, x: float, y: float) -> None:
    svg.path(f"M{x:.2f} {y - 2:.2f}L{x + 3:.2f} {y + 8:.2f}L{x:.2f} {y + 5.5:.2f}"
             f"L{x - 3:.2f} {y + 8:.2f}Z", fill=INK)  # fmt: skip
    svg.text(x + 4.0, y + 7.0, "N", size=6.0, fill=INK)
