"""Aligned columns and folded lines for terminals."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from inspect_mlflow_compare.reports._characters import display_width

__all__ = ["Cell", "Painter", "Tone", "columns", "columns_width", "folded"]

Tone = Literal["plain", "good", "bad", "doubtful", "faint", "strong"]

_CODES: Final[dict[Tone, str]] = {
    "good": "32",
    "bad": "31",
    "doubtful": "33",
    "faint": "2",
    "strong": "1",
}
_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a line.

    Args:
        text: What it says.
        tone: How it looks where there is colour.
        right: Whether it is aligned to the right.
    """

    text: str
    tone: Tone = "plain"
    right: bool = False


@dataclass(frozen=True, slots=True)
class Painter:
    """Gives texts their colour.

    Args:
        color: Whether there is any.
    """

    color: bool = False

    def __call__(self, text: str, tone: Tone) -> str:
        """A text in the colour of its tone, by the codes that all terminals know."""
        if not (self.color and text and tone in _CODES):
            return text
        return f"\x1b[{_CODES[tone]}m{text}\x1b[0m"


def columns(rows: Sequence[Sequence[Cell]], paint: Painter, indent: str = "  ") -> list[str]:
    """Lines of cells, each column as wide as its widest cell; rows may be of unequal length."""
    widths = _widths(rows)
    lines = []
    for row in rows:
        pieces = [
            _padded(cell, width, paint, last=position == len(row) - 1)
            for position, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append((indent + (" " * _GAP).join(pieces)).rstrip())
    return lines


def columns_width(rows: Sequence[Sequence[Cell]], indent: str = "  ") -> int:
    """How wide the lines of `columns` are at most."""
    widths = _widths(rows)
    return len(indent) + sum(widths) + _GAP * max(0, len(widths) - 1)


def folded(text: str, width: int, indent: str = "  ", hanging: str | None = None) -> list[str]:
    """A text in lines that are no wider than asked for, unless a single word is."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _widths(rows: Sequence[Sequence[Cell]]) -> list[int]:
    widths: list[int] = []
    for row in rows:
        for position, cell in enumerate(row):
            if position == len(widths):
                widths.append(0)
            widths[position] = max(widths[position], display_width(cell.text))
    return widths


def _padded(cell: Cell, width: int, paint: Painter, *, last: bool) -> str:
    padding = " " * (width - display_width(cell.text))
    painted = paint(cell.text, cell.tone)
    if cell.right:
        return padding + painted
    # Trailing blanks would fold a line that just fits.
    return painted if last else painted + padding
