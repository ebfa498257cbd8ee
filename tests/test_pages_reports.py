"""Reports: what the analyst and the department write on the page stands in the report."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from gridmap.demo import make_city
from gridmap.i18n import tr
from gridmap.io import Workspace
from gridmap.pages import reports
from gridmap.report import read_settings


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    Workspace.at(tmp_path).put_city(make_city(grids=60, incidents=300))
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GRIDMAP_LANG", "zh")

    def keep(_ground: object, result: object, _key: object) -> None:
        st.session_state["result"] = result

    monkeypatch.setattr(reports, "_show_preview", keep)  # no picture is set here

    def run() -> None:
        from gridmap.pages.layout import guarded
        from gridmap.pages.reports import show
        from gridmap.pages.session import current_session
        from gridmap.plans import LOCAL

        current_session().actor = LOCAL
        guarded(show)()

    return AppTest.from_function(run, default_timeout=600).run()


def _by_label(found: list[object], key: str) -> object:
    label = tr(f"page.reports.{key}", language="zh")
    return next(item for item in found if getattr(item, "label", "") == label)


def test_settings_and_remarks_of_the_page_are_in_the_report(page: AppTest, tmp_path: Path) -> None:
    assert not page.exception
    _by_label(page.text_input, "set_agency").set_value("示例市公安局")
    _by_label(page.text_input, "set_phone").set_value("13812345678")
    _by_label(page.button, "set_save").click()
    page.run()
    assert not (tmp_path / "report.toml").exists(), "a mobile is a record of a person"
    assert "13812345678" not in " ".join(error.value for error in page.error)
    _by_label(page.text_input, "set_phone").set_value("0571-87654321")
    _by_label(page.button, "set_save").click()
    page.run()
    known = read_settings(tmp_path / "report.toml")
    assert (known.agency, known.phone) == ("示例市公安局", "0571-87654321")
    assert page.session_state["result"].report.request.settings == known
    _by_label(page.text_area, "remarks").set_value("加强夜间巡逻。\n承办人：李娜").run()
    remarks = page.session_state["result"].report.request.remarks
    assert (remarks.lines, remarks.contact) == (("加强夜间巡逻。",), "李娜")
    _by_label(page.text_area, "remarks").set_value("张伟，身份证330106199003078518").run()
    assert page.error
    assert "3301" not in page.error[0].value
