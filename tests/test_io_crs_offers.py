"""Missing and wrong CRSs: every candidate with the place it means, axes exchanged anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely import box

from gridmap.errors import CRSError
from gridmap.i18n import using_language
from gridmap.io import ImportOptions, Workspace, import_files
from gridmap.io._crs_guess import axes_swapped, guess_crs, km_to_town, place_of

CASES = Path(__file__).parent.parent.parent / "shared" / "cases" / "files"
CASE = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside the project")
TOWNS = {
    "Chicago": (-87.7, 41.8), "New York": (-74.0, 40.7), "Los Angeles": (-118.2, 34.1),
    "Mexico": (-99.1, 19.4), "Bogota": (-74.1, 4.7), "Lima": (-77.0, -12.0),
    "Sao Paulo": (-46.6, -23.5), "Buenos Aires": (-58.4, -34.6), "Santiago": (-70.7, -33.4),
    "Anchorage": (-149.9, 61.2), "Honolulu": (-157.9, 21.3), "Johannesburg": (28.0, -26.2),
    "Cape Town": (18.4, -33.9), "Sydney": (151.2, -33.9), "Auckland": (174.8, -36.8),
    "Tokyo": (139.7, 35.7), "Hangzhou": (120.2, 30.3), "Kashgar": (76.0, 39.5),
    "Urumqi": (87.6, 43.8), "Manila": (121.0, 14.6), "Jakarta": (106.8, -6.2),
}  # fmt: skip
# Where both numbers may be latitudes and both places have people, nobody can tell.
OTHERS = {
    "Delhi": (77.2, 28.6), "Nagpur": (79.1, 21.1), "Karachi": (67.0, 24.9), "Tehran": (51.4, 35.7),
    "Shiraz": (52.5, 29.6), "Ankara": (32.9, 39.9), "Moscow": (37.6, 55.8), "Paris": (2.35, 48.85),
    "London": (-0.1, 51.5), "Lagos": (3.4, 6.5), "Nairobi": (36.8, -1.3), "Kinshasa": (15.3, -4.3),
    "Tromso": (18.9, 69.6), "Madrid": (-3.7, 40.4), "Tamanrasset": (5.5, 22.8),
    "Agadez": (8.0, 17.0),
    "Novosibirsk": (82.9, 55.0), "Tashkent": (69.2, 41.3), "Jeddah": (39.2, 21.5),
}  # fmt: skip


@pytest.mark.parametrize("town", [*TOWNS, *OTHERS])
def test_right_axes_are_never_called_exchanged(town):
    lon, lat = {**TOWNS, **OTHERS}[town]
    assert not axes_swapped(np.array([lon]), np.array([lat]))


@pytest.mark.parametrize("town", TOWNS)
def test_exchanged_axes_are_noticed(town):
    lon, lat = TOWNS[town]
    assert axes_swapped(np.array([lat]), np.array([lon]))


@pytest.mark.slow
@pytest.mark.parametrize("lon", range(-180, 181, 60))
@pytest.mark.parametrize("lat", [-89, 0, 60, 89])
def test_no_place_on_earth_ends_in_a_traceback(tmp_path, lon, lat):
    cell = gpd.GeoDataFrame(
        {"id": ["1"]}, geometry=[box(lon, lat, lon + 0.01, lat + 0.01)], crs=4326
    )
    cell.to_file(tmp_path / "a.geojson", driver="GeoJSON")
    try:
        import_files(tmp_path / "city", [tmp_path / "a.geojson"], kind="beat")
    except CRSError as error:
        assert "\n" not in error.text()  # noqa: PT017 - stored or refused, both are right


@CASE
def test_case_of_exchanged_axes_in_chicago(tmp_path):
    with pytest.raises(CRSError) as error:
        import_files(tmp_path / "city", [CASES / "swap_us.geojson"], kind="grid")
    assert error.value.key == "io.error.axes_swapped"
    candidate = error.value.values["candidates"][0]
    assert candidate["crs"] == "EPSG:4326@yx"
    assert (candidate["lon"], candidate["lat"]) == pytest.approx((-87.7, 41.8), abs=0.1)
    assert "Chicago" in candidate["place"]
    assert not (tmp_path / "city").exists()
    options = ImportOptions(crs=candidate["crs"])
    report = import_files(
        tmp_path / "city", [CASES / "swap_us.geojson"], kind="grid", options=options
    )
    grids = Workspace.open(tmp_path / "city").city().grids
    assert (report.features, grids.frame["residents"].sum()) == (16, 2800)


@CASE
def test_case_of_web_mercator_without_prj(tmp_path):
    path = CASES / "web_mercator_noprj.zip"
    with pytest.raises(CRSError) as error:
        import_files(tmp_path / "city", [path], kind="grid")
    candidates = {item["crs"]: item for item in error.value.values["candidates"]}
    assert next(iter(candidates)) == "EPSG:3857"
    assert (candidates["EPSG:3857"]["lon"], candidates["EPSG:3857"]["lat"]) == pytest.approx(
        (120.1, 30.2), abs=0.1
    )
    assert candidates["EPSG:4491"]["lon"] == pytest.approx(73.6, abs=0.1)
    with using_language("zh"):
        assert "杭州" in error.value.text() or "Hangzhou" in error.value.text()
    report = import_files(
        tmp_path / "a", [path], kind="grid", options=ImportOptions(crs="EPSG:3857")
    )
    assert report.features == 36
    assert Workspace.open(tmp_path / "a").city().grids.frame["residents"].sum() == 9900
    wrong = import_files(
        tmp_path / "b", [path], kind="grid", options=ImportOptions(crs="EPSG:4491")
    )
    assert "io.note.off_area" in {note.key for note in wrong.warnings}


@CASE
def test_case_of_one_exchanged_row(tmp_path):
    report = import_files(tmp_path / "city", [CASES / "swap1.csv"], kind="incidents")
    assert (report.features, sum(report.refused.values())) == (200, 1)
    note = next(note for note in report.warnings if note.key == "io.note.rows_swapped")
    assert note.values["rows"] == "201"


@pytest.mark.parametrize("lon", [-87.7, 120.1])
def test_one_exchanged_shape_refuses_one_row(tmp_path, lon):
    shapes = [box(lon + n / 100, 41.8, lon + (n + 1) / 100, 41.81) for n in range(20)]
    shapes[7] = box(41.8, lon, 41.81, lon + 0.01)
    frame = gpd.GeoDataFrame({"id": [str(n) for n in range(20)]}, geometry=shapes, crs=4326)
    (tmp_path / "a.geojson").write_text(json.dumps(json.loads(frame.to_json())), encoding="utf-8")
    report = import_files(tmp_path / "city", [tmp_path / "a.geojson"], kind="beat")
    assert (report.features, report.refused) == (19, {"no_coordinates": 1})
    note = next(note for note in report.warnings if note.key == "io.note.rows_swapped")
    assert note.values["rows"] == "8"


@pytest.mark.parametrize(
    ("x", "y", "first"),
    [
        (13_369_000, 3_530_000, "EPSG:3857"),
        (-9_762_000, 5_130_000, "EPSG:3857"),
        (38_504_000, 2_490_000, "EPSG:4526"),
        (530_000, 180_000, "EPSG:27700"),
        (835_000, 817_000, "EPSG:2326"),
        (2_600_000, 1_200_000, "EPSG:2056"),
    ],
)
def test_every_candidate_has_its_place(x, y, first):
    guesses = guess_crs(np.array([float(x)]), np.array([float(y)]), None)
    assert guesses[0].crs == first
    for guess in guesses:
        assert -180 <= guess.lon <= 180
        assert -90 <= guess.lat <= 90
        assert guess.to_dict()["place"]


def test_belts_without_zone_digits_are_all_offered():
    guesses = guess_crs(np.array([504_000.0]), np.array([3_340_000.0]), None)
    belts = [guess for guess in guesses if guess.reason == "belt"]
    assert len(belts) == 21
    assert len({round(guess.lon) for guess in belts}) == 21


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, -1e300, 1e18])
def test_numbers_that_are_no_coordinates_give_no_traceback(bad):
    assert isinstance(guess_crs(np.array([bad, bad]), np.array([bad, 1.0]), None), list)
    axes_swapped(np.array([bad]), np.array([bad]))


def test_places_are_named_in_both_languages():
    assert km_to_town(120.15, 30.25) < 5
    with using_language("zh"):
        assert place_of(120.15, 30.25).startswith("东经120.2°、北纬30.2°，距杭州")
    with using_language("en"):
        assert "Sao Paulo" in place_of(-46.6, -23.5)
