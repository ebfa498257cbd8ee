"""Repeat places, disputes and alerts in a report are those of a plain count."""

from collections import Counter
from datetime import date

import numpy as np
import pytest

import gridmap
from gridmap.demo import make_city
from gridmap.i18n import using_language
from gridmap.report import Request, build_report
from gridmap.report.report import attention_findings

SINCE, UNTIL = np.datetime64("2024-03-01"), np.datetime64("2024-04-01")


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=9_000, seed=7)


@pytest.fixture(scope="module")
def report(city):
    with using_language("en"):
        return build_report(city, Request(date(2024, 4, 1), "2024-03"))


def march(city):
    batch = city.incidents.all
    return batch.take((batch.time >= SINCE) & (batch.time < UNTIL))


def test_places_of_four_calls_are_listed_with_their_counts(city, report):
    batch = march(city)
    squares = Counter(zip((batch.x // 10).tolist(), (batch.y // 10).tolist(), strict=True))
    truth = sorted((count for count in squares.values() if count >= 4), reverse=True)
    assert truth
    table = report.table("repeats")
    assert table.values("incidents").tolist() == truth[:50]
    assert set(table.values("place")) <= set(city.grids.names.astype(str))


def test_disputes_are_settled_or_open(city, report):
    batch = march(city)
    kinds = {
        city.incidents.categories[kind]
        for kind in np.unique(batch.category[~np.isnat(batch.settled)])
    }
    row = report.table("disputes").rows.iloc[0]
    inside = np.isin(np.array(city.incidents.categories)[batch.category], sorted(kinds))
    done = ~np.isnat(batch.settled) & (batch.settled <= UNTIL) & inside
    assert row["disputes"] == inside.sum()
    assert row["settled"] == done.sum()
    assert row["open"] == inside.sum() - done.sum()
    assert row["settled_share"] == pytest.approx(done.sum() / inside.sum())
    with using_language("en"):
        said = [one.lead for one in attention_findings(report.tables)]
    assert f"{done.sum() / inside.sum():.1%} of disputes are settled." in said


def test_nothing_is_told_of_places_where_small_counts_are_hidden(city):
    with using_language("en"):
        asked = Request(date(2024, 4, 1), "2024-03", suppress_below=5)
        report = build_report(city, asked)
    assert report.table("repeats") is None
    assert report.table("disputes") is None
    assert "disputes" in report.left_out


def test_alerts_are_those_of_watch_up_to_the_end_of_the_period(city):
    result = gridmap.report(city, period="2024-11", lang="en", watch=True, date="2024-12-01")
    alerts = gridmap.watch(city, until="2024-11-30").alerts
    table = result.report.table("alerts")
    assert (0 if table is None else len(table)) == len(alerts)
    if table is not None:
        assert table.values("observed").tolist() == [one["observed"] for one in alerts]


def test_the_preview_is_the_first_page_as_a_picture(city):
    result = gridmap.report(city, period="2024-03", lang="zh", date="2024-04-01")
    data = result.preview(ppi=40.0)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (round(210 / 25.4 * 40), round(297 / 25.4 * 40))
