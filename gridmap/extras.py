"""The optional parts of gridmap, and which of them brings a library.

A plain installation is the library and the commands of measuring and proposing; what serves
pages, writes reports or counts on a cluster is an extra of the package.
"""

from __future__ import annotations

from importlib.util import find_spec

from gridmap.errors import MissingError

__all__ = ["EXTRAS", "explain_missing", "require"]

#: Extra to the top-level modules that it brings.
EXTRAS: dict[str, tuple[str, ...]] = {
    "app": ("altair", "itsdangerous", "google", "starlette", "streamlit", "xstatic"),
    "report": ("docx", "manimgx_fonts_cjk", "pptx", "pylopdf_fonts_zh_cn", "typst", "xlsxwriter"),
    "cluster": ("dask", "distributed"),
    "postgresql": ("psycopg",),
}


def explain_missing(module: str | None) -> MissingError | None:
    """Return the error that says how to get a module, or None for one that is no extra's.

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


def require(extra: str) -> None:
    """Raise before any work is done where an extra is not installed.

    Raises
    ------
    MissingError
        If one of the extra's modules is missing.
    """
    for module in EXTRAS[extra]:
        if find_spec(module) is None:
            raise MissingError("extras.error.not_installed", library=module, extra=extra)
