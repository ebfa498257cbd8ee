"""Records of persons in columns without a telling heading, and codes that only look like them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import box

from gridmap.errors import GridmapError, PersonalDataError
from gridmap.io import import_files, opened_files, read_city, read_source
from gridmap.io._person_numbers import (
    are_landlines,
    are_old_ids,
    are_person_names,
    holds_id,
    holds_landline,
    plain_text,
)
from gridmap.io._personal import personal_columns, personal_reason
from gridmap.model import Kind, Layer
from gridmap.plans import LOCAL, PlanStore, check_account, plan_from_table

CHICAGO = Path(__file__).parents[2] / "shared" / "data" / "chicago"
HEAD = "发生时间,警情类别,经度,纬度\n"

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
    assert holds_landline(plain_text(cell))
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


SOME = BORN[3]
FORMS = {
    "identity, no-break spaces": f"{SOME[:6]}\u00a0{SOME[6:14]}\u00a0{SOME[14:]}",
    "identity, nothing that is seen": "\u200b".join(SOME),
    "identity, dots": f"{SOME[:6]}.{SOME[6:14]}.{SOME[14:]}",
    "identity, blanks by four": f"{SOME[:4]} {SOME[4:8]} {SOME[8:12]} {SOME[12:16]} {SOME[16:]}",
    "identity, underlined": f"{SOME[:6]}_{SOME[6:14]}_{SOME[14:]}",
    "identity, middle dots": f"{SOME[:6]}·{SOME[6:14]}·{SOME[14:]}",
    "two identities in one piece": SOME + BORN[4],
    "identity and mobile in one piece": f"{SOME}13812345678",
    "identity behind letters": f"SFZ{SOME}",
    "identity before letters": f"{SOME}号",
    "identity in full width": SOME.translate({48 + n: 0xFF10 + n for n in range(10)}),
    "identity in Arabic digits": SOME.translate({48 + n: 0x660 + n for n in range(10)}),
    "mobile, 0086": "008613812345678",
    "mobile, +86": "+86 138 1234 5678",
    "mobile, 3-3-5": "138 123 45678",
    "mobile, dots": "138.1234.5678",
    "mobile, en dashes": "138–1234–5678",
    "mobile, spaced dashes": "138 - 1234 - 5678",
    "mobile, 4-3-4": "1381 234 5678",
    "mobile, 5-3-3": "13812 345 678",
    "mobile, 4-4-3": "1381 2345 678",
    "mobile, middle dots": "138·1234·5678",
    "mobile, each digit apart": "1 3 8 1 2 3 4 5 6 7 8",
    "mobile in words with blanks": "一三八 一二三四 五六七八",
    "mobile as it is read aloud": "幺三八幺二三四五六七八",
    "two mobiles": "13812345678/13912345678",
    "two mobiles in one piece": "1381234567813912345678张",
    "mobile behind a name": "张三13812345678",
    "mobile in words": "一三八一二三四五六七八",
    "mobile, wide spaces": "138\u30001234\u30005678",
    "mobile, soft hyphens": "138\u00ad1234\u00ad5678",
    "plate with blanks": "京 A 12345",
    "plate with gaps": "浙A·123 45",
    "plate, small and dotted": "粤b.d12345",
    "home without 室": "幸福小区8栋1203",
    "home in a tower": "阳光家园3号楼2单元-501",
    "home by numbers": "幸福小区3-2-501",
    "home of a village group": "王家村三组15号",
    "home of a village group in words": "王家村三组十五号",
    "home in words": "幸福小区八栋一二〇三",
    "home of a village's tenth group": "李庄村民10组8号",
    "home behind a street number": "文三路100号501室",
    "American flat": "1234 N MAIN ST APT 5B",
    "passport behind its label": "护照E12345678",
    "permit behind its label": "港澳通行证号：C12345678",
    "security number in a text": "SSN 123-45-6789 on file",
    "telephone of another country": "+44 20 7946 0958",
    "e-mail in a text": "mail to li.na@example.org today",
    "birthday behind its label": "出生日期：1980年",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_record_is_known_in_any_form_and_in_every_door(form):
    assert column(["甲地", FORMS[form], "乙地"])
    assert personal_reason(FORMS[form])
    assert personal_reason("说明 " * 3_000 + FORMS[form])  # however long the text is
    assert column([f"x{n}" for n in range(2_000)] + [FORMS[form]])


BY_COLUMN = {
    "mobiles, a fifth 0": [13812345678 + n * 1_234_567 if n % 5 else 0 for n in range(20)],
    "mobiles, a fifth blank": [13812345678.0 + n * 1_234_567 if n % 5 else None
                               for n in range(20)],
    "mobiles, a fifth 0, as text": [str(13812345678 + n * 1_234_567) if n % 5 else "0"
                                    for n in range(20)],
    "mobiles and the town's telephones": [13812345678 + n * 7_654 if n % 3 else 87654321 + n * 17
                                          for n in range(20)],
    "minorities": ["阿卜杜拉·买买提", "古丽米热·艾尼", "艾合买提·吐尔逊"],
    "foreigners": ["约翰·史密斯", "玛丽·布朗", "亚历山大·伊万诺夫", "张伟"],
    "another dot": ["阿卜杜拉•买买提", "古丽米热・艾尼"],
    "Americans": ["John Smith", "Garcia, Maria", "DAVID BROWN", "Nancy O'Neil"],
    "passports": ["E12345678", "G87654321", "EA1234567", "P01234567"],
    "permits": ["H12345678", "M87654321", "C55443322", "T11223344"],
    "Hong Kong": ["A123456(3)", "K765432(A)", "Z683365(5)"],
    "births": ["1961-03-05", "1975-04-12", "1988-07-09", "1993-01-30", "1999-12-02", "2004-06-06"],
    "births in one piece": [19610305, 19750412, 19880709, 19930130, 19991202],
    "births, American": ["3/5/1961", "4/12/1975", "7/9/1988", "1/30/1993", "12/2/1999"],
    "births of a spreadsheet": [f"{year}-03-0{n + 1} 00:00:00"
                                for n, year in enumerate((1961, 1975, 1988, 1993, 1999))],
    "old identity numbers with gaps": [f"{n[:6]} {n[6:12]} {n[12:]}" for n in OLD],
    "cards by four": ["4111 1111 1111 1111", "5555 5555 5555 4444", "4012 8888 8888 1881"],
    "telephones' hardware": ["490154203237518", "356938035643809", "353879234252633"],
    "telephones' owners": ["460001234567890", "460031234567891", "460110987654321"],
    "American telephones": ["312-746-6000", "773-555-0188", "312-744-5000", "312-747-8366"],
}  # fmt: skip


@pytest.mark.parametrize("kind", BY_COLUMN)
def test_a_column_of_persons_is_known_by_all_of_it(kind):
    assert list(column(BY_COLUMN[kind], "F3")) == ["F3"]


MIDNIGHTS = pd.date_range("1950-03-01", "2005-01-01", freq="677D").to_series()


@pytest.mark.parametrize(
    "moments",
    [MIDNIGHTS, MIDNIGHTS.dt.tz_localize("Asia/Shanghai").dt.tz_convert("UTC"),
     MIDNIGHTS.dt.strftime("%Y-%m-%dT00:00:00Z"), MIDNIGHTS.dt.strftime("%Y-%m-%d 16:00:00.000")],
    ids=["naive", "moved to Greenwich", "text with a zone", "text moved to Greenwich"],
)  # fmt: skip
def test_births_are_known_where_a_program_made_moments_of_days(moments):
    assert column(moments) == {"备注": "birth"}
    assert column(moments, "建成时间") == {}


def test_moments_of_incidents_are_no_births():
    spread = MIDNIGHTS + pd.to_timedelta(np.arange(len(MIDNIGHTS)) * 7 % 24, unit="h")
    assert column(spread) == {}


HEADINGS = [
    "门牌号", "门牌", "护照号码", "通行证号", "出生日期", "生日", "户籍地址", "dob",
    "victim_phone", "HomeAddress", "监护人", "微信号",
]  # fmt: skip


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_heading_tells_by_itself(heading):
    assert column(["甲地"], heading) == {heading: "name"}


TEXTS = [
    "三月方案", "减少高桥的负担，与江南合并", "由张伟队长负责的警务区重划", "王家村派出所",
    "王家村警务室", "文三路259号警务室", "3号楼警务室", "2024年第3版", "K12+300 至 K15",
    "330106001001 至 330106001020 并入东区", "会议 2024-03-05 14:00-16:30",
    "方案A：48 个警格，偏差 5.04 %", "110、12345 两部电话合并", "120.153576,30.287459",
    "https://example.org/plan?id=13812", "EPSG:4547", "村三组并入四组", "8栋以北划给东门所",
    "1 3 5 7 9 11 13 15 17", "王家村三组十五户", "翠苑一区12幢3单元", "京A口岸", "G6京藏高速",
    "Beat 0114 and 1224", "case HX123456",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_texts_of_the_trade_stay(text):
    assert personal_reason(text) == ""


def test_an_account_may_be_an_address_of_mail_where_people_log_in_by_it():
    assert personal_reason("li.na@example.org", allowed={"account"}) == ""
    assert personal_reason("13812345678", allowed={"account"}) == "mobile"


HARMLESS = {
    "hashes": ("Crime ID", [f"{n * 0x9E3779B97F4A7C15 % 2**256:064x}" for n in range(1, 3_000)]),
    "hashes in decimals": ("hash", [f"{(n * 0x9E3779B97F4A7C15 + 7) ** 4 % 10**40:040d}"
                                    for n in range(1, 3_000)]),
    "unique ids": ("GlobalID", [f"{{{n * 0x9E3779B97F4A7C15F39C % 2**128:032X}}}"
                                for n in range(1, 3_000)]),
    "grid codes of 12 to 20": ("网格代码", [f"3301060010{n:0{digits}d}" for digits in (2, 5, 8, 10)
                                            for n in range(1, 90)]),
    "grid codes elsewhere": ("F1", [f"460105001{n:06d}" for n in range(1, 400)]),
    "case numbers": ("案件编号", [f"A3301060000002024{n:06d}" for n in range(1, 800)]),
    "Chicago's case numbers": ("Case Number", [f"HX{n}" for n in range(400_000, 403_000)]),
    "coordinates in one cell": ("位置", [f"120.{n}13812345,30.{n}13912345"
                                  for n in range(10, 99)]),
    "coordinates of eight decimals": ("lng", [f"{131 + n / 97:.8f}" for n in range(99)]),
    "adcodes": ("adcode", [330100 + n for n in range(1, 20)]),
    "areas": ("SHAPE_Area", [15_123_456_789, 2_345_678, 98_765_432, 456_789_012]),
    "blocks": ("Block", ["0000X W MADISON ST", "012XX N STATE ST", "100XX S EWING AVE"]),
    "community areas": ("community", ["ROGERS PARK", "HYDE PARK", "WEST TOWN", "LINCOLN SQUARE"]),
    "estates with a dot": ("小区", ["万科·金域蓝湾", "龙湖·春江彼岸", "绿城·桃花源", "保利·堂悦"]),
    "when it was built": ("建成日期", ["1961-03-05", "1975-04-12", "1988-07-09", "1999-01-30",
                                       "2003-12-02"]),
    "founded by year": ("F9", ["1961-01-01", "1975-01-01", "1988-01-01", "1999-01-01"]),
    "when it happened": ("发生日期", [f"{1985 + n}-03-{n + 1:02d}" for n in range(28)]),
    "days of a month": ("F2", [f"2024-03-{n + 1:02d}" for n in range(28)]),
    "counters with a letter": ("F5", [f"P{n:08d}" for n in range(1, 40)]),
    "parcels": ("pin", [f"17-09-{n}-014-0000" for n in range(100, 140)]),
    "sums": ("金额", [15_000_000_000 + 7_777_777_777 * n for n in range(40)]),
    "where it happened": ("发生地点", ["文三路259号", "东风大道与人民路口", "火车站北广场"]),
    "kilometres": ("桩号", ["K1380+123", "K1381+456"]),
    "Chicago beats": ("BEAT_NUM", ["0111", "0112", "2535"]),
    "codes of districts": ("DISTRICT", ["001", "002"]),
    "links": ("url", ["https://example.org/a/1380000000123/b1"]),

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


MESSAGE_FILES = {
    "no time that can be read": f"{HEAD}张伟说昨天,盗窃,114.05,22.55\n",
    "dates of several kinds": f"{HEAD}2024-03-17,盗窃,114,22.55\n17/03/1988,盗窃,114,22.55\n",
    "dates that may be two": f"{HEAD}07/08/1988,盗窃,114.05,22.55\n",
    "dates of two digits": f"{HEAD}07/08/09,盗窃,114.05,22.55\n",
    "seconds since 1970": f"{HEAD}1388123456,盗窃,-87.05,41.55\n",
    "text for numbers": f"{HEAD}2024-03-05,盗窃,13812345678号,22.55\n",
    "no header": f"张伟,{SOME},13812345678,114.05,22.55\n李娜,{SOME},13912345678,114.05,22.55\n",
    "no header, names only": "张伟,东门,114.05,22.55\n李娜,西街,114.05,22.55\n",
    "in another encoding": f"{HEAD}2024-03-05,{'¾¯¸ñ张伟' * 3},114.05,22.55\n",
}
SECRETS = ("张伟", "李娜", SOME, "1988", "07/08", "1388123456", "13812345678", "¾¯¸ñ")


@pytest.mark.parametrize("kind", MESSAGE_FILES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_message_repeats_a_value(tmp_path, kind, language):
    path = tmp_path / "a.csv"
    path.write_text(MESSAGE_FILES[kind], encoding="utf-8")
    with pytest.raises(GridmapError) as raised:
        import_files(tmp_path / "city", [path], kind="incidents")
    text = raised.value.text(language)
    assert not [secret for secret in SECRETS if secret in text]


def test_a_file_named_after_somebody_is_refused_without_saying_whom(tmp_path):
    path = tmp_path / "张伟13812345678.csv"
    path.write_text(f"{HEAD}2024-03-05,盗窃,114.05,22.55\n", encoding="utf-8")
    with pytest.raises(PersonalDataError) as raised:
        import_files(tmp_path / "city", [path], kind="incidents")
    assert "138" not in raised.value.text()


def test_a_name_written_into_the_configuration_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEAD}2024-03-05,盗窃,114.05,22.55\n", encoding="utf-8")
    import_files(tmp_path / "city", [path], kind="incidents")
    config = tmp_path / "city" / "gridmap.toml"
    config.write_text(
        config.read_text(encoding="utf-8").replace('"city"', '"联系 138 1234 5678"'), "utf-8"
    )
    with pytest.raises(PersonalDataError) as raised:
        read_city(tmp_path / "city")
    assert "138" not in raised.value.text()


def test_plans_are_refused_where_they_would_keep_records(tmp_path):
    grids = Layer(
        Kind.GRID,
        gpd.GeoDataFrame(
            {"id": ["a", "b"]}, geometry=[box(0, 0, 9, 9), box(9, 0, 18, 9)], crs="EPSG:32650"
        ),
    )
    whole = pd.DataFrame({"grid": ["a", "b"], "beat": ["1", "2"]})
    plan = plan_from_table(whole, grids, name="三月方案")
    with PlanStore.open(tmp_path / "plans.db") as store:
        for bad, note in ((replace(plan, name="李娜 13812345678"), ""), (plan, f"见 {SOME}")):
            with pytest.raises(PersonalDataError) as raised:
                store.save(bad, author=LOCAL, note=note)
            assert "138" not in raised.value.text()
            assert SOME not in raised.value.text()
        assert store.list() == ()
        store.save(plan, author=LOCAL, note="减少高桥的负担")
    for column, cells in (("beat_name", ["138 1234 5678", ""]), ("beat", [SOME, "2"])):
        with pytest.raises(PersonalDataError):
            plan_from_table(whole.assign(**{column: cells}), grids, name="三月方案")
    wrong = whole.assign(officers=["张伟", "3"])
    with pytest.raises(GridmapError) as raised:
        plan_from_table(wrong, grids, name="三月方案")
    assert "张伟" not in raised.value.text()


def test_accounts_that_are_numbers_of_persons_are_refused():
    check_account("li.na@example.org")
    check_account("110234")
    for account in ("13812345678", SOME):
        with pytest.raises(PersonalDataError) as raised:
            check_account(account)
        assert account not in raised.value.text()


@pytest.mark.real_data
@pytest.mark.skipif(not CHICAGO.is_dir(), reason="the real data is not at ../shared/data")
@pytest.mark.parametrize(
    "name", ["Crimes_September_2014.csv", "Police_Stations.csv", "police_beats.zip",
             "police_districts.zip", "community_areas.zip", "block_groups_2010.gpkg"],
)  # fmt: skip
def test_files_of_chicago_hold_no_records_but_telephones(name):
    with opened_files(CHICAGO / name, max_mb=500) as files:
        frame = read_source(files[0]).frame
    # The stations' own telephones are refused with the persons': nobody can tell them apart.
    assert set(personal_columns(frame)) <= {"PHONE", "FAX", "TTY"}


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
