"""What several pages draw: the open city, its own beats, and a scene of its grids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from html import escape
from pathlib import Path

import numpy as np

from gridmap.api.incidents import Days, days_before
from gridmap.api.measure import By, MeasureResult
from gridmap.i18n import tr
from gridmap.io.basemap import Basemap, open_basemap
from gridmap.maps import (
    Facts,
    Overlay,
    Scene,
    Theme,
    Tiles,
    basemap,
    beat_theme,
    load_theme,
    outline_overlay,
    room_overlay,
    unit_theme,
    units_of,
)
from gridmap.model import City, Kind, Plan
from gridmap.pages.cache import (
    captions_of_city,
    change_since,
    drawing_of,
    facts_of_grids,
    ground_of_plans,
    join_grids,
    open_city,
    own_plan,
    road_drawings,
    table_of,
)
from gridmap.pages.layout import beat_noun
from gridmap.pages.session import Session, current_session
from gridmap.plans import Action, Draft

_OUTLINES = (Kind.BARRIER, Kind.COMMUNITY, Kind.STATION, Kind.BEAT)
_SHOWN = (Kind.BARRIER, Kind.BEAT)
_WHOLE_SHARE = 0.01  # of the mean: a difference that is worth a sentence
_ROADS = {"main": (1.4, True), "minor": (0.7, False)}  # width in px, whether it is on at first


TILES = "../../basemap/{z}/{x}/{y}"  # as a map's frame sees it; the gate answers


@cache
def basemap_file(path: str) -> Basemap:
    """Return the basemap file that settings name, opened once.

    Raises
    ------
    MissingError, InputError
        If there is none, or it cannot be used.
    """
    return open_basemap(Path(path))


@dataclass(frozen=True, slots=True, eq=False)
class PageGround:
    """The city that a session looks at.

    Parameters
    ----------
    session
        The reader's session.
    city, key
        The city, and the digest of what is stored.
    plan
        Its own beats, or None.
    all_days
        Whether all days are counted, whatever period the session has: plans are made for all.
    """

    session: Session
    city: City
    key: str
    plan: Plan | None
    all_days: bool = False

    @property
    def period(self) -> tuple[date | None, date | None]:
        """First and last day asked for; None for no limit."""
        return (None, None) if self.all_days else (self.session.since, self.session.until)

    @property
    def tiles(self) -> Tiles | None:
        """The basemap, or None."""
        settings = self.session.settings
        if settings.basemap:
            file = basemap_file(settings.basemap)
            credit = settings.tile_credit or escape(file.credit)
            return Tiles(TILES, credit, settings.tile_datum, most_zoom=file.zooms[1])
        return basemap(
            settings.tile_url,
            key=settings.tile_key,
            credit=settings.tile_credit,
            datum=settings.tile_datum,
        )

    @property
    def datum(self) -> str:
        """Datum that drawings are shifted to."""
        tiles = self.tiles
        return tiles.datum if tiles else "wgs84"

    def table(self, by: By, days: tuple[date | None, date | None] | None = None) -> MeasureResult:
        """Return the measures of some days, or of the period if None."""
        since, until = self.period if days is None else days
        plan = self.plan if by == "beat" and not self.city.has(Kind.BEAT) else None
        return table_of(self.city, self.key, by, since, until, plan)

    def whole_grids_note(self, beat: str = "") -> str:
        """Return how far whole grids, as Redraw counts, differ from what lies inside outlines.

        Parameters
        ----------
        beat
            The beat told of; if blank, the one whose count differs most, against the mean.

        Returns
        -------
        str
            Blank where no count differs by over 1 % of the mean, or beats have no outlines.
        """
        plan = self.plan
        if plan is None or not self.city.has(Kind.BEAT):
            return ""
        grids, beats = (self.table(by, (None, None)).table for by in ("grid", "beat"))
        inside = beats.rows.set_index(beats.rows["id"].astype(str))
        inside = inside.reindex(list(map(str, plan.beat_ids)))
        held, found = plan.assignment >= 0, []
        for name in ("residents", "incidents"):
            values = grids.rows[name].to_numpy(dtype=float)
            whole = np.bincount(plan.assignment[held], values[held], minlength=len(plan))
            drawn = np.nan_to_num(inside[name].to_numpy(dtype=float))
            if name in grids.missing or not drawn.sum() > 0:
                continue
            off = np.abs(whole - drawn) / drawn.mean()
            row = plan.row_of(beat) if beat else int(off.argmax())
            if off[row] > _WHOLE_SHARE:
                found.append((off[row], row, name, whole[row], drawn[row]))
        if not found:
            return ""
        _, row, name, whole, drawn = max(found)
        return tr(
            "page.whole_grids.beat" if beat else "page.whole_grids.worst",
            beat=plan.beats[row].label,
            name=tr(f"page.whole_grids.{name}"),
            whole=f"{whole:,.0f}",
            inside=f"{drawn:,.0f}",
        )

    @property
    def days_before(self) -> Days | None:
        """First and last day of the period before; None where the data don't reach back."""
        return None if self.days is None else days_before(self.city, self.days)

    @property
    def days(self) -> Days | None:
        """First and last day that are counted; None where no times are known."""
        incidents = self.city.incidents
        if incidents is None or incidents.period is None:
            return None
        first, last = incidents.period[0].date(), incidents.period[1].date()
        asked = self.period
        since, until = asked[0] or first, asked[1] or last
        return (since, until) if since <= until else None

    def change_note(
        self,
        now: float,
        before: float,
        *,
        hours: tuple[int, ...] = (),
        categories: tuple[int, ...] = (),
    ) -> str:
        """Return the change of the city's incidents per day, with dates and verdict; or blank.

        Parameters
        ----------
        now, before
            Incidents of the session's period and of the one before.
        hours, categories
            What of them was counted; all if empty.
        """
        days = self.days
        if days is None or self.days_before is None:
            return ""
        found = change_since(self.city, self.key, days, (now, before), hours, categories)
        return tr(
            "page.incidents.change",
            daily=f"{found.per_day_now:,.1f}",
            share=f"{found.share:+.1%}" if before else "–",
            count=f"{before:,.0f}",
            daily_before=f"{found.per_day_before:,.1f}",
            days=found.before,
            verdict=found.verdict,
        )

    def beats(self, plan: Plan) -> Theme:
        """Return the theme that gives neighbouring beats of a plan different colours."""
        join_grids(self.city, self.key)
        return beat_theme(self.city, plan)

    def loads(self, plan: Plan, weights: Mapping[str, float] | None = None) -> Theme | None:
        """Return the theme of each beat's workload against the mean; None where there is none."""
        figures = Draft.start(ground_of_plans(self.city, self.key, weights or {}), plan).figures
        if not figures.workload.sum() > 0:
            return None
        theme = load_theme(figures.deviation, held=figures.grids > 0)
        return unit_theme(theme, plan.assignment)

    def scene(
        self,
        themes: tuple[Theme, ...],
        *,
        overlays: tuple[Overlay, ...] = (),
        columns: tuple[str, ...] = (),
        theme: str = "",
        radius_m: float = 0.0,
        plan: Plan | None = None,
        rooms_shown: bool = False,
        marked: tuple[int, ...] = (),
    ) -> Scene:
        """Return a scene of the grids with the outlines and names that the city has."""
        city = self.city
        named = plan or self.plan
        other = plan is not None and plan is not self.plan
        found = self._roads() if city.has(Kind.ROAD) else []
        found += [self._outline(kind, other=other) for kind in _OUTLINES if city.has(kind)]
        if city.has(Kind.ROOM):
            found.append(
                room_overlay(city.rooms, radius_m=radius_m, datum=self.datum, shown=rooms_shown)
            )
        return Scene(
            drawing_of(city.grids, datum=self.datum),
            tuple(self._with_borders(theme) for theme in themes),
            theme,
            (*found, *overlays),
            self._facts(columns, named),
            marked,
            self.tiles,
            None if named is None else units_of(named, chosen=self.session.beat),
            captions_of_city(city, self.key, datum=self.datum),
            exports=self.session.may(Action.EXPORT),
        )

    def _roads(self) -> list[Overlay]:
        """Return main and minor roads: the quiet ground, one switch each."""
        main, minor = road_drawings(self.city.layer(Kind.ROAD), datum=self.datum)
        drawings = {"main": main, "minor": minor}
        base = outline_overlay(self.city.layer(Kind.ROAD), drawing=main or minor)
        return [
            replace(
                base, key=f"road-{name}", name=tr(f"maps.road.{name}"), drawing=drawing,
                width=_ROADS[name][0], shown=_ROADS[name][1],
            )
            for name, drawing in drawings.items()
            if drawing is not None
        ]  # fmt: skip

    def _with_borders(self, theme: Theme) -> Theme:
        """Return the theme with today's beats in it, where no layer draws their borders."""
        if self.plan is None or self.city.has(Kind.BEAT) or theme.groups is not None:
            return theme
        note = theme.note or tr("maps.legend.beat_borders")
        return replace(theme, groups=self.plan.assignment, note=note)

    def _facts(self, columns: tuple[str, ...], plan: Plan | None) -> Facts:
        return facts_of_grids(self.city, self.key, *self.period, columns, plan)

    def _outline(self, kind: Kind, *, other: bool = False) -> Overlay:
        layer = self.city.layer(kind)
        # Today's borders over another plan's would be read as that plan's.
        shown = kind in _SHOWN and not (other and kind is Kind.BEAT)
        return outline_overlay(layer, drawing=drawing_of(layer, datum=self.datum), shown=shown)


def read_ground() -> PageGround:
    """Return what the session looks at.

    Raises
    ------
    GridmapError
        If the workspace cannot be opened.
    """
    session = current_session()
    city, key = open_city(session.path)
    plan = own_plan(city, key)
    session.beat = _beat_id(plan, session.beat)
    return PageGround(session, city, key, plan)


def _beat_id(plan: Plan | None, beat: str) -> str:
    """Return the id of a beat that an address names by its id or by the name a page prints."""
    if plan is None or not beat or beat in plan.beat_ids:
        return beat
    named = [one.id for one in plan.beats if beat in {one.name, one.label, beat_noun(one.label)}]
    return named[0] if len(named) == 1 else beat
