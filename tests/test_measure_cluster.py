"""The count on a Dask cluster is the count in one process, to the last incident."""

from __future__ import annotations

import os
from functools import partial

import numpy as np
import pytest
from shapely import box

from gridmap.measure.counting import Axes, count_batches, count_on_cluster
from gridmap.model import IncidentBatch
from gridmap.model.polygon_index import PolygonIndex

NAMES = ("盗窃", "纠纷")


def open_part(seed):
    """A part that any worker can make from its number."""
    rng = np.random.default_rng(seed)
    for rows in (300, 200):
        time = np.datetime64("2024-01-01", "s") + rng.integers(0, 60 * 86400, rows)
        x, y = rng.uniform(-1, 11, (2, rows))
        yield IncidentBatch(x, y, time, rng.integers(-1, 2, rows).astype(np.int16))


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    # Workers as threads of this process: what is sent and added is the same, and no
    # process has to start.
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as connected,
    ):
        yield connected


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_table_is_identical(client):
    squares = [box(x, y, x + 1, y + 1) for y in range(10) for x in range(10)]
    index = PolygonIndex.build(squares)
    axes = Axes(NAMES, (np.datetime64("2024-01"), np.datetime64("2024-02")))
    parts = list(range(7))
    alone = count_batches(index, (batch for part in parts for batch in open_part(part)), axes)
    spread = count_on_cluster(index, parts, open_part, axes, scheduler=client)
    assert spread.total == alone.total == 3500
    for one, other in zip(spread.sparse(), alone.sparse(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert count_on_cluster(index, [], open_part, axes, scheduler=client).total == 0


def open_and_die(marker, seed):
    """Return the batches of a part; the first worker to open part 3 dies of it."""
    if seed == 3 and not marker.exists():
        marker.touch()
        os._exit(1)
    return open_part(seed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_worker_that_dies_leaves_nothing_out(tmp_path):
    from distributed import Client, LocalCluster

    index = PolygonIndex.build([box(x, y, x + 1, y + 1) for y in range(10) for x in range(10)])
    parts, axes = list(range(7)), Axes(NAMES)
    alone = count_batches(index, (batch for part in parts for batch in open_part(part)), axes)
    opener = partial(open_and_die, tmp_path / "died")
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as connected,
    ):
        spread = count_on_cluster(index, parts, opener, axes, scheduler=connected)
    assert (tmp_path / "died").exists()
    for one, other in zip(spread.sparse(), alone.sparse(), strict=True):
        np.testing.assert_array_equal(one, other)
