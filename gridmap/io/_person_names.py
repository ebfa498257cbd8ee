"""Whether a column without a telling heading holds people's names.

One name proves nothing: 高桥, 江南 and 石磊 look alike. A column does where nearly every cell
begins with a surname, ends as given names do, and none ends as places and offices do.
"""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["are_foreign_names", "are_person_names", "is_likely_name"]

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
    "欧阳",
    "司马",
    "上官",
    "诸葛",
    "东方",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "令狐",
    "司徒",
    "夏侯",
)
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
