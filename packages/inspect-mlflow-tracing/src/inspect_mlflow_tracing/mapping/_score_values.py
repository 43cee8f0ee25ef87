"""Values of scores as MLflow's pages can show, filter and average them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from inspect_mlflow_core.conversion import score_to_numeric

__all__ = ["ScoreValue", "score_leaves", "score_value_of"]

_DEEPEST: Final = 16
_EXACT: Final = 2**53
"""Integers up to here are the same number in MLflow, which keeps all as floating point."""


@dataclass(frozen=True, slots=True)
class ScoreValue:
    """One value of a score.

    Args:
        value: A boolean, a number or a label; None when there is no score.
        original: The text that a boolean or number was made of.
        unscored: Why there is no score; None when there is one.
    """

    value: bool | int | float | str | None
    original: str | None = None
    unscored: str | None = None

    @property
    def is_label(self) -> bool:
        """Whether the value is text that stands for no number."""
        return isinstance(self.value, str)


def score_value_of(value: Any) -> ScoreValue:
    """Convert a value that is neither a dict nor a list.

    The numbers are those of `score_to_numeric`, by which metrics are made too. Text that grades
    (`C`, `I`, `N`, `correct`, `no`, ...) becomes a boolean where it stands for 1 or 0; `P` is 0.5;
    text that is a number becomes the number; other text is a label and stays.

    Args:
        value: Raw JSON; NaN, None and what has no other sense is unscored.
    """
    if isinstance(value, bool):
        return ScoreValue(value)
    number = score_to_numeric(value)
    if isinstance(value, str):
        return _text_value(value, number)
    if number is None:
        return ScoreValue(None, unscored=_why_unscored(value))
    return ScoreValue(value if isinstance(value, int) and abs(value) <= _EXACT else number)


def score_leaves(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value in a score's value with its path: keys of dicts and positions in lists.

    Args:
        value: Raw JSON. What is neither dict nor list, or empty, has the path `()`.
    """
    yield from _leaves((), value)


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, Mapping | list) or not value or len(path) >= _DEEPEST:
        yield path, value
        return
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, element in items:
        yield from _leaves((*path, str(name)), element)


def _text_value(text: str, number: float | None) -> ScoreValue:
    if number is None:
        return ScoreValue(text)
    grade = not _is_number(text) and number in (0.0, 1.0)
    return ScoreValue(bool(number) if grade else number, original=text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _why_unscored(value: Any) -> str:
    if value is None:
        return "the scorer gave no value"
    if isinstance(value, float) and math.isnan(value):
        return "the scorer left it unscored (NaN)"
    if isinstance(value, int | float):
        return "the number is infinite or too large"
    return f"the value is no score ({type(value).__name__})"
