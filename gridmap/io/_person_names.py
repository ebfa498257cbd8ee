"""Whether a column without a telling heading holds people's names.

One name proves nothing: 高桥, 江南 and 石磊 look alike. A column does where nearly every cell
begins with a surname, ends as given names do, and none ends as places and offices do.
"""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["are_person_names", "is_likely_name"]

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
