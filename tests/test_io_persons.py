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


def identity(body):
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[
        sum(w * int(d) for w, d in zip(weights, body, strict=True)) % 11
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
    number = identity("93301019850312001")
    assert holds_id(number)
    assert column([number]) == {"备注": "id_number"}


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
    # A few cells of a column of places may be names by chance.
    assert column(NAMES[:7], "名称") == {}
    assert column(NAMES[:7]) == {"备注": "name"}
    assert column(NAMES[:2]) == {"备注": "name"}
    assert column(NAMES[:2], "组别") == {}
    # One cell alone may be a remark: 施 is a surname.
    assert column(["施工中", None]) == {}


BORN = [identity(f"330102{year}0{year % 9 + 1}1{year % 9}{seq}")
        for year, seq in zip(range(1956, 1996, 4), range(101, 200, 7), strict=False)]  # fmt: skip
PERSONAL = {
    "rounded by a spreadsheet": ("字段1", [float(n.replace("X", "0")) for n in BORN]),
    "rounded and written": ("F3", [f"{float(n.replace('X', '0')):.14E}" for n in BORN]),
    "hidden number": ("F3", [f"{BORN[0][:6]}********{BORN[0][-4:]}"]),
    "hidden mobile": ("F3", ["138****1234"]),
    "mobile written by a spreadsheet": ("F4", ["1.3812345678E+10", "1.3912345678E+10"]),
    "town's numbers": ("F6", ["87654321", "88881234", "86543210", "87651100"]),
    "town's numbers as numbers": ("F6", [6543210, 6881234, 6651100]),
    "heading 座机": ("座机", ["87654321"]),
    "heading of initials": ("LXDH", ["87654321"]),
    "small plate": ("F7", ["浙a12345"]),
    "e-mail": ("F8", ["zhang@example.com"]),
    "account": ("备注", ["微信:zhangwei88"]),
    "account's own id": ("F9", ["wxid_8a7b6c5d4e"]),
    "heading 微信": ("微信", ["weiwei"]),
    "face": ("人脸ID", ["a1b2"]),
    "face in English": ("faceId", ["a1b2"]),
    "home": ("备注", ["幸福小区3幢2单元501室"]),
    "room in a building": ("地址", ["文三路100号3幢501室"]),
    "name behind an office": ("备注", ["2号楼 网格员张伟"]),
    "names with titles": ("备注", ["张伟（组长）", "王秀英（组员）", "刘建国"]),
    "names in a list": ("备注", ["张伟、王秀英", "李娜、刘建国"]),
    "security number": ("F13", ["123-45-6789"]),
    "American telephone": ("F14", ["(718) 555-0123"]),
    "birthday": ("生日", ["1990-01-01"]),
    "sexes": ("F2", ["男", "女", "男"]),
    "officer by name": ("officer", ["John Smith"]),
    "cards": ("F12", ["4111111111111111", "5555555555554444", "4012888888881881"]),
    "nested": ("owner", ['{"name": "x", "contact": {"phone": "139"}}']),
    "nested list": ("属性", ['[{"F1": "138****1234"}]']),
}


@pytest.mark.parametrize("kind", PERSONAL)
def test_records_under_headings_that_tell_nothing_are_known(kind):
    heading, cells = PERSONAL[kind]
    assert list(column(cells, heading)) == [heading]


HARMLESS = {
    "a day and a count": ("警情编号", [f"330102202603{d:02d}{n:04d}" for d in range(1, 29)
                                       for n in range(4)]),
    "the same as numbers": ("F1", [330102202603050000.0 + 10 * n for n in range(9)]),
    "codes counted on": ("F2", [str(87654321 + n) for n in range(9)]),
    "days": ("F2", [f"202603{d:02d}" for d in range(1, 10)]),
    "people of seven digits": ("总人口", [6654321, 7120034, 8110293]),
    "reported day": ("发生日期", ["2026-03-01"]),
    "number of a report": ("接警号", ["J001"]),
    "how many wardens": ("网格员", ["3", "2人"]),
    "minorities": ("少数民族", [120, 30, 0]),
    "minorities in words": ("少数民族人口", ["120"]),
    "cameras": ("车牌识别", ["卡口3"]),
    "callers counted": ("caller_count", [3]),
    "patrols": ("patrol_mobile_units", [3]),
    "poles": ("tel_poles", [3]),
    "stations": ("派出所", ["王家湾派出所", "李家庄派出所", "张店派出所"]),
    "short stations": ("所属派出所", ["王家湾", "李家庄", "张店", "高桥", "石磊", "江南", "金沙"]),
    "streets": ("道路名称", ["长安", "中山", "平安", "建国", "解放", "人民", "胜利", "和平"]),
    "where an office is": ("警务室地址", ["阳光小区3幢101室"]),
    "a crossing": ("发案地点", ["文三路与学院路口"]),
    "remarks": ("备注", ["与3号网格合并", "2025年新建", "待核"]),
    "directions": ("方向", ["向东", "向西", "向南"]),
    "noughts": ("AREA", [0.0, 0.0]),
    "blanks": ("备注", ["", None]),
    "owner of a street": ("Owner", ["City", "Private"]),
    "units of police": ("处警单位", ["江东派出所民警中队"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMLESS)
def test_counts_codes_and_places_stay(kind):
    heading, cells = HARMLESS[kind]
    assert column(cells, heading) == {}


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
