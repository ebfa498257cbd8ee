"""A newcomer drops a city's files on the page Data, answers what is asked, and has a city."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

_FIVE = ("police_beats.zip", "block_groups_2010.gpkg", "community_areas.zip",
         "Crimes_September_2014.csv", "Police_Stations.csv")  # fmt: skip
pytestmark = pytest.mark.browser


@pytest.mark.real_data
def test_the_five_files_of_chicago_come_in_with_one_answer(
    empty_url, open_page, chicago_files, reader_class
):
    folder = chicago_files()
    reader = reader_class(open_page(), empty_url, "en")
    page = reader.page
    reader.open("data")
    page.locator('input[type="file"]').set_input_files([folder / name for name in _FIVE])
    asks = page.get_by_text(reader.says("page.import.state.asks"), exact=True)
    expect(asks).to_have_count(1)
    ready = page.get_by_text(reader.says("page.import.state.ready"), exact=True)
    expect(ready).to_have_count(4)
    answers = page.get_by_role("button", name=re.compile("= 27 September 2014"))
    expect(answers).to_have_count(2)
    reader.settle()
    assert not re.search(r"--[a-z]", page.locator("body").inner_text())
    answers.filter(has_text="= 1 September 2014, 9,045 rows").click()
    reader.settle()
    reader.wait_for_map()
    reader.press("page.import.store", count=5)
    page.get_by_text(reader.says("page.import.stored", kinds="Grids")[:-1]).first.wait_for()
    for told in ("Grids: 2,190", "Beats: 277", "Communities: 77", "Police rooms: 22",
                 "Incidents: 21,559"):  # fmt: skip
        expect(page.locator("body")).to_contain_text(told, use_inner_text=True)
    reader.require_no_fault()
