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

_LONGEST = 1_000  # letters of a cell that are looked at: names stand at its beginning
_FEWEST = 8  # different cells: fewer may be names by chance
# The commonest surnames: they cover 19 of 20 people.
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕"
    "丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃"
    "武戴莫孔向汤温常康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒"
    "阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓"
    "古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣"
    "巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝萧傅阎赖洪鞠惠匡官冀辜燕信赫邸狄屠容应瘳荆谌竺宣郁单洛羊糜"
)
_DOUBLE = (
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯",
)  # fmt: skip
# Characters that given names end in.
_GIVEN = frozenset(
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅玲燕春国建文志海鹏辉波斌宇浩凯健俊帆帅旭"
    "宁龙林山东峰飞鑫雷亮成康义良忠福生贵民琴云莲珍芬凤洁莉萍琳雪琪欣怡婷雯佳慧颖倩璐瑶蕾薇岚菊香月素"
    "珠翠雅芝茜秋珊莎锦黛青彤露思嘉涵轩博睿泽晨子梓晗诺妍萱彦翔豪昊天然航阳晓毅坤鸣庆祥荣发根才有财安"
    "金宝顺昌盛富永宏光新武利清学礼信达全仁和兴富远德友裕河哲江弘恒维启克伦瑞淼晶洪美倪艺琦佩婉晴蓉瑾"
    "卫权胜松岩柏炎骏钧铭锋钢楠栋槐榕森源溪潇澜滨漫煜炜烨焕熙琛瑜璇瑛莹菲蓓蕊芸茹荷芹惠媛嫣妮姣姗姝婕"
    "娥群彬彪先亚宾东冬业邦耀卿君均芮儿伊如意心悦愉乐丹畅欢兵元正中生立恩奇贤章田士书相斐聪灵玮玥珂珍珏"
)
_PLACES = re.compile(
    r"(?:[村庄镇乡街路巷道弄桥园苑里湾河湖塘岭坡沟口门店屯寨堡营楼厂场区社县市州城港岛坪坝庙寺塔井泉圩墩洲"
    r"浜泾埭院所站队处室局校行厅馆组段点]|广场|小区|新村)$"
)
_WORD = re.compile(r"^[\u4e00-\u9fa5]{2,4}$")
_BESIDE = re.compile(
    r"[（(\[【][^（(\[【)）\]】]{0,40}[)）\]】]|(?:先生|女士|同志|老师|师傅|警官|组长|队长|主任|书记)$"
)
# Foreign names, and those of Uygurs, Kazakhs, Tibetans: parts with a dot between them, of the
# characters that write down a sound.
_DOTTED = re.compile(r"^[\u4e00-\u9fa5]{1,10}(?: ?[·•・‧∙⋅.] ?[\u4e00-\u9fa5]{1,10}){1,3}$")
_SOUNDS = frozenset(
    "布山历大阿艾埃安奥巴白班邦保鲍贝本比彼毕别宾波伯博勃布查达戴丹当道德登迪狄蒂丁东都杜顿多厄恩尔二"
    "法凡范菲费芬佛弗夫福甫盖甘冈戈格葛根古瓜圭哈海汉豪赫亨洪侯胡华霍基吉季加贾简江杰金卡凯坎"
    "康考柯科克肯孔库夸拉莱兰朗劳勒雷里理莉力利丽联列林琳留隆卢鲁伦罗洛吕马玛迈麦曼芒梅门蒙孟"
    "米密敏明摩莫墨默姆木穆纳娜奈南内嫩尼妮宁纽农努诺欧帕派潘庞佩彭蓬皮平珀普奇恰乔切琴丘曲让"
    "热仁荣茹若萨赛桑瑟沙莎珊尚舍申生圣施史士舒斯丝松苏索塔泰坦汤唐陶特滕提廷图吐托瓦万旺威韦"
    "维温文翁沃乌吾伍西希锡夏香肖谢辛欣休许雪逊雅亚延扬耶叶伊依易因英尤尉约扎泽詹张珍芝知治朱"
    "卓兹佐买孜合孙肉则外玉素次堆"
)
_LATIN = re.compile(
    r"^[A-Z][A-Za-z'’-]{1,20}(?:, ?| )[A-Z][A-Za-z'’-]{0,20}\.?(?: [A-Z][A-Za-z'’.-]{0,20}){0,2}$"
)


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The commonest given names of the United States: more than half of its people bear one of them.
_GIVEN_LATIN = _words_of(
    """
    james robert john michael david william richard joseph thomas charles christopher daniel
    matthew anthony mark donald steven paul andrew joshua kenneth kevin brian george timothy
    ronald edward jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin
    scott brandon benjamin samuel gregory alexander frank patrick raymond jack dennis jerry
    tyler aaron jose adam nathan henry douglas zachary peter kyle walter ethan jeremy harold
    keith christian roger noah gerald carl terry sean austin arthur lawrence jesse dylan bryan
    joe jordan billy bruce albert willie gabriel logan alan juan wayne roy ralph randy eugene
    vincent russell elijah louis bobby philip johnny carlos luis jorge miguel pedro mary
    patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty
    margaret sandra ashley kimberly emily donna michelle carol amanda dorothy melissa deborah
    stephanie rebecca sharon laura cynthia kathleen amy angela shirley anna brenda pamela emma
    nicole helen samantha katherine christine debra rachel carolyn janet catherine maria heather
    diane ruth julie olivia joyce virginia victoria kelly lauren christina joan evelyn judith
    megan andrea cheryl hannah jacqueline martha gloria teresa ann sara madison frances kathryn
    janice jean abigail alice julia judy sophia grace denise amber doris marilyn danielle
    beverly isabella theresa diana natalie brittany charlotte marie kayla alexis lori
    """
)
_BETWEEN = re.compile(r"[、，,;；/|]+")


def are_person_names(cells: Collection[str], *, fewest: int = _FEWEST) -> bool:
    """Return whether different cells of a column are the names of people, not of places.

    Parameters
    ----------
    cells
        One name a cell, or several with a mark between them.
    fewest
        How many different names it takes; below eight all of them have to look like names.

    >>> are_person_names("张伟 王秀英 李娜 刘建国 陈静 杨丽 赵志强 黄海燕".split())
    True
    >>> are_person_names("高桥 江南 白杨街 石桥头 金沙 黄家湾 马陆 万寿".split())
    False
    """
    words = {word for cell in cells for word in _words(cell)}
    if len(words) < min(fewest, _FEWEST):
        return False
    likely = [word for word in words if _is_likely(word)]
    few = len(words) < _FEWEST
    if len(likely) < (1.0 if few else 0.8) * len(words):
        return False
    ended = sum(1 for word in likely if word[-1] in _GIVEN)
    # Four of five people have a given name of two characters; places seldom have three in all.
    long = sum(1 for word in likely if len(word) > 2)
    return ended >= (0.8 if few else 0.6) * len(likely) and long >= 0.2 * len(likely)


def are_foreign_names(cells: Collection[str]) -> bool:
    """Return whether nearly all cells are names with a dot inside, or given names of America.

    >>> are_foreign_names(["阿卜杜拉·买买提", "约翰·史密斯", "古丽米热·艾尼"])
    True
    >>> are_foreign_names(["万科·金域蓝湾", "龙湖·春江彼岸", "绿城·桃花源"])
    False
    >>> are_foreign_names(["John Smith", "Garcia, Maria", "David O'Neil"])
    True
    >>> are_foreign_names(["Lincoln Park", "Hyde Park", "West Town"])
    False
    """
    if len(cells) < 2:
        return False
    foreign = sum(1 for cell in cells if _is_dotted(cell) or _is_latin(cell))
    others = sum(1 for cell in cells if is_likely_name(cell))
    return foreign > 0 and foreign + others >= 0.6 * len(cells)


def _is_dotted(cell: str) -> bool:
    if not _DOTTED.match(cell):
        return False
    letters = [letter for letter in cell if "\u4e00" <= letter <= "\u9fa5"]
    sounds = sum(1 for letter in letters if letter in _SOUNDS)
    return len(letters) >= 4 and sounds >= 0.8 * len(letters)


def _is_latin(cell: str) -> bool:
    spelt = cell.title() if cell.isupper() else cell
    if len(cell) > 80 or not _LATIN.match(spelt):
        return False
    last, comma, given = spelt.casefold().partition(", ")
    return (given if comma else last).split()[0] in _GIVEN_LATIN


def is_likely_name(word: str) -> bool:
    """Return whether one word may be a person's name: it begins and ends as names do."""
    return _is_likely(word) and word[-1] in _GIVEN


def _words(cell: str) -> list[str]:
    """Return the names in a cell: without titles, without blanks inside a name."""
    made = []
    for part in _BETWEEN.split(_BESIDE.sub("", cell[:_LONGEST].strip())):
        pieces = part.split()
        apart = all(len(piece) > 1 for piece in pieces)
        made += [_BESIDE.sub("", word) for word in (pieces if apart else ["".join(pieces)])]
    return [word for word in made if word]


def _is_likely(word: str) -> bool:
    if not _WORD.match(word) or _PLACES.search(word):
        return False
    return word.startswith(_DOUBLE) or (len(word) < 4 and word[0] in _SURNAMES)


_PROVINCES = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[123]"
_SPOKEN = str.maketrans("〇零一二三四五六七八九幺", "001234567891")
_SPOKEN_RUN = re.compile(r"[〇零一二三四五六七八九幺](?:[ -]?[〇零一二三四五六七八九幺]){6,17}")
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

_DOTS = "·•・‧∙⋅"
_GAP = rf"[ .\-_/{_DOTS}]?"
#: For a quick pass over all cells at once, without look-around.
ID_ROUGH = rf"[1-9](?:{_GAP}\d){{16}}{_GAP}[\dXx]"
_ID = re.compile(rf"(?<!\d)(?<!\d\.)(?=({ID_ROUGH})(?!\d))")
_GAPS = re.compile(rf"[ .\-_/{_DOTS}]")
#: Numbers of identity, one behind the other or beside a mobile, with nothing between them.
_ID_RUN = re.compile(
    r"(?<!\d)(?:1[3-9]\d{9})?(?P<ids>(?:\d{17}[\dXx]){1,4})(?:1[3-9]\d{9})?(?![\dXx])"
)
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

    >>> holds_id("证11010519491231002X"), holds_id("110105·19491231·002X")
    (True, True)
    >>> holds_id("11010519491231002X13812345678"), holds_id("13812345678901234567")
    (True, False)
    """
    alone = (_GAPS.sub("", found) for found in _ID.findall(cell))
    joined = (
        found["ids"][at : at + 18]
        for found in _ID_RUN.finditer(cell)
        for at in range(0, len(found["ids"]), 18)
    )
    return any(map(has_id_check_digit, itertools.chain(alone, joined)))


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
        # Streets are numbered below 600: for so few numbers that alone decides.
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

_BAR = rf"(?: ?[-_{_DOTS}] ?| )?"
_MOBILE = re.compile(
    r"(?<!\d)(?<!\d\.)(?:(?:\+|00)?86[ .-]{0,2})?0?"
    rf"(?:1[3-9]\d{_BAR}\d{{4}}{_BAR}\d{{4}}|1[3-9]\d{_BAR}\d{{3}}{_BAR}\d{{5}}"
    rf"|1[3-9]\d\.\d{{4}}\.\d{{4}}|1[3-9]\d\.\d{{3}}\.\d{{5}}|1[3-9]\d{{2}}{_BAR}\d{{3}}{_BAR}\d{{4}}"
    rf"|1[3-9]\d{{2}}{_BAR}\d{{4}}{_BAR}\d{{3}}|1[3-9]\d{{3}}{_BAR}\d{{3}}{_BAR}\d{{3}}"
    rf"|1(?P<gap>[ ._/{_DOTS}-])[3-9](?:(?P=gap)\d){{9}}(?!(?P=gap)\d)|(?:1[3-9]\d{{9}}){{2,4}})"
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
    rf"1[ ._/{_DOTS}-]?[3-9](?:[ ._/{_DOTS}-]{{0,3}}\d){{9}}"
    r"|0[1-9]\d{1,2}[) -][- ]?[2-9]\d{2}"
    r"|\([2-9]\d{2}\)|\+[1-9]\d{0,2}[ .(-]"
)


def holds_mobile(cell: str) -> bool:
    """Return whether a text holds a number of a mobile telephone of China.

    Digits among letters and other digits, as in a hash, do not count.

    >>> holds_mobile("008613812345678"), holds_mobile("138.1234.5678"), holds_mobile("13.81234567")
    (True, True, False)
    >>> holds_mobile("张三13812345678"), holds_mobile("a93b13812345678f0")
    (True, False)
    >>> holds_mobile("1 3 8 1 2 3 4 5 6 7 8"), holds_mobile("1 3 5 7 9 11 13 15 17 19 21")
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
    hits = [cell for cell in cells if _PASSPORT.match(cell.upper())]
    if len(hits) < 3 or len(hits) < 0.9 * len(cells):
        return False
    # Numbers of persons differ in their first digits, codes of a list in their last.
    return len({cell[:4] for cell in hits}) > 0.5 * len(hits)


# -- births

_DATE = re.compile(
    r"^(?P<y>(?:19|20)\d\d)[-/.年]?(?P<m>\d{1,2})[-/.月]?(?P<d>\d{1,2})日?"
    # Midnight, in China or in Greenwich: a day that a program took for a moment.
    r"(?:[ T](?:0?0|16):00(?::00(?:\.0{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$"
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
