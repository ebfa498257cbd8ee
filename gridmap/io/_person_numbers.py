"""Numbers that are persons' own: of identity, of telephones, of cars; one cell at a time or all.

A pattern that codes may have by chance counts only where nearly a whole column has it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection

__all__ = [
    "ID_ROUGH",
    "LANDLINE_ROUGH",
    "MOBILE",
    "MOBILE_ROUGH",
    "PLATE",
    "PLATE_ROUGH",
    "are_cards",
    "are_landlines",
    "are_local_numbers",
    "are_old_ids",
    "are_rounded_ids",
    "has_id_check_digit",
    "holds_id",
    "holds_landline",
]

_GAP = r"[ \u3000-]?"
_GAPS = re.compile(r"[ \u3000-]")
# 9 begins those of foreigners with permanent residence.
_ID_NUMBER = re.compile(
    rf"(?<![0-9A-Za-z])[1-9]\d{{5}}{_GAP}(?:19|20)\d{{2}}{_GAP}\d{{4}}{_GAP}\d{{3}}[\dXx]"
    r"(?![0-9A-Za-z])"
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
MOBILE = re.compile(r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d|\.\d)")
PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·\-\s]?"
    r"(?:[DF][A-HJ-NP-Z0-9]\d{4}|\d{5}[DF]|[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳])"
    r"(?![A-Z0-9])"
)
_AREA = r"0(?:10|2\d|[3-9]\d\d)"
_LANDLINE = re.compile(
    rf"(?<![\dA-Za-z.-])(?:\+?86[- ]?)?(?:\({_AREA}\)[- ]?|{_AREA}[- ])"
    r"[2-9]\d{2,3}[- ]?\d{4}(?![\dA-Za-z]|\.\d)"
)
_BARE_LANDLINE = re.compile(rf"^{_AREA}[2-9]\d{{6,7}}$")
# For a quick pass without look-around, over all cells at once.
ID_ROUGH = r"[1-9]\d{5}[ \x{3000}-]?\d{4}[ \x{3000}-]?\d{4}[ \x{3000}-]?\d{3}[\dXx]"
MOBILE_ROUGH = r"1[3-9]\d[- ]?\d{4}[- ]?\d{4}"
LANDLINE_ROUGH = r"0[1-9]\d{1,2}[)\x{ff09} -][- ]?[2-9]\d{2,3}[- ]?\d{4}"
PLATE_ROUGH = f"(?i:{PLATE.pattern.split('[·')[0]})"

_OLD_ID = re.compile(
    r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])\d{4}"
    r"(?P<year>\d\d)(?P<month>0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}"
)
_OLD_DIGITS = 15
_BIRTH = re.compile(
    r"^(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|8[123]|9[0-9])\d{4}(?P<year>19\d\d|20[0-4]\d)"
    r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{4}$"
)
_LOCAL = re.compile(r"^(?P<number>[2-9]\d{6,7})(?:[（(].*|转\s?\d+|-\d{1,5})?$")
_DAY = re.compile(r"^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$")
_CARD = re.compile(r"^(?:62|4\d|5[1-5])\d{14,17}$")


def holds_id(cell: str) -> bool:
    """Return whether a text holds an 18-digit identity number with the right check digit."""
    return any(has_id_check_digit(_GAPS.sub("", found)) for found in _ID_NUMBER.findall(cell))


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


def are_old_ids(cells: Collection[str]) -> bool:
    """Return whether different cells are identity numbers of 15 digits, issued until 1999.

    They have the form of grid codes: 6 digits of region, then the birth date where a code has
    street and community, then 3. A code makes a date only where its street ends in 0 or 1 and
    its community is one of a few dozen, hence always of one month or two; and case numbers,
    region and day, lie in a few years. Births lie in many months and years, from 1930 on.

    >>> are_old_ids({"330106570312001", "110105491231002", "440301680704123"})
    False
    >>> are_old_ids({"330106670312001", "110105711231002", "440301680704123"})
    True
    >>> are_old_ids({f"330106001{community:03d}001" for community in range(1, 31)})
    False
    """
    numbers = [cell for cell in cells if len(cell) == _OLD_DIGITS and cell.isdecimal()]
    if not numbers or len(numbers) < 0.9 * len(cells):
        return False
    births = [found for number in numbers if (found := _OLD_ID.fullmatch(number))]
    births = [found for found in births if int(found["year"]) >= 30]
    if len(births) < 0.95 * len(numbers):
        return False
    if len(births) < 5:
        # Streets are numbered below 600: so few numbers tell by that alone.
        return all(int(found["year"]) >= 60 for found in births)
    months = {found["month"] for found in births}
    years = {found["year"] for found in births}
    return len(years) >= 3 and len(months) >= (3 if len(births) < 12 else 6)


def holds_landline(cell: str) -> bool:
    """Return whether a text holds a telephone number set off from its area code.

    >>> holds_landline("值班 0571-8765 4321"), holds_landline("(010)66554433")
    (True, True)
    >>> holds_landline("330106-001"), holds_landline("2024-03-05 10:00")
    (False, False)
    """
    return bool(_LANDLINE.search(cell.replace("（", "(").replace("）", ")")))


def are_landlines(cells: Collection[str]) -> bool:
    """Return whether nearly all cells are area code and number, written together.

    >>> are_landlines({"057187654321", "01066554433", "075583321234"})
    True
    """
    hits = sum(1 for cell in cells if _BARE_LANDLINE.match(cell))
    return hits >= 3 and hits >= 0.9 * len(cells)


def are_rounded_ids(numbers: Collection[int | str]) -> bool:
    """Return whether numbers of 18 digits, exact to 14 only, are identity numbers.

    A spreadsheet that takes them for numbers loses the check digit, not the birth date. Case
    numbers have a region and a day too, of the last years; most people were born before 2010.

    >>> are_rounded_ids([330102196001101056, 110105197112310016])
    True
    >>> are_rounded_ids([330102202603050016, 330102202603060016])
    False
    """
    births = [found for n in numbers if (found := _BIRTH.match(str(n)))]
    if not births or len(births) < 0.9 * len(numbers):
        return False
    early = sum(1 for found in births if int(found["year"]) < 2010)
    return early > 0.5 * len(births)


def are_local_numbers(cells: Collection[str]) -> bool:
    """Return whether all cells may be telephone numbers of one town, without an area code.

    Days, and codes that are counted on, have seven or eight digits too.

    >>> are_local_numbers({"87654321", "88881234", "86543210"})
    True
    >>> are_local_numbers({"20260301", "20260302", "20260303"})
    False
    """
    numbers = [found["number"] for cell in cells if (found := _LOCAL.match(cell))]
    if len(numbers) < 3 or len(numbers) < len(cells) or len({len(n) for n in numbers}) > 1:
        return False
    if sum(1 for number in numbers if _DAY.match(number)) > 0.5 * len(numbers):
        return False
    values = sorted(int(number) for number in numbers)
    steps = {b - a for a, b in itertools.pairwise(values)}
    return len(steps) > 1 or len(values) < 4


def are_cards(cells: Collection[str]) -> bool:
    """Return whether nearly all cells are numbers of bank cards, check digit included."""
    hits = sum(1 for cell in cells if _CARD.match(cell) and _has_luhn(cell))
    return hits >= 3 and hits >= 0.9 * len(cells)


def _has_luhn(number: str) -> bool:
    doubled = [int(d) * (1 + at % 2) for at, d in enumerate(reversed(number))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
