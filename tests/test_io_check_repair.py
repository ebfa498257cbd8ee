"""Checks and repairs on grids small enough to count by eye."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import Point, Polygon, box

from gridmap.errors import InputError, MissingError
from gridmap.i18n import using_language
from gridmap.io import (
    FindingKind,
    Severity,
    Workspace,
    check_city,
    read_city,
    repair_layer,
    repair_workspace,
    undo_repair,
)
from gridmap.io.findings import finding_name
from gridmap.io.repair import wider_than
from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer

METRES = CRS("EPSG:4547")
X, Y = 500_000.0, 2_500_000.0


def at(west, south, east, north):
    return box(X + west, Y + south, X + east, Y + north)


def layer(kind, shapes, **columns):
    ids = columns.pop("id", None) or [f"{kind}{n}" for n in range(len(shapes))]
    provenance = columns.pop("provenance", {})
    return Layer(
        kind, gpd.GeoDataFrame({"id": ids, **columns}, geometry=shapes, crs=METRES), provenance
    )


def city(*layers, incidents=None):
    return City("测试市", METRES, {item.kind: item for item in layers}, incidents)


def found(*layers, **options):
    now = np.datetime64("2026-01-01T00:00:00")
    return {
        (item.layer, str(item.kind)): item
        for item in check_city(city(*layers, **options), now=now)
    }


def squares(side=2, size=100.0):
    return [
        at(i * size, j * size, (i + 1) * size, (j + 1) * size)
        for j in range(side)
        for i in range(side)
    ]


def test_a_sound_layer_has_no_findings():
    assert found(layer(Kind.GRID, squares(), residents=[1.0, 2.0, 3.0, 4.0])) == {}


def test_grids_that_name_another_beat_than_they_lie_in():
    # Two rows of two: the lower is beat 1, the upper beat 2, and a third beat has no ground.
    beats = layer(Kind.BEAT, [at(0, 0, 200, 100), at(0, 100, 200, 200)], id=["01", "02"],
                  name=["甲", "乙"])  # fmt: skip
    same = layer(Kind.GRID, squares(), beat=["1", "甲", "2", "乙"])
    assert found(same, beats) == {}
    item = found(layer(Kind.GRID, squares(), beat=["1", "", "2", "9"]), beats)[
        "grid", "other_beat"
    ]
    assert (item.count, item.ids) == (2, ("grid1", "grid3"))


def test_an_overlap_of_three_by_a_hundred_metres():
    shapes = squares()
    shapes[0] = at(0, 0, 103, 100)
    item = found(layer(Kind.GRID, shapes))["grid", "overlap"]
    assert (item.count, item.ids, item.severity) == (1, ("grid0+grid1",), Severity.ERROR)
    assert item.area_m2 == pytest.approx(300.0)
    assert shapely.area(item.places).sum() == pytest.approx(300.0)


def test_a_gap_and_a_sliver():
    # A strip half a metre wide between two squares, closed by the two above and below.
    shapes = [at(0, 0, 100, 100), at(100.5, 0, 200, 100), at(0, 100, 200, 200), at(0, -50, 200, 0)]
    report = found(layer(Kind.GRID, shapes))
    assert report["grid", "gap"].count == 1
    assert report["grid", "gap"].area_m2 == pytest.approx(50.0)
    assert report["grid", "sliver"].count == 1
    wide = [shapes[0], at(110, 0, 200, 100), *shapes[2:]]
    report = found(layer(Kind.GRID, wide))
    assert report["grid", "gap"].area_m2 == pytest.approx(1000.0)
    assert ("grid", "sliver") not in report


def test_invalid_empty_duplicate_and_multi_part():
    bow = Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    two = shapely.union(at(300, 0, 400, 100), at(500, 0, 600, 100))
    shapes = [bow, None, at(1000, 0, 1100, 100), at(1000, 0, 1100, 100), two]
    report = found(layer(Kind.GRID, shapes))
    assert report["grid", "invalid"].ids == ("grid0",)
    assert report["grid", "empty"].ids == ("grid1",)
    assert report["grid", "duplicate"].ids == ("grid3",)
    assert report["grid", "multi_part"].ids == ("grid4",)


def test_ids_and_counts():
    provenance = {"ids_repeated": ["a-1", "a-2"], "ids_repeated_count": 2}
    grids = layer(
        Kind.GRID, squares(), id=["a-1", "a-2", "b", "c"], provenance=provenance,
        residents=[np.nan, -5.0, 1.0, 2.0], incidents=[np.nan, 0.0, 0.0, 0.0],
    )  # fmt: skip
    report = found(grids)
    assert report["grid", "repeated_id"].count == 2
    assert report["grid", "null_count"].ids == ("a-1",)
    assert report["grid", "negative_count"].ids == ("a-2",)
    assert report["grid", "negative_count"].severity is Severity.ERROR


def test_nesting():
    # 4 grids in a row of communities cut at x = 50: the left column lies half in each.
    grids = layer(Kind.GRID, squares())
    communities = layer(Kind.COMMUNITY, [at(0, 0, 50, 200), at(50, 0, 200, 200)])
    beats = layer(Kind.BEAT, [at(0, 0, 100, 200), at(900, 0, 1000, 100)])
    stations = layer(Kind.STATION, [at(0, 0, 200, 200)])
    report = found(grids, communities, beats, stations)
    assert report["grid", "crosses_community"].ids == ("grid0", "grid2")
    assert report["grid", "outside_beat"].ids == ("grid1", "grid3")
    assert report["beat", "outside_station"].ids == ("beat1",)


def test_pieces_and_islands():
    shapes = [*squares(), at(1000, 0, 1100, 100)]
    # Corner contact is no border: grids 0 and 3 meet in one point only.
    grids = layer(Kind.GRID, shapes, beat=["n", "m", "m", "n", ""])
    report = found(grids)
    assert report["grid", "disconnected"].ids == ("grid4",)
    assert report["beat", "in_pieces"].count == 2
    assert report["grid", "outside_beat"].ids == ("grid4",)


def test_incidents():
    n = 100
    x = np.full(n, X + 50) + np.arange(n) * 0.1
    y = np.full(n, Y + 50.0)
    x[:10], y[:10] = X + 150, Y + 150  # ten on one point of a hundred
    x[10] = X + 5000
    time = np.datetime64("2025-06-01", "s") + np.arange(n) * np.timedelta64(1, "s")
    time[11] = np.datetime64("2030-01-01", "s")
    x[13], time[13] = x[12], time[12]
    station = np.full(n, "01", dtype=object)
    station[20], station[21] = "2", "nowhere"
    batch = IncidentBatch(x, y, time, np.zeros(n, np.int16), None, station)
    incidents = Incidents.from_batch(batch, categories=("盗窃",), crs=METRES)
    stations = layer(Kind.STATION, [at(0, 0, 200, 200), at(200, 0, 300, 100)], id=["1", "2"])
    report = found(layer(Kind.GRID, squares()), stations, incidents=incidents)
    assert report["incidents", "same_point"].count == 10
    assert report["incidents", "outside_city"].ids == ("11",)
    assert report["incidents", "in_future"].ids == ("12",)
    assert report["incidents", "duplicate"].ids == ("14",)
    assert report["incidents", "other_station"].ids == ("11", "21")
    assert report["incidents", "unknown_station"].ids == ("22",)


def test_what_was_not_read_is_equal_to_nothing():
    """Three rows on one point: without times, without categories, or of one month only."""
    x, y = np.full(3, X + 50), np.full(3, Y + 50.0)
    moment = np.full(3, np.datetime64("2025-06-01", "s"))
    none = np.full(3, np.datetime64("NaT", "s"))
    thefts, unknown = np.zeros(3, np.int16), np.full(3, -1, np.int16)
    for times, codes, precision, count in (
        (moment, thefts, "second", 2),
        (none, thefts, "second", 0),
        (moment, unknown, "second", 0),
        (moment, thefts, "month", 0),
    ):
        incidents = Incidents.from_batch(
            IncidentBatch(x, y, times, codes), categories=("盗窃",), crs=METRES
        )
        incidents = replace(incidents, precision=precision)
        report = found(layer(Kind.GRID, squares()), incidents=incidents)
        item = report.get(("incidents", "duplicate"))
        assert (item.count if item else 0) == count


def bricks():
    """A wall of bricks of 0.01 degrees, reprojected: straight borders bend by millimetres."""
    cells = [
        box(114 + 0.01 * (i + j % 2 / 2), 22 + 0.01 * j, 114.01 + 0.01 * (i + j % 2 / 2),
            22.01 + 0.01 * j)
        for j in range(8)
        for i in range(8)
    ]  # fmt: skip
    return list(gpd.GeoSeries(cells, crs=4326).to_crs(METRES))


def test_traces_of_reprojection_are_one_note_and_real_faults_come_first():
    report = found(layer(Kind.GRID, bricks(), residents=[1.0] * 64))
    assert set(report) == {("grid", "dust")}
    item = report["grid", "dust"]
    pairs = [shapely.intersection(a, b).area for a, b in combinations(bricks(), 2)]
    holes = [Polygon(ring).area for ring in shapely.union_all(bricks()).interiors]
    small = [area for area in (*pairs, *holes) if area > 1e-6]
    assert (item.severity, item.count) == (Severity.NOTE, len(small))
    assert item.area_m2 == pytest.approx(sum(small))
    assert item.command("city") == ""
    shapes = bricks()
    shapes[27] = shapely.union(shapes[27], shapely.box(*shapes[27].bounds).buffer(5))
    kinds = [str(item.kind) for item in check_city(city(layer(Kind.GRID, shapes)))]
    assert kinds[0] == "overlap"
    assert kinds.count("dust") == 1
    assert kinds.index("dust") > kinds.index("overlap")


def test_a_finding_says_what_it_does_and_which_command_mends_it():
    item = found(layer(Kind.GRID, [at(0, 0, 103, 100), *squares()[1:]]))["grid", "overlap"]
    assert item.command("东城") == "gridmap repair 东城 --only overlap"
    assert "合计偏大" in item.effect
    grids = layer(Kind.GRID, squares(), residents=[np.nan, 5.0, 1.0, 2.0])
    blank = found(grids)["grid", "null_count"]
    assert blank.command("东城") == "gridmap import 东城 FILE --kind grid --replace"


def test_one_finding_is_named_in_the_singular():
    with using_language("en"):
        singular = {kind: finding_name(kind, 1) for kind in FindingKind}
        plural = {kind: finding_name(kind) for kind in FindingKind}
    assert singular[FindingKind.GAP] == "gap"
    assert plural[FindingKind.DUPLICATE] == "exact duplicates"
    # A name that ends in an s is a counted noun, but for two that say where something lies.
    nouns = {kind for kind in FindingKind if plural[kind].split(" (")[0].endswith("s")}
    lies = {FindingKind.CROSSES_COMMUNITY, FindingKind.IN_PIECES}
    assert {kind for kind in nouns if singular[kind] == plural[kind]} == lies


def test_every_kind_has_its_words():
    from gridmap.i18n import has_key

    assert all(has_key(f"io.finding.{kind}") for kind in FindingKind)
    assert all(has_key(f"io.effect.{kind}") for kind in FindingKind)
    assert all(has_key(f"io.severity.{severity}") for severity in Severity)


# Repairs


def overlapping():
    shapes = squares()
    shapes[0] = at(0, 0, 103, 100)
    return layer(Kind.GRID, shapes, residents=[1.0, 2.0, 3.0, 4.0])


def test_an_overlap_is_resolved_within_the_tolerance():
    before = overlapping()
    result = repair_layer(before)
    assert result.coverage_valid
    assert result.layer.area_m2.sum() == pytest.approx(40_000)
    assert [str(item.kind) for item in result.done] == ["overlap"]
    assert result.done[0].moved_max_m <= 3.0 + 1e-6
    assert result.layer.counts("residents").tolist() == [1, 2, 3, 4]
    assert before.area_m2[0] == pytest.approx(10_300)


def test_far_from_a_fault_nothing_is_touched():
    shapes = [shapely.MultiPolygon([shape]) for shape in squares(side=4)]
    shapes[0] = shapely.MultiPolygon([at(0, 0, 103, 100)])
    before = layer(Kind.GRID, shapes)
    after = repair_layer(before).layer
    kept = shapely.equals_identical(before.geometry, after.geometry)
    # Grid 5 gains the point where its border meets the new corner.
    assert list(np.flatnonzero(~kept)) in ([0, 1, 5], [0, 1, 4, 5])
    sound = layer(Kind.GRID, shapes[1:])
    assert repair_layer(sound).layer is sound


def test_a_wider_overlap_than_the_tolerance_stays_and_is_counted():
    before = overlapping()
    result = repair_layer(before, tolerance_m=2.0)
    assert not result.coverage_valid
    assert result.layer is before
    assert [(item.rows, item.left) for item in result.done] == [(0, 1)]


def test_only_what_was_asked_is_mended():
    shapes = [at(0, 0, 100, 100), at(100.5, 0, 200, 100), at(0, 100, 200, 203), at(0, -50, 200, 0),
              at(0, 200, 200, 300)]  # fmt: skip
    before = layer(Kind.GRID, shapes)
    gap = repair_layer(before, only=[FindingKind.GAP]).layer
    assert gap.area_m2.sum() == pytest.approx(before.area_m2.sum() + 50)
    assert shapely.area(shapely.intersection(gap.geometry[2], gap.geometry[4])) == 600
    overlap = repair_layer(before, only=[FindingKind.OVERLAP]).layer
    assert overlap.area_m2.sum() == pytest.approx(before.area_m2.sum() - 600)
    assert repair_layer(before, only=[FindingKind.INVALID]).layer is before


def test_a_lake_is_no_gap_to_be_filled():
    shapes = [shapely.difference(at(0, 0, 300, 300), at(100, 100, 200, 200))]
    result = repair_layer(layer(Kind.GRID, shapes))
    assert result.layer.area_m2[0] == pytest.approx(80_000)
    assert result.coverage_valid


def test_a_bow_tie_keeps_its_two_halves():
    bow = Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    result = repair_layer(layer(Kind.GRID, [bow]))
    assert shapely.is_valid(result.layer.geometry).all()
    assert result.layer.area_m2[0] == pytest.approx(5000)


def test_a_sliver_goes_to_its_neighbour_with_its_people():
    shapes = [at(0, 0, 100, 100), at(100, 0, 100.4, 100), at(100.4, 0, 300, 30)]
    before = layer(Kind.GRID, shapes, residents=[5.0, 2.0, 7.0])
    result = repair_layer(before, only=[FindingKind.SLIVER])
    assert list(result.layer.ids) == ["grid0", "grid2"]
    assert result.layer.counts("residents").tolist() == [7, 7]


def test_identical_grids_are_left_for_a_person_to_judge():
    shapes = [*squares(), squares()[0]]
    result = repair_layer(layer(Kind.GRID, shapes, residents=[1.0] * 5))
    assert len(result.layer) == 5
    assert result.layer.counts("residents").sum() == 5
    assert not result.coverage_valid


def test_what_cannot_be_mended_is_refused():
    with pytest.raises(InputError):
        repair_layer(overlapping(), only=[FindingKind.IN_FUTURE])
    with pytest.raises(InputError):
        repair_layer(overlapping(), tolerance_m=0)


@settings(max_examples=15)
@example(moves=[(4, 1, 1.0, 0.0), (4, 2, 1.0, 1.0), (9, 2, 1.0, 0.0)])
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 15), st.integers(0, 3), st.floats(-2, 2), st.floats(-2, 2)),
        max_size=6,
    )
)
def test_repair_gives_a_coverage_and_moves_little(moves):
    shapes = squares(side=4)
    for row, corner, dx, dy in moves:
        ring = shapely.get_coordinates(shapes[row])[:4]
        ring[corner] += (dx, dy)
        shapes[row] = Polygon(ring)
    before = layer(Kind.GRID, shapes, residents=np.arange(16.0))
    result = repair_layer(before)
    assert result.coverage_valid
    assert len(result.layer) == 16
    assert result.layer.counts("residents").sum() == 120
    # By Hausdorff distance, which knows nothing of how gridmap measures moves.
    old = shapely.union_all(shapely.boundary(before.geometry))
    new = shapely.union_all(shapely.boundary(result.layer.geometry))
    assert shapely.hausdorff_distance(old, new) <= 5.0
    again = repair_layer(result.layer)
    assert again.layer is result.layer


def test_a_workspace_is_repaired_and_undone(tmp_path):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(overlapping())
    digest = read_city(place.path).grids.digest
    report = repair_workspace(place.path)
    assert report.coverage_valid
    assert (place.path / report.originals[0]).is_file()
    assert read_city(place.path).grids.digest != digest
    assert undo_repair(place.path) == (Kind.GRID,)
    assert read_city(place.path).grids.digest == digest
    with pytest.raises(MissingError):
        undo_repair(place.path)


def test_points_are_not_repaired(tmp_path):
    rooms = layer(Kind.ROOM, [Point(X, Y)])
    assert repair_layer(rooms).layer is rooms


def test_the_width_of_an_area_is_that_of_the_widest_circle_inside():
    ring = Point(0, 0).buffer(10, quad_segs=64) - Point(0, 0).buffer(7, quad_segs=64)  # 3 m wide
    widths = {
        box(0, 0, 100, 2): 2.0,
        box(0, 0, 5, 5): 5.0,
        Polygon([(0, 0), (3, 0), (0, 4)]): 2.0,  # legs 3 and 4: the inscribed radius is 1
        ring: 3.0,
        shapely.union(box(0, 0, 100, 0.5), box(0, 9, 3, 12)): 3.0,
        Polygon(): 0.0,
    }
    shapes = np.array(list(widths), dtype=object)
    right = np.array(list(widths.values()))
    for limit in (0.1, 1.9, 2.1, 2.9, 3.1, 4.9, 5.1):
        assert wider_than(shapes, limit).tolist() == (right > limit).tolist()
