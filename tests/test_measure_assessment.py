"""Assessment: chance is taken out, intervals hold the truth, equal units share a band."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import gridmap
from gridmap.api.norms import _differ_by_chance
from gridmap.demo import make_city
from gridmap.errors import InputError, MissingError
from gridmap.i18n import tr
from gridmap.patrol import score
from gridmap.patrol.score import MEASURES, Goal, Indicator, assess_units, read_goals, shrunken


def test_the_prior_of_many_units_is_found():
    # Gamma rates of mean 0.1 and standard deviation 0.03 over very different populations.
    rng = np.random.default_rng(3)
    truth = rng.gamma((0.1 / 0.03) ** 2, 0.03**2 / 0.1, 3000)
    people = rng.choice([50, 500, 5000], 3000).astype(float)
    estimate, spread, own = shrunken(rng.poisson(truth * people), people)
    raw = np.abs(rng.poisson(truth * people) / people - truth).mean()
    assert np.abs(estimate - truth).mean() < 0.8 * raw
    # w = A / (A + m / n), written out with the truth.
    for size in (50, 500, 5000):
        wanted = 0.03**2 / (0.03**2 + 0.1 / size)
        assert own[people == size].mean() == pytest.approx(wanted, rel=0.1)
    assert np.mean(np.abs(estimate - truth) < 1.645 * spread) == pytest.approx(0.9, abs=0.03)


def test_shares_are_drawn_towards_the_common_share():
    rng = np.random.default_rng(4)
    truth = rng.beta(16, 4, 2000)
    size = rng.choice([10, 100], 2000).astype(float)
    estimate, spread, own = shrunken(rng.binomial(size.astype(int), truth), size, share=True)
    assert np.mean(np.abs(estimate - truth) < 1.645 * spread) == pytest.approx(0.9, abs=0.04)
    assert own[size == 100].mean() == pytest.approx(100 / 120, abs=0.06)  # n / (n + a + b)


def test_a_unit_without_exposure_is_taken_for_a_mean_one():
    estimate, spread, own = shrunken([0, 10, 30, 50, 20], [0, 100, 100, 100, 100])
    assert own[0] == 0
    assert estimate[0] == pytest.approx(0.275, rel=0.02)
    assert spread[0] > spread[1]


def test_units_that_are_alike_share_a_band():
    rng = np.random.default_rng(5)
    alone = 0
    for _ in range(40):
        people = rng.integers(20, 400, 15).astype(float)
        counts = rng.poisson(0.2 * people).astype(float)
        one = Indicator("rate", counts / people, counts=counts, exposure=people)
        alone += assess_units((one,)).rows["band"].max() == 1
    assert alone >= 36  # the others: units that differ by chance beyond 5 %


def test_ranks_of_different_units_lie_in_their_intervals():
    rng = np.random.default_rng(6)
    inside = []
    for seed in range(25):
        people = rng.integers(100, 4000, 20).astype(float)
        truth = rng.gamma(9, 0.02, 20)
        counts = rng.poisson(truth * people).astype(float)
        one = Indicator("rate", counts / people, counts=counts, exposure=people)
        rows = assess_units((one,), seed=seed).rows
        rank = 1 + np.argsort(np.argsort(truth))  # fewer is better
        inside += list(
            (rank[rows["row"]] >= rows["rank_low"]) & (rank[rows["row"]] <= rows["rank_high"])
        )
    assert np.mean(inside) > 0.85


def test_exact_indicators_rank_by_their_weighted_score():
    first = Indicator("a", np.array([1.0, 2.0, 3.0]), better="high", weight=1.0)
    second = Indicator("b", np.array([1.0, 3.0, 2.0]), better="low", weight=3.0)
    rows = assess_units((first, second)).rows
    # Standardised: a -1.22, 0, 1.22; b turned 1.22, -1.22, 0; weights 1/4 and 3/4.
    unit = np.sqrt(1.5)
    assert rows["row"].tolist() == [0, 2, 1]
    assert rows["score"].tolist() == pytest.approx([unit / 2, unit / 4, -3 * unit / 4])
    assert rows["band"].tolist() == [1, 2, 3]
    assert rows["rank_low"].tolist() == rows["rank_high"].tolist() == [1, 2, 3]


def test_a_target_moves_the_zero_and_a_missing_value_is_left_out():
    one = Indicator("a", np.array([0.9, 0.8, np.nan]), better="high", target=0.85)
    other = Indicator("b", np.array([1.0, 2.0, 1.0]), better="low")
    rows = assess_units((one,)).rows
    assert rows["score"].tolist() == pytest.approx([1.0, -1.0])
    both = assess_units((one, other)).rows
    assert sorted(both["row"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("[a]\nmeasure = 'incidents_per_km2'\nworth = 2\n", "3", "worth"),
        ("[incidents_per_km2]\nbetter = 'left'\n", "2", "incidents_per_km2.better"),
        ("[x]\nmeasure = 'beauty'\n", "2", "x.measure"),
        ("[x]\nweight = 2\n", "1", "x.measure"),
        ("\n[incidents_per_km2]\ntarget = 1\nweight = 0\n", "4", "incidents_per_km2.weight"),
        ("\n[[a]]\nbetter = 'high'\n", "2", " [a]"),
        ("[incidents_per_km2\n", "", "TOML"),
        ("", "", "incidents_per_km2"),
    ],
)
def test_a_wrong_goal_is_refused_by_its_line(tmp_path, text, line, word):
    path = tmp_path / "score.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_goals(path)
    assert word in caught.value.text()
    assert not line or re.search(rf"\b{line}\b", caught.value.text().split(word)[0])


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=4000)


def test_every_measure_is_counted_from_the_incidents(city):
    goals = tuple(Goal(name, name) for name in MEASURES)
    result = gridmap.assess(city, by="beat", goals=goals)
    assert not result.measured.missing
    frame = result.to_frame().set_index("id")
    batch = next(iter(city.located.batches()))
    parts = list(city.located.batches())
    row = 2
    beat = str(city.beats.ids[row])
    mine = [part.take(part.column("beat") == row) for part in parts]
    total = sum(map(len, mine))
    residents = gridmap.measure(city, by="beat").to_frame().set_index("id").loc[beat, "residents"]
    assert frame.loc[beat, "incidents_per_1000_residents"] == pytest.approx(
        1000 * total / residents
    )
    disputes = batch.category[~np.isnat(batch.settled)][0]
    held = [(part.category == disputes, ~np.isnat(part.settled)) for part in mine]
    settled = sum(int(closed.sum()) for _, closed in held)
    every = sum(int(dispute.sum()) for dispute, _ in held)
    assert frame.loc[beat, "settled_share"] == pytest.approx(settled / every)
    cells = [tuple(c) for part in mine for c in np.floor(np.column_stack([part.x, part.y]) / 10)]
    again = sum(cells.count(cell) > 1 for cell in cells)
    assert frame.loc[beat, "repeat_share"] == pytest.approx(again / total)


def test_a_month_of_open_disputes_counts_as_disputes(city, monkeypatch):
    """Of three disputes in two months one is settled, in the first; thefts are never settled."""
    none, day = np.datetime64("NaT", "s"), np.datetime64("2024-01-03", "s")
    months = [
        SimpleNamespace(category=np.array([0, 0, 1]), settled=np.array([day, none, none])),
        SimpleNamespace(category=np.array([0, 1]), settled=np.array([none, none])),
    ]
    parts = [(month, np.full(len(month.category), 2)) for month in months]
    monkeypatch.setattr(score, "_parts", lambda *_: iter(parts))
    settled, total = score._settled(city, "station", Goal("s", "settled_share"), None, None)
    assert settled.tolist() == [0, 0, 1, 0, 0, 0]
    assert total.tolist() == [0, 0, 3, 0, 0, 0]


def test_people_read_a_share_as_a_percentage(city):
    result = gridmap.assess(city, by="station")
    frame, shown = result.to_frame(), result.readable()
    shares = ("settled_share", "repeat_share")
    named = [tr("duty.score.percent", label=tr(f"duty.measure.{name}")) for name in shares]
    assert set(named) <= set(shown.columns)
    repeated = shown[named[1]]
    assert repeated.to_numpy() == pytest.approx(100 * frame["repeat_share"], abs=0.05)


def test_an_indicator_of_chance_alone_is_shown_as_observed_and_said_not_to_count():
    # 48 beats that settle nine disputes of ten: what differs is the throw of the dice.
    observed = np.array([0.88, 0.92] * 24)
    assert _differ_by_chance(observed, np.full(48, 0.9))
    assert not _differ_by_chance(observed, observed)
    assert not _differ_by_chance(np.full(48, 0.9), np.full(48, 0.9))
    assert not _differ_by_chance(np.array([np.nan, 0.9]), np.array([np.nan, 0.9]))


def test_what_cannot_be_measured_is_named(city):
    goals = (
        Goal("theft", "incidents_per_km2", category="nothing"),
        Goal("c", "covered_residents_share"),
    )
    result = gridmap.assess(city, by="station", goals=goals)
    assert result.to_dict()["missing"] == ["theft"]
    assert result.notes
    with pytest.raises(MissingError, match="theft"):
        gridmap.assess(city, by="station", goals=goals[:1])
    assert len(result.to_gdf()) == len(result.to_frame()) == 6
    assert result.map_view().themes
