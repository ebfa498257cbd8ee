"""Open: a workspace's city, and the plans that are saved in it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from gridmap.errors import InputError, MissingError
from gridmap.settings import read_settings

if TYPE_CHECKING:
    from gridmap.model import City, Plan
    from gridmap.plans import PlanStore

__all__ = ["load_plan", "open", "open_store", "plan_of", "todays_plan"]


def open(folder: str | PathLike[str]) -> City:  # noqa: A001 - gridmap.open, as rasterio.open
    """Open a workspace: one folder, one city.

    Parameters
    ----------
    folder
        A folder that `City.save` or ``gridmap import`` has written.

    Raises
    ------
    WorkspaceError
        If the folder is no workspace.

    Examples
    --------
    >>> import gridmap, tempfile
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> folder = f"{tempfile.mkdtemp()}/city"
    >>> city.save(folder)
    >>> gridmap.open(folder).digest == city.digest
    True
    """
    from gridmap.io import read_city

    return read_city(folder)


def load_plan(folder: str | PathLike[str], name: str) -> Plan:
    """Read a plan that is saved in a workspace, or in the department's store.

    Parameters
    ----------
    folder
        The workspace.
    name
        The plan's name; ``NAME@2`` is its second version, ``present`` today's beats.

    Raises
    ------
    MissingError
        If there is no such plan or version, or no beats today.
    InputError
        If the city's grids have changed since.
    """
    city = open(folder)
    if not isinstance(name, str):
        raise InputError("model.error.takes_text", argument="name",
                         received=type(name).__name__)  # fmt: skip
    return plan_of(folder, city, name)


def todays_plan(city: City) -> Plan | None:
    """Return today's beats as a plan of whole grids, or None where the city has none."""
    from gridmap.measure.present import present_plan

    try:
        return present_plan(city)
    except MissingError:
        return None


def open_store(folder: str | PathLike[str], *, create: bool = True) -> PlanStore:
    """Open the department's store where one is set, or the workspace's own.

    Parameters
    ----------
    folder
        The workspace.
    create
        Make one where there is none yet.

    Raises
    ------
    MissingError
        If there is none yet and none shall be made.
    """
    from gridmap.plans import PlanStore

    return PlanStore.of(Path(folder), url=read_settings().database_url, create=create)


def plan_of(folder: str | PathLike[str], city: City, name: str) -> Plan:
    """Return a saved plan of a city that is open already; see `load_plan`.

    Parameters
    ----------
    folder
        The workspace.
    city
        Its city.
    name
        ``NAME``, ``NAME@2`` or ``present``.

    Raises
    ------
    MissingError, InputError
        As `load_plan`.
    """
    from gridmap.measure.present import present_plan
    from gridmap.plans import PRESENT

    if name == PRESENT:
        return present_plan(city)
    with open_store(folder, create=False) as store:
        try:
            return store.load(name, grids=city.grids)
        except MissingError:
            base, sign, number = name.rpartition("@")
            if not sign or not number.isdecimal():
                raise
            return store.load(base, int(number), grids=city.grids).renamed(name)
