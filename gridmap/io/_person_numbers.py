"""Numbers that are persons' own: of identity, telephones, cars, cards, devices, passports, births.

All patterns are for text that `plain_text` has made plain. A pattern that codes may have by
chance counts only where nearly a whole column has it. Repetitions are bounded: no text makes
them slow.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection
from datetime import date

import phonenumbers
from stdnum import imei, luhn
from stdnum.cn import ric
from stdnum.us import ssn

__all__ = [
    "ID_ROUGH",
    "PHONE_ROUGH",
    "PLATE_ROUGH",
    "SSN_ROUGH",
    "are_births",
    "are_cards",
    "are_devices",
    "are_landlines",
    "are_local_numbers",
    "are_old_ids",
    "are_passports",
    "are_rounded_ids",
    "has_id_check_digit",
    "holds_id",
    "holds_landline",
    "holds_mobile",
    "holds_plate",
    "holds_ssn",
    "plain_text",
]

_PROVINCES = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[123]"
_SPOKEN = str.maketrans("〇零一二三四五六七八九", "00123456789")
_SPOKEN_RUN = re.compile(r"[〇零一二三四五六七八九]{7,18}")
_SPACES = re.compile(r"\s+")


def plain_text(text: str) -> str:
    """Return a text in half width, with plain digits and single blanks, without hidden marks.

    >>> plain_text("１３８\u200b１２３４\u00a0５６７８"), plain_text("一三八一二三四五六七八")
    ('1381234 5678', '13812345678')
    """
    folded = unicodedata.normalize("NFKC", text)
    if not folded.isascii():
        folded = "".join(map(_plain_letter, folded))
        folded = _SPOKEN_RUN.sub(lambda found: found[0].translate(_SPOKEN), folded)
    return _SPACES.sub(" ", folded).strip()


def _plain_letter(letter: str) -> str:
    if letter.isascii():
        return letter
    match unicodedata.category(letter):
        case "Cf" | "Mn" | "Cs":  # marks that are not seen, and half of a pair
            return ""
        case "Zs":
            return " "
        case "Nd":
            return str(unicodedata.decimal(letter))
        case "Pd":
            return "-"
        case _:
            return letter


# -- identity

_GAP = r"[ .\-_/]?"
#: For a quick pass over all cells at once, without look-around.
ID_ROUGH = rf"[1-9](?:{_GAP}\d){{16}}{_GAP}[\dXx]"
_ID = re.compile(rf"(?<!\d)(?<!\d\.)(?=({ID_ROUGH})(?!\d))")
_GAPS = re.compile(r"[ .\-_/]")
_REGION = re.compile(rf"{_PROVINCES}|9\d")  # 9: foreigners with permanent residence
_FIRST_BIRTH, _LAST_BIRTH = 1900, 2099
_OLD_ID = re.compile(
    rf"(?:{_PROVINCES})\d{{4}}"
    r"(?P<year>\d\d)(?P<month>0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}"
)
_OLD_DIGITS = 15
_BIRTH = re.compile(
    rf"^(?:{_PROVINCES}|9\d)\d{{4}}(?P<year>19\d\d|20[0-4]\d)"
    r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{4}$"
)


def holds_id(cell: str) -> bool:
    """Return whether a text holds an 18-digit identity number with the right check digit.

    >>> holds_id("证11010519491231002X"), holds_id("110105.19491231.002X")
    (True, True)
    """
    return any(has_id_check_digit(_GAPS.sub("", found)) for found in _ID.findall(cell))


def has_id_check_digit(number: str) -> bool:
    """Return whether an 18-digit number is a person's by GB 11643: region, birth, check digit.

    >>> has_id_check_digit("11010519491231002X")  # the standard's own example
    True
    """
    if not _REGION.match(number):
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    possible = _FIRST_BIRTH <= born.year <= _LAST_BIRTH
    return possible and ric.calc_check_digit(number.upper()) == number[17].upper()


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


#: A number of social security of the United States.
SSN_ROUGH = r"\d{3}-\d{2}-\d{4}"
_SSN = re.compile(rf"(?<![\d-]){SSN_ROUGH}(?![\d-])")


def holds_ssn(cell: str) -> bool:
    """Return whether a text holds a number of social security that may have been issued."""
    return any(map(ssn.is_valid, _SSN.findall(cell)))


# -- telephones

_BAR = r"(?: ?[-_] ?| )?"
_MOBILE = re.compile(
    r"(?<!\d)(?<!\d\.)(?:(?:\+|00)?86[ .-]{0,2})?0?"
    rf"(?:1[3-9]\d{_BAR}\d{{4}}{_BAR}\d{{4}}|1[3-9]\d{_BAR}\d{{3}}{_BAR}\d{{5}}"
    rf"|1[3-9]\d\.\d{{4}}\.\d{{4}}|1[3-9]\d\.\d{{3}}\.\d{{5}}|1[3-9]\d{{2}}{_BAR}\d{{3}}{_BAR}\d{{4}}"
    rf"|1[3-9]\d{{3}}{_BAR}\d{{3}}{_BAR}\d{{3}}|(?:1[3-9]\d{{9}}){{2,4}})"
    r"(?!\d|\.\d{1,10}(?!\d))"
)
_AREA = r"0(?:10|2\d|[3-9]\d\d)"
_LANDLINE = re.compile(
    rf"(?<![\dA-Za-z.-])(?:\+?86[- ]?)?(?:\({_AREA}\)[- ]?|{_AREA}[- ])"
    r"[2-9]\d{2,3}[- ]?\d{4}(?![\dA-Za-z]|\.\d)"
)
_WORLD = re.compile(r"(?<![\w.])\+[1-9]\d{0,2}[ .(-]{1,2}[\d ().-]{6,18}\d(?!\d)")
_AMERICAN = re.compile(r"(?<!\d)\([2-9]\d{2}\) ?[2-9]\d{2}-\d{4}(?!\d)")
_BARE_AMERICAN = re.compile(r"^(?:1[-. ])?[2-9]\d{2}[-. ][2-9]\d{2}[-. ]\d{4}$")
_BARE_LANDLINE = re.compile(rf"^{_AREA}[2-9]\d{{6,7}}$")
_LOCAL = re.compile(r"^(?P<number>[2-9]\d{6,7})(?:\(.*|转 ?\d+|-\d{1,5})?$")
_DAY = re.compile(r"^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$")
_LETTERS = re.compile(r"[A-Za-z0-9]{0,80}$"), re.compile(r"^[A-Za-z0-9]{0,80}")
#: A quick pass for telephones of any kind.
PHONE_ROUGH = (
    r"1[3-9](?:[ ._-]{0,3}\d){9}|0[1-9]\d{1,2}[) -][- ]?[2-9]\d{2}"
    r"|\([2-9]\d{2}\)|\+[1-9]\d{0,2}[ .(-]"
)


def holds_mobile(cell: str) -> bool:
    """Return whether a text holds a number of a mobile telephone of China.

    Digits among letters and other digits, as in a hash, are none.

    >>> holds_mobile("008613812345678"), holds_mobile("138.1234.5678"), holds_mobile("13.81234567")
    (True, True, False)
    >>> holds_mobile("张三13812345678"), holds_mobile("a93b13812345678f0")
    (True, False)
    """
    return any(_stands_alone(cell, found) for found in _MOBILE.finditer(cell))


def _stands_alone(cell: str, found: re.Match[str]) -> bool:
    before = _LETTERS[0].search(cell[max(found.start() - 80, 0) : found.start()])
    after = _LETTERS[1].search(cell[found.end() : found.end() + 80])
    around = (before[0] if before else "") + (after[0] if after else "")
    return not any(map(str.isdigit, around))


def holds_landline(cell: str) -> bool:
    """Return whether a text holds a telephone number set off from its area or country code.

    >>> holds_landline("值班 0571-8765 4321"), holds_landline("(010)66554433")
    (True, True)
    >>> holds_landline("330106-001"), holds_landline("2024-03-05 10:00")
    (False, False)
    """
    if _LANDLINE.search(cell) or _AMERICAN.search(cell):
        return True
    return any(_is_telephone(found, None) for found in _WORLD.findall(cell))


def _is_telephone(text: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def are_landlines(cells: Collection[str]) -> bool:
    """Return whether nearly all cells are area code and number, in one piece or American.

    >>> are_landlines({"057187654321", "01066554433", "075583321234"})
    True
    """
    hits = sum(
        1
        for cell in cells
        if _BARE_LANDLINE.match(cell) or (_BARE_AMERICAN.match(cell) and _is_telephone(cell, "US"))
    )
    return hits >= 3 and hits >= 0.9 * len(cells)


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


# -- cars, cards, devices, passports

_CAR = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
#: A quick pass for plates: the province, a letter, and five or six more with gaps between.
PLATE_ROUGH = rf"[{_CAR}] ?[A-Za-z](?:[ ·•.-]{{0,3}}[A-Za-z0-9]){{4}}"
_PLATE = re.compile(rf"(?=([{_CAR}] ?[A-Za-z](?:[ ·•.-]{{0,3}}[A-Za-z0-9挂学警港澳]){{5,6}}))")
_COMPACT_PLATE = re.compile(
    rf"[{_CAR}][A-Z](?:[DF][A-HJ-NP-Z0-9]\d{{4}}|\d{{5}}[DF]|"
    r"[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳])(?![A-Z0-9])"
)
_PLATE_GAPS = re.compile(r"[ ·•.-]")
_CARD = re.compile(r"^(?:62|4\d|5[1-5])\d{14,17}$")
# 46000..: the networks of China; 460011 and 460015 are no counties of Hainan, nor are 46000x.
_IMSI = re.compile(r"^460(?:0\d|11|15)\d{10}$")
_PASSPORT = re.compile(
    r"^(?:[EGPDS]\d{8}|E[A-HJ-NP-Z]\d{7}|[PDS]E\d{7}|C[A-Z]?\d{7,8}|[HM]\d{8}(?:\d{2})?|T\d{8}"
    r"|[A-Z]{1,2}\d{6}\([0-9A]\)|[157]\d{6}\(\d\)|[A-Z][1289]\d{8})$"
)


def holds_plate(cell: str) -> bool:
    """Return whether a text holds the number of a car, with gaps or without.

    >>> holds_plate("京 A·12345"), holds_plate("粤b 123 45"), holds_plate("京G6高速")
    (True, True, False)
    """
    for found in _PLATE.findall(cell):
        plate = _COMPACT_PLATE.match(_PLATE_GAPS.sub("", found).upper())
        if plate and any(map(str.isdigit, plate[0])):
            return True
    return False


def are_cards(cells: Collection[str]) -> bool:
    """Return whether nearly all cells are numbers of bank cards, check digit included."""
    hits = sum(1 for cell in cells if _CARD.match(cell) and luhn.is_valid(cell))
    return hits >= 3 and hits >= 0.9 * len(cells)


def are_devices(cells: Collection[str]) -> bool:
    """Return whether nearly all cells are numbers of telephones' hardware or of their owners.

    >>> are_devices({"490154203237518", "356938035643809", "353879234252633"})
    True
    """
    hits = sum(1 for cell in cells if _IMSI.match(cell) or _is_imei(cell))
    return hits >= 3 and hits >= 0.9 * len(cells)


def _is_imei(cell: str) -> bool:
    return len(cell) == _OLD_DIGITS and cell.isdecimal() and bool(imei.is_valid(cell))


def are_passports(cells: Collection[str]) -> bool:
    """Return whether nearly all cells are numbers of passports, or of permits to travel.

    Codes that are counted on have the same letter and begin with zeros.

    >>> are_passports({"E12345678", "G87654321", "EA1234567"})
    True
    >>> are_passports({"P00000001", "P00000002", "P00000003"})
    False
    """
    hits = [cell for cell in cells if _PASSPORT.match(cell)]
    if len(hits) < 3 or len(hits) < 0.9 * len(cells):
        return False
    # Numbers of persons differ in their first digits, codes of a list in their last.
    return len({cell[:4] for cell in hits}) > 0.5 * len(hits)


# -- births

_DATE = re.compile(
    r"^(?P<y>(?:19|20)\d\d)[-/.年]?(?P<m>\d{1,2})[-/.月]?(?P<d>\d{1,2})日?(?:[ T]0?0:00(?::00)?)?$"
)
_DATE_LAST = re.compile(r"^(?P<m>\d{1,2})[-/.](?P<d>\d{1,2})[-/.](?P<y>(?:19|20)\d\d)$")
_FEWEST_BIRTHS = 5


def are_births(cells: Collection[str]) -> bool:
    """Return whether nearly all cells are days, spread as births are: over decades, most long ago.

    >>> are_births({"1961-03-05", "19750412", "1988/7/9", "1993-01-30", "1999-12-02"})
    True
    >>> are_births({"2023-03-05", "2023-04-12", "2024-07-09", "2024-01-30", "2024-12-02"})
    False
    """
    made = [found for cell in cells if (found := _DATE.match(cell) or _DATE_LAST.match(cell))]
    if len(made) < _FEWEST_BIRTHS or len(made) < 0.9 * len(cells):
        return False
    years = sorted(int(found["y"]) for found in made)
    if any(
        max(int(found["m"]), int(found["d"])) > 31 or "0" in {found["m"], found["d"]}
        for found in made
    ):
        return False
    # What was built or founded is often known by its year alone: the first of January.
    first = sum(1 for found in made if int(found["m"]) == int(found["d"]) == 1)
    spread = years[-1] - years[0] >= 15 and years[len(years) // 2] < 2008
    return spread and first < 0.2 * len(made)
