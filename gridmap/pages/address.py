"""The address bar: what it carries, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gridmap.errors import InputError
from gridmap.i18n import LANGUAGES

__all__ = ["Address"]

_NAME = re.compile(r"[^\x00-\x1f/\\]{1,80}")


@dataclass(frozen=True, slots=True)
class Address:
    """Workspace, plan, beat, period and language as the address bar carries them.

    Parameters
    ----------
    workspace, plan
        Names; blank for the usual one.
    since, until
        First and last day, both included; None for no limit.
    language
        ``zh``, ``en`` or blank.
    beat
        Id of the beat that is looked at, or blank.
    """

    workspace: str = ""
    plan: str = ""
    since: date | None = None
    until: date | None = None
    language: str = ""
    beat: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Address:
        """Return the address that a query holds.

        Raises
        ------
        InputError
            If a part cannot be: it says which, and what was received.

        Examples
        --------
        >>> Address.read({"from": "2025-01-01", "lang": "en"}).since
        datetime.date(2025, 1, 1)
        """
        language = query.get("lang", "")
        if language and language not in LANGUAGES:
            raise InputError("page.error.address", part="lang", received=language[:40])
        names = {part: query.get(part, "") for part in ("workspace", "plan", "beat")}
        for part, name in names.items():
            if name and not _NAME.fullmatch(name):
                raise InputError("page.error.address", part=part, received=name[:40])
        since, until = _day(query, "from"), _day(query, "to")
        if since and until and since > until:
            raise InputError("page.error.address", part="from", received=f"{since} > {until}")
        return cls(names["workspace"], names["plan"], since, until, language, names["beat"])

    def to_query(self) -> dict[str, str]:
        """Return the query, without what is blank.

        >>> Address(workspace="demo", until=date(2025, 3, 31)).to_query()
        {'workspace': 'demo', 'to': '2025-03-31'}
        """
        parts = {
            "workspace": self.workspace,
            "plan": self.plan,
            "beat": self.beat,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "lang": self.language,
        }
        return {name: value for name, value in parts.items() if value}


def _day(query: Mapping[str, str], part: str) -> date | None:
    text = query.get(part, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError("page.error.address", part=part, received=text[:40]) from error
