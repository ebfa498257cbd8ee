"""The caches of the coverage page, keyed by content like those of `gridmap.pages.cache`."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import shapely
import streamlit as st

from gridmap.api.coverage import CoverageOptions, CoverageResult, coverage
from gridmap.api.site import SiteOptions, SiteResult, site
from gridmap.i18n import current_language
from gridmap.maps import Drawing, draw_geometry
from gridmap.model import City, Kind
from gridmap.pages.keeping import keep

__all__ = ["coverage_of", "hours_of", "reach_drawings_of", "sites_of"]


def coverage_of(city: City, key: str, options: CoverageOptions) -> CoverageResult:
    """Return the coverage of a city; each distance or time is kept by itself.

    A city without rooms is covered by none.
    """
    if options.places is None and not options.network and not city.has(Kind.ROOM):
        options = replace(options, places=())
    single = [replace(options, within=str(limit)) for limit in options.limits]
    found = [_coverage(city, one, key, repr(one), current_language()) for one in single]
    return CoverageResult(
        city=city,
        options=options,
        coverages=tuple(item for result in found for item in result.coverages),
    )


@st.cache_resource(show_spinner=False, max_entries=48)
def _coverage(
    _city_: City, _options_: CoverageOptions, key: str, asked: str, language: str
) -> CoverageResult:
    if _options_.places:  # of a working plan: nobody asks for it again
        return coverage(_city_, _options_)
    parts = (key, asked, language)  # notes are sentences
    found = keep("coverage", parts, lambda: coverage(_city_, _options_).coverages)
    return CoverageResult(city=_city_, options=_options_, coverages=found)


def reach_drawings_of(result: CoverageResult, key: str, *, datum: str) -> list[Drawing | None]:
    """Return the drawing of the ground within reach of each coverage; None where there is none."""
    return [_reach_drawing(result, row, key, _place(result, row), datum)
            for row in range(len(result.coverages))]  # fmt: skip


def _place(result: CoverageResult, row: int) -> tuple[str, ...]:
    """Return what the ground within reach hangs on besides the city."""
    found = result.coverages[row]
    places = hashlib.blake2b(found.place_xy.tobytes(), digest_size=16).hexdigest()
    return str(found.within), found.mode, places


@st.cache_resource(show_spinner=False, max_entries=48)
def _reach_drawing(
    _result: CoverageResult, _row: int, key: str, names: tuple[str, ...], datum: str
) -> Drawing | None:
    def draw() -> Drawing | None:
        shape = _result.shape(_result.coverages[_row])
        if shape.is_empty:
            return None
        return draw_geometry(np.array([shape], dtype=object), _result.city.crs, datum=datum)

    return keep("drawn", (key, names, datum), draw)


def hours_of(result: CoverageResult, key: str) -> pd.DataFrame | None:
    """Return residents covered in each hour by the rooms that are staffed then, if known."""
    found = result.coverages[0]
    return _hours(result, key, str(found.within), found.mode)


@st.cache_resource(show_spinner=False, max_entries=24)
def _hours(_result: CoverageResult, key: str, within: str, mode: str) -> pd.DataFrame | None:  # noqa: ARG001 - hashed for the result
    return _result.hours(_result.coverages[0])


def sites_of(city: City, key: str, options: SiteOptions, drawn: tuple[int, ...]) -> SiteResult:
    """Return where rooms go; rows of grids in ``drawn`` are the ground they may stand on."""
    return _sites(city, options, key, repr(options), drawn)


@st.cache_resource(show_spinner=False, max_entries=24)
def _sites(
    _city_: City,
    _options: SiteOptions,
    key: str,  # noqa: ARG001 - hashed for the city
    asked: str,  # noqa: ARG001 - hashed for the options
    drawn: tuple[int, ...],
) -> SiteResult:
    if drawn:
        shapes = shapely.make_valid(_city_.grids.geometry[list(drawn)])
        _options = replace(_options, area=shapely.union_all(shapes))
    return site(_city_, _options)
