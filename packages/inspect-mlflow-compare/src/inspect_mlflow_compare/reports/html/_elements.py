"""HTML elements; whatever is not markup already is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

from inspect_mlflow_compare.reports._numbers import NOTHING

__all__ = ["Content", "Markup", "joined", "minus", "rows_table", "tag"]


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


Content: TypeAlias = "str | None | Iterable[Content]"
"""A text, markup, nothing, or several of these."""

_NEGATIVE: Final = re.compile(r"(?<!\w)-(?=[$\d])")
_VOID: Final = frozenset({"br", "input", "meta"})


def tag(name: str, /, *content: Content, **attributes: str | float | bool | None) -> Markup:
    """An element.

    Args:
        name: Its name.
        content: Texts, which are escaped, and markup, which is not.
        attributes: `class_` is class and `aria_label` is aria-label; None and False leave an
            attribute out, True gives it no value.
    """
    opening = "".join([name, *(_attribute(key, value) for key, value in attributes.items())])
    if name in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{joined(content)}</{name}>")


def joined(content: Content) -> Markup:
    """Texts and markup one after another."""
    if content is None:
        return Markup("")
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(escape(content, quote=False))
    return Markup("".join(joined(part) for part in content))


def minus(text: str) -> str:
    """A text whose negative numbers have a minus sign as wide as a digit; a dash for no number.

    The hyphens of names stay.
    """
    return "–" if text == NOTHING else _NEGATIVE.sub("\u2212", text)


def rows_table(titles: Iterable[Content], rows: Iterable[Iterable[Content]], name: str) -> Markup:
    """A table whose first column names its rows.

    Args:
        titles: Of the columns.
        rows: Cells of each row.
        name: What a screen reader calls the table.
    """
    head = tag("tr", [tag("th", title, scope="col") for title in titles])
    body = [
        tag("tr", tag("th", first, scope="row"), [tag("td", cell) for cell in rest])
        for first, *rest in (list(row) for row in rows)
    ]
    table = tag("table", tag("thead", head), tag("tbody", body), aria_label=name)
    return tag("div", table, class_="scroll")


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
