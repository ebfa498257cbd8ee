"""What all pages look like: header, key figures, empty states, errors as text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from html import escape
from importlib.resources import files
from typing import Any
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from gridmap.api.warm import warming_share
from gridmap.errors import GridmapError, in_page
from gridmap.i18n import LANGUAGES, current_language, set_language, tr
from gridmap.model import City
from gridmap.pages.session import Session, current_session, put_account
from gridmap.pages.touch import font_address
from gridmap.plans import LOCAL

NONE = "–"  # where there is no figure
_NARROW = 6  # columns that a telephone has room for
_MOST_ROWS = 500  # of a table; the files that a page offers hold all
_NO_TOOLBARS = (
    '[data-testid="stElementToolbar"], [data-testid="stVegaLiteChart"] summary,'
    ' [data-testid="stVegaLiteChart"] .vega-actions { display: none !important; }'
)
_VIEWS = {"large": "present_to_all", "theme": "contrast", "print": "print"}
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_MARKS = re.compile(r"([\\`*_{}\[\]<>#$|~:!])")


@dataclass(frozen=True, slots=True)
class StripFigure:
    """A key figure: what it is, its number as text, unit, and a line beneath."""

    label: str
    value: str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list that leads to the map.

    Parameters
    ----------
    name, text
        What it is about, and a sentence.
    unit, cells
        Row of a beat, or rows of grids, that the map outlines and shows; -1 and none for neither.
    spark
        Values of a small chart beside it.
    value
        A figure at the right.
    """

    name: str
    text: str = ""
    unit: int = -1
    cells: tuple[int, ...] = ()
    spark: Sequence[float] = ()
    value: str = ""


def put_style(*, exports: bool = True) -> None:
    """Put the pages' style and script into the document.

    Parameters
    ----------
    exports
        Whether tables and charts have toolbars, which offer to save them to a file.
    """
    style = (files("gridmap.pages") / "pages.css").read_text(encoding="utf-8")
    hidden = "" if exports else _NO_TOOLBARS
    script = (files("gridmap.pages") / "page.js").read_text(encoding="utf-8")
    language = current_language()
    said = {} if language == "en" else _streamlit_words()
    config = {"language": language, "words": said, "map": tr("maps.tool.map")}
    told = json.dumps(config, ensure_ascii=False)
    # A word must not end the script that it stands in.
    script = script.replace("CONFIG", told.replace("<", "\\u003c"), 1)
    st.html(
        f"<style>{hidden}{style.replace('FONT_ADDRESS', font_address())}</style>"
        f"<script>{script}</script>",
        unsafe_allow_javascript=True,
    )


def _streamlit_words() -> dict[str, str]:
    """Return what Streamlit says in English alone, and what to say instead."""
    lines = [line.split("=", 1) for line in tr("page.words").splitlines() if "=" in line]
    return {one.strip(): other.strip() for one, other in lines}


def put_header(session: Session, city: City | None) -> None:
    """Draw the header: the city, a label on made up data, workspace, language."""
    known = session.actor is not None and session.actor != LOCAL
    left, middle, account, view, right = st.columns(
        [6, 2, 2 if known else 0.01, 1.1, 1.2], vertical_alignment="center"
    )
    name = tr("page.title") if city is None else city.label
    badge = (
        f'<span class="gm-badge">{tr("page.made_up")}</span>'
        if city is not None and city.made_up
        else ""
    )
    left.html(f'<div class="gm-head"><h1>{escape(name)}</h1>{badge}</div>')
    buttons = "".join(
        '<button type="button" data-gm-do="{0}" title="{1}" aria-label="{1}">'
        '<span class="gm-icon">{2}</span></button>'.format(
            name, escape(tr(f"page.view.{name}")), sign
        )
        for name, sign in _VIEWS.items()
    )
    view.html(f'<div class="gm-view">{buttons}</div>')
    if len(session.places) > 1:
        names = list(session.places)
        chosen = middle.selectbox(
            tr("page.workspace"),
            names,
            index=names.index(session.workspace),
            format_func=session.title_of,
            label_visibility="collapsed",
        )
        if chosen != session.workspace:
            session.open(chosen)
            st.rerun()
    with account:
        put_account(session)
    other = LANGUAGES[1 - LANGUAGES.index(session.language)]
    if right.button(tr("page.language"), width="stretch", key="gridmap-language"):
        session.language = other
        st.rerun()


def show_warming() -> None:
    """Show how far the numba kernels are compiled, while another process compiles them."""
    if warming_share() is not None:
        _warming_bar()


@st.fragment(run_every=3.0)
def _warming_bar() -> None:
    set_language(current_session().language)  # a fragment runs without the router
    share = warming_share()
    if share is not None:
        st.progress(share, tr("page.warming", share=round(100 * share)))


def show_complaint(session: Session, page: str) -> None:
    """Say what was wrong with the address, until the reader turns to another page."""
    if session.complaint is None:
        return
    if session.complaint_page not in {"", page}:
        session.complaint, session.complaint_page = None, ""
        return
    session.complaint_page = page
    st.warning(session.complaint.text(), icon=":material/link_off:")


def pick_period(session: Session, city: City) -> None:
    """Let the reader choose which days are counted."""
    period = city.incidents.period if city.incidents is not None else None
    if period is None:
        return
    first, last = period[0].date(), period[1].date()
    asked = (session.since or first, session.until or last)
    if asked[0] > last or asked[1] < first:
        st.warning(
            tr(
                "page.error.period",
                received=_days_text(session.since, session.until),
                first=str(first),
                last=str(last),
            )
        )
    since = min(max(session.since or first, first), last)
    until = min(max(session.until or last, first), last)
    # The widget holds no state of its own across pages: the session does.
    chosen = st.date_input(
        tr("page.period"),
        value=(since, until),
        min_value=first,
        max_value=last,
        format="YYYY-MM-DD",
    )
    if isinstance(chosen, tuple) and len(chosen) == 2 and chosen != (since, until):
        session.since = None if chosen[0] == first else chosen[0]
        session.until = None if chosen[1] == last else chosen[1]
        st.rerun()


def _days_text(since: date | None, until: date | None) -> str:
    """Return the days of a period whose first or last may be open."""
    key = "between" if since and until else "since" if since else "until"
    return tr(f"page.days.{key}", since=since, until=until)


def show_figures(figures: Sequence[StripFigure], *, across: int | None = None) -> None:
    """Draw the key figures in one row, or so many in each where the place is narrow.

    A figure that is not known has no unit; where none has a note, no place is kept for one.
    """
    noted = any(item.note for item in figures)
    boxes = "".join(
        f'<div class="gm-figure"><span>{escape(item.label)}</span>'
        f"<b>{escape(item.value)}</b><small>{escape(item.unit if item.value != NONE else '')}"
        f"</small>{f'<i>{_whole_days(item.note)}</i>' if noted else ''}</div>"
        for item in figures
    )
    columns = (
        ""
        if across is None
        else f' style="grid-template-columns: repeat({across}, minmax(0, 1fr))"'
    )
    st.html(f'<div class="gm-figures"{columns}>{boxes}</div>')


def _whole_days(text: str) -> str:
    """Return a text as HTML whose dates are not broken over two lines."""
    return _DAY.sub(r"<time>\g<0></time>", escape(text))


def escaped(text: str) -> str:
    """Return a text whose names are not taken for Markdown."""
    return _MARKS.sub(r"\\\1", text)


def show_lines(lines: Iterable[str]) -> None:
    """Draw sentences as a list; what names hold of Markdown stays as it is written."""
    st.markdown("\n".join(f"- {escaped(line)}" for line in lines))


def show_list(rows: Sequence[tuple[str, str] | Line]) -> None:
    """Draw a list of names, each with a sentence; a `Line` leads to its place on the map."""
    lines = [row if isinstance(row, Line) else Line(*row) for row in rows]
    st.html(f'<ul class="gm-list">{"".join(map(_item, lines))}</ul>')


def _item(line: Line) -> str:
    leads = ""
    if line.unit >= 0:
        leads = f' data-gm-unit="{line.unit}"'
    elif line.cells:
        leads = f' data-gm-cells="{",".join(map(str, line.cells))}"'
    leads += ' tabindex="0" role="button"' if leads else ""
    value = f"<em>{escape(line.value)}</em>" if line.value else ""
    text = f"<span>{escape(line.text)}</span>" if line.text else ""
    # A button inside the item: the item itself stays one of a list.
    return (
        f"<li><div{leads}><b>{escape(line.name)}</b>{_spark(line.spark)}{value}{text}</div></li>"
    )


def _spark(values: Sequence[float]) -> str:
    """Return a small chart of columns; blank where there is nothing to draw."""
    most = max(values, default=0)
    if most <= 0:
        return ""
    bars = "".join(f'<i style="height:{max(100 * one / most, 4):.0f}%"></i>' for one in values)
    return f'<span class="gm-spark" aria-hidden="true">{bars}</span>'


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Draw a small table that stays in its place: the first column names, the others figures."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    st.html(f'<table class="gm-table"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>')


def show_frame(
    frame: pd.DataFrame,
    *,
    right: Iterable[str] = (),
    cells: Sequence[Iterable[int]] = (),
    height: int = 330,
) -> None:
    """Draw a table as wide as its place: heads and texts wrap, and a head sorts the rows.

    Parameters
    ----------
    frame
        Its columns are named as they are read; a column of which nothing is known is left out.
    right
        Columns of texts that are numbers.
    cells
        Rows of the grids that each line leads to on the map, if any.
    height
        Px beyond which it scrolls down.
    """
    frame = frame.head(_MOST_ROWS).dropna(axis="columns", how="all")
    figures = {str(name) for name in frame if frame[name].dtype.kind in "iuf"} | set(right)
    columns = [_texts_of(frame[name]) for name in frame]
    heads = [escape(str(name)) for name in frame]
    kinds = ["" if str(name) in figures else "gm-text" for name in frame]
    if "gm-text" in kinds:
        kinds[kinds.index("gm-text")] += " gm-name"
    top = "".join(
        f'<th class="{kind}"><button type="button" data-gm-sort>{head}</button></th>'
        for head, kind in zip(heads, kinds, strict=True)
    )
    body = []
    for at, line in enumerate(zip(*columns, strict=True)):
        led = ",".join(map(str, cells[at])) if cells else ""
        leads = f' data-gm-cells="{led}" tabindex="0"' if led else ""
        texts = "".join(
            f'<td class="{kind}" data-head="{head}">{escape(text)}</td>'
            for text, head, kind in zip(line, heads, kinds, strict=True)
        )
        body.append(f"<tr{leads}>{texts}</tr>")
    st.html(
        f'<div class="gm-scroll{" gm-wide" * (len(heads) > _NARROW)}"'
        f' style="max-height:{height}px"><table class="gm-table">'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _texts_of(values: pd.Series) -> list[str]:
    """Return a column as texts: whole numbers without decimals, others with one."""
    if values.dtype.kind not in "iuf":
        return [NONE if pd.isna(one) else str(one) for one in values]
    known = values.dropna()
    return [number(one, 0 if (known == known.round()).all() else 1) for one in values]


def show_chart(chart: Any, description: str, **options: Any) -> Any:  # noqa: ANN401 - altair comes with charts
    """Draw a chart, for a screen reader one picture that is described in the page's language.

    What Vega would say of each axis and mark is English in every language. Lines and bars have a
    contrast of 3 to 1 at least on white and on the dark theme's ground.
    """
    chart = chart.properties(description=description).configure(aria=False)
    return st.altair_chart(chart, width="stretch", **options)


def beat_noun(name: str) -> str:
    """Return a beat's name with its noun where the name is a number or a code.

    >>> beat_noun("城北第一警务区")
    '城北第一警务区'
    """
    bare = not any(sign.isalpha() and not sign.isascii() for sign in name) and " " not in name
    return tr("page.beat_noun", name=name) if bare else name


def pick_row(frame: pd.DataFrame, *, key: str, right: Iterable[str] = ()) -> int:
    """Draw a table to pick a row of; return the row, the first unless another is picked.

    Texts of the columns ``right`` are numbers, and are right-aligned.
    """
    picked = st.dataframe(
        frame,
        hide_index=True,
        column_config={name: st.column_config.TextColumn(alignment="right") for name in right},
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key=key,
    )
    rows = dict(picked).get("selection", {}).get("rows", [])
    return int(rows[0]) if rows else 0


def show_empty(key: str) -> None:
    """Say what is not there yet and what to do next."""
    st.info(tr(f"page.empty.{key}"), icon=":material/info:")


def show_error(error: GridmapError) -> None:
    """Show an error as text with a remedy."""
    st.error(escaped(in_page(error.text())), icon=":material/error:")


def guarded(page: Callable[[], None]) -> Callable[[], None]:
    """Return the page so that errors of the reader's data are shown as text."""

    @wraps(page)
    def shown() -> None:
        set_language(current_session().language)
        try:
            page()
        except GridmapError as error:
            show_error(error)

    return shown


def number(value: float, digits: int = 0) -> str:
    """Return a number as its reader writes it; a dash where there is none.

    >>> number(1234.5), number(float("nan"))
    ('1,234', '–')
    """
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:,.{digits}f}"


def axis_room(labels: Iterable[str]) -> float:
    """Return the px between a chart and the far end of its labels, at least.

    A chart measures its labels before the font that the page brings is there, and would cut
    Chinese ones off.

    >>> axis_room(["Mon", "周一"])
    48.0
    """
    return _px(labels) + 24.0


def _px(texts: Iterable[str]) -> float:
    """Return how wide the longest text is in the 12 px of charts."""
    wide = (sum(12.0 if east_asian_width(sign) in "WF" else 6.5 for sign in one) for one in texts)
    return max(wide, default=0.0)


def column_px(label: str, texts: Iterable[object] = ()) -> int:
    """Return the px that a column of a table takes; a table measures too early as well."""
    return int(1.2 * _px([label, *map(str, texts)])) + 18


def local_time(at: datetime) -> datetime:
    """Return a time of day as the clock beside the reader shows it; the server's without one."""
    name = st.context.timezone
    try:
        return at.astimezone(ZoneInfo(name) if name else None)
    except (KeyError, ValueError, OSError):
        return at.astimezone()


def day_range(since: date | None, until: date | None, city: City) -> str:
    """Return the period that is counted, as text."""
    period = city.incidents.period if city.incidents is not None else None
    if period is None:
        return tr("page.no_times")
    return f"{since or period[0].date():%Y-%m-%d} – {until or period[1].date():%Y-%m-%d}"
