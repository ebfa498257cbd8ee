"""Killed at any instant, the store opens and holds every plan that was reported saved."""

import json
import subprocess
import sys

import pytest

from gridmap.plans import PlanStore

# Imports once, then forks: a child saves and imports as fast as it can and tells its parent
# through a pipe what was reported saved; the parent kills it at an instant of its own.
HARNESS = r"""
import json, os, random, signal, sys, time
import numpy as np
from gridmap.model import BeatInfo, Plan
from gridmap.plans import LOCAL, MoveGrids, PlanStore

path, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
ids = np.array([f"g{n}" for n in range(1000)], dtype=object)
beats = tuple(BeatInfo(f"b{n}") for n in range(60))
reported = []

def work(out, kill):
    store = PlanStore.open(path)
    os.write(out, b"open\n")
    for step in range(10_000):
        rows = np.random.default_rng([kill, step]).integers(0, 60, len(ids)).astype(np.int32)
        plan = Plan(f"plan {step % 3}", ids, rows, beats, f"city {kill}")
        if step % 2:
            saved = store.import_plan(plan, author=LOCAL, source="plan.csv")
        else:
            saved = store.save(plan, author=LOCAL, commands=[MoveGrids(("g1",), "b1")])
        os.write(out, (json.dumps([saved.name, saved.number, saved.digest]) + "\n").encode())

for kill in range(kills):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            work(writer, kill)
        finally:
            os._exit(1)
    os.close(writer)
    told = os.fdopen(reader)
    # One in ten hits the opening, the first ones the making of the store itself.
    if kill > 2 and kill % 10:
        assert told.readline() == "open\n"
        if kill % 4 == 1:  # on a busy machine a save takes longer than any of the waits below
            reported.append(json.loads(told.readline()))
    time.sleep(rng.uniform(0.0, 0.12))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with told:
        reported += [json.loads(line) for line in told if line.endswith("]\n")]
    with PlanStore.open(path) as store:
        for name, number, digest in reported[-2:]:
            assert store.load(name, number).digest == digest
print(json.dumps(reported))
"""


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing_and_leave_no_half_plan(tmp_path):
    path = tmp_path / "plans.db"
    run = subprocess.run(
        [sys.executable, "-c", HARNESS, str(path), "100", "20260101"],
        check=True,
        capture_output=True,
        text=True,
        timeout=1_800,
    )
    reported = {(name, number): digest for name, number, digest in json.loads(run.stdout)}
    assert reported
    with PlanStore.open(path) as store:
        held = {
            (version.name, version.number): version.digest
            for latest in store.list()
            for version in store.history(latest.name)
        }
        # Everything reported is there; a version that was cut off between the commit and the
        # report may be there too, whole.
        assert reported.items() <= held.items()
        assert len(held) <= len(reported) + 100
        for (name, number), digest in held.items():
            assert store.load(name, number).digest == digest
            source = store.version(name, number).note
            assert len(store.commands(name, number)) == (0 if source else 1)
        report = store.verify()
        assert report.is_whole
        assert report.records == len(held)
        with store._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
