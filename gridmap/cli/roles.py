"""``gridmap roles``: who may do what where people log in."""

from __future__ import annotations

from typing import Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._log import open_store
from gridmap.cli._output import print_json, print_text
from gridmap.errors import InputError, MissingError
from gridmap.i18n import tr


def command(
    workspace: WorkspacePath,
    account: Annotated[str, typer.Argument(metavar="[ACCOUNT]", show_default=False)] = "",
    role: Annotated[
        str, typer.Argument(metavar="[viewer|analyst|planner|administrator]", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    """List the roles, or give an account one; whoever reaches this machine is administrator."""
    from gridmap.io import Workspace
    from gridmap.plans import LOCAL, Role

    place = Workspace.open(workspace)
    if account:
        if role not in set(Role):
            raise InputError("plans.error.role", received=role, known=", ".join(Role))
        with open_store(place.path) as store:
            store.assign_role(account, Role(role), author=LOCAL)
        print_text(f"{account}: {role}")
        return
    try:
        with open_store(place.path, create=False) as store:
            roles = store.roles()
    except MissingError:
        roles = {}
    if as_json:
        print_json({"roles": {person: str(given) for person, given in roles.items()}})
        return
    if not roles:
        print_text(tr("plans.done.no_roles"))
    for person, given in roles.items():
        print_text(f"{person}: {given}")
