"""Where incidents lie is found once, stored beside them, and found anew when a layer changes."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import CRS

from gridmap.io import Workspace, read_city
from gridmap.measure import count_incidents_by, count_located, summarise
from gridmap.model import AREA_KINDS, City, IncidentBatch, Incidents, Kind, Layer
from gridmap.model.polygon_index import PolygonIndex

METRES = CRS("EPSG:4547")
X, Y = 500_000.0, 2_500_000.0


def layer(kind: Kind, *shapes: shapely.Geometry, **columns: object) -> Layer:
    ids = [f"{kind}{n + 1}" for n in range(len(shapes))]
    frame = gpd.GeoDataFrame({"id": ids, **columns}, geometry=list(shapes), crs=METRES)
    return Layer(kind, frame)


def strip(low: float, high: float) -> shapely.Geometry:
    return shapely.box(X + low, Y, X + high, Y + 100)


def made_incidents(count: int = 200, *, seed: int = 3) -> Incidents:
    """Incidents of three months, some without a time or category, some outside of all."""
    rng = np.random.default_rng(seed)
    time = np.datetime64("2024-01-01", "s") + rng.integers(0, 90 * 86400, count)
    time[::17] = np.datetime64("NaT")
    time = np.sort(time)
    batch = IncidentBatch(
        X + rng.uniform(-20, 420, count),
        Y + rng.uniform(-5, 105, count),
        time,
        rng.integers(-1, 2, count).astype(np.int16),
        None,
        np.array([f"S{n % 3}" for n in range(count)], dtype=object),
    )
    return Incidents.from_batch(batch, categories=("盗窃", "交通"), crs=METRES)


def filled(folder: Path) -> Workspace:
    place = Workspace.at(folder)
    place.put_layer(layer(Kind.GRID, *(strip(40 * n, 40 * n + 40) for n in range(10))))
    place.put_layer(layer(Kind.BEAT, strip(0, 150), strip(150, 400)))
    place.put_incidents(made_incidents())
    return place


def first_polygon(found: Layer, batch: IncidentBatch) -> list[int]:
    """Return the first polygon that covers each point, by shapely one by one."""
    rows = []
    for x, y in zip(batch.x, batch.y, strict=True):
        inside = [n for n, shape in enumerate(found.geometry) if shape.covers(shapely.Point(x, y))]
        rows.append(inside[0] if inside else -1)
    return rows


def stored_rows(place: Workspace) -> IncidentBatch:
    incidents = place.city().incidents
    assert incidents is not None
    return incidents.all


@pytest.fixture
def no_location(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count what is located, and what polygons are indexed."""
    calls: list[str] = []
    build, locate = PolygonIndex.build.__func__, PolygonIndex.locate  # type: ignore[attr-defined]

    def counted_build(cls: type[PolygonIndex], *args: object, **options: object) -> PolygonIndex:
        calls.append("index")
        found: PolygonIndex = build(cls, *args, **options)
        return found

    def counted_locate(self: PolygonIndex, *args: object) -> object:
        calls.append("locate")
        return locate(self, *args)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(PolygonIndex, "build", classmethod(counted_build))
    monkeypatch.setattr(PolygonIndex, "locate", counted_locate)
    return calls


def test_rows_are_stored_beside_the_incidents(tmp_path: Path) -> None:
    place = filled(tmp_path / "city")
    city, batch = place.city(), stored_rows(place)
    assert city.located is city.incidents
    assert set(batch.rows) == {Kind.GRID, Kind.BEAT}
    for kind in batch.rows:
        assert batch.rows[kind].tolist() == first_polygon(city.layer(kind), batch)
    assert (batch.rows[Kind.BEAT] < 0).any()
    files = sorted((place.path / "incidents.parquet").iterdir())
    assert [file.name[:7] for file in files] == ["2024-01", "2024-02", "2024-03", "unknown"]
    names = pq.read_schema(files[0]).names
    assert names == ["x", "y", "time", "category", "grid", "beat", "named_station"]
    assert batch.station is not None
    assert sorted(batch.station.tolist()) == sorted(made_incidents().all.station.tolist())


def test_a_new_layer_is_located_and_the_others_are_not(
    tmp_path: Path, no_location: list[str]
) -> None:
    place = filled(tmp_path / "city")
    before = {file.name for file in (place.path / "incidents.parquet").iterdir()}
    grids = stored_rows(place).rows[Kind.GRID].copy()
    no_location.clear()
    place.put_layer(layer(Kind.BEAT, strip(0, 300), strip(300, 400)))
    assert no_location.count("index") == 1
    batch = stored_rows(place)
    assert batch.rows[Kind.BEAT].tolist() == first_polygon(place.layer(Kind.BEAT), batch)
    assert batch.rows[Kind.GRID].tolist() == grids.tolist()
    after = {file.name for file in (place.path / "incidents.parquet").iterdir()}
    assert before.isdisjoint(after)
    assert len(after) == len(before)
    place.put_layer(layer(Kind.STATION, strip(0, 400)))
    assert set(stored_rows(place).rows) == {Kind.GRID, Kind.BEAT, Kind.STATION}


def test_layers_that_hold_no_incidents_move_nothing(tmp_path: Path) -> None:
    place = filled(tmp_path / "city")
    before = {file.name for file in (place.path / "incidents.parquet").iterdir()}
    place.put_layer(layer(Kind.ROOM, shapely.Point(X + 5, Y + 5)))
    place.put_layer(place.layer(Kind.BEAT))
    assert {file.name for file in (place.path / "incidents.parquet").iterdir()} == before


def test_incidents_that_come_first_are_located_when_layers_come(tmp_path: Path) -> None:
    place = Workspace.at(tmp_path / "city")
    place.put_incidents(made_incidents())
    assert dict(stored_rows(place).rows) == {}
    place.put_layer(layer(Kind.GRID, strip(0, 200), strip(200, 400)))
    batch = stored_rows(place)
    assert batch.rows[Kind.GRID].tolist() == first_polygon(place.layer(Kind.GRID), batch)


def test_a_whole_city_is_stored_located(tmp_path: Path) -> None:
    city = filled(tmp_path / "city").city()
    Workspace.at(tmp_path / "other").put_city(city)
    again = read_city(tmp_path / "other")
    assert again.located is again.incidents
    assert count_incidents_by(again, Kind.BEAT)[0].tolist() == (
        count_incidents_by(city, Kind.BEAT)[0].tolist()
    )


def test_an_edit_by_another_program_is_seen(tmp_path: Path, no_location: list[str]) -> None:
    place = filled(tmp_path / "city")
    stored = place.layer(Kind.BEAT).digest
    with sqlite3.connect(place.path / "city.gpkg") as base:
        base.execute("DROP TRIGGER IF EXISTS trigger_delete_feature_count_beat")
        base.execute("DELETE FROM beat WHERE id = 'beat1'")
    base.close()
    no_location.clear()
    city = Workspace.open(place.path).city()
    assert city.beats.ids.tolist() == ["beat2"]
    assert city.beats.digest != stored
    assert city.located is not city.incidents
    counts = count_incidents_by(city, Kind.BEAT)[0]
    assert counts.tolist() == [first_polygon(city.beats, city.incidents.all).count(0)]
    assert no_location.count("index") == 1  # the beats alone, and not at the second count
    count_incidents_by(city, Kind.BEAT)
    count_located(city, Kind.BEAT)
    assert no_location.count("index") == 1


def test_stored_digests_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = filled(tmp_path / "city")
    expected = {kind: found.digest for kind, found in place.city().layers.items()}
    city = Workspace.open(place.path).city()

    def forbidden(*_: object, **__: object) -> object:
        pytest.fail("a digest was computed again")

    monkeypatch.setattr(shapely, "to_wkb", forbidden)
    assert {kind: found.digest for kind, found in city.layers.items()} == expected
    monkeypatch.undo()
    fresh = {kind: Layer(kind, found.frame).digest for kind, found in city.layers.items()}
    assert fresh == expected


def test_months_outside_a_period_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = filled(tmp_path / "city")
    opened: list[str] = []
    file = pq.ParquetFile

    def counted(path: Path, **options: object) -> pq.ParquetFile:
        opened.append(path.name[:7])
        return file(path, **options)

    city = place.city()
    assert city.located.knows_hours  # looked up once, in the first month that tells
    monkeypatch.setattr(pq, "ParquetFile", counted)
    time = made_incidents().all.time
    inside = (time >= np.datetime64("2024-02-01")) & (time < np.datetime64("2024-03-01"))
    counts = count_located(city, None, since="2024-02-01", until="2024-03-01", by=("month",))
    assert opened == ["2024-02"]
    assert counts.total == inside.sum()
    opened.clear()
    some = (time >= np.datetime64("2024-02-10")) & (time < np.datetime64("2024-03-10"))
    assert count_located(city, None, since="2024-02-10", until="2024-03-10").total == some.sum()
    assert opened == ["2024-02", "2024-03"]


@pytest.mark.parametrize("stored", [True, False])
def test_counts_are_those_of_every_point(tmp_path: Path, *, stored: bool) -> None:
    city = filled(tmp_path / "city").city()
    if not stored:
        city = City("Memory", METRES, city.layers, made_incidents())
    batch = made_incidents().all
    row = np.array(first_polygon(city.beats, batch))
    counts = count_located(city, Kind.BEAT)
    assert counts.total == len(batch)
    for beat in range(2):
        for code in range(2):
            expected = int(((row == beat) & (batch.category == code)).sum())
            assert counts.table("polygon", "category")[beat, code] == expected
        for number, month in enumerate(counts.months):
            inside = batch.time.astype("datetime64[M]") == np.datetime64(month)
            assert counts.table("polygon", "month")[beat, number] == ((row == beat) & inside).sum()
    by_month = count_located(city, Kind.BEAT, by=("month", "category"))
    np.testing.assert_array_equal(
        by_month.table("polygon", "category", "month"),
        counts.table("polygon", "category", "month"),
    )


def test_stations_that_records_name_are_kept_in_workspaces_of_version_2(tmp_path: Path) -> None:
    place = filled(tmp_path / "city")
    folder = place.path / "incidents.parquet"
    for file in list(folder.iterdir()):
        table = pq.read_table(file).drop_columns(["grid", "beat"])
        names = ["station" if name == "named_station" else name for name in table.column_names]
        pq.write_table(table.rename_columns(names), file)
    config = (place.path / "gridmap.toml").read_text("utf-8").replace("version = 3", "version = 2")
    start = config.index("[incidents.located]")
    config = (
        config[:start] + config[config.index("[", start + 1) :]
        if "[" in config[start + 1 :]
        else config[:start]
    )
    (place.path / "gridmap.toml").write_text(config, "utf-8")
    old = Workspace.open(place.path)
    batch = stored_rows(old)
    assert batch.station is not None
    assert dict(batch.rows) == {}
    city = old.city()
    assert count_incidents_by(city, Kind.GRID)[0].sum() > 0
    old.put_layer(layer(Kind.STATION, strip(0, 400)))
    assert set(stored_rows(old).rows) == {Kind.GRID, Kind.BEAT, Kind.STATION}
    assert sorted(stored_rows(old).station.tolist()) == sorted(batch.station.tolist())


def test_an_empty_layer_is_a_layer(tmp_path: Path) -> None:
    none = Layer(Kind.GRID, gpd.GeoDataFrame({"id": []}, geometry=[], crs=METRES))
    communities = layer(Kind.COMMUNITY, strip(0, 400), residents=[10.0])
    city = City("Empty", METRES, {Kind.GRID: none, Kind.COMMUNITY: communities}, made_incidents())
    assert np.isnan(summarise(city, by="community").totals["residents"])  # no grid says
    assert count_incidents_by(city, Kind.GRID)[1] == len(made_incidents())
    empty = Incidents.from_batch(made_incidents().all.take(slice(0, 0)), categories=(), crs=METRES)
    without = City("Empty", METRES, city.layers)
    assert City("Empty", METRES, city.layers, empty).digest != without.digest


def test_a_report_locates_nothing(tmp_path: Path, no_location: list[str]) -> None:
    from gridmap.measure.pieces import present_plan
    from gridmap.report import Request, build_report

    demo = Path(__file__).resolve().parents[1] / "data" / "demo"
    shutil.copytree(demo, tmp_path / "city")
    place = Workspace.open(tmp_path / "city")
    place.put_layer(place.layer(Kind.GRID))  # an older workspace is located at its first change
    city = place.city()
    no_location.clear()
    plan = present_plan(city).renamed("other")
    request = Request(date(2024, 3, 1), period="2024-02", compare="previous")
    report = build_report(city, request, plan=plan)
    assert report.tables
    assert no_location == []


def test_each_kind_has_a_column() -> None:
    assert [str(kind) for kind in AREA_KINDS] == ["grid", "beat", "station", "community"]
