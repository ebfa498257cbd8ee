"""The caches of the coverage page, keyed by content like those of `gridmap.pages.cache`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import streamlit as st

from gridmap.i18n import current_language
from gridmap.maps import Drawing, draw_geometry
from gridmap.measure import (
    Coverage,
    Within,
    coverage_by_hour,
    measure_coverage,
    reach_shape,
)
from gridmap.model import City, Kind
from gridmap.pages.keeping import keep
from gridmap.siting import SiteProposal, SiteRequest, propose_sites

__all__ = ["coverage_of", "coverage_with", "hours_of", "reach_drawing_of", "sites_of"]


def coverage_of(
    city: City,
    key: str,
    within: Within,
    *,
    mode: str,
    network: str = "",
    since: date | None = None,
    until: date | None = None,
) -> Coverage:
    """Return the coverage of a city by rooms or a network; ``until`` is the last day counted.

    A city without rooms is covered by none.
    """
    return _coverage(city, key, within, mode, network, since, until, current_language())


@st.cache_resource(show_spinner=False, max_entries=48)
def _coverage(
    _city_: City,
    key: str,
    within: Within,
    mode: str,
    network: str,
    since: date | None,
    until: date | None,
    language: str,
) -> Coverage:
    end = until + timedelta(days=1) if until else None
    none = (np.empty(0, dtype=object), np.empty((0, 2)))
    places = none if not network and not _city_.has(Kind.ROOM) else None
    return keep(
        "coverage",
        (key, within, mode, network, since, until, language),  # notes are sentences
        lambda: measure_coverage(
            _city_, within, mode=mode, network=network, places=places, since=since, until=end
        ),
    )


def coverage_with(
    city: City, key: str, within: Within, *, mode: str, xy: npt.NDArray[np.float64]
) -> Coverage:
    """Return the coverage of a city by places of a working plan, shape (m, 2)."""
    digest = hashlib.blake2b(np.ascontiguousarray(xy).tobytes(), digest_size=16).hexdigest()
    return _coverage_with(city, key, within, mode, digest, current_language(), xy)


@st.cache_resource(show_spinner=False, max_entries=24)
def _coverage_with(
    _city_: City,
    key: str,  # noqa: ARG001 - hashed for the city
    within: Within,
    mode: str,
    digest: str,  # noqa: ARG001 - hashed for the places
    language: str,  # noqa: ARG001 - hashed for the notes
    _xy: npt.NDArray[np.float64],
) -> Coverage:
    ids = np.array([str(row) for row in range(len(_xy))], dtype=object)
    return measure_coverage(_city_, within, mode=mode, places=(ids, _xy))


def reach_drawing_of(city: City, key: str, coverage: Coverage, *, datum: str) -> Drawing | None:
    """Return the drawing of the ground within reach, or None where there is none."""
    places = hashlib.blake2b(coverage.place_xy.tobytes(), digest_size=16).hexdigest()
    names = (str(coverage.within), coverage.mode, places)
    return _reach_drawing(city, coverage, key, names, datum)


@st.cache_resource(show_spinner=False, max_entries=48)
def _reach_drawing(
    _city_: City,
    _coverage_: Coverage,
    key: str,
    names: tuple[str, ...],
    datum: str,
) -> Drawing | None:
    def draw() -> Drawing | None:
        shape = reach_shape(_city_, _coverage_)
        if shape.is_empty:
            return None
        return draw_geometry(np.array([shape], dtype=object), _city_.crs, datum=datum)

    return keep("drawn", (key, names, datum), draw)


def hours_of(city: City, key: str, within: Within, mode: str) -> pd.DataFrame:
    """Return residents covered in each hour by the rooms that are staffed then."""
    return _hours(city, key, within, mode)


@st.cache_resource(show_spinner=False, max_entries=24)
def _hours(_city_: City, key: str, within: Within, mode: str) -> pd.DataFrame:  # noqa: ARG001 - hashed for the city
    return coverage_by_hour(_city_, within, mode=mode)


def sites_of(city: City, key: str, request: SiteRequest, drawn: tuple[int, ...]) -> SiteProposal:
    """Return a siting proposal; rows of grids in ``drawn`` are the area rooms may stand in."""
    return _sites(city, request, key, repr(request), drawn)


@st.cache_resource(show_spinner=False, max_entries=24)
def _sites(
    _city_: City,
    _request: SiteRequest,
    key: str,  # noqa: ARG001 - hashed for the city
    asked: str,  # noqa: ARG001 - hashed for the request
    drawn: tuple[int, ...],
) -> SiteProposal:
    if drawn:
        shapes = shapely.make_valid(_city_.grids.geometry[list(drawn)])
        _request = replace(_request, area=shapely.union_all(shapes))
    return propose_sites(_city_, _request)
