"""HTML as text, for long tables: a row of twenty elements costs NiceGUI a hundred times what a row of text does.

Everything that is not `Markup` already is escaped on its way in.
"""

from datetime import datetime
from html import escape

from nicegui import ui

from pages import figures
from vanilla.models import utc_now, utc_text


class Markup(str):
    """HTML in which everything foreign is escaped."""

    __slots__ = ()


NONE = Markup("")


def tag(name: str, *children: str, **attributes: str | bool | None) -> Markup:
    """An element: `tag("td", user.username, data_label="User", class_="whole")`. Attributes that are None or False are
    left out, True stands alone."""
    given = "".join(
        f" {_name(key)}" if value is True else f' {_name(key)}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Elements and texts beside each other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def ago(moment: datetime | None) -> Markup:
    """`3 min ago`, kept current by frame.js, with the exact time on hover; `never` for None."""
    if moment is None:
        return tag("span", "never", class_="quiet")
    words, exact = figures.ago(moment, utc_now()), figures.exact(moment)
    return tag("time", words, class_="nowrap", datetime=utc_text(moment), title=exact, data_ago="")


def local_time(moment: datetime, form: str) -> Markup:
    """As `elements.local_time`."""
    return tag("local-time", figures.exact(moment), class_="figures", datetime=utc_text(moment), form=form)


def meter(part: float, label: str) -> Markup:
    """As `elements.meter`."""
    percent = f"{max(0.0, min(1.0, part)) * 100:.4g}"
    bar = Markup(f'<span style="width: {percent}%"></span>')
    near = " near" if part >= 0.9 else ""
    numbers = {"aria_valuemin": "0", "aria_valuemax": "100", "aria_valuenow": percent}
    return tag("span", bar, class_=f"meter{near}", role="meter", aria_label=label, **numbers)


def placed(content: Markup, name: str) -> ui.html:
    """Put it onto the page, as the inside of an element of that name."""
    return ui.html(content, sanitize=False, tag=name)


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
