"""Officers in a report add up: needed, present, lacking, surplus, and rooms beside beats."""

from datetime import date

import pytest

from gridmap.demo import make_city
from gridmap.i18n import using_language
from gridmap.report import Request, build_report


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
    for number in (needed, present, lacking, surplus, abs(net)):
        assert str(number) in line


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
    assert "listed differently" not in line
