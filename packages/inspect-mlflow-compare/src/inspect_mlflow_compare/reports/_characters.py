"""Texts from logs, made safe to show: ids, labels and names may hold anything."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["display_width", "middle_cut", "shortened", "visible"]

_WIDE: Final = frozenset("WF")


def visible(text: object) -> str:
    r"""A text in one line in which nothing hides.

    Control characters could move a terminal's cursor, lone surrogates cannot be written, and
    marks of direction can make a text look like another; they become escapes such as `\x1b`.

    Args:
        text: A text, or what shall be shown as one.
    """
    characters = str(text)
    if characters.isprintable():
        return characters
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in characters
    )


def shortened(text: object, longest: int = 80) -> str:
    """A text as `visible` shows it, cut at its end where it is too long."""
    shown = visible(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def middle_cut(text: object, longest: int) -> str:
    """A text as `visible` shows it, cut in its middle where it is too long.

    Names of scorers and models tell themselves apart at their ends.
    """
    shown = visible(text)
    if len(shown) <= longest:
        return shown
    kept = longest - 3
    return f"{shown[: kept - kept // 2]}...{shown[len(shown) - kept // 2 :]}"


def display_width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in _WIDE)
        for character in text
    )
