"""The count of incidents spread over the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING, TypeVar

from gridmap.measure.counting import Axes, IncidentCounts, count_batches
from gridmap.model import IncidentBatch
from gridmap.model.polygon_index import PolygonIndex

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["count_on_cluster"]

Part = TypeVar("Part")


def count_on_cluster(
    index: PolygonIndex,
    parts: Sequence[Part],
    opener: Callable[[Part], Iterator[IncidentBatch]],
    axes: Axes,
    *,
    scheduler: str | Client,
) -> IncidentCounts:
    """Count incidents into polygons part by part, on every worker of a cluster.

    Counting is a map and a sum, so the table is the one `count_batches` gives, to the last
    incident, however the parts are spread. Tables of parts are added in pairs on the
    workers; only their sum comes back.

    Parameters
    ----------
    index
        The polygons; sent to each worker once.
    parts
        What the opener opens, for example paths of Parquet files that every worker sees.
    opener
        Yields the batches of a part; must be importable on the workers.
    axes
        What to tell apart besides polygons.
    scheduler
        Address of a scheduler (``tcp://host:8786``), a client, or ``local``: two workers
        of one thread each on this machine.
    """
    from distributed import Client, LocalCluster

    if not parts:
        return count_batches(index, (), axes)
    if scheduler == "local":
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            return _count(client, index, parts, opener, axes)
    if isinstance(scheduler, str):
        with Client(scheduler) as client:
            return _count(client, index, parts, opener, axes)
    return _count(scheduler, index, parts, opener, axes)


def _count(
    client: Client,
    index: PolygonIndex,
    parts: Iterable[Part],
    opener: Callable[[Part], Iterator[IncidentBatch]],
    axes: Axes,
) -> IncidentCounts:
    everywhere = client.scatter(index, broadcast=True, hash=False)
    tables = [
        client.submit(partial(_count_part, opener=opener, axes=axes), everywhere, part, pure=False)
        for part in parts
    ]
    while len(tables) > 1:
        tables = [
            client.submit(_total, tables[at : at + 2], pure=False)
            for at in range(0, len(tables), 2)
        ]
    result: IncidentCounts = tables[0].result()
    return result


def _count_part(
    index: PolygonIndex,
    part: Part,
    *,
    opener: Callable[[Part], Iterator[IncidentBatch]],
    axes: Axes,
) -> IncidentCounts:
    return count_batches(index, opener(part), axes)


def _total(tables: list[IncidentCounts]) -> IncidentCounts:
    return reduce(add, tables)
