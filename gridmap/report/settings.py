"""What a department sets once: ``report.toml`` in the workspace, and the remarks of a report."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from gridmap.errors import InputError, MissingError
from gridmap.i18n import LANGUAGES, tr
from gridmap.io._personal import personal_reason, refuse_personal
from gridmap.measure import Norm, norms

SETTINGS = "report.toml"
#: Columns of the tables of beats and stations that ``beat_columns`` may name, in their usual
#: order, and which columns of the tables they are.
BEAT_COLUMNS: dict[str, tuple[str, ...]] = {
    "incidents": ("incidents",),
    "daily": ("per_day_now",),
    "changes": ("change_previous", "change_last_year"),
    "weeks": ("weeks",),
    "residents": ("residents",),
    "rate": ("incidents_per_1000_residents",),
    "covered": ("covered_residents_share",),
    "lacking": ("officers_lacking",),
    "mark": ("mark",),
}
_NAMES = "plan city attention stations beats grids coverage staff duty data"
#: Sections that ``report.toml`` may name, in their usual order, and what makes each one's blocks
#: of a report: the functions that `gridmap.report.sections` marks with `section`.
SECTIONS: dict[str, Callable[[Any], list[Any]] | None] = dict.fromkeys(_NAMES.split())
_LOGOS = {".png", ".svg", ".jpg", ".jpeg"}
# A document is signed, and says whom to ask, by name; an office's telephone is no person's.
_SIGNED = {"signatory": {"name"}, "contact": {"name"}, "phone": {"landline"}}
_LONGEST = 2_000  # letters of the remarks: they stand on the first page


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """What an office puts around a report.

    Attributes
    ----------
    agency
        Whose report it is; the city's name if blank.
    title
        What stands in red above it; in ``report.toml`` a pattern in which ``{agency}`` and
        ``{period}`` are filled in.
    number, secrecy, signatory
        Document number (``示公指〔2024〕3号``), secrecy line, who signs.
    contact, phone
        Whom to ask.
    copies
        Who gets a copy.
    logo
        A picture beside the file, or its path.
    """

    agency: str = ""
    title: str = ""
    number: str = ""
    secrecy: str = ""
    signatory: str = ""
    contact: str = ""
    phone: str = ""
    copies: tuple[str, ...] = ()
    logo: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportSettings(Letterhead):
    """What ``report.toml`` sets; every key may be left out.

    Attributes
    ----------
    sections
        Sections to print, in their order; all that there are if empty.
    beat_columns
        Columns of the table of beats, in their order.
    grave
        Categories that are always named.
    norms
        Figures of norms by their id: ``[norms.officer_people] people = 2500``.
    """

    sections: tuple[str, ...] = ()
    beat_columns: tuple[str, ...] = tuple(BEAT_COLUMNS)
    grave: tuple[str, ...] = ()
    norms: tuple[Norm, ...] = field(default_factory=norms)


@dataclass(frozen=True, slots=True)
class Remarks:
    """What the analyst recommends, and whom to ask.

    Attributes
    ----------
    lines
        Paragraphs.
    contact, phone
        Blank where the file does not say.
    """

    lines: tuple[str, ...] = ()
    contact: str = ""
    phone: str = ""


def read_settings(path: Path) -> ReportSettings:
    """Return what a settings file says; the usual settings where a workspace has none of its own.

    Raises
    ------
    MissingError
        If another file is named and is not there.
    InputError
        If it is no TOML, has a wrong key or value, or names a logo that is not there: one
        line with the file and the line in it.
    PersonalDataError
        If a text holds a mobile, a number of identity or another record of a person. Names
        may sign (``signatory``) and be asked for (``contact``), ``phone`` is an office's line.
    """
    if path.name == SETTINGS and path.parent.is_dir() and not path.exists():
        return ReportSettings()
    if not path.is_file():
        raise MissingError("io.error.no_file", file=str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("report.error.settings_unread", path=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        raise InputError(
            "report.error.settings_toml", path=str(path), line=place.group(1) if place else "?"
        ) from error
    known = {item.name: item for item in fields(ReportSettings)}
    values: dict[str, Any] = {}
    for key, value in found.items():
        line = _line_of(text, key)
        if key not in known:
            raise InputError("report.error.settings_key", path=str(path), line=line, name=key,
                             known=", ".join(known))  # fmt: skip
        if key == "norms":
            values[key] = _norms(value, path, text)
        elif key in {"copies", "grave", "sections", "beat_columns"}:
            values[key] = _names(key, value, path, line)
        elif isinstance(value, str) and len(value) <= 200:
            values[key] = " ".join(value.split())
        else:
            raise _wrong(path, line, key, tr("report.settings.text"))
    _refuse_persons(values, path)
    settings = ReportSettings(**values)
    if settings.logo:
        logo = path.parent / settings.logo
        if logo.suffix.lower() not in _LOGOS or not logo.is_file():
            raise InputError("report.error.settings_logo", path=str(path),
                             line=_line_of(text, "logo"), logo=settings.logo)  # fmt: skip
        settings = replace(settings, logo=str(logo))
    _check_title(settings.title, path, text)
    return settings


def _refuse_persons(values: Mapping[str, Any], path: Path) -> None:
    for key, value in values.items():
        for text in (value,) if isinstance(value, str) else value if key != "norms" else ():
            refuse_personal({f"{path.name} · {key}": text}, allowed=_SIGNED.get(key, ()))


def read_remarks(path: Path) -> Remarks:
    """Return the remarks of a Markdown file.

    Lines such as ``承办人：`` or ``Contact:`` and ``电话：`` or ``Telephone:`` say whom to ask;
    every other line that is not blank is a paragraph.

    Raises
    ------
    InputError
        If it cannot be read, is too long for the first page, or holds records of persons.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("report.error.remarks_unread", path=str(path)) from error
    return parse_remarks(text, name=path.name)


def parse_remarks(text: str, *, name: str = "") -> Remarks:
    """Return the remarks of a text, as a field on the page holds it.

    Raises
    ------
    InputError
        If it is too long for the first page, or holds records of persons.
    """
    if len(text) > _LONGEST:
        raise InputError("report.error.remarks_long", path=name, count=len(text), most=_LONGEST)
    lines: list[str] = []
    said = {"contact": "", "phone": ""}
    words = {
        key: [word for lang in LANGUAGES
              for word in tr(f"report.remarks.{key}", language=lang).split("|")]
        for key in said
    }  # fmt: skip
    heads = {tr("briefing.remarks_lead", language=one).strip("：: ") for one in LANGUAGES}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.sub(r"\*\*|__|`", "", re.sub(r"^\s*(?:[#>]+|[-*+])\s*", "", raw)).strip()
        key = next((key for key, known in words.items() if _begins_with(line, known)), "")
        if key:
            said[key] = re.split("[：:]", line, maxsplit=1)[1].strip()
        elif line and not (raw.startswith("#") and line.strip("：: ") in heads):
            lines.append(line)
        allowed = _SIGNED.get(key, ())
        if personal_reason(said[key] if key else line, allowed=allowed):
            raise InputError("report.error.remarks_personal", path=name, line=number)
    return Remarks(tuple(lines), said["contact"], said["phone"])


def _begins_with(line: str, words: Sequence[str]) -> bool:
    """Return whether a line begins with one of some words and a colon."""
    return any(re.match(rf"{re.escape(word)}\s*[：:]", line, re.IGNORECASE) for word in words)


def _names(key: str, value: object, path: Path, line: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(path, line, key, tr("report.settings.list"))
    names = tuple(dict.fromkeys(item.strip() for item in value))
    known = {"sections": tuple(SECTIONS), "beat_columns": tuple(BEAT_COLUMNS)}.get(key)
    unknown = [name for name in names if known is not None and name not in known]
    if known is not None and unknown:
        raise _wrong(path, line, key, tr("report.settings.names", known=", ".join(known)))
    return names


def _norms(value: object, path: Path, text: str) -> tuple[Norm, ...]:
    known = {norm.id: norm for norm in norms()}
    line = _line_of(text, "norms")
    if not isinstance(value, Mapping):
        raise _wrong(path, line, "norms", tr("report.settings.norms", known=", ".join(known)))
    for name, figures in value.items():
        at = _line_of(text, f"norms.{name}") or line
        if name not in known or not isinstance(figures, Mapping):
            raise _wrong(path, at, "norms", tr("report.settings.norms", known=", ".join(known)))
        for figure, number in figures.items():
            good = isinstance(number, int | float) and not isinstance(number, bool)
            if figure not in {"officers", "auxiliaries", "people"} or not good:
                raise _wrong(path, at, f"norms.{name}.{figure}", tr("report.settings.norm_figure"))
        try:
            known[name] = replace(known[name], **_figures(figures))
        except InputError as error:
            raise _wrong(path, at, f"norms.{name}", str(error)) from error
    return tuple(known.values())


def _figures(figures: Mapping[str, float]) -> Any:  # noqa: ANN401 - options of a norm
    return {name: float(number) for name, number in figures.items()}


def _check_title(title: str, path: Path, text: str) -> None:
    try:
        title.format(agency="", period="")
    except (KeyError, IndexError, ValueError) as error:
        raise _wrong(
            path, _line_of(text, "title"), "title", tr("report.settings.title")
        ) from error


def _wrong(path: Path, line: int, key: str, what: str) -> InputError:
    return InputError(
        "report.error.settings_value", path=str(path), line=line, name=key, what=what
    )


def _line_of(text: str, key: str) -> int:
    """Return the line in which a key or table stands, or 0."""
    name = re.escape(key)
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\s*(?:[\"']?{name}[\"']?\s*[=.]|\[{name}[\].])", line):
            return number
    return 0
