"""Every siting model against trying everything, and against published optima."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gridmap._highs import Answer
from gridmap.errors import GridmapError, InfeasibleError, InputError
from gridmap.siting import (
    Limits,
    solve_backup_cover,
    solve_capacitated_median,
    solve_center,
    solve_max_cover,
    solve_median,
    solve_set_cover,
)

DATA = Path(__file__).parents[1].parent / "shared" / "data" / "benchmarks"
REACH = 40.0


def choices(m: int, limits: Limits) -> Iterator[list[int]]:
    price, budget = limits.spending(m)
    pairs = limits.conflict_pairs().tolist()
    for size in range(m + 1):
        for chosen in itertools.combinations(range(m), size):
            clash = any(a in chosen and b in chosen for a, b in pairs)
            if price[list(chosen)].sum() <= budget + 1e-9 and not clash:
                yield list(chosen)


class Case:
    """A small made-up problem with every kind of limit in turn."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n, m = int(rng.integers(3, 14)), int(rng.integers(2, 8))
        homes, sites = rng.uniform(0, 100, (n, 2)), rng.uniform(0, 100, (m, 2))
        self.cost = np.hypot(*(homes[:, None] - sites[None]).transpose(2, 0, 1))
        self.weights = rng.integers(0, 5, n).astype(float)
        self.weights[0] = 1.0
        self.fixed = None
        if seed % 2:
            self.cost = np.round(self.cost)
        if seed % 3 == 0:
            rooms = rng.uniform(0, 100, (2, 2))
            self.fixed = np.hypot(*(homes[:, None] - rooms[None]).transpose(2, 0, 1))
        if seed % 5 == 0:
            self.cost[rng.random(self.cost.shape) < 0.2] = np.inf
        self.options: dict[str, object] = {"rooms": int(rng.integers(1, m + 1))}
        if seed % 4 >= 2:
            prices = rng.integers(1, 5, m).astype(float)
            self.options = {"prices": prices, "budget": prices.min() + int(rng.integers(0, 6))}
        if seed % 7 == 0:
            self.options["conflicts"] = [(0, 1)]
        self.base = np.full(n, np.inf) if self.fixed is None else self.fixed.min(axis=1)
        self.all = list(choices(m, self.limits()))
        self.lost = ~(np.isfinite(self.cost).any(axis=1) | np.isfinite(self.base))

    def limits(self) -> Limits:
        return Limits(**self.options)

    def nearest(self, chosen: list[int]) -> np.ndarray:
        return np.minimum(self.cost[:, chosen].min(axis=1, initial=np.inf), self.base)

    def count(self, chosen: list[int]) -> np.ndarray:
        held = 0 if self.fixed is None else (self.fixed <= REACH).sum(axis=1)
        return (self.cost[:, chosen] <= REACH).sum(axis=1) + held


@pytest.mark.parametrize("seed", range(60))
def test_cover_is_the_best_of_all_choices(seed: int) -> None:
    case = Case(seed)
    answer = solve_max_cover(case.cost, case.weights, REACH, case.limits(), fixed_cost=case.fixed)
    best = max(case.weights[case.nearest(c) <= REACH].sum() for c in case.all)
    assert answer.objective == pytest.approx(best)
    assert answer.proven
    assert case.weights[case.nearest(list(answer.chosen)) <= REACH].sum() == pytest.approx(best)
    assert list(answer.chosen) in case.all


@pytest.mark.parametrize("seed", range(0, 60, 2))
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_backup_is_the_best_of_all_choices(seed: int, share: float) -> None:
    case = Case(seed)
    answer = solve_backup_cover(
        case.cost,
        case.weights,
        REACH,
        case.limits(),
        fixed_cost=case.fixed,
        backup_share=share,
    )

    def earned(chosen: list[int]) -> float:
        count = case.count(chosen)
        return float(case.weights @ ((1 - share) * (count >= 1) + share * (count >= 2)))

    assert answer.objective == pytest.approx(max(earned(c) for c in case.all))
    assert answer.gap < 1e-6
    assert earned(list(answer.chosen)) == pytest.approx(answer.objective)


@pytest.mark.parametrize("seed", range(60))
def test_median_is_the_best_of_all_choices(seed: int) -> None:
    case = Case(seed)
    answer = solve_median(case.cost, case.weights, case.limits(), fixed_cost=case.fixed)
    counts = (case.weights > 0) & ~case.lost
    finite = case.cost[counts][np.isfinite(case.cost[counts])]
    far = 10 * max(finite.max(initial=0), case.base[np.isfinite(case.base)].max(initial=0))

    def total(chosen: list[int]) -> float:
        return float(case.weights[counts] @ np.minimum(case.nearest(chosen)[counts], far))

    best = min(total(c) for c in case.all if c or case.fixed is not None)
    assert answer.objective == pytest.approx(best)
    assert answer.proven
    assert total(list(answer.chosen)) == pytest.approx(best)
    assert list(answer.chosen) in case.all


@pytest.mark.parametrize("seed", range(60))
def test_center_is_the_best_of_all_choices(seed: int) -> None:
    case = Case(seed)
    counts = (case.weights > 0) & ~case.lost
    best = min(case.nearest(c)[counts].max() for c in case.all)
    if np.isinf(best):
        with pytest.raises(InfeasibleError):
            solve_center(case.cost, case.weights, case.limits(), fixed_cost=case.fixed)
        return
    answer = solve_center(case.cost, case.weights, case.limits(), fixed_cost=case.fixed)
    assert answer.objective == best
    assert answer.proven
    assert case.nearest(list(answer.chosen))[counts].max() == best


@pytest.mark.parametrize("seed", range(12))
def test_capacities_hold_and_nothing_better_exists(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m, p = 6, 4, 2
    cost = np.round(rng.uniform(0, 100, (n, m)))
    weights = rng.integers(1, 5, n).astype(float)
    hold = np.full(m, np.ceil(weights.sum() / p) + 1)
    best = np.inf
    for places in itertools.product(range(m), repeat=n):
        load = np.bincount(places, weights=weights, minlength=m)
        if len(set(places)) <= p and (load <= hold).all():
            best = min(best, float(weights @ cost[np.arange(n), list(places)]))
    answer = solve_capacitated_median(cost, weights, hold, Limits(rooms=p))
    assert answer.objective == pytest.approx(best)
    assert answer.assigned is not None
    load = np.bincount(answer.assigned, weights=weights, minlength=m)
    assert (load <= hold + 1e-9).all()
    assert set(answer.assigned) <= set(answer.chosen)


def test_set_cover_takes_the_fewest() -> None:
    line = np.arange(10.0)
    cost = abs(line[:, None] - line[None, :])
    answer = solve_set_cover(cost, np.ones(10), 1.0, Limits())
    assert (answer.objective, answer.proven) == (4.0, True)
    held = solve_set_cover(cost, np.ones(10), 1.0, Limits(), fixed_cost=cost[:, [1]])
    assert held.objective == 3.0


def test_what_nobody_can_cover_is_listed() -> None:
    cost = np.array([[0.0, 9.0], [np.inf, np.inf], [9.0, 0.0]])
    assert solve_set_cover(cost, [1, 1, 1], 1.0, Limits()).unserved.tolist() == [1]
    assert solve_median(cost, [1, 1, 1], Limits(rooms=1)).unserved.tolist() == [1]
    assert solve_median(cost, [1, 0, 1], Limits(rooms=1)).unserved.tolist() == []


COST = abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))


@pytest.mark.parametrize(
    ("weights", "limits", "key"),
    [
        ([0, 0, 0, 0], {"rooms": 1}, "no_demand"),
        ([1, -1, 0, 0], {"rooms": 1}, "weights"),
        ([1, 1, 1], {"rooms": 1}, "shapes"),
        ([1, 1, 1, 1], {}, "no_limit"),
        ([1, 1, 1, 1], {"rooms": 9}, "too_few"),
        ([1, 1, 1, 1], {"budget": 1.0, "prices": [2, 3, 4, 5]}, "budget"),
        ([1, 1, 1, 1], {"budget": 1.0, "prices": [2, 3]}, "prices"),
        ([1, 1, 1, 1], {"budget": 1.0}, "no_prices"),
        ([1, 1, 1, 1], {"rooms": 0}, "limit"),
        ([1, 1, 1, 1], {"rooms": 1, "budget": 1.0}, "one_limit"),
    ],
)
def test_bad_requests_are_named(weights: list[float], limits: dict[str, object], key: str) -> None:
    with pytest.raises(GridmapError) as caught:
        solve_median(COST, weights, Limits(**limits))
    assert caught.value.key.removeprefix("siting.error.") == key
    assert caught.value.text("zh")
    assert caught.value.text("en")


def test_a_ceiling_that_cannot_cover_is_infeasible() -> None:
    with pytest.raises(InfeasibleError, match="4"):
        solve_set_cover(COST * 10, np.ones(4), 1.0, Limits(rooms=2))


def test_a_negative_cost_is_refused() -> None:
    with pytest.raises(InputError):
        solve_median(-COST, np.ones(4), Limits(rooms=1))


class Steps(Limits):
    """Limits whose time runs out after so many looks at the clock."""

    looks = 0

    def left(self) -> float:
        Steps.looks -= 1
        return 1.0 if Steps.looks >= 0 else 0.0


@pytest.mark.parametrize("looks", [40, 71, 80, 98, 120, 400])
def test_a_search_cut_off_anywhere_proves_nothing_that_is_false(looks: int) -> None:
    rng = np.random.default_rng(2)
    cost, weights = rng.random((70, 70)), rng.random(70) + 0.1
    best = solve_median(cost, weights, Limits(rooms=8))
    assert best.proven
    Steps.looks = looks
    answer = solve_median(cost, weights, Steps(rooms=8))
    assert answer.bound <= best.objective + 1e-9 <= answer.objective + 2e-9


def test_no_time_for_a_first_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Answer(values=None, bound=-np.inf, proven=False, infeasible=False)
    monkeypatch.setattr("gridmap.siting.models.minimise", lambda *_, **__: nothing)
    # Three homes in a ring, each candidate beside two of them: greedy takes one too many.
    cost = np.array([[0.0, np.inf, 0.0], [0.0, 0.0, np.inf], [np.inf, 0.0, 0.0]])
    with pytest.raises(InfeasibleError) as raised:
        solve_center(cost, np.ones(3), Limits(rooms=1))
    assert raised.value.key == "siting.error.no_time"


def test_a_time_limit_gives_the_best_found_and_its_bound() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 1, (300, 2))
    cost = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    answer = solve_median(cost, np.ones(300), Limits(rooms=8, seconds=0.01))
    full = solve_median(cost, np.ones(300), Limits(rooms=8))
    assert len(answer.chosen) == 8
    assert answer.bound <= full.objective + 1e-9
    assert full.objective <= answer.objective + 1e-9
    assert full.proven


@pytest.fixture(scope="module")
def san_francisco() -> tuple[np.ndarray, np.ndarray]:
    folder = DATA / "spopt_sf"
    if not folder.exists():
        pytest.skip("put the real data at ../shared/data")
    table = pd.read_csv(folder / "SF_network_distance_candidateStore_16_censusTract_205_new.csv")
    cost = table.pivot_table(values="distance", index="DestinationName", columns="name")
    people = table.groupby("DestinationName")["demand"].first()
    return cost.to_numpy(), people.loc[cost.index].to_numpy(dtype=float)


@pytest.mark.real_data
def test_san_francisco_as_spopt_publishes_it(
    san_francisco: tuple[np.ndarray, np.ndarray],
) -> None:
    cost, people = san_francisco
    assert solve_set_cover(cost, people, 5000.0, Limits()).objective == 8
    covered = solve_max_cover(cost, people, 5000.0, Limits(rooms=4))
    assert (covered.objective, covered.proven) == (875_247, True)
    median = solve_median(cost, people, Limits(rooms=4))
    assert median.objective / 1000 == pytest.approx(2_848_268.13, abs=0.01)
    assert median.proven
    center = solve_center(cost, people, Limits(rooms=4))
    assert center.objective == pytest.approx(7_403.06, abs=0.01)
    assert center.proven


@pytest.mark.real_data
@pytest.mark.parametrize("name", [f"pmed{k}" for k in (*range(1, 11), 15, 20)])
def test_or_library_optima(name: str) -> None:
    if not (DATA / "pmedian").exists():
        pytest.skip("put the real data at ../shared/data")
    from benchmarks.siting import read_pmedian

    optima = dict(
        line.split()
        for line in (DATA / "pmedian" / "pmedopt.txt").read_text().splitlines()[1:]
        if line
    )
    distance, p = read_pmedian(DATA / "pmedian" / f"{name}.txt")
    answer = solve_median(distance, np.ones(len(distance)), Limits(rooms=p, seconds=1_800))
    assert answer.objective == float(optima[name]) == answer.bound
