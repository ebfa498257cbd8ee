"""Many people on one store, and the price of a move: ``python -m benchmarks.store``.

Fifty users read and ten save on a PostgreSQL server made for the run (or ``--url``, or
``--sqlite``), each pausing as people do. Writers share plans, so they do run into each other:
whoever is second is told, loads what the first saved, carries their change over and saves
again. At the end every version that was reported saved must be there, whole, and the log must
verify. Prints JSON lines.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gridmap.errors import ConflictError
from gridmap.model import Adjacency, BeatInfo, Plan
from gridmap.plans import (
    Actor,
    Draft,
    Ground,
    MoveGrids,
    PlanStore,
    Role,
    carry_out,
    measure_beats,
    preview,
    suggest_moves,
)

SHARED_PLANS = 5
EDITED_PLAN_GRIDS = 50_000


@dataclass(slots=True)
class Tally:
    """What happened, gathered by all threads under one lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    read_s: list[float] = field(default_factory=list)
    save_s: list[float] = field(default_factory=list)
    reported: dict[tuple[str, int], str] = field(default_factory=dict)
    conflicts: int = 0
    errors: list[str] = field(default_factory=list)


def town(columns: int, rows: int, beats_across: int, beats_up: int) -> tuple[Ground, Plan]:
    """Return a rectangular town of square grids, and a plan of rectangular beats."""
    count = columns * rows
    index = np.arange(count, dtype=np.int32)
    x, y = index % columns, index // columns
    right, up = index[x < columns - 1], index[y < rows - 1]
    first = np.concatenate([right, up])
    second = np.concatenate([right + 1, up + columns])
    order = np.lexsort((second, first))
    adjacency = Adjacency(
        count,
        first[order],
        second[order].astype(np.int32),
        np.full(len(first), 100.0),
        np.zeros(len(first), dtype=bool),
    )
    rng = np.random.default_rng(7)
    ids = np.array([f"g{n}" for n in range(count)], dtype=object)
    residents = rng.integers(0, 900, count).astype(float)
    incidents = rng.poisson(3.0, count).astype(float)
    ground = Ground(
        grid_ids=ids,
        residents=residents,
        incidents=incidents,
        workload=residents / residents.sum() + incidents / incidents.sum(),
        covered=residents * 0.5,
        area_m2=np.full(count, 1e4),
        perimeter_m=np.full(count, 400.0),
        adjacency=adjacency,
        stations=np.full(count, "", dtype=object),
    )
    beat = (x * beats_across // columns) + (y * beats_up // rows) * beats_across
    infos = tuple(BeatInfo(f"b{n}") for n in range(beats_across * beats_up))
    return ground, Plan("plan", ids, beat.astype(np.int32), infos, "town")


def edit_figures() -> dict[str, object]:
    """Return what the effect of a move costs on 50,000 grids, beside measuring everything."""
    ground, plan = town(250, 200, 50, 20)
    draft = Draft.start(ground, plan)
    rng = np.random.default_rng(3)
    told, carried, full = [], [], []
    for row in rng.permutation(EDITED_PLAN_GRIDS)[:60]:
        target = plan.beats[(plan.assignment[row] + 1) % len(plan)].id
        command = MoveGrids((f"g{row}",), target, insist=True)
        told.append(_cpu(lambda command=command: preview(draft, command)))  # type: ignore[misc] # bound now
        after = carry_out(draft, command)
        carried.append(_cpu(lambda command=command: carry_out(draft, command)))  # type: ignore[misc] # bound now
        assignment = after.plan.assignment
        everything = measure_beats(ground, assignment, len(plan))
        full.append(_cpu(lambda a=assignment: measure_beats(ground, a, len(plan))))  # type: ignore[misc] # bound now
        for name in ("residents", "workload", "perimeter_m", "pieces"):
            assert (getattr(after.figures, name) == getattr(everything, name)).all()
    return {
        "benchmark": "edit",
        "grids": EDITED_PLAN_GRIDS,
        "beats": len(plan),
        "effect_ms": _ms(told, 50),
        "effect_ms_worst": _ms(told, 100),
        "carry_out_ms": _ms(carried, 50),
        "full_recomputation_ms": _ms(full, 50),
        "equal_to_full_recomputation": True,
        "suggest_ms": round(1e3 * _cpu(lambda: suggest_moves(draft)), 1),
    }


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _ms(seconds: list[float], share: float) -> float:
    return round(1e3 * float(np.percentile(seconds, share)), 2) if seconds else float("nan")


def store_figures(
    where: str | Path, *, readers: int, writers: int, seconds: float, grids: int
) -> dict[str, object]:
    """Return what happened when many people used one store for some time."""
    side = round(grids**0.5)
    _, plan = town(side, side, 10, 6)
    tally = Tally()
    with PlanStore.open(where) as store:
        for number in range(SHARED_PLANS):
            author = Actor("start", Role.PLANNER)
            first = store.save(plan.renamed(f"plan {number}"), author=author)
            tally.reported[first.name, first.number] = first.digest
        end = time.monotonic() + seconds
        work = [
            *(lambda n=n: _read(store, tally, end, n) for n in range(readers)),
            *(lambda n=n: _write(store, tally, end, n) for n in range(writers)),
        ]
        threads = [threading.Thread(target=_guarded, args=(task, tally)) for task in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lost = [key for key, digest in tally.reported.items() if store.load(*key).digest != digest]
        versions = [v for latest in store.list() for v in store.history(latest.name)]
        report = store.verify()
    return {
        "benchmark": "store",
        "database": "postgresql" if "://" in str(where) else "sqlite",
        "readers": readers,
        "writers": writers,
        "seconds": seconds,
        "grids": side * side,
        "reads": len(tally.read_s),
        "saves": len(tally.save_s),
        "conflicts_told": tally.conflicts,
        "errors": len(tally.errors),
        "first_errors": tally.errors[:3],
        "reported_and_lost": len(lost),
        "versions": len(versions),
        "log_whole": report.is_whole,
        "log_records": report.records,
        "read_ms": {share: _ms(tally.read_s, share) for share in (50, 95, 99)},
        "save_ms": {share: _ms(tally.save_s, share) for share in (50, 95, 99)},
    }


def _guarded(task: Callable[[], None], tally: Tally) -> None:
    try:
        task()
    except Exception as error:  # noqa: BLE001 - counted and shown: any error fails the run
        with tally.lock:
            tally.errors.append(repr(error))


def _read(store: PlanStore, tally: Tally, end: float, number: int) -> None:
    rng = np.random.default_rng([1, number])
    while time.monotonic() < end:
        start = time.perf_counter()
        names = [version.name for version in store.list()]
        name = names[int(rng.integers(len(names)))]
        versions = store.history(name)
        chosen = versions[int(rng.integers(len(versions)))]
        plan = store.load(name, chosen.number)
        taken = time.perf_counter() - start
        assert plan.digest == chosen.digest
        with tally.lock:
            tally.read_s.append(taken)
        time.sleep(float(rng.uniform(0.5, 1.5)))


def _write(store: PlanStore, tally: Tally, end: float, number: int) -> None:
    rng = np.random.default_rng([2, number])
    author = Actor(f"planner {number}", Role.PLANNER)
    while time.monotonic() < end:
        name = f"plan {rng.integers(SHARED_PLANS)}"
        grid = f"g{rng.integers(100)}"
        to = f"b{rng.integers(60)}"
        base = store.version(name)
        plan = store.load(name, base.number)
        time.sleep(float(rng.uniform(0.5, 1.5)))  # thinks, while somebody else may save
        while True:
            start = time.perf_counter()
            try:
                saved = store.save(
                    plan.move([grid], to=to),
                    author=author,
                    base_version=base.number,
                    commands=[MoveGrids((grid,), to, insist=True)],
                )
            except ConflictError as conflict:
                with tally.lock:
                    tally.conflicts += 1
                    if not conflict.values["their_change"]:
                        tally.errors.append("a conflict that does not tell their change")
                base = store.version(name)
                plan = store.load(name, base.number)
                continue
            taken = time.perf_counter() - start
            with tally.lock:
                tally.save_s.append(taken)
                tally.reported[saved.name, saved.number] = saved.digest
            break


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a PostgreSQL database; otherwise a server for this run")
    parser.add_argument("--sqlite", action="store_true", help="SQLite instead of PostgreSQL")
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--writers", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--grids", type=int, default=5_000)
    parser.add_argument("--skip-edit", action="store_true")
    asked = parser.parse_args()
    if not asked.skip_edit:
        print(json.dumps(edit_figures()), flush=True)
    with ExitStack() as stack:
        if asked.sqlite:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            where: str | Path = folder / "plans.db"
        elif asked.url:
            where = asked.url
        else:
            from tests.plans_postgres import PrivateCluster

            where = stack.enter_context(PrivateCluster()).empty_database()
        figures = store_figures(
            where,
            readers=asked.readers,
            writers=asked.writers,
            seconds=asked.seconds,
            grids=asked.grids,
        )
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
