"""What tells of a person inside a text: accounts, homes, hidden numbers, a name behind an office.

Patterns named ``ROUGH`` are for a quick pass over all cells at once, without look-around.
"""

from __future__ import annotations

import re

from gridmap.io._person_names import is_likely_name

__all__ = [
    "ACCOUNT_ROUGH",
    "HIDDEN_ROUGH",
    "HOME_ROUGH",
    "NAMED_ROUGH",
    "ROOM_ROUGH",
    "US_ROUGH",
    "names_someone",
]

#: Addresses of e-mail, accounts of WeChat and QQ, addresses of a device.
ACCOUNT_ROUGH = (
    r"[\w.+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2}"
    r"|\bwxid_[0-9a-z]{4}"
    r"|(?:微信|WeChat|wechat)(?:号|ID|id)?\s*[:：是为]?\s*[A-Za-z][-_0-9A-Za-z]{5}"
    r"|(?:[Qq][Qq])(?:号)?\s*[:：是为]?\s*[1-9][0-9]{4}"
    r"|(?i:\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b)"
)
#: Numbers of identity and of mobiles with their middle hidden.
HIDDEN_ROUGH = r"[1-9]\d{2,5}[*＊xX×]{6,14}\d{0,3}[\dXx]|\b1[3-9]\d[*＊×]{4}\d{4}\b"
#: A home: a staircase and a room in it.
HOME_ROUGH = r"单元\s*-?\s*[0-9０-９]{2,4}\s*(?:室|号房|房|户)?"
#: A room in a building: a home, or an office.
ROOM_ROUGH = r"(?:幢|栋|号楼|弄|座).{0,8}?[0-9０-９]{3,4}\s*(?:室|号房)"
#: Numbers of social security and telephones as the United States write them.
US_ROUGH = r"^\s*\d{3}-\d{2}-\d{4}\s*$|\([2-9]\d{2}\)\s?[2-9]\d{2}-\d{4}"
#: An office that stands before the name of who holds it.
NAMED_ROUGH = (
    r"(?:网格员|网格长|户主|楼长|楼栋长|组长|报警人|举报人|负责人|联系人|当事人|房东|租客|租户|民警|辅警|居民)"
    r"[是为叫]?\s*[\x{4e00}-\x{9fa5}]{2,3}(?:$|[^\x{4e00}-\x{9fa5}])"
)
_NAMED = re.compile(
    r"(?:网格员|网格长|户主|楼长|楼栋长|组长|报警人|举报人|负责人|联系人|当事人|房东|租客|租户|民警|辅警|居民)"
    r"[是为叫]?\s*([\u4e00-\u9fa5]{2,3})(?![\u4e00-\u9fa5])"
)


def names_someone(cell: str) -> bool:
    """Return whether a text names who holds an office, as ``网格员张伟``.

    >>> names_someone("2号楼，网格员张伟 负责"), names_someone("居民区西侧")
    (True, False)
    """
    return any(is_likely_name(found) for found in _NAMED.findall(cell))
