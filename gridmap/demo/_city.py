"""A year of incidents, month by month, so that ten million take no more room than one.

Season, weekdays and hours of each category come first, then places.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from string import ascii_lowercase
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.demo._areas import (
    date_posts,
    draw_beats,
    equip_rooms,
    find_borders,
    join_lightest,
    loosen,
    make_areas,
    make_beats,
    make_facilities,
    make_rooms,
    renumber,
    staff_beats,
)
from gridmap.demo._plan import (
    BANK,
    BRANCH,
    LANE,
    LIMIT,
    MAIN,
    MINOR,
    RAIL,
    draw_blocks,
    lay_terrain,
)
from gridmap.demo._shapes import (
    CITY_NAME,
    Census,
    Sites,
    count_people,
    find_sites,
    make_barriers,
    make_roads,
    ordinal,
    scatter_people,
    shape_blocks,
)
from gridmap.errors import InputError
from gridmap.fields import Json
from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer
from gridmap.typing import Floats, Ints

CATEGORIES = ("矛盾纠纷", "盗窃", "交通", "诈骗", "治安", "求助")
YEAR = 2024

_MIX = (0.21, 0.13, 0.25, 0.10, 0.10, 0.21)

# By month, January to December. Thefts rise before the Spring Festival, quarrels and brawls
# in summer, accidents in the wet and dark months.
_SEASON = (
    (1.05, 0.95, 0.85, 0.90, 1.00, 1.15, 1.28, 1.22, 1.02, 0.92, 0.85, 0.95),
    (1.30, 1.05, 0.90, 0.88, 0.90, 0.95, 0.98, 0.98, 0.95, 0.98, 1.05, 1.25),
    (1.02, 0.85, 0.92, 0.95, 0.98, 1.08, 1.05, 1.00, 1.05, 1.10, 1.08, 1.02),
    (0.92, 0.75, 1.00, 1.02, 1.05, 1.10, 1.05, 1.02, 1.05, 0.98, 1.18, 1.02),
    (0.85, 0.82, 0.88, 0.95, 1.05, 1.20, 1.32, 1.28, 1.05, 0.92, 0.85, 0.85),
    (1.15, 1.05, 0.90, 0.88, 0.92, 1.05, 1.18, 1.15, 0.95, 0.90, 0.88, 1.02),
)

# Monday to Sunday.
_WEEK = (
    (0.98, 0.93, 0.92, 0.94, 1.02, 1.12, 1.15), (1.02, 1.00, 0.99, 0.99, 1.04, 1.00, 0.94),
    (1.10, 1.02, 1.00, 1.01, 1.14, 0.95, 0.78), (1.12, 1.10, 1.08, 1.06, 1.02, 0.85, 0.76),
    (0.85, 0.86, 0.90, 0.94, 1.18, 1.32, 1.05), (1.02, 0.98, 0.97, 0.97, 1.00, 1.04, 1.05),
)  # fmt: skip

# Midnight to eleven in the evening.
_HOURS = (
    (12, 8, 5, 3, 2, 3, 8, 20, 38, 52, 55, 50, 42, 38, 44, 48, 50, 55, 68, 82, 80, 64, 42, 24),
    (
        30,
        34,
        36,
        30,
        18,
        12,
        16,
        30,
        46,
        50,
        48,
        44,
        40,
        42,
        44,
        46,
        48,
        52,
        46,
        40,
        38,
        36,
        34,
        32,
    ),
    (10, 6, 4, 4, 5, 12, 34, 92, 96, 62, 52, 50, 48, 46, 50, 56, 68, 102, 98, 62, 44, 34, 26, 16),
    (6, 3, 2, 1, 1, 2, 6, 18, 42, 72, 78, 62, 40, 52, 70, 74, 66, 50, 42, 46, 44, 34, 20, 10),
    (62, 48, 32, 16, 8, 5, 6, 10, 16, 22, 26, 28, 30, 28, 28, 30, 32, 36, 44, 58, 72, 82, 84, 76),
    (16, 11, 8, 7, 7, 12, 28, 50, 64, 66, 60, 54, 48, 48, 52, 54, 56, 62, 66, 64, 58, 46, 34, 24),
)

# New Year, Spring Festival, Qingming, May Day, Dragon Boat, Mid-Autumn and National Day of
# 2024: days of the year from 0.
_HOLIDAYS = (
    0,
    *range(40, 48),
    *range(94, 97),
    *range(121, 126),
    161,
    *range(258, 261),
    *range(274, 281),
)
_HOLIDAY_FACTOR = (1.12, 0.92, 0.78, 0.62, 1.18, 1.04)


def month_weights() -> Floats:
    """Return the share of each month and category in the year, shape (12, 6), sum 1."""
    weights = np.zeros((12, len(CATEGORIES)))
    for month in range(12):
        for category in range(len(CATEGORIES)):
            weights[month, category] = day_weights(month, category).sum()
    weights *= np.array(_MIX) / weights.sum(axis=0)
    return weights / weights.sum()


def day_weights(month: int, category: int) -> Floats:
    """Return how busy each day of a month is for a category, shape (days,)."""
    first = np.datetime64(f"{YEAR}-{month + 1:02d}-01", "D")
    start = np.datetime64(f"{YEAR}-{month + 1:02d}", "M")
    days = np.arange(first, (start + 1).astype("datetime64[D]"))
    number = (days - np.datetime64(f"{YEAR}-01-01", "D")).astype(int)
    weekday = (days.astype(int) + 3) % 7  # 1970-01-01 was a Thursday
    weights = np.array(_SEASON[category])[month] * np.array(_WEEK[category])[weekday]
    holiday = np.isin(number, _HOLIDAYS)
    return np.asarray(weights * np.where(holiday, _HOLIDAY_FACTOR[category], 1.0))


def draw_seconds(
    month: int, category: int, count: int, rng: np.random.Generator
) -> NDArray[np.datetime64]:
    """Return times of incidents of a category within a month, ``datetime64[s]``.

    The hours of a weekend or holiday eve run half an hour later than the others.
    """
    weights = day_weights(month, category)
    day = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(count), side="right")
    day = np.minimum(day, len(weights) - 1)
    hours = np.array(_HOURS[category], dtype=float)
    hour = np.searchsorted(np.cumsum(hours) / hours.sum(), rng.random(count), side="right")
    second = np.minimum(hour, 23) * 3600 + rng.integers(0, 3600, count)
    first = np.datetime64(f"{YEAR}-{month + 1:02d}-01", "s")
    late = ((first.astype("datetime64[D]").astype(int) + day + 3) % 7) >= 5
    second = np.where(late & (second < 84_600), second + 1800, second)
    return np.asarray(first + (day * 86_400 + second).astype("timedelta64[s]"))


_DISPUTE, _TRAFFIC = CATEGORIES.index("矛盾纠纷"), CATEGORIES.index("交通")
_OPEN_SHARE = 0.08  # disputes that nobody settles

# Weight of residents and of migrants, spread between grids (log), share at hot spots.
_CAUSES = (
    (0.8, 1.3, 0.30, 0.10), (0.5, 1.7, 0.45, 0.24), (0.3, 0.5, 0.30, 0.20), (1.0, 0.6, 0.20, 0.03),
    (0.4, 1.6, 0.50, 0.28), (1.0, 0.6, 0.20, 0.05),
)  # fmt: skip
_BY_STREET = {LIMIT: 0.02, RAIL: 0.05, BANK: 0.5, MAIN: 1.6, MINOR: 1.4, BRANCH: 1.1, LANE: 0.9}
_TRAFFIC_BY_STREET = {
    LIMIT: 0.0, RAIL: 0.0, BANK: 1.2, MAIN: 6.0, MINOR: 3.2, BRANCH: 1.2, LANE: 0.3,
}  # fmt: skip


@dataclass(frozen=True)
class _IncidentPlaces:
    """Where each category happens.

    Parameters
    ----------
    sites
        Triangles.
    row
        Triangle of each place, shape (p,): every triangle, then villages, then hot spots.
    out, along, out_spread, along_spread
        Middle and spread of the gathered places within their triangles, shape (p,); a
        spread of 0 marks a whole triangle.
    cumulative
        Running share of the places for each category, shape (6, p).
    """

    sites: Sites
    row: Ints
    out: Floats
    along: Floats
    out_spread: Floats
    along_spread: Floats
    cumulative: Floats


def make_incidents(sites: Sites, census: Census, *, count: int, seed: int, crs: CRS) -> Incidents:
    """Return a year of incidents that are drawn anew, and alike, at every walk through them.

    Parameters
    ----------
    sites, census
        Where something can happen and who lives there.
    count
        Number of incidents.
    seed
        With the same grids, the same seed gives the same incidents.
    crs
        The working CRS.
    """
    scene = _set_scene(sites, census, np.random.default_rng([seed, 21]))
    share = month_weights()
    counts = np.random.default_rng([seed, 22]).multinomial(count, share.ravel())
    by_month = counts.reshape(share.shape)

    def walk() -> Iterator[IncidentBatch]:
        for month in range(12):
            if by_month[month].any():
                rng = np.random.default_rng([seed, 23, month])
                yield _draw_month(scene, month, by_month[month], rng)

    sums = hashlib.blake2b(digest_size=16)
    sums.update(f"demo 1|{count}|{seed}|{len(census.residents)}".encode())
    sums.update(np.ascontiguousarray(scene.cumulative[:, ::97]).round(9).tobytes())
    return Incidents(walk, count, CATEGORIES, crs, sums.hexdigest())


def _draw_month(
    scene: _IncidentPlaces, month: int, counts: Ints, rng: np.random.Generator
) -> IncidentBatch:
    places, times = [], []
    for number, count in enumerate(counts.tolist()):
        place = np.searchsorted(scene.cumulative[number], rng.random(count), side="right")
        places.append(np.minimum(place, len(scene.row) - 1))
        times.append(draw_seconds(month, number, count, rng))
    place, time = np.concatenate(places), np.concatenate(times)
    category = np.repeat(np.arange(len(counts), dtype=np.int16), counts)
    order = np.argsort(time, kind="stable")
    place, time, category = place[order], time[order], category[order]
    total = len(place)
    spread = scene.out_spread[place]
    gathered = spread > 0
    # Most addresses stand near the street: close to the outer side of the triangle.
    out = 1.0 - 0.03 - 0.9 * rng.random(total) ** 2.2
    along = rng.random(total)
    near = scene.out[place] + spread * rng.normal(size=total)
    beside = scene.along[place] + scene.along_spread[place] * rng.normal(size=total)
    out = np.where(gathered, np.clip(near, 0.03, 0.97), out)
    along = np.where(gathered, np.clip(beside, 0.02, 0.98), along)
    points = np.round(scene.sites.place(scene.row[place], out, along), 1)
    return IncidentBatch(
        x=np.ascontiguousarray(points[:, 0]),
        y=np.ascontiguousarray(points[:, 1]),
        time=time,
        category=category,
        settled=_settle(time, category, rng),
    )


def _settle(
    time: NDArray[np.datetime64], category: NDArray[np.int16], rng: np.random.Generator
) -> NDArray[np.datetime64]:
    """Return when disputes were settled; NaT where still open at the end of the year."""
    hours = np.exp(np.log(30.0) + 1.3 * rng.normal(size=len(time)))
    seconds = np.minimum(hours * 3600.0, 3e8).astype(np.int64)
    settled = time + seconds.astype("timedelta64[s]")
    closed = category == _DISPUTE
    closed &= rng.random(len(time)) >= _OPEN_SHARE
    closed &= settled < np.datetime64(f"{YEAR + 1}-01-01", "s")
    return np.where(closed, settled, np.datetime64("NaT", "s"))


def _set_scene(sites: Sites, census: Census, rng: np.random.Generator) -> _IncidentPlaces:
    triangles, grids = len(sites.grid), len(census.residents)
    length = sites.length_m
    rural = np.flatnonzero(census.urban < 0.35)
    hot_count = max(4, grids // 30)
    appeal = (census.residents + 3.0 * census.migrants) * np.where(census.zone == 0, 2.5, 1.0)
    hot_grid = rng.choice(grids, hot_count, p=appeal / appeal.sum())
    villages = _pick_rows(sites, length, rural, rng)
    spots = _pick_rows(sites, length, hot_grid, rng)
    busy = np.where(np.isin(sites.kind, [MAIN, MINOR]), length * sites.depth_m**0.5, 0.0)
    busy *= (0.05 + census.urban)[sites.grid]
    if not busy.any():
        busy = length
    corners = rng.choice(triangles, hot_count, p=busy / busy.sum())
    row = np.concatenate([np.arange(triangles), villages, spots, corners])
    metres = np.concatenate(
        [np.full(len(villages), 170.0), rng.uniform(25, 75, hot_count), np.full(hot_count, 18.0)]
    )
    gathered = len(metres)
    out = rng.uniform(0.35, 0.85, gathered)
    along = rng.uniform(0.25, 0.75, gathered)
    out[-hot_count:], along[-hot_count:] = 0.95, np.where(rng.random(hot_count) < 0.5, 0.06, 0.94)
    tail = row[triangles:]
    # No wider than the triangle: what is cut off at its sides would pile up in a line.
    metres = np.minimum(metres, 0.24 * np.minimum(sites.depth_m[tail], out * length[tail]))
    weights = np.zeros((len(CATEGORIES), len(row)))
    strength = np.minimum(rng.pareto(1.3, hot_count) + 0.3, 2.5)
    for category, (of_residents, of_migrants, spread, at_hot) in enumerate(_CAUSES):
        load = of_residents * census.residents + of_migrants * census.migrants + 4.0
        load = load * np.exp(rng.normal(0.0, spread, grids))
        if category in {1, 4}:
            load = load * np.where(census.zone == 0, 1.6, 1.0)
        table = _TRAFFIC_BY_STREET if category == _TRAFFIC else _BY_STREET
        street = np.array([table[kind] for kind in range(len(table))])[sites.kind] * length
        if category == _TRAFFIC:
            whole = street * (0.12 + census.urban + load / 1500.0)[sites.grid]
            at_home = np.zeros(len(rural))
        else:
            sums = np.bincount(sites.grid, weights=street, minlength=grids)
            whole = load[sites.grid] * street / np.maximum(sums, 1e-9)[sites.grid]
            at_home = 0.65 * load[rural]
            whole *= np.where(census.urban < 0.35, 0.35, 1.0)[sites.grid]
        total = whole.sum() + at_home.sum()
        heat = strength / strength.sum() * total * at_hot / (1.0 - at_hot)
        weights[category, :triangles] = whole
        weights[category, triangles : triangles + len(rural)] = at_home
        first = triangles + len(rural) + (hot_count if category == _TRAFFIC else 0)
        weights[category, first : first + hot_count] = heat
    cumulative = np.cumsum(weights, axis=1)
    cumulative /= cumulative[:, -1:]
    still = np.zeros(triangles)
    return _IncidentPlaces(
        sites,
        row,
        np.concatenate([still, out]),
        np.concatenate([still, along]),
        np.concatenate([still, metres / sites.depth_m[tail]]),
        np.concatenate([still, metres / (out * length[tail])]),
        cumulative,
    )


def _pick_rows(sites: Sites, length: Floats, grids: Ints, rng: np.random.Generator) -> Ints:
    """Return a triangle of each of some grids, the larger the likelier."""
    order = np.argsort(sites.grid, kind="stable")
    running = np.cumsum((length * sites.depth_m)[order])
    ends = np.searchsorted(sites.grid[order], np.arange(int(sites.grid.max()) + 2))
    before = np.concatenate([[0.0], running])
    low, high = before[ends[grids]], before[ends[grids + 1]]
    at = np.searchsorted(running, low + rng.random(len(grids)) * (high - low), side="right")
    return order[np.clip(at, ends[grids], ends[grids + 1] - 1)]


# -- putting the made-up city together


SMALLEST_CITY = 60  # fewer grids leave no room for six stations, a river and a railway

_EPSG = 4547  # CGCS2000, 3-degree belt of 114 degrees east
_GRIDS_PER_COMMUNITY, _GRIDS_PER_BEAT, _GRIDS_PER_ROOM, _GRIDS_PER_STATION = 12, 10, 12, 80
_CUT_SHARE = 0.045


def make_city(
    *, grids: int = 480, incidents: int = 60_000, seed: int = 7, names: Literal["zh", "en"] = "zh"
) -> City:
    """Make 示例市, a city that does not exist.

    A river with few bridges, a railway, streets from main roads to lanes, and on them
    grids, communities, stations, beats, police rooms, facilities and a year (2024) of
    incidents. Everything is invented, and says so: `City.made_up` is true and each layer's
    provenance states it.

    Parameters
    ----------
    grids
        Number of grids, exact; at least 60. Stations, communities, beats and rooms follow
        from it: 6, 40, 48 and 40 for 480.
    incidents
        Number of incidents. They are drawn month by month when they are walked through.
    seed
        The same three numbers give the same city on every machine.
    names
        Whether names are Chinese, or in English letters; all else is the same.

    Returns
    -------
    City
        In EPSG:4547, metres, with a layer of every kind.

    Raises
    ------
    InputError
        If there are too few grids, a negative number of incidents, or other names.

    Examples
    --------
    >>> city = make_city(grids=60, incidents=100)
    >>> len(city.grids), len(city.incidents), city.made_up
    (60, 100, True)
    """
    if grids < SMALLEST_CITY:
        raise InputError("demo.error.too_few_grids", received=grids, smallest=SMALLEST_CITY)
    if incidents < 0:
        raise InputError("demo.error.negative_incidents", received=incidents)
    if seed < 0:
        raise InputError("demo.error.negative_seed", received=seed)
    if names not in {"zh", "en"}:
        raise InputError("demo.error.names")
    crs = CRS.from_epsg(_EPSG)
    # One stream for each subject: a change to the rooms leaves the streets as they were.
    streams = [np.random.default_rng([seed, subject]) for subject in range(11)]
    terrain = lay_terrain(grids, streams[0])
    points, zone = scatter_people(terrain, grids, streams[1])
    communities = max(6, round(grids / _GRIDS_PER_COMMUNITY))
    blocks = draw_blocks(
        terrain, points, zone, grids=grids, communities=round(1.5 * communities), rng=streams[2]
    )
    shapes = shape_blocks(blocks, terrain)
    census = count_people(blocks, terrain, zone, streams[3])
    elder = renumber(np.array([blocks.elder[block] for block in sorted(blocks.rings)]))
    borders = find_borders(shapes, shapely.length(shapes.lines))
    one = np.ones(grids)
    community = join_lightest(elder, one, borders, target=communities)
    community = renumber(loosen(community, borders, share=0.12, rng=streams[4]))
    stations = max(6, round(grids / _GRIDS_PER_STATION))
    station = join_lightest(community, one, borders, target=stations, evenness=2.0)
    areas = make_areas(shapes.grids, census, community, station, crs, streams[5])
    drawn = draw_beats(
        shapes.grids,
        areas.station_of,
        borders,
        census.residents,
        count=max(stations, round(grids / _GRIDS_PER_BEAT)),
        cut_share=_CUT_SHARE,
        rng=streams[6],
    )
    sites = find_sites(shapes)
    staff = staff_beats(drawn.beat_of, census, streams[7])
    beats = make_beats(drawn.shapes, drawn.station, areas, staff, crs)
    rooms = make_rooms(
        sites,
        census,
        areas,
        beats,
        drawn.beat_of,
        count=max(3, round(grids / _GRIDS_PER_ROOM)),
        rng=streams[8],
    )
    rooms, beats = equip_rooms(rooms, streams[10]), date_posts(beats, streams[10])
    facilities = make_facilities(sites, census, areas, streams[8])
    frames = {
        # Written in the order of their codes, as a register would be.
        Kind.GRID: areas.grid.iloc[np.argsort(areas.grid["id"].to_numpy(dtype=str))],
        Kind.COMMUNITY: areas.community.iloc[np.argsort(areas.community["id"].to_numpy(str))],
        Kind.STATION: areas.station,
        Kind.BEAT: beats.iloc[np.argsort(beats["id"].to_numpy(dtype=str))],
        Kind.ROOM: rooms,
        Kind.FACILITY: facilities,
        Kind.ROAD: make_roads(shapes, census, crs, streams[9]),
        Kind.BARRIER: make_barriers(shapes, crs),
    }
    origin: dict[str, Json] = {
        "source": "gridmap demo", "made_up": True, "grids": grids, "seed": seed,
    }  # fmt: skip
    city = City(
        name=CITY_NAME,
        crs=crs,
        layers={kind: Layer(kind, frame, origin) for kind, frame in frames.items()},
        incidents=make_incidents(sites, census, count=incidents, seed=seed, crs=crs),
        made_up=True,
    )
    return in_english(city) if names == "en" else city


# -- the made-up city with its names in English letters, as maps of China for others have them


#: What stands at the end of a name, the longer first.
_TYPES = {
    "便民服务点": "service point", "微型消防站": "fire post", "警务岗亭": "police post",
    "监控点": "camera", "警务区": "beat", "警务室": "police room", "派出所": "Station",
    "网格": "grid", "社区": "Community", "大道": "Avenue", "大街": "Avenue", "铁路": "Railway",
    "村": "Village", "路": "Road", "街": "Street", "巷": "Lane", "河": "River",
}  # fmt: skip
#: Words that stand by themselves in a column.
_WORDS = {
    "示例市": "Example City", "示例铁路": "Example Railway", "有": "yes", "无": "no",
    "村警": "village police", "监控": "cameras", "消防": "fire", "服务": "service",
    "主干路": "primary", "次干路": "secondary", "支路": "tertiary", "巷": "residential",
    "河流": "river", "铁路": "railway", "矛盾纠纷": "dispute", "盗窃": "theft", "交通": "traffic",
    "诈骗": "fraud", "治安": "public order", "求助": "help",
}  # fmt: skip
_SIDES = {"东": "East", "西": "West", "南": "South", "北": "North"}
_NUMBERS = {ordinal(number): number for number in range(1, 100)}
_SOUNDS = (
    "an安 bai白百 bei北 bi碧 bin宾滨 bo波 cai彩才 chang场长 chao朝 cheng城成 "
    "chuang创 chun春 cui翠 da大 dao稻道 dong东 du渡 er二 fang坊放 feng丰凤风 "
    "fu富府福 gang岗 gong公工 gou沟 gu鼓 guan关 guang光广 gui桂 he和河荷 hong红虹 "
    "hou后 hu湖 hua化华花 huai槐 huan环 huang凰 hui惠 ji技集 jian建 jiang江 "
    "jie结街解 jin进金锦 jing景 kang康 ke科 lao老 le乐 li丽利梨里 lian莲 lin临林麟 "
    "liu柳 long龙 lou楼 lu路 mai麦 mei梅 men门 miao庙 min民 ming明 nan南 nian年 "
    "ning宁 ping平 po坡 qi旗麒 qian前 qiao桥 qing清青 quan泉 ren人 san三 sha沙 "
    "shan山 shang上 she设 sheng胜 shi石 shou收 shu书树 shui水 song松 tai台 tang塘 "
    "tao桃涛 ti体 tong同 tuan团 wa洼 wan湾 wang望 wen文 xi西 xia下 xiang香 xiao小 "
    "xin心新 xing兴幸星杏 xiu绣 xue学 yan沿 yang杨阳 ye业 yi一谊 yin荫银 ying营迎 "
    "yong永 you友 yu育 yuan园苑远院 yun云 zao枣 zhan站 zhen振 zhong中钟 zhu主珠竹 "
    "zhuang庄"
)
_PINYIN = {
    sign: part.rstrip(part.strip(ascii_lowercase))
    for part in _SOUNDS.split()
    for sign in part.strip(ascii_lowercase)
}


def in_english(city: City) -> City:
    """Return a made-up city with every name in English; ids, places and counts stay.

    Examples
    --------
    >>> from gridmap.demo import make_city
    >>> city = in_english(make_city(grids=60, incidents=10))
    >>> city.name, city.incidents.categories[1]
    ('Example City', 'theft')
    """
    layers = {kind: _translated(layer) for kind, layer in city.layers.items()}
    incidents = city.incidents
    if incidents is not None:
        names = tuple(map(_english, incidents.categories))
        incidents = replace(incidents, categories=names, digest=f"{incidents.digest}-en")
    return replace(city, name=_english(city.name), layers=layers, incidents=incidents)


def _translated(layer: Layer) -> Layer:
    frame = layer.frame.copy()
    for name in frame.columns.drop("geometry"):
        known = [one for one in frame[name].unique() if isinstance(one, str)]
        frame[name] = frame[name].replace(_distinct(known))
    return Layer(layer.kind, frame, layer.provenance)


def _distinct(names: Iterable[str]) -> dict[str, str]:
    """Return the English of each name; names that sound alike are distinguished by a number."""
    met: dict[str, int] = {}
    found = {}
    for name in names:
        said = _english(name)
        met[said] = met.get(said, 0) + 1
        found[name] = said if met[said] == 1 else f"{said} ({met[said]})"
    return found


def _english(name: str) -> str:
    """Return one name in English.

    >>> _english("光明社区第十二网格"), _english("环城北路"), _english("永安社区第二警务室")
    ('Guangming Community grid 12', 'Huancheng North Road', "Yong'an Community police room 2")
    """
    if name in _WORDS or not re.search("[一-鿿]", name):
        return _WORDS.get(name, name)
    ends = "|".join(_TYPES)
    parts = re.fullmatch(rf"(.+?)(?:第(.+))?({ends})", name)
    if parts is None:
        return _spelled(name)
    stem, number, kind = parts.groups()
    said = _english(stem) if re.search("(社区|村)$", stem) else _spelled(stem)
    if kind in {"路", "街"} and len(stem) > 2 and stem[-1] in _SIDES:
        said = f"{_spelled(stem[:-1])} {_SIDES[stem[-1]]}"
    return f"{said} {_TYPES[kind]}" + (f" {_NUMBERS.get(number, number)}" if number else "")


def _spelled(name: str) -> str:
    """Return a name as it sounds, its number at the end as one."""
    stem = name[0] + name[1:].rstrip("一二三四五六七八九十0123456789")
    number = name[len(stem) :]
    sounds = [_PINYIN.get(sign, sign) for sign in stem]
    joined = "".join(f"'{one}" if at and one[0] in "aeo" else one for at, one in enumerate(sounds))
    return joined.capitalize() + (f" {_NUMBERS.get(number, number)}" if number else "")
