"""Who may do what: roles, the table of permissions, and the one function that asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypedDict
from unicodedata import category

from gridmap.errors import InputError, PermissionDeniedError
from gridmap.i18n import has_key, tr
from gridmap.io import refuse_personal

__all__ = [
    "ALLOWED",
    "LOCAL",
    "Action",
    "Actor",
    "Role",
    "RolesJson",
    "account_text",
    "action_text",
    "check_account",
    "require",
    "role_text",
]

_LONGEST_ACCOUNT = 200


class RolesJson(TypedDict):
    """The JSON of ``gridmap roles --json``: account to role."""

    roles: dict[str, str]


class Role(StrEnum):
    """What a person is to the department's plans."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    PLANNER = "planner"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What can be done with data and plans."""

    VIEW = "view"
    EXPORT = "export"
    EDIT = "edit"
    SAVE = "save"
    IMPORT = "import"
    REPAIR = "repair"
    ASSIGN_ROLE = "assign_role"


_VIEWER = frozenset({Action.VIEW})
_ANALYST = _VIEWER | {Action.EXPORT}
_PLANNER = _ANALYST | {Action.EDIT, Action.SAVE, Action.IMPORT, Action.REPAIR}

ALLOWED: Mapping[Role, frozenset[Action]] = MappingProxyType(
    {
        Role.VIEWER: _VIEWER,
        Role.ANALYST: _ANALYST,
        Role.PLANNER: _PLANNER,
        Role.ADMINISTRATOR: _PLANNER | {Action.ASSIGN_ROLE},
    }
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who uses gridmap.

    Parameters
    ----------
    name
        What the log calls them: an account, as `check_account` allows it.
    role
        What they may do.

    Raises
    ------
    InputError
        If the name cannot be an account.
    """

    name: str
    role: Role

    def __post_init__(self) -> None:
        """Check the name, and that the role is one."""
        check_account(self.name)
        object.__setattr__(self, "role", Role(self.role))

    def may(self, action: Action) -> bool:
        """Return whether the role allows the action."""
        return action in ALLOWED[self.role]


def check_account(name: str) -> None:
    """Refuse what cannot be an account: nobody could tell from the log who it was.

    Raises
    ------
    InputError
        If it is blank, has more than 200 characters, or one that cannot be seen: a control
        or formatting character, a lone surrogate (bytes that are no UTF-8), a space other
        than the usual one.
    PersonalDataError
        If it is a number of a person: of identity, of a telephone.
    """
    if not name.strip():
        raise InputError("plans.error.actor_blank")
    if len(name) > _LONGEST_ACCOUNT:
        raise InputError("plans.error.actor_long", most=_LONGEST_ACCOUNT)
    for at, sign in enumerate(name, 1):
        if sign != " " and category(sign)[0] in "CZ":
            raise InputError("plans.error.actor_sign", at=at, code=f"U+{ord(sign):04X}")
    # People log in by an address of mail; numbers of theirs are another matter.
    refuse_personal({tr("plans.text.account"): name}, allowed={"account"})


LOCAL = Actor("local", Role.ADMINISTRATOR)
"""The one user of a machine where no login is configured."""


def require(actor: Actor, action: Action) -> None:
    """Refuse what a role does not allow.

    Parameters
    ----------
    actor
        Who asks.
    action
        What for.

    Raises
    ------
    PermissionDeniedError
        If the actor's role does not allow the action.
    """
    if not actor.may(action):
        raise PermissionDeniedError(
            "plans.error.denied",
            actor=actor.name,
            role=role_text(actor.role),
            action=action_text(action),
        )


def account_text(name: str, language: str | None = None) -> str:
    """Return what an account is called: the one user of a machine without login has no name."""
    return tr("plans.local", language=language) if name == LOCAL.name else name


def role_text(role: Role, language: str | None = None) -> str:
    """Return what a role is called."""
    return tr(f"plans.role.{role}", language=language)


def action_text(action: str, language: str | None = None) -> str:
    """Return what an action of the log is called; as it stands where it has no name."""
    key = f"plans.action.{action}"
    return tr(key, language=language) if has_key(key) else action
