"""Whoever reads every table of a report at once recovers no small count of incidents."""

from datetime import date, timedelta
from itertools import pairwise, product

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS
from scipy.optimize import linprog
from scipy.sparse import csr_array

import gridmap
from gridmap.demo import make_city
from gridmap.i18n import tr
from gridmap.measure import busy_times
from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer, Plan
from gridmap.plans import Ground
from gridmap.report import Request, build_report

LIMIT = 5
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def across(city, kind, parts, *, upright):
    """Return strips over a city that cut its grids."""
    west, south, east, north = shapely.total_bounds(city.grids.geometry)
    ends = np.linspace(0.04, 0.97, parts + 1)
    boxes = [
        shapely.box(west + low * (east - west), south - 9, west + high * (east - west), north + 9)
        if upright
        else shapely.box(
            west - 9, south + low * (north - south), east + 9, south + high * (north - south)
        )
        for low, high in pairwise(ends)
    ]
    frame = city.beats.frame.iloc[:parts][["id", "name", "geometry"]].reset_index(drop=True)
    frame["id"] = [f"{kind}{row}" for row in range(parts)]
    frame["name"] = frame["id"]
    frame = frame.set_geometry(np.array(boxes, dtype=object)).set_crs(city.crs)
    return Layer(kind, frame, city.beats.provenance)


@pytest.fixture(scope="module")
def attacked():
    """Return a city whose stations, beats and grids cut each other, and its report."""
    city = make_city(grids=60, incidents=900, seed=11)
    city = city.with_layer(across(city, Kind.BEAT, 4, upright=False))
    city = city.with_layer(across(city, Kind.STATION, 3, upright=True))
    asked = Request(date(2024, 6, 1), "2024-04..2024-05", "previous", suppress_below=LIMIT)
    return city, build_report(city, asked)


class Attack:
    """What a reader knows: unknown numbers, sums of them, and that each * is at least 1."""

    def __init__(self):
        self.size, self.rows, self.values, self.targets = 0, [], [], []
        self.stars = []

    def unknown(self, count):
        self.size += count
        return np.arange(self.size - count, self.size)

    def know(self, members, value, truth):
        """Take in a figure: a sum of unknowns that is shown, or one that is to be found."""
        if np.isfinite(value):
            assert value == pytest.approx(truth)
            assert not 0 < value < LIMIT
            self.rows.append(members)
            self.values.append(value)
            return
        assert truth > 0  # zeros are shown
        self.stars.append(members)
        if truth < LIMIT:
            self.targets.append((members, truth))

    def equal(self, members, others):
        self.rows.append((members, others))
        self.values.append(0.0)

    def matrix(self, sums):
        data, rows, columns = [], [], []
        for row, members in enumerate(sums):
            signed = [(members, 1.0)] if not isinstance(members, tuple) else [
                (members[0], 1.0), (members[1], -1.0)
            ]  # fmt: skip
            for places, sign in signed:
                data += [sign] * len(places)
                rows += [row] * len(places)
                columns += list(places)
        return csr_array((data, (rows, columns)), shape=(len(sums), self.size))

    def fail(self, far):
        """Check that each small number keeps a range as wide as the small numbers."""
        matrix, stars = self.matrix(self.rows), self.matrix(self.stars)
        for members, small in self.targets:
            aim = np.zeros(self.size)
            aim[members] = 1.0
            ends = [
                linprog(
                    sign * aim,
                    A_eq=matrix,
                    b_eq=self.values,
                    A_ub=-stars,
                    b_ub=-np.ones(stars.shape[0]),
                    bounds=(0, far),
                )
                for sign in (1, -1)
            ]
            assert all(end.status == 0 for end in ends)
            assert -ends[1].fun - ends[0].fun >= LIMIT - 1 - 1e-6, small


def points_of(city, since, until):
    batch = city.incidents.all
    inside = (batch.time >= since) & (batch.time < until)
    return shapely.points(batch.x[inside], batch.y[inside])


def located(city, layers, since, until):
    """Return each incident's row in each layer by GEOS, the first where several cover it."""
    points = points_of(city, since, until)
    found = np.full((len(points), len(layers)), -1)
    for place, layer in enumerate(layers):
        for row in range(len(layer) - 1, -1, -1):
            found[shapely.covers(layer.geometry[row], points), place] = row
    return found


def places_of(attack, layers, found):
    """Make an unknown for each combination of places that share ground."""
    shared = [set(range(-1, len(layer))) for layer in layers]
    combinations = []
    for rows in product(*map(sorted, shared)):
        shapes = [layers[place].geometry[row] for place, row in enumerate(rows) if row >= 0]
        if not shapes:
            combinations.append(rows)
            continue
        area = shapes[0]
        for shape in shapes[1:]:
            area = shapely.intersection(area, shape)
        if shapely.area(area) > 1.0:
            combinations.append(rows)
    combinations = np.array(sorted({*combinations, *map(tuple, found.tolist())}))
    return combinations, attack.unknown(len(combinations))


def tell_places(attack, layers, tables, when, found, total):
    """Let a reader take in every table by place of one period."""
    combinations, atoms = places_of(attack, layers, found)
    column = "incidents" if when == "now" else "incidents_before_previous"
    for place, (layer, table) in enumerate(zip(layers, tables, strict=True)):
        shown = dict(zip(table.rows["id"], table.values(column), strict=True))
        for row, key in enumerate(layer.ids.astype(str)):
            truth = float((found[:, place] == row).sum())
            attack.know(atoms[combinations[:, place] == row], shown[key], truth)
        missing = float((found[:, place] == -1).sum())
        if 0 < missing < LIMIT:
            attack.targets.append((atoms[combinations[:, place] == -1], missing))
    attack.know(atoms, total, float(len(found)))
    return atoms


@pytest.mark.slow
def test_no_small_count_follows_from_all_that_is_told(attacked):
    city, report = attacked
    attack, period, compared = Attack(), report.period, report.compared
    layers = [city.grids, city.beats, city.layer(Kind.STATION), city.layer(Kind.COMMUNITY)]
    tables = [report.table(key) for key in ("grids", "beats", "stations", "communities")]
    found = located(city, layers, period.since, period.until)
    now = tell_places(attack, layers, tables, "now", found, tables[0].total["incidents"])
    past = located(city, layers[1:3], compared.since, compared.until)
    before = tell_places(attack, layers[1:3], tables[1:3], "before", past,
                         tables[1].total["incidents_before_previous"])  # fmt: skip
    # Hours of the week.
    batch = city.incidents.all
    inside = (batch.time >= period.since) & (batch.time < period.until)
    hour = batch.time[inside].astype("datetime64[h]").astype(int)
    cell = (hour % 24) * 7 + (hour // 24 + 3) % 7  # 1970-01-01 was a Thursday
    truth = np.bincount(cell, minlength=168).reshape(24, 7)
    week = attack.unknown(168).reshape(24, 7)
    table, times = report.table("hours"), report.measured.time.days
    for place, day in enumerate(DAYS):
        # Told for each occurrence of the weekday: who has a calendar has the counts.
        for row, value in enumerate(table.values(day) * times[place]):
            attack.know(week[row, [place]], value, truth[row, place])
        attack.know(week[:, place], table.total[day] * times[place], truth[:, place].sum())
    for row, value in enumerate(table.values("all")):
        attack.know(week[row], value, truth[row].sum())
    attack.equal(week.ravel(), now)
    # Categories of both periods.
    table, names = report.table("categories"), city.incidents.categories
    for column, atoms, span in (
        ("incidents", now, period),
        ("incidents_before_previous", before, compared),
    ):
        kinds = attack.unknown(len(names))
        inside = (batch.time >= span.since) & (batch.time < span.until)
        counts = np.bincount(batch.category[inside], minlength=len(names))
        shown = dict(zip(table.rows["category"], table.values(column), strict=True))
        for place, name in enumerate(names):
            attack.know(kinds[[place]], shown.get(name, 0.0), counts[place])
        attack.equal(kinds, atoms)
    # Months.
    table = report.table("months")
    months = attack.unknown(len(table))
    every = batch.time.astype("datetime64[M]").astype(str)
    for place, (month, value) in enumerate(
        zip(table.values("month"), table.values("incidents"), strict=True)
    ):
        attack.know(months[[place]], value, (every == month).sum())
    for atoms, span in ((now, period), (before, compared)):
        if span.first.day != 1 or (span.last + timedelta(days=1)).day != 1:
            continue  # days of January before whole months: a month tells more than the span
        first, last = str(span.first)[:7], str(span.last)[:7]
        attack.equal(months[[first <= month <= last for month in table.values("month")]], atoms)
    assert len(attack.targets) > 30
    attack.fail(3.0 * len(found))


def test_busy_hours_are_those_of_the_counts_and_follow_from_what_is_shown():
    city = make_city(grids=60, incidents=9000, seed=11)
    asked = Request(date(2024, 6, 1), "2024-04", "none", suppress_below=LIMIT)
    report = build_report(city, asked)
    table, time = report.table("hours"), report.measured.time
    shown = np.column_stack([table.values(day) for day in DAYS]) * time.days
    hidden, total = np.isnan(shown), time.hours.sum()
    assert 50 < hidden.sum() < 150
    # A reader puts what the total leaves into the hidden hours, in any way, and finds the same.
    left, rng = total - np.nansum(shown), np.random.default_rng(1)
    for share in (rng.dirichlet(np.full(hidden.sum(), shape)) for shape in (0.05, 1.0, 50.0)):
        guess = np.nan_to_num(shown)
        guess[hidden] = rng.multinomial(round(left), share)
        found = busy_times(guess.T.ravel(), days=time.days, hidden=hidden.T.ravel())
        assert report.busy == tr("report.sentence.comma").join(one.label() for one in found) != ""
    whole = busy_times(time.hours.T.ravel(), days=time.days)  # of all hours
    for one in found:
        hours = one.hours_of_week()
        assert not hidden.T.ravel()[hours].any()
        assert one.incidents == time.hours.T.ravel()[hours].sum()
        assert one.p_value >= whole[0].p_value


METRES = CRS.from_epsg(4547)


@pytest.mark.slow
def test_tables_of_several_levels_side_by_side_tell_no_small_count(attacked):
    """Who calls `measure` and `coverage` by grid, beat and station knows what all of them show."""
    city, _ = attacked
    asked = {"since": "2024-04-01", "until": "2024-05-31", "suppress_below": LIMIT}
    kinds = ("grid", "beat", "station", "community")
    layers = [city.layer(Kind(kind)) for kind in kinds]
    found = located(city, layers, np.datetime64("2024-04-01"), np.datetime64("2024-06-01"))
    attack = Attack()
    combinations, atoms = places_of(attack, layers, found)
    # Of each combination of places, what lies within reach of a room and what does not.
    near, far = attack.unknown(len(atoms)), attack.unknown(len(atoms))
    for whole, *two in zip(atoms, near, far, strict=True):
        attack.equal([whole], two)
    points = points_of(city, np.datetime64("2024-04-01"), np.datetime64("2024-06-01"))
    rooms = shapely.union_all(shapely.points(city.room_xy))
    reached = shapely.distance(points, rooms) <= 400.0
    people = attack.unknown(len(city.grids))  # residents of each grid
    residents = city.grids.counts("residents")
    attack.know(people, residents.sum(), residents.sum())
    for place, (kind, layer) in enumerate(zip(kinds, layers, strict=True)):
        carried = gridmap.measure(city, by=kind, **asked)
        reached_rows = gridmap.coverage(city, by=kind, within="400m", **asked).to_frame()
        for rows in (carried.to_frame(), reached_rows):
            shown = rows.set_index("id")["incidents"]
            for row, key in enumerate(layer.ids.astype(str)):
                truth = float((found[:, place] == row).sum())
                attack.know(atoms[combinations[:, place] == row], shown[key], truth)
        covered = reached_rows.set_index("id")["covered_incidents"]
        whole = reached_rows.set_index("id")["incidents"]
        for row, key in enumerate(layer.ids.astype(str)):
            here, lies = combinations[:, place] == row, found[:, place] == row
            inside, outside = float((lies & reached).sum()), float((lies & ~reached).sum())
            if inside or np.isfinite(covered[key]):  # of nobody knows how many, none is hidden too
                attack.know(near[here], covered[key], inside)
            if 0 < outside < LIMIT:
                assert not np.isfinite(covered[key] + whole[key])
                attack.targets.append((far[here], outside))
        missing = float((found[:, place] == -1).sum())
        left = carried.table.unassigned["incidents"]
        attack.know(atoms[combinations[:, place] == -1], left, missing)
        total = carried.table.totals["incidents"]
        attack.know(atoms, total, float(len(found)))
        if kind == "grid":
            for row, value in enumerate(carried.to_frame()["residents"]):
                attack.know(people[[row]], value, residents[row])
    whole = gridmap.coverage(city, by="city", within="400m", **asked).to_frame()
    in_grids = found[:, 0] >= 0
    attack.know(
        near[combinations[:, 0] >= 0],
        float(whole["covered_incidents"].iloc[0]),
        float((in_grids & reached).sum()),
    )
    assert len(attack.targets) > 60
    attack.fail(3.0 * max(len(found), residents.sum()))


def row_of_squares(counts, months=("2024-03",), per_month=None):
    """Return a city of squares of 100 m in a row: incidents in both halves of each by turns."""
    size = len(counts)
    x = np.repeat(np.arange(size) * 100.0 + 25.0, counts)
    x += 50.0 * (np.arange(len(x)) % 2)
    days = np.repeat(list(months), per_month if per_month is not None else [len(x)])
    batch = IncidentBatch(
        x, np.full(len(x), 50.0), (days.astype("datetime64[D]") + 9).astype("datetime64[s]"),
        np.zeros(len(x), np.int16),
    )  # fmt: skip
    incidents = Incidents.from_batch(batch, categories=("theft",), crs=METRES)
    return City(
        "row", METRES, {Kind.GRID: boxes(Kind.GRID, np.arange(size + 1) * 100.0)}, incidents
    )


def boxes(kind, ends):
    """Return boxes between some places on a line."""
    shapes = [shapely.box(low, 0, high, 100) for low, high in pairwise(ends)]
    ids = [f"{kind}{row}" for row in range(len(shapes))]
    frame = gpd.GeoDataFrame({"id": ids, "name": ids}, geometry=shapes, crs=METRES)
    return Layer(kind, frame)


def test_stations_that_share_a_cut_grid_tell_the_grids_of_both():
    # Squares   |  3 | 10 |  9 |  9 | 10 |  4 |
    # stations  |   8   |  14  |  14  |   9   |
    # The first two stations hold the first three squares, so 22 - 10 - 9 would tell the 3
    # whatever is hidden on the other side: one more of these three has to go dark.
    city = row_of_squares([3, 10, 9, 9, 10, 4])
    city = city.with_layer(boxes(Kind.STATION, [0, 150, 300, 450, 600]))
    report = build_report(city, Request(date(2024, 4, 1), "2024-03", "none", suppress_below=5))
    dark = report.table("grids").is_hidden("incidents")
    assert dark[0]
    assert dark[5]
    assert dark[:3].sum() >= 2
    assert dark[3:].sum() >= 2


def test_a_month_is_not_told_by_the_sum_of_several():
    # January has 3, February 40: 43 - 40 would tell it.
    city = row_of_squares([43], ("2024-01", "2024-02"), [3, 40])
    asked = Request(date(2024, 4, 1), "2024-01..2024-02", "none", suppress_below=5)
    report = build_report(city, asked)
    assert report.table("months").is_hidden("incidents").all() or not np.isfinite(
        report.table("categories").total["incidents"]
    )


def two_plans(seed):
    """Return a row of 18 squares, few people, a room, and two plans of seven beats each."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 7, 18) * rng.integers(0, 4, 18)
    people = (rng.integers(0, 4, 18) * rng.integers(0, 4, 18)).astype(float)
    city = row_of_squares(counts)
    city = city.with_layer(Layer(Kind.GRID, city.grids.frame.assign(residents=people)))
    room = {"id": ["r"], "name": ["r"], "geometry": [shapely.Point(900, 50)]}
    city = city.with_layer(Layer(Kind.ROOM, gpd.GeoDataFrame(room, crs=METRES)))
    plans = []
    for name in "ab":
        ends = np.sort(rng.choice(np.arange(1, 18), 6, replace=False))
        labels = [f"{name}{row}" for row in np.searchsorted(ends, np.arange(18), side="right")]
        plans.append(Plan.from_labels(name, city.grids.ids, labels))
    return city, plans


class PlanAttack(Attack):
    """What a reader of a comparison knows of the residents or incidents of each grid."""

    def __init__(self, ground, plans, name):
        super().__init__()
        self.name, self.plans, self.ids = name, plans, ground.grid_ids.tolist()
        self.amounts, self.covered = getattr(ground, name), ground.covered
        self.atoms, self.inside, self.rest = (self.unknown(18) for _ in range(3))
        for one, covered, other in zip(self.atoms, self.inside, self.rest, strict=True):
            self.equal(np.array([one]), np.array([covered, other]))
        self.learn(np.arange(18), self.amounts.sum())  # `gridmap measure` prints it

    def learn(self, grids, shown):
        shown = np.nan if shown is None else float(shown)
        self.know(self.atoms[grids], shown, float(self.amounts[grids].sum()))

    def read(self, told, flows):
        """Take in a JSON; the flows say which grids move."""
        moved = [self.ids.index(one) for flow in flows for one in flow.grids]
        self.learn(moved, told[f"{self.name}_moved"])
        for flow in told["flows"]:
            self.learn([self.ids.index(one) for one in flow["grids"]], flow[self.name])
        for beat in told["beats"]:
            both = np.ones(18, dtype=bool)
            for side, plan in zip(("before", "after"), self.plans, strict=True):
                both &= plan.labels == beat[side]
                if beat[side]:
                    grids = np.flatnonzero(plan.labels == beat[side])
                    self.read_beat(grids, beat[f"figures_{side}"])
            if both.any() and self.name == "residents":
                share = beat["kept_share"]
                self.learn(both, None if share is None else self.amounts[both].sum())
            elif 0 < self.amounts[both].sum() < LIMIT:
                self.targets.append((self.atoms[both], self.amounts[both].sum()))

    def read_beat(self, grids, figures):
        self.learn(grids, figures[self.name])
        if self.name != "residents":
            return
        every, near = self.amounts[grids].sum(), self.covered[grids].sum()
        share = figures["covered_share"]
        for part, value in ((self.inside[grids], near), (self.rest[grids], every - near)):
            if share is not None:
                own = every * (share if value is near else 1.0 - share)
                self.know(part, own, pytest.approx(value, abs=1e-9))
            elif 0 < value < LIMIT:
                self.targets.append((part, value))


@pytest.mark.parametrize("seed", range(4))
def test_two_plans_side_by_side_tell_no_small_count(seed):
    city, (before, after) = two_plans(seed)
    asked = {"before": before, "after": after, "chance": 0}
    whole = gridmap.compare(city, **asked)
    shown = gridmap.compare(city, suppress_below=LIMIT, **asked)
    told, truth = shown.to_dict(), whole.to_dict()
    for name in ("incidents", "residents"):
        attack = PlanAttack(Ground.from_city(city), (before, after), name)
        attack.read(told, whole.comparison.flows)
        assert attack.targets
        attack.fail(3.0 * attack.amounts.sum())
    # The worst deviation tells a beat's count, so it goes where one of them is hidden.
    columns = {name for names in told["hidden"]["beats"].values() for name in names}
    assert {"incidents_before", "residents_before"} <= columns
    for name in ("residents", "incidents", "workload"):
        assert told["before"][f"{name}_deviation"] is told["after"][f"{name}_deviation"] is None
    # What the numbers say stays.
    assert shown.comparison.directions == whole.comparison.directions
    assert [beat["keeps_officers"] for beat in told["beats"]] == [
        beat["keeps_officers"] for beat in truth["beats"]
    ]
    assert any("*" in line for line in shown.sentences())
    assert len(shown.sentences()) == len(whole.sentences()) + 1
