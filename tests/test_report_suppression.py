"""Small counts: hidden, and not to be worked out from what is shown."""

from datetime import date
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from gridmap.demo import make_city
from gridmap.measure.present import present_plan
from gridmap.report import Request, build_report
from gridmap.report._disclosure import Cells, feasible_range, hide_cells, is_small
from gridmap.report.tables import HIDDEN

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


def test_two_hidden_ones_that_add_up_to_two_are_still_told():
    # 1 + 1 = 2: hiding both tells both within a range of 2, too narrow for a limit of 5.
    values, relations, _, dark = hide(np.array([[1.0, 1.0, 30.0, 40.0]]))
    low, high = feasible_range(values, relations, dark, 0)
    assert high - low >= LIMIT - 1
    assert dark.sum() > 2


def test_zeros_and_large_counts_alone_hide_nothing():
    *_, dark = hide(np.array([[0.0, 5.0], [8.0, 0.0]]))
    assert not dark.any()


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.int64, st.tuples(st.integers(2, 4), st.integers(2, 4)), elements=st.integers(0, 12))
)
def test_nobody_recovers_a_small_count_of_a_table(counts):
    values, relations, small, dark = hide(counts.astype(float))
    assert not (small & ~dark).any()
    for cell in np.flatnonzero(small):
        # An attack of its own: every unknown is zero or more, every shown number is exact.
        unknown = np.flatnonzero(dark)
        shown = np.flatnonzero(~dark)
        dense = relations.toarray()
        sums = -dense[:, shown] @ values[shown]
        aim = (unknown == cell).astype(float)
        ends = [
            linprog(sign * aim, A_eq=dense[:, unknown], b_eq=sums, bounds=(0, 10_000))
            for sign in (1, -1)
        ]
        assert all(end.status == 0 for end in ends)
        assert -ends[1].fun - ends[0].fun >= LIMIT - 1 - 1e-6


def test_every_whole_table_that_fits_is_tried():
    counts = np.array([[1.0, 6.0], [7.0, 5.0]])
    values, _, _, dark = hide(counts)
    shown = {place: int(values[place]) for place in np.flatnonzero(~dark)}
    found = set()
    for cells in product(range(20), repeat=4):
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
                            "incidents_before", "mon", "sun", "all", "covered_residents",
                            "outside_residents"}:  # fmt: skip
                shown = table.values(item.key)[~table.is_hidden(item.key)].astype(float)
                assert not ((shown > 0) & (shown < LIMIT)).any(), (table.key, item.key)
                assert np.isnan(table.values(item.key)[table.is_hidden(item.key)]).all()
    texts = [text for line in report.table("grids").texts() for text in line]
    assert HIDDEN in texts


@pytest.mark.parametrize("name", ["incidents", "migrants"])
def test_grids_cannot_be_worked_out_from_beats_stations_and_the_city(published, name):
    city, plan, report = published
    grids = report.table("grids")
    hidden = grids.is_hidden(name)
    shown = np.where(hidden, 0.0, grids.values(name).astype(float))
    truth = _truth(city, name)
    rows, sums = [], []
    stations = np.array([beat.station for beat in plan.beats], dtype=object)[plan.assignment]
    for key, label in (("beats", plan.labels), ("stations", stations)):
        table = report.table(key)
        for place, row in enumerate(table.rows["id"]):
            if not table.is_hidden(name)[place]:
                members = label == row
                rows.append(members[hidden].astype(float))
                sums.append(float(table.values(name)[place]) - shown[members].sum())
    rows.append(np.ones(int(hidden.sum())))
    sums.append(float(grids.total[name]) - shown.sum())
    unknown = np.flatnonzero(hidden)
    for place in np.flatnonzero(is_small(truth[unknown], LIMIT)):
        aim = np.zeros(len(unknown))
        aim[place] = 1.0
        ends = [linprog(sign * aim, A_eq=np.array(rows), b_eq=np.array(sums)) for sign in (1, -1)]
        assert all(end.status == 0 for end in ends)
        assert -ends[1].fun - ends[0].fun >= LIMIT - 1 - 1e-6


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
        from gridmap.measure import summarise

        table = summarise(city, by="grid", since="2024-03-01", until="2024-04-01")
        return table.rows["incidents"].to_numpy(dtype=float)
    return city.grids.counts(name)
