"""The planner's job from start to end: propose, save, edit three grids, undo one, compare."""

from __future__ import annotations

import re

from playwright.sync_api import expect

_LONG = 120_000


def wait_for_map(page) -> None:
    page.frame_locator("iframe").first.locator("#map[data-painted]").wait_for(timeout=_LONG)


def settle(page) -> None:
    page.wait_for_timeout(400)
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="detached", timeout=_LONG)


def press(page, name) -> None:
    page.get_by_role("button", name=name).first.click()
    settle(page)


def test_a_planner_proposes_edits_undoes_saves_and_compares(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/redraw?lang=zh")
    wait_for_map(page)
    settle(page)
    press(page, "生成方案")
    page.get_by_text("方案取舍").wait_for(timeout=_LONG)
    settle(page)
    press(page, "保存方案")
    # Today's beats leave more to mend than a proposal does.
    page.get_by_text("③ 手工调整").click()
    press(page, "开始调整")
    page.get_by_text("下一步建议").wait_for(timeout=_LONG)
    wait_for_map(page)
    page.get_by_text("下一步建议").click()
    saved = page.get_by_role("button", name=re.compile("保存为新版本"))
    for step in (1, 2, 3):
        press(page, "采用")
        page.get_by_role("button", name=f"保存为新版本（{step} 步调整）").wait_for(timeout=_LONG)
    press(page, "撤销")
    page.get_by_role("button", name="保存为新版本（2 步调整）").wait_for(timeout=_LONG)
    page.get_by_role("textbox", name="方案名称").fill("调整后")
    saved.click()
    page.get_by_text("已保存“调整后”第 1 版").wait_for(timeout=_LONG)
    page.get_by_text("② 方案比较").click()
    page.get_by_text("改了什么").wait_for(timeout=_LONG)
    settle(page)
    expect(page.locator("iframe")).to_have_count(2, timeout=_LONG)
    assert page.locator('[data-testid="stException"]').count() == 0
    watched.require_clean()


def test_two_readers_do_not_see_each_others_plans(app_url, open_page):
    page = open_page().page
    page.goto(f"{app_url}/redraw?lang=zh")
    wait_for_map(page)
    page.get_by_text("② 方案比较").click()
    # The plan that the planner saved lies in the planner's own copy of the demo city.
    page.get_by_text("还没有可用的方案").wait_for(timeout=_LONG)
