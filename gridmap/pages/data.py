"""数据: what is there, where it came from, and what comes in next."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from gridmap.i18n import tr
from gridmap.model import AREA_KINDS, Kind
from gridmap.model.crs import crs_label
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.layout import show_empty

__all__ = ["show"]


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    st.subheader(tr("page.data.there"))
    if not ground.city.layers:
        show_empty("no_layers")
        return
    st.dataframe(_contents(ground), hide_index=True, width="stretch")
    st.caption(tr("page.data.crs", crs=crs_label(ground.city.crs)))


def _contents(ground: Ground) -> pd.DataFrame:
    """Return one row a layer: how many, from which files, in which CRS, what was mapped."""
    rows = []
    for kind in Kind:
        layer = ground.city.get(kind)
        if layer is None:
            continue
        known: dict[str, Any] = dict(layer.provenance)
        mapped = known.get("mapped") or {}
        rows.append(
            {
                tr("page.data.layer"): tr(f"page.kind.{kind}"),
                tr("page.data.count"): len(layer),
                tr("page.data.area"): float(layer.area_m2.sum()) / 1e6
                if kind in AREA_KINDS
                else None,
                tr("page.data.sources"): "、".join(map(str, known.get("sources") or [])),
                tr("page.data.source_crs"): str(known.get("source_crs") or ""),
                tr("page.data.mapped"): "；".join(
                    f"{tr(f'field.{name}')} ← {column}" for name, column in dict(mapped).items()
                ),
            }
        )
    if ground.city.incidents is not None:
        rows.append(
            {
                tr("page.data.layer"): tr("page.kind.incidents"),
                tr("page.data.count"): len(ground.city.incidents),
            }
        )
    return pd.DataFrame(rows)
