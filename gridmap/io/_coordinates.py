"""The coordinates of a table: two columns, or one that holds both, in any way people write them.

Numbers with a point or a comma, degrees with signs (114°3'15"E, 114º3′15″, 东经114度3分), with
colons or blanks (114:03:15), packed (1140315.0); in one column ``120.1,30.2``, ``(41.8, -87.6)``,
an address with a pair behind it, ``{"latitude": ...}`` of a data portal, GeoJSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, InputError, some_ids
from gridmap.fields import Json, fold
from gridmap.io._crs_guess import Guess, axes_swapped, guess_crs, is_inside_area, place_of
from gridmap.io._tables import Source
from gridmap.io._values import as_numbers
from gridmap.io.options import PACKED, SWAPPED, ImportOptions, Note
from gridmap.model.crs import WGS84, crs_label, parse_crs, reproject_points
from gridmap.typing import Bools, Floats

_STATED_SAMPLE = 100_000
_LEAST_DEG = 0.05
_CITY_DEG = 3.0  # no city is wider
_BULK, _BULK_DEG = 10, 1.0  # points that must agree on where they are, and within how many degrees
_FEW = 0.01


def source_crs(source: Source, options: ImportOptions, where: str) -> tuple[CRS, list[Note]]:
    """Return the CRS that the user states for a layer, else the file's.

    Raises
    ------
    CRSError
        If neither says it, or the file's cannot be true; the message offers a guess.
    """
    if options.crs:
        asked = parse_crs(options.crs_name)
        if source.crs is not None and source.crs != asked:
            values = {"file": where, "stated": crs_label(source.crs), "asked": crs_label(asked)}
            return asked, [Note("io.note.crs_overruled", values)]
        return asked, _off_area(source.frame.geometry.to_numpy(), asked, options, where)
    xy = shapely.get_coordinates(source.frame.geometry.to_numpy())[:_STATED_SAMPLE]
    xy = xy[np.isfinite(xy).all(axis=1)]
    if source.crs is None:
        raise _refusal(xy[:, 0], xy[:, 1], options, where)
    if source.crs.is_geographic and len(xy) and axes_swapped(xy[:, 0], xy[:, 1]):
        raise _swapped(source.crs, xy[:, 0], xy[:, 1], where)
    if source.crs.is_projected and len(xy) and _are_degrees(xy, source.crs):
        raise CRSError("io.error.degrees_called_metres", file=where, stated=crs_label(source.crs))
    return source.crs, []


def _off_area(
    shapes: NDArray[np.object_], crs: CRS, options: ImportOptions, where: str
) -> list[Note]:
    """Return a remark on coordinates outside the area that the CRS asked for is made for."""
    xy = shapely.get_coordinates(shapes)[:_STATED_SAMPLE]
    xy = xy[np.isfinite(xy).all(axis=1)]
    if len(xy) == 0 or crs.is_geographic:
        return []
    x, y = np.median(xy[:, ::-1] if options.swapped else xy, axis=0)
    lon, lat = reproject_points(np.array([x]), np.array([y]), crs, WGS84)
    if not np.isfinite(lon[0]) or is_inside_area(crs, float(lon[0]), float(lat[0])):
        return []
    place = place_of(float(lon[0]), float(lat[0]))
    return [Note("io.note.off_area", {"file": where, "crs": crs_label(crs), "place": place})]


def _are_degrees(xy: Floats, stated: CRS) -> bool:
    """Return whether numbers are degrees that a projected CRS would put far from its ground."""
    if (np.abs(xy) > (180, 90)).any():
        return False
    ground = stated.area_of_use
    if ground is None:
        return False
    middle = np.median(xy, axis=0)
    lon, lat = reproject_points(middle[:1], middle[1:], stated, WGS84)
    near = (
        ground.west - 1 <= lon[0] <= ground.east + 1
        and ground.south - 1 <= lat[0] <= ground.north + 1
    )
    meant = ground.west <= middle[0] <= ground.east and ground.south <= middle[1] <= ground.north
    return not near and meant


def point_crs(
    mapped: dict[str, str], x: Floats, y: Floats, options: ImportOptions, where: str
) -> tuple[CRS, list[Note]]:
    """Return the CRS of a table's points.

    Columns that are called longitude and latitude and hold degrees are WGS 84, and the
    report says so; any other must be stated by the user.

    Raises
    ------
    CRSError
        If nothing says the CRS; the message offers a guess.
    """
    if options.crs:
        return parse_crs(options.crs_name), []
    names = {fold(mapped["x"])[:3], fold(mapped["y"])[:3]}
    finite = np.isfinite(x) & np.isfinite(y)
    if names & {"lon", "lng", "lat", "经度", "纬度"}:
        if finite.any() and axes_swapped(x[finite], y[finite]):
            raise _swapped(WGS84, x, y, where)
        # A few impossible values are refused row by row; many mean that these are no degrees.
        wrong = (np.abs(x[finite]) > 180) | (np.abs(y[finite]) > 90)
        if wrong.mean() < _FEW if finite.any() else True:
            return WGS84, [Note("io.note.degrees", {"file": where})]
        # Rows with the axes exchanged are refused one by one, too.
        turned = exchanged_rows(x, y, options)[finite]
        if 2 * turned.sum() < finite.sum() and (wrong & ~turned).mean() < _FEW:
            return WGS84, [Note("io.note.degrees", {"file": where})]
    elif _are_plain_degrees(x[finite], y[finite]):
        return WGS84, [Note("io.note.degrees", {"file": where})]
    raise _refusal(x[finite], y[finite], options, where)


def _are_plain_degrees(x: Floats, y: Floats) -> bool:
    """Return whether numbers under any heading are degrees of one city: no metres are so small."""
    if len(x) == 0 or axes_swapped(x, y):
        return False
    within = (np.abs(x) <= 180).all() and (np.abs(y) <= 90).all()
    narrow = np.ptp(x) < _CITY_DEG and np.ptp(y) < _CITY_DEG
    apart = (np.abs(x) > 1).all() and (np.abs(y) > 1).all()
    return bool(within and narrow and apart and ((x % 1 != 0) & (y % 1 != 0)).mean() > 0.9)


def exchanged_rows(x: Floats, y: Floats, options: ImportOptions) -> Bools:
    """Return which points are of the city only once longitude and latitude change places.

    Numbers do not show the order where both are below 90, as in most of the Americas: the city
    that is there already does, or else the bulk of the points themselves.

    Parameters
    ----------
    x, y : (n,)
        Degrees as they were read.
    options
        With ``near``, the ground of the city.
    """
    usable = np.isfinite(x) & np.isfinite(y)
    if options.near is not None:
        west, south, east, north = options.near
        margin = max(east - west, north - south, _LEAST_DEG)
    elif usable.sum() >= _BULK:
        west, east = np.quantile(x[usable], (0.25, 0.75))
        south, north = np.quantile(y[usable], (0.25, 0.75))
        margin = max(3 * (east - west), 3 * (north - south), _BULK_DEG)
    else:
        west = east = south = north = np.nan
        margin = 0.0

    def near(lon: Floats, lat: Floats) -> Bools:
        inside = (lon >= west - margin) & (lon <= east + margin)
        return inside & (lat >= south - margin) & (lat <= north + margin)

    beyond = usable & (np.abs(x) <= 90) & (np.abs(y) > 90) & (np.abs(y) <= 180)
    return beyond | (usable & near(y, x) & ~near(x, y))


def without_exchanged(
    x: Floats, y: Floats, crs: CRS, options: ImportOptions, where: str
) -> tuple[Bools, list[Note]]:
    """Return which rows to refuse because their axes are exchanged, and a remark that names them.

    Raises
    ------
    CRSError
        If it is most of them: then the file is latitude first.
    """
    turned = exchanged_rows(x, y, options) if crs.is_geographic else np.zeros(len(x), dtype=bool)
    if not turned.any():
        return turned, []
    if turned.sum() > (np.isfinite(x) & np.isfinite(y)).sum() / 2:
        raise _swapped(crs, x, y, where)
    values: dict[str, Json] = {"file": where, "count": int(turned.sum()),
              "rows": some_ids(np.flatnonzero(turned) + 1)}  # fmt: skip
    return turned, [Note("io.note.rows_swapped", values)]


def swap_axes(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries with first and second coordinate exchanged."""
    return np.asarray(shapely.transform(geometry, lambda xy: xy[:, ::-1]), dtype=object)


def _refusal(x: Floats, y: Floats, options: ImportOptions, where: str) -> CRSError:
    guesses = guess_crs(x, y, options.near) if len(x) else []
    if not guesses:
        return CRSError("io.error.no_crs", file=where)
    best, *others = (guess.to_dict() for guess in guesses)
    listed = [f"{item['crs']} ({item['place']})" for item in others]
    return CRSError(
        "io.error.no_crs_guess",
        file=where,
        guess=best["crs"],
        reason=best["reason"],
        place=best["place"],
        others=some_ids(listed, 3),
        candidates=[best, *others],
    )


def _swapped(crs: CRS, x: Floats, y: Floats, where: str) -> CRSError:
    finite = np.isfinite(x) & np.isfinite(y)
    lon, lat = float(np.median(y[finite])), float(np.median(x[finite]))
    guess = Guess(crs_label(crs) + SWAPPED, "degrees_swapped", lon, lat).to_dict()
    return CRSError(
        "io.error.axes_swapped",
        file=where, guess=guess["crs"], place=guess["place"], candidates=[guess],
    )  # fmt: skip


_LONGEST = 2_000  # letters of a cell that are looked at
_MOST = 0.9  # share of the filled cells that decide what a column holds
_SAMPLE = 500
_SIGNS = str.maketrans({
    "º": "°", "˚": "°", "度": "°", "′": "'", "’": "'", "‘": "'", "´": "'", "`": "'", "分": "'",
    "″": '"', "”": '"', "“": '"', "〃": '"', "秒": '"', "，": ",", "；": ";", "（": "(", "）": ")",
    "：": ":", "．": ".", "−": "-", "–": "-", "\u3000": " ", "\u00a0": " ",
    **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
})  # fmt: skip
_SIDE = r"[NSEWnsew]|东经|西经|北纬|南纬|[东西南北]"
_NUMBER = r"\d{1,12}(?:[.,]\d{1,20})?"
_DEGREE = re.compile(
    rf"^(?P<before>{_SIDE})? ?(?P<sign>[-+])? ?(?P<d>{_NUMBER}) ?(?:°|d(?:eg)?\.?|:| ) ?"
    rf"(?:(?P<m>{_NUMBER}) ?(?:'(?!')|m(?:in)?\.?|:|$| ) ?)?"
    rf"(?:(?P<s>{_NUMBER}) ?(?:\"|''|s(?:ec)?\.?)? ?)?"
    rf"(?P<after>{_SIDE})?$",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    rf"^(?P<before>{_SIDE}) ?(?P<d>[-+]?{_NUMBER})$|^(?P<e>[-+]?{_NUMBER}) ?(?P<after>{_SIDE})$"
)
_COMMA = r"^[-+]?\d{1,3},\d{1,15}$"
_SOUTHWEST = {"S", "W", "西", "南", "西经", "南纬"}
_LON, _LAT = {"E", "W", "东", "西", "东经", "西经"}, {"N", "S", "北", "南", "北纬", "南纬"}

# One column that holds both.
_FIRST_LON = (
    "经纬度", "经纬", "lonlat", "lnglat", "longlat", "xy", "longitudelatitude", "lon,lat",
    "lng,lat",
)  # fmt: skip
_FIRST_LAT = (
    "纬经度", "纬度经度", "latlon", "latlng", "latlong", "latitudelongitude", "lat,lon", "lat,lng",
    "yx",
)  # fmt: skip
_BOTH = (
    *_FIRST_LON, *_FIRST_LAT, "坐标", "位置坐标", "经纬度坐标", "地理坐标", "坐标位置", "定位",
    "位置", "地点坐标", "location", "location1", "coordinates", "coordinate", "coords", "coord",
    "point", "geopoint", "geolocation", "position", "gps", "geocode", "geocodedcolumn", "thegeom",
    "geom", "georeference",
    "mappedlocation", "geo", "latlongs", "longlats", "newgeoreferencedcolumn",
)  # fmt: skip
_ONE = rf"[-+]?{_NUMBER.replace('[.,]', '[.]')}"
_PAIR = re.compile(rf"^[\[({{]? ?(?P<a>{_ONE}) ?(?:[,;|/ ]) ?(?P<b>{_ONE}) ?[\])}}]?$")
_BEHIND = re.compile(rf"\((?P<a>{_ONE}) ?, ?(?P<b>{_ONE})\) ?$")
_SIDES = re.compile(
    rf"^(?P<a>(?:{_SIDE})? ?[-+0-9.°'\": ]{{2,40}}(?:{_SIDE})?) ?[,;|/ ] ?"
    rf"(?P<b>(?:{_SIDE})? ?[-+0-9.°'\": ]{{2,40}}(?:{_SIDE})?)$",
    re.IGNORECASE,
)
_KEY = r"[\"']?\b(?:{})[\"']? ?[:=] ?[\"']?(?P<v>{})"
_KEY_LAT = re.compile(_KEY.format("latitude|lat|纬度|y", _ONE), re.IGNORECASE)
_KEY_LON = re.compile(_KEY.format("longitude|long|lon|lng|经度|x", _ONE), re.IGNORECASE)
_KEY_LIST = re.compile(
    rf"coordinates[\"']? ?: ?\[ ?(?P<a>{_ONE}) ?, ?(?P<b>{_ONE})", re.IGNORECASE
)


@dataclass(frozen=True)
class PointColumns:
    """What a table says of places: numbers, the headings they are under, and remarks.

    Parameters
    ----------
    x, y : (n,)
        First and second coordinate; NaN where a cell is blank.
    columns
        ``x`` and ``y`` to a heading; ``经度`` and ``纬度`` where one column holds degrees.
    notes
        What to report about them.
    """

    x: Floats
    y: Floats
    columns: dict[str, str]
    notes: list[Note]


def coordinates_of(
    frame: pd.DataFrame, mapped: dict[str, str], options: ImportOptions, where: str
) -> PointColumns:
    """Return the coordinates of a table's rows, exchanged where the user says so.

    Parameters
    ----------
    frame
        The table.
    mapped
        Field to column.
    options
        What the user said of the CRS.
    where
        The file's name.

    Raises
    ------
    InputError
        If there are none, or a cell is invalid.
    CRSError
        If they are packed degrees and the user has not stated it.
    """
    if "x" in mapped and "y" in mapped and mapped["x"] != mapped["y"]:
        x, y = _two_columns(frame[mapped["x"]], frame[mapped["y"]], mapped, where)
        notes: list[Note] = []
        columns = {"x": mapped["x"], "y": mapped["y"]}
    else:
        x, y, column = _one_column(frame, mapped, where)
        notes = [Note("io.note.one_column", {"file": where, "column": column})]
        columns = {"x": "lon", "y": "lat"}
    if options.packed:
        x, y = _unpacked(x), _unpacked(y)
        columns = {"x": "lon", "y": "lat"}
    elif not options.crs and _are_packed(x, 180) and _are_packed(y, 90):
        example = "1140315.0 = 114°03'15\""
        raise CRSError(
            "io.error.packed_degrees", file=where, guess=f"EPSG:4326{PACKED}", example=example
        )
    if options.swapped:
        x, y = y, x
    return PointColumns(x, y, columns, notes)


def holds_places(frame: pd.DataFrame) -> bool:
    """Return whether one column of a table holds both coordinates of its rows."""
    try:
        _one_column(frame, {}, "")
    except InputError:
        return False
    return True


def as_degrees(values: pd.Series) -> pd.Series:
    """Return degrees with signs or sides as plain numbers, others as they are.

    >>> as_degrees(pd.Series(["114°30'", "22.5度", "114.5", "E", "87°39′0″W"])).tolist()
    ['114.5', '22.5', '114.5', 'E', '-87.65']
    >>> as_degrees(pd.Series(["120:06:36", "东经120度6分36秒", "120º 6.6'"])).tolist()
    ['120.11', '120.11', '120.11']
    """
    if values.dtype.kind in "iufb":
        return values
    text = values.astype("object").where(values.notna(), "").astype(str)
    odd = ~text.str.fullmatch(r"[-+]?\d*\.?\d*")
    return text.where(~odd, text[odd].map(_degrees).reindex(text.index)) if odd.any() else values


def _degrees(cell: str) -> str:
    plain = _one_blank(cell[:_LONGEST])
    if side := _PLAIN.match(plain):
        number = float((side["d"] or side["e"]).replace(",", "."))
        return repr(-number if _side(side) in _SOUTHWEST else number)
    found = _DEGREE.match(plain)
    if not found:
        return cell
    degrees, minutes, seconds = (
        float((found[part] or "0").replace(",", ".")) for part in ("d", "m", "s")
    )
    marked = "°" in plain or ":" in plain or found["m"] is not None
    if not marked or minutes >= 60 or seconds >= 60:
        return cell
    number = degrees + minutes / 60 + seconds / 3600
    return repr(-number if found["sign"] == "-" or _side(found) in _SOUTHWEST else number)


def _one_blank(cell: str) -> str:
    return re.sub(r"\s+", " ", cell.translate(_SIGNS)).strip()


def _side(found: re.Match[str]) -> str:
    return (found["before"] or found["after"] or "").upper()


def _two_columns(
    x: pd.Series, y: pd.Series, mapped: dict[str, str], where: str
) -> tuple[Floats, Floats]:
    x, y = as_degrees(x), as_degrees(y)
    if _are_decimal_commas(x, 180) and _are_decimal_commas(y, 90):
        x, y = x.str.replace(",", "."), y.str.replace(",", ".")
    return (
        as_numbers(x, column=mapped["x"], where=where),
        as_numbers(y, column=mapped["y"], where=where),
    )


def _are_decimal_commas(values: pd.Series, most: float) -> bool:
    """Return whether a column writes degrees with a comma: nothing else has one in each cell."""
    if values.dtype.kind in "iufb":
        return False
    text = values.dropna().astype(str).str.strip()
    text = text[text != ""]
    if len(text) == 0 or not text.str.match(_COMMA).all():
        return False
    return bool((text.str.replace(",", ".").astype(float).abs() <= most).all())


def _are_packed(values: Floats, most: float) -> bool:
    """Return whether numbers are degrees, minutes and seconds in one: minutes and seconds < 60."""
    known = np.abs(values[np.isfinite(values)])
    if len(known) == 0 or (known <= most).mean() > 0.01:
        return False
    degrees, minutes, seconds = known // 10_000, known // 100 % 100, known % 100
    right = (degrees <= most) & (degrees >= 1) & (minutes < 60) & (seconds < 60)
    # By chance three of five numbers have minutes below 60, and three of five of those seconds.
    return bool(right.mean() > 0.99) and bool((known < most * 10_000 + 10_000).all())


def _unpacked(values: Floats) -> Floats:
    size = np.abs(values)
    degrees = size // 10_000 + size // 100 % 100 / 60 + size % 100 / 3600
    return np.sign(values) * degrees


# -- one column for both


def _one_column(
    frame: pd.DataFrame, mapped: dict[str, str], where: str
) -> tuple[Floats, Floats, str]:
    chosen = mapped.get("x") or mapped.get("y")
    named = [str(name) for name in frame.columns if fold(str(name)) in _FOLDED]
    others = [str(name) for name in frame.columns if str(name) not in named and name != "geometry"]
    for column in [chosen] if chosen else [*named, *others]:
        values = frame[column]
        if values.dtype.kind in "iufbMm":
            continue
        text = values.astype("object").where(values.notna(), "").astype(str)
        filled = text[text.str.strip() != ""].head(_SAMPLE)
        read = filled.map(lambda cell: _pair(cell) is not None)
        if len(read) and read.mean() >= _MOST:
            return *_pairs(text, column, where), str(column)
    columns = some_ids(frame.columns, 12)
    raise InputError("io.error.no_geometry", file=where, columns=columns)


def _pairs(text: pd.Series, column: str, where: str) -> tuple[Floats, Floats]:
    """Return longitudes and latitudes of cells that hold both."""
    made = [_pair(cell) for cell in text]
    blank = (text.str.strip() == "").to_numpy()
    lost = ~blank & np.array([pair is None for pair in made])
    first = np.array([pair[0] if pair else np.nan for pair in made])
    second = np.array([pair[1] if pair else np.nan for pair in made])
    known = np.array([pair[2] if pair else "" for pair in made], dtype=object)
    if lost.any() and lost.mean() > 0.5:
        rows = some_ids(np.flatnonzero(lost) + 1)
        raise InputError(
            "io.error.not_numbers", column=column, file=where, count=int(lost.sum()), rows=rows
        )
    plain = known == "?"
    if plain.any():
        lat_first = _is_lat_first(first[plain], second[plain], column)
        known = np.where(plain, "lat" if lat_first else "lon", known)
    turned = known == "lat"
    return np.where(turned, second, first), np.where(turned, first, second)


def _is_lat_first(first: Floats, second: Floats, column: str) -> bool:
    """Return whether latitude is first: by numbers above 90, the heading, or custom."""
    if (np.abs(first) > 90).mean() > 0.5:
        return False
    if (np.abs(second) > 90).mean() > 0.5:
        return True
    name = fold(column)
    if any(fold(word) in name for word in _FIRST_LON):
        return False
    # West of Greenwich and north of the equator the negative one is the longitude.
    if any(fold(word) in name for word in _FIRST_LAT):
        return True
    # Maps on the web write latitude first.
    return not ((first < 0) & (second > 0)).mean() > 0.5


def _pair(cell: str) -> tuple[float, float, str] | None:
    """Return two numbers and which is first (``lon``, ``lat`` or ``?``), or None."""
    plain = _one_blank(cell[:_LONGEST])
    if "{" in plain or "=" in plain:
        return _by_keys(plain)
    if found := _PAIR.match(plain) or _BEHIND.search(plain):
        return float(found["a"]), float(found["b"]), "?"
    found = _SIDES.match(plain)
    return _by_sides(found["a"], found["b"]) if found else None


def _by_sides(*parts: str) -> tuple[float, float, str] | None:
    sides = [_side_of(part) for part in parts]
    try:
        a, b = (float(_degrees(part)) for part in parts)
    except ValueError:
        return None
    lon_first = sides[0] in _LON or sides[1] in _LAT
    lat_first = sides[0] in _LAT or sides[1] in _LON
    return a, b, "lon" if lon_first else "lat" if lat_first else "?"


def _by_keys(plain: str) -> tuple[float, float, str] | None:
    if listed := _KEY_LIST.search(plain):
        return float(listed["a"]), float(listed["b"]), "lon"
    lat, lon = _KEY_LAT.search(plain), _KEY_LON.search(plain)
    return (float(lon["v"]), float(lat["v"]), "lon") if lat and lon else None


def _side_of(part: str) -> str:
    found = re.search(_SIDE, part)
    return found[0].upper() if found else ""


_FOLDED = {fold(word) for word in _BOTH}
