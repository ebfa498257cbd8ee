"""What a department sets once: ``report.toml`` in the workspace, and the remarks of a report."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from string import Formatter
from typing import Any

import tomlkit

from gridmap.errors import InputError, MissingError
from gridmap.i18n import LANGUAGES, tr
from gridmap.io._personal import personal_reason, refuse_personal
from gridmap.io.placing import put
from gridmap.measure import Norm, norms
from gridmap.report.document import Letterhead
from gridmap.report.tables import printable

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
_FIGURES = {"officers", "auxiliaries", "people"}
_LARGEST = 1e9  # of a norm
_LONGEST_TEXT = 200  # letters of a setting
_ITALIC = re.compile(r"(?<![\d*])\*(?=[^\s*])([^*]+?)(?<=\S)\*(?!\d)")
_LONGEST = 2_000  # letters of the remarks: they stand on the first page


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
        If it is no TOML, has a wrong key or value, or names a logo that is not there or is no
        picture: one line with the file and the line in it.
    PersonalDataError
        If a text holds a mobile, a number of identity or another record of a person. Names
        may sign (``signatory``) and be asked for (``contact``), ``phone`` is an office's line.
    """
    if path.name == SETTINGS and path.parent.is_dir() and not path.exists():
        return ReportSettings()
    if not path.is_file():
        raise MissingError("io.error.no_file", file=str(path))
    return _parse_settings(_text_of(path), path)


def write_settings(
    path: Path, values: Mapping[str, Any], *, logo: tuple[str, bytes] | None = None
) -> ReportSettings:
    """Change some settings of a file, or begin one; its other keys and its comments stay.

    Parameters
    ----------
    path
        The file.
    values
        Settings by key; blank ones are taken out. ``norms`` are figures by norm and figure, as
        in the file.
    logo
        Name and content of a picture to store beside the file as ``logo``.

    Raises
    ------
    InputError, PersonalDataError
        As `read_settings`; nothing is changed then.
    """
    text = _text_of(path) if path.is_file() else ""
    _parsed(text, path)  # tomlkit's own errors name neither file nor line as ours do
    document = tomlkit.parse(text)
    picture = None if logo is None else path.parent / f"logo{Path(logo[0]).suffix.lower()}"
    if picture is not None:
        values = {**values, "logo": picture.name}
    for key, value in values.items():
        if not value:
            document.pop(key, None)
        else:
            document[key] = list(value) if isinstance(value, tuple) else value
    before = picture.read_bytes() if picture is not None and picture.exists() else None
    try:
        if picture is not None and logo is not None:
            _replace_file(picture, logo[1])
        settings = _parse_settings(tomlkit.dumps(document), path)
        _replace_file(path, tomlkit.dumps(document).encode())
    except Exception:
        if picture is not None:
            picture.unlink(missing_ok=True)
            if before is not None:
                _replace_file(picture, before)
        raise
    return settings


def _replace_file(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        put(part, path)
    finally:
        part.unlink(missing_ok=True)


def _parse_settings(text: str, path: Path) -> ReportSettings:
    """Return what the text of a settings file sets."""
    found = _parsed(text, path)
    known = {item.name: item for item in fields(ReportSettings)}
    values: dict[str, Any] = {}
    for key, value in found.items():
        line = _line_of(text, key)
        if key not in known:
            raise InputError("report.error.settings_key", path=str(path), line=line,
                             name=printable(key), known=", ".join(known))  # fmt: skip
        if key == "norms":
            values[key] = _norms(value, path, text)
        elif key in {"copies", "grave", "sections", "beat_columns"}:
            values[key] = _names(key, value, path, line)
        elif key == "logo" and isinstance(value, str) and not value.isprintable():
            raise InputError("report.error.settings_backslash", path=str(path), line=line)
        elif isinstance(value, str) and len(value) <= _LONGEST_TEXT:
            values[key] = " ".join(printable(value).split())
        else:
            raise _wrong(path, line, key, "text")
    _refuse_persons(values, path)
    settings = ReportSettings(**values)
    if settings.logo:
        settings = replace(settings, logo=_checked_logo(settings.logo, path, text))
    _check_title(settings.title, path, text)
    return settings


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("report.error.settings_unread", path=str(path)) from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    """Return what a settings file sets, key by key."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
        place = re.search(r"line (\d+)", str(error))
        lines = text.splitlines()
        line = int(place.group(1)) if place else max(len(lines), 1)
        kind = "backslash" if "\\" in "".join(lines[line - 1 : line]) else "toml"
        wrong = f"report.error.settings_{kind}"
        raise InputError(wrong, path=str(path), line=line) from error


def _checked_logo(name: str, path: Path, text: str) -> str:
    """Return where a logo is, seen to be a picture."""
    from gridmap.report.pdf import read_logo

    logo = path.parent / name
    told = {"path": str(path), "line": _line_of(text, "logo"), "logo": name}
    if logo.suffix.lower() not in _LOGOS or not logo.is_file():
        raise InputError("report.error.settings_logo", **told)
    try:
        read_logo(logo)
    except ValueError as error:
        raise InputError("report.error.settings_logo_unread", **told) from error
    return str(logo)


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
        line = re.sub(r"\*\*|__|`", "", re.sub(r"^\s*(?:[#>]+|[-*+]\s)\s*", "", raw)).strip()
        line = _ITALIC.sub(r"\1", line)
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
    if not isinstance(value, list) or not all(
        isinstance(item, str) and len(item) <= _LONGEST_TEXT for item in value
    ):
        raise _wrong(path, line, key, "list")
    names = tuple(dict.fromkeys(printable(item).strip() for item in value))
    known = {"sections": tuple(SECTIONS), "beat_columns": tuple(BEAT_COLUMNS)}.get(key)
    unknown = [name for name in names if known is not None and name not in known]
    if known is not None and unknown:
        raise _wrong(path, line, key, "names", known=", ".join(known))
    return names


def _norms(value: object, path: Path, text: str) -> tuple[Norm, ...]:
    known = {norm.id: norm for norm in norms()}
    line = _line_of(text, "norms")
    if not isinstance(value, Mapping):
        raise _wrong(path, line, "norms", "norms", known=", ".join(known))
    for name, figures in value.items():
        at = _line_of(text, f"norms.{name}") or line
        if name not in known or not isinstance(figures, Mapping):
            raise _wrong(path, at, "norms", "norms", known=", ".join(known))
        for figure, number in figures.items():
            good = isinstance(number, int | float) and not isinstance(number, bool)
            if figure not in _FIGURES or not (good and 0 <= number <= _LARGEST):
                raise _wrong(path, at, f"norms.{name}.{printable(figure)}", "norm_figure")
        try:
            given: Any = {figure: float(number) for figure, number in figures.items()}
            known[name] = replace(known[name], **given)
        except InputError as error:
            raise _wrong(path, at, f"norms.{name}", error) from error
    return tuple(known.values())


def _check_title(title: str, path: Path, text: str) -> None:
    """Refuse a pattern with anything in braces but the two names: no widths, no attributes."""
    try:
        parts = [part[1:] for part in Formatter().parse(title) if part[1] is not None]
    except ValueError:
        parts = [("", "", "")]
    if not {("agency", "", None), ("period", "", None)}.issuperset(parts):
        raise _wrong(path, _line_of(text, "title"), "title", "title")


def _wrong(
    path: Path, line: int, key: str, what: str | InputError, **values: object
) -> InputError:
    """Return an error whose reason is `report.settings.WHAT`, or another error."""
    reason = InputError(f"report.settings.{what}", **values) if isinstance(what, str) else what
    return InputError(
        "report.error.settings_value", path=str(path), line=line, name=key, what=reason
    )


def _line_of(text: str, key: str) -> int:
    """Return the line in which a key or table stands, or 0."""
    name = re.escape(key)
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\s*(?:[\"']?{name}[\"']?\s*[=.]|\[{name}[\].])", line):
            return number
    return 0
