"""Markdown in which texts from logs stay what they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from inspect_mlflow_compare.reports._characters import shortened

__all__ = ["code", "details_block", "plain", "table"]

_SPECIAL: Final = re.compile(r"[&<>|\\`*_~\[\]#@!$]|(?<=:)//|(?<=www)\.", re.IGNORECASE)
"""Whatever could be markup, an HTML tag, the end of a cell, a mention, a reference or a link."""

_HARD: Final = re.compile(r"[|\\`]")


def plain(text: object, longest: int = 200) -> str:
    """A text that no renderer takes for markup, a tag, a mention or a link."""
    return _SPECIAL.sub(_as_entities, shortened(text, longest))


def code(text: object, longest: int = 80) -> str:
    """A name or an id as code.

    Between backticks entities mean nothing, and a table is split at pipes before that; a text
    with one of these characters goes between tags instead, where entities do mean something.
    """
    shown = shortened(text, longest)
    if not shown.strip():
        return "<code>&nbsp;</code>"
    if _HARD.search(shown) or shown != shown.strip():
        return f"<code>{_SPECIAL.sub(_as_entities, shown)}</code>"
    return f"`{shown}`"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """A table; its cells are markup already.

    Args:
        titles: Of the columns.
        rows: As many cells each.
        align: For each column `l` or `r`.
    """
    rules = {"l": ":--", "r": "--:"}
    return [f"| {' | '.join(row)} |" for row in (titles, [rules[one] for one in align], *rows)]


def details_block(summary: str, lines: Sequence[str]) -> list[str]:
    """Lines that are folded away under a summary, which is markup already; none for no lines."""
    if not lines:
        return []
    # Only after an empty line is what follows a tag taken for Markdown.
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def _as_entities(match: re.Match[str]) -> str:
    return "".join(f"&#{ord(character)};" for character in match[0])
