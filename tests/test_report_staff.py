"""Officers in a report add up: needed, present, lacking, surplus, and rooms beside beats."""

import csv
import re
from datetime import date

import numpy as np
import openpyxl
import pytest

import gridmap
from gridmap.demo import make_city
from gridmap.i18n import tr, using_language
from gridmap.measure import present_plan
from gridmap.report import Request, build_report, write_report
from gridmap.report.tables import in_mood


@pytest.fixture(scope="module")
def reported():
    city = make_city(grids=120, incidents=2_000, seed=7)
    with using_language("en"):
        return city, build_report(city, Request(date(2024, 4, 1), "2024-03"))


@pytest.mark.parametrize("who", ["officers", "auxiliaries"])
def test_needed_less_present_is_lacking_less_surplus_in_every_row_and_the_total(reported, who):
    _, report = reported
    table = report.table("staffing")
    keys = (f"{who}_needed", who, f"{who}_lacking", f"{who}_surplus")
    for row in [*table.rows.to_dict("records"), table.total]:
        needed, present, lacking, surplus = (row[key] for key in keys)
        assert needed - present == lacking - surplus
    needed, present, lacking, surplus = (int(table.total[key]) for key in keys)
    net = lacking - surplus
    line = next(note for note in table.notes if f" {who} needed" in note)
    said = {int(number) for number in re.findall(r"\d+", line)}
    assert said == {needed, present, lacking, surplus, abs(net)} - {0}


def test_the_staff_of_rooms_and_beats_is_reconciled(reported):
    city, report = reported
    beats, rooms = city.beats.counts("officers"), city.rooms.counts("officers")
    with_room = set(city.rooms.texts("beat"))
    roomless = sum(
        int(n) for n, key in zip(beats, city.beats.ids, strict=True) if key not in with_room
    )
    assert int(beats.sum() - rooms.sum()) == roomless > 0
    (line,) = [note for note in report.table("staffing").notes if "without a room" in note]
    for number in (int(beats.sum()), int(rooms.sum()), roomless):
        assert str(number) in line
    assert "check the registers" not in line


# openpyxl does not know the data bars of Excel 2010 and later.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")
def test_officers_are_the_same_on_every_face(reported, tmp_path):
    """One for each 3,000 people begun: in report, its files, the table of beats and compare."""
    city, report = reported
    carried = gridmap.measure(city, by="beat").to_frame().set_index("id")
    people = carried["residents"] + carried["migrants"]
    present = dict(zip(city.beats.ids.astype(str), city.beats.counts("officers"), strict=True))
    truth = {
        one: (present[one], float(np.ceil(people[one] / 3000.0 - 1e-9))) for one in people.index
    }
    keys = ("officers", "officers_needed", "officers_lacking", "officers_surplus")
    true_rows = {one: [has, asked, max(asked - has, 0.0), max(has - asked, 0.0)]
                 for one, (has, asked) in truth.items()}  # fmt: skip

    table = report.table("staffing")
    with using_language("en"):
        folder = write_report(report, tmp_path, formats=("csv", "xlsx")).folder
    with (folder / "tables" / "staffing.csv").open(encoding="utf-8-sig") as file:
        written = list(csv.reader(file))
    (book,) = folder.glob("*.xlsx")
    sheet = openpyxl.load_workbook(book, data_only=True)[table.title]
    frames = [written, list(sheet.iter_rows(min_row=5, values_only=True))]
    labels = [column.label for column in table.columns]
    places = [[column.key for column in table.columns].index(key) for key in ("id", *keys)]
    faces = [table.rows[["id", *keys]].to_numpy().tolist()]
    for head, *rows in frames:
        assert list(head)[: len(labels)] == labels
        faces.append([[row[place] for place in places] for row in rows[: len(table)]])
    for rows in faces:
        assert {one: [float(n) for n in numbers] for one, *numbers in rows} == true_rows

    beats = report.table("beats").rows.set_index("id")["officers_lacking"]
    assert beats.to_dict() == {one: numbers[2] for one, numbers in true_rows.items()}
    today = present_plan(city)
    side = gridmap.compare(city, before=today, after=today, chance=0).to_dict()["beats"]
    assert {beat["after"]: beat["officers"] for beat in side} == present
    reach = gridmap.coverage(city)
    rooms = reach.rooms(reach.coverages[0]).set_index("id")["officers"]
    printed = report.table("rooms").rows.set_index("id")["officers"]
    assert printed.to_dict() == rooms.loc[printed.index].to_dict()
    assert rooms.sum() == city.rooms.counts("officers").sum()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("which", "lacking", "surplus"),
                         [("short", 3, 0), ("over", 0, 3), ("even", 0, 0)])  # fmt: skip
def test_nobody_is_said_to_lack_or_spare_nothing(language, which, lacking, surplus):
    figures = {
        "needed": 9,
        "present": 7,
        "lacking": lacking,
        "surplus": surplus,
        "net": 3,
        "unplaced": 0,
    }
    for conditional in (False, True):
        key = in_mood(f"briefing.staff.balance_{which}", conditional=conditional)
        assert "0" not in tr(key, language=language, who="民警", **figures)
