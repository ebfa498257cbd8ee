"""What makes a function a verb: options as an object or as keywords, help made from them."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from textwrap import dedent, fill, indent
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from gridmap.api.options import Options, OptionSpec, option_specs
from gridmap.errors import OptionError, in_python

if TYPE_CHECKING:
    from gridmap.model import City

__all__ = ["Progress", "Verb", "verb"]

P = ParamSpec("P")
O_contra = TypeVar("O_contra", bound=Options, contravariant=True)
O = TypeVar("O", bound=Options)  # noqa: E741 - the options' type, beside P and R
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_WIDTH = 88


class Progress(Protocol):
    """Takes the share that is done, 0 to 1, and the step being done where that changes."""

    def __call__(self, share: float, what: str = "", /) -> object:
        """Move the bar."""


class Verb(Protocol[O_contra, P, R_co]):
    """A function that takes a city and options, as an object or as keywords."""

    __name__: str

    @overload
    def __call__(
        self,
        city: City,
        options: O_contra,
        *,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> R_co: ...
    @overload
    def __call__(self, city: City, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


def verb(
    options: Callable[P, O],
) -> Callable[[Callable[..., R]], Verb[O, P, R]]:
    """Make ``function(city, options)`` a verb that also takes the options as keywords.

    The signature and the section *Parameters* of the docstring are made from the options
    dataclass, so that ``help`` and completion in notebooks show each option.

    Parameters
    ----------
    options
        The options dataclass.

    Examples
    --------
    ::

        @verb(MeasureOptions)
        def measure(city: City, options: MeasureOptions) -> MeasureResult: ...

        measure(city, by="beat")
        measure(city, MeasureOptions(by="beat"))
    """
    made: Any = options

    def decorate(function: Callable[..., R]) -> Verb[O, P, R]:
        specs = option_specs(made)
        taken = set(inspect.signature(function).parameters) - {"city", "options"}

        @wraps(function)
        def call(
            city: object,
            options: O | None = None,
            *,
            progress: Progress | None = None,
            should_stop: Callable[[], bool] | None = None,
            **fields: Any,  # noqa: ANN401 - typed by `Verb`, checked by the dataclass
        ) -> R:
            from gridmap.model import City

            if not isinstance(city, City):
                message = f"{function.__name__}() takes a City, received {type(city).__name__}"
                raise TypeError(message)
            if options is not None and (fields or not isinstance(options, made)):
                message = f"{function.__name__}() takes {made.__name__} or its fields as keywords"
                raise TypeError(message)
            _require_known(function.__name__, fields, specs)
            extra = {"progress": progress, "should_stop": should_stop}
            asked = (made(**fields) if options is None else options).placed(city.crs)
            _require_plans(asked, specs)
            return function(
                city, asked, **{name: value for name, value in extra.items() if name in taken}
            )

        call.__signature__ = _signature(function, made, specs)  # type: ignore[attr-defined]
        call.__doc__ = _document(function, made, specs)
        return call  # type: ignore[return-value] # `Verb` says how it is called

    return decorate


def _require_known(verb: str, fields: Iterable[str], specs: tuple[OptionSpec, ...]) -> None:
    """Refuse a keyword that is no option, with the one that may be meant."""
    names = [spec.name for spec in specs]
    for field in fields:
        if field not in names:
            near = get_close_matches(field, names, 1)
            message = f"{verb}() got an unexpected keyword argument {field!r}"
            raise TypeError(message + (f". Did you mean {near[0]!r}?" if near else ""))


def _require_plans(options: Options, specs: tuple[OptionSpec, ...]) -> None:
    """Refuse the name of a plan: a city does not know the store that it is saved in."""
    for spec in specs:
        value = getattr(options, spec.name)
        if spec.is_plan and isinstance(value, str) and value:
            raise OptionError("api.error.plan", option=spec.name, received=value)


def _types(options: type[Options]) -> dict[str, str]:
    """Return what each field takes, as a person reads it."""
    found = {}
    for item in options.__dataclass_fields__.values():
        text = str(item.type)
        alias = getattr(sys.modules[options.__module__], text, text)
        text = alias if isinstance(alias, str) else text
        match ast.parse(text, mode="eval").body:
            case ast.Subscript(value=ast.Name("Takes"), slice=ast.Tuple([given, _])):
                text = ast.unparse(given)
        found[item.name] = text
    return found


def _signature(
    function: Callable[..., object], options: type[Options], specs: tuple[OptionSpec, ...]
) -> inspect.Signature:
    types = _types(options)
    city, _ = list(inspect.signature(function).parameters.values())[:2]
    keywords = [
        inspect.Parameter(
            spec.name, inspect.Parameter.KEYWORD_ONLY, default=spec.default,
            annotation=types[spec.name],
        )
        for spec in specs
    ]  # fmt: skip
    whole = inspect.Parameter(
        "options",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=f"{options.__name__} | None",
    )
    result = inspect.signature(function).return_annotation
    return inspect.Signature([city, whole, *keywords], return_annotation=result)


def _document(
    function: Callable[..., object], options: type[Options], specs: tuple[OptionSpec, ...]
) -> str:
    """Return the docstring with each option's meaning, unit, range and cost."""
    first, _, rest = (function.__doc__ or "").partition("\n")
    body = f"{first}\n{dedent(rest)}".strip()
    types = _types(options)
    lines = [
        "Parameters", "----------", "city", "    The city.",
        f"options : {options.__name__}", "    All options in one object, instead of keywords.",
    ]  # fmt: skip
    for spec in specs:
        lines.append(f"{spec.name} : {types[spec.name]}, default {spec.default!r}")
        said = in_python(spec.meaning(options.verb)) + (f" ({spec.unit})" if spec.unit else "")
        if spec.choices:
            said += f": {', '.join(choice or repr(choice) for choice in spec.choices)}"
        lines.append(indent(fill(said, _WIDTH - 4), "    "))
    head, mark, tail = body.partition("\nReturns\n-------")
    return "\n".join([head.rstrip(), "", *lines, "", (mark + tail).lstrip("\n")]).rstrip() + "\n"
