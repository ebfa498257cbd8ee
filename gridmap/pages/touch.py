"""The touch map on a page: a scene goes down, an event comes up."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v1 import declare_component

from gridmap.io.placing import put
from gridmap.maps import Scene, write_touch_folder
from gridmap.pages.session import session_id
from gridmap.pages.visitors import SHOWN

_SEEN = "gridmap-map-seen"
_MOST_BYTES = 1_000_000_000
_KEPT_S = 3600.0  # seconds in which a browser may still fetch what it was shown


@dataclass(frozen=True, slots=True)
class MapEvent:
    """What a reader did on a map.

    Parameters
    ----------
    event
        ``click``, ``select``, ``unit`` (chosen in a list or a search), ``brush`` (a unit to
        paint with) or ``paint``.
    grids
        Rows of the cells, or of the unit.
    more
        Shift or Ctrl was held: add to what is marked.
    strokes
        Of ``paint``: stamp, rows of the cells, and row of the unit that they go to. The browser
        tells each until a scene says that it holds it.
    place
        Latitude and longitude of the click, or None.
    places
        Stamp, latitude and longitude of this click and of those before it, of which a run may
        have missed some.
    """

    event: str
    grids: tuple[int, ...]
    more: bool = False
    strokes: tuple[tuple[int, tuple[int, ...], int], ...] = ()
    place: tuple[float, float] | None = None
    places: tuple[tuple[int, float, float], ...] = ()


def show_map(
    scene: Scene,
    *,
    key: str,
    height: int = 640,
    tools: tuple[str, ...] = ("click",),
    link: str = "",
) -> MapEvent | None:
    """Draw a scene, and return what the reader has just done on it, once.

    Parameters
    ----------
    scene
        What is drawn. Geometry that the browser has is not sent again.
    key
        One a map; the same map keeps its place and zoom while the scene changes.
    height
        Pixels.
    tools
        Of ``click``, ``rectangle`` and ``lasso``.
    link
        Maps of one name move together; blank for a map that moves alone.
    """
    component, folder = _component()
    sources = {}
    for digest, data in scene.assets().items():
        target = folder / f"{digest}.bin"
        if not target.exists():
            # Two readers may need it at once: each writes a file of its own.
            part = folder / f".{digest}-{secrets.token_hex(4)}"
            part.write_bytes(data)
            put(part, target)
            _sweep(folder)
        with suppress(OSError):
            os.utime(target)  # the least recently shown go first
        SHOWN.show(session_id(), target.name)
        sources[digest] = {"url": target.name}
    packed = scene.to_dict(sources)
    value = component(
        scene=packed, height=height, tools=list(tools), link=link, key=key, default=None
    )
    return _event(key, value)


def touched(key: str) -> MapEvent | None:
    """Return what the reader has just done on a map that is yet to be drawn, once.

    A page that asks before it draws is drawn once after a click, not twice.
    """
    return _event(key, st.session_state.get(key))


def _event(key: str, value: dict[str, Any] | None) -> MapEvent | None:
    if not value:
        return None
    seen: dict[str, int] = st.session_state.setdefault(_SEEN, {})
    # Told apart, not put in order: the browser's clock may jump.
    if value["stamp"] == seen.get(key):
        return None
    seen[key] = value["stamp"]
    strokes = tuple(
        (int(one["stamp"]), tuple(map(int, one["cells"])), int(one["to"]))
        for one in value.get("strokes", ())
    )
    place = value.get("place")
    return MapEvent(
        str(value["event"]),
        tuple(map(int, value["grids"])),
        bool(value["more"]),
        strokes,
        (float(place[0]), float(place[1])) if place else None,
        tuple((int(at), float(lat), float(lon)) for at, lat, lon in value.get("places", ())),
    )


def font_address() -> str:
    """Return where this server serves the Chinese font for machines that have none."""
    component, _ = _component()
    return f"component/{component.name}/cjk.ttf"


def _sweep(folder: Path) -> None:
    """Remove the map files that nobody has been shown for longest, beyond what all may hold."""
    found = []
    for path in folder.glob("*.bin"):
        with suppress(OSError):
            found.append((path.stat().st_mtime, path.stat().st_size, path))
    held = sum(size for _, size, _ in found)
    for shown, size, path in sorted(found):
        if held <= _MOST_BYTES or time.time() - shown < _KEPT_S:
            return
        path.unlink(missing_ok=True)
        held -= size


def _component() -> tuple[Any, Path]:
    folder = _folder()
    # Declared in each run: Streamlit registers it with the server only inside one.
    return declare_component("gridmap", path=folder.name), Path(folder.name)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="gridmap-map-", ignore_cleanup_errors=True)
    write_touch_folder(Path(folder.name))
    return folder
