"""Plans under people's hands: edited, compared, kept and shared."""

from gridmap.plans.audit import AuditRecord, AuditReport, BrokenLink, link_hash, verify_chain
from gridmap.plans.commands import (
    COMMANDS,
    AssignOfficers,
    AssignRoom,
    AssignStation,
    Command,
    LockBeat,
    LockGrids,
    MergeBeats,
    MoveGrids,
    NewBeat,
    RenameBeat,
    SplitBeat,
    command_from_record,
    command_record,
)
from gridmap.plans.differences import GridMove, PlanDifference, plan_difference
from gridmap.plans.draft import Draft, Fault, Locks
from gridmap.plans.effects import BeatEffect, Effect, Veto, carry_out, preview
from gridmap.plans.figures import BeatFigures, Figures, measure_beats, pieces_of, remeasure_beats
from gridmap.plans.fingerprints import (
    GridDifference,
    GridPrints,
    fit_plan,
    grid_difference,
    grid_prints,
)
from gridmap.plans.ground import Ground
from gridmap.plans.history import History, replay
from gridmap.plans.people import ALLOWED, LOCAL, Action, Actor, Role, require
from gridmap.plans.store import PRESENT, PlanStore
from gridmap.plans.versions import PlanVersion

__all__ = [
    "ALLOWED",
    "COMMANDS",
    "LOCAL",
    "PRESENT",
    "Action",
    "Actor",
    "AssignOfficers",
    "AssignRoom",
    "AssignStation",
    "AuditRecord",
    "AuditReport",
    "BeatEffect",
    "BeatFigures",
    "BrokenLink",
    "Command",
    "Draft",
    "Effect",
    "Fault",
    "Figures",
    "GridDifference",
    "GridMove",
    "GridPrints",
    "Ground",
    "History",
    "LockBeat",
    "LockGrids",
    "Locks",
    "MergeBeats",
    "MoveGrids",
    "NewBeat",
    "PlanDifference",
    "PlanStore",
    "PlanVersion",
    "RenameBeat",
    "Role",
    "SplitBeat",
    "Veto",
    "carry_out",
    "command_from_record",
    "command_record",
    "fit_plan",
    "grid_difference",
    "grid_prints",
    "link_hash",
    "measure_beats",
    "pieces_of",
    "plan_difference",
    "preview",
    "remeasure_beats",
    "replay",
    "require",
    "verify_chain",
]
