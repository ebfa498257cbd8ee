"""The made-up city with its names in English letters, as maps of China for others have them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from string import ascii_lowercase

from gridmap.demo._census import ordinal
from gridmap.model import City, Layer

__all__ = ["in_english"]

#: What stands at the end of a name, the longer first.
_TYPES = {
    "便民服务点": "service point", "微型消防站": "fire post", "警务岗亭": "police post",
    "监控点": "camera", "警务区": "beat", "警务室": "police room", "派出所": "Station",
    "网格": "grid", "社区": "Community", "大道": "Avenue", "大街": "Avenue", "铁路": "Railway",
    "村": "Village", "路": "Road", "街": "Street", "巷": "Lane", "河": "River",
}  # fmt: skip
#: Words that stand by themselves in a column.
_WORDS = {
    "示例市": "Example City", "示例铁路": "Example Railway", "有": "yes", "无": "no",
    "村警": "village police", "监控": "cameras", "消防": "fire", "服务": "service",
    "主干路": "primary", "次干路": "secondary", "支路": "tertiary", "巷": "residential",
    "河流": "river", "铁路": "railway", "矛盾纠纷": "dispute", "盗窃": "theft", "交通": "traffic",
    "诈骗": "fraud", "治安": "public order", "求助": "help",
}  # fmt: skip
_SIDES = {"东": "East", "西": "West", "南": "South", "北": "North"}
_NUMBERS = {ordinal(number): number for number in range(1, 100)}
_SOUNDS = (
    "an安 bai白百 bei北 bi碧 bin宾滨 bo波 cai彩才 chang场长 chao朝 cheng城成 "
    "chuang创 chun春 cui翠 da大 dao稻道 dong东 du渡 er二 fang坊放 feng丰凤风 "
    "fu富府福 gang岗 gong公工 gou沟 gu鼓 guan关 guang光广 gui桂 he和河荷 hong红虹 "
    "hou后 hu湖 hua化华花 huai槐 huan环 huang凰 hui惠 ji技集 jian建 jiang江 "
    "jie结街解 jin进金锦 jing景 kang康 ke科 lao老 le乐 li丽利梨里 lian莲 lin临林麟 "
    "liu柳 long龙 lou楼 lu路 mai麦 mei梅 men门 miao庙 min民 ming明 nan南 nian年 "
    "ning宁 ping平 po坡 qi旗麒 qian前 qiao桥 qing清青 quan泉 ren人 san三 sha沙 "
    "shan山 shang上 she设 sheng胜 shi石 shou收 shu书树 shui水 song松 tai台 tang塘 "
    "tao桃涛 ti体 tong同 tuan团 wa洼 wan湾 wang望 wen文 xi西 xia下 xiang香 xiao小 "
    "xin心新 xing兴幸星杏 xiu绣 xue学 yan沿 yang杨阳 ye业 yi一谊 yin荫银 ying营迎 "
    "yong永 you友 yu育 yuan园苑远院 yun云 zao枣 zhan站 zhen振 zhong中钟 zhu主珠竹 "
    "zhuang庄"
)
_PINYIN = {
    sign: part.rstrip(part.strip(ascii_lowercase))
    for part in _SOUNDS.split()
    for sign in part.strip(ascii_lowercase)
}


def in_english(city: City) -> City:
    """Return a made-up city with every name in English; ids, places and counts stay.

    Examples
    --------
    >>> from gridmap.demo import make_city
    >>> city = in_english(make_city(grids=60, incidents=10))
    >>> city.name, city.incidents.categories[1]
    ('Example City', 'theft')
    """
    layers = {kind: _translated(layer) for kind, layer in city.layers.items()}
    incidents = city.incidents
    if incidents is not None:
        names = tuple(map(_english, incidents.categories))
        incidents = replace(incidents, categories=names, digest=f"{incidents.digest}-en")
    return replace(city, name=_english(city.name), layers=layers, incidents=incidents)


def _translated(layer: Layer) -> Layer:
    frame = layer.frame.copy()
    for name in frame.columns.drop("geometry"):
        known = [one for one in frame[name].unique() if isinstance(one, str)]
        frame[name] = frame[name].replace(_distinct(known))
    return Layer(layer.kind, frame, layer.provenance)


def _distinct(names: Iterable[str]) -> dict[str, str]:
    """Return the English of each name; names that sound alike are told apart by a number."""
    met: dict[str, int] = {}
    found = {}
    for name in names:
        said = _english(name)
        met[said] = met.get(said, 0) + 1
        found[name] = said if met[said] == 1 else f"{said} ({met[said]})"
    return found


def _english(name: str) -> str:
    """Return one name in English.

    >>> _english("光明社区第十二网格"), _english("环城北路"), _english("永安社区第二警务室")
    ('Guangming Community grid 12', 'Huancheng North Road', "Yong'an Community police room 2")
    """
    if name in _WORDS or not re.search("[一-鿿]", name):
        return _WORDS.get(name, name)
    ends = "|".join(_TYPES)
    parts = re.fullmatch(rf"(.+?)(?:第(.+))?({ends})", name)
    if parts is None:
        return _spelled(name)
    stem, number, kind = parts.groups()
    said = _english(stem) if re.search("(社区|村)$", stem) else _spelled(stem)
    if kind in {"路", "街"} and len(stem) > 2 and stem[-1] in _SIDES:
        said = f"{_spelled(stem[:-1])} {_SIDES[stem[-1]]}"
    return f"{said} {_TYPES[kind]}" + (f" {_NUMBERS.get(number, number)}" if number else "")


def _spelled(name: str) -> str:
    """Return a name as it sounds, its number at the end as one."""
    stem = name[0] + name[1:].rstrip("一二三四五六七八九十0123456789")
    number = name[len(stem) :]
    sounds = [_PINYIN.get(sign, sign) for sign in stem]
    joined = "".join(f"'{one}" if at and one[0] in "aeo" else one for at, one in enumerate(sounds))
    return joined.capitalize() + (f" {_NUMBERS.get(number, number)}" if number else "")
