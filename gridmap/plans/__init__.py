"""Plans as people work with them: edited, compared, stored and shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridmap._lazy import lazy_names

if TYPE_CHECKING:
    from gridmap.plans.audit import (
        ALLOWED,
        LOCAL,
        Action,
        Actor,
        Anchor,
        AuditRecord,
        AuditReport,
        BrokenLink,
        Role,
        account_text,
        action_text,
        check_account,
        link_hash,
        require,
        role_text,
        verify_chain,
    )
    from gridmap.plans.comparison import BeatChange, Comparison, Flow, PlanFigures, compare_plans
    from gridmap.plans.draft import (
        BeatFigures,
        Draft,
        Figures,
        Ground,
        beat_pieces,
        measure_beats,
        remeasure_beats,
    )
    from gridmap.plans.effects import BeatEffect, Effect, Veto, carry_out, preview
    from gridmap.plans.exchange import (
        PLAN_FORMATS,
        assignment_table,
        plan_from_layer,
        plan_from_table,
        plan_layer,
        read_plan,
        write_plan,
    )
    from gridmap.plans.history import History, carry_over, replay, suggest_moves, worst_beat
    from gridmap.plans.store import PlanStore, import_detail, logged, repair_detail
    from gridmap.plans.versions import (
        COMMANDS,
        PRESENT,
        AssignOfficers,
        AssignRoom,
        AssignStation,
        Command,
        Fault,
        GridDifference,
        GridMove,
        GridPrints,
        LockBeat,
        LockGrids,
        Locks,
        MergeBeats,
        MoveGrids,
        NewBeat,
        PlanDifference,
        PlanVersion,
        RenameBeat,
        SplitBeat,
        check_plan_name,
        command_from_record,
        command_record,
        fit_plan,
        grid_difference,
        grid_prints,
        plan_difference,
    )

__all__ = [
    "ALLOWED", "COMMANDS", "LOCAL", "PLAN_FORMATS", "PRESENT", "Action", "Actor", "Anchor",
    "AssignOfficers", "AssignRoom", "AssignStation", "AuditRecord", "AuditReport", "BeatChange",
    "BeatEffect", "BeatFigures", "BrokenLink", "Command", "Comparison", "Draft", "Effect", "Fault",
    "Figures", "Flow", "GridDifference", "GridMove", "GridPrints", "Ground", "History", "LockBeat",
    "LockGrids", "Locks", "MergeBeats", "MoveGrids", "NewBeat", "PlanDifference", "PlanFigures",
    "PlanStore", "PlanVersion", "RenameBeat", "Role", "SplitBeat", "Veto", "account_text",
    "action_text", "assignment_table", "beat_pieces", "carry_out", "carry_over", "check_account",
    "check_plan_name", "command_from_record", "command_record", "compare_plans", "fit_plan",
    "grid_difference", "grid_prints", "import_detail", "link_hash", "logged", "measure_beats",
    "plan_difference", "plan_from_layer", "plan_from_table", "plan_layer", "preview", "read_plan",
    "remeasure_beats", "repair_detail", "replay", "require", "role_text", "suggest_moves",
    "verify_chain", "worst_beat", "write_plan",
]  # fmt: skip

__getattr__, __dir__ = lazy_names(__name__, __file__)
