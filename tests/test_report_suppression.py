"""Small counts: hidden, and not to be worked out from what is shown."""

import base64
import json
import re
import zlib
from datetime import date
from itertools import product

import numpy as np
import pyogrio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from gridmap.demo import make_city
from gridmap.i18n import DAYS, tr
from gridmap.measure import covered_share, find_hotspots, summarise
from gridmap.measure.hiding import Cells, hide_cells, is_small
from gridmap.measure.pieces import present_plan
from gridmap.report import Request, build_report, write_report
from gridmap.report.document import grid_of
from gridmap.report.html import html_map, map_views
from gridmap.report.measured import measure_reach
from gridmap.report.tables import HIDDEN, Ratio, TableBuilder, column

LIMIT = 5


def table_cells(counts):
    """Return the cells of a table with its row sums, column sums and total."""
    rows, columns = counts.shape
    cells = Cells()
    inner = cells.add("cell", "n", counts.ravel())
    by_row = cells.add("row", "n", counts.sum(axis=1))
    by_column = cells.add("column", "n", counts.sum(axis=0))
    total = cells.add("total", "n", counts.sum())
    cells.relate(by_row, inner, np.repeat(np.arange(rows), columns))
    cells.relate(by_column, inner, np.tile(np.arange(columns), rows))
    cells.relate(total, by_row, 0)
    cells.relate(total, by_column, 0)
    return np.concatenate(cells.values), cells.matrix()


def hide(counts):
    values, relations = table_cells(counts)
    small = is_small(values, LIMIT)
    return (
        values,
        relations,
        small,
        hide_cells(values, relations, small, limit=LIMIT, hidden=small),
    )


def range_of(values, relations, dark, cell, *, small=None):
    """The least and greatest that an attacker finds: a hidden cell is at least 1, the rest exact.

    With ``small`` the attacker also knows which hidden cells are below the limit.
    """
    unknown, shown = np.flatnonzero(dark), np.flatnonzero(~dark)
    dense = relations.toarray()
    sums = -dense[:, shown] @ values[shown]
    aim = (unknown == cell).astype(float)
    bounds = [(1, 10_000 if small is None or not small[place] else LIMIT - 1) for place in unknown]
    ends = [
        linprog(sign * aim, A_eq=dense[:, unknown], b_eq=sums, bounds=bounds) for sign in (1, -1)
    ]
    assert all(end.status == 0 for end in ends)
    return ends[0].fun, -ends[1].fun


def test_a_lone_small_count_gets_companions_in_its_row_and_column():
    # 3 is small; 10 - 7 would tell it by its row, 13 - 10 by its column, so a rectangle
    # of four cells goes dark: (0,0) (0,1) (1,0) (1,1), or as many elsewhere.
    counts = np.array([[3.0, 7.0, 20.0], [10.0, 9.0, 30.0], [40.0, 50.0, 60.0]])
    _, _, _, dark = hide(counts)
    cells = dark[:9].reshape(3, 3)
    assert cells[0, 0]
    assert cells[0].sum() >= 2
    assert cells[:, 0].sum() >= 2
    assert cells.sum() <= 6


def test_seven_stars_under_a_total_of_seven_do_not_tell_that_all_are_one():
    # Each * is at least 1, so seven of them under a shown 7 would all be 1: the total goes too.
    values, relations, small, dark = hide(np.array([[1.0] * 7, [9.0] * 7]))
    for cell in range(7):
        low, high = range_of(values, relations, dark, cell)
        assert (low, high >= LIMIT) == (1.0, True)
        low, high = range_of(values, relations, dark, cell, small=small)
        assert (low, high) == (1.0, LIMIT - 1.0)


def test_two_hidden_ones_that_add_up_to_two_are_still_told():
    # 1 + 1 = 2: hiding both tells both within a range of 2, too narrow for a limit of 5.
    values, relations, _, dark = hide(np.array([[1.0, 1.0, 30.0, 40.0]]))
    low, high = range_of(values, relations, dark, 0)
    assert high - low >= LIMIT - 1 - 1e-6
    assert dark.sum() > 2


def test_zeros_and_large_counts_alone_hide_nothing():
    *_, dark = hide(np.array([[0.0, 5.0], [8.0, 0.0]]))
    assert not dark.any()


@pytest.mark.slow
@settings(max_examples=40)
@given(
    arrays(np.int64, st.tuples(st.integers(2, 4), st.integers(2, 4)), elements=st.integers(0, 12))
)
def test_nobody_recovers_a_small_count_of_a_table(counts):
    values, relations, small, dark = hide(counts.astype(float))
    assert not (small & ~dark).any()
    for cell in np.flatnonzero(small):
        low, high = range_of(values, relations, dark, cell)
        assert high - low >= LIMIT - 1 - 1e-6
        # Who knows which cells are small finds every small value possible, where that can be.
        low, high = range_of(values, relations, dark, cell, small=small)
        best = range_of(values, relations, values > 0, cell, small=small)
        if best[1] >= LIMIT - 1 - 1e-6:
            assert high >= LIMIT - 1 - 1e-6
        if best[0] <= 1 + 1e-6:
            assert low <= 1 + 1e-6


def test_every_whole_table_that_fits_is_tried():
    counts = np.array([[1.0, 6.0], [7.0, 5.0]])
    values, _, _, dark = hide(counts)
    shown = {place: int(values[place]) for place in np.flatnonzero(~dark)}
    found = set()
    for cells in product(range(20), repeat=4):  # a hidden cell is at least 1
        if any(not cells[place] for place in range(4) if dark[place]):
            continue
        table = np.array(cells).reshape(2, 2)
        sums = [*cells, *table.sum(axis=1), *table.sum(axis=0), table.sum()]
        if all(sums[place] == value for place, value in shown.items()):
            found.add(cells[0])
    assert len(found) >= LIMIT


@pytest.fixture(scope="module")
def published():
    """Return a city by whole grids and its report with small counts hidden."""
    city = make_city(grids=120, incidents=6_000, seed=7)
    plan = present_plan(city)
    request = Request(date(2024, 4, 1), "2024-03", suppress_below=LIMIT)
    return city, plan, build_report(city, request, plan=plan)


def test_no_table_shows_a_small_count(published):
    *_, report = published
    assert report.hiding.count > 0
    for table in report.tables:
        for item in table.columns:
            if item.key in {"residents", "migrants", "households", "incidents",
                            "incidents_before_previous", "mon", "sun", "all", "covered_residents",
                            "outside_residents"}:  # fmt: skip
                shown = table.values(item.key)[~table.is_hidden(item.key)].astype(float)
                if item.key in {"mon", "sun"}:  # told for each Monday: who can count has it
                    shown = shown * report.measured.time.days[DAYS.index(item.key)]
                assert not ((shown > 0) & (shown < LIMIT)).any(), (table.key, item.key)
                assert np.isnan(table.values(item.key)[table.is_hidden(item.key)]).all()
    texts = [text for line in report.table("grids").texts() for text in line]
    assert HIDDEN in texts
    # The sheet for pivots marks what is hidden; only what is unknown has no row.
    names = ("grids", "beats", "stations", "communities")
    areas = [table for table in report.tables if table.key in names]
    every = sum(
        int(table.is_hidden(item.key).sum())
        for table in areas for item in table.columns if item.numeric
    )  # fmt: skip
    data = report.table("data")
    assert data.is_hidden("tidy_value").sum() == every > 0
    assert np.isnan(data.values("tidy_value").astype(float)).sum() == every


def sums_told(city, plan, report, name):
    """Return what the files say of sums of grids: a row of coefficients and a value each."""
    grids = city.grids
    stations = np.array([beat.station for beat in plan.beats], dtype=object)[plan.assignment]
    groups = {"beats": plan.labels, "stations": stations, "communities": grids.texts("community")}
    told = [(np.ones(len(grids)), report.table("grids").total[name])]
    for key, label in groups.items():
        table = report.table(key)
        ids = table.rows["id"].to_numpy()
        told += [(label == row, value) for row, value in zip(ids, table.values(name), strict=True)]
    if name == "residents":
        reach = covered_share(grids.geometry, city.room_xy, radius_m=city.presets.room_radius_m)
        coverage = report.table("beats").rows
        told += [
            ((plan.labels == row) * reach, value)
            for row, value in zip(coverage["id"], coverage["covered_residents"], strict=True)
        ]
        made = measure_reach(city, summarise(city, by="grid"))
        parts = np.zeros((len(city.rooms), len(grids)))
        parts[made.room, made.grid] = made.part
        rooms = report.table("rooms").rows.set_index("id")["residents"]
        told += [(parts[row], rooms[str(room)]) for row, room in enumerate(city.rooms.ids)]
        networks = report.table("networks").rows.set_index("network")["covered_residents"]
        told += [(made.networks[network], value) for network, value in networks.items()]
    return [(np.asarray(row, dtype=float), value) for row, value in told if np.isfinite(value)]


@pytest.mark.parametrize("name", ["incidents", "migrants", "residents"])
def test_grids_cannot_be_worked_out_from_any_sum_that_is_told(published, name):
    city, plan, report = published
    grids = report.table("grids")
    hidden = np.flatnonzero(grids.is_hidden(name))
    shown = np.where(grids.is_hidden(name), 0.0, grids.values(name).astype(float))
    truth = _truth(city, name)
    told = sums_told(city, plan, report, name)
    known = np.array([row[hidden] for row, _ in told])
    # Sums of parts are told in whole numbers: half a unit up or down.
    whole = np.array([bool((row == row.round()).all()) for row, _ in told])
    rest = np.array([value - row @ shown for row, value in told])
    assert np.abs(known @ truth[hidden] - rest)[whole].max(initial=0.0) < 1e-6
    assert np.abs(known @ truth[hidden] - rest).max(initial=0.0) <= 0.5 + 1e-6
    slack = np.where(whole, 1e-9, 0.5 + 1e-6)
    small = np.flatnonzero(is_small(truth[hidden], LIMIT))
    assert len(small) or name == "residents"
    for place in small:
        aim = np.zeros(len(hidden))
        aim[place] = 1.0
        ends = [
            linprog(
                sign * aim,
                A_ub=np.vstack([known, -known]),
                b_ub=np.concatenate([rest + slack, slack - rest]),
                bounds=(1, None),  # a grid with nobody in it shows 0
            )
            for sign in (1, -1)
        ]
        assert all(end.status == 0 for end in ends)
        assert -ends[1].fun - ends[0].fun >= LIMIT - 1 - 1e-6


def test_no_file_holds_a_hidden_number(published, tmp_path):
    _, _, report = published
    written = write_report(report, tmp_path / "out", formats=["xlsx", "csv", "gpkg", "geojson"])
    hidden = report.table("grids").is_hidden("incidents")
    for name in (f"gis/report_{report.period.code}{report.plan_mark}.gpkg", "gis/grid.geojson"):
        frame = pyogrio.read_dataframe(written.folder / name, layer="grid")
        for field in ("incidents", "incidents_per_km2", "incidents_per_1000_residents"):
            assert frame[field].isna().to_numpy()[hidden].all()
        counts = frame[["residents", "migrants", "households", "incidents"]].to_numpy(float)
        assert not is_small(np.nan_to_num(counts), LIMIT).any()
    # The number of all incidents would tell a month that is hidden.
    told = [layer["features"] for layer in written.manifest["layers"]
            if layer["kind"] == "incidents"]  # fmt: skip
    assert told == [None]
    assert report.table("response") is None
    assert "incidents" not in report.table("rooms").rows.dropna(axis=1).columns or not any(
        column.key == "incidents" for column in report.table("rooms").columns
    )


def test_neither_map_nor_shapefile_holds_a_hidden_number(published, tmp_path):
    *_, report = published
    page = html_map(report)
    (packed,) = re.findall(r'"facts":\s*\{"data":\s*"([^"]+)"', page)
    facts = json.loads(zlib.decompress(base64.b64decode(packed)))
    told = {row["label"]: row["values"] for row in facts["rows"]}
    for name in ("residents", "migrants", "incidents"):
        (values,) = [row for label, row in told.items() if label.startswith(tr(f"field.{name}"))]
        values = np.array([np.nan if value is None else value for value in values], dtype=float)
        assert np.isnan(values)[report.grid_hidden[name]].all(), name
        assert not is_small(np.nan_to_num(values), LIMIT).any(), name
    # A colour tells a class: hidden ones have a colour of their own, whatever they are.
    for view in map_views(report):
        column = {"residents": "residents_per_km2", "incidents": "incidents",
                  "rates": "incidents_per_1000_residents"}.get(view.key)  # fmt: skip
        if column is not None and report.grid_hidden[column].any():
            rows, dark = view.theme.rows, report.grid_hidden[column]
            assert len(set(rows[dark].tolist())) == 1
            assert not set(rows[dark].tolist()) & set(rows[~dark].tolist())
    out = write_report(report, tmp_path / "out", formats=["shp"]).folder
    shapes = pyogrio.read_dataframe(out / "gis" / "shp" / "grid.shp")
    dark = report.grid_hidden["incidents"]
    assert shapes[tr("field.incidents")].isna().to_numpy()[dark].all()


def test_verdicts_of_hot_spots_are_the_same_or_hidden(published):
    """What is shown beside a hidden count is hidden; all else is as without suppression."""
    city, _, report = published
    if report.hot is None:
        pytest.skip("no grid of this city is hot")
    plain = find_hotspots(city, since="2024-03-01", until="2024-04-01")
    hidden = report.table("grids").is_hidden("incidents")
    dark = report.hot.kind == "hidden"
    assert (dark >= hidden).all()
    assert (report.hot.kind == plain.kind)[~dark].all()
    for first, second in zip(city.adjacency.first, city.adjacency.second, strict=True):
        assert dark[first] >= hidden[second]
        assert dark[second] >= hidden[first]
    shown = report.table("grids").rows.set_index("id")["hot_spot"].reindex(city.grids.ids)
    assert ((shown == "*").to_numpy() == dark).all()


@pytest.mark.parametrize(("ground", "said"), [(3.0, ("100", "50.0")), (4.0, ("*", "*"))])
def test_a_station_whose_own_row_is_shown_has_a_subtotal(ground, said):
    # Of 100 incidents in a station of 2000 people one beat has 98, the other's 2 are hidden.
    # Where the beats have all of the station's ground, its own row is their sum.
    def table(key, names, area, incidents, residents, hidden, **more):
        made = TableBuilder(len(names))
        made.add(column("name", "text"), names)
        for name, words in more.items():
            made.add(column(name, "text"), words)
        made.add(column("area_km2", "fine"), area)
        made.add(column("incidents"), incidents, hidden=np.array(hidden))
        made.add(column("residents"), residents)
        rate = Ratio("incidents", "residents", 1000.0)
        made.add_ratio(column("incidents_per_1000_residents", "decimal", ratio=rate))
        return made.table(key, totals=False)

    beats = table("beats", ["one", "two"], [1.0, 2.0], [98, 2], [1200, 800], [False, True],
                  parent_station=["west", "west"])  # fmt: skip
    stations = table("stations", ["west"], [ground], [100], [2000], [False])
    keys = ("name", "incidents", "incidents_per_1000_residents")
    grid = grid_of(beats, keys=keys, group="parent_station", wholes=stations)
    assert grid.rows[0] == ("", "west", *said)
    assert grid.rows[2] == ("2", "two", "*", "*")


def test_rates_of_hidden_counts_are_hidden(published):
    grids = published[2].table("grids")
    dark = grids.is_hidden("incidents")
    assert dark.any()
    for rate in ("incidents_per_km2", "incidents_per_1000_residents"):
        assert grids.is_hidden(rate)[dark].all()


def test_maps_and_key_figures_know_only_what_is_shown(published):
    report = published[2]
    dark = report.grid_hidden["incidents"]
    assert np.isnan(report.grid_values["incidents"][dark]).all()
    assert not any(figure.hidden for figure in report.figures)


def _truth(city, name):
    if name == "incidents":
        table = summarise(city, by="grid", since="2024-03-01", until="2024-04-01")
        return table.rows["incidents"].to_numpy(dtype=float)
    return city.grids.counts(name)
