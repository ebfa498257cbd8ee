"""What the pages derive is kept between runs, and is the same as what was derived."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
import streamlit as st

from gridmap.api.coverage import CoverageOptions, CoverageResult
from gridmap.api.measure import HotspotsOptions
from gridmap.demo import make_city
from gridmap.io import Workspace
from gridmap.measure import MeasureTable
from gridmap.model import Kind
from gridmap.pages import cache, coverage_views


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRIDMAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_WORTH_S", 0.0)
    city = make_city(grids=60, incidents=3000, seed=3)
    Workspace.at(tmp_path / "city").put_city(city)
    return tmp_path


def derive(path: Path) -> dict[str, object]:
    """Return everything that is kept, as a new run of the app would find it."""
    st.cache_resource.clear()
    city, key = cache.open_city(path)
    first = date(2024, 3, 1)
    found: dict[str, object] = {
        "period": city.incidents.period,
        "digests": [layer.digest for layer in city.layers.values()],
        "plan": cache.own_plan(city, key),
        "grids": cache.table_of(city, key, "grid", first, None).table,
        "beats": cache.table_of(city, key, "beat", None, None).table,
        "slices": cache.slices_of(city, key, first, None),
        "density": cache.density_of(city, key, first, None, datum="gcj02"),
        "trust": cache.trust_of(city, key),
        "findings": cache.findings_of(city, key),
    }
    cache.join_grids(city, key)
    found["adjacency"] = city.adjacency
    found["hot"] = cache.hot_spots_of(city, key, HotspotsOptions(week_hours=range(100))).found
    reach = coverage_views.coverage_of(city, key, CoverageOptions(within="1000m,500m"))
    found["coverage"] = reach.coverages
    found["reach"] = coverage_views.reach_drawings_of(reach, key, datum="wgs84")
    found["grid drawing"] = cache.drawing_of(city.layer(Kind.GRID), datum="wgs84")
    return found


def same(one: object, other: object) -> bool:
    """Return whether two values hold the same, whatever they are made of."""
    if isinstance(one, pd.DataFrame):
        return one.equals(other.astype(one.dtypes))
    if isinstance(one, np.ndarray):
        if one.dtype == object and len(one) and isinstance(one[0], shapely.Geometry):
            return bool(shapely.equals_exact(one, other).all())
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple | list | dict):
        values = (list(v.values()) if isinstance(v, dict) else list(v) for v in (one, other))
        return all(same(*pair) for pair in zip(*values, strict=True))
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - NaN


@pytest.mark.slow
def test_a_second_run_finds_what_the_first_derived(place: Path, monkeypatch) -> None:
    first = derive(place / "city")
    files = sorted((place / "cache").iterdir())
    assert len(files) >= 12
    assert sorted(item.name for item in (place / "city").iterdir()) == [
        "city.gpkg", "gridmap.toml", "incidents.parquet",
    ]  # fmt: skip

    def never(*_args, **_options):
        pytest.fail("derived again")

    for name in ("measure", "todays_plan", "slice_incidents", "hotspots", "check", "density",
                 "foretell"):  # fmt: skip
        monkeypatch.setattr(cache, name, never)
    monkeypatch.setattr(coverage_views, "coverage", never)
    monkeypatch.setattr(CoverageResult, "shape", never)
    second = derive(place / "city")
    assert [name for name in first if not same(first[name], second[name])] == []
    assert sorted((place / "cache").iterdir()) == files


def measure(path: Path) -> MeasureTable:
    """Return the measures of a city's grids, as a new run of the app would find them."""
    st.cache_resource.clear()
    city, key = cache.open_city(path)
    return cache.table_of(city, key, "grid", None, None).table


def test_what_is_damaged_is_derived_again(place: Path) -> None:
    first = measure(place / "city")
    files = list((place / "cache").iterdir())
    assert len(files) == 2
    for harm in (cut, flip, replace_by_another):
        for file in files:
            harm(file)
        assert same(first, measure(place / "city"))


def cut(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


def replace_by_another(file: Path) -> None:
    np.savez(file, other=np.arange(3))


def test_other_data_are_never_taken_for_these(place: Path) -> None:
    first = measure(place / "city")
    workspace = Workspace.open(place / "city")
    grids = workspace.layer(Kind.GRID)
    frame = grids.frame.assign(residents=grids.frame["residents"] * 2.0)
    workspace.put_layer(type(grids)(Kind.GRID, frame, grids.provenance))
    assert measure(place / "city").totals["residents"] == 2 * first.totals["residents"]
    assert cache.open_city(place / "city")[0].grids.digest != grids.digest


def test_nothing_is_kept_where_nothing_can_be(place: Path, monkeypatch) -> None:
    monkeypatch.setenv("GRIDMAP_CACHE", "off")
    assert same(measure(place / "city"), measure(place / "city"))
    assert not (place / "cache").exists()


def test_what_is_of_no_kind_that_is_kept_is_refused_when_it_is_written() -> None:
    with pytest.raises(TypeError, match="Path"):
        cache.packed({"a": (Path(),)})


@pytest.mark.parametrize(
    "tree",
    ['["Path", "/etc"]', '["Within", {"metres": 5}]', '["array", "gone"]', '["time", "x"]', "["],
)
def test_a_file_makes_nothing_but_the_kinds_that_are_kept(tree: str, monkeypatch) -> None:
    found = {"tree": np.frombuffer(tree.encode(), dtype=np.uint8)}
    monkeypatch.setattr(cache, "kept_arrays", lambda _name: found)
    assert cache.keep("x", (), lambda: "made again") == "made again"


def test_what_is_remembered_is_recalled_for_the_same_words_only(place: Path) -> None:
    cache.remember("report", ("key", "a"), ("x.zip", b"PK\0"))
    assert cache.recall("report", ("key", "a")) == (("x.zip", b"PK\0"),)
    assert cache.recall("report", ("key", "b")) is None
    assert cache.keep("nothing", (), lambda: None) is None
    assert cache.recall("nothing", ()) == (None,)  # known to be none
