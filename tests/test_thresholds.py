"""Thresholds at their very edge: what mutation testing found that nothing else watched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from gridmap.io import ImportOptions, Workspace, import_files
from gridmap.io._values import parse_times
from gridmap.measure.staffing import norms, staff_needed
from gridmap.model import BeatInfo, City, Kind, Layer, Plan
from gridmap.plans import Ground, compare_plans
from gridmap.travel import RoadNetwork

METRES = CRS.from_epsg(4547)
X, Y = 500_000.0, 2_500_000.0


def row_of_grids(*residents: float, side_m: float = 100.0) -> Layer:
    shapes = [
        shapely.box(X + side_m * n, Y, X + side_m * (n + 1), Y + side_m)
        for n in range(len(residents))
    ]
    ids = [f"g{n}" for n in range(len(residents))]
    frame = gpd.GeoDataFrame({"id": ids, "residents": residents}, geometry=shapes, crs=METRES)
    return Layer(Kind.GRID, frame)


@pytest.mark.parametrize(
    ("residents", "kept", "keeps"),
    [((10.0, 10.0), 0.5, True), ((10.0, 10.1), 0.4975, False), ((10.1, 10.0), 0.5025, True)],
)
def test_half_of_the_residents_keep_a_beats_officers(
    residents: tuple[float, float], kept: float, *, keeps: bool
) -> None:
    """Beat 1 has two grids and loses the second: its officers stay with half or more."""
    grids = row_of_grids(*residents, 50.0)
    beats = {"1": BeatInfo("1", officers=3.0), "2": BeatInfo("2", officers=1.0)}
    old = Plan.from_labels("old", grids.ids, ["1", "1", "2"], beats=beats)
    new = Plan.from_labels("new", grids.ids, ["1", "2", "2"], beats=beats)
    ground = Ground.from_city(City("Half", METRES, {Kind.GRID: grids}))
    made = compare_plans(ground, old, new)
    first = next(beat for beat in made.beats if beat.before == "1")
    assert first.kept_share == pytest.approx(kept, abs=1e-4)
    assert first.keeps_officers is keeps
    assert made.officers_kept == (4.0 if keeps else 1.0)


@pytest.mark.parametrize(("present", "auxiliaries"), [(0.0, 4.0), (2.0, 4.0), (5.0, 10.0)])
def test_auxiliaries_follow_the_officers_a_beat_already_has(
    present: float, auxiliaries: float
) -> None:
    """4,000 people at 2,000 an officer need 2; two auxiliaries an officer, of those there too."""
    people = next(rule for rule in norms() if rule.kind == "people_per_officer")
    per = next(rule for rule in norms() if rule.kind == "auxiliaries_per_officer")
    rules = [replace(people, people=2_000.0, where=""), replace(per, auxiliaries=2.0)]
    beats = pd.DataFrame({"residents": [4_000.0], "officers": [present], "urban": [True]})
    needed = staff_needed(beats, rules=rules).iloc[0]
    assert needed["officers_needed"] == 2
    assert needed["auxiliaries_needed"] == auxiliaries


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-03-05 中午11:30", "2024-03-05T11:30"),
        ("2024-03-05 中午12:30", "2024-03-05T12:30"),
        ("2024-03-05 中午1:30", "2024-03-05T13:30"),
        ("2024-03-05 夜间4:59", "2024-03-05T04:59"),
        ("2024-03-05 夜间5:00", "2024-03-05T17:00"),
        ("2024-03-05 下午12:10", "2024-03-05T12:10"),
        ("2024-03-05 上午12:10", "2024-03-05T00:10"),
    ],
)
def test_noon_is_about_twelve(written: str, meant: str) -> None:
    times, _ = parse_times(pd.Series([written]))
    assert times[0] == np.datetime64(meant)


@pytest.mark.parametrize(
    ("side_m", "away_m", "far"),
    [
        (10_000.0, 9_999.0, False),
        (10_000.0, 10_000.0, False),  # as far off as the city is large
        (10_000.0, 10_001.0, True),
        (1_000.0, 5_000.0, False),  # of a small city, 5 km
        (1_000.0, 5_001.0, True),
    ],
)
def test_how_far_is_far_away(tmp_path: Path, side_m: float, away_m: float, *, far: bool) -> None:
    Workspace.at(tmp_path / "city").put_layer(row_of_grids(1.0, side_m=side_m))
    table = pd.DataFrame({"id": ["r"], "x": [X + side_m + away_m], "y": [Y]})
    table.to_csv(tmp_path / "rooms.csv", index=False)
    options = ImportOptions(crs="EPSG:4547")
    report = import_files(
        tmp_path / "city", [tmp_path / "rooms.csv"], kind="room", options=options
    )
    assert any(note.key == "io.note.far_away" for note in report.warnings) is far


@pytest.mark.parametrize(
    ("x", "offset"),
    [
        (0.01, 0.0),
        (0.0101, 0.0101),
        (99.99, 100.0),
        (99.9899, 99.9899),
        (-3.0, 0.0),
        (103.0, 100.0),
    ],
)
def test_a_centimetre_from_a_junction_is_at_it(x: float, offset: float) -> None:
    net = RoadNetwork.from_lines(shapely.from_wkt(["LINESTRING (0 0, 100 0)"]))
    found = net.locate([(x, 2.0)])
    assert found.edge.tolist() == [0]
    assert found.offset_m[0] == pytest.approx(offset, abs=1e-9)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]])
@pytest.mark.parametrize(("near_m", "far_m"), [(30.0, 50.0), (300.0, 500.0)])
def test_the_nearest_entry_on_the_own_bank_is_taken(
    order: list[int], near_m: float, far_m: float
) -> None:
    """The river runs 2 m below the point, the blocked road 5 m below it; others lie above.

    At 30 m the other road is found close by, at 300 m only by looking far.
    """
    texts = [
        "LINESTRING (-1000 -5, 1000 -5)",
        f"LINESTRING (-1000 {far_m}, 1000 {far_m})",
        f"LINESTRING (-1000 {near_m}, 1000 {near_m})",
        "LINESTRING (-1000 -9, 1000 -9)",
    ]
    roads = shapely.from_wkt([texts[row] for row in order])
    river = shapely.from_wkt(["LINESTRING (-2000 -2, 2000 -2)"])
    net = RoadNetwork.from_lines(roads)
    found = net.locate([(10.0, 0.0)], barriers=river)
    assert found.gap_m.tolist() == pytest.approx([near_m])
    assert net.lines[found.edge[0]].bounds[1] == near_m
    assert found.offset_m[0] in {1010.0, 990.0}
    limited = net.locate([(10.0, 0.0)], barriers=river, max_gap_m=near_m)
    assert limited.gap_m.tolist() == pytest.approx([near_m])  # at the limit itself
    assert net.locate([(10.0, 0.0)], barriers=river, max_gap_m=near_m - 1).edge.tolist() == [-1]
