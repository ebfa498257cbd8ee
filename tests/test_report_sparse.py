"""Reports of cities that know little: no incidents, no residents, a period without any."""

import csv
import io
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from gridmap.demo import make_city
from gridmap.i18n import using_language
from gridmap.measure import summarise
from gridmap.measure.pieces import present_plan
from gridmap.model import Incidents, Kind, Layer
from gridmap.report import Request, build_report, parse_formats, write_report
from gridmap.report.composing import compose
from gridmap.report.document import Columns, Paragraph
from gridmap.report.html import map_views
from gridmap.report.sections import area_grid, build_sections
from gridmap.report.settings import SECTIONS

DATED = date(2024, 5, 1)


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=2_000)


def without(city, *, columns=(), kinds=(), incidents=True):
    layers = {
        kind: Layer(kind, layer.frame.drop(columns=[c for c in columns if layer.has(c)]))
        for kind, layer in city.layers.items()
        if kind not in kinds
    }
    return replace(city, layers=layers, incidents=city.incidents if incidents else None)


def moved(city):
    plan = present_plan(city)
    return plan.move(plan.grid_ids[plan.assignment == 0][:1], to=plan.beat_ids[1]).renamed("new")


def built(city, period="", *, plan=None, below=0):
    with using_language("en"):
        return build_report(city, Request(DATED, period, suppress_below=below), plan=plan)


def headers(folder):
    return {
        path.stem: next(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        for path in (folder / "tables").iterdir()
    }


@pytest.mark.slow
def test_what_nobody_counted_is_no_nought(city, tmp_path):
    known = without(city, incidents=False)
    report = built(known, plan=moved(known))
    assert {view.key for view in map_views(report)} == {"beats", "residents", "coverage"}
    write_report(report, tmp_path / "out", formats=parse_formats("csv,xlsx,html,gpkg"))
    for names in headers(tmp_path / "out").values():
        assert not [name for name in names if "ncidents" in name]
    terms = report.table("definitions").values("term")
    assert not [
        term for term in terms if "ncidents" in term
    ]  # of what is not there nothing is said
    chart = report.table("comparison").charts[0]
    assert chart.values == ("residents_before", "residents_after")


@pytest.mark.slow
def test_a_city_of_grids_and_incidents_alone_has_a_report(city, tmp_path):
    bare = without(
        city,
        columns=("residents", "migrants", "households", "station", "community"),
        kinds=set(Kind) - {Kind.GRID, Kind.BEAT},
    )
    report = built(bare, "2024-03", plan=moved(bare), below=5)
    write_report(report, tmp_path / "out", formats=parse_formats("csv,pdf,xlsx"))
    for names in headers(tmp_path / "out").values():
        assert not [name for name in names if "esident" in name]


def test_a_period_without_incidents_says_so_first(city):
    report = built(city, "2031-05")
    assert "no incidents on record for 2031-05" in report.sentences[0]


def test_a_change_from_nothing_is_no_share(city):
    batch = city.incidents.all
    rows = batch.time.astype("datetime64[M]") != np.datetime64("2024-02")
    some = Incidents.from_batch(
        batch.take(rows), categories=city.incidents.categories, crs=city.crs
    )
    report = built(replace(city, incidents=some), "2024-03")
    beats = report.table("beats")
    assert (beats.values("incidents_before_previous") == 0).all()
    assert np.isnan(beats.values("change_previous")).all()
    assert np.isnan(beats.total["change_previous"])
    assert next(item for item in report.figures if item.key == "incidents").note == ""


def test_a_comparison_knows_the_workload_of_its_period_alone(city):
    plan, present = moved(city), present_plan(city)
    report = built(city, "2024-03", plan=plan)
    march = summarise(city, by="grid", since="2024-03-01", until="2024-04-01").rows
    halves = [march[name] / march[name].sum() for name in ("residents", "incidents")]
    load = 50.0 * (halves[0] + halves[1]).to_numpy()
    found = [
        float(np.abs(which.totals(load) / which.totals(load).mean() - 1.0).max())
        for which in (present, plan)
    ]
    made = report.measured.comparison
    told = [made.before.workload_deviation, made.after.workload_deviation]
    assert told == pytest.approx(found)


def with_only(city, *kinds, incidents=True):
    layers = {kind: city.layer(kind) for kind in kinds}
    return replace(city, layers=layers, incidents=city.incidents if incidents else None)


def test_counts_without_single_incidents_are_no_contradiction(city):
    known = summarise(city, by="grid").rows
    grids = city.grids
    frame = grids.frame.assign(incidents=known["incidents"].to_numpy())
    counted = without(city, incidents=False)
    counted = replace(counted, layers=counted.layers | {Kind.GRID: Layer(Kind.GRID, frame)})
    report = built(counted)
    document, _ = compose(report)
    total = f"{known['incidents'].sum():,.0f}"
    assert total in document.title
    assert "no incidents imported" not in document.foot
    first = next(block for block in document.front if isinstance(block, Columns)).left[0]
    assert ("Incidents", total) in first.rows
    assert not [label for label, cell in first.rows if label.lower() in cell.lower()]
    told = " ".join(block.text for block in document.front if isinstance(block, Paragraph))
    assert "Poisson" not in told
    assert "–" not in report.table("sources").rows["value"].tolist()
    found = built(counted, plan=moved(counted)).found.findings
    assert len({one.lead for one in found}) == len(found) > 1


PEOPLE = ("residents", "migrants", "households")


@pytest.mark.parametrize(
    ("knows", "period", "below", "planned"),
    [("all", "2024-03", 0, True), ("all", "2024-03", 5, False), ("all", "", 0, False),
     ("people", "", 0, True), ("outlines", "", 0, False)],
)  # fmt: skip
def test_no_heading_stands_without_text(city, knows, period, below, planned):
    columns = PEOPLE if knows == "outlines" else ()
    known = without(city, columns=columns, incidents=knows == "all")
    report = built(known, period, plan=moved(known) if planned else None, below=below)
    with using_language("en"):
        parts = build_sections(report, tuple(SECTIONS))
    keys = {part.key for part in parts}
    assert "data" in keys
    assert knows == "outlines" or "city" in keys
    said = [text for part in parts for block in part.blocks if isinstance(block, Paragraph)
            for text in [block.text]]  # fmt: skip
    front = [one.text for one in report.found.findings if one.key == "outlines"]
    assert not [text for text in said if front and "km² in all" in text]  # once is enough
    leads = [one.lead for one in report.found.findings]
    assert leads
    assert len(set(leads)) == len(leads)
    for part in parts:
        opening = part.blocks[0]
        assert opening.text if isinstance(opening, Paragraph) else opening.caption, part.key


@pytest.mark.parametrize(
    ("knows", "said"),
    [("all", "busiest"), ("people", "most residents"), ("outlines", "largest")],
)
def test_a_shortened_table_says_which_beats_it_has(city, knows, said):
    columns = PEOPLE if knows == "outlines" else ()
    report = built(without(city, columns=columns, incidents=knows == "all"))
    with using_language("en"):
        grid = area_grid(report, "beat", rows=[0, 1])
    assert said in grid.notes[0]


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [(Kind.COMMUNITY,), (Kind.BEAT,), (Kind.ROOM,), ()])
def test_whatever_a_city_has_is_reported(city, kinds, tmp_path):
    report = built(with_only(city, *kinds), "2024-03", below=5)
    written = write_report(report, tmp_path / "out", formats=parse_formats("all"))
    assert ("map.html" in written.files) == bool(kinds)
    assert report.table("hours") is not None


@pytest.mark.slow
@pytest.mark.parametrize("left", ["beats", "grids"])
def test_a_plan_that_nobody_has_begun_is_reported(city, left, tmp_path):
    plan = present_plan(city).renamed("empty")
    beats = plan.beats if left == "beats" else ()
    plan = replace(plan, assignment=np.full_like(plan.assignment, -1), beats=beats)
    report = built(city, "2024-03", plan=plan)
    write_report(report, tmp_path / "out", formats=parse_formats("csv,html,gpkg"))
    assert report.table("response") is None
    assert report.beats is None
