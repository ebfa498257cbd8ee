"""The log of who imported, edited and exported what: a chain of hashes, checked link by link.

Every record holds the hash of the one before it. A record that is altered, taken out or put
in breaks the chain at its place; records cut off at the end are told from the head that the
store keeps beside the log. Whoever owns the whole database could write a new chain: note the
head's hash elsewhere (``gridmap audit`` prints it) to notice that too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from gridmap.i18n import tr

__all__ = ["AuditRecord", "AuditReport", "BrokenLink", "link_hash", "verify_chain"]


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
        ``altered``, ``missing``, ``unlinked``, ``cut_off`` or ``version``: the saved plan
        that the record tells of is gone or is another.
    subject
        What the record is about, ``""`` where it is gone.
    """

    number: int
    reason: str
    subject: str = ""

    def text(self, language: str | None = None) -> str:
        """Return the finding in one line."""
        return tr(
            f"plans.audit.{self.reason}",
            language=language,
            number=self.number,
            subject=self.subject,
        )


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
    """

    records: int
    head: str
    broken: BrokenLink | None

    @property
    def is_whole(self) -> bool:
        """Whether no link is broken."""
        return self.broken is None


def link_hash(record: AuditRecord) -> str:
    """Return the hash of a record: BLAKE2b of 32 bytes over all its fields but ``hash``."""
    fields = [
        record.number,
        record.at,
        record.actor,
        record.role,
        record.action,
        record.subject,
        record.detail,
        record.previous,
    ]
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()


def verify_chain(
    records: Iterable[AuditRecord], *, head_number: int, head_hash: str
) -> AuditReport:
    """Check a log link by link.

    Parameters
    ----------
    records
        The records in the order of their numbers.
    head_number, head_hash
        What the store holds to be the last record.
    """
    count, previous = 0, ""
    for record in records:
        reason = ""
        if record.number != count + 1:
            return AuditReport(count, previous, BrokenLink(count + 1, "missing"))
        if record.hash != link_hash(record):
            reason = "altered"
        elif record.previous != previous:
            reason = "unlinked"
        if reason:
            link = BrokenLink(record.number, reason, record.subject)
            return AuditReport(count, previous, link)
        count, previous = record.number, record.hash
    if (count, previous) != (head_number, head_hash):
        return AuditReport(count, previous, BrokenLink(count + 1, "cut_off"))
    return AuditReport(count, previous, None)
