"""The log of who imported, edited and exported what: a chain of hashes, checked link by link.

Every record holds the hash of the one before it. A record that is altered, taken out or put
in breaks the chain at its place; records cut off at the end are detected by the head that the
store keeps beside the log. The record of a saved version holds a digest of all that is stored
of it, and roles are read from the log itself, so both are within the chain.

An attacker who can write the whole database, and knows this code, could write a new chain. An
anchor shows that: the code of the head, noted outside the database (`Anchor`).

`ALLOWED` says which role may do what, and `require` is the one function that asks it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self, TypedDict
from unicodedata import category

from gridmap.errors import InputError, PermissionDeniedError
from gridmap.i18n import has_key, tr
from gridmap.io import refuse_personal

_CODE = re.compile(r"([1-9][0-9]{0,17})-((?:[0-9a-f]{4}-){7}[0-9a-f]{4})")


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One entry of the log.

    Parameters
    ----------
    number
        1 for the first record.
    at
        ISO 8601 in UTC.
    actor, role
        Who did it, and what they were.
    action
        What was done: save, import, export, assign_role, ...
    subject
        To what: a plan, a layer, an account.
    detail
        JSON text: versions, digests, counts.
    previous, hash
        Hash of the record before (``""`` for the first) and of this one.
    """

    number: int
    at: str
    actor: str
    role: str
    action: str
    subject: str
    detail: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """Where the chain breaks first.

    Parameters
    ----------
    number
        Number of the record.
    reason
        ``altered``, ``missing``, ``unlinked``, ``cut_off``; ``version``: the saved plan that
        the record names is gone, or anything stored of it is another; ``untold``: no record
        names a saved plan; ``anchor``: the record is not the one that was noted outside.
    subject
        What the record is about, ``""`` where it is gone.
    """

    number: int
    reason: str
    subject: str = ""

    def text(self) -> str:
        """Return the finding in one line."""
        return tr(f"plans.audit.{self.reason}", number=self.number, subject=self.subject)


class BrokenLinkJson(TypedDict):
    """The first broken link: number of its record, reason, what it is about, in words."""

    number: int
    reason: str
    subject: str
    text: str


class AuditJson(TypedDict):
    """The JSON of ``gridmap audit --json``; ``code`` is null for an empty log."""

    records: int
    head: str
    whole: bool
    versions: int
    accounts: int
    code: str | None
    broken: BrokenLinkJson | None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the check of a log found.

    Parameters
    ----------
    records
        Number of records read.
    head
        Hash of the last record, ``""`` for an empty log.
    broken
        The first broken link, or None where the log is whole.
    versions
        Number of saved versions that were checked against the log.
    accounts
        Number of accounts whose role the log gives.
    """

    records: int
    head: str
    broken: BrokenLink | None
    versions: int = 0
    accounts: int = 0

    @property
    def anchor(self) -> Anchor | None:
        """The head of the log, to be noted outside the database; None for an empty log."""
        return Anchor(self.records, self.head[:32]) if self.records else None

    def text(self) -> str:
        """Return what was checked, and what was not, in a few lines."""
        covers = tr("plans.audit.covers", versions=self.versions, accounts=self.accounts)
        if self.broken is not None:
            return f"{self.broken.text()}\n{covers}"
        whole = tr("plans.audit.whole", records=self.records, head=self.head)
        code = tr("plans.audit.code", code=self.anchor) if self.anchor else ""
        return "\n".join(line for line in (whole, covers, code) if line)

    def to_dict(self) -> AuditJson:
        """Return what was checked and found as plain values."""
        broken = self.broken
        return {
            "records": self.records,
            "head": self.head,
            "whole": self.is_whole,
            "versions": self.versions,
            "accounts": self.accounts,
            "code": str(self.anchor) if self.anchor else None,
            "broken": None
            if broken is None
            else {
                "number": broken.number,
                "reason": broken.reason,
                "subject": broken.subject,
                "text": broken.text(),
            },
        }

    @property
    def is_whole(self) -> bool:
        """Whether every link of the log is intact."""
        return self.broken is None


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of a log as it is noted outside the database: on paper, or in a file elsewhere.

    Parameters
    ----------
    number
        Number of the record.
    digest
        The first 32 hexadecimal digits of its hash.

    Examples
    --------
    >>> anchor = Anchor(7, "0123456789abcdef" * 2)
    >>> str(anchor)
    '7-0123-4567-89ab-cdef-0123-4567-89ab-cdef'
    >>> Anchor.read(str(anchor)) == anchor
    True
    """

    number: int
    digest: str

    def __str__(self) -> str:
        groups = [self.digest[at : at + 4] for at in range(0, len(self.digest), 4)]
        return "-".join([str(self.number), *groups])

    @classmethod
    def read(cls, code: str) -> Self:
        """Return the anchor that a code stands for.

        Raises
        ------
        InputError
            If it is no code.
        """
        found = _CODE.fullmatch(code.strip().lower())
        if found is None:
            raise InputError("plans.error.anchor_code", received=code.strip()[:80])
        return cls(int(found[1]), found[2].replace("-", ""))


#: A value that is stored of a version.
Fact = str | float | bytes | memoryview | None


def facts_digest(facts: Mapping[str, Fact], commands: Sequence[str]) -> str:
    """Return the digest of all that is stored of a version: BLAKE2b of 16 bytes.

    Parameters
    ----------
    facts
        Texts, numbers, None and bytes, by the names of their columns.
    commands
        The commands that led to the version, as they are stored.
    """
    told = {
        name: hashlib.blake2b(value, digest_size=16).hexdigest()
        if isinstance(value, bytes | memoryview)
        else value
        for name, value in facts.items()
    }
    text = json.dumps([told, list(commands)], ensure_ascii=False, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def link_hash(record: AuditRecord) -> str:
    """Return the hash of a record: BLAKE2b of 32 bytes over all its fields but ``hash``."""
    fields = [
        record.number, record.at, record.actor, record.role, record.action, record.subject,
        record.detail, record.previous,
    ]  # fmt: skip
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()


def verify_chain(
    records: Iterable[AuditRecord],
    *,
    head_number: int,
    head_hash: str,
    anchors: Iterable[Anchor] = (),
) -> AuditReport:
    """Check a log link by link.

    Parameters
    ----------
    records
        The records in the order of their numbers.
    head_number, head_hash
        What the store holds to be the last record.
    anchors
        Heads of this log that were noted outside.
    """
    count, previous = 0, ""
    noted: dict[int, set[str]] = {}
    for anchor in anchors:
        noted.setdefault(anchor.number, set()).add(anchor.digest)
    for record in records:
        reason = ""
        if record.number != count + 1:
            return AuditReport(count, previous, BrokenLink(count + 1, "missing"))
        if not is_own_hash(record):
            reason = "altered"
        elif record.previous != previous:
            reason = "unlinked"
        elif noted.pop(record.number, {record.hash[:32]}) != {record.hash[:32]}:
            reason = "anchor"
        if reason:
            link = BrokenLink(record.number, reason, record.subject)
            return AuditReport(count, previous, link)
        count, previous = record.number, record.hash
    if (count, previous) != (head_number, head_hash):
        return AuditReport(count, previous, BrokenLink(count + 1, "cut_off"))
    if noted:  # of records that the log has not come to, or has no more
        return AuditReport(count, previous, BrokenLink(min(noted), "anchor"))
    return AuditReport(count, previous, None)


def is_own_hash(record: AuditRecord) -> bool:
    """Return whether a record's hash is that of its fields, whatever a database made of them."""
    try:
        return record.hash == link_hash(record)
    except (TypeError, ValueError):
        return False


_LONGEST_ACCOUNT = 200


class RolesJson(TypedDict):
    """The JSON of ``gridmap roles --json``: account to role."""

    roles: dict[str, str]


class Role(StrEnum):
    """What a person may do with the department's plans."""

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
    """A user, and the role that decides what they may do.

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
    """Refuse what cannot be an account: the log would not show who it was.

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


def account_text(name: str) -> str:
    """Return the name of an account as shown; without login there is one user, who has none."""
    return tr("plans.local") if name == LOCAL.name else name


def role_text(role: Role) -> str:
    """Return the name of a role."""
    return tr(f"plans.role.{role}")


def action_text(action: str) -> str:
    """Return the name of an action of the log, or the action itself if it has none."""
    key = f"plans.action.{action}"
    return tr(key) if has_key(key) else action
