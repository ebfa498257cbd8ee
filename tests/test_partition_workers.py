"""Stations solved over processes and over a cluster give the plans of one process."""

import os
import signal

import numpy as np
import pytest
from distributed import Client, LocalCluster

from gridmap.errors import InputError
from gridmap.partition import Problem, _solve, propose
from tests.lattices import lattice


def stations(number):
    """Return lattices of 6 x 6 grids, one a station, two beats each."""
    at = np.arange(36)
    own = [(v, v + 1) for v in at if v % 6 < 5] + [(v, v + 6) for v in at if v < 30]
    edges = np.concatenate([np.array(own) + 36 * s for s in range(number)])
    rng = np.random.default_rng(4)
    xy = np.stack([at % 6, at // 6], axis=1) * 100.0
    return Problem(
        weights=rng.integers(1, 9, 36 * number),
        edges=edges,
        xy=np.concatenate([xy + np.array([1_000.0 * s, 0.0]) for s in range(number)]),
        parents=np.repeat(np.arange(number), 36),
        beats=2 * number,
    )


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as made:
        yield made


@pytest.mark.slow
def test_a_cluster_gives_the_same_plan_also_when_a_worker_dies(cluster):
    problem = stations(24)
    alone = propose(problem, effort="quick", seed=5).best.assignment
    with Client(cluster) as client:
        workers = client.run(os.getpid)
        assert len(workers) == 2
        shared = propose(problem, effort="quick", seed=5, scheduler=client).best.assignment
        assert (shared == alone).all()
        told = []

        def kill_one(progress):
            if not told:
                os.kill(next(iter(workers.values())), signal.SIGKILL)
            told.append(progress.share)

        after = propose(
            problem, effort="quick", seed=5, scheduler=client, on_progress=kill_one
        ).best.assignment
        assert (after == alone).all()
        assert told[-1] == pytest.approx(1.0)
    by_address = propose(
        problem, effort="quick", seed=5, scheduler=cluster.scheduler_address
    ).best.assignment
    assert (by_address == alone).all()


@pytest.mark.parametrize("scheduler", ["nothing://here:1", 3])
def test_a_scheduler_that_does_not_answer_is_named(scheduler):
    with pytest.raises(InputError) as error:
        propose(stations(2), effort="quick", scheduler=scheduler)
    assert error.value.key == "partition.error.scheduler"


@pytest.mark.slow
def test_processes_can_be_stopped_and_leave_every_beat_whole():
    problem = stations(6)
    asked = []

    def soon():
        asked.append(1)
        return len(asked) > 1

    stopped = propose(problem, effort="thorough", processes=2, should_stop=soon).best
    assert (stopped.scores.pieces == 1).all()
    assert len(stopped.scores.labels) == 12


@pytest.mark.slow
def test_the_number_of_processors_does_not_change_the_plan(monkeypatch):
    # 10,000 grids in 48 beats: two quarters, annealed and polished side by side.
    rng = np.random.default_rng(1)
    problem = lattice(100, 100, rng.integers(1, 9, 10_000).astype(float), 48)
    plans = []
    for processors in (1, 2):
        monkeypatch.setattr(_solve, "cpus", lambda number=processors: number)
        best = propose(problem, effort="quick", tolerance=0.03, seed=2).best
        assert (best.scores.pieces == 1).all()
        plans.append(best.assignment)
    assert (plans[0] == plans[1]).all()
