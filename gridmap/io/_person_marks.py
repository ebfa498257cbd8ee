"""What tells of a person inside a text: accounts, homes, hidden numbers, a name behind a label.

All patterns are for text that `gridmap.io._person_numbers.plain_text` has made plain. Those named
``ROUGH`` are for a quick pass over all cells at once, without look-around.
"""

from __future__ import annotations

import re

from gridmap.io._person_names import is_likely_name

__all__ = [
    "ACCOUNT_ROUGH",
    "HIDDEN_ROUGH",
    "HOME_ROUGH",
    "LABEL_ROUGH",
    "NAMED_ROUGH",
    "holds_home",
    "names_someone",
]

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
    r"|[村屯庄寨].{0,6}?[组社队] ?[0-9]{1,4} ?[号户]"
    r"|(?:小区|花园|[苑里湾府庭园]|新村|公寓|家园) ?[0-9]{1,3}-[0-9]{1,2}-[0-9]{3,4}"
    r"|(?i:\b[0-9]{1,6} [A-Za-z0-9 .]{3,40} (?:apt|apartment)\.? ?#? ?[0-9A-Za-z]{1,5}\b)"
)
_ROOM = (
    rf"{_BUILDING}.{{0,8}}?[0-9]{{3,4}} ?(?:室|号房|房)"
    rf"|{_BUILDING} ?(?:[东西南北中]|[0-9一二三四五六七八九]{{1,2}}(?:单元|门))? ?-? ?"
    r"[0-9]{3,4}(?:[^0-9米路号线道年mk]|$)"
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
#: An office that stands before the name of who holds it.
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
