"""Refusing records of persons: by the names of columns and by the pattern of their values.

The report names columns, never values.
"""

from __future__ import annotations

import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmap.fields import FIELDS, fold
from gridmap.io._person_names import are_person_names
from gridmap.io._person_numbers import (
    ID_ROUGH,
    LANDLINE_ROUGH,
    MOBILE,
    MOBILE_ROUGH,
    PLATE,
    PLATE_ROUGH,
    are_landlines,
    are_old_ids,
    holds_id,
    holds_landline,
)

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
_LABELLED = (
    r"(?:姓名|身份证|证件号码?|联系人|联系电话|手机号?码?|户主|报警人|当事人|嫌疑人|受害人|负责人|网格员)"
    r"[\"'”]?\s*(?:[:：=]|</t[dh]>)"
    r"|(?:电话|手机|[Tt][Ee][Ll])[^0-9]{0,4}[0-9][0-9 -]{5,}[0-9]"
)
_WIDE = r"[\x{ff10}-\x{ff19}]"
_TO_HALF = {0xFF10 + digit: str(digit) for digit in range(10)}
_NUMBER = re.compile(r"^-?\d+(?:\.\d+)?$")
_LEAST = 13_000_000_000  # the least number that is a mobile's; one of identity is greater
_SAMPLE = 5_000  # rows by which a whole column is judged
_ID_ALIASES = {fold(alias) for field in FIELDS if field.content == "id" for alias in field.aliases}


def personal_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns that look like records of persons, each with the reason.

    Parameters
    ----------
    frame
        A table as it was read; geometry columns are passed over.

    Returns
    -------
    dict
        Column to ``name``, ``id_number``, ``mobile``, ``landline`` or ``plate``. An
        eighteen-digit number counts as an ID number only with a possible birth date and the
        right check digit; one of fifteen digits, a landline written without a mark, and a
        name only where nearly the whole column is of them. Eleven-digit codes in a column
        that is called an id are no mobiles: codes of Hebei, Shanxi and Inner Mongolia begin
        with 13 to 15.
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


def _pattern(values: pd.Series, *, is_id: bool) -> str:
    """Return what a column's values are records of, or blank."""
    text = values.dropna()
    numeric = text.dtype.kind in "iuf"
    if text.dtype.kind == "f":
        # Whole numbers beside blanks are read as floats.
        whole = text[(text >= _LEAST) & (text < 2**63) & (text % 1 == 0)]
        if len(whole) < 0.9 * len(text):
            return ""
        text = whole.astype("int64")
    if numeric:
        # Only lengths that a pattern could have are worth a look.
        text = text[text >= _LEAST]
    if len(text) == 0:
        return ""
    text = text.astype(str)
    cells = pa.array(text, pa.string())
    if not numeric:
        if pc.any(pc.match_substring_regex(cells, _LABELLED)).as_py():
            return "name"
        if pc.any(pc.match_substring_regex(cells, _WIDE)).as_py():
            text = text.map(lambda cell: cell.translate(_TO_HALF))
            cells = pa.array(text, pa.string())
    return _of_cells(text, cells, is_id=is_id) or _of_whole_column(text, is_id=is_id)


def _of_cells(text: pd.Series, cells: pa.Array, *, is_id: bool) -> str:
    """Return what a column is of, where one cell tells."""
    if any(holds_id(value) for value in _rough(cells, ID_ROUGH)):
        return "id_number"
    if not is_id and _rough(cells, MOBILE_ROUGH) and _holds_mobiles(text):
        return "mobile"
    if not is_id and any(holds_landline(value) for value in _rough(cells, LANDLINE_ROUGH)):
        return "landline"
    return "plate" if any(PLATE.search(value) for value in _rough(cells, PLATE_ROUGH)) else ""


def _rough(cells: pa.Array, pattern: str) -> list[str]:
    """Return, after a quick pass over all cells, the few that may match at all."""
    return list(cells.filter(pc.match_substring_regex(cells, pattern)).to_pylist())


def _holds_mobiles(text: pd.Series) -> bool:
    filled = text[text.str.strip() != ""].str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
    hits = filled.str.contains(MOBILE)
    # A sum of seconds or cents has eleven digits now and then; a column of telephone
    # numbers has them in nearly every cell.
    numeric = bool(len(filled)) and bool(filled.str.match(_NUMBER).all())
    return bool(hits.mean() > 0.9) if numeric else bool(hits.any())


def _of_whole_column(text: pd.Series, *, is_id: bool) -> str:
    """Return what a column is of, where only its cells together tell."""
    sample = text.iloc[:: max(len(text) // _SAMPLE, 1)].str.strip()
    cells = set(sample.str.replace(r"^'|\.0+$", "", regex=True)) - {""}
    if are_old_ids(cells):
        return "id_number"
    if not is_id and are_landlines(cells):
        return "landline"
    return "name" if are_person_names(cells) else ""
