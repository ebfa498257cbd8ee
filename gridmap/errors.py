"""The errors a user can cause, each with a sentence in Chinese and in English.

::

    GridmapError
    ├── InputError (ValueError)          a file or table that cannot be used as it is
    │   ├── EncodingError                text that decodes to garbage
    │   ├── OptionError                  an option of a verb that is invalid, with its name
    │   └── PersonalDataError            columns that hold records of persons
    ├── MissingError (LookupError)       a file, layer, plan or name that is not there
    ├── CRSError (ValueError)            no, unknown or unsuitable coordinate reference system
    ├── GeometryError (ValueError)       shapes that break an invariant
    ├── WorkspaceError (OSError)         a folder that is no workspace, or cannot be written
    ├── InfeasibleError (ValueError)     a request that no plan can meet, with the reason
    ├── ConflictError (RuntimeError)     somebody else saved in between
    └── PermissionDeniedError (PermissionError)   a role that may not do this

A message is a key of the catalogue in `gridmap.i18n` (``AREA.error.NAME``, the area being the
floor that raises it) with its values: what is wrong, where, what was received, what to do next.
Faces show `text`; scripts may read `key` and `values`.

`EXTRAS` names the optional parts and the libraries each brings. A plain installation is the
library and the commands of measuring and proposing; what serves pages, writes reports or counts on
a cluster is an extra of the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec

from gridmap.i18n import current_language, has_key, one_line, tr

__all__ = [
    "EXTRAS", "CRSError", "ConflictError", "EncodingError", "GeometryError", "GridmapError",
    "InfeasibleError", "InputError", "MissingError", "OptionError", "PermissionDeniedError",
    "PersonalDataError", "WorkspaceError", "explain_missing", "in_page", "in_python",
    "require_extra", "some_ids",
]  # fmt: skip


class GridmapError(Exception):
    """A problem of the user's data or request, reported in one line.

    Parameters
    ----------
    key
        Key of the sentence in the catalogue, for example ``model.error.layer_no_crs``.
    **values
        What the sentence names: file, ids, numbers received.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values
        #: The argument of Python at fault, put before a sentence that does not name it.
        self.argument = ""

    def text(self, language: str | None = None) -> str:
        """Return the sentence in ``zh`` or ``en`` (the current language if None).

        It names flags of commands, as commands and pages say it; ``str`` names arguments of
        Python. A value that is an error itself is said in the same language.
        """
        language = language or current_language()
        values = {
            name: value.text(language) if isinstance(value, GridmapError) else value
            for name, value in self.values.items()
        }
        values |= {
            name: one_line(value) for name, value in values.items() if isinstance(value, str)
        }
        return tr(self.key, language=language, **values)

    def __str__(self) -> str:
        told = in_python(self.text())
        named = not self.argument or re.search(rf"\b{self.argument}\b", told, re.ASCII)
        return told if named else f"{self.argument}: {told}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.key, self.values))


def _rebuild(kind: type[GridmapError], key: str, values: dict[str, object]) -> GridmapError:
    return kind(key, **values)


class InputError(GridmapError, ValueError):
    """A file or table that cannot be used as it is."""


class OptionError(InputError):
    """An option of a verb that is invalid.

    Parameters
    ----------
    key
        Key of the sentence; it names the option as ``{option}``.
    **values
        ``option``, the name of the field, and what else the sentence names.
    """

    @property
    def option(self) -> str:
        """The name of the field that is invalid."""
        return str(self.values["option"])


class EncodingError(InputError):
    """Text that decodes to garbage in every encoding tried."""


class PersonalDataError(InputError):
    """Columns that hold records of persons."""


class MissingError(GridmapError, LookupError):
    """A file, layer, plan or name that is not there."""


class CRSError(GridmapError, ValueError):
    """No, unknown or unsuitable coordinate reference system."""


class GeometryError(GridmapError, ValueError):
    """Shapes that break an invariant."""


class WorkspaceError(GridmapError, OSError):
    """A folder that is no workspace, or cannot be written."""


class InfeasibleError(GridmapError, ValueError):
    """A request that no plan can meet."""


class ConflictError(GridmapError, RuntimeError):
    """Somebody else saved in between."""


class PermissionDeniedError(GridmapError, PermissionError):
    """A role that may not do this."""


_MAPPING = re.compile(r"--map (\w+)=(\w+)")
_VALUED = re.compile(r"--([a-z][a-z-]*) ([\w:./%@+-]*[\d:=][\w:./%@+=-]*\w|\{\w+\})")
# A flag, but not that of a command written out: "use gridmap propose --save NAME".
_FLAG = re.compile(r"(gridmap (?!import\b)[a-z]+ (?:\S+ )?--[a-z-]+)|--([a-z][a-z-]*)")
_OTHER_NAMES = {"from": "since", "to": "until", "date-format": "date_formats"}


def in_python(text: str) -> str:
    """Return a sentence with Python arguments in place of flags.

    Examples
    --------
    >>> in_python("Name it with --crs, for example --crs EPSG:4326.")
    'Name it with crs, for example crs="EPSG:4326".'
    >>> in_python("Name one with --map residents=COLUMN.")
    'Name one with columns={"residents": "COLUMN"}.'
    >>> in_python("Import some with gridmap import --kind incidents.")
    'Import some with City.from_frames(incidents=...).'
    >>> in_python("Use gridmap propose --save NAME.")
    'Use gridmap propose --save NAME.'
    """

    def name(flag: str) -> str:
        return _OTHER_NAMES.get(flag, flag.replace("-", "_"))

    text = _IMPORT.sub(_from_frames, text)
    text = _MAPPING.sub(r'columns={"\1": "\2"}', text)
    text = _VALUED.sub(lambda found: f'{name(found[1])}="{found[2]}"', text)
    return _FLAG.sub(
        lambda found: found[1] or ("columns" if found[2] == "map" else name(found[2])), text
    )


def _from_frames(found: re.Match[str]) -> str:
    argument = _FRAMES.get(found["kind"] or "", "")
    return f"City.from_frames({argument}...)"


_FRAMES = {
    **{kind: f"{kind}s=" for kind in ("grid", "beat", "station", "room", "road")},
    "incidents": "incidents=",
}
_IMPORT = re.compile(
    r"gridmap import(?: (?!--)[^\s\u3002]+)?(?: --kind (?P<kind>\{?\w+\}?))?"
    r"(?: FILE| \w{2}(?=[^\w\s]))?"
)
# On a page the place takes the room of "with" and its Chinese counterpart too.
_IMPORT_HERE = re.compile(r"(?:\bwith |\u7528 |(?<=\u6216) )?" + _IMPORT.pattern)
_QUOTE_SPACE = re.compile(r"(?<=[\u4e00-\u9fff]) (?=“)|(?<=”) (?=[\u4e00-\u9fff])")


def in_page(text: str) -> str:
    """Return a sentence with the labels of the pages in place of flags.

    Examples
    --------
    >>> from gridmap.i18n import using_language
    >>> with using_language("en"):
    ...     in_page("Name one with --map id=COLUMN, or with --crs EPSG:4326.")
    'Name one with “ID” under “Correct it”, or with “CRS” EPSG:4326.'
    >>> with using_language("en"):
    ...     in_page("Import some with gridmap import --kind incidents.")
    'Import some on the Data page.'
    """
    text = _IMPORT_HERE.sub(lambda _: tr("page.flag.import"), text)
    text = _MAPPING.sub(lambda found: tr("page.flag.column", field=tr(f"field.{found[1]}")), text)

    def name(found: re.Match[str]) -> str:
        key = f"page.flag.{(found[2] or '').replace('-', '_')}"
        return found[1] or (tr(key) if has_key(key) else found[2])

    return _QUOTE_SPACE.sub("", _FLAG.sub(name, text))


def some_ids(ids: Iterable[object], limit: int = 5) -> str:
    """Return at most ``limit`` ids and how many more there are.

    >>> some_ids([1, 2, 3], limit=2)
    '1, 2 (+1)'
    """
    names = [str(name) for name in ids]
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" (+{more})" if more > 0 else "")


#: Extra to the top-level modules that it brings.
EXTRAS: dict[str, tuple[str, ...]] = {
    "app": ("altair", "itsdangerous", "google", "starlette", "streamlit", "xstatic"),
    "report": ("docx", "manimgx_fonts_cjk", "pptx", "pylopdf_fonts_zh_cn", "typst", "xlsxwriter"),
    "cluster": ("dask", "distributed"),
    "postgresql": ("psycopg",),
}


def explain_missing(module: str | None) -> MissingError | None:
    """Return the error that says how to get a module, or None if no extra has it.

    Parameters
    ----------
    module
        The name that an import did not find, such as ``docx.oxml``.
    """
    top = (module or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if top in modules:
            return MissingError("extras.error.not_installed", library=top, extra=extra)
    return None


def require_extra(extra: str) -> None:
    """Raise before any work is done where an extra is not installed.

    Raises
    ------
    MissingError
        If one of the extra's modules is missing.
    """
    for module in EXTRAS[extra]:
        if find_spec(module) is None:
            raise MissingError("extras.error.not_installed", library=module, extra=extra)
