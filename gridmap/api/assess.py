"""Assess: indicators of beats or stations as a ranking that chance does not decide."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict

from gridmap.api.options import AsDate, Options, as_date, end_of, option
from gridmap.api.results import FORMAT, MapView, Result, plain
from gridmap.api.verbs import verb
from gridmap.errors import OptionError
from gridmap.fields import Json
from gridmap.i18n import tr

if TYPE_CHECKING:
    from datetime import date

    import geopandas as gpd
    import pandas as pd

    from gridmap.measure.assessment import Assessment
    from gridmap.model import City
    from gridmap.patrol.score import Goal, MeasuredUnits
    from gridmap.report.document import Block

__all__ = ["AssessJson", "AssessOptions", "AssessResult", "assess"]


def _goals(value: object, option: str) -> tuple[Goal, ...] | None:
    """Return indicators, those of a ``score.toml``, or None."""
    from gridmap.patrol.score import Goal, read_goals

    if isinstance(value, (str, PathLike)):
        return read_goals(Path(value))
    if value is not None and not (
        isinstance(value, tuple) and value and all(isinstance(one, Goal) for one in value)
    ):
        raise OptionError("api.error.goals", option=option, received=type(value).__name__)
    return value


@dataclass(frozen=True, kw_only=True)
class AssessOptions(Options):
    """Whom `assess` ranks, by which indicators of which period."""

    verb: ClassVar[str] = "assess"

    by: Literal["beat", "station", "community"] = option(
        "beat", choices=("beat", "station", "community")
    )
    since: AsDate = option("", metavar="DATE", parse=as_date)
    until: AsDate = option("", metavar="DATE", parse=as_date)
    goals: tuple[Goal, ...] | str | PathLike[str] | None = option(None, parse=_goals, hidden=True)

    def check_together(self) -> None:
        """Check that the period does not end before it begins."""
        if self.since and self.until and self.until < self.since:
            raise OptionError(
                "api.error.period", option="until", since=self.since, until=self.until
            )


class AssessRow(TypedDict):
    """One unit, the best first."""

    id: str
    name: str
    band: int
    rank: int
    rank_low: int
    rank_high: int
    score: float
    low: float
    high: float
    values: dict[str, float | None]
    estimates: dict[str, float | None]


class IndicatorRow(TypedDict):
    """One indicator."""

    name: str
    measure: str
    better: str
    weight: float
    target: float | None
    category: str


class AssessJson(TypedDict):
    """The JSON of ``gridmap assess --json``."""

    format: int
    by: str
    rows: list[AssessRow]
    bands: int
    indicators: list[IndicatorRow]
    missing: list[str]
    notes: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AssessResult(Result[AssessJson]):
    """The ranking.

    Attributes
    ----------
    city, options
        What was assessed, and how.
    measured
        The units and their indicators.
    assessment
        Scores, intervals, ranks and bands.
    notes
        What is missing, in words.
    """

    city: City
    options: AssessOptions
    measured: MeasuredUnits
    assessment: Assessment
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<AssessResult: {len(self.assessment.rows)} units in {self.bands} bands>"

    @property
    def bands(self) -> int:
        """Number of bands of units that can be distinguished."""
        return int(self.assessment.rows["band"].max()) if len(self.assessment.rows) else 0

    def to_frame(self) -> pd.DataFrame:
        """Return one row per unit, the best first: band, rank, score, and each indicator."""
        rows = self.assessment.rows
        at = rows["row"].to_numpy()
        frame = rows.drop(columns="row")
        frame.insert(0, "id", self.measured.ids[at].astype(str))
        frame.insert(1, "name", self.measured.names[at].astype(str))
        for column, indicator in enumerate(self.measured.indicators):
            frame[indicator.key] = indicator.values[at]
            frame[f"{indicator.key}_estimate"] = self.assessment.estimates[at, column]
        return frame

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the table with the units' ground, in the working CRS."""
        import geopandas as gpd

        from gridmap.measure.pieces import ground_of

        ground = ground_of(self.city, self.options.by)
        at = self.assessment.rows["row"].to_numpy()
        return gpd.GeoDataFrame(self.to_frame(), geometry=ground.geometry[at], crs=self.city.crs)

    def readable(self) -> pd.DataFrame:
        """Return the ranking as people read it."""
        import pandas as pd

        frame = self.to_frame()
        pairs = zip(frame["rank_low"], frame["rank_high"], strict=True)
        return pd.DataFrame(
            {
                tr("duty.score.band"): frame["band"],
                tr("field.name"): frame["name"],
                tr("duty.score.rank"): frame["rank"],
                tr("duty.score.ranks"): [f"{low}–{high}" for low, high in pairs],
                tr("duty.score.score"): frame["score"].round(2),
                **dict(self._readable_goal(goal, frame) for goal in self.measured.goals),
            }
        )

    @staticmethod
    def _readable_goal(goal: Goal, frame: pd.DataFrame) -> tuple[str, pd.Series]:
        """Return an indicator's heading and figures; a share is a percentage."""
        values = frame[f"{goal.name}_estimate"]
        if goal.measure.endswith("share"):
            label = tr("duty.score.percent", label=_label(goal))
            return label, (100.0 * values).round(1)
        return _label(goal), values.map(_digits)

    def sentence(self) -> str:
        """Return one sentence on how many units can be distinguished."""
        rows = self.assessment.rows
        first = rows[rows["band"] == 1]
        names = self.measured.names[first["row"].to_numpy()[:5]].astype(str)
        return tr(
            "duty.score.sentence",
            units=len(rows),
            bands=self.bands,
            first=len(first),
            names=tr("api.join").join(names),
        )

    def blocks(self) -> list[Block]:
        """Return the ranking as it is printed."""
        from gridmap.report.document import Paragraph
        from gridmap.report.duty import frame_grid

        return [
            Paragraph(self.sentence()),
            frame_grid(self.readable(), tr("duty.score.table")),
            Paragraph(tr("duty.score.help"), style="note"),
            *(Paragraph(note, style="note") for note in self.notes),
        ]

    def sheet(self, dated: date | None = None) -> bytes:
        """Return the ranking as a printed sheet, PDF.

        Parameters
        ----------
        dated
            The day on it; today if None.
        """
        from gridmap.report.duty import duty_sheet

        title = tr("duty.sheet.score", city=self.city.label)
        return duty_sheet(self.city, title, self.blocks(), dated=dated)

    def to_dict(self) -> AssessJson:
        """Return the JSON of the command; what is not known is None."""
        frame = self.to_frame()
        names = [goal.name for goal in self.measured.goals]
        fixed = ["id", "name", "band", "rank", "rank_low", "rank_high", "score", "low", "high"]
        rows = [
            {
                **{name: row[name] for name in fixed},
                "values": {name: row[name] for name in names},
                "estimates": {name: row[f"{name}_estimate"] for name in names},
            }
            for row in frame.to_dict("records")
        ]
        return {
            "format": FORMAT,
            "by": self.options.by,
            "rows": plain(rows),  # type: ignore[typeddict-item] # as they are made above
            "bands": self.bands,
            "indicators": [
                {
                    "name": goal.name, "measure": goal.measure, "better": goal.better,
                    "weight": goal.weight, "target": goal.target, "category": goal.category,
                }
                for goal in self.measured.goals
            ],
            "missing": [goal.name for goal in self.measured.missing],
            "notes": list(self.notes),
            "options": self.options.to_dict() | {"goals": None},
        }  # fmt: skip

    def figures(self) -> list[tuple[str, str]]:
        """Return the number of units and of bands."""
        units = f"{len(self.assessment.rows)}"
        return [(tr("duty.score.units"), units), (tr("duty.score.bands"), f"{self.bands}")]

    def map_view(self) -> MapView | None:
        """Return the units coloured by their score."""
        import numpy as np

        from gridmap.maps import value_theme
        from gridmap.measure.pieces import ground_of

        values = np.full(len(self.measured.ids), np.nan)
        values[self.assessment.rows["row"].to_numpy()] = self.assessment.rows["band"]
        theme = value_theme("band", tr("duty.score.band"), values, colours="purple")
        return MapView(cells=ground_of(self.city, self.options.by), themes=(theme,))


def _label(goal: Goal) -> str:
    from gridmap.i18n import has_key

    keys = (f"duty.measure.{goal.measure}", f"field.{goal.measure}")
    label = next((tr(key) for key in keys if has_key(key)), goal.measure)
    return (
        label if goal.name == goal.measure else tr("duty.score.named", name=goal.name, label=label)
    )


def _digits(value: float) -> float:
    return round(value, 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0)


@verb(AssessOptions)
def assess(city: City, options: AssessOptions) -> AssessResult:
    """Rank beats, stations or communities by the indicators of ``score.toml``.

    Rates and shares are shrunk towards the common level by empirical Bayes (Marshall 1991), so
    that a small beat neither wins nor loses by chance; each indicator is standardised by the
    spread between units and weighted. The uncertain values are drawn 4,000 times: a unit starts a
    new band if it is worse than the band's first in 95 % of the draws.

    Returns
    -------
    AssessResult
        Units, never persons; 定期排名通报 as a table.

    Raises
    ------
    MissingError
        If there are no such units, or nothing that is asked can be measured.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=3000)
    >>> result = gridmap.assess(city, by="station")
    >>> sorted(result.to_frame()["rank"]) == list(range(1, 7))
    True
    """
    from gridmap.measure.assessment import assess_units
    from gridmap.patrol.score import measure_goals, read_goals

    measured = measure_goals(
        city, options.by, _goals(options.goals, "goals") or read_goals(),
        since=options.since or None, until=end_of(options.until),
    )  # fmt: skip
    notes = []
    if measured.missing:
        names = tr("api.join").join(_label(goal) for goal in measured.missing)
        notes.append(tr("duty.score.missing", names=names))
    return AssessResult(
        city=city, options=options, measured=measured,
        assessment=assess_units(measured.indicators), notes=tuple(notes),
    )  # fmt: skip
