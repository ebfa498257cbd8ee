"""Tables of officers beside what the norm asks, and of a plan beside today's beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from gridmap.i18n import tr
from gridmap.measure import staff_needed
from gridmap.model import Kind
from gridmap.report._areas import rounded
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Chart, Column, Format, Table, column

__all__ = [
    "StaffBalance",
    "comparison_table",
    "handover_table",
    "lacking_by_beat",
    "staff_balance",
    "staff_sentences",
    "staff_shortest",
    "staffing_table",
]

#: Which hidden counts would be known from a figure of a beat.
_COUNTED = {"grids": (), "covered_share": ("covered_residents", "residents")}


def staffing_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return each beat's officers beside the people they look after."""
    found = measured.now.get("beat")
    staff = _staff(measured)
    if found is None or staff is None or "residents" in found.missing:
        return None
    size = len(found.rows)
    dark = hiding.of("beat", "residents", size) | hiding.of("beat", "migrants", size)
    people = found.rows[["residents", "migrants"]].sum(axis=1).to_numpy(dtype=float)
    officers, auxiliaries = staff
    needs = staff_needed(
        found.rows[["residents", "migrants"]].assign(officers=officers, auxiliaries=auxiliaries),
        rules=measured.rules,
    )
    known = {norm.id: norm.name for norm in measured.rules}
    rows = pd.DataFrame(
        {
            "id": found.rows["id"].astype(str),
            "name": found.rows["name"].astype(str),
            "people": people,
            "officers": officers,
            "officers_needed": needs["officers_needed"],
            "officers_lacking": needs["officers_lacking"],
            "officers_surplus": np.maximum(officers - needs["officers_needed"], 0.0),
            "auxiliaries": auxiliaries,
            "auxiliaries_needed": needs["auxiliaries_needed"],
            "auxiliaries_lacking": needs["auxiliaries_lacking"],
            "auxiliaries_surplus": np.maximum(auxiliaries - needs["auxiliaries_needed"], 0.0),
            "officers_norm": [known.get(norm, "") for norm in needs["officers_norm"]],
        }
    )
    keys = [
        "people", "officers_needed", "officers_lacking", "officers_surplus",
        "auxiliaries_needed", "auxiliaries_lacking", "auxiliaries_surplus",
    ]  # fmt: skip
    total = {"id": tr("report.total"), "name": "", "officers_norm": ""} | {
        key: float(rows[key].sum()) for key in [*keys, "officers", "auxiliaries"]
    }
    rows.loc[dark, keys] = np.nan
    rows.loc[dark, "officers_norm"] = HIDDEN
    hidden = pd.DataFrame(dict.fromkeys(keys, dark))
    shortest = rows["officers_lacking"].sort_values(ascending=False, kind="stable").index
    # The sums would tell what the rows hide.
    secret = frozenset(keys) if dark.any() else frozenset()
    return Table(
        "staffing",
        tr("report.sheet.staffing"),
        (
            column("id", "text"), column("name", "text"), column("people"), column("officers"),
            column("officers_needed"), column("officers_lacking", bar=True),
            column("officers_surplus"), column("auxiliaries"), column("auxiliaries_needed"),
            column("auxiliaries_lacking", bar=True), column("auxiliaries_surplus"),
            column("officers_norm", "text"),
        ),
        rows.loc[shortest].reset_index(drop=True),
        {key: np.nan if key in secret else value for key, value in total.items()},
        (*staff_sentences(measured, hiding), tr("report.note.staffing")),
        (
            Chart("bar", tr("report.chart.lacking"), "name",
                  ("officers_lacking", "auxiliaries_lacking")),
        ),
        hidden.loc[shortest].reset_index(drop=True),
        secret,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StaffBalance:
    """Staff of all beats: ``needed - present == lacking - surplus`` holds for each kind.

    Attributes
    ----------
    needed, present
        What the norms ask of all beats together, and who is there.
    lacking, surplus
        The sums of what single beats lack, and of what single beats have too many.
    """

    needed: int
    present: int
    lacking: int
    surplus: int

    @property
    def net(self) -> int:
        """Who is missing after beats have exchanged; negative where there are too many."""
        return self.lacking - self.surplus


def staff_balance(measured: Measured) -> dict[str, StaffBalance]:
    """Return the balance of officers and auxiliaries; empty where no beat has officers."""
    found, staff = measured.now.get("beat"), _staff(measured)
    if found is None or staff is None or "residents" in found.missing:
        return {}
    present = dict(zip(("officers", "auxiliaries"), staff, strict=True))
    needs = staff_needed(
        found.rows[["residents", "migrants"]].assign(**present), rules=measured.rules
    )
    balances = {}
    for name, people in present.items():
        needed = needs[f"{name}_needed"].to_numpy(dtype=float)
        balances[name] = StaffBalance(
            int(needed.sum()),
            int(people.sum()),
            int(np.maximum(needed - people, 0.0).sum()),
            int(np.maximum(people - needed, 0.0).sum()),
        )
    return balances


def staff_sentences(measured: Measured, hiding: Hiding) -> tuple[str, ...]:
    """Return how staff adds up, and how the staff of rooms and beats hangs together."""
    lines = []
    found = measured.now.get("beat")
    hidden = found is not None and any(
        hiding.of("beat", name, len(found.rows)).any() for name in ("residents", "migrants")
    )
    for name, sums in staff_balance(measured).items():
        if hidden:
            continue  # needed and lacking would tell the people of the beats that are hidden
        which = "over" if sums.net < 0 else "short" if sums.net else "even"
        lines.append(
            tr(
                f"report.staff.balance_{which}",
                who=tr(f"report.staff.{name}"),
                needed=sums.needed,
                present=sums.present,
                lacking=sums.lacking,
                surplus=sums.surplus,
                net=abs(sums.net),
            )
        )
    lines += _rooms_and_beats(measured)
    return tuple(lines)


def _rooms_and_beats(measured: Measured) -> list[str]:
    """Say why the staff of rooms and that of beats differ, where both are known."""
    rooms, staff = measured.city.get(Kind.ROOM), _staff(measured)
    if rooms is None or staff is None or not rooms.has("officers") or measured.plan is not None:
        return []
    beats = measured.city.get(Kind.BEAT)
    assert beats is not None  # noqa: S101 - they have staff
    of_beats, of_rooms = int(staff[0].sum()), int(rooms.counts("officers").sum())
    if not of_rooms:
        return []
    if of_beats == of_rooms:
        return [tr("report.staff.rooms_equal", officers=of_rooms)]
    known = {key: row for row, key in enumerate(beats.ids.astype(str))}
    places = [known.get(text, -1) for text in rooms.texts("beat")] if rooms.has("beat") else []
    without = np.ones(len(beats), dtype=bool)
    without[[place for place in places if place >= 0]] = False
    roomless = int(staff[0][without].sum())
    rest = of_beats - of_rooms - roomless
    parts = []
    if places and roomless:
        parts.append(tr("report.staff.roomless", count=int(without.sum()), officers=roomless))
    if rest or not parts:
        parts.append(tr("report.staff.unexplained", officers=abs(rest)))
    return [
        tr(
            "report.staff.rooms_differ",
            beats=of_beats,
            rooms=of_rooms,
            difference=abs(of_beats - of_rooms),
            why=tr("report.sentence.comma").join(parts),
        )
    ]


def comparison_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return each beat today and in the plan."""
    made = measured.comparison
    if made is None or measured.present is None or measured.plan is None:
        return None
    old = {beat: row for row, beat in enumerate(measured.present.beat_ids)}
    new = {beat: row for row, beat in enumerate(measured.plan.beat_ids)}
    lines, masks = [], []
    for beat in made.beats:
        line: dict[str, object] = {"name": beat.label}
        mask: dict[str, bool] = {}
        for side, figures, level, row, size in (
            ("before", beat.figures_before, "present", old.get(beat.before, -1), len(old)),
            ("after", beat.figures_after, "beat", new.get(beat.after, -1), len(new)),
        ):
            for name in ("grids", "residents", "incidents", "covered_share"):
                key = f"{name}_{side}"
                line[key] = np.nan if figures is None else float(getattr(figures, name))
                counted = _COUNTED.get(name, (name,))
                mask[key] = row >= 0 and any(
                    bool(hiding.of(level, each, size)[row]) for each in counted
                )
        lines.append(line)
        masks.append(mask)
    rows, hidden = pd.DataFrame(lines), pd.DataFrame(masks)
    for key in hidden.columns:
        form: Format = "share" if key.startswith("covered") else "count"
        rows[key] = rounded(rows[key].to_numpy(dtype=float), form, hiding)
        rows.loc[hidden[key], key] = np.nan
    # A beat that is new has nothing to keep.
    rows["kept_share"] = [
        np.nan if beat.figures_before is None else beat.kept_share for beat in made.beats
    ]
    hidden["kept_share"] = hidden["residents_before"] | bool(hiding.limit)
    rows.loc[hidden["kept_share"], "kept_share"] = np.nan
    notes = [tr("report.note.comparison", old=made.old, new=made.new)]
    if measured.response is None:
        notes.append(tr("report.note.no_response"))
    columns = [column("name", "text")]
    missing = measured.now["beat"].missing
    for name in ("grids", "residents", "incidents", "covered_share"):
        if name in missing or (name == "covered_share" and "residents" in missing):
            continue
        form = "share" if name == "covered_share" else "count"
        now = column(f"{name}_before", form)
        if name == "incidents":  # elsewhere this key is the period before
            now = Column(now.key, tr("report.column.incidents_today"), form)
        columns += [now, column(f"{name}_after", form)]
    if not hiding.limit:
        columns.append(column("kept_share", "share", bar=True))
    order = _most_changed(rows, hidden)
    drawn = next(name for name in ("incidents", "residents", "grids") if name not in missing)
    return Table(
        "comparison",
        tr("report.sheet.comparison"),
        tuple(columns),
        rows.iloc[order].reset_index(drop=True),
        None,
        tuple(notes),
        (
            Chart(
                "bar", tr(f"report.chart.comparison_{drawn}"), "name",
                (f"{drawn}_before", f"{drawn}_after"),
            ),
        ),
        hidden.iloc[order].reset_index(drop=True),
    )  # fmt: skip


def handover_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return what each beat gives to which other; None where small counts are hidden."""
    made = measured.comparison
    if made is None or hiding.limit or not made.flows:
        return None
    city, missing = measured.city, measured.now["beat"].missing
    rooms = city.get(Kind.ROOM)
    names = dict(zip(city.grids.ids.astype(str), city.grids.names.astype(str), strict=True))
    place = {key: row for row, key in enumerate(city.grids.ids.astype(str))}
    lines = []
    for flow in made.flows:
        line: dict[str, object] = {
            "from_beat": flow.before_label or tr("report.handover.none"),
            "to_beat": flow.after_label or tr("report.handover.none"),
            "grids": float(len(flow.grids)),
            "residents": flow.residents,
            "incidents": flow.incidents,
        }
        if rooms is not None and len(rooms):
            ground = city.grids.geometry[[place[str(key)] for key in flow.grids]]
            hit = shapely.STRtree(ground).query(
                shapely.points(city.room_xy), predicate="intersects"
            )
            line["rooms"] = tr("report.sentence.comma").join(
                rooms.names.astype(str)[np.unique(hit[0])]
            )
        listed = [names[str(key)] for key in flow.grids]
        line["listed"] = tr("report.sentence.comma").join(listed)
        lines.append(line)
    columns = [column("from_beat", "text"), column("to_beat", "text"), column("grids")]
    columns += [column(name) for name in ("residents", "incidents") if name not in missing]
    columns += [column("rooms", "text")] if "rooms" in lines[0] else []
    columns.append(column("listed", "text"))
    rows = pd.DataFrame(lines)
    total = {"from_beat": tr("report.total"), "to_beat": "", "rooms": "", "listed": ""}
    sums = {name: float(rows[name].sum()) for name in ("grids", "residents", "incidents")}
    return Table(
        "handover",
        tr("report.sheet.handover"),
        tuple(columns),
        rows,
        total | sums,
        (tr("report.note.handover"),),
    )


def _most_changed(rows: pd.DataFrame, hidden: pd.DataFrame) -> np.ndarray:
    """Return the order of beats by how much changes, of what is shown, the most first."""
    change = np.zeros(len(rows))
    for name in ("residents", "incidents", "grids"):
        before, after = (
            rows[f"{name}_{side}"].fillna(0.0).to_numpy(dtype=float)
            for side in ("before", "after")
        )
        dark = hidden[f"{name}_before"] | hidden[f"{name}_after"]
        total = max(float(np.maximum(before, after).sum()), 1.0)
        change += np.where(dark, 0.0, np.abs(after - before) / total)
    return np.argsort(-change, kind="stable")


def _staff(measured: Measured) -> tuple[np.ndarray, np.ndarray] | None:
    if measured.plan is not None:
        officers = np.array([beat.officers for beat in measured.plan.beats], dtype=float)
        auxiliaries = np.array([beat.auxiliaries for beat in measured.plan.beats], dtype=float)
        return (officers, auxiliaries) if officers.any() else None
    beats = measured.city.get(Kind.BEAT)
    if beats is None or not beats.has("officers"):
        return None
    return beats.counts("officers"), beats.counts("auxiliaries")


def staff_shortest(measured: Measured) -> tuple[str, int, str]:
    """Return the beat that lacks most officers, how many, and the norm that asks for them."""
    found, staff = measured.now.get("beat"), _staff(measured)
    if found is None or staff is None:
        return "", 0, ""
    people = dict(zip(("officers", "auxiliaries"), staff, strict=True))
    needs = staff_needed(
        found.rows[["residents", "migrants"]].assign(**people), rules=measured.rules
    )
    row = int(needs["officers_lacking"].to_numpy(dtype=float).argmax())
    known = {norm.id: norm.name for norm in measured.rules}
    return (
        str(found.rows["name"].iloc[row]),
        int(needs["officers_lacking"].iloc[row]),
        known.get(str(needs["officers_norm"].iloc[row]), ""),
    )


def lacking_by_beat(measured: Measured) -> np.ndarray | None:
    """Return the officers that each beat lacks by the norms, or None where that is unknown."""
    found, staff = measured.now.get("beat"), _staff(measured)
    if found is None or staff is None or "residents" in found.missing:
        return None
    people = dict(zip(("officers", "auxiliaries"), staff, strict=True))
    needs = staff_needed(
        found.rows[["residents", "migrants"]].assign(**people), rules=measured.rules
    )
    return np.asarray(needs["officers_lacking"].to_numpy(dtype=float))
