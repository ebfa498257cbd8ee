"""Plans as the bytes and texts that the store keeps, and back."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from gridmap.model import BeatInfo, Plan
from gridmap.plans.draft import Fault, Locks


def normalised(plan: Plan) -> Plan:
    """Return a plan whose texts are texts and numbers floats, so that its digest is stable."""
    beats = tuple(
        BeatInfo(
            str(beat.id),
            str(beat.name),
            str(beat.station),
            str(beat.room),
            float(beat.officers),
            float(beat.auxiliaries),
        )
        for beat in plan.beats
    )
    return replace(plan, beats=beats)


def pack_ids(ids: NDArray[np.object_]) -> tuple[str, bytes]:
    """Return the digest of ids and their bytes."""
    raw = json.dumps([str(name) for name in ids], ensure_ascii=False).encode()
    return hashlib.blake2b(raw, digest_size=16).hexdigest(), zlib.compress(raw)


def unpack_ids(packed: bytes) -> NDArray[np.object_]:
    """Return the ids again, as text."""
    return np.array(json.loads(zlib.decompress(packed)), dtype=object)


def pack_rows(assignment: NDArray[np.int32]) -> bytes:
    """Return an assignment as compressed little-endian integers of 32 bits."""
    return zlib.compress(assignment.astype("<i4").tobytes())


def unpack_rows(packed: bytes) -> NDArray[np.int32]:
    """Return an assignment again."""
    return np.frombuffer(zlib.decompress(packed), dtype="<i4").astype(np.int32)


def beats_text(beats: tuple[BeatInfo, ...]) -> str:
    """Return beats as JSON."""
    return json.dumps([list(asdict(beat).values()) for beat in beats], ensure_ascii=False)


def beats_of(text: str) -> tuple[BeatInfo, ...]:
    """Return beats again."""
    return tuple(BeatInfo(*values) for values in json.loads(text))


def locks_text(locks: Locks) -> str:
    """Return locks as JSON."""
    return json.dumps([sorted(locks.beats), sorted(locks.grids)], ensure_ascii=False)


def locks_of(text: str) -> Locks:
    """Return locks again."""
    beats, grids = json.loads(text)
    return Locks(frozenset(beats), frozenset(grids))


def faults_text(faults: tuple[Fault, ...]) -> str:
    """Return faults as JSON."""
    return json.dumps([[f.beat, f.pieces, list(f.detached)] for f in faults], ensure_ascii=False)


def faults_of(text: str) -> tuple[Fault, ...]:
    """Return faults again."""
    return tuple(Fault(beat, pieces, tuple(grids)) for beat, pieces, grids in json.loads(text))
