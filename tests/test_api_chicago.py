"""Chicago by every verb: the page, the command and Python give one answer."""

import csv
import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
from command_line import run
from streamlit.testing.v1 import AppTest

import gridmap
from gridmap.api.coverage import CoverageOptions
from gridmap.api.incidents import change_of, per_time, slice_incidents
from gridmap.api.open import load_plan, open_store
from gridmap.api.options import option_specs
from gridmap.api.propose import ProposeOptions
from gridmap.api.report import settings_file
from gridmap.i18n import tr, using_language
from gridmap.measure.pieces import present_plan
from gridmap.measure.summary import membership_of
from gridmap.pages import cache, coverage_views
from gridmap.pages.redraw_state import change_rows
from gridmap.plans import LOCAL

CHICAGO = Path(__file__).parents[2] / "shared" / "data" / "chicago"
pytestmark = [
    pytest.mark.real_data,
    # openpyxl does not know the data bars of Excel 2010 and later.
    pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning"),
    pytest.mark.skipif(not CHICAGO.exists(), reason="put the real data in ../shared/data"),
]
BEATS = {
    "beats": 40, "balance": {"residents": 1.0}, "effort": "quick", "seed": 1, "tolerance": 0.1,
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("chicago") / "city"
    for kind, name, more in (
        ("grid", "block_groups_2010.gpkg", ("--map", "residents=pop", "--map", "id=GEOID10")),
        ("station", "police_districts.zip", ()),
        ("room", "Police_Stations.csv", ("--crs", "EPSG:4326")),
        ("incidents", "Crimes_September_2014.csv",
         ("--date-format", "%m/%d/%Y", "--date-format", "%Y/%d/%m")),
    ):  # fmt: skip
        done = run("import", place, "--kind", kind, *more, CHICAGO / name)
        assert done.returncode == 0, done.stderr
    return place


def timeless(answer):
    if isinstance(answer, dict):
        return {k: timeless(v) for k, v in answer.items() if k not in {"seconds", "name"}}
    return [timeless(item) for item in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize(
    ("verb", "fields", "flags"),
    [
        ("check", {}, ()),
        ("measure", {"by": "station", "since": "2014-09-01", "until": "2014-09-15"},
         ("--by", "station", "--from", "2014-09-01", "--to", "2014-09-15")),
        ("coverage", {"within": "3km", "by": "station"}, ("--within", "3km", "--by", "station")),
        ("hotspots", {"since": "2014-09-16", "until": "2014-09-30", "compare": "previous"},
         ("--from", "2014-09-16", "--to", "2014-09-30", "--compare", "previous")),
        ("around", {"at": (-87.65, 41.88), "within": "800m"},
         ("--at", "-87.65,41.88", "--within", "800m")),
        ("site", {"rooms": 2, "within": "3km"}, ("--rooms", "2", "--within", "3km")),
        ("watch", {"until": "2014-09-30", "days": 7}, ("--to", "2014-09-30", "--days", "7")),
        ("shifts", {"by": "city", "officers": 40}, ("--by", "city", "--officers", "40")),
        ("patrol", {"station": "1", "stop": 30.0, "mode": "walk"},
         ("--station", "1", "--stop", "30", "--mode", "walk")),
        ("norms", {}, ()),
        ("assess", {"by": "station"}, ("--by", "station")),
        ("propose", BEATS, ("--beats", "40", "--balance", "residents=1", "--effort", "quick",
                            "--seed", "1", "--tolerance", "10%")),
    ],
)  # fmt: skip
def test_python_and_the_command_answer_alike(place, verb, fields, flags):
    done = run(verb, place, *flags, "--json")
    assert done.returncode == 0, done.stderr
    with using_language("en"):
        mine = getattr(gridmap, verb)(gridmap.open(place), **fields).to_dict()
    mine = json.loads(json.dumps(mine, allow_nan=False))
    assert timeless(json.loads(done.stdout)) == timeless(mine)


@pytest.fixture(scope="module")
def plans(place):
    """Return the stations as beats, and the same with one grid given to another."""
    city = gridmap.open(place)
    home = membership_of(city, by="station").main_target
    labels = [f"S{row}" if row >= 0 else "" for row in home]
    one = gridmap.Plan.from_labels("one", city.grids.ids, labels)
    row = labels.index(labels[-1])
    other = one.move([str(city.grids.ids[row])], to=next(x for x in labels if x != labels[row]))
    with open_store(place) as store:
        for plan in (one, other.renamed("other")):
            store.save(plan, author=LOCAL, base_version=0, grids=city.grids)
    return load_plan(place, "one"), load_plan(place, "other")


def test_two_plans_and_a_report_are_told_alike(place, plans, tmp_path):
    period = {"period": "2014-09-01..2014-09-15", "date": "2014-10-01", "formats": "csv"}
    flags = [part for name, value in period.items() for part in (f"--{name}", value)]
    with using_language("en"):
        city = gridmap.open(place)
        side = gridmap.compare(city, before=plans[0], after=plans[1], chance=20).to_dict()
        report = gridmap.report(city, lang="en", settings=str(settings_file(place)), **period)
    told = run("compare", place, "one", "other", "--chance", "20", "--json")
    assert told.returncode == 0, told.stderr
    assert timeless(json.loads(told.stdout)) == timeless(json.loads(json.dumps(side)))
    assert side["grids_moved"] == 1
    made = run("report", place, *flags, "--lang", "en", "--out", tmp_path / "out", "--json")
    assert made.returncode == 0, made.stderr
    mine = json.loads(json.dumps(report.to_dict()))
    answer = json.loads(made.stdout)
    assert {name: answer[name] for name in mine} == mine


def test_a_repair_is_told_alike(place, tmp_path):
    shutil.copytree(place, tmp_path / "city")
    done = run("repair", tmp_path / "city", "--tolerance-m", "2", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    mine = json.loads(json.dumps(gridmap.repair(gridmap.open(place), tolerance_m=2.0).to_dict()))
    for name in ("repaired", "left", "coverage_valid", "tolerance_m", "options"):
        assert answer[name] == mine[name], name


def open_page(place, name):
    """Return a page of the city, drawn once, and what a reader of it sees."""

    def run_page(name) -> None:
        from importlib import import_module

        from gridmap.pages.layout import guarded
        from gridmap.pages.session import current_session
        from gridmap.plans import LOCAL

        current_session().actor = LOCAL
        guarded(import_module(f"gridmap.pages.{name}").show)()

    page = AppTest.from_function(run_page, default_timeout=600, args=(name,)).run()
    assert not page.exception, name
    return page


def seen(page):
    kinds = ("html", "markdown", "caption", "header", "error", "success")
    told = [str(getattr(item, "value", item)) for kind in kinds for item in page.get(kind)]
    told += [option for radio in page.radio for option in radio.options]
    told = [text.replace("\\", "") for text in told]  # what keeps names out of Markdown
    return " ".join([*told, *(frame.value.to_csv() for frame in page.dataframe)])


@pytest.fixture
def english(place, monkeypatch):
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(place))
    monkeypatch.setenv("GRIDMAP_LANG", "en")


def test_pages_show_the_verbs_figures(place, english):
    """Incidents and the share covered, as the pages write them."""
    city = gridmap.open(place)
    total = gridmap.measure(city, by="city").table.totals["incidents"]
    inside = gridmap.measure(city, by="grid").to_frame()["incidents"].sum()
    share = 100 * gridmap.coverage(city).to_frame()["covered_residents_share"][0]
    hot = gridmap.hotspots(city).to_frame().query("kind == 'hot'").iloc[0]
    with using_language("en"):
        usual = tr(
            "page.incidents.hot_line",
            observed=f"{hot['observed']:,.0f}", expected=f"{hot['expected']:,.0f}",
        )  # fmt: skip
    shown = {
        "overview": [f"<b>{total:,.0f}</b>", f"<b>{share:,.1f}</b>"],
        "incidents": [f"<b>{inside:,.0f}</b>", usual],
        "coverage": [f"<b>{share:,.1f}</b>"],
    }
    for name, figures in shown.items():
        text = seen(open_page(place, name))
        for figure in figures:
            assert figure in text, (name, figure)


def test_the_page_redraw_finds_the_plan_of_command_and_python(place, english, tmp_path):
    """The same request: each grid in the same beat, and the same figures beside it."""
    place = shutil.copytree(place, tmp_path / "city")  # which keeps the plan from other tests
    page = open_page(place, "redraw")
    chosen = {"tolerance": 10, "front": 1, "w-residents": 100, "w-incidents": 0}
    for name, value in chosen.items():
        next(item for item in page.slider if name in item.key).set_value(value)
    next(item for item in page.number_input if "beats-" in item.key).set_value(40)
    with using_language("en"):
        begin = tr("page.redraw.begin")
    next(button for button in page.button if button.label == begin).click().run()
    state = page.session_state["gridmap"].work["redraw"]
    assert state.job is None or state.job._done.wait(600)
    page.run()
    assert not page.exception
    found = page.session_state["gridmap"].work["redraw"].found

    asked = BEATS | {"seed": 0}
    with using_language("en"):
        mine = gridmap.propose(gridmap.open(place), **asked)
    flags = (
        "--beats",
        "40",
        "--balance",
        "residents=1",
        "--effort",
        "quick",
        "--tolerance",
        "10%",
    )
    done = run("propose", place, *flags, "--save", "asked", "--json")
    assert done.returncode == 0, done.stderr
    saved = load_plan(place, "asked")
    (plan,) = found.plans
    assert plan.labels.tolist() == mine.plans[0].labels.tolist() == saved.labels.tolist()
    assert timeless(list(map(dict, found.rows))) == timeless(list(map(dict, mine.rows)))
    assert mine.rows[0]["feasible"]
    border = f"{mine.rows[0]['cut_border_km']:,.1f}"
    assert border in seen(page)
    (told,) = json.loads(done.stdout)["plans"]
    assert timeless(told)["cut_border_km"] == pytest.approx(mine.rows[0]["cut_border_km"])


def test_the_page_reports_says_what_the_verb_says(place, english):
    page = open_page(place, "reports")
    with using_language("en"):
        label = tr("page.reports.period")
    next(box for box in page.selectbox if box.label == label).set_value("2014-09").run()
    assert not page.exception
    with using_language("en"):
        mine = gridmap.report(gridmap.open(place), period="2014-09", lang="en").report
        texts = [figure.text() for figure in mine.figures[:6]]
    shown = seen(page)
    assert len(texts) == 6
    for text in texts:
        assert f"<b>{text}</b>" in shown
    for sentence in mine.sentences:
        if sentence not in mine.warnings:
            assert sentence in shown
    # The first table, cell by cell.
    cells = page.dataframe[0].value.to_numpy().tolist()
    assert cells == [list(row) for row in mine.tables[0].texts()]


def test_the_page_duty_says_what_the_verbs_say(place, english):
    page = open_page(place, "duty")
    city = gridmap.open(place)

    def look_at(view):
        page.button_group[0].set_value(view).run()
        assert not page.exception, view
        return seen(page)

    with using_language("en"):
        page.number_input[0].set_value(200).run()
        shifts = gridmap.shifts(city, officers=200).to_dict()
        for key in ("demand_h", "uncovered_h", "bound"):
            assert f"<b>{shifts[key]:,.0f}</b>" in seen(page), key
        watch = gridmap.watch(city)
        shown = look_at("watch")
        for sentence in watch.sentences() or [watch.quiet()]:
            assert sentence in shown
        norms = gridmap.norms(city)
        shown = look_at("rooms")
        assert norms.to_dict()["rows"] == []  # no column of Chicago says what a room has
        assert f"<span>{tr('duty.norms.things')}</span><b>–</b>" in shown
        score = gridmap.assess(city, by="station")
        shown = look_at("score")
        assert score.sentence() in shown
        assert all(row["name"] in shown for row in score.to_dict()["rows"])
        look_at("around")
        grid = str(city.grids.ids[5])
        page.text_input[0].set_value(grid).run()
        near = gridmap.around(city, grid=grid)
        assert f"<b>{near.rings[0]['residents']:,.0f}</b>" in seen(page)
        station = str(city.layer("station").ids[0])
        patrol = gridmap.patrol(city, station=station).to_dict()
        assert f"<b>{patrol['expected']:,.2f}</b>" in look_at("patrol")


def test_what_a_form_writes_is_the_same_request():
    """A page's form and a command line are texts; both make the dataclass that Python takes."""
    texts = {"beats": 40, "balance": "residents=1", "effort": "quick", "seed": 1,
             "tolerance": "10%", "keep": "", "lock": ()}  # fmt: skip
    assert ProposeOptions.from_texts(texts) == ProposeOptions(**BEATS)
    assert set(texts) <= {spec.name for spec in option_specs(ProposeOptions)}


def close(one, other):
    return other == pytest.approx(one, rel=1e-9, nan_ok=True)


def test_every_figure_is_the_same_on_every_face(place):
    """Incidents, people and coverage by station, from Python, command, page, report and plan."""
    first, last = date(2014, 9, 1), date(2014, 9, 15)
    period = {"since": str(first), "until": str(last)}
    names = ["residents", "incidents", "incidents_per_1000_residents", "covered_residents_share"]
    city = gridmap.open(place)
    with using_language("en"):
        found = gridmap.measure(city, by="station", **period)
        stations = found.to_frame().set_index("id")
        report = gridmap.report(
            city, period=f"{first}..{last}", lang="en", date="2014-10-01"
        ).report  # fmt: skip
        coverage = gridmap.coverage(city, by="station", **period).to_frame().set_index("id")
        notebook = found._repr_html_()

    flags = ("--by", "station", "--from", first, "--to", last, "--json")
    told = pd.DataFrame(json.loads(run("measure", place, *flags).stdout)["rows"]).set_index("id")
    paged, key = cache.open_city(place)
    page = cache.table_of(paged, key, "station", first, last).table.rows.set_index("id")
    printed = report.table("stations").rows.set_index("id")
    for table in (told, page, printed):
        assert sorted(table.index) == sorted(stations.index)
        for name in names:
            figures = table.loc[stations.index, name].astype(float).tolist()
            assert close(stations[name].tolist(), figures), name
    reach = printed.loc[stations.index]
    for name in ("residents", "incidents", "covered_residents_share"):
        assert close(stations[name].tolist(), coverage[name].tolist()), name
    for name in ("residents", "covered_residents", "covered_residents_share"):
        assert close(coverage[name].tolist(), reach[name].astype(float).tolist()), name
    asked = CoverageOptions(within=f"{city.presets.room_radius_m:g}m", by="station", **period)
    viewed = coverage_views.coverage_of(paged, key, asked).to_frame().set_index("id")
    for name in ("covered_residents", "covered_incidents", "backup_residents_share", "mean_m"):
        assert close(coverage[name].tolist(), viewed[name].tolist()), name

    # The whole city, as each face sums it up; what lies in no station is in the total.
    total = found.table.totals
    figures = {figure.key: figure.value for figure in report.figures}
    for name in names:
        assert close(total[name], figures[name]), name
    assert close(total["incidents"], report.table("categories").total["incidents"])
    assert close(total["incidents"], report.table("hours").total["all"])
    assert close(total["residents"], report.table("grids").total["residents"])
    assert close(total["residents"], report.table("rooms").total["residents"])
    for name in ("residents", "incidents"):
        assert f"{total[name]:,.0f}" in notebook
    around_it = gridmap.measure(city, by="city", **period).table.totals
    assert close(total["incidents"], around_it["incidents"])

    # A plan that makes each station a beat carries what the stations' grids carry.
    home = membership_of(city, by="station").main_target
    plan = gridmap.Plan.from_labels(
        "stations", city.grids.ids, [str(stations.index[row]) if row >= 0 else "" for row in home]
    )
    by_plan = gridmap.measure(city, by="beat", plan=plan).to_frame().set_index("id")
    side = gridmap.compare(city, before=plan, after=plan).to_frame().set_index("after")
    for name in ("residents", "incidents"):
        assert close(by_plan[name].tolist(), side.loc[by_plan.index, f"{name}_after"].tolist())
    moved = gridmap.plan_frame(city, plan).groupby("beat")["residents"].sum()
    assert close(by_plan["residents"].tolist(), moved.loc[by_plan.index].tolist())


FIRST, LAST = "2014-09-16", "2014-09-30"
TABLES = {"stations": "station", "beats": "beat", "communities": "community", "grids": "grid"}


class Faces:
    """One report of Chicago with its files, and the other faces beside it."""

    def __init__(self, city, plan, place, folder):
        self.city, self.plan, self.place = city, plan, place
        self.period = {"since": FIRST, "until": LAST}
        with using_language("en"):
            made = gridmap.report(
                city, plan=plan, period=f"{FIRST}..{LAST}", compare="previous", lang="en",
                date="2014-10-01", formats="xlsx,csv,gpkg",
            )  # fmt: skip
            self.folder = made.write(folder).folder
        self.report = made.report
        (book,) = self.folder.glob("*.xlsx")
        self.book = openpyxl.load_workbook(book, read_only=True, data_only=True)

    def command(self, verb, *flags):
        done = run(verb, self.place, *flags, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _named(self, key, lines):
        """Return a table of a file, its columns under their keys, without a row of totals."""
        table = self.report.table(key)
        labels = {column.label: column.key for column in table.columns}
        head, rows = lines[0], lines[1 : 1 + len(table)]
        return pd.DataFrame(rows, columns=[labels.get(label, label) for label in head])

    def csv(self, key):
        with (self.folder / "tables" / f"{key}.csv").open(encoding="utf-8-sig") as file:
            return self._named(key, list(csv.reader(file)))

    def sheet(self, key):
        sheet = self.book[self.report.table(key).title]
        return self._named(key, list(sheet.iter_rows(min_row=5, values_only=True)))

    def layer(self, key):
        (path,) = (self.folder / "gis").glob("*.gpkg")
        return pyogrio.read_dataframe(path, layer=TABLES[key])

    def every(self, key):
        """Return a table of the report on each face that has it."""
        return {"report": self.report.table(key).rows, "csv": self.csv(key),
                "xlsx": self.sheet(key)}  # fmt: skip


@pytest.fixture(scope="module")
def faces(place, tmp_path_factory):
    """Chicago with its beats and communities, and a plan that makes each station a beat."""
    pytest.importorskip("xlsxwriter")
    folder = tmp_path_factory.mktemp("faces")
    shutil.copytree(place, folder / "city")
    for kind, name in (("beat", "police_beats.zip"), ("community", "community_areas.zip")):
        assert run("import", folder / "city", "--kind", kind, CHICAGO / name).returncode == 0
    city = gridmap.open(folder / "city")
    home = membership_of(city, by="station").main_target
    labels = [f"S{row}" if row >= 0 else "" for row in home]
    plan = gridmap.Plan.from_labels("by station", city.grids.ids, labels)
    with open_store(folder / "city") as store:
        store.save(plan, author=LOCAL, base_version=0, grids=city.grids)
    return Faces(city, plan, folder / "city", folder / "report")


def numbers(column):
    return pd.to_numeric(column.replace(["", "–"], np.nan)).to_numpy(dtype=float)


def differences(one, other, names, *, by="id"):
    """Return the figures of two tables that are not the same to 1e-9; rows are matched by id."""
    left, right = (table.assign(**{by: table[by].astype(str)}).set_index(by)
                   for table in (one, other))  # fmt: skip
    assert sorted(left.index) == sorted(right.index)
    right = right.loc[left.index]
    found = []
    for name in names:
        first, second = (numbers(table[name]) for table in (left, right))
        same = np.isclose(first, second, rtol=1e-9, atol=1e-9, equal_nan=True)
        found += [
            (name, left.index[row], first[row], second[row]) for row in np.flatnonzero(~same)
        ]
    return found


@pytest.mark.parametrize("key", TABLES)
def test_what_areas_carry_is_the_same_on_every_face(faces, key):
    by = TABLES[key]
    plan = faces.plan if by == "beat" else None
    flags = ("--by", by, "--from", FIRST, "--to", LAST)
    flags += ("--plan", plan.name) if plan else ()
    truth = gridmap.measure(faces.city, by=by, plan=plan, **faces.period).to_frame()
    others = faces.every(key) | {
        "json": pd.DataFrame(faces.command("measure", *flags)["rows"]), "gpkg": faces.layer(key)
    }  # fmt: skip
    names = ["residents", "incidents", "area_km2", "residents_per_km2", "incidents_per_km2",
             "incidents_per_1000_residents", "covered_residents_share"]  # fmt: skip
    for face, table in others.items():
        assert differences(truth, table, names) == [], face
    if plan is None:  # coverage of a plan is on its page alone
        near = gridmap.coverage(faces.city, by=by, **faces.period).to_frame()
        same = ["residents", "incidents", "covered_residents_share"]
        assert differences(truth, near, same) == []
        reached = faces.command("coverage", *flags)["coverage"][0]["rows"]
        columns = [name for name in near if name.startswith(("cov", "back", "mean", "p95", "unr"))]
        assert differences(near, pd.DataFrame(reached), columns) == []
        if by != "grid":
            for face, table in faces.every(key).items():
                assert differences(near, table, ["covered_residents"]) == [], face


def test_hot_spots_are_the_same_on_every_face(faces):
    found = gridmap.hotspots(faces.city, **faces.period)
    truth = found.to_frame()
    assert len(truth) > 20
    told = pd.DataFrame(faces.command("hotspots", "--from", FIRST, "--to", LAST)["rows"])
    hot = faces.report.hot.to_frame()
    for table in (told, hot):
        assert differences(truth, table, ["observed", "expected", "p"]) == []
        kinds = table.set_index("id")["kind"]
        assert kinds.loc[truth["id"]].tolist() == truth["kind"].tolist()
    with using_language("en"):
        words = {kind: tr(f"maps.hot.{kind}") for kind in ("hot", "cold")}
    named = {one: words[kind] for one, kind in zip(truth["id"], truth["kind"], strict=True)}
    for face, table in faces.every("grids").items():
        shown = table.set_index("id")["hot_spot"].fillna("")
        assert shown[shown != ""].to_dict() == named, face


def test_changes_are_the_same_on_every_face(faces):
    before = {"since": "2014-09-01", "until": "2014-09-15"}
    for key in ("stations", "beats"):
        plan = faces.plan if key == "beats" else None
        now, past = (gridmap.measure(faces.city, by=TABLES[key], plan=plan, **days).to_frame()
                     for days in (faces.period, before))  # fmt: skip
        truth = now.assign(incidents_before_previous=past["incidents"])
        level = faces.report.history.levels[TABLES[key]]
        marks = [bool(change.mark) for change in level.changes["previous"]]
        for face, table in faces.every(key).items():
            assert differences(truth, table, ["incidents", "incidents_before_previous"]) == [], (
                face
            )
            now, past, share = (
                numbers(table[name])
                for name in ("per_day_now", "per_day_before", "change_previous")
            )
            known = np.isfinite(share)  # with less than five incidents no share is given
            assert known.sum() > 20
            assert np.allclose(now[known] / past[known] - 1.0, share[known]), face
            assert [bool(text) for text in table["mark"].fillna("")] == marks, face
    # The city's own change: on the page of incidents and at the head of the report.
    days = date.fromisoformat(FIRST), date.fromisoformat(LAST)
    counts = [gridmap.measure(faces.city, by="city", **span).table.totals["incidents"]
              for span in (faces.period, before)]  # fmt: skip
    with using_language("en"):
        page = change_of(faces.city, days, *counts)
    (figure,) = [one for one in faces.report.figures if one.key == "incidents"]
    assert figure.value == counts[0]
    assert f"{page.share:+.1%} per day" in figure.note
    assert figure.note.endswith(page.verdict)
    (city,) = faces.report.history.city.changes["previous"]
    assert city.share == pytest.approx(page.share)


def test_hours_are_the_same_on_every_face(faces):
    days = date.fromisoformat(FIRST), date.fromisoformat(LAST)
    counts = slice_incidents(faces.city, *days).by_hour()
    page = per_time(faces.city, counts.reshape(7, 24), days)
    for face, table in faces.every("hours").items():
        each = table[["mon", "tue", "wed", "thu", "fri", "sat", "sun"]].to_numpy(dtype=float)
        assert np.allclose(each.T, page), face
        assert table["all"].astype(float).sum() == counts.sum(), face


def test_two_plans_are_the_same_on_every_face(faces):
    today = present_plan(faces.city)
    # The report counts the incidents of its period.
    found = faces.report.measured.comparison
    side = gridmap.compare(faces.city, before=today, after=faces.plan, chance=0)
    told = faces.command("compare", "present", "by station", "--chance", "0")
    names = ["residents_before", "residents_after", "covered_share_before", "covered_share_after",
             "kept_share"]  # fmt: skip
    frame = side.to_frame()
    truth = frame.assign(id=frame["name"])
    beats = pd.DataFrame([
        {"id": name, "kept_share": beat["kept_share"]}
        | {f"{each}_{when}": beat[f"figures_{when}"][each] for when in ("before", "after")
           for each in ("residents", "covered_share") if beat[f"figures_{when}"]}
        for name, beat in zip(frame["name"], told["beats"], strict=True)
    ])  # fmt: skip
    assert differences(truth, beats, ["residents_before", "residents_after", "kept_share"]) == []
    for face, table in faces.every("comparison").items():
        assert differences(beats, table.assign(id=table["name"]), names) == [], face
    assert close(found.residents_moved, side.comparison.residents_moved)
    assert told["residents_moved"] == pytest.approx(found.residents_moved)
    assert told["grids_moved"] == found.grids_moved
    handed = faces.csv("handover")["residents"].astype(float)
    assert close(handed.sum(), found.residents_moved)
    for side_name in ("before", "after"):
        figures = getattr(found, side_name)
        for name in ("residents_deviation", "covered_share", "beats"):
            assert close(getattr(figures, name), told[side_name][name]), name
    with using_language("en"):
        rows = change_rows(faces.city, ("residents",), side.comparison, today, faces.plan)
        page = {name: values for name, *values in rows}
        people, border = tr("page.change.people"), tr("page.change.border")
        worst = tr("page.change.residents")
    assert page[people][1].startswith(f"{told['residents_moved']:,.0f} (")
    assert page[worst][1] == f"{told['after']['residents_deviation']:.1%}"
    for place, point in enumerate(told["points"]):
        assert page[border][place] == f"{point['cut_border_km']:,.1f}"
