"""The columns that gridmap understands: names, units, and what people call them.

Everywhere inside gridmap a column has the one name written here. Aliases are compared
after folding case, width, spaces and underscores, so ``常住人口``, ``CountCalls`` and
``count_calls`` are recognised as written in ordinary files.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Literal

__all__ = [
    "AREA_KINDS", "FIELDS", "By", "Field", "Json", "Kind", "fields_of", "fold", "match_columns",
]  # fmt: skip


#: What a value in JSON, or in a workspace's list of contents, may be.
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


class Kind(StrEnum):
    """The kind of a layer's features."""

    GRID = "grid"
    BEAT = "beat"
    STATION = "station"
    COMMUNITY = "community"
    ROOM = "room"
    FACILITY = "facility"
    ROAD = "road"
    BARRIER = "barrier"


#: What a row of a table of measures may be.
By = Literal["grid", "beat", "station", "community", "city"]

AREA_KINDS = (Kind.GRID, Kind.BEAT, Kind.STATION, Kind.COMMUNITY)


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name here, what it holds, and its other names.

    Parameters
    ----------
    name
        The name used everywhere inside gridmap.
    content
        ``id``, ``text``, ``count`` (whole or shared-out numbers, never negative),
        ``number``, ``flag``, ``time`` or ``coordinate``.
    kinds
        Layer kinds that may carry the field.
    aliases
        Other names, the surest first.
    unit
        Unit of the numbers, or an empty string.
    """

    name: str
    content: str
    kinds: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    unit: str = ""


_COUNTED = ("grid", "community")
_STAFFED = ("beat", "room")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Ids first, then names, counts, belonging, staff, roads, incidents: a column goes to the
# first field that knows it.
# fmt: off
FIELDS: tuple[Field, ...] = (
    Field("id", "id", ("grid",), _words(
        "网格编码 网格编号 网格代码 网格号 网格id grid_id gridid grid_code pdgrid geoid geoid10 "
        "geoid20 编码 编号 代码 id code gid objectid fid"
    )),
    Field("id", "id", ("beat",), _words(
        "警格编码 警格编号 警格代码 警格号 警务区编码 警务区编号 警务区代码 警务区号 beat_num "
        "beatnumber beat_number beat_id beatid beat_code beat 编码 编号 代码 id code gid objectid "
        "fid"
    )),
    Field("id", "id", ("station",), _words(
        "派出所编码 派出所编号 派出所代码 辖区编码 辖区编号 station_id stationid dist_num "
        "district_id distnum precinct adminorgcode 编码 编号 代码 id code district gid objectid "
        "fid"
    )),
    Field("id", "id", ("room",), _words(
        "警务室编码 警务室编号 警务室代码 room_id roomid 编码 编号 代码 id code district gid "
        "objectid fid"
    )),
    Field("id", "id", ("community",), _words(
        "社区编码 社区编号 社区代码 村编码 community_id area_numbe area_num_1 admincode gb 编码 "
        "编号 代码 id code gid objectid fid"
    )),
    Field("id", "id", ("facility", "road", "barrier"), _words(
        "设施编码 道路编码 编码 编号 代码 id code gid osmid objectid fid"
    )),
    Field("name", "text", ("grid",), _words("网格名称 网格名 grid_name 名称 name")),
    Field("name", "text", ("beat",), _words(
        "警务区名称 警格名称 警务区 警格 beat_name 名称 name"
    )),
    Field("name", "text", ("station",), _words(
        "派出所名称 派出所 辖区名称 station_name district_name dist_label qh 名称 name"
    )),
    Field("name", "text", ("room",), _words(
        "警务室名称 警务室 room_name district_name station_name 名称 name"
    )),
    Field("name", "text", ("community",), _words(
        "社区名称 村名称 社区 村居 community_name community qh 名称 name"
    )),
    Field("name", "text", ("facility", "road", "barrier"), _words(
        "设施名称 道路名称 道路名 路名 street_name streetname road_name 名称 name"
    )),
    Field("residents", "count", _COUNTED, _words(
        "常住人口 常住人口数 实有人口 人口数 人口 总人口 户籍人口 residents population pop "
        "pop_total totalpop"
    ), "persons"),
    Field("migrants", "count", _COUNTED, _words(
        "流动人口 流动人口数 外来人口 外来人口数 暂住人口 migrants floating_population "
        "migrant_population"
    ), "persons"),
    Field("households", "count", _COUNTED, _words(
        "户数 总户数 家庭户数 households household_count"
    ), "households"),
    Field("incidents", "count", ("grid",), _words(
        "警情数 警情数量 接处警数 接警数 发案数 警情 incidents count_calls calls incident_count"
    ), "incidents"),
    Field("beat", "id", ("grid", "room"), _words(
        "所属警格 所属警务区 警格编码 警务区编码 警格编号 警务区编号 beat_id beatnumber beat_num "
        "beat_number beat 所在警格 所在警务区 警格名称 警务区名称 警格 警务区"
    )),
    Field("community", "id", ("grid", "room", "facility"), _words(
        "所属社区 社区编码 社区编号 所属村 所属村居 community_id community 所在社区 社区名称 社区 "
        "村居"
    )),
    Field("station", "id", ("grid", "beat", "room", "community"), _words(
        "所属派出所 派出所编码 派出所编号 派出所代码 派出所 辖区派出所 station_id station "
        "dist_num district"
    )),
    Field("room", "id", ("beat",), _words("所属警务室 警务室编码 警务室编号 警务室 room_id room")),
    Field("officers", "count", _STAFFED, _words(
        "民警数 民警人数 社区民警数 民警 警力 officers officer_count"
    ), "officers"),
    Field("auxiliaries", "count", _STAFFED, _words(
        "辅警数 辅警人数 辅警 协警数 auxiliaries auxiliary_count"
    ), "auxiliaries"),
    Field("offices", "count", ("room",), _words(
        "办公用房 办公用房间数 办公用房数 办公室数 办公室间数 房间数 offices office_rooms "
        "office_count"
    ), "rooms"),
    # Equipment is text: yes, no, a number, or blank where nobody looked.
    Field("id_reader", "text", ("room",), _words(
        "身份证人像和指纹采集设备 人像指纹采集设备 身份证采集设备 身份证读卡器 身份证阅读器 "
        "id_reader id_card_reader"
    )),
    Field("computer", "text", ("room",), _words("电脑 电脑数 计算机 computer computers")),
    Field("police_terminal", "text", ("room",), _words(
        "警务通 警务终端 移动警务终端 police_terminal police_terminals"
    )),
    Field("body_camera", "text", ("room",), _words(
        "执法记录仪 执法仪 body_camera body_cameras body_cam"
    )),
    Field("post_since", "text", ("beat",), _words(
        "到岗日期 到岗时间 任职日期 到任日期 任职时间 post_since in_post_since"
    )),
    Field("hours", "text", ("room",), _words("值守时间 值班时间 开放时间 hours open_hours")),
    Field("network", "text", ("facility",), _words(
        "网络 所属网络 四网 设施类别 类别 network type category"
    )),
    Field("class", "text", ("road", "barrier"), _words(
        "道路等级 等级 类型 highway baseclass road_class class type fclass"
    )),
    Field("speed_kmh", "number", ("road",), _words(
        "限速 车速 速度 speed_kmh speed_kph maxspeed speed"
    ), "km/h"),
    Field("speed_mph", "number", ("road",), _words("speed_mph speedlimit speed_limit"), "mph"),
    # which way, not whether: -1, TF and 逆向 are no "yes"
    Field("oneway", "text", ("road",), _words("单行 单行线 单向 oneway one_way")),
    Field("bridge", "flag", ("road",), _words("桥 桥梁 是否桥梁 bridge isbridge")),
    Field("level", "number", ("road",), _words("层级 level layer zlevel")),
    Field("x", "coordinate", ("incidents", "room", "facility"), _words(
        "经度 lon lng longitude x x坐标 东经 经度坐标 point_x"
    )),
    Field("y", "coordinate", ("incidents", "room", "facility"), _words(
        "纬度 lat latitude y y坐标 北纬 纬度坐标 point_y"
    )),
    Field("time", "time", ("incidents",), _words(
        "发生时间 案发时间 发案时间 报警时间 接警时间 警情时间 时间 日期 发生日期 报警日期 "
        "发生月份 月份 年月 time datetime occurred occurred_at date timestamp month"
    )),
    # after the time: a call that says nothing else happened when it was taken
    Field("reported", "time", ("incidents",), _words(
        "报案时间 报警时间 接警时间 接报时间 报案日期 报警日期 接警日期 reported reported_at "
        "date_reported report_date reported_date date_rptd date_rept time_reported"
    )),
    Field("category", "text", ("incidents",), _words(
        "警情类别 警情类型 案件类别 案件类型 类别 类型 category primary_type type offense "
        "incident_type crime_type"
    )),
    Field("settled", "time", ("incidents",), _words(
        "化解时间 办结时间 调解时间 处结时间 settled settled_at closed_at closed"
    )),
    Field("case", "id", ("incidents",), _words(
        "案件编号 案件编码 案件号 案号 警情编号 警情编码 警情号 接警单编号 接警单号 接警编号 "
        "报警编号 受案号 事件编号 case_number case_no case_id incident_number incident_no "
        "incident_id event_number event_no crime_id report_number report_no cmplnt_num dr_no ccn"
    )),
    Field("station", "id", ("incidents",), _words(
        "所属派出所 派出所编码 派出所代码 派出所 管辖单位 处警单位 station_id station district "
        "dist_num"
    )),
)
# fmt: on


_UNIT = re.compile(
    r"\((?:单位[:：]?)?(?:年月日时分秒|年月日时分|年月日|年月|时分秒|时分|yyyy[-/a-z: ]*|"
    r"deg(?:rees?)?|°|o|˚|度|人|个|名|户|起|件|宗|次|米|m|公里|km|平方米|平方公里|m2|km2|公里/小时|km/h)\)\s*$"
)


def fold(name: str) -> str:
    """Return a column's name without case, width, spaces, punctuation and a unit in brackets.

    >>> fold(" Count_Calls ") == fold("ＣountCalls")
    True
    >>> fold("常住人口（人）") == fold("常住人口"), fold("人口(2020)") == fold("人口")
    (True, False)
    """
    folded = _UNIT.sub("", unicodedata.normalize("NFKC", str(name)).casefold())
    return re.sub(r"[\s_\-—.·:：()\[\]/\\]+", "", folded)


@cache
def fields_of(kind: str) -> Mapping[str, Field]:
    """Return the fields that a layer kind (or ``incidents``) may carry, by name."""
    return {field.name: field for field in FIELDS if kind in field.kinds}


def match_columns(
    columns: Iterable[str], kind: str, chosen: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return which column stands for which field.

    Parameters
    ----------
    columns
        Names as written in the file.
    kind
        Layer kind, or ``incidents``.
    chosen
        The user's own choices, field to column; they win over every alias. A blank column
        says that none stands for the field.

    Returns
    -------
    dict
        Field to column; each column is used once. A Chinese column name that a shapefile
        cut at ten bytes is found by its first three characters or more when only one
        alias begins with them.
    """
    names = list(columns)
    mapped = dict(chosen or {})
    taken = set(mapped.values())
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(fold(name), name)
    wishes = [
        (rank, order, field.name, folded[key])
        for order, field in enumerate(fields_of(kind).values())
        for rank, key in enumerate(fold(alias) for alias in (field.name, *field.aliases))
        if key in folded
    ]
    # Fields in the order of this module; within a field the surest alias. The field's own
    # name, to the letter, is surest of all: a file that gridmap wrote is read back as it was.
    # An "id" is another matter: other tools add one, as GeoJSON numbers its features.
    wishes.sort(key=lambda wish: (not _is_own(wish), wish[1], _rank(wish)))
    for _, _, field, column in wishes:
        if field not in mapped and column not in taken:
            mapped[field] = column
            taken.add(column)
    for field, column in _cut_names(names, kind).items():
        if field not in mapped and column not in taken:
            mapped[field] = column
            taken.add(column)
    return {field: column for field, column in mapped.items() if column}


def _is_own(wish: tuple[int, int, str, str]) -> bool:
    """Return whether a column has the very name of its field, which only gridmap writes."""
    return wish[3] == wish[2] != "id"


def _rank(wish: tuple[int, int, str, str]) -> int:
    """Return how sure a column is: the field's name in other letters comes after its aliases."""
    return wish[0] if wish[0] or _is_own(wish) else 10_000


def _cut_names(names: Iterable[str], kind: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        key = fold(name)
        if len(key) < 3 or key.isascii():
            continue
        owners = {
            field.name
            for field in fields_of(kind).values()
            if any(fold(alias).startswith(key) for alias in field.aliases)
        }
        if len(owners) == 1:
            found.setdefault(owners.pop(), name)
    return found
