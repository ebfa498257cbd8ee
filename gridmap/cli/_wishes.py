"""What ``gridmap propose`` is asked for: its options read, checked against the city."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridmap.cli._arguments import parts
from gridmap.errors import InputError

if TYPE_CHECKING:
    from gridmap.measure import Workload
    from gridmap.model import City, Plan

__all__ = ["Wishes", "grid_groups", "keep_of", "locks", "number_of_beats", "tolerances"]

_USUAL_TOLERANCE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """The options that become constraints, as they were written."""

    tolerance: Sequence[str] = ()
    keep: str = ""
    communities: str = ""
    together: Sequence[str] = ()
    apart: Sequence[str] = ()
    travel: str = ""
    targets: str = ""
    lock: Sequence[str] = ()

    def constraints(
        self, city: City, workload: Workload, beats: int, present: Plan | None
    ) -> dict[str, object]:
        """Return the fields of a `Problem` that the options stand for.

        Raises
        ------
        InputError
            If an option is written wrongly, or the city lacks what it needs.
        """
        from gridmap.measure import criterion_of
        from gridmap.partition import communities_of, criteria_of, travel_between

        made: dict[str, object] = locks(self.lock, present)
        whole, named = tolerances(self.tolerance)
        if named:
            held = set(workload.weights) <= set(named)
            whole = whole if whole is not None or held else _USUAL_TOLERANCE
            made["weights"], made["tolerances"] = criteria_of(
                city, workload, named, together=whole
            )
        share, name = keep_of(self.keep)
        if share is not None and present is not None and name:
            made["keep_weights"] = criterion_of(city, name)
        if self.communities not in {"", "soft", "hard"}:
            raise InputError("cli.error.communities", received=self.communities)
        if self.communities:
            made["communities"] = communities_of(city)
            made["whole_communities"] = self.communities == "hard"
        made["together"] = tuple(grid_groups(city, self.together, option="--together"))
        groups = grid_groups(city, self.apart, option="--apart")
        made["apart"] = tuple(
            (a, b) for group in groups for i, a in enumerate(group) for b in group[i + 1 :]
        )
        if self.travel:
            made["travel"] = travel_between(city, self.travel)
        if self.targets:
            made["targets"] = _targets(self.targets, beats, present)
        return made


def tolerances(items: Sequence[str]) -> tuple[float | None, dict[str, float]]:
    """Return the tolerance of the whole workload, and of each criterion named.

    Raises
    ------
    InputError
        If one is no share above 0 and up to 1, or one is given twice.

    Examples
    --------
    >>> tolerances(["3%", "residents=5%,incidents=0.1"])
    (0.03, {'residents': 0.05, 'incidents': 0.1})
    """
    whole: float | None = None
    named: dict[str, float] = {}
    for part in (piece for item in items for piece in parts(item) or [item]):
        name, sign, figure = (word.strip() for word in part.rpartition("="))
        value = _share(figure)
        if value is None or not 0 < value <= 1 or (sign and not name):
            raise InputError("cli.error.tolerance", received=part)
        if name in named or (not name and whole is not None):
            raise InputError("cli.error.tolerance_twice", received=", ".join(items))
        if name:
            named[name] = value
        else:
            whole = value
    return whole, named


def keep_of(text: str) -> tuple[float | None, str]:
    """Return the share that keeps its beat, and of what; blank for residents.

    Examples
    --------
    >>> keep_of("incidents=90%")
    (0.9, 'incidents')
    """
    if not text.strip():
        return None, ""
    name, sign, figure = (word.strip() for word in text.rpartition("="))
    value = _share(figure)
    if value is None or not 0 <= value <= 1 or (sign and not name):
        raise InputError("cli.error.keep", received=text)
    return value, name


def _share(text: str) -> float | None:
    """Return 0.05 for ``0.05``, ``5%`` or ``5％``; None for anything else."""
    bare = text.strip().replace("％", "%")
    try:
        value = float(bare.removesuffix("%")) / (100.0 if bare.endswith("%") else 1.0)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def grid_groups(city: City, items: Sequence[str], *, option: str) -> list[tuple[int, ...]]:
    """Return groups of grids by position from ``A,B,C``.

    Raises
    ------
    InputError
        If a group names fewer than two grids, or one that the city has not.
    """
    import pandas as pd

    index = pd.Index([str(name) for name in city.grids.ids]) if items else None
    groups: list[tuple[int, ...]] = []
    for item in items:
        assert index is not None  # noqa: S101 - made where there are items; for the type checker
        names = parts(item)
        rows = index.get_indexer(names)
        if len(set(names)) < 2 or (rows < 0).any():
            lost = [name for name, row in zip(names, rows, strict=True) if row < 0]
            raise InputError(
                "cli.error.grids", option=option, received=item, lost=", ".join(lost[:5]) or "-"
            )
        groups.append(tuple(dict.fromkeys(int(row) for row in rows)))
    return groups


def locks(items: Sequence[str], present: Plan | None) -> dict[str, object]:
    """Return the constraints that ``beat=ID`` and ``grid=ID`` stand for."""
    import numpy as np

    if not items:
        return {}
    if present is None:
        raise InputError("cli.error.lock_without_beats")
    frozen: list[int] = []
    fixed = np.full(len(present.grid_ids), -1, dtype=np.int64)
    for item in items:
        what, _, name = (word.strip() for word in item.partition("="))
        if what not in {"beat", "grid"} or not name:
            raise InputError("cli.error.lock", received=item)
        if what == "beat":
            frozen.append(present.row_of(name))
        else:
            row = int(present.rows_of([name])[0])
            fixed[row] = present.assignment[row]
    return {"frozen": tuple(frozen), "fixed": fixed if (fixed >= 0).any() else None}


def number_of_beats(
    city: City, beats: int, per_officer: str, targets: str, present: Plan | None
) -> int:
    """Return the number asked for, or as many as people per officer or targets call for."""
    if targets and not beats and not per_officer:
        if targets == "officers" and present is not None:
            return len(present)
        if not parts(targets):
            raise InputError("cli.error.targets", received=targets)
        return len(parts(targets))
    if bool(beats) == bool(per_officer):
        raise InputError("cli.error.beats_or_officers")
    if beats:
        return beats
    from gridmap.measure import criterion_of, norms

    rules = {rule.id: rule for rule in norms() if rule.kind == "people_per_officer"}
    if per_officer in rules:
        people = float(criterion_of(city, "residents").sum())
        with suppress(InputError):  # a city need not know its migrants
            people += float(criterion_of(city, "migrants").sum())
        return max(1, math.ceil(people / rules[per_officer].people))
    name, _, figure = (word.strip() for word in per_officer.partition("="))
    try:
        each = float(figure) if name else 0.0
    except ValueError:
        each = 0.0
    if not each > 0 or not math.isfinite(each):
        raise InputError(
            "cli.error.per_officer", received=per_officer, known=", ".join(sorted(rules))
        )
    whole = float(criterion_of(city, name).sum())
    grids = len(city.grids)
    if whole > each * grids:
        raise InputError(
            "cli.error.per_officer_many", received=per_officer, grids=grids, least=whole / grids
        )
    return max(1, math.ceil(whole / each))


def _targets(text: str, beats: int, present: Plan | None) -> object:
    """Return what each beat is to carry: its officers, or the numbers given."""
    import numpy as np

    from gridmap.partition import officers_of

    if text == "officers":
        if present is None:
            raise InputError("cli.error.lock_without_beats")
        if len(present) != beats:
            raise InputError("cli.error.targets_count", received=beats, expected=len(present))
        return officers_of(present)
    try:
        values = np.array([float(part) for part in parts(text)])
    except ValueError as error:
        raise InputError("cli.error.targets", received=text) from error
    if not (values > 0).all() or not np.isfinite(values).all():
        raise InputError("cli.error.targets", received=text)
    if len(values) != beats:
        raise InputError("cli.error.targets_count", received=len(values), expected=beats)
    return values
