"""Invented names: streets, communities, villages, stations. No name is a person's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, product

import numpy as np

__all__ = [
    "CITY_NAME",
    "ordinal",
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
