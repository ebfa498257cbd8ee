"""Options of verbs: frozen dataclasses whose fields say what they mean and what they take.

A verb's options are written once. The dataclass checks itself; the command's flags, a page's
form, the docstring of the verb, the report's manifest and ``--json`` are all made from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from datetime import date
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeAlias, TypeVar, cast, overload

from gridmap._lazy import gpd, np, pd
from gridmap.errors import GridmapError, InputError, OptionError
from gridmap.fields import Json
from gridmap.i18n import has_key, tr

if TYPE_CHECKING:
    from pyproj import CRS

    from gridmap.measure import Moment

T = TypeVar("T")
Given_contra = TypeVar("Given_contra", contravariant=True)
Held_co = TypeVar("Held_co", covariant=True)


class Takes(Generic[Given_contra, Held_co]):
    """The type of a field that takes more than it holds: what is given, what is read.

    Only type checkers see it, as a descriptor: the field's ``parse`` turns one into the other.
    """

    @overload
    def __get__(self, owner: None, kind: type, /) -> Self: ...
    @overload
    def __get__(self, owner: object, kind: type, /) -> Held_co: ...
    def __get__(self, owner: object, kind: type, /) -> Self | Held_co:
        """Return what the field holds."""
        message = "a dataclass keeps values, never this descriptor"
        raise AssertionError(message)

    def __set__(self, owner: object, value: Given_contra, /) -> None:
        """Take what was given."""


AsDate: TypeAlias = "Takes[str | date | np.datetime64 | None, str]"
AsFile: TypeAlias = "Takes[str | PathLike[str], str]"
AsNames: TypeAlias = "Takes[str | Collection[str], tuple[str, ...]]"
AsId: TypeAlias = "Takes[str | int, str]"
AsHours: TypeAlias = "Takes[str | Collection[int], tuple[int, ...]]"
#: What a person writes, or a form holds, of one option.
Text = None | bool | int | float | str | date | Sequence[str] | Mapping[str, float]


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """What a field of an options dataclass takes, for every face that asks for it.

    Parameters
    ----------
    name
        The field's name, as Python calls it.
    default
        Its default.
    kind
        ``str``, ``int``, ``float`` or ``bool``.
    flag
        The command's flag, such as ``--from``.
    unit
        Unit of a number, such as ``s`` or ``m``; blank for a count or a share.
    metavar
        What the help shows behind the flag.
    choices
        The only values it takes; blank for any.
    least, most
        The range of a number, both ends included.
    many
        The flag may be given several times.
    parse
        Makes the value out of what a person wrote; raises `OptionError`.
    costs
        The catalogue says what the option costs (``api.cost.VERB.FLAG``).
    hidden
        Python only: no flag.
    """

    name: str
    default: object
    kind: type
    flag: str
    unit: str = ""
    metavar: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    many: bool = False
    parse: Callable[[object, str], object] | None = None
    costs: bool = False
    hidden: bool = False

    @property
    def is_plan(self) -> bool:
        """Whether the option takes a plan."""
        return self.parse is as_plan

    @property
    def key_name(self) -> str:
        """The flag as keys of the catalogue write it."""
        return self.flag.lstrip("-").replace("-", "_")

    def text_key(self, verb: str) -> str:
        """Return the catalogue's key of what the option means."""
        own = f"api.option.{verb}.{self.key_name}"
        return own if has_key(own) else f"api.option.any.{self.key_name}"

    def meaning(self, verb: str) -> str:
        """Return what the option does and costs, in the current language."""
        text = tr(self.text_key(verb))
        return text + tr(f"api.cost.{verb}.{self.key_name}") if self.costs else text

    def checked(self, value: object) -> object:
        """Return the value of a field in its own form.

        Raises
        ------
        OptionError
            If the option does not take it.
        """
        if self.parse is as_weights and hasattr(value, "to_dict"):  # a column by criterion
            value = value.to_dict()
        # Arrays, columns, NumPy's numbers; shapes wait for the CRS that they are wanted in.
        if hasattr(value, "tolist") and not self.is_plan and not hasattr(value, "to_crs"):
            value = value.tolist()
        if isinstance(value, (set, frozenset)):  # in an order that no run changes
            value = sorted(value, key=str)
        if self.parse is not None:
            return self._parsed(value)
        if value is None and self.default is None:
            return None
        if self.kind is bool:
            if not isinstance(value, bool):
                raise OptionError("api.error.flag", option=self.name, received=_shown(value))
            return value
        if self.kind in {int, float}:
            return self._number(value)
        if self.metavar == "ID" and isinstance(value, Integral):
            value = str(value)
        if not isinstance(value, str):
            raise OptionError("api.error.text", option=self.name, received=_shown(value))
        if self.choices and value not in self.choices:
            raise OptionError(
                "api.error.choice",
                option=self.name,
                known=", ".join(filter(None, self.choices)),
                received=value or '""',
            )
        return value

    def _parsed(self, value: object) -> object:
        assert self.parse is not None  # noqa: S101 - for the type checker
        if type(value) is type(self.default) and value == self.default:
            return value
        try:
            return self.parse(value, self.name)
        except OptionError:
            raise
        except InputError as error:  # of the floor that reads such texts
            raise OptionError(error.key, **{**error.values, "option": self.name}) from error

    def _number(self, value: object) -> float:
        whole = self.kind is int
        if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
            raise number_error(self.name, self, _shown(value))
        number = int(cast("int", value)) if whole else float(cast("float", value))
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        if not (math.isfinite(number) and low <= number <= high):
            raise number_error(self.name, self, str(value))
        return number


def number_error(option: str, spec: OptionSpec, received: str) -> OptionError:
    """Return the error for text that is not a number, or a number out of range.

    Parameters
    ----------
    option
        What the option is called.
    spec
        Kind and range.
    received
        What was written.
    """
    ends = {name: f"{value:,.10g}" for name, value in (("least", spec.least), ("most", spec.most))
            if value is not None}  # fmt: skip
    limits = {0: "" if spec.kind is int else "finite", 1: "from", 2: "between"}[len(ends)]
    return OptionError(
        "api.error.number",
        option=option,
        kind=tr(f"api.number.{'whole' if spec.kind is int else 'real'}"),
        limits=tr(f"api.number.{limits}", **ends) if limits else "",
        received=received,
    )


def option(  # noqa: PLR0913 - what a field may say of itself
    default: object,
    *,
    kind: type | None = None,
    flag: str = "",
    unit: str = "",
    metavar: str = "",
    choices: Sequence[str] = (),
    least: float | None = None,
    most: float | None = None,
    many: bool = False,
    parse: Callable[[object, str], object] | None = None,
    costs: bool = False,
    hidden: bool = False,
) -> T:  # type: ignore[type-var] # the field's type says what T is
    """Return a field of an options dataclass that says what it takes; see `OptionSpec`.

    The kind is that of the default unless given.
    """
    said = {
        "kind": kind or (str if default is None else type(default)),
        "flag": flag,
        "unit": unit,
        "metavar": metavar,
        "choices": tuple(choices),
        "least": least,
        "most": most,
        "many": many,
        "parse": parse,
        "costs": costs,
        "hidden": hidden,
    }
    return cast("T", field(default=default, metadata={"option": said}))


def option_specs(options: type[Options]) -> tuple[OptionSpec, ...]:
    """Return what each field of an options dataclass takes, in order."""
    return tuple(_spec(item) for item in fields(options))


#: What commands call an option that has another name in Python, where ``from`` is a keyword.
_WORDS = {"since": "from", "until": "to"}


def _spec(item: Field[Any]) -> OptionSpec:
    said = dict(item.metadata["option"])
    word = _WORDS.get(item.name, item.name.replace("_", "-"))
    said["flag"] = said["flag"] or f"--{word}"
    if said["choices"] and not said["metavar"]:
        said["metavar"] = "|".join(filter(None, said["choices"]))
    if said["kind"] not in {int, float, bool}:
        said["kind"] = str
    return OptionSpec(item.name, item.default, **said)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every options dataclass does: check itself, and go to and from texts and JSON.

    Raises
    ------
    OptionError
        If a field is invalid; it names the field.
    """

    #: The verb that takes them.
    verb: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Check every field by what it says it takes, the period, then the fields together."""
        for spec in option_specs(type(self)):
            object.__setattr__(self, spec.name, spec.checked(getattr(self, spec.name)))
        since, until = (str(getattr(self, name, "")) for name in ("since", "until"))
        if since and until and until < since[: len(until)]:
            raise OptionError("api.error.period", option="until", since=since, until=until)
        self.check_together()

    def check_together(self) -> None:
        """Check the fields that depend on each other; nothing unless a verb says so."""

    def placed(self, crs: CRS) -> Self:
        """Return the options with shapes that state a CRS brought into another.

        Parameters
        ----------
        crs
            The city's working CRS.
        """
        from gridmap.model.crs import parse_crs, reproject

        given = {spec.name: getattr(self, spec.name) for spec in option_specs(type(self))}
        moved = {
            name: reproject(shapes.geometry.to_numpy(), parse_crs(shapes.crs), crs)
            for name, shapes in given.items()
            if hasattr(shapes, "to_crs")
        }
        return replace(self, **moved) if moved else self

    @classmethod
    def from_texts(cls, texts: Mapping[str, Text]) -> Self:
        """Return the options that a person wrote: flags of a command, fields of a form.

        Parameters
        ----------
        texts
            Field to what was written; a blank or None stands for the default.

        Raises
        ------
        OptionError
            If one is invalid.
        """
        values: dict[str, Any] = {}
        for spec in option_specs(cls):
            value = texts.get(spec.name)
            if value is None or value in ("", (), []):
                continue
            values[spec.name] = value
        return cls(**values)

    def to_dict(self) -> dict[str, Json]:
        """Return the options as plain values: what the manifest and ``--json`` print."""
        return {spec.name: _json(getattr(self, spec.name)) for spec in option_specs(type(self))}

    def portable(self) -> dict[str, Json]:
        """Return `to_dict` with files by their names: no path of this machine."""
        files = {spec.name for spec in option_specs(type(self)) if spec.parse is as_file}
        return {
            name: PurePath(str(value)).name if name in files else value
            for name, value in self.to_dict().items()
        }


def _json(value: object) -> Json:
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(getattr(value, "name", value))


def _shown(value: object) -> str:
    """Return a value as a message shows it: its text if short, else its type."""
    text = str(value)
    return text if isinstance(value, (str, int, float)) and len(text) <= 40 else type(value).__name__  # fmt: skip  # noqa: E501


def as_date(value: object, option: str) -> str:
    """Return a date or time as text: ``2024-03-31`` or ``2024-03-31T08:00:00``; blank for none.

    Raises
    ------
    OptionError
        If it is no date.
    """
    from gridmap.measure.period import moment

    if value is None or (isinstance(value, str) and not value):
        return ""
    if _is_number(value):  # pandas would take it for nanoseconds since 1970
        raise OptionError("api.error.date", option=option, received=_shown(value))
    try:
        stamp = moment(cast("Moment", value))  # what is no date is refused
    except (GridmapError, TypeError, ValueError) as error:
        raise OptionError("api.error.date", option=option, received=_shown(value)) from error
    if getattr(pd.Timestamp(cast("Any", value)), "tzinfo", None) is not None:
        raise OptionError("api.error.zone", option=option, received=_shown(value))
    text = str(stamp)
    whole = not isinstance(value, str) and text.endswith("T00:00:00")
    if isinstance(value, date) and not hasattr(value, "hour"):
        whole = True
    return text[:10] if whole or (isinstance(value, str) and ":" not in value) else text


def as_file(value: object, option: str) -> str:
    """Return the path of a file as text, blank for none.

    Raises
    ------
    OptionError
        If it is no path.
    """
    if not isinstance(value, str | PathLike):
        raise OptionError("api.error.file", option=option, received=_shown(value))
    return str(fspath(value))


def check_control(control: str, weight: str) -> None:
    """Check that a column of weights is named of a file that is named, too.

    Raises
    ------
    OptionError
        If there is no file.
    """
    if weight and not control:
        raise OptionError("api.error.needs_control", option="control_weight", other="control")


def as_shapes(value: object) -> gpd.GeoSeries | list[object] | None:
    """Return shapes that state a CRS as a GeoSeries, others as a list; None for anything else."""
    if not hasattr(value, "to_crs"):
        return value if isinstance(value, list) else None
    shapes: gpd.GeoSeries = cast("gpd.GeoDataFrame", value).geometry
    return list(shapes) if shapes.crs is None else shapes


def as_plan(value: object, option: str) -> object:
    """Return a plan, or the name of a saved one, which the caller with the store loads.

    Raises
    ------
    OptionError
        If it is neither.
    """
    from gridmap.model import Plan

    if isinstance(value, (Plan, str)):
        return value
    raise OptionError("api.error.plan", option=option, received=_shown(value))


def end_of(date: str) -> np.datetime64 | None:
    """Return the moment at which a period that ends with a date or time is over.

    A date alone means its whole day: a period until ``2024-03-31`` includes the 31st. None
    for a blank.
    """
    from gridmap.measure.period import moment

    end = moment(date or None)
    return end if end is None or ":" in date else end + 86_400


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def as_list(value: object, option: str) -> tuple[str, ...]:
    """Return the parts of ``a, b`` or of a sequence of texts or ids, blanks left out.

    >>> as_list("a, b，c,", "names")
    ('a', 'b', 'c')

    Raises
    ------
    OptionError
        If it is neither.
    """
    if isinstance(value, str):
        return tuple(p.strip() for p in value.replace("，", ",").split(",") if p.strip())
    if not isinstance(value, Sequence) or not all(
        isinstance(item, (str, Integral)) for item in value
    ):
        raise OptionError("api.error.text", option=option, received=_shown(value))
    return tuple(part for item in value for part in as_list(str(item), option))


def as_share(value: object) -> float | None:
    """Return 0.05 for 0.05, ``0.05``, ``5%`` or ``5％``; None for anything else.

    >>> as_share("5%")
    0.05
    """
    if isinstance(value, str):
        bare = value.strip().replace("％", "%")
        try:
            number = float(bare.removesuffix("%")) / (100.0 if bare.endswith("%") else 1.0)
        except ValueError:
            return None
    elif _is_number(value):
        number = float(cast("float", value))
    else:
        return None
    return number if math.isfinite(number) else None


def as_weights(value: object, option: str) -> Mapping[str, float]:
    """Return weights by criterion from a mapping, or from ``residents=1,incidents=2``.

    Raises
    ------
    InputError
        If one is not a number of at least 0, none is above 0, or a name occurs twice.
    """
    from gridmap.measure.workload import parse_weights

    if isinstance(value, str):
        return parse_weights(value)
    if not isinstance(value, Mapping) or not all(_is_number(item) for item in value.values()):
        raise OptionError("api.error.weights", option=option, received=_shown(value))
    return parse_weights(",".join(f"{name}={float(item)!r}" for name, item in value.items()))
