"""Whether a column's heading says that it holds records of persons, or nothing at all."""

from __future__ import annotations

import re

from gridmap.fields import FIELDS, fold

__all__ = [
    "is_dated",
    "is_id",
    "is_of_offices",
    "is_of_persons",
    "is_of_roles",
    "is_vague",
    "may_be_of_staff",
    "says_what",
]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# fmt: off
_WORDS = _words(
    "姓名 身份证 证件 公民身份号码 居民身份 护照 驾驶证 驾照 军官证 社保 医保 手机 电话 座机 固话 "
    "热线 传真 联系方式 联系人 住址 门牌 通行证 台胞证 居住证 家庭地址 户籍地 居住地址 详细地址 "
    "房号 出生 籍贯 性别 婚姻 "
    "政治面貌 车牌 号牌 微信 qq号 银行卡 银行账号 邮箱 电子邮件 人脸 指纹 虹膜 法定代表人"
)
# Initials that systems of registration write, and words that others hold: 发生日期, 接警号.
_WHOLE = frozenset(_words(
    "年龄 生日 警号 民警警号 qq 身份 xingming sfz sfzh sfzhm gmsfhm gmsfzh zjhm lxdh lxfs lxr "
    "lxrdh lxrxm dhhm sjhm yddh cphm hphm weixin wxh csrq hjdz hjdxz jtzz jzdz hzxm bjrxm bjrdh "
    "fzrdh mjxm wgyxm wgydh idcard age sex gender imei imsi"
))
# Columns of these say who it is, or how many.
_ROLES = _words(
    "报警人 当事人 受害人 嫌疑人 户主 房东 租客 租户 民族 负责人 网格员 网格长 联络员 信息员 "
    "报案人 举报人 监护人 承办人 经办人 处警人 接警人 填表人 责任人 值班人 值班员"
)
# Columns that end in these hold either numbers of people, or their names, or something else.
_STAFF = _words(
    "民警 辅警 协警 警长 巡长 所长 队长 书记 主任 村长 楼长 楼栋长 组长 组员 队员 成员 人员 居民 "
    "志愿者 警官"
)
# fmt: on
_ENGLISH_STAFF = re.compile(
    r"(^|_)(officer|sergeant|captain|lieutenant|commander|tenant|resident)$"
)
_ENGLISH = re.compile(
    r"(^|_)(phone|telephone|tel|mobile|cellphone|cell_phone|fax|email|e_?mail|passport|ssn|"
    r"social_security|id_?card|id_?number|idno|identity|person_?name|full_?name|first_?name|"
    r"last_?name|surname|given_?name|(officer|owner|driver|victim|suspect|caller|witness|"
    r"complainant|offender|arrestee|tenant|contact|emergency)_?(name|phone|dob|address)|"
    r"resident_name|birth_?date|birthday|date_of_birth|dob|driver_?licen[cs]e|license_?plate|"
    r"plate_?(no|number)?|home_?address|wechat|weixin|face_?(id|token|image)|fingerprint|mac_?addr(ess)?|ip_?addr(ess)?|bank_?(account|card)|"
    r"contact(_name|_person)?)($|_)"
)
_COUNTED = ("数", "量", "率", "比", "人口", "人次", "密度", "占比", "覆盖")
# A camera reads plates and faces: what it is called is nobody's.
_DEVICES = re.compile(r"识别|抓拍|卡口|摄像|探头|设备|点位|系统|民族乡|民族村")
_ENGLISH_ROLES = re.compile(r"(^|_)(victim|suspect|caller|complainant|offender|householder)($|_)")
_ENGLISH_COUNTED = re.compile(
    r"_(count|counts|cnt|rate|share|pct|percent|ratio|total|units|readers|poles|towers|booths|"
    r"boxes|cameras|stations|shops|coverage|density)$|^(number|count|share)_of_"
)
_VAGUE = re.compile(
    r"^(?:(?:f|字段|field|col|column|列|var|attr|attribute|属性|unnamed|未命名|xm|text|文本|value|值|"
    r"数据|data|string|字符|cell)\d*|[a-w]\d*|\d*|甲|乙|丙|丁|备注.?|说明|其他|其它|附注|补充|"
    r"补充说明|信息|描述|内容|摘要|remarks?|notes?|memo|comments?|others?|info|desc|description)$"
)
_PLACE = re.compile(
    r"(?:名称|地名|路名|街道|乡镇|村|社区|小区|所|室|站|点|单位|部门|类别|类型|类|镇|乡|区|街|路|楼|"
    r"位置|地点|性质|状态|等级|名|name|type|category|class|place|street|road|district|area)$"
)
# Days of these are of buildings, offices and files, not of births.
_DATED = re.compile(
    r"建|成立|启用|竣工|投用|修|设立|开业|落成|挂牌|更新|录入|登记|创建|入库|批准|发布|built|open|establish|"
    r"found|construct|install|updat|creat|modif|approv|edit|enter"
)
_IDS = {fold(alias) for field in FIELDS if field.content == "id" for alias in field.aliases}
_KNOWN = {fold(alias) for field in FIELDS for alias in (field.name, *field.aliases)}
_OFFICES = re.compile(r"警务室|派出所|单位|机构|设施|场所|办公|所在|office|station|room")


def is_of_persons(column: str) -> bool:
    """Return whether a heading alone says that its column is of persons.

    >>> is_of_persons("报警人 手机"), is_of_persons("手机店数"), is_of_persons("face_id")
    (True, False, True)
    """
    text, snake = fold(column), _snake(column)
    if _is_counted(text, snake):
        return False
    return text in _WHOLE or any(word in text for word in _WORDS) or bool(_ENGLISH.search(snake))


def is_of_roles(column: str) -> bool:
    """Return whether a column says who it is, unless it says how many.

    >>> is_of_roles("网格员"), is_of_roles("少数民族人口"), is_of_roles("victim")
    (True, False, True)
    """
    text, snake = fold(column), _snake(column)
    if _is_counted(text, snake):
        return False
    return any(word in text for word in _ROLES) or bool(_ENGLISH_ROLES.search(snake))


def may_be_of_staff(column: str) -> bool:
    """Return whether a column may hold numbers of people, their names, or something else."""
    text = fold(column)
    return any(text.endswith(word) for word in _STAFF) or bool(
        _ENGLISH_STAFF.search(_snake(column))
    )


def is_vague(column: str) -> bool:
    """Return whether a heading tells nothing, as ``F3``, ``字段1`` and ``备注``."""
    return bool(_VAGUE.match(fold(column)))


def says_what(column: str) -> bool:
    """Return whether a heading says that its column is of places, kinds or anything gridmap knows.

    >>> says_what("道路名称"), says_what("所属派出所"), says_what("楼里的人")
    (True, True, False)
    """
    text = fold(column)
    return text in _KNOWN or bool(_PLACE.search(text))


def is_id(column: str) -> bool:
    """Return whether a column is called an id."""
    return fold(column) in _IDS


def is_dated(column: str) -> bool:
    """Return whether a column says that its days are of buildings, offices or files."""
    return bool(_DATED.search(fold(column)))


def is_of_offices(column: str) -> bool:
    """Return whether a column of addresses is of offices."""
    return bool(_OFFICES.search(fold(column)))


def _is_counted(text: str, snake: str) -> bool:
    """Return whether a heading is of numbers of people, or of devices."""
    counted = any(text.endswith(mark) for mark in _COUNTED) or _ENGLISH_COUNTED.search(snake)
    return bool(counted or _DEVICES.search(text))


def _snake(column: str) -> str:
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.strip()).lower()
    return re.sub(r"[\s.\-]+", "_", snake)
