"""Office packages (docx, pptx) without a clock: the same content gives the same bytes."""

from __future__ import annotations

import io
import re
import zipfile

__all__ = ["steady_package"]

_DATE = (1980, 1, 1, 0, 0, 0)
_STAMP = re.compile(
    rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms:(?:created|modified)>)"
)


def steady_package(data: bytes, iso_date: str) -> bytes:
    """Return a package with its parts in order and every date that of the report.

    Parameters
    ----------
    data
        A zip archive as an office library wrote it; workbooks inside it are treated too.
    iso_date
        ``YYYY-MM-DD``.
    """
    stamp = f"{iso_date}T00:00:00Z".encode()
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as package,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as steady,
    ):
        for name in package.namelist():
            part = package.read(name)
            if name.endswith(".xlsx"):
                part = steady_package(part, iso_date)
            elif name == "docProps/core.xml":
                part = _STAMP.sub(rb"\g<1>" + stamp + rb"\g<2>", part)
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            steady.writestr(info, part)
    return out.getvalue()
