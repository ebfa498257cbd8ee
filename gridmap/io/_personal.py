"""Refusing records of persons: by the names of columns and by the pattern of their values.

The report names columns, never values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmap.errors import PersonalDataError
from gridmap.fields import FIELDS, fold
from gridmap.i18n import tr
from gridmap.io._person_numbers import (
    ID_ROUGH,
    PHONE_ROUGH,
    PLATE_ROUGH,
    SSN_ROUGH,
    are_births,
    are_cards,
    are_devices,
    are_foreign_names,
    are_landlines,
    are_local_numbers,
    are_old_ids,
    are_passports,
    are_person_names,
    are_rounded_ids,
    holds_id,
    holds_landline,
    holds_mobile,
    holds_plate,
    holds_ssn,
    is_likely_name,
    plain_text,
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# fmt: off
_HEADING_WORDS = _words(
    "姓名 身份证 证件 公民身份号码 居民身份 护照 驾驶证 驾照 军官证 社保 医保 手机 电话 座机 固话 "
    "热线 传真 联系方式 联系人 住址 门牌 通行证 台胞证 居住证 家庭地址 户籍地 居住地址 详细地址 "
    "房号 出生 籍贯 性别 婚姻 "
    "政治面貌 车牌 号牌 微信 qq号 银行卡 银行账号 邮箱 电子邮件 人脸 指纹 虹膜 法定代表人"
)
# Initials that systems of registration write, and words that others hold: 发生日期, 接警号.
_WHOLE_HEADINGS = frozenset(_words(
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
    text, snake = fold(column), snake_case(column)
    if _is_counted(text, snake):
        return False
    return (
        text in _WHOLE_HEADINGS
        or any(word in text for word in _HEADING_WORDS)
        or bool(_ENGLISH.search(snake))
    )


def is_of_roles(column: str) -> bool:
    """Return whether a column says who it is, unless it says how many.

    >>> is_of_roles("网格员"), is_of_roles("少数民族人口"), is_of_roles("victim")
    (True, False, True)
    """
    text, snake = fold(column), snake_case(column)
    if _is_counted(text, snake):
        return False
    return any(word in text for word in _ROLES) or bool(_ENGLISH_ROLES.search(snake))


def may_be_of_staff(column: str) -> bool:
    """Return whether a column may hold numbers of people, their names, or something else."""
    text = fold(column)
    return any(text.endswith(word) for word in _STAFF) or bool(
        _ENGLISH_STAFF.search(snake_case(column))
    )


def is_vague(column: str) -> bool:
    """Return whether a heading has no meaning, such as ``F3``, ``字段1`` and ``备注``."""
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


def snake_case(column: str) -> str:
    """Return a heading in small letters, its words with underscores between them.

    >>> snake_case("ReportedDate 2"), snake_case("call-type")
    ('reported_date_2', 'call_type')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\s.-]+", "_", column.strip()).lower()


#: Addresses of e-mail, accounts of WeChat and QQ, addresses of a device.
ACCOUNT_ROUGH = (
    r"[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}\.[A-Za-z]{2}"
    r"|\bwxid_[0-9a-z]{4}"
    r"|(?:微信|WeChat|wechat)(?:号|ID|id)? ?[:是为]? ?[A-Za-z][-_0-9A-Za-z]{5}"
    r"|(?:[Qq][Qq])(?:号)? ?[:是为]? ?[1-9][0-9]{4}"
    r"|(?i:\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b)"
)
#: Numbers of identity and of mobiles with their middle hidden.
HIDDEN_ROUGH = r"[1-9]\d{2,5}[*xX×]{6,14}\d{0,3}[\dXx]|\b1[3-9]\d[*×]{4}\d{4}\b"
#: What is said of a person behind a label.
LABEL_ROUGH = (
    r"(?:姓名|身份证|证件号码?|护照|通行证|台胞证|居住证|驾驶证|驾照|联系人|联系电话|手机号?码?|户主|"
    r"报警人|当事人|嫌疑人|受害人|负责人|网格员|住址|户籍地|出生日期|生日|银行卡|卡号)号?码?"
    r"[\"'”]? ?(?:[:=]|</t[dh]>) ?[^ ,;。]"
    r"|(?:电话|手机|[Tt][Ee][Ll])[^0-9]{0,4}[0-9][0-9 -]{5,16}[0-9]"
    r"|(?:护照|通行证|台胞证)[^0-9A-Za-z]{0,4}[A-Z]{1,2}\d{7}"
)
_BUILDING = r"[0-9一二三四五六七八九十A-Za-z] ?(?:栋|幢|号楼|座|弄)"
_HOME = (
    r"单元 ?-? ?[0-9]{2,4} ?(?:室|号房|房|户)?"
    r"|[村屯庄寨].{0,6}?[组社队] ?(?:[0-9]{1,4} ?[号户]|[一二三四五六七八九十百零〇]{1,6} ?号)"
    r"|(?:小区|花园|[苑里湾府庭园]|新村|公寓|家园) ?[0-9]{1,3}-[0-9]{1,2}-[0-9]{3,4}"
    r"|(?i:\b[0-9]{1,6} [A-Za-z0-9 .]{3,40} (?:apt|apartment)\.? ?#? ?[0-9A-Za-z]{1,5}\b)"
)
_ROOM = (
    rf"{_BUILDING}.{{0,8}}?[0-9]{{3,4}} ?(?:室|号房|房)"
    rf"|{_BUILDING} ?(?:[东西南北中]|[0-9一二三四五六七八九]{{1,2}}(?:单元|门))? ?-? ?"
    r"(?:[0-9]{3,4}|[零〇一二三四五六七八九]{3,4})(?:[^0-9米路号线道年mk]|$)"
    r"|[0-9]号 ?[0-9]{3,4} ?(?:室|房)"
)
#: A home: a staircase, a village's group, a room in a building; or an office, which is a room too.
HOME_ROUGH = f"{_HOME}|{_ROOM}"
_HOMES, _ROOMS = re.compile(_HOME), re.compile(_ROOM)
_OFFICE = re.compile(
    r"(?:警务室|派出所|警务站|警务区|岗亭|服务站|服务中心|办公室|居委会|村委会)\W{0,3}$"
)
_HOLDERS = (
    r"(?:网格员|网格长|户主|楼长|楼栋长|组长|报警人|举报人|负责人|联系人|当事人|房东|租客|租户"
    r"|民警|辅警|居民)"
)
#: A job title that precedes the name of its holder.
NAMED_ROUGH = _HOLDERS + r"[是为叫]? ?[\x{4e00}-\x{9fa5}]{2,3}(?:$|[^\x{4e00}-\x{9fa5}])"
_NAMED = re.compile(_HOLDERS + r"[是为叫]? ?([\u4e00-\u9fa5]{2,3})(?![\u4e00-\u9fa5])")


def holds_home(cell: str, *, offices: bool = False) -> bool:
    """Return whether a text holds the address of a home.

    Parameters
    ----------
    cell
        The text.
    offices
        Whether it is known to be of offices: a room in a building is theirs then.

    >>> holds_home("幸福小区8栋1203"), holds_home("王家村三组15号"), holds_home("文三路259号")
    (True, True, False)
    >>> holds_home("阳光小区3幢101室警务室")
    False
    """
    if _OFFICE.search(cell[-40:]):
        return False
    return bool(_HOMES.search(cell)) or (not offices and bool(_ROOMS.search(cell)))


def names_someone(cell: str) -> bool:
    """Return whether a text names who holds an office, as ``网格员张伟``.

    >>> names_someone("2号楼，网格员张伟 负责"), names_someone("居民区西侧")
    (True, False)
    """
    return any(is_likely_name(found) for found in _NAMED.findall(cell))


# Letters that `plain_text` changes: all but those of plain text in Chinese and English.
_SPOKEN = "[〇零一二三四五六七八九幺]"
_ODD = rf"[^ -~\x{{4e00}}-\x{{9fa5}}、。！]|  |^ | $|{_SPOKEN}(?:[ -]?{_SPOKEN}){{6}}"
_WORDS = r"^(?:[\u4e00-\u9fa5]|[A-Za-z]{2})"
_SMALL = r"^\d{1,5}(?:\.0+)?\s*[人名个户]?$"
_SCIENTIFIC = r"^\s*\d(?:\.\d+)?[Ee]\+(?:10|17)\s*$"
_LEAST = 13_000_000_000  # the least number that is a mobile's; one of identity is greater
_MOST = 2**63
_TINY = 1_000  # smaller numbers beside telephones mean "none"
_WHOLE = re.compile(r"^-?\d+(?:\.\d+)?$")
_LOCAL = re.compile(r"^[2-9]\d{6,7}$")
_NUMBERS = f"{ID_ROUGH}|{PHONE_ROUGH}"
_ANY = (
    f"{_NUMBERS}|{HIDDEN_ROUGH}|{SSN_ROUGH}|{LABEL_ROUGH}|{PLATE_ROUGH}|{ACCOUNT_ROUGH}"
    f"|{HOME_ROUGH}|{NAMED_ROUGH}"
)
_PLAIN = re.compile(r"^'|\.0+$")
_SPACED = re.compile(r"^[\dXx]+(?:[ .-][\dXx]+){1,8}$")
_FEW = 5
_SEXES = {"男", "女", "男性", "女性"}
_SAMPLE = 5_000  # rows by which a whole column is judged
_LONGEST = 5_000  # letters that are looked at in one piece
_OVERLAP = 60  # letters that a piece has in common with the next: hardly any pattern is longer


def personal_reason(text: str, *, allowed: Collection[str] = ()) -> str:
    """Return what a text that somebody typed is a record of, or blank.

    Parameters
    ----------
    text
        A name, a note, a heading.
    allowed
        Reasons that do not count here: ``account`` where people log in by an address of
        e-mail, ``landline`` where an office's telephone is asked for.

    Notes
    -----
    Names inside a text are not searched for: 高桥, 江南 and 石磊 are places and people.

    Examples
    --------
    >>> personal_reason("联系 138 1234 5678"), personal_reason("三月方案，减少高桥的负担")
    ('mobile', '')
    """
    cells = _as_cells(pd.Series([text], dtype="object"))
    if not _rough(cells, _ANY):
        return ""
    signs = _signs(cells, "", numeric=False)
    return next((reason for reason, told in signs if told and reason not in allowed), "")


def refuse_personal(texts: Mapping[str, str], *, allowed: Collection[str] = ()) -> None:
    """Refuse texts that are records of persons; the refusal names the place, never the text.

    Parameters
    ----------
    texts
        Where a text stands, in the user's words, to the text.
    allowed
        As of `personal_reason`.

    Raises
    ------
    PersonalDataError
        If one of them is a record of persons.
    """
    # Nearly always there is nothing: one pass over all of them says so.
    if not _rough(_as_cells(pd.Series([*texts.values(), ""], dtype="object")), _ANY):
        return
    for where, text in texts.items():
        if reason := personal_reason(text, allowed=allowed):
            raise _refusal(where, reason)


def refuse_personal_columns(frame: pd.DataFrame, *, where: str) -> None:
    """Refuse a table that somebody wants stored, if one of its columns is of persons.

    Parameters
    ----------
    frame
        The columns that would be stored.
    where
        What to call the table.

    Raises
    ------
    PersonalDataError
        If a column is a record of persons; it is named, its values are not.
    """
    found = personal_columns(frame)
    if found:
        column, reason = next(iter(found.items()))
        place = f"{where} · {column}"
        raise _refusal(place, reason)


def _refusal(where: str, reason: str) -> PersonalDataError:
    told = tr(f"io.personal.{reason}")
    return PersonalDataError("io.error.personal_text", where=where, reason=told)


def personal_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns that look like records of persons, each with the reason.

    Parameters
    ----------
    frame
        A table as it was read; geometry columns are passed over.

    Returns
    -------
    dict
        Column to ``name``, ``id_number``, ``mobile``, ``landline``, ``plate``, ``account``,
        ``address`` or ``birth``. An eighteen-digit number counts as an ID number only with a
        possible birth date and the right check digit; one of fifteen digits, one a spreadsheet
        rounded, a telephone number without a mark, and a name only where nearly the whole
        column is of them. Eleven-digit codes in a column that is called an id are no mobiles:
        codes of Hebei, Shanxi and Inner Mongolia begin with 13 to 15. Properties inside a
        property count as columns of their own.
    """
    found: dict[str, str] = {}
    for column in frame.columns:
        name, values = str(column), frame[column]
        if is_of_persons(name) or personal_reason(name):
            found[name] = "name"
            continue
        if values.dtype.kind == "M" and _are_births(values, name):
            found[name] = "birth"
        if values.dtype.kind in "bMm" or values.dtype == "geometry":
            continue
        if (is_of_roles(name) and not _are_few(values)) or (
            may_be_of_staff(name) and _are_words(values)
        ):
            found[name] = "name"
            continue
        reason = _pattern(values, name) or _inside(values)
        if reason:
            found[name] = reason
    return found


def _are_births(moments: pd.Series, name: str) -> bool:
    """Return whether a column of moments, nearly all at one time of day, are births."""
    filled = moments.dropna()
    days = filled.dt.normalize()
    # Summer time moves some, where a day became a moment elsewhere.
    usual = (filled - days).value_counts(normalize=True).max() if len(filled) else 0.0
    if usual < 0.8 or says_what(name) or is_dated(name):
        return False
    return are_births(set(days.dt.strftime("%Y-%m-%d")))


def _filled(values: pd.Series) -> pd.Series:
    filled = values.dropna().astype(str).str.strip()
    return filled[filled != ""]


def _are_few(values: pd.Series) -> bool:
    """Return whether a column holds small numbers: how many, not who."""
    filled = _filled(values)
    return bool(len(filled)) and bool(filled.str.match(_SMALL).all())


def _are_words(values: pd.Series) -> bool:
    filled = _filled(values)
    return bool(len(filled)) and bool(filled.str.contains(_WORDS).mean() > 0.5)


def _inside(values: pd.Series) -> str:
    """Return what the properties inside a column are records of, where its cells are objects."""
    if values.dtype.kind in "iuf":
        return ""
    text = values.dropna()
    nested = pc.match_substring_regex(pa.array(text.astype(str), pa.string()), r"^\s*[\[{]")
    text = text[nested.to_numpy(zero_copy_only=False)]
    made: dict[str, list[object]] = {}
    for cell in text:
        try:
            value = json.loads(cell) if isinstance(cell, str) else cell
        except (ValueError, RecursionError):
            continue
        for name, leaf in _leaves(value, "value"):
            made.setdefault(name, []).append(leaf)
    for name, leaves in made.items():
        frame = pd.DataFrame({name: pd.Series(leaves, dtype="object")})
        if reason := personal_columns(frame):
            return next(iter(reason.values()))
    return ""


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    """Yield the values inside lists and objects, each with the name of the nearest property."""
    waiting = [(name, value)]
    while waiting:  # not by calling itself: a file may nest them a hundred thousand deep
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(key), item) for key, item in reversed(value.items())]
        elif isinstance(value, (list, tuple, np.ndarray)):
            waiting += [(name, item) for item in reversed(value)]
        elif isinstance(value, str):
            # JSON may name half of a pair of surrogates, which is no character.
            yield name, value.encode(errors="replace").decode()
        else:
            yield name, value


def _pattern(values: pd.Series, name: str) -> str:
    """Return what a column's values are records of, or blank."""
    text = values.dropna()
    numeric = text.dtype.kind in "iuf"
    if text.dtype.kind == "f":
        # Whole numbers beside blanks are read as floats.
        whole = text[(np.abs(text) < _MOST) & (text % 1 == 0)]
        if len(whole) < 0.9 * len(text):
            return ""
        text = whole.astype("int64")
    if numeric:
        text = text[np.abs(text) >= _TINY]
        large = text[text >= _LEAST]
        if len(large) < 0.5 * len(text):
            large = large[:0]
        return _of_cells(_as_cells(large), name, numeric=True) or _of_whole_column(
            _as_cells(text), name
        )
    cells = _as_cells(text)
    return _of_cells(cells, name, numeric=False) or _of_whole_column(cells, name)


def _as_cells(values: pd.Series) -> pa.Array:
    """Return plain text, each different one once, and numbers like ``1.3E+10`` in full."""
    text = [str(value) for value in values]
    try:
        cells = pa.array(text, pa.string())
    except UnicodeEncodeError:  # half of a pair of surrogates, which is no character
        cells = pa.array([cell.encode(errors="replace").decode() for cell in text], pa.string())
    cells = pc.unique(cells)
    long = pc.greater(pc.utf8_length(cells), _LONGEST)
    if pc.any(long).as_py():
        pieces = [
            cell[at : at + _LONGEST + _OVERLAP]
            for cell in cells.filter(long).to_pylist()
            for at in range(0, len(cell), _LONGEST)
        ]
        cells = pa.concat_arrays([cells.filter(pc.invert(long)), pa.array(pieces, pa.string())])
    odd = pc.match_substring_regex(cells, f"{_ODD}|{_SCIENTIFIC}")
    if pc.any(odd).as_py():
        made = [_plain_digits(cell) for cell in cells.filter(odd).to_pylist()]
        cells = pc.replace_with_mask(cells, odd, pa.array(made, pa.string()))
    return cells


def _plain_digits(cell: str) -> str:
    plain = plain_text(cell)
    return str(int(Decimal(plain))) if re.match(_SCIENTIFIC, plain) else plain


def _of_cells(cells: pa.Array, name: str, *, numeric: bool) -> str:
    """Return the kind of personal data in a column that a single cell shows."""
    if not _rough(cells, _NUMBERS if numeric else _ANY):
        return ""
    return next((reason for reason, told in _signs(cells, name, numeric=numeric) if told), "")


def _signs(cells: pa.Array, name: str, *, numeric: bool) -> Iterator[tuple[str, bool]]:
    """Yield what one cell may tell, and whether one does."""
    yield "id_number", _holds_ids(_rough(cells, ID_ROUGH))
    if not is_id(name):
        phones = _rough(cells, PHONE_ROUGH)
        yield "mobile", bool(phones) and _holds_mobiles(cells, phones)
        yield "landline", any(map(holds_landline, phones))
    if numeric:
        return
    yield "name", bool(_rough(cells, LABEL_ROUGH))
    yield "plate", any(map(holds_plate, _rough(cells, PLATE_ROUGH)))
    yield "id_number", bool(_rough(cells, HIDDEN_ROUGH))
    yield "id_number", any(map(holds_ssn, _rough(cells, SSN_ROUGH)))
    yield "account", bool(_rough(cells, ACCOUNT_ROUGH))
    offices = is_of_offices(name)
    yield "address", any(holds_home(cell, offices=offices) for cell in _rough(cells, HOME_ROUGH))
    yield "name", any(map(names_someone, _rough(cells, NAMED_ROUGH)))


def _rough(cells: pa.Array, pattern: str) -> list[str]:
    """Return, after a quick pass over all cells, the few that may match at all."""
    return list(cells.filter(pc.match_substring_regex(cells, pattern)).to_pylist())


def _holds_ids(rough: list[str]) -> bool:
    """Return whether identity numbers are among numbers like them, not by chance.

    Case numbers are a region, a day and a count: one of eleven has the right check digit.
    """
    hits = sum(map(holds_id, rough))
    return hits > 0 and (len(rough) < _FEW or hits > 0.3 * len(rough))


def _holds_mobiles(cells: pa.Array, rough: list[str]) -> bool:
    filled = [_PLAIN.sub("", cell) for cell in cells.to_pylist() if cell]
    if not all(map(_WHOLE.match, filled)):
        return any(map(holds_mobile, rough))
    # A sum of seconds or cents has eleven digits now and then; a column of telephone numbers
    # has them in nearly every cell that is not a stand-in for "none", or numbers of the town.
    numbers = [cell for cell in filled if abs(float(cell)) >= _TINY]
    mobiles = sum(map(holds_mobile, numbers))
    local = sum(1 for cell in numbers if _LOCAL.match(cell))
    return mobiles > 0.5 * len(numbers) and mobiles + local > 0.9 * len(numbers)


def _of_whole_column(column: pa.Array, name: str) -> str:
    """Return the kind of personal data in a column that only its cells together show."""
    sample = column.take(np.arange(0, len(column), max(len(column) // _SAMPLE, 1))).to_pylist()
    cells = {_PLAIN.sub("", cell.strip()) for cell in sample} - {"", "0", "-", "无"}
    joined = {re.sub(r"[ .-]", "", cell) if _SPACED.match(cell) else cell for cell in cells}
    signs = _signs_of_all(cells, joined, name)
    return next((reason for reason, told in signs if told), "")


def _signs_of_all(cells: set[str], joined: set[str], name: str) -> Iterator[tuple[str, bool]]:
    """Yield each kind that the distinct cells of a column may show, and whether they do."""
    yield "id_number", are_old_ids(joined) or are_rounded_ids(joined)
    telling = says_what(name)
    if not is_id(name):
        yield "landline", are_landlines(cells) or (is_vague(name) and are_local_numbers(cells))
        yield "account", are_cards(joined) or are_devices(joined)
        yield "id_number", are_passports(cells)
        yield "name", bool(cells) and cells <= _SEXES
        yield "birth", not telling and not is_dated(name) and are_births(cells)
    yield "name", not telling and are_foreign_names(cells)
    # Two names under a vague heading suffice; elsewhere more are needed, as places look alike.
    yield "name", are_person_names(cells, fewest=8 if telling else 2 if is_vague(name) else 3)
