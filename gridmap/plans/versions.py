"""What the store knows of a saved plan besides the plan itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gridmap.plans.draft import Fault, Locks

__all__ = ["PRESENT", "PlanVersion"]

PRESENT = "present"
"""The name that stands for today's beats; no saved plan may take it."""


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One version of a plan: who saved it, when, on what.

    Parameters
    ----------
    name
        Name of the plan.
    number
        Number of the version, from 1.
    base
        Number of the version that it was made of, None where it was not made of one.
    at
        When it was saved, UTC.
    author
        Who saved it.
    note
        What they wrote about it.
    city_digest
        Digest of the grid layer that it was made on.
    digest
        Digest of the plan.
    beats
        Number of beats.
    locks
        What stays as it is.
    faults
        Beats in pieces, accepted by whoever insisted.
    origin
        Name and number of the version that the commands start from; None where they start
        from a plan that was not saved.
    """

    name: str
    number: int
    base: int | None
    at: datetime
    author: str
    note: str
    city_digest: str
    digest: str
    beats: int
    locks: Locks
    faults: tuple[Fault, ...]
    origin: tuple[str, int] | None = None
