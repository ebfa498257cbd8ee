"""Few grids: every plan is known, so what is asked for is met, and is the best there is."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.partition_few import check_request, random_request
from gridmap.partition import propose
from tests.lattices import lattice, row


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_no_request_that_a_plan_exists_for_is_refused_and_objectives_are_the_best(seed):
    line = check_request(random_request(7_000_000 + seed))
    assert line["held"] or not line["exists"], line
    assert line["best"] is not False, line
    assert not line.get("false"), line


def keys(found) -> list[str]:
    return [note.key.removeprefix("partition.note.") for note in found.notes]


def test_what_no_plan_reaches_is_said_of_all_plans():
    # 4, 1 and 1 in two beats: 4 and 2 are a third off, and nothing is nearer.
    found = propose(row([4, 1, 1], 2, [1, 1]), tolerance=0.1)
    assert not found.best.feasible
    assert keys(found)[0] in {"all_plans", "heavy_grid"}
    assert found.best.scores.max_deviation == pytest.approx(1 / 3)
    # No grid is heavier than a beat here, and still no plan is even.
    found = propose(row([2, 2, 2, 2, 2], 2, [1] * 4), tolerance=0.1)
    assert keys(found) == ["all_plans"]
    assert found.best.scores.max_deviation == pytest.approx(0.2)
    assert "All plans" in found.sentences("en")[0]


def test_the_condition_that_binds_is_named():
    # Today 3 and 1 of four: even beats move a quarter, and all of it was to stay.
    today = {"present": [0, 0, 0, 1]}
    found = propose(row(np.ones(4), 2, np.ones(3), **today), tolerance=0.1, keep=1.0)
    assert keys(found) == ["all_plans", "binding_keep"]
    assert found.best.scores.kept == 1.0
    # Even halves of the row hold both of the pair that is to be apart.
    found = propose(row(np.ones(4), 2, np.ones(3), apart=((0, 1),)), tolerance=0.1)
    assert keys(found) == ["all_plans", "binding_apart"]
    assert found.best.assignment[0] != found.best.assignment[1]


def test_what_cannot_be_kept_at_all_gives_way_and_as_much_as_possible_stays():
    # Two beats of today are one row each; a lattice of 2 x 3 in three beats keeps 4 of 6.
    problem = lattice(2, 3, np.ones(6), 3, present=[0, 0, 0, 1, 1, 1])
    found = propose(problem, tolerance=0.1, keep=0.9)
    assert found.best.scores.kept == pytest.approx(4 / 6)
    assert found.best.scores.max_deviation == pytest.approx(0.0)


def test_change_and_travel_are_proven_on_few_grids():
    problem = row([1, 1, 1, 1, 5, 1], 2, np.ones(5), present=[0, 0, 0, 0, 0, 1])
    found = propose(problem, objective="change", tolerance=0.25)
    assert found.best.proven
    assert found.best.assignment.tolist() == [0, 0, 0, 0, 1, 1]
    assert any("changes less" in text for text in found.proofs("en"))
    near = propose(problem, objective="travel", tolerance=0.25).best
    assert near.proven
    assert near.scores.travel_total == pytest.approx(400.0 + 100.0)
