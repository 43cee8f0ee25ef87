"""Numbers from scores, by the conventions of Inspect."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final, SupportsFloat

_LETTERS: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Inspect's grades, compared exactly as Inspect does: `c` is an answer, not a grade."""

_WORDS: Final[Mapping[str, float]] = {
    "correct": 1.0,
    "partial": 0.5,
    "incorrect": 0.0,
    "noanswer": 0.0,
    "yes": 1.0,
    "true": 1.0,
    "no": 0.0,
    "false": 0.0,
}
"""Words that are read in any case."""

_DEEPEST_VALUE = 16
"""How deep values may nest; what lies deeper counts as unscored."""


@dataclass(frozen=True)
class NumericScores:
    """The numbers in the scores of one sample.

    Attributes:
        values: For each number its path: `(scorer,)`, or `(scorer, key, ...)` where the value
            is a dict (its keys) or a list (its positions), in the order of the scores.
        unscored: The paths whose value is no number: NaN, None, text without a convention.
    """

    values: Mapping[tuple[str, ...], float]
    unscored: tuple[tuple[str, ...], ...]

    @property
    def unscored_count(self) -> int:
        """How many values are no number."""
        return len(self.unscored)


def score_to_numeric(value: Any) -> float | None:
    """The number that a score's value stands for, or None where it is unscored.

    Numbers stand for themselves; True is 1, False 0; `"C"`/`"correct"` 1, `"P"`/`"partial"` 0.5,
    `"I"`/`"incorrect"` and `"N"`/`"noanswer"` 0; `"yes"`/`"true"` 1, `"no"`/`"false"` 0; text that
    is a finite number is that number. Words are read in any case, single letters as they are.

    Where this differs from Inspect's `value_to_float`: what has no number is unscored there
    with a warning and 0.0, here with None, so that it does not drag a mean down. That covers
    NaN (Inspect's own mark for "unscored"), infinities, None, lists, dicts and other text.
    """
    if isinstance(value, str):
        return _text_to_numeric(value)
    if isinstance(value, Real):
        return _finite(value)
    return None


def numeric_scores(scores: Mapping[str, Any] | None) -> NumericScores:
    """The numbers in the scores of one sample.

    Args:
        scores: By name of the scorer: an Inspect `Score`, the JSON of one (a dict with a
            `"value"`), or a bare value.
    """
    values: dict[tuple[str, ...], float] = {}
    unscored: list[tuple[str, ...]] = []
    for scorer, score in (scores or {}).items():
        for path, value in _leaves((str(scorer),), score_value(score)):
            number = score_to_numeric(value)
            if number is None:
                unscored.append(path)
            else:
                values[path] = number
    return NumericScores(values=values, unscored=tuple(unscored))


def score_value(score: Any) -> Any:
    """The value of an Inspect `Score`, of the JSON of one, or the bare value itself."""
    if isinstance(score, Mapping):
        return score.get("value", score)
    return getattr(score, "value", score)


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is neither a dict nor a list; an empty one stands for itself."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    if not items or len(path) > _DEEPEST_VALUE:
        yield path, value
    for key, element in items if len(path) <= _DEEPEST_VALUE else ():
        yield from _leaves((*path, str(key)), element)


def _text_to_numeric(text: str) -> float | None:
    if text in _LETTERS:
        return _LETTERS[text]
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        return _finite(float(word))
    except ValueError:
        return None


def _finite(value: SupportsFloat) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
