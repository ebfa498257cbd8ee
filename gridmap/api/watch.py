"""Watch: what is unusual now, where and since when, and how often chance would show it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, TypedDict, cast

from gridmap._lazy import gpd, np, pd, shapely
from gridmap.api.options import AsDate, Options, as_date, option
from gridmap.api.results import FORMAT, MapView, PrintedResult, verb
from gridmap.errors import InputError, MissingError
from gridmap.fields import Json, Kind
from gridmap.i18n import some_names, tr

if TYPE_CHECKING:
    from gridmap.measure import By, ReportDelays
    from gridmap.model import City, Layer
    from gridmap.report.document import Block
    from gridmap.typing import Floats, Ints


_LONGEST_DAYS = 7  # of a cluster
_HISTORY_DAYS = 90  # that say what is usual for the scan
_REPEAT_DAYS = 90  # within which a place that recurs is reported
_MOST_REPEATS = 5
_EXCEEDANCES = 10  # after which a scan is quiet; more hardly change its p (benchmarks.watch)
_LEAST_DAYS = 14  # that a chart of days shows
_USUAL_DAYS = 28  # whose mean is a usual day
_SURE_DAY = 20.0  # incidents of a usual day: fewer than a quarter come once in ten thousand days
_MOST_CHARTS = 4  # on a sheet
_LEAST_WEEKS = 26  # that say what is usual for a chart
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class WatchOptions(Options):
    """Up to which day `watch` looks, and how rare an alert must be."""

    verb: ClassVar[str] = "watch"

    until: AsDate = option("", metavar="DATE", parse=as_date)
    days: int = option(28, least=7, most=180, unit="d", metavar="N")
    recurrence: float = option(90.0, least=7, most=3650, unit="d", metavar="DAYS")
    seed: int = option(0, least=0, most=2**31 - 1)


class AlertRow(TypedDict):
    """One alert: what, where, since when, seen and expected, how often by chance."""

    kind: str
    category: str | None
    level: str
    ids: list[str]
    names: list[str]
    since: str
    until: str
    observed: float
    expected: float
    p: float
    recurrence_days: float


class ChartRow(TypedDict):
    """Incidents of the whole city or of an alert's row by week or day, and their usual range."""

    category: str | None
    level: str
    names: list[str]
    step: str
    until: list[str]
    incidents: list[int]
    usual: float
    low: float
    high: float
    recent: int


class RepeatRow(TypedDict):
    """A place with two disputes or more."""

    grid: str
    x: float
    y: float
    disputes: int
    first: str
    last: str


class DisputesRow(TypedDict):
    """矛盾纠纷: what became of disputes up to the day, and where they come again."""

    total: int
    settled: int
    open: int
    settled_share: float | None
    median_days: float | None
    ninety_percent_days: float | None
    open_days_mean: float | None
    repeat_places: int
    repeats: list[RepeatRow]


class ReportingRow(TypedDict):
    """How late incidents are reported, and the newest days of which more are to come."""

    usual_days: int
    known: int
    late: int
    incomplete: list[str] | None


class WatchJson(TypedDict):
    """The JSON of ``gridmap watch --json``."""

    format: int
    since: str
    until: str
    alerts: list[AlertRow]
    watched: int
    charts: list[ChartRow]
    disputes: DisputesRow | None
    reporting: ReportingRow | None
    notes: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WatchResult(PrintedResult[WatchJson]):
    """The alerts of a day.

    Attributes
    ----------
    city, options
        What was watched, and how.
    since, until
        First and last day that alerts may fall on.
    alerts
        The rarest first; empty on a quiet day.
    watched
        How many scans and charts share the recurrence.
    charts
        Incidents of the whole city by week, by day where weeks are too few, then of each alert
        of a chart in their order; usual is the mean, low and high are three standard deviations
        of the counts from it, by their dispersion.
    disputes
        What became of disputes, or None where the city does not know when they were settled.
    reporting
        How late the incidents of the days were reported, or None where that is not known.
    notes
        What is missing or assumed, in words.
    """

    city: City
    options: WatchOptions
    since: str
    until: str
    alerts: tuple[AlertRow, ...]
    watched: int
    charts: tuple[ChartRow, ...] = ()
    disputes: DisputesRow | None = None
    reporting: ReportDelays | None = None
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<WatchResult until {self.until}: {len(self.alerts)} alerts>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per alert."""
        return pd.DataFrame(list(self.alerts), columns=list(AlertRow.__annotations__))

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return one row per alert with its ground; empty where it is the whole city's."""
        from gridmap.measure.pieces import ground_of

        frame = self.to_frame()
        shapes = []
        for alert in self.alerts:
            if alert["level"] == "city":
                shapes.append(shapely.Polygon())
                continue
            ground = ground_of(self.city, cast("By", alert["level"]))
            rows = [row for row, one in enumerate(ground.ids) if one in set(alert["ids"])]
            shapes.append(shapely.union_all(ground.geometry[rows]))
        return gpd.GeoDataFrame(frame, geometry=shapes, crs=self.city.crs)

    def to_dict(self) -> WatchJson:
        """Return the JSON of the command."""
        return {
            "format": FORMAT,
            "since": self.since,
            "until": self.until,
            "alerts": list(self.alerts),
            "watched": self.watched,
            "charts": list(self.charts),
            "disputes": self.disputes,
            "reporting": cast("ReportingRow | None", self.reporting and self.reporting.to_dict()),
            "notes": list(self.notes),
            "options": self.options.to_dict(),
        }

    def sentences(self) -> list[str]:
        """Return each alert in words: what, where, since when, seen and usual."""
        return [_sentence(alert) for alert in self.alerts]

    def dispute_sentences(self) -> list[str]:
        """Return what became of disputes, and where they come again; empty where unknown."""
        told = self.disputes
        if told is None:
            return []
        said = [
            tr(
                "duty.watch.disputes",
                until=self.until,
                total=told["total"],
                share=100.0 * (told["settled_share"] or 0.0),
                open=told["open"],
                half=_days(told["median_days"]),
                most=_days(told["ninety_percent_days"]),
                age=_days(told["open_days_mean"]),
            )
        ]
        if told["repeats"]:
            counts: dict[str, list[str]] = {}  # several places of one grid are reported together
            for row in told["repeats"]:
                counts.setdefault(row["grid"], []).append(str(row["disputes"]))
            places = [
                tr("duty.watch.repeat", grid=grid, count=each[0])
                if len(each) == 1
                else tr(
                    "duty.watch.repeat_places",
                    grid=grid,
                    places=len(each),
                    count=tr("api.join").join(each),
                )
                for grid, each in counts.items()
            ]
            names = tr("api.join").join(places)
            said.append(tr("duty.watch.repeats", count=told["repeat_places"], names=names))
        return said

    def quiet(self) -> str:
        """Return what is said where there is no alert."""
        return tr("duty.watch.quiet", until=self.until, days=self.options.recurrence)

    @property
    def sheet_title(self) -> str:
        """The title of the printed sheet."""
        return tr("duty.sheet.watch", city=self.city.label, until=self.until)

    def blocks(self) -> list[Block]:
        """Return the alerts and their map as they are printed."""
        from gridmap.report.document import Paragraph
        from gridmap.report.duty import chart_block, watch_blocks

        shapes = list(self.to_gdf().geometry)
        blocks = watch_blocks(self.city, self.sentences(), shapes, quiet=self.quiet())
        blocks += [chart_block(chart, chart_title(chart)) for chart in self.charts[:_MOST_CHARTS]]
        blocks += [Paragraph(sentence) for sentence in self.dispute_sentences()]
        return [*blocks, *(Paragraph(note, style="note") for note in self.notes)]

    def figures(self) -> list[tuple[str, str]]:
        """Return the number of alerts."""
        return [(tr("api.watch.alerts"), f"{len(self.alerts)}")]

    def map_view(self) -> MapView | None:
        """Return the grids, those of alerts marked by how much was seen above what is usual."""
        from gridmap.maps import choropleth

        grids = self.city.get(Kind.GRID)
        if grids is None:
            return None
        values = np.zeros(len(grids))
        place = {one: row for row, one in enumerate(grids.ids)}
        for alert in self.alerts:
            if alert["level"] == "grid":
                for one in alert["ids"]:
                    values[place[one]] += alert["observed"] - alert["expected"]
        theme = choropleth("incidents", values)
        return MapView(cells=grids, themes=(theme,))


def chart_title(chart: ChartRow) -> str:
    """Return what a chart shows in words, with its usual range."""
    return tr(
        f"duty.watch.chart_{chart['step']}",
        where=some_names(chart["names"] or [tr("duty.watch.city")], most=4),
        what=chart["category"] or tr("duty.watch.all"),
        usual=chart["usual"],
        low=chart["low"],
        high=chart["high"],
    )


def _sentence(alert: AlertRow) -> str:
    return tr(
        f"duty.watch.{alert['kind']}",
        where=some_names(alert["names"] or [tr("duty.watch.city")], most=4),
        what=alert["category"] or tr("duty.watch.all"),
        since=alert["since"],
        until=alert["until"],
        observed=round(alert["observed"]),
        expected=alert["expected"],
        days=alert["recurrence_days"],
    )


@verb(WatchOptions)
def watch(city: City, options: WatchOptions) -> WatchResult:
    """Watch for what is unusual up to a day.

    Two methods, whose false alerts together are as rare as ``recurrence`` says: a prospective
    space-time permutation scan over the grids, for all incidents and for each category (Kulldorff
    et al. 2005), and exponentially weighted charts of weekly counts of beats, stations and
    categories (Roberts 1959). An alert says what, where, since when, seen and expected, and once
    in how many days chance alone would give one. Places and hours only; nothing is said of
    persons.

    Returns
    -------
    WatchResult
        The rarest alert first.

    Raises
    ------
    MissingError
        If there are no incidents with times, or no grids and no beats.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=4000)
    >>> gridmap.watch(city).until
    '2024-12-31'
    """
    from gridmap.measure import report_delays

    incidents = city.located
    if incidents is None or incidents.period is None:
        raise MissingError("patrol.error.no_times", city=city.label)
    last = date.fromisoformat(options.until[:10]) if options.until else incidents.period[1].date()
    if last < incidents.period[0].date():
        raise InputError("patrol.error.no_times", city=city.label)
    until = (last - _EPOCH).days
    columns = _columns(city, until)
    charts = _weekly(city, columns, until, options.days)
    grids = city.get(Kind.GRID)
    scans = 0 if grids is None else 1 + len(incidents.categories)
    rows = sum(len(chart.counts) for chart in charts)
    notes: list[str] = []
    newest = incidents.period[1].date()
    if last > newest:
        notes.append(tr("api.watch.stale", newest=newest, until=last))
    if not charts:
        notes.append(tr("api.watch.few_weeks", weeks=_LEAST_WEEKS))
    if grids is None:
        notes.append(tr("api.watch.no_grids"))
    if last <= newest:
        notes += _incomplete(columns["day"], until)
    since = last - timedelta(days=options.days - 1)
    reporting = report_delays(city, since=str(since), until=str(last + timedelta(days=1)))
    if reporting is not None:
        notes += reporting.sentences()
    # Half of what chance may give goes to the scans, half to the charts.
    parts = (scans > 0) + (rows > 0)
    alerts: list[AlertRow] = []
    if grids is not None:
        each = options.recurrence * parts * scans
        alerts += _scan(city, grids, columns, until, each, options)
    if rows:
        alerts += _signals(charts, until, options, options.recurrence * parts * rows / 7.0)
    alerts.sort(key=lambda alert: (-alert["recurrence_days"], alert["p"]))
    return WatchResult(
        city=city,
        options=options,
        since=str(since),
        until=str(last),
        alerts=tuple(alerts),
        watched=scans + rows,
        charts=_charted(columns["day"], charts, until, options.days, alerts),
        disputes=_disputes(city, last),
        reporting=reporting,
        notes=tuple(notes),
    )


def _columns(city: City, until: int) -> dict[str, Ints]:
    """Return day, category and located rows of the incidents with a time up to a day."""
    from gridmap.patrol import timed_parts

    kinds = [str(kind) for kind in (Kind.GRID, Kind.BEAT, Kind.STATION) if city.has(kind)]
    names = ["category", *kinds]
    end = _EPOCH + timedelta(days=until + 1)
    parts = [part for part, _ in timed_parts(city, names, until=end)]
    found = {
        name: np.concatenate([part[name] for part in parts] or [np.empty(0)]).astype(np.int64)
        for name in (*names, "seconds")
    }
    return {**found, "day": found.pop("seconds") // 86_400}


def _incomplete(day: Ints, until: int) -> list[str]:
    """Say that the last day has less than a quarter of a usual day, if that is no chance."""
    counts = np.bincount((until - day)[until - day < _USUAL_DAYS + 1], minlength=_USUAL_DAYS + 1)
    usual = float(counts[1:].mean())
    if usual < _SURE_DAY or counts[0] >= usual / 4:
        return []
    last = _EPOCH + timedelta(days=until)
    return [tr("api.watch.incomplete", day=last, count=int(counts[0]), usual=usual)]


def _days(value: float | None) -> str:
    return tr("duty.watch.unknown") if value is None else f"{value:,.1f}"


def _disputes(city: City, last: date) -> DisputesRow | None:
    """Sum up disputes, and name the places that call again."""
    from gridmap.measure import dispute_rows, disputes_of, repeated_places

    end = np.datetime64(last, "s") + np.timedelta64(1, "D")
    told = disputes_of(city, until=str(end))
    late = dispute_rows(city, since=str(end - np.timedelta64(_REPEAT_DAYS, "D")), until=str(end))
    if told is None or late is None or not told.total:
        return None
    places = repeated_places(late[0]["x"], late[0]["y"], late[0]["time"])
    return {
        "total": told.total,
        "settled": told.settled,
        "open": told.open,
        "settled_share": _known(told.settled_share),
        "median_days": _known(told.median_days),
        "ninety_percent_days": _known(told.ninety_percent_days),
        "open_days_mean": _known(told.open_days_mean),
        "repeat_places": len(places),
        "repeats": [
            {
                "grid": _grid_at(city, float(row.x), float(row.y)),
                "x": round(float(row.x), 1),
                "y": round(float(row.y), 1),
                "disputes": int(row.incidents),
                "first": str(row.first)[:10],
                "last": str(row.last)[:10],
            }
            for row in places.head(_MOST_REPEATS).itertuples()
        ],
    }


def _known(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _grid_at(city: City, x: float, y: float) -> str:
    """Return the name of the grid at a point; blank where there is none."""
    grids = city.get(Kind.GRID)
    if grids is None:
        return ""
    rows = shapely.STRtree(grids.geometry).query(shapely.Point(x, y), predicate="intersects")
    return str(grids.names[rows[0]]) if len(rows) else ""


def _scan(
    city: City,
    grids: Layer,
    columns: dict[str, Ints],
    until: int,
    each: float,
    options: WatchOptions,
) -> list[AlertRow]:
    """Return the clusters of all incidents, and of each category, that are rare enough."""
    from gridmap.measure.watch import scan_space_time

    incidents = city.incidents
    assert incidents is not None  # noqa: S101 - asked before
    xy = shapely.get_coordinates(shapely.point_on_surface(grids.geometry))
    draws = max(999, math.ceil(each))  # a p-value as small as the limit can be reached
    inside = (columns["grid"] >= 0) & (columns["day"] > until - _HISTORY_DAYS)
    scans = 1 + len(incidents.categories)
    found: list[AlertRow] = []
    for number, category in enumerate((None, *incidents.categories)):
        keep = inside if category is None else inside & (columns["category"] == number - 1)
        clusters = scan_space_time(
            columns["grid"][keep], columns["day"][keep], xy, until=until,
            history_days=_HISTORY_DAYS, longest_days=_LONGEST_DAYS, draws=draws,
            exceedances=_EXCEEDANCES, seed=options.seed,
        )  # fmt: skip
        for cluster in clusters:
            if cluster.p_value > 1.0 / each:
                continue
            rows = np.asarray(cluster.places)
            found.append(
                {
                    "kind": "cluster",
                    "category": category,
                    "level": "grid",
                    "ids": [str(one) for one in grids.ids[rows]],
                    "names": [str(one) for one in grids.names[rows]],
                    "since": str(_EPOCH + timedelta(days=until - cluster.days + 1)),
                    "until": str(_EPOCH + timedelta(days=until)),
                    "observed": float(cluster.observed),
                    "expected": round(cluster.expected, 4),
                    "p": min(1.0, cluster.p_value * scans),
                    "recurrence_days": round(cluster.recurrence_days / scans, 1),
                }
            )
    return _apart(found)


def _apart(alerts: list[AlertRow]) -> list[AlertRow]:
    """Keep the rarest of alerts that share most of their ground: one event, one alert."""
    kept: list[AlertRow] = []
    for alert in sorted(alerts, key=lambda one: (one["p"], one["category"] is None)):
        ground = set(alert["ids"])
        shared = (
            len(ground & set(one["ids"])) / min(len(ground), len(one["ids"])) for one in kept
        )
        if all(share < 0.5 for share in shared):
            kept.append(alert)
    return kept


@dataclass(frozen=True)
class _CountsChart:
    """Weekly counts of some rows; the last week ends on the day that is looked at."""

    level: str
    ids: list[str]
    names: list[str]
    categories: list[str | None]
    counts: Floats
    recent: int


def _weekly(city: City, columns: dict[str, Ints], until: int, days: int) -> list[_CountsChart]:
    """Return weekly counts of stations, beats and categories, if there is a usual level."""
    day = columns["day"]
    if not len(day):
        return []
    weeks = int((until - day.min() + 1) // 7)
    recent = max(1, round(days / 7))
    if weeks - recent < _LEAST_WEEKS:
        return []
    week = weeks - 1 - (until - day) // 7
    kept = week >= 0

    def table(row: Ints, rows: int) -> Floats:
        inside = kept & (row >= 0)
        place = row[inside] * weeks + week[inside]
        return np.bincount(place, minlength=rows * weeks).reshape(rows, weeks).astype(float)

    charts = []
    for kind in (Kind.STATION, Kind.BEAT):
        layer = city.get(kind)
        if layer is not None and str(kind) in columns:
            counts = table(columns[str(kind)], len(layer))
            ids, names = [list(map(str, one)) for one in (layer.ids, layer.names)]
            charts.append(_CountsChart(str(kind), ids, names, [None] * len(ids), counts, recent))
    categories = city.incidents.categories if city.incidents is not None else ()
    if categories:
        counts = table(columns["category"], len(categories))
        blank = [""] * len(categories)
        charts.append(_CountsChart("city", blank, blank, list(categories), counts, recent))
    return charts


def _charted(
    day: Ints, charts: list[_CountsChart], until: int, days: int, alerts: list[AlertRow]
) -> tuple[ChartRow, ...]:
    """Return the counts of the whole city, and of each alert of a chart, with their range."""
    if not len(day):
        return ()
    if charts:
        weeks = charts[0].counts.shape[1]
        steps, recent, length = min(52 + charts[0].recent, weeks), charts[0].recent, 7
    else:
        steps, recent, length = int(min(days, until - day.min() + 1)), 1, 1
        if steps < _LEAST_DAYS:
            return ()
    back = (until - day) // length
    whole = np.bincount(back[back < steps], minlength=steps)[::-1].astype(float)
    made = [_chart_row(None, "city", [], whole, recent, until, length)]
    for alert in alerts:
        for chart in charts:
            if alert["kind"] != "chart" or alert["level"] != chart.level:
                continue
            row = (
                chart.categories.index(alert["category"])
                if chart.level == "city"
                else chart.ids.index(alert["ids"][0])
            )
            counts = chart.counts[row, -steps:]
            made.append(
                _chart_row(
                    alert["category"], chart.level, alert["names"], counts, recent, until, length
                )
            )
    return tuple(made)


def _chart_row(
    category: str | None, level: str, names: list[str], counts: Floats, recent: int, until: int,
    length: int,
) -> ChartRow:  # fmt: skip
    from gridmap.measure import estimate_dispersion

    before = counts[: len(counts) - recent]
    usual = float(before.mean())
    wide = 3.0 * math.sqrt(float(estimate_dispersion(before[None]).factor[0]) * usual)
    ends = [until - length * back for back in range(len(counts) - 1, -1, -1)]
    return {
        "category": category,
        "level": level,
        "names": list(names),
        "step": "week" if length == 7 else "day",
        "until": [str(_EPOCH + timedelta(days=end)) for end in ends],
        "incidents": [int(count) for count in counts],
        "usual": round(usual, 4),
        "low": round(max(0.0, usual - wide), 4),
        "high": round(usual + wide, 4),
        "recent": recent,
    }


def _signals(
    charts: list[_CountsChart], until: int, options: WatchOptions, recurrence_weeks: float
) -> list[AlertRow]:
    """Return the rows whose chart signals more than usual in the days that are looked at."""
    from gridmap.measure.watch import control_chart

    found: list[AlertRow] = []
    for chart in charts:
        busy = np.flatnonzero(chart.counts[:, : -chart.recent].sum(axis=1) >= 1.0)
        if not len(busy):
            continue
        baseline = min(52, chart.counts.shape[1] - chart.recent)
        weekly = chart.counts[busy][:, -(baseline + chart.recent) :]
        made = control_chart(weekly, baseline=baseline, recurrence_weeks=recurrence_weeks)
        for at, row in enumerate(busy):
            weeks = np.flatnonzero(made.signals[at] > 0)
            if not len(weeks):
                continue
            last = int(weeks[-1])
            behind = chart.recent - 1 - last
            end = until - 7 * behind
            seen = weekly[at, baseline : baseline + last + 1]
            found.append(
                {
                    "kind": "chart",
                    "category": chart.categories[row],
                    "level": chart.level,
                    "ids": [chart.ids[row]] if chart.ids[row] else [],
                    "names": [chart.names[row]] if chart.names[row] else [],
                    "since": str(_EPOCH + timedelta(days=end - 7 * (last + 1) + 1)),
                    "until": str(_EPOCH + timedelta(days=end)),
                    "observed": float(seen.sum()),
                    "expected": round(float(made.usual[at]) * (last + 1), 4),
                    "p": min(1.0, 7.0 / options.recurrence),
                    "recurrence_days": round(options.recurrence, 1),
                }
            )
    return found
