"""Beats as they are exported: one polygon where their grids are neighbours."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from gridmap.io import ImportOptions, import_files, read_city
from gridmap.measure.pieces import ground_of, present_plan
from gridmap.model import City, Kind, Layer
from gridmap.model.layer import join_grids, join_rows, polsby_popper
from gridmap.plans import Ground, plan_layer
from gridmap.plans.draft import measure_beats

CARROLLTON = Path(__file__).resolve().parents[2] / "shared" / "data" / "carrollton"


def squares(*lefts: float) -> np.ndarray:
    return np.array([shapely.box(left, 0, left + 100, 100) for left in lefts], dtype=object)


def test_grids_that_fit_are_their_union() -> None:
    joined = join_grids(squares(0, 100, 200), gap_m=1.0)
    assert joined.equals(shapely.box(0, 0, 300, 100))


def test_a_narrow_gap_is_bridged() -> None:
    joined = join_grids(squares(0, 100.6), gap_m=1.0)
    assert joined.geom_type == "Polygon"
    assert joined.area == pytest.approx(20_060, abs=1.0)
    assert joined.contains(shapely.Point(100.3, 50))


def test_a_wide_gap_is_not() -> None:
    joined = join_grids(squares(0, 101.5), gap_m=1.0)
    assert shapely.get_num_geometries(joined) == 2
    assert joined.area == pytest.approx(20_000)
    assert shapely.get_num_geometries(join_grids(squares(0, 100.6))) == 2


def test_notches_and_holes_stay_as_they_are_drawn() -> None:
    """Only what parts the union is filled: a slit 0.5 m wide in one grid is not."""
    slit = shapely.difference(shapely.box(0, 0, 100, 100), shapely.box(50, 20, 50.5, 80))
    shapes = np.array([slit, shapely.box(100.6, 0, 200, 100)], dtype=object)
    joined = join_grids(shapes, gap_m=1.0)
    assert joined.geom_type == "Polygon"
    assert len(joined.interiors) == 1
    assert shapely.Polygon(joined.interiors[0]).area == pytest.approx(30.0)


def test_grids_that_cross_themselves_are_mended() -> None:
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    joined = join_grids(np.array([bow, shapely.box(2, 0, 4, 2)], dtype=object), gap_m=1.0)
    assert joined.is_valid
    assert joined.area == pytest.approx(6.0)


def test_rows_without_grids_are_empty() -> None:
    joined = join_rows(squares(0, 100, 200), np.array([1, -1, 1]), 3)
    assert [shape.area for shape in joined] == [0.0, 20_000.0, 0.0]
    some = join_rows(squares(0, 100), np.array([0, 1]), 2, chosen=np.array([False, True]))
    assert [shape.area for shape in some] == [0.0, 10_000.0]
    assert join_rows(squares(), np.zeros(0, int), 2)[0].is_empty


def test_a_square_and_nothing() -> None:
    found = polsby_popper(np.array([100.0, 0.0]), np.array([40.0, 0.0]))
    assert found.tolist() == pytest.approx([np.pi / 4, 0.0])


def test_figures_are_of_the_exported_polygon() -> None:
    """Grids 0.6 m apart: the border is that of the joined polygon, not of matched edges."""
    frame = gpd.GeoDataFrame(
        {"id": ["a", "b"], "beat": ["x", "x"]}, geometry=list(squares(0, 100.6)), crs="EPSG:4547"
    )
    city = City("Gap", CRS.from_epsg(4547), {Kind.GRID: Layer(Kind.GRID, frame)})
    plan = present_plan(city)
    shape = plan_layer(plan, city.grids, gap_m=city.presets.gap_m).geometry[0]
    figures = measure_beats(Ground.from_city(city), plan.assignment, 1)
    assert shape.geom_type == "Polygon"
    assert figures.perimeter_m[0] == pytest.approx(shape.length)
    assert figures.compactness[0] == pytest.approx(4 * np.pi * shape.area / shape.length**2)


@pytest.mark.real_data
@pytest.mark.skipif(not CARROLLTON.is_dir(), reason="put the real data at ../shared/data")
def test_carrollton(tmp_path: Path) -> None:
    options = ImportOptions(crs="EPSG:2276", columns={"id": "PDGrid", "beat": "BEATNUMBER"})
    place = tmp_path / "city"
    import_files(place, [CARROLLTON / "CarrolltonGrid.csv.zip"], kind="grid", options=options)
    city = read_city(place)
    plan = present_plan(city)
    shapes = plan_layer(plan, city.grids, gap_m=city.presets.gap_m).geometry
    figures = measure_beats(Ground.from_city(city), plan.assignment, len(plan))
    assert shapely.get_num_geometries(shapes).tolist() == figures.pieces.tolist() == [1.0] * 12
    expected = 4 * np.pi * shapely.area(shapes) / shapely.length(shapes) ** 2
    assert figures.compactness.tolist() == pytest.approx(expected.tolist())
    # Independently: shapely's union of each beat's grids. Beat 3 is bridged, all else equal.
    drawn = [
        shapely.union_all(city.grids.geometry[plan.assignment == row]) for row in range(len(plan))
    ]
    alone = 4 * np.pi * shapely.area(drawn) / shapely.length(drawn) ** 2
    assert figures.compactness.mean() == pytest.approx(alone.mean(), abs=0.0005)
    assert figures.compactness.mean() == pytest.approx(0.439, abs=0.0005)
    ground = ground_of(city, "beat").geometry
    assert [a.equals(b) for a, b in zip(ground, shapes, strict=True)] == [True] * 12
