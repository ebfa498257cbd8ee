"""The ranking in bands of units whose difference may be chance; a view of Duty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
import streamlit as st

from gridmap.api.norms import AssessOptions, AssessResult, assess
from gridmap.i18n import tr
from gridmap.io import write_frame
from gridmap.maps import Theme, value_theme
from gridmap.model import Kind
from gridmap.pages.coverage_views import put_download
from gridmap.pages.duty_ask import HEIGHT, ask, put_sheet, show_notes
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import pick_row
from gridmap.pages.session import choice_key
from gridmap.pages.touch import show_map


def show_score(ground: PageGround) -> None:
    """Draw the ranking and its bands on the map."""
    session, city = ground.session, ground.city
    map_side, side = st.columns([5, 7], gap="medium")
    kinds = [kind for kind in ("beat", "station", "community") if city.has(Kind(kind))]
    with side:
        if not kinds:
            st.caption(tr("page.empty.no_beats"))
            return
        by = st.segmented_control(
            tr("duty.page.by"),
            kinds,
            format_func=lambda name: tr(f"page.kind.{name}"),
            label_visibility="collapsed",
            required=True,
            key=choice_key(session, "duty-score-by", kinds[0], kinds),
        )
        options = AssessOptions(
            by=by or "beat",  # type: ignore[arg-type] # one of them
            since=str(session.since or ""),
            until=str(session.until or ""),
            goals=session.path / "score.toml",
        )
        result = ask(ground, assess, options)
        if result is None:
            return
        st.markdown(result.sentence())
        table = result.readable()
        numbers = [name for name in table.columns if table[name].dtype.kind in "if"]
        shown = table.assign(**{name: table[name].map("{:g}".format) for name in numbers})
        picked = pick_row(shown, key=f"duty-score-{by}", right=numbers)
        left, right = st.columns(2)
        with left:
            put_download(
                ground,
                tr("duty.page.ranking"),
                "assessment.csv",
                lambda path: _write(path, result),
                subject="assess",
            )
        with right:
            put_sheet(ground, result, "assess")
        st.caption(tr("duty.score.help"))
        show_notes(result.notes)
    with map_side:
        _show_bands(ground, result, picked)


def _write(path: Path, result: AssessResult) -> None:
    write_frame(result.to_frame(), path)


def _show_bands(ground: PageGround, result: AssessResult, picked: int) -> None:
    city = ground.city
    if not city.has(Kind.GRID):
        return
    units = result.to_gdf()
    middle = shapely.point_on_surface(city.grids.geometry)
    grid, unit = shapely.STRtree(units.geometry.to_numpy()).query(middle, predicate="within")
    band = np.full(len(city.grids), np.nan)
    band[grid] = units["band"].to_numpy()[unit]
    title = tr("duty.score.band")
    themes: tuple[Theme, ...] = (value_theme("band", title, band, colours="purple"),)
    marked = tuple(grid[unit == picked].tolist())
    show_map(ground.scene(themes, marked=marked), key="map-duty-score", height=HEIGHT)
