"""Series of values that two evaluations may have in common, one for each scorer or part of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from inspect_mlflow_compare.logs import Evaluation, Leaf, SampleRecord, SeriesKey, grade, number

__all__ = ["Series", "find_series", "value_of"]


@dataclass(frozen=True, slots=True)
class Series:
    """Values under one name.

    Args:
        key: Where they stand in a sample's scores.
        name: What it is called in results, different for each.
        is_label: The values are texts that stand for no number.
        has_unit_range: The scale goes from 0 to 1 by its nature: grades, words or booleans.
        in_baseline: Some sample of the baseline has a value.
        in_candidate: Some sample of the candidate has a value.
        notes: What was left out of it.
    """

    key: SeriesKey
    name: str
    is_label: bool = False
    has_unit_range: bool = False
    in_baseline: bool = True
    in_candidate: bool = True
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    """What kinds of values were met in a series."""

    numbers: int = 0
    booleans: int = 0
    infinite: int = 0
    texts: dict[str, int] = field(default_factory=dict)
    scored_in: set[int] = field(default_factory=set)

    def add(self, leaf: Leaf, side: int) -> None:
        if leaf is None:
            return
        self.scored_in.add(side)
        if isinstance(leaf, str):
            self.texts[leaf] = self.texts.get(leaf, 0) + 1
        elif isinstance(leaf, bool):
            self.booleans += 1
        elif math.isinf(_float(leaf)):
            self.infinite += 1
        else:
            self.numbers += 1


def find_series(
    baseline: Evaluation, candidate: Evaluation
) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """All series of two evaluations, in the order in which the logs name them, and warnings."""
    found: dict[SeriesKey, _Found] = {}
    lengths: dict[str, set[int]] = {}
    for side, samples in enumerate((baseline.samples, candidate.samples)):
        for record in samples:
            for key, leaf in record.values.items():
                found.setdefault(key, _Found()).add(leaf, side)
            for scorer, length in record.list_lengths.items():
                lengths.setdefault(scorer, set()).add(length)
    for key in _logged_keys(baseline, candidate):
        found.setdefault(key, _Found())
    uneven = sorted(scorer for scorer, counts in lengths.items() if len(counts) > 1)
    names = _names([key for key in found if not _is_left_out(key, found, uneven)])
    warnings = tuple(
        f"{scorer}: its lists have different lengths, so their elements cannot be compared"
        for scorer in uneven
    )
    return tuple(_series(key, name, found[key]) for key, name in names.items()), warnings


def _logged_keys(baseline: Evaluation, candidate: Evaluation) -> list[SeriesKey]:
    """Series of logs of which neither has samples, so that what they state can be shown."""
    if baseline.samples or candidate.samples:
        return []
    scores = [
        score
        for evaluation in (baseline, candidate)
        if evaluation.header.results is not None
        for score in evaluation.header.results.scores
    ]
    return [
        SeriesKey(score.scorer, None if score.name == score.scorer else score.name)
        for score in scores
    ]


def value_of(record: SampleRecord, series: Series) -> float | str | None:
    """Value of a sample in a series: a label where the series has those, else a finite number."""
    leaf = record.values.get(series.key)
    if leaf is None:
        return None
    if series.is_label:
        return str(leaf)
    value = number(leaf) if isinstance(leaf, str) else _float(leaf)
    return value if value is not None and math.isfinite(value) else None


def _is_left_out(key: SeriesKey, found: dict[SeriesKey, _Found], uneven: Sequence[str]) -> bool:
    if isinstance(key.part, int) and key.scorer in uneven:
        return True
    # NaN in place of a whole dict or list leaves a series with the bare name and no value.
    return (
        key.part is None
        and not found[key].scored_in
        and any(other.scorer == key.scorer and other.part is not None for other in found)
    )


def _names(keys: Sequence[SeriesKey]) -> dict[SeriesKey, str]:
    """A name for each; a part is named `scorer['key']` where a scorer is called `scorer.key`."""
    scorers = {key.scorer for key in keys if key.part is None}
    return {
        key: key.name
        if key.part is None or key.name not in scorers
        else f"{key.scorer}[{key.part!r}]"
        for key in keys
    }


def _series(key: SeriesKey, name: str, found: _Found) -> Series:
    unparsable = [text for text in found.texts if number(text) is None]
    is_label = bool(unparsable) and not found.numbers and not found.booleans
    notes = []
    if unparsable and not is_label:
        count = sum(found.texts[text] for text in unparsable)
        notes.append(
            f"{count} values are texts among numbers ({unparsable[0][:40]!r}) and count as unscored"
        )
    if found.infinite:
        notes.append(f"{found.infinite} values are infinite and count as unscored")
    return Series(
        key=key,
        name=name,
        is_label=is_label,
        has_unit_range=not found.numbers and all(grade(text) is not None for text in found.texts),
        in_baseline=0 in found.scored_in,
        in_candidate=1 in found.scored_in,
        notes=tuple(notes),
    )


def _float(leaf: float) -> float:
    """Integers in JSON may be larger than any float."""
    try:
        return float(leaf)
    except OverflowError:
        return math.inf
