"""Cost along the road network by a mode: metres or minutes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy
import shapely
import shapely.ops
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.travel.reach import CAR, Mode, Reach, Unit, metres_per_minute
from gridmap.typing import Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from gridmap.travel.network import Located, RoadNetwork

_ROOMS_AT_ONCE = 64  # rows of the node table held while a matrix is made


@dataclass(frozen=True, eq=False)
class RoadTravel:
    """Cost along roads, from the room's door to the point's.

    The way is: straight from the room to the nearest place on its nearest road, along the
    roads, and straight from the nearest place on the point's nearest road to the point. The
    two straight legs count in metres, and in minutes at the mode's `Mode.access_kmh`.

    Parameters
    ----------
    network
        The roads.
    mode
        Speeds, and whether one-way roads bind.
    unit
        ``m`` or ``min``. Metres are those of the shortest way, minutes of the fastest.
    max_gap_m
        Points and rooms farther (``>``) than this from every road are listed, not served.
    toward
        ``points``: the officer goes out; ``rooms``: residents come in. They differ on one-way
        roads.
    barriers
        Rivers and railways that the straight legs may not cross.
    """

    network: RoadNetwork
    mode: Mode = CAR
    unit: Unit = "min"
    max_gap_m: float = 500.0
    toward: Literal["points", "rooms"] = "points"
    barriers: NDArray[np.object_] | None = None

    @cached_property
    def _edge_costs(self) -> tuple[Floats, Floats]:
        """Cost of each whole edge from start to end, and back; infinite where not allowed."""
        net = self.network
        cost = net.length_m
        if self.unit == "min":
            speed = np.full(len(net), self.mode.speed_kmh or np.nan)
            if self.mode.speed_kmh is None:
                speed = np.where(np.isnan(net.speed_kmh), self.mode.default_kmh, net.speed_kmh)
            cost = net.length_m / metres_per_minute(1.0) / speed
        if not self.mode.oneway:
            return cost, cost
        forward = np.where(net.direction >= 0, cost, np.inf)
        backward = np.where(net.direction <= 0, cost, np.inf)
        return (forward, backward) if self.toward == "points" else (backward, forward)

    @cached_property
    def graph(self) -> scipy.sparse.csr_array:
        """Cheapest arc between each pair of nodes, shape (k, k), in the mode's unit."""
        net, (forward, backward) = self.network, self._edge_costs
        tail = np.concatenate([net.start, net.end])
        head = np.concatenate([net.end, net.start])
        cost = np.concatenate([forward, backward])
        usable = np.isfinite(cost) & (tail != head)
        tail, head, cost = tail[usable], head[usable], cost[usable]
        order = np.lexsort((cost, head, tail))
        tail, head, cost = tail[order], head[order], cost[order]
        first = np.concatenate([[True], (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])])
        k = len(net.nodes_xy)
        indptr = np.concatenate(
            [[0], np.cumsum(np.bincount(tail[first[: len(tail)]], minlength=k))]
        )
        return scipy.sparse.csr_array((cost[first], head[first], indptr), shape=(k, k))

    @cached_property
    def _arcs(self) -> tuple[Ints, Ints, Floats]:
        graph = self.graph
        return graph.indptr.astype(np.int64), graph.indices.astype(np.int64), graph.data

    def _gap_cost(self, gap_m: Floats) -> Floats:
        if self.unit == "m":
            return gap_m
        return gap_m / metres_per_minute(self.mode.access_kmh)

    def locate(self, points_xy: ArrayLike) -> Located:
        """Return where points enter the network under this cost's limit and barriers."""
        return self.network.locate(points_xy, max_gap_m=self.max_gap_m, barriers=self.barriers)

    def _share(self, at: Located) -> Floats:
        length = self.network.length_m[at.edge]
        return np.clip(
            np.divide(at.offset_m, length, out=np.zeros(len(length)), where=length > 0), 0, 1
        )

    def _seeds(self, at: Located) -> tuple[Ints, Ints, Floats]:
        """Return nodes where rooms enter, the rooms, and the cost of getting there."""
        net, (forward, backward) = self.network, self._edge_costs
        rows = np.flatnonzero(at.edge >= 0)
        edge, share, gap = at.edge[rows], self._share(at)[rows], self._gap_cost(at.gap_m[rows])
        # A room exactly at an end is there whatever the direction of its road.
        to_end = np.where(
            share < 1.0, forward[edge] * np.where(share < 1.0, 1.0 - share, 1.0), 0.0
        )
        to_start = np.where(share > 0.0, backward[edge] * np.where(share > 0.0, share, 1.0), 0.0)
        node = np.concatenate([net.end[edge], net.start[edge]])
        cost = np.concatenate([gap + to_end, gap + to_start])
        usable = np.isfinite(cost)
        return node[usable], np.concatenate([rows, rows])[usable], cost[usable]

    def nearest(self, points_xy: ArrayLike, rooms_xy: ArrayLike, *, rank: int = 1) -> Reach:
        """Return each point's cost from its ``rank``-th nearest room, by one run for all rooms.

        Parameters
        ----------
        points_xy, rooms_xy
            Metres, shapes (n, 2) and (m, 2).
        rank
            1 for the nearest room, 2 for the next, and so on.
        """
        return self.nearest_located(self.locate(points_xy), self.locate(rooms_xy), rank=rank)

    def nearest_two(self, points_xy: ArrayLike, rooms_xy: ArrayLike) -> tuple[Reach, Reach]:
        """Return each point's cost from its nearest room, and from the next."""
        points, rooms = self.locate(points_xy), self.locate(rooms_xy)
        return self.nearest_located(points, rooms), self.nearest_located(points, rooms, rank=2)

    def nearest_located(self, points: Located, rooms: Located, *, rank: int = 1) -> Reach:
        """Return the same for points and rooms that were located before."""
        net, (forward, backward) = self.network, self._edge_costs
        arcs = (*self._arcs, *self._seeds(rooms))
        if rank == 1:
            cost, owner = nearest_sources(*arcs)
            node_cost, node_owner = cost[:, None], owner[:, None]
        else:
            node_cost, node_owner = ranked_sources(*arcs, rank)
        held = np.flatnonzero(rooms.edge >= 0)
        order = held[np.argsort(rooms.edge[held], kind="stable")]
        room_start = np.searchsorted(rooms.edge[order], np.arange(len(net) + 1))
        # Points in the order of their edges: neighbours read the same memory.
        by_edge = np.argsort(points.edge)
        edge = points.edge[by_edge]
        reached, server = reach_points(
            (node_cost, node_owner),
            (net.start, net.end, forward, backward),
            edge,
            self._share(points)[by_edge],
            (room_start, order, self._share(rooms), self._gap_cost(rooms.gap_m)),
            rank,
        )
        cost, room = np.empty(len(edge)), np.empty(len(edge), dtype=np.int64)
        cost[by_edge], room[by_edge] = reached, server
        edge = points.edge
        cost = np.where(edge >= 0, cost + self._gap_cost(points.gap_m), np.inf)
        return Reach(
            cost,
            room,
            off_road=np.flatnonzero(edge < 0),
            cut_off=np.flatnonzero((edge >= 0) & ~np.isfinite(cost)),
            rooms_off_road=np.flatnonzero(rooms.edge < 0),
        )

    def _with_rooms(self, node: Ints, who: Ints, cost: Floats, m: int) -> scipy.sparse.csr_array:
        """Return the graph with one more node a room, joined to where the room enters."""
        graph = self.graph
        k = graph.shape[0]
        order = np.lexsort((cost, node, who))
        node, who, cost = node[order], who[order], cost[order]
        # Of several ways into one node the cheapest stands first; there may be none at all.
        again = np.zeros(len(node), dtype=bool)
        again[1:] = (who[1:] == who[:-1]) & (node[1:] == node[:-1])
        node, who, cost = node[~again], who[~again], cost[~again]
        more = np.cumsum(np.bincount(who, minlength=m))
        return scipy.sparse.csr_array(
            (
                np.concatenate([graph.data, cost]),
                np.concatenate([graph.indices, node]),
                np.concatenate([graph.indptr, graph.indptr[-1] + more]),
            ),
            shape=(k + m, k + m),
        )

    def matrix(
        self, points_xy: ArrayLike, rooms_xy: ArrayLike, *, limit: float = np.inf
    ) -> Floats:
        """Return the cost from every room to every point, shape (n, m).

        Parameters
        ----------
        points_xy, rooms_xy
            Metres, shapes (n, 2) and (m, 2).
        limit
            Costs above this are infinite and not looked for.
        """
        points, rooms = self.locate(points_xy), self.locate(rooms_xy)
        n, m = len(points.edge), len(rooms.edge)
        cost = np.full((n, m), np.inf)
        net, (forward, backward) = self.network, self._edge_costs
        rows = np.flatnonzero(points.edge >= 0)
        edge, share = points.edge[rows], self._share(points)[rows]
        last = self._gap_cost(points.gap_m[rows])[:, None]
        from_start = np.where(share > 0, forward[edge] * np.where(share > 0, share, 1.0), 0.0)
        rest = 1.0 - share
        from_end = np.where(rest > 0, backward[edge] * np.where(rest > 0, rest, 1.0), 0.0)
        k = len(net.nodes_xy)
        graph = self._with_rooms(*self._seeds(rooms), m)
        room_share, room_gap = self._share(rooms), self._gap_cost(rooms.gap_m)
        for low in range(0, m, _ROOMS_AT_ONCE):
            block = np.arange(low, min(low + _ROOMS_AT_ONCE, m))
            node_cost = scipy.sparse.csgraph.dijkstra(graph, indices=block + k, limit=limit)
            by_start = node_cost[:, net.start[edge]].T + from_start[:, None]
            by_end = node_cost[:, net.end[edge]].T + from_end[:, None]
            best = np.minimum(by_start, by_end)
            for column, room in enumerate(block):
                same = np.flatnonzero(edge == rooms.edge[room])
                gap = share[same] - room_share[room]
                whole = np.where(gap > 0, forward[edge[same]], backward[edge[same]])
                along = np.where(gap == 0.0, 0.0, whole * np.where(gap == 0.0, 1.0, np.abs(gap)))
                best[same, column] = np.minimum(best[same, column], room_gap[room] + along)
            cost[np.ix_(rows, block)] = best + last
        cost[cost > limit] = np.inf
        return cost

    def path(self, start_xy: ArrayLike, end_xy: ArrayLike) -> Floats:
        """Return the cheapest way between two points as a line along the roads, shape (k, 2).

        The line begins and ends at the points; where there is no way it is straight.

        Parameters
        ----------
        start_xy, end_xy
            Metres, shape (2,).
        """
        net, (forward, backward) = self.network, self._edge_costs
        ends = np.array([start_xy, end_xy], dtype=np.float64)
        at = self.locate(ends)
        if (at.edge < 0).any():
            return ends
        first, last = (int(edge) for edge in at.edge)
        share = self._share(at)
        from_start = forward[last] * share[1] if share[1] > 0 else 0.0
        from_end = backward[last] * (1.0 - share[1]) if share[1] < 1 else 0.0
        k = len(net.nodes_xy)
        source = type(at)(at.edge[:1], at.offset_m[:1], at.gap_m[:1])
        graph = self._with_rooms(*self._seeds(source), 1)
        cost, before = scipy.sparse.csgraph.dijkstra(graph, indices=k, return_predecessors=True)
        ways = {int(net.start[last]): from_start, int(net.end[last]): from_end}
        goal = min(ways, key=lambda node: cost[node] + ways[node])
        direct = np.inf
        if first == last:
            gap = share[1] - share[0]
            direct = self._gap_cost(at.gap_m[:1])[0]
            direct += gap * forward[first] if gap > 0 else -gap * backward[first] if gap else 0.0
        if direct <= cost[goal] + ways[goal]:
            if not np.isfinite(direct):
                return ends
            return np.concatenate([ends[:1], self._stretch(first, share[0], share[1]), ends[1:]])
        nodes = [goal]
        while before[nodes[-1]] != k:
            nodes.append(int(before[nodes[-1]]))
        nodes.reverse()
        parts = [ends[:1], self._stretch(first, share[0], float(nodes[0] == net.end[first]))]
        parts += [self._arc(tail, head) for tail, head in pairwise(nodes)]
        parts += [self._stretch(last, float(goal == net.end[last]), share[1]), ends[1:]]
        return np.concatenate(parts)

    def _arc(self, tail: int, head: int) -> Floats:
        """Return the line of the cheapest edge from one node to another."""
        net, (forward, backward) = self.network, self._edge_costs
        there = np.flatnonzero((net.start == tail) & (net.end == head))
        back = np.flatnonzero((net.end == tail) & (net.start == head))
        costs = np.concatenate([forward[there], backward[back]])
        edge = int(np.concatenate([there, back])[np.argmin(costs)])
        onward = np.argmin(costs) < len(there)
        return self._stretch(edge, 0.0, 1.0) if onward else self._stretch(edge, 1.0, 0.0)

    def _stretch(self, edge: int, begin: float, end: float) -> Floats:
        """Return the part of an edge's line between two shares of its length."""
        line = self.network.lines[edge]
        low, high = min(begin, end), max(begin, end)
        part = shapely.get_coordinates(shapely.ops.substring(line, low, high, normalized=True))
        return part if begin <= end else part[::-1]


# -- the nearest source, or the k nearest, for every node: buckets of cost (delta-stepping)


_MOST_BUCKETS = 1_000_000


def nearest_sources(
    indptr: Ints, heads: Ints, weights: Floats, seeds: Ints, owners: Ints, costs: Floats
) -> tuple[Floats, Ints]:
    """Return the smallest cost of each node from any seed, and the seed's owner.

    Three times as fast as a heap: a node waits in the bucket of its cost, and buckets are
    emptied in order; a node that gets cheaper inside its bucket is looked at again, so the
    answer is exact whatever the width of a bucket (Meyer and Sanders 2003, in sequence).

    Parameters
    ----------
    indptr, heads, weights
        Arcs of the graph by tail (compressed rows), weights finite and not negative.
    seeds, owners, costs
        Nodes where owners enter, and at what cost; an owner may enter at several.

    Returns
    -------
    cost, owner
        Shape (k,); infinite and -1 where no owner comes.
    """
    longest = max(float(weights.max(initial=0.0)), float(costs.max(initial=0.0)))
    mean = float(weights.mean()) if len(weights) else 0.0
    width = max(mean / 2.0, longest / _MOST_BUCKETS, float(np.finfo(float).tiny))
    buckets = int(longest / width) + 3
    entries = (seeds, owners, costs)
    return _by_buckets((indptr, heads, weights), entries, width, buckets)


@njit(cache=True)
def _by_buckets(
    arcs: tuple[Ints, Ints, Floats], entries: tuple[Ints, Ints, Floats], width: float, buckets: int
) -> tuple[Floats, Ints]:
    indptr, heads, weights = arcs
    seeds, owners, costs = entries
    size = len(indptr) - 1
    cost = np.full(size, np.inf)
    owner = np.full(size, -1)
    first = np.full(buckets, -1)
    after = np.full(size, -1)
    before = np.full(size, -1)
    bucket_of = np.full(size, -1)
    waiting = 0
    for s in range(len(seeds)):
        node = seeds[s]
        if costs[s] < cost[node] or (costs[s] == cost[node] and owners[s] < owner[node]):
            cost[node] = costs[s]
            owner[node] = owners[s]
            waiting += _wait(
                node, int(costs[s] / width) % buckets, first, after, before, bucket_of
            )
    now = 0
    while waiting > 0:
        node = first[now % buckets]
        if node < 0:
            now += 1
            continue
        first[now % buckets] = after[node]
        if after[node] >= 0:
            before[after[node]] = -1
        bucket_of[node] = -1
        waiting -= 1
        here = cost[node]
        who = owner[node]
        for arc in range(indptr[node], indptr[node + 1]):
            head = heads[arc]
            there = here + weights[arc]
            if there < cost[head]:
                cost[head] = there
                owner[head] = who
                # Rounding may put a cost just below the bucket at hand: never go back.
                at = max(now, int(there / width)) % buckets
                waiting += _wait(head, at, first, after, before, bucket_of)
    return cost, owner


@njit(cache=True)
def _wait(node: int, at: int, first: Ints, after: Ints, before: Ints, bucket_of: Ints) -> int:
    """Put a node into a bucket, out of the one it waits in; return how many more wait."""
    old = bucket_of[node]
    if old == at:
        return 0
    if old >= 0:
        if before[node] >= 0:
            after[before[node]] = after[node]
        else:
            first[old] = after[node]
        if after[node] >= 0:
            before[after[node]] = before[node]
    before[node] = -1
    after[node] = first[at]
    if first[at] >= 0:
        before[first[at]] = node
    first[at] = node
    bucket_of[node] = at
    return 0 if old >= 0 else 1


@njit(cache=True)
def ranked_sources(
    indptr: Ints, heads: Ints, weights: Floats, seeds: Ints, owners: Ints, costs: Floats, rank: int
) -> tuple[Floats, Ints]:
    """Return the ``rank`` smallest costs of each node from distinct owners, and the owners.

    Parameters
    ----------
    indptr, heads, weights
        Arcs of the graph by tail (compressed rows).
    seeds, owners, costs
        Nodes where owners enter, and at what cost; an owner may enter at several.
    rank
        How many owners a node keeps.

    Returns
    -------
    cost, owner
        Shape (k, rank), ascending; infinite and -1 where there are fewer.
    """
    size = len(indptr) - 1
    cost = np.full((size, rank), np.inf)
    owner = np.full((size, rank), -1)
    settled = np.zeros(size, np.int64)
    # A binary heap of labels; each node lets through `rank` labels of distinct owners.
    heap_cost = np.empty(max(16, 2 * len(seeds)))
    heap_node = np.empty(len(heap_cost), np.int64)
    heap_owner = np.empty(len(heap_cost), np.int64)
    count = 0
    for s in range(len(seeds)):
        heap_cost, heap_node, heap_owner, count = _push(
            heap_cost, heap_node, heap_owner, count, costs[s], seeds[s], owners[s]
        )
    while count > 0:
        here, node, who = heap_cost[0], heap_node[0], heap_owner[0]
        count = _pop(heap_cost, heap_node, heap_owner, count)
        held = settled[node]
        if held == rank or (owner[node, :held] == who).any():
            continue
        cost[node, held] = here
        owner[node, held] = who
        settled[node] = held + 1
        for arc in range(indptr[node], indptr[node + 1]):
            head = heads[arc]
            done = settled[head]
            if done < rank and not (owner[head, :done] == who).any():
                heap_cost, heap_node, heap_owner, count = _push(
                    heap_cost, heap_node, heap_owner, count, here + weights[arc], head, who
                )
    return cost, owner


@njit(cache=True)
def _push(
    cost: Floats, node: Ints, owner: Ints, count: int, c: float, n: int, o: int
) -> tuple[Floats, Ints, Ints, int]:
    if count == len(cost):
        cost = np.concatenate((cost, np.empty_like(cost)))
        node = np.concatenate((node, np.empty_like(node)))
        owner = np.concatenate((owner, np.empty_like(owner)))
    at = count
    while at > 0:
        above = (at - 1) // 2
        if cost[above] <= c:
            break
        cost[at], node[at], owner[at] = cost[above], node[above], owner[above]
        at = above
    cost[at], node[at], owner[at] = c, n, o
    return cost, node, owner, count + 1


@njit(cache=True)
def _pop(cost: Floats, node: Ints, owner: Ints, count: int) -> int:
    count -= 1
    c, n, o = cost[count], node[count], owner[count]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= count:
            break
        if below + 1 < count and cost[below + 1] < cost[below]:
            below += 1
        if cost[below] >= c:
            break
        cost[at], node[at], owner[at] = cost[below], node[below], owner[below]
        at = below
    cost[at], node[at], owner[at] = c, n, o
    return count


@njit(cache=True)
def reach_points(
    at_nodes: tuple[Floats, Ints],
    edges: tuple[Ints, Ints, Floats, Floats],
    edge: Ints,
    share: Floats,
    on_edges: tuple[Ints, Ints, Floats, Floats],
    rank: int,
) -> tuple[Floats, Ints]:
    """Return the cost of each point's ``rank``-th nearest room along its edge, and the room.

    A point is reached from either end of its edge, or straight from a room on the same
    edge.

    Parameters
    ----------
    at_nodes
        Cost and owner of each node, shape (k, rank).
    edges
        Start, end, cost forward and cost backward of each edge; infinite where not allowed.
    edge, share
        Each point's edge (-1 for none) and how far along it, 0 to 1.
    on_edges
        Where each edge's rooms start, the rooms, and each room's share and access cost.
    rank
        Which room is meant.
    """
    node_cost, node_owner = at_nodes
    start, end, forward, backward = edges
    room_start, rooms, room_share, room_gap = on_edges
    n = len(edge)
    cost = np.full(n, np.inf)
    room = np.full(n, -1)
    width = node_cost.shape[1]
    best = np.empty(rank)
    who = np.empty(rank, np.int64)
    for p in range(n):
        e = edge[p]
        if e < 0:
            continue
        best[:] = np.inf
        who[:] = -1
        # An infinite cost times a share of zero would be no number.
        from_start = forward[e] * share[p] if share[p] > 0.0 else 0.0
        from_end = backward[e] * (1.0 - share[p]) if share[p] < 1.0 else 0.0
        for k in range(width):
            _offer(best, who, node_cost[start[e], k] + from_start, node_owner[start[e], k])
            _offer(best, who, node_cost[end[e], k] + from_end, node_owner[end[e], k])
        for k in range(room_start[e], room_start[e + 1]):
            r = rooms[k]
            gap = share[p] - room_share[r]
            along = 0.0
            if gap > 0.0:
                along = forward[e] * gap
            elif gap < 0.0:
                along = -backward[e] * gap
            _offer(best, who, room_gap[r] + along, r)
        if best[rank - 1] < np.inf:
            cost[p] = best[rank - 1]
            room[p] = who[rank - 1]
    return cost, room


@njit(cache=True)
def _offer(best: Floats, who: Ints, cost: float, owner: int) -> None:
    """Put an owner's cost into the ascending list of the best, once an owner."""
    if not cost < np.inf or owner < 0:
        return
    rank = len(best)
    for k in range(rank):
        if who[k] == owner:
            if cost >= best[k]:
                return
            # The owner's better cost moves up; close its old place first.
            for j in range(k, rank - 1):
                best[j], who[j] = best[j + 1], who[j + 1]
            best[rank - 1], who[rank - 1] = np.inf, -1
            break
    for k in range(rank):
        if cost < best[k] or (cost == best[k] and owner < who[k]):
            for j in range(rank - 1, k, -1):
                best[j], who[j] = best[j - 1], who[j - 1]
            best[k], who[k] = cost, owner
            return
