"""Who lives where and what places are called: points that blocks are cut by, counts, names.

No name is a person's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, product

import numpy as np
from numpy.typing import NDArray

from gridmap.demo._plan import POINTS_PER_GRID, SHARES, ZONES, Blocks, Terrain

__all__ = [
    "CITY_NAME",
    "Census",
    "count_people",
    "ordinal",
    "scatter_people",
    "station_names",
    "street_names",
    "town_names",
    "village_names",
]


CITY_NAME = "示例市"

_MAIN = "人民路 建设大道 解放路 迎宾大道 中心大街 环城东路 环城西路 环城北路 环城南路 工业大道"
_STREETS = (
    "朝阳 和平 文化 新华 光明 团结 胜利 友谊 青年 育才 幸福 长青 丰收 振兴 创业 科技 学府 体育 "
    "公园 广场 站前 东风 红旗 前进 民主 兴业 富民 安康 永安 长宁 康乐 书院 鼓楼 钟楼 文庙 南门 "
    "北门 东门 西门 临江 望江 沿河 石桥 柳荫 桂花 梅园 竹林 松涛 银杏 槐荫 百花 明珠 星光 "
    "彩虹 金桥 龙泉 凤凰 翠湖 碧波 云山 麒麟 大成 同心 远景 惠民"
)
_TOWN = (
    "和平 春光 建设 朝阳 新华 光明 团结 胜利 友谊 青年 育才 幸福 长青 振兴 文化 鼓楼 钟楼 书院 "
    "文庙 东门 西门 南门 北门 站前 临江 滨河 石桥 桂花 梅园 竹苑 百花 明珠 星光 金桥 翠湖 碧波 "
    "同心 惠民 安康 永安 长宁 康乐 锦绣 阳光 丽景 学府 公园 广场 东风 红旗 前进 兴业"
)
_TREES = (
    "柳树 桃园 杨树 槐树 枣林 梨花 石桥 沙河 清水 白杨 "
    "松林 竹山 莲塘 荷花 麦香 稻香 东岗 西岗 南湾 北湾"
)
_FRONT = "上下前后东西南北大小新老"
_BACK = "湾岗塘坡沟桥洼庄营集渡台"


def _endless(plain: list[str], first: str, last: str) -> Iterator[str]:
    """Yield the plain names, then combinations, then names with a number; none twice."""
    seen: set[str] = set()
    made = chain(
        plain,
        (front + name for front, name in product(first, plain)),
        (name + back for name, back in product(plain, last)),
        (name + ordinal(number) for number in count(2) for name in plain),
    )
    for name in made:
        if name not in seen:
            seen.add(name)
            yield name


def _shuffled(names: list[str], rng: np.random.Generator) -> list[str]:
    return [names[i] for i in rng.permutation(len(names))]


def ordinal(number: int) -> str:
    """Return a number from 1 in Chinese, as beats are numbered.

    >>> ordinal(3), ordinal(12), ordinal(120)
    ('三', '十二', '120')
    """
    digits = "零一二三四五六七八九"
    if number > 99:
        return str(number)
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else digits[tens] + "十")
    return head + (digits[ones] if ones or not tens else "")


def town_names(rng: np.random.Generator) -> Iterator[str]:
    """Yield names for communities in town, without repeats, for ever."""
    return (
        name + "社区" for name in _endless(_shuffled(_TOWN.split(), rng), "新东西南北", "园苑里")
    )


def village_names(rng: np.random.Generator) -> Iterator[str]:
    """Yield names for villages, without repeats, for ever."""
    return (name + "村" for name in _endless(_shuffled(_TREES.split(), rng), _FRONT, _BACK))


def street_names(kind: str, rng: np.random.Generator) -> Iterator[str]:
    """Yield names for streets of a class, without repeats within it, for ever."""
    if kind == "主干路":
        return _endless(_MAIN.split(), "东西南北", "一二三")
    tail = {"次干路": "路", "支路": "街", "巷": "巷"}[kind]
    return (
        name + tail
        for name in _endless(_shuffled(_STREETS.split(), rng), "东西南北中新", "里坊苑园")
    )


def station_names(places: list[tuple[float, float, bool]]) -> list[str]:
    """Return a name for each station by where it lies.

    Parameters
    ----------
    places
        Offset from the city's middle to the east and north, in any unit, and whether the
        station holds the old core.
    """
    sides = ["城东", "城东北", "城北", "城西北", "城西", "城西南", "城南", "城东南"]
    further = _endless(_STREETS.split(), "新上下", "桥集")
    used: set[str] = set()
    names = []
    for east, north, core in places:
        turn = np.arctan2(north, east) / (np.pi / 4)
        off = [abs((turn - side + 4.0) % 8.0 - 4.0) for side in range(8)]
        # The nearest side that is free and not behind the city's back; else a street's name.
        wishes = [sides[side] for side in np.argsort(off, kind="stable")[:4]]
        stem = "城关" if core else next((wish for wish in wishes if wish not in used), "")
        while not stem or stem in used:
            stem = next(further)
        used.add(stem)
        names.append(f"{stem}派出所")
    return names


def scatter_people(
    terrain: Terrain, grids: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return points of equal weight and the zone that each belongs to.

    A grid is a block with about `POINTS_PER_GRID` of them, so blocks come out small where
    points are dense.

    Returns
    -------
    points
        On the plan, shape (n, 2), inside the outline.
    zone
        Index into ``ZONES``, shape (n,).
    """
    total = grids * POINTS_PER_GRID
    share = np.array([town.grids for town in terrain.towns])
    share = share / share.sum()
    parts: list[NDArray[np.float64]] = []
    zones: list[NDArray[np.int8]] = []
    for zone, name in enumerate(ZONES):
        count = int(total * SHARES[zone])
        if name == "satellite":
            places = _draw_places(terrain, max(2, round(grids / 110)), rng)
            middle = places[rng.integers(0, len(places), count)]
            points = middle + _disc(count, 640.0 * min(1.0, terrain.half_width / 6500.0), rng)
        elif name == "rural":
            points = _draw_countryside(terrain, count, grids, rng)
        else:
            points = np.concatenate(
                [
                    _draw_in_town(terrain, index, name, round(count * share[index]), rng)
                    for index in range(len(terrain.towns))
                ]
            )
        parts.append(points)
        zones.append(np.full(len(points), zone, dtype=np.int8))
    points = np.concatenate(parts)
    zone_of = np.concatenate(zones)
    inside = _inside_convex(points, terrain.outline)
    inside &= np.abs(points[:, 1] - terrain.river_y) > terrain.river_half
    return points[inside], zone_of[inside]


def _draw_in_town(
    terrain: Terrain, index: int, zone: str, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    town = terrain.towns[index]
    if zone == "core":
        return np.add(_disc(count, town.core_m, rng), (town.x, town.y))
    if zone == "new":
        spread = _disc(count, town.new_m, rng) * (1.12, 0.9)
        return np.add(spread, (town.new_x, town.new_y))
    # Industry lies along the railway where that passes the main town, else in a patch.
    along = rng.uniform(-1.7, 0.9, count) * town.new_m
    aside = rng.uniform(0.05, 0.75, count) * town.core_m
    if index == 0:
        x, y, dx, dy = terrain.rail
        return np.column_stack([x + along * dx - aside * dy, y + along * dy + aside * dx])
    return np.add(_disc(count, 0.5 * town.new_m, rng), (town.x + 0.9 * town.new_m, town.y))


def _draw_places(terrain: Terrain, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return middles of market towns, apart from each other and from the towns."""
    chosen: list[NDArray[np.float64]] = []
    half = np.array([terrain.half_width, terrain.half_height])
    for _ in range(count):
        tries = rng.uniform(-0.82, 0.82, (16, 2)) * half
        gap = np.full(len(tries), np.inf)
        for town in terrain.towns:
            away = np.hypot(tries[:, 0] - town.new_x, tries[:, 1] - town.new_y) - town.new_m
            gap = np.minimum(gap, away)
        for place in chosen[-60:]:
            gap = np.minimum(gap, np.hypot(*(tries - place).T))
        gap = np.minimum(gap, 4 * (np.abs(tries[:, 1] - terrain.river_y) - terrain.river_half))
        chosen.append(tries[int(np.argmax(np.minimum(gap, 2600.0)))])
    return np.array(chosen)


def _draw_countryside(
    terrain: Terrain, count: int, grids: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return points that are half spread evenly, half gathered in villages."""
    half = np.array([terrain.half_width, terrain.half_height]) * 1.05
    even = rng.uniform(-1, 1, (count // 2, 2)) * half
    villages = rng.uniform(-1, 1, (max(8, grids // 4), 2)) * half
    middle = villages[rng.integers(0, len(villages), count - count // 2)]
    return np.concatenate([even, middle + _disc(len(middle), 420.0, rng)])


def _disc(count: int, radius_m: float, rng: np.random.Generator) -> NDArray[np.float64]:
    turn = rng.uniform(0, 2 * np.pi, count)
    reach = radius_m * np.sqrt(rng.uniform(0, 1, count)) * (1 + 0.12 * rng.normal(size=count))
    return np.column_stack([reach * np.cos(turn), reach * np.sin(turn)])


def _inside_convex(points: NDArray[np.float64], outline: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside = np.ones(len(points), dtype=bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        inside &= (bx - ax) * (points[:, 1] - ay) - (by - ay) * (points[:, 0] - ax) >= 0
    return inside


Floats = NDArray[np.float64]

# People for each grid's worth of points, by zone: residents, migrants as a share of them,
# persons in a household.
_RESIDENTS = (1120.0, 1040.0, 760.0, 300.0, 430.0)
_MIGRANTS = (0.14, 0.12, 0.06, 1.6, 0.015)
_PERSONS = (2.45, 2.75, 2.9, 2.2, 3.1)


@dataclass(frozen=True)
class Census:
    """Counts by grid, all of shape (g,).

    Parameters
    ----------
    residents, migrants, households
        Whole numbers.
    zone
        Index into ``ZONES``: the ground that most of the grid's people stand on.
    urban
        Share of the grid's people who live in town.
    """

    residents: NDArray[np.int64]
    migrants: NDArray[np.int64]
    households: NDArray[np.int64]
    zone: NDArray[np.int64]
    urban: Floats


def count_people(
    blocks: Blocks, terrain: Terrain, zone: NDArray[np.int8], rng: np.random.Generator
) -> Census:
    """Return the people of each grid, in the order of the sorted blocks."""
    order = sorted(blocks.rings)
    mix = np.array(
        [np.bincount(zone[blocks.people[block]], minlength=len(ZONES)) for block in order],
        dtype=float,
    )
    size = np.maximum(mix.sum(axis=1), 1.0)
    middle = np.array(
        [
            (
                np.mean([blocks.xs[n] for n in blocks.rings[b]]),
                np.mean([blocks.ys[n] for n in blocks.rings[b]]),
            )
            for b in order
        ]
    )
    count = len(order)
    residents = mix @ np.array(_RESIDENTS) / POINTS_PER_GRID
    residents *= np.exp(rng.normal(0.0, 0.24, count))
    ground = mix.argmax(axis=1)
    # Parks, schools, offices and works: blocks where hardly anybody lives.
    quiet = (rng.uniform(0, 1, count) < 0.05) & (ground <= 1)
    residents *= np.where(quiet, rng.uniform(0.04, 0.3, count), 1.0)
    share = mix @ np.array(_MIGRANTS) / size
    x, y, dx, dy = terrain.rail
    station = (x + 0.15 * terrain.towns[0].core_m * dx, y + 0.15 * terrain.towns[0].core_m * dy)
    away = np.hypot(middle[:, 0] - station[0], middle[:, 1] - station[1])
    share += 0.7 * np.exp(-((away / (0.6 * terrain.towns[0].core_m)) ** 2)) * (ground != 4)
    share *= np.exp(rng.normal(0.0, 0.45, count))
    persons = mix @ np.array(_PERSONS) / size * np.exp(rng.normal(0.0, 0.05, count))
    whole = np.rint(residents).astype(np.int64)
    return Census(
        residents=whole,
        migrants=np.rint(residents * share).astype(np.int64),
        households=np.rint(whole / np.maximum(persons, 1.5)).astype(np.int64),
        zone=ground,
        urban=1.0 - mix[:, 4] / size,
    )
