"""What a benchmark says where its files are not there."""

from __future__ import annotations

import sys
from pathlib import Path


def require_files(paths: list[Path], remedy: str) -> None:
    """End with one line and exit code 2 where a file is missing.

    Parameters
    ----------
    paths
        The files.
    remedy
        Where they are from and what to do.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing:
        names = ", ".join(str(path) for path in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        sys.stderr.write(f"No such file: {names}{more}. {remedy}\n")
        raise SystemExit(2)
