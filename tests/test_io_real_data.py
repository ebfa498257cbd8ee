"""Real files, each with its traps, come in right with one sensible answer from the user."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from gridmap.errors import CRSError, InputError
from gridmap.io import (
    FindingKind,
    ImportOptions,
    check_city,
    import_files,
    read_city,
    repair_workspace,
    undo_repair,
)
from gridmap.model import Kind

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CHICAGO = DATA / "chicago"
FORMATS = ("%m/%d/%Y %I:%M:%S %p", "%Y/%d/%m %H:%M:%S")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="put the real data at ../shared/data"),
]


@pytest.fixture(scope="module")
def chicago(tmp_path_factory):
    place = tmp_path_factory.mktemp("chicago") / "city"
    reports = {}
    for kind, name, mapping in (
        ("grid", "block_groups_2010.gpkg", {"residents": "pop"}),
        ("beat", "police_beats.zip", {}),
        ("station", "police_districts.zip", {}),
        ("room", "Police_Stations.csv", {}),
    ):
        options = ImportOptions(columns=mapping)
        reports[kind] = import_files(place, [CHICAGO / name], kind=kind, options=options)
    reports["incidents"] = import_files(
        place,
        [CHICAGO / "Crimes_September_2014.csv"],
        kind="incidents",
        options=ImportOptions(date_formats=FORMATS),
    )
    return place, reports


def kinds(findings, layer):
    return {item.kind: item for item in findings if item.layer == layer}


def test_chicago_counts(chicago):
    place, reports = chicago
    city = read_city(place)
    assert len(city.grids) == 2190
    assert city.grids.counts("residents").sum() == 2_715_655
    assert len(city.beats) == 277
    assert reports["beat"].ids_repeated == ("3100-1", "3100-2", "3100-3")
    assert reports["room"].refused_columns == ("PHONE",)
    told = reports["incidents"]
    assert (told.read, told.refused, told.features) == (22_334, {"no_coordinates": 775}, 21_559)


def test_chicago_times_all_fall_in_september_2014(chicago):
    times = read_city(chicago[0]).incidents.all.time
    assert times.min() >= np.datetime64("2014-09-01")
    assert times.max() < np.datetime64("2014-10-01")
    assert len(np.unique(times.astype("datetime64[D]"))) == 30


def test_chicago_without_formats_says_mixed_and_changes_nothing(chicago):
    place, _ = chicago
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    with pytest.raises(InputError) as raised:
        import_files(place, [CHICAGO / "Crimes_September_2014.csv"], kind="incidents")
    assert raised.value.key == "io.error.dates_mixed"
    assert {p: p.read_bytes() for p in place.rglob("*") if p.is_file()} == before


def test_chicago_incidents_fall_in_the_district_they_name(chicago):
    found = kinds(check_city(read_city(chicago[0])), "incidents")
    assert found[FindingKind.OTHER_STATION].count < 0.001 * 21_559
    assert FindingKind.UNKNOWN_STATION not in found
    assert FindingKind.SAME_POINT not in found


def test_chicago_told_apart_ids_are_reported_by_a_later_check(chicago):
    finding = kinds(check_city(read_city(chicago[0])), "beat")[FindingKind.REPEATED_ID]
    assert finding.count == 3
    assert finding.ids == ("3100-1", "3100-2", "3100-3")


def carrollton(place):
    options = ImportOptions(
        crs="EPSG:2276", columns={"incidents": "CountCalls", "beat": "BEATNUMBER"}
    )
    file = DATA / "carrollton" / "CarrolltonGrid.csv.zip"
    return import_files(place, [file], kind="grid", options=options)


def test_carrollton_becomes_a_valid_coverage_and_can_go_back(tmp_path):
    place = tmp_path / "city"
    carrollton(place)
    before = read_city(place).grids
    found = kinds(check_city(read_city(place)), "grid")
    assert found[FindingKind.DUST].count == 42  # borders up to a centimetre apart
    assert found[FindingKind.OUTSIDE_BEAT].count == (before.texts("beat") == "").sum()
    report = repair_workspace(place)
    after = read_city(place).grids
    assert report.coverage_valid
    assert shapely.coverage_is_valid(after.geometry)
    assert list(after.ids) == list(before.ids)
    assert len(after) == 325
    assert after.counts("incidents").sum() == 129_082
    assert max(item.moved_max_m for item in report.done) < 1.0
    left = kinds(check_city(read_city(place)), "grid")
    mended = {FindingKind.OVERLAP, FindingKind.GAP, FindingKind.SLIVER, FindingKind.DUST}
    assert not mended & set(left)
    assert undo_repair(place) == (Kind.GRID,)
    assert read_city(place).grids.digest == before.digest


def test_carrollton_without_crs_is_offered_us_feet(tmp_path):
    file = DATA / "carrollton" / "CarrolltonGrid.csv.zip"
    with pytest.raises(CRSError) as raised:
        import_files(tmp_path / "w", [file], kind="grid")
    assert raised.value.key == "io.error.no_crs_guess"
    assert not (tmp_path / "w").exists()


def test_chongqing_in_gbk_without_cpg(tmp_path):
    file = DATA / "china" / "chongqing_shp" / "区县界_area.shp"
    report = import_files(tmp_path / "w", [file], kind="station")
    assert report.encoding.startswith("gb18030")
    names = read_city(tmp_path / "w").layer(Kind.STATION).names
    assert "江津市" in set(names) or any(str(name).startswith("江津") for name in names)


def test_shenzhen_without_prj_is_refused_with_an_offer_then_right(tmp_path):
    file = DATA / "china" / "shenzhen" / "grid.shp"
    with pytest.raises(CRSError) as raised:
        import_files(tmp_path / "w", [file], kind="grid")
    offer = str(raised.value.values["guess"])
    assert offer == "EPSG:4490"
    report = import_files(tmp_path / "w", [file], kind="grid", options=ImportOptions(crs=offer))
    assert report.features == 9005
    assert report.working_crs == "EPSG:4547"
    area_km2 = read_city(tmp_path / "w").grids.area_m2 / 1e6
    assert np.median(area_km2) == pytest.approx(0.25, abs=0.01)
