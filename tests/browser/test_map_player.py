"""The hours of a period, played on the map on one scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gridmap

_DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"
_SHOWN = "() => [touch.city.player.hour, touch.city.player.readout.textContent]"


@pytest.fixture(scope="module")
def march() -> np.ndarray:
    """Incidents of March 2024 in each grid, weekday and hour: counted here, without the page."""
    city = gridmap.open(_DEMO)
    parts = list(
        city.located.columns(
            ["grid", "time"], since=np.datetime64("2024-03-01"), until=np.datetime64("2024-04-01")
        )
    )
    grid = np.concatenate([part["grid"] for part in parts])
    hours = np.concatenate([part["time"] for part in parts]).astype("datetime64[h]").astype(int)
    week = np.zeros((len(city.grids), 7, 24), int)
    # 1 January 1970 was a Thursday.
    np.add.at(week, (grid, (hours // 24 + 3) % 7, hours % 24), grid >= 0)
    return week


def look(watched, address: str):
    """Open a page; return its map, to evaluate in and to press buttons in."""
    watched.page.goto(address)
    watched.wait_for_map()
    watched.settle()
    return watched.touch(), watched.page.frame_locator("iframe").first


def test_the_hours_are_played_on_one_scale_without_the_server(open_page, app_url, march):
    watched = open_page(1440, 1000)
    frame, map_frame = look(watched, f"{app_url}/incidents?lang=zh&from=2024-03-01&to=2024-03-31")
    map_frame.get_by_role("button", name="逐时播放", exact=True).click()
    frame.wait_for_function("() => touch.city.player.hour >= 2")  # it goes on by itself
    map_frame.get_by_role("button", name="暂停", exact=True).click()
    slider = map_frame.get_by_role("slider", name="时段")
    # All counts are those of the data: every grid, weekday and hour.
    week = np.array(frame.evaluate("() => [...touch.city.player.week]")).reshape(march.shape)
    assert week.astype(int).tolist() == march.tolist()
    breaks = np.array(frame.evaluate("() => touch.city.player.hours.scales[0].breaks"))
    for hour in (3, 21):
        slider.fill(str(hour))
        frame.wait_for_function(f"() => touch.city.player.hour === {hour}")
        text = frame.evaluate(_SHOWN)[1]
        assert f"{hour:02d}:00" in text
        assert f"{march[:, :, hour].sum():,}" in text
        rows = np.array(frame.evaluate("() => [...touch.city.player.theme().rows]"))
        wanted = np.searchsorted(breaks, march[:, :, hour].sum(axis=1), side="left")
        assert rows.tolist() == wanted.tolist()
    map_frame.get_by_role("combobox", name="星期").select_option("4")
    frame.wait_for_function("() => touch.city.player.day === 4")
    assert f"{march[:, 4, 21].sum():,}" in frame.evaluate(_SHOWN)[1]
    assert watched.settled  # no run was asked for
    watched.require_accessible()
    watched.require_clean()


def test_who_asked_for_less_motion_steps_from_hour_to_hour(open_page, app_url):
    watched = open_page(390, 844)
    watched.page.emulate_media(reduced_motion="reduce")
    frame, map_frame = look(watched, f"{app_url}/incidents?lang=en")
    map_frame.get_by_role("button", name="Play the hours", exact=True).click()
    step = map_frame.get_by_role("button", name="Next hour", exact=True)
    step.click()
    frame.wait_for_function("() => touch.city.player.hour === 1")
    step.click()
    frame.wait_for_function("() => touch.city.player.hour === 2")
    assert frame.evaluate("() => touch.city.player.timer") == 0
    box = map_frame.locator(".gm-player").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    watched.require_clean()
