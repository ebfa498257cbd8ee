"""The verbs: each has an options dataclass, a function and a result type in one module.

How a verb is made (`gridmap.api.measure` is the smallest whole example):

1. ``@dataclass(frozen=True, kw_only=True) class MeasureOptions(Options)`` with the class
   variable ``verb = "measure"``. Each field is ``option(default, choices=, least=, most=,
   unit=, metavar=, flag=, parse=, many=, costs=, hidden=)``. It is checked by what it says
   it takes, in Python as on the command line (a type such as `AsDate` says what is given and
   what is read); ``check_together`` checks fields that depend
   on each other and raises `gridmap.errors.OptionError` with ``option=`` the field's name.
   The catalogue says what each means: ``[option.VERB.FLAG]`` in ``i18n/api.toml``
   (``option.any.FLAG`` where verbs share it), and ``[cost.VERB.FLAG]`` with ``costs=True``.
2. ``@verb(MeasureOptions) def measure(city, options) -> MeasureResult`` does the work. It may
   take ``progress`` and ``should_stop`` too. Callers write ``measure(city, by="beat")`` or
   ``measure(city, MeasureOptions(by="beat"))``; both are typed, and ``help`` shows every
   option. Heavy libraries are imported inside functions, never at the top.
3. ``class MeasureResult(Result)`` holds ``city``, ``options`` and the figures, and implements
   ``to_frame``, ``to_gdf``, ``to_dict`` (typed by a ``TypedDict``, ``"format": FORMAT``
   first, what is unknown is None) and ``map_view``; it may add ``figures``. ``plot``,
   ``explore`` and the HTML of notebooks come from these.
4. ``gridmap/__init__.py`` lists the names, and a module of ``cli`` has a function under
   ``@from_options(MeasureOptions)``: it reads a workspace, calls the verb and prints.
   Its parameter ``options`` becomes a flag for each option.
5. A page makes its form of ``option_specs(MeasureOptions)`` and
   ``MeasureOptions.from_texts``, or builds the dataclass itself, and calls the verb.
"""

from __future__ import annotations

__all__: list[str] = []
