"""What verbs have in common: how a function becomes one, and what its result can do.

A verb takes its options as an object or as keywords, and its help is made from them. A result
becomes a frame, a GeoDataFrame, a picture, a map or JSON.
"""

from __future__ import annotations

import ast
import base64
import html
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import wraps
from textwrap import dedent, fill, indent
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    get_origin,
    overload,
)

from gridmap._lazy import gpd, pd
from gridmap.api.options import Options, OptionSpec, option_specs
from gridmap.errors import InputError, OptionError, in_python
from gridmap.fields import Json
from gridmap.i18n import has_key, tr

if TYPE_CHECKING:
    from datetime import date

    from matplotlib.axes import Axes

    from gridmap.maps import Facts, OfflineMap, Overlay, Theme
    from gridmap.model import City, Layer
    from gridmap.report.document import Block


#: Number of the format of ``to_dict`` and ``--json``; it changes when a key changes its meaning
#: or goes.
FORMAT = 1
J_co = TypeVar("J_co", covariant=True)
K = TypeVar("K")
V = TypeVar("V")
_ROWS = 8  # rows of a table that a notebook shows
_PICTURE_IN = (5.4, 3.9)
_PICTURE_DPI = 80


@dataclass(frozen=True, kw_only=True, eq=False)
class MapView:
    """What the map of a result shows.

    Parameters
    ----------
    cells
        Polygons in the working CRS.
    themes
        Colourings of the cells; the first is on.
    outlines
        Layers whose borders are drawn over them.
    rooms
        Police rooms, or None.
    overlays
        What the map to explore shows besides.
    facts
        What the tooltip shows, or None.
    """

    cells: Layer
    themes: tuple[Theme, ...]
    outlines: Sequence[Layer] = ()
    rooms: Layer | None = None
    overlays: Sequence[Overlay] = ()
    facts: Facts | None = None

    def showing(self, key: str) -> MapView:
        """Return the view with the theme of this key first.

        Raises
        ------
        OptionError
            If there is none.
        """
        known = [theme.key for theme in self.themes]
        if not key:
            return self
        if key not in known:
            raise OptionError(
                "api.error.choice", option="column", received=key, known=", ".join(known)
            )
        first = self.themes[known.index(key)]
        return replace(self, themes=(first, *(t for t in self.themes if t is not first)))


class Result(ABC, Generic[J_co]):
    """What a verb returns; it holds the city, so it can draw and map itself.

    ``J_co`` is the type of the command's JSON.
    """

    city: City

    @abstractmethod
    def to_dict(self) -> J_co:
        """Return the JSON of the command: plain values, unknown ones None, ``format`` first."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return the result as a table."""

    @abstractmethod
    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the table with geometry, in the city's working CRS."""

    @abstractmethod
    def map_view(self) -> MapView | None:
        """Return what the map shows, or None where there is nothing to draw."""

    def figures(self) -> list[tuple[str, str]]:
        """Return the figures that a notebook shows first: label and text."""
        return []

    def plot(self, column: str = "", *, ax: Axes | None = None, title: str = "") -> Axes:
        """Draw the result as a map and return the matplotlib axes.

        Parameters
        ----------
        column
            What colours the map; the result's own choice if blank.
        ax
            Axes to draw on; new ones if None.
        title
            Above the map; blank for none.

        Raises
        ------
        InputError
            If there is nothing to draw, or no such column.
        """
        from gridmap.maps import plot_theme

        view = self._view(column)
        return plot_theme(
            view.cells, view.themes[0], ax=ax, outlines=view.outlines, rooms=view.rooms,
            title=title,
        )  # fmt: skip

    def explore(self, column: str = "", *, height: int = 480) -> OfflineMap:
        """Return the result as a folium map that needs no network.

        Parameters
        ----------
        column
            What colours the map first.
        height
            Pixels.

        Raises
        ------
        InputError
            If there is nothing to draw, or no such column.
        """
        from gridmap.maps import Scene, draw_layer, folium_map, outline_overlay, room_overlay

        view = self._view(column)
        overlays = [outline_overlay(layer) for layer in view.outlines] + list(view.overlays)
        overlays += [] if view.rooms is None else [room_overlay(view.rooms)]
        scene = Scene(
            draw_layer(view.cells),
            view.themes,
            view.themes[0].key,
            overlays=tuple(overlays),
            facts=view.facts,
        )
        return folium_map(scene, height=height)

    def _view(self, column: str) -> MapView:
        view = self._drawn()
        if view is None:
            raise InputError("maps.error.nothing_to_draw")
        return view.showing(column)

    def _drawn(self) -> MapView | None:
        """Return what the map shows, None where a layer is empty or has no figure."""
        view = self.map_view()
        return view if view is not None and len(view.cells) and view.themes else None

    def _repr_html_(self) -> str:
        """Return figures, the first rows and a small map: what a notebook shows."""
        from gridmap.model.city import figures_html

        parts = [figures_html(self.figures()), _table_html(self.to_frame())]
        view = self._drawn()
        if view is not None:
            parts.append(_picture_html(view))
        return f"<div>{''.join(parts)}</div>"


class PrintedResult(Result[J_co]):
    """A result with a printed sheet."""

    @property
    @abstractmethod
    def sheet_title(self) -> str:
        """The title of the printed sheet."""

    @abstractmethod
    def blocks(self) -> list[Block]:
        """Return the result as it is printed."""

    def sheet(self, dated: date | None = None) -> bytes:
        """Return the result as a printed sheet, PDF.

        Parameters
        ----------
        dated
            The day on it; today if None.
        """
        from gridmap.report.duty import duty_sheet

        return duty_sheet(self.city, self.sheet_title, self.blocks(), dated=dated)


def figure_types() -> tuple[type, ...]:
    """Return the dataclasses that hold results' figures, for callers that store them."""
    from gridmap.measure import Coverage, HotSpots, MeasureTable, Within

    return Coverage, HotSpots, MeasureTable, Within


def label_of(name: str) -> str:
    """Return a column's name in the current language."""
    key = f"field.{name}"
    return tr(key) if has_key(key) else name


def rows_of(frame: pd.DataFrame) -> list[dict[str, Json]]:
    """Return the rows of a table as plain values: NaN becomes None."""
    return [
        {str(name): plain(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


@overload
def plain(value: Mapping[K, V]) -> dict[str, Json]: ...
@overload
def plain(value: float) -> float | None: ...
@overload
def plain(value: object) -> Json: ...
def plain(value: object) -> Json:  # noqa: PLR0911 - whatever a cell or a nested value holds
    """Return numbers of Python for those of NumPy, None for what is unknown, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _table_html(frame: pd.DataFrame) -> str:
    if not len(frame):
        return ""
    shown = frame.head(_ROWS).rename(columns=label_of)
    text = str(shown.to_html(index=False, border=0, float_format=_figure, na_rep="–"))
    more = len(frame) - _ROWS
    if more > 0:
        text += "<p>" + html.escape(tr("api.more_rows", count=more)) + "</p>"
    return text


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"


def _picture_html(view: MapView) -> str:
    from gridmap.maps import Still, draw_still

    still = Still(
        outlines=tuple(view.outlines), rooms=view.rooms, size_in=_PICTURE_IN, dpi=_PICTURE_DPI
    )
    data = base64.b64encode(draw_still(view.cells, view.themes[0], still)).decode()
    alt = html.escape(view.themes[0].title, quote=True)
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'


P = ParamSpec("P")
O_contra = TypeVar("O_contra", bound=Options, contravariant=True)
O = TypeVar("O", bound=Options)  # noqa: E741 - the options' type, beside P and R
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_WIDTH = 88


class Progress(Protocol):
    """Takes the share that is done, 0 to 1, and the step being done where that changes."""

    def __call__(self, share: float, what: str = "", /) -> object:
        """Move the bar."""


class Verb(Protocol[O_contra, P, R_co]):
    """A function that takes a city and options, as an object or as keywords."""

    __name__: str

    @overload
    def __call__(
        self,
        city: City,
        options: O_contra,
        *,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> R_co: ...
    @overload
    def __call__(self, city: City, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


def verb(options: Callable[P, O]) -> Callable[[Callable[..., R]], Verb[O, P, R]]:
    """Make ``function(city, options)`` a verb that also takes the options as keywords.

    The signature and the section *Parameters* of the docstring are made from the options
    dataclass, so that ``help`` and completion in notebooks show each option.

    Parameters
    ----------
    options
        The options dataclass.

    Examples
    --------
    ::

        @verb(MeasureOptions)
        def measure(city: City, options: MeasureOptions) -> MeasureResult: ...

        measure(city, by="beat")
        measure(city, MeasureOptions(by="beat"))
    """
    made: Any = options

    def decorate(function: Callable[..., R]) -> Verb[O, P, R]:
        specs = option_specs(made)
        taken = set(inspect.signature(function).parameters) - {"city", "options"}

        @wraps(function)
        def call(
            city: object,
            options: O | None = None,
            *,
            progress: Progress | None = None,
            should_stop: Callable[[], bool] | None = None,
            **fields: Any,  # noqa: ANN401 - typed by `Verb`, checked by the dataclass
        ) -> R:
            from gridmap.model import City

            if not isinstance(city, City):
                message = f"{function.__name__}() takes a City, received {type(city).__name__}"
                raise TypeError(message)
            if options is not None and (fields or not isinstance(options, made)):
                message = f"{function.__name__}() takes {made.__name__} or its fields as keywords"
                raise TypeError(message)
            _require_known(function.__name__, fields, specs)
            extra = {"progress": progress, "should_stop": should_stop}
            asked = (made(**fields) if options is None else options).placed(city.crs)
            _require_plans(asked, specs)
            return function(
                city, asked, **{name: value for name, value in extra.items() if name in taken}
            )

        call.__dict__["__signature__"] = _signature(function, made, specs)
        call.__doc__ = _document(function, made, specs)
        return cast("Verb[O, P, R]", call)  # as `Verb` says it is called

    return decorate


def _require_known(verb: str, fields: Iterable[str], specs: tuple[OptionSpec, ...]) -> None:
    """Refuse a keyword that is no option, with the one that may be meant."""
    names = [spec.name for spec in specs]
    for field in fields:
        if field not in names:
            near = get_close_matches(field, names, 1)
            message = f"{verb}() got an unexpected keyword argument {field!r}"
            raise TypeError(message + (f". Did you mean {near[0]!r}?" if near else ""))


def _require_plans(options: Options, specs: tuple[OptionSpec, ...]) -> None:
    """Refuse the name of a plan: a city does not know the store that it is saved in."""
    for spec in specs:
        value = getattr(options, spec.name)
        if spec.is_plan and isinstance(value, str) and value:
            raise OptionError("api.error.plan", option=spec.name, received=value)


def _types(options: type[Options]) -> dict[str, str]:
    """Return what each field takes, as a person reads it."""
    found = {}
    for item in options.__dataclass_fields__.values():
        text = str(item.type)
        alias = getattr(sys.modules[options.__module__], text, text)
        if isinstance(alias, str) or get_origin(alias) is Literal:
            text = str(alias).removeprefix("typing.")
        match ast.parse(text, mode="eval").body:
            case ast.Subscript(value=ast.Name("Takes"), slice=ast.Tuple([given, _])):
                text = ast.unparse(given)
        found[item.name] = text
    return found


def _signature(
    function: Callable[..., object], options: type[Options], specs: tuple[OptionSpec, ...]
) -> inspect.Signature:
    types = _types(options)
    city, _ = list(inspect.signature(function).parameters.values())[:2]
    keywords = [
        inspect.Parameter(
            spec.name, inspect.Parameter.KEYWORD_ONLY, default=spec.default,
            annotation=types[spec.name],
        )
        for spec in specs
    ]  # fmt: skip
    whole = inspect.Parameter(
        "options",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=f"{options.__name__} | None",
    )
    result = inspect.signature(function).return_annotation
    return inspect.Signature([city, whole, *keywords], return_annotation=result)


def _document(
    function: Callable[..., object], options: type[Options], specs: tuple[OptionSpec, ...]
) -> str:
    """Return the docstring with each option's meaning, unit, range and cost."""
    first, _, rest = (function.__doc__ or "").partition("\n")
    body = f"{first}\n{dedent(rest)}".strip()
    types = _types(options)
    lines = [
        "Parameters", "----------", "city", "    The city.",
        f"options : {options.__name__}", "    All options in one object, instead of keywords.",
    ]  # fmt: skip
    for spec in specs:
        lines.append(f"{spec.name} : {types[spec.name]}, default {spec.default!r}")
        said = in_python(spec.meaning(options.verb)) + (f" ({spec.unit})" if spec.unit else "")
        if spec.choices:
            said += f": {', '.join(choice or repr(choice) for choice in spec.choices)}"
        lines.append(indent(fill(said, _WIDTH - 4), "    "))
    head, mark, tail = body.partition("\nReturns\n-------")
    return "\n".join([head.rstrip(), "", *lines, "", (mark + tail).lstrip("\n")]).rstrip() + "\n"
