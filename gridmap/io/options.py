"""What the user may state about a file, and what an import reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from gridmap.errors import InputError
from gridmap.fields import Json, fields_of
from gridmap.i18n import has_key, tr

SWAPPED = "@yx"
"""Suffix of ``--crs`` that says that the first number is the northing or latitude."""
PACKED = "@dms"
"""Suffix of ``--crs`` for degrees, minutes and seconds in one number: 1140315.0."""

_LISTED = 1000  # ids of one fault that gridmap.toml lists: it stays readable


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options for reading files.

    Parameters
    ----------
    layer
        Layer of a file, or sheet of a workbook; ``all`` takes each of them.
    crs
        CRS of the coordinates, where the file states none or a wrong one; with ``@yx`` at
        its end, northing or latitude comes first.
    datum
        ``wgs84``, ``gcj02`` or ``bd09``.
    encoding
        Encoding of the text.
    columns
        Field to column, where the names are not understood by themselves; a blank column
        leaves the field out.
    date_formats
        Orders of year, month and day, tried in turn.
    max_mb
        Largest file that is read, in megabytes.
    near
        West, south, east, north in degrees of what the city has already: it makes guesses
        of a missing CRS sharper, and decides nothing.
    layers
        Several layers or sheets by name, in the place of one.
    upon
        What to do where something of the kind is there already: ``replace`` it and say what
        it was, ``append`` to it, or ``ask``, which refuses.
    join
        Tables with more columns of the layer's features, by their code.
    on
        The tables' column of codes; found by itself where its values are the layer's ids.
    anyway
        Whether a layer may lie hundreds of kilometres from those that are there.
    """

    layer: str = ""
    crs: str = ""
    datum: str = "wgs84"
    encoding: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    date_formats: tuple[str, ...] = ()
    max_mb: float = 2048.0
    near: tuple[float, float, float, float] | None = None
    layers: tuple[str, ...] = ()
    upon: Literal["replace", "append", "ask"] = "replace"
    join: tuple[Path, ...] = ()
    on: str = ""
    anyway: bool = False

    @property
    def chosen_layers(self) -> tuple[str, ...]:
        """The layers or sheets to read; a blank one where the file has one only."""
        return self.layers or (self.layer,)

    @property
    def crs_name(self) -> str:
        """The CRS without the suffixes for packed degrees and swapped axes."""
        return self.crs.strip().removesuffix(SWAPPED).removesuffix(PACKED)

    @property
    def packed(self) -> bool:
        """Whether the user says that one number packs degrees, minutes and seconds."""
        return self.crs.strip().removesuffix(SWAPPED).endswith(PACKED)

    @property
    def swapped(self) -> bool:
        """Whether the user says that northing or latitude comes first."""
        return self.crs.strip().endswith(SWAPPED)

    def check(self, kind: str) -> None:
        """Refuse fields that the kind does not have.

        Raises
        ------
        InputError
            If a field of ``columns`` is unknown.
        """
        known = fields_of(kind)
        for name in self.columns:
            if name not in known:
                raise InputError(
                    "io.error.unknown_field", field=name, kind=kind, known=", ".join(known)
                )


@dataclass(frozen=True, slots=True)
class Note:
    """One remark about a file: a key of the catalogue and its values."""

    key: str
    values: Mapping[str, Json] = field(default_factory=dict)

    def text(self) -> str:
        """Return the remark in the current language."""
        return tr(self.key, language=None, **self.values)

    def remembered(self) -> dict[str, Json]:
        """Return the remark as a workspace remembers it, in no language."""
        values: Mapping[str, Any] = self.values
        plain = {k: v.item() if hasattr(v, "item") else v for k, v in values.items()}
        return {"key": self.key, "values": plain}

    @staticmethod
    def tell(remembered: object) -> str:
        """Return what `remembered` gave in the current language; texts are of older workspaces."""
        if isinstance(remembered, Mapping) and has_key(str(remembered.get("key"))):
            return tr(str(remembered["key"]), **remembered["values"])
        return str(remembered)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What came in, what was refused and why, and what a user should look at.

    Parameters
    ----------
    kind
        Layer kind, or ``incidents``.
    read
        Rows seen.
    features
        Rows stored.
    crs, working_crs
        CRS of the file and of the workspace.
    refused
        Reason to number of rows; ``read == features + sum(refused)``.
    mapped
        Field to column.
    warnings
        Remarks.
    encoding
        Name and reason of the encoding.
    refused_columns
        Columns with records of persons: never stored.
    files
        Names of the files.
    ids_repeated, ids_missing
        Ids of the features whose id was repeated, or that were given one.
    columns
        Columns of the files that may stand for a field: all but those refused.
    facts
        What was read of incidents: ``without_time``, ``repeats``, ``clocks_utc``,
        ``clocks_other_zone``, ``first``, ``last``, ``precision``.
    before
        What the workspace remembers of the imports that this one is appended to.
    """

    kind: str
    read: int
    features: int
    crs: str
    working_crs: str
    refused: Mapping[str, int]
    mapped: Mapping[str, str]
    warnings: tuple[Note, ...]
    encoding: str
    refused_columns: tuple[str, ...]
    files: tuple[str, ...]
    ids_repeated: tuple[str, ...] = ()
    ids_missing: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    facts: Mapping[str, int | str] = field(default_factory=dict)
    before: Mapping[str, Json] = field(default_factory=dict)

    def provenance(self) -> dict[str, Json]:
        """Return what a workspace remembers of the import."""
        told: dict[str, Json] = {
            "sources": list(self.files),
            "source_crs": self.crs,
            "encoding": self.encoding,
            "read": self.read,
            "mapped": dict(self.mapped),
            "refused": dict(self.refused),
            "refused_columns": list(self.refused_columns),
            "warnings": [note.remembered() for note in self.warnings],
        }
        found = {"ids_repeated": self.ids_repeated, "ids_missing": self.ids_missing}
        for key, ids in found.items():
            if ids:
                told |= {key: list(ids[:_LISTED]), f"{key}_count": len(ids)}
        if self.facts:
            told["facts"] = dict(self.facts)
        return _added(self.before, told) if self.before else told

    def as_json(self) -> ImportJson:
        """Return the report as plain values for ``--json``."""
        return {
            "kind": self.kind,
            "read": self.read,
            "features": self.features,
            "crs": self.crs,
            "working_crs": self.working_crs,
            "refused": dict(self.refused),
            "mapped": dict(self.mapped),
            "warnings": [note.text() for note in self.warnings],
            "encoding": self.encoding,
            "refused_columns": list(self.refused_columns),
            "files": list(self.files),
            "facts": cast("FactsJson", dict(self.facts)),
        }


class FactsJson(TypedDict, total=False):
    """What was read of incidents: counts, first and last time; nothing of layers.

    ``precision`` is there where the times are months, ``first`` and ``last`` where any is known.
    """

    without_time: int
    repeats: int
    clocks_utc: int
    clocks_other_zone: int
    first: str
    last: str
    precision: str


class ImportJson(TypedDict):
    """The JSON of ``gridmap import --json``: rows read, features stored, rows refused by reason.

    ``mapped`` is field to column. An import that fails has ``kind``, ``features`` 0, ``warnings``
    and ``error``.
    """

    kind: str
    read: int
    features: int
    crs: str
    working_crs: str
    refused: dict[str, int]
    mapped: dict[str, str]
    warnings: list[str]
    encoding: str
    refused_columns: list[str]
    files: list[str]
    facts: FactsJson


def sources_of(remembered: Mapping[str, Json]) -> list[str]:
    """Return the files that a layer came from, as a workspace remembers its imports.

    Where rows were there before the first file was named, that is said first.
    """
    unknown = [tr("io.source.unknown")] if remembered.get("sources_unknown") else []
    sources = remembered.get("sources")
    return [*unknown, *(map(str, sources) if isinstance(sources, list) else ())]


def _added(before: Mapping[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """Return the record of an import merged into that of the imports before it."""
    made = dict(added)
    if before.get("count") and not before.get("sources"):
        made["sources_unknown"] = True  # rows that nobody remembers the file of
    elif "sources_unknown" in before:
        made["sources_unknown"] = before["sources_unknown"]
    for key in ("sources", "refused_columns", "warnings"):
        old = list(before.get(key, ()))
        made[key] = old + [item for item in added[key] if item not in old]
    made["read"] = int(before.get("read", 0)) + added["read"]
    made["refused"] = _sums(before.get("refused", {}), added["refused"])
    facts, old = added.get("facts", {}), before.get("facts", {})
    if facts or old:
        counts = [{k: v for k, v in item.items() if isinstance(v, int)} for item in (old, facts)]
        made["facts"] = {**old, **facts, **_sums(*counts)}
        for key, best in (("first", min), ("last", max)):
            days = [item[key] for item in (old, facts) if key in item]
            made["facts"] |= {key: best(days)} if days else {}
    return made


def _sums(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {key: int(a.get(key, 0)) + int(b.get(key, 0)) for key in dict.fromkeys([*a, *b])}
