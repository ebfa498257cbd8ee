"""The version of gridmap, and of the libraries that decide what it reads and computes."""

from __future__ import annotations

__all__ = ["__version__", "library_versions"]

__version__ = "0.2.0"


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the compiled libraries, by name.

    fiona and pyogrio each bring a GDAL of their own; a file that one of them cannot read is
    a question of that one's version.
    """
    import platform
    from importlib.metadata import version

    import fiona
    import pyogrio
    import pyproj
    import shapely

    return {
        "Python": platform.python_version(),
        "GDAL": ".".join(map(str, pyogrio.__gdal_version__)),
        "GDAL (fiona)": fiona.__gdal_version__,
        "PROJ": pyproj.proj_version_str,
        "GEOS": ".".join(map(str, shapely.geos_version)),
        "numba": version("numba"),
    }
