"""Single values out of scores, which may hold a number, a text, a dict or a list."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, Final, NamedTuple

__all__ = ["Leaf", "SeriesKey", "grade", "leaves", "list_length", "number"]

Leaf = float | str | None
"""A value as it stands in the log: a number (True is 1), a text, or None where there is none."""

_GRADES: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Inspect's grades, in capitals as Inspect writes them."""

_WORDS: Final[Mapping[str, float]] = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
"""Words that Inspect reads as numbers, in any case."""


class SeriesKey(NamedTuple):
    """What one series of values is called.

    Attributes:
        scorer: Name under which samples keep the score.
        part: Key of a dict score, position in a list score, else None.
    """

    scorer: str
    part: str | int | None = None

    @property
    def name(self) -> str:
        """`scorer`, `scorer.key` or `scorer[position]`."""
        match self.part:
            case None:
                return self.scorer
            case int():
                return f"{self.scorer}[{self.part}]"
        return f"{self.scorer}.{self.part}"


def leaves(scorer: str, value: Any) -> Iterator[tuple[SeriesKey, Leaf]]:
    """Every single value in the value of a score, with its series.

    An empty dict or list, and one inside of another, has no value.
    """
    # Most scores are one value, and asking an abstract class for its members takes time.
    if isinstance(value, str | int | float):
        yield _key(scorer, None), _leaf(value)
    elif isinstance(value, Mapping) and value:
        for part, element in value.items():
            yield _key(scorer, str(part)), _leaf(element)
    elif isinstance(value, Sequence) and value:
        for position, element in enumerate(value):
            yield _key(scorer, position), _leaf(element)
    else:
        yield _key(scorer, None), _leaf(value)


def list_length(value: Any) -> int | None:
    """Number of elements of a list score; None for any other."""
    if isinstance(value, str | int | float) or not isinstance(value, Sequence):
        return None
    return len(value)


@lru_cache(maxsize=4096)
def number(text: str) -> float | None:
    """Number that a text stands for by Inspect's conventions; None when it stands for none.

    `C` is 1, `P` one half, `I` and `N` 0; `yes` and `true` are 1, `no` and `false` 0, in any
    case; what Python reads as a finite number is that number.
    """
    if (value := grade(text)) is not None:
        return value
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def grade(text: str) -> float | None:
    """Number of a text that is a grade or a word, and thus from 0 to 1 by its nature."""
    value = _GRADES.get(text)
    return value if value is not None else _WORDS.get(text.lower())


def _leaf(value: Any) -> Leaf:
    """NaN is Inspect's mark for a sample that was not scored."""
    if isinstance(value, str):
        # Every sample has one of a few texts; one object for each keeps large logs small.
        return intern(str(value))
    if isinstance(value, int | float) and value == value:
        # True stays True: it tells that the scale goes from 0 to 1.
        return value
    return None


@lru_cache(maxsize=4096)
def _key(scorer: str, part: str | int | None) -> SeriesKey:
    return SeriesKey(scorer, part)
