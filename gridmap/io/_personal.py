"""Refusing records of persons: by the names of columns and by the pattern of their values.

The report names columns, never values.
"""

from __future__ import annotations

import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmap.fields import FIELDS, fold

__all__ = ["personal_columns"]

_NAMES = (
    "姓名", "身份证", "证件号", "证件号码", "公民身份号码", "居民身份", "护照", "驾驶证", "手机",
    "电话", "联系方式", "联系人", "报警人", "当事人", "受害人", "嫌疑人", "户主", "房东", "租客",
    "住址", "家庭地址", "户籍地址", "居住地址", "出生日期", "出生年月", "民族", "车牌", "号牌",
    "微信号", "qq号", "银行卡", "邮箱", "民警姓名", "负责人", "网格员", "网格长", "联络员",
    "信息员", "报案人", "举报人", "监护人", "承办人", "经办人", "处警人", "接警人", "填表人",
    "责任人", "值班人", "值班员", "法定代表人", "业主姓名",
)  # fmt: skip
# Columns of these hold either numbers of officers or their names.
_STAFF = ("民警", "辅警", "协警", "警长", "巡长", "所长", "队长", "书记", "主任", "村长", "楼长")
_ENGLISH = re.compile(
    r"(^|_)(phone|telephone|tel|mobile|cellphone|cell_phone|email|e_mail|passport|ssn|"
    r"id_?card|id_?number|idno|identity|person_?name|full_?name|first_?name|last_?name|surname|"
    r"given_?name|victim|suspect|caller|complainant|offender|birth_?date|date_of_birth|dob|"
    r"license_?plate|plate_?(no|number)?|home_?address|wechat|householder|resident_name|"
    r"contact(_name|_person)?)($|_)"
)
_COUNTED = ("数", "人数", "量", "率", "比")
_GAP = r"[ \u3000-]?"
_GAPS = re.compile(r"[ \u3000-]")
_ID_NUMBER = re.compile(
    rf"(?<![0-9A-Za-z])[1-8]\d{{5}}{_GAP}(?:19|20)\d{{2}}{_GAP}\d{{4}}{_GAP}\d{{3}}[\dXx]"
    r"(?![0-9A-Za-z])"
)
_LABELLED = (
    r"(?:姓名|身份证|证件号码?|联系人|联系电话|手机号?码?|户主|报警人|当事人|嫌疑人|受害人|负责人|网格员)"
    r"[\"'”]?\s*(?:[:：=]|</t[dh]>)"
)
_WIDE = r"[\x{ff10}-\x{ff19}]"
_TO_HALF = {0xFF10 + digit: str(digit) for digit in range(10)}
_MOBILE = re.compile(r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d|\.\d)")
_NUMBER = re.compile(r"^-?\d+(?:\.\d+)?$")
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·\-\s]?"
    r"(?:[DF][A-HJ-NP-Z0-9]\d{4}|\d{5}[DF]|[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳])"
    r"(?![A-Z0-9])"
)
_ID_ROUGH = r"[1-8]\d{5}[ \x{3000}-]?\d{4}[ \x{3000}-]?\d{4}[ \x{3000}-]?\d{3}[\dXx]"
_MOBILE_ROUGH = r"1[3-9]\d[- ]?\d{4}[- ]?\d{4}"
_PLATE_ROUGH = _PLATE.pattern.split("[·")[0]
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"


def personal_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns that look like records of persons, each with the reason.

    Parameters
    ----------
    frame
        A table as it was read; geometry columns are passed over.

    Returns
    -------
    dict
        Column to ``name``, ``id_number``, ``mobile`` or ``plate``. An eighteen-digit
        number counts as an ID number only with a possible birth date and the right check
        digit. Eleven-digit codes in a column that is called an id are no mobiles: codes of
        Hebei, Shanxi and Inner Mongolia begin with 13 to 15.
    """
    found: dict[str, str] = {}
    for column in frame.columns:
        if _is_personal_name(str(column)):
            found[str(column)] = "name"
            continue
        values = frame[column]
        if values.dtype.kind in "bMm" or values.dtype == "geometry":
            continue
        if _is_staff_by_name(str(column), values):
            found[str(column)] = "name"
            continue
        reason = _pattern(values, is_id=fold(str(column)) in _ID_ALIASES)
        if reason:
            found[str(column)] = reason
    return found


def has_id_check_digit(number: str) -> bool:
    """Return whether an 18-digit number carries the check digit of GB 11643.

    >>> has_id_check_digit("11010519491231002X")  # the standard's own example
    True
    """
    month, day = int(number[10:12]), int(number[12:14])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return False
    total = sum(w * int(d) for w, d in zip(_WEIGHTS, number[:17], strict=True))
    return _CHECK_DIGITS[total % 11] == number[17].upper()


_ID_ALIASES = {fold(alias) for field in FIELDS if field.content == "id" for alias in field.aliases}


def _is_personal_name(column: str) -> bool:
    text = fold(column)
    if any(text.endswith(mark) for mark in _COUNTED):
        return False
    if any(name in text for name in _NAMES):
        return True
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.strip()).lower()
    return bool(_ENGLISH.search(re.sub(r"[\s.\-]+", "_", snake)))


def _is_staff_by_name(column: str, values: pd.Series) -> bool:
    text = fold(column)
    if values.dtype.kind in "iuf" or not any(text.endswith(word) for word in _STAFF):
        return False
    filled = values.dropna().astype(str).str.strip()
    filled = filled[filled != ""]
    return bool(len(filled)) and bool(filled.str.contains(r"^[\u4e00-\u9fa5]").mean() > 0.5)


def _holds_mobiles(text: pd.Series) -> bool:
    filled = text[text.str.strip() != ""].str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
    hits = filled.str.contains(_MOBILE)
    # A sum of seconds or cents has eleven digits now and then; a column of telephone
    # numbers has them in nearly every cell.
    numeric = bool(len(filled)) and bool(filled.str.match(_NUMBER).all())
    return bool(hits.mean() > 0.9) if numeric else bool(hits.any())


def _pattern(values: pd.Series, *, is_id: bool) -> str:
    text = values.dropna()
    if text.dtype.kind == "f":
        # Whole numbers beside blanks are read as floats.
        whole = text[(text >= 13_000_000_000) & (text < 2**63) & (text % 1 == 0)]
        if len(whole) < 0.9 * len(text):
            return ""
        text = whole.astype("int64")
    if text.dtype.kind in "iu":
        # Whole numbers: only lengths that a pattern could have are worth a look.
        text = text[text >= 13_000_000_000]
    if len(text) == 0:
        return ""
    # A quick pass without look-around leaves the few cells that may match at all.
    cells = pa.array(text.astype(str), pa.string())
    if text.dtype.kind not in "iu":
        if pc.any(pc.match_substring_regex(cells, _LABELLED)).as_py():
            return "name"
        if pc.any(pc.match_substring_regex(cells, _WIDE)).as_py():
            text = text.astype(str).map(lambda cell: cell.translate(_TO_HALF))
            cells = pa.array(text, pa.string())
    for value in cells.filter(pc.match_substring_regex(cells, _ID_ROUGH)).to_pylist():
        if any(has_id_check_digit(_GAPS.sub("", found)) for found in _ID_NUMBER.findall(value)):
            return "id_number"
    some = not is_id and pc.any(pc.match_substring_regex(cells, _MOBILE_ROUGH)).as_py()
    if some and _holds_mobiles(text.astype(str)):
        return "mobile"
    rough = cells.filter(pc.match_substring_regex(cells, _PLATE_ROUGH)).to_pylist()
    return "plate" if any(_PLATE.search(value) for value in rough) else ""
