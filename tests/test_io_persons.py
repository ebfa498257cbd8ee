"""Records of persons in columns without a telling heading, and codes that only look like them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gridmap.io import import_files, read_city
from gridmap.io._person_names import are_person_names
from gridmap.io._person_numbers import are_landlines, are_old_ids, holds_id, holds_landline
from gridmap.io._personal import personal_columns

# Made up: region, birth, sequence. None has a check digit, so none is anybody's.
OLD = [
    f"{region}{born}{number:03d}"
    for number, (region, born) in enumerate(
        [("330106", "570312"), ("110105", "491231"), ("440301", "680704"), ("330106", "721115"),
         ("510104", "810523"), ("330102", "640208"), ("330106", "760930"), ("320102", "550617")],
        start=101,
    )
]  # fmt: skip
NAMES = [
    "张伟", "王秀英", "李娜", "刘建国", "陈静", "杨丽", "赵志强", "黄海燕", "周杰", "吴敏",
    "徐明华", "孙玉兰",
]  # fmt: skip


def column(values, name="备注"):
    return personal_columns(pd.DataFrame({name: values}))


def test_old_identity_numbers_are_known_by_their_column():
    assert column(OLD) == {"备注": "id_number"}
    assert column([int(number) for number in OLD]) == {"备注": "id_number"}
    assert column([float(number) for number in OLD] + [np.nan]) == {"备注": "id_number"}
    assert column([f" {number} " for number in OLD] + [""]) == {"备注": "id_number"}
    # Two tell by births that no street's number can be.
    assert column(["330106681203101", "110105720115102"]) == {"备注": "id_number"}
    assert are_old_ids(OLD)
    assert not are_old_ids([*OLD, "甲", "乙"])


def grid_codes(streets, communities, grids):
    return [
        f"330106{street:03d}{community:03d}{grid:03d}"
        for street in streets
        for community in communities
        for grid in range(1, grids + 1)
    ]


@pytest.mark.parametrize(
    ("streets", "communities"),
    [
        (range(1, 2), range(1, 2)),
        (range(1, 2), range(1, 32)),  # every one of them reads as a day of October
        (range(1, 15), range(1, 40)),
        (range(100, 125), range(200, 231)),  # towns and their villages
        (range(400, 404), range(101, 130)),  # special zones
        (range(590, 600), range(1, 31)),
    ],
)
@pytest.mark.parametrize("grids", [1, 9])
def test_grid_codes_of_fifteen_digits_are_no_identity_numbers(streets, communities, grids):
    assert column(grid_codes(streets, communities, grids), "编码") == {}


def test_numbers_of_cases_are_no_identity_numbers():
    days = pd.date_range("2023-01-01", "2026-06-30", freq="9D").strftime("%y%m%d")
    assert column([f"330106{day}{n % 20:03d}" for n, day in enumerate(days)], "案号") == {}


def test_identity_numbers_of_foreigners_with_residence():
    # 9, country, region, birth, sequence; the check digit makes it one.
    body = "93301019850312001"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    digit = "10X98765432"[sum(w * int(d) for w, d in zip(weights, body, strict=True)) % 11]
    assert holds_id(body + digit)
    assert column([body + digit]) == {"备注": "id_number"}


LANDLINES = ["0571-87654321", "(0571)87654321", "（010）6655 4433", "028 8765-4321",
             "值班室 0755-8332 1234 转 8", "+86 0571-87654321"]  # fmt: skip
NO_LANDLINES = ["0571-1234", "2024-03-05 10:00", "330106-00187654", "B0571-87654321",
                "0100-87654321", "114.0571 22.8765", "0.0571 87654321", "K0+571-876"]  # fmt: skip


@pytest.mark.parametrize("cell", LANDLINES)
def test_a_telephone_number_in_any_cell_is_known(cell):
    assert holds_landline(cell)
    assert column(["东门", cell, "西街"]) == {"备注": "landline"}


@pytest.mark.parametrize("cell", NO_LANDLINES)
def test_other_numbers_are_no_telephones(cell):
    assert column(["东门", cell, "西街"]) == {}


def test_telephone_numbers_without_a_mark_are_known_by_their_column():
    numbers = ["057187654321", "01066554433", "075583321234", "02887654321"]
    assert column(numbers) == {"备注": "landline"}
    assert are_landlines(numbers)
    # Codes of an id column, and a column in which most are something else, are none.
    assert column(numbers, "编码") == {}
    assert column([*numbers, *map(str, range(100, 140))]) == {}


def test_a_telephone_named_in_a_text_is_known():
    assert column(["东门值班室电话87654321"]) == {"备注": "name"}
    assert column(["Tel: 8765 4321"]) == {"备注": "name"}
    assert column(["报警电话110，监督电话12345"]) == {}


def test_names_are_known_where_the_whole_column_is_of_them():
    assert column(NAMES) == {"备注": "name"}
    assert column([f" {name[0]} {name[1:]}" for name in NAMES] + [None]) == {"备注": "name"}
    assert column([*NAMES, "欧阳志远"]) == {"备注": "name"}
    # A few cells may be names by chance.
    assert column(NAMES[:7]) == {}


PLACES = [
    "高桥 江南 白杨街 石桥头 金沙 黄家湾 马陆 万寿 唐家墩 余杭塘",
    "东风里 西街口 南山 北苑 中山路 解放路 人民路 和平里 建设村 新华社区",
    "盗窃 诈骗 纠纷 赌博 斗殴 噪音 求助 走失 交通 火灾 其他",
    "王家庄 李家村 张店 刘集 陈桥 赵庄 周口 吴镇 徐州 孙楼",
    "城关所 东门所 西街所 南关所 北苑所 高新所 经开所 江东所",
    "方庄 和平 东高地 金鱼池 万寿路 田村 温泉 石景山 安定 常营 康乐",
]


@pytest.mark.parametrize("words", PLACES)
def test_places_offices_and_kinds_are_no_names(words):
    assert not are_person_names(set(words.split()))
    assert column(words.split(), "名称") == {}


def test_what_is_refused_is_named_and_nothing_of_it_is_stored(tmp_path):
    rows = [
        f"{n},警务室{n},114.0{n},22.5,{name},{number},0571-8765432{n}"
        for n, (name, number) in enumerate(zip(NAMES[:8], OLD, strict=True))
    ]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["编号,名称,经度,纬度,甲,乙,丙", *rows]), encoding="utf-8")
    report = import_files(tmp_path / "city", [path], kind="room")
    assert report.refused_columns == ("甲", "乙", "丙")
    assert set(read_city(tmp_path / "city").rooms.frame.columns) == {"id", "name", "geometry"}
    for file in (tmp_path / "city").rglob("*"):
        if file.is_file():
            raw = file.read_bytes()
            assert OLD[0].encode() not in raw
            assert NAMES[1].encode() not in raw
