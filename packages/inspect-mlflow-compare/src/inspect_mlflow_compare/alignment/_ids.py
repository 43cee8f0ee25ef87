"""Which samples of two evaluations are the same: the unit is the sample id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inspect_mlflow_compare.logs import SampleRecord

__all__ = ["AlignedId", "Alignment", "align", "natural_order"]

_DIGITS = re.compile(r"([0-9]{1,18})")

SampleId = int | str


@dataclass(frozen=True, slots=True)
class AlignedId:
    """One sample id with its samples in both evaluations.

    Args:
        id: The id as the baseline has it, or the candidate where only that has it.
        baseline: Its samples in the baseline, by epoch; none when it is not there.
        candidate: Its samples in the candidate.
    """

    id: SampleId
    baseline: tuple[SampleRecord, ...]
    candidate: tuple[SampleRecord, ...]

    @property
    def in_both(self) -> bool:
        """Whether both evaluations ran it."""
        return bool(self.baseline and self.candidate)

    @property
    def cluster(self) -> str | None:
        """Its cluster as the baseline has it, or else the candidate."""
        names = (record.cluster for record in (*self.baseline, *self.candidate))
        return next((name for name in names if name is not None), None)


@dataclass(frozen=True, slots=True)
class Alignment:
    """All ids of two evaluations.

    Args:
        ids: In natural order.
        retyped: Ids that are a number in one log and the same digits as text in the other.
    """

    ids: tuple[AlignedId, ...]
    retyped: int = 0

    @property
    def common(self) -> int:
        """Ids that both evaluations ran."""
        return sum(item.in_both for item in self.ids)


def align(baseline: Sequence[SampleRecord], candidate: Sequence[SampleRecord]) -> Alignment:
    """Puts the samples of two evaluations side by side, by their ids.

    Ids are equal when type and text are, so `7`, `"7"` and `"007"` are three ids. The number 7
    in one log and the text "7" in the other are taken for the same only when neither log has
    both: some ways of loading a dataset make numbers of ids and others do not.
    """
    left, right = _by_id(baseline), _by_id(candidate)
    partners = _retyped(left, right)
    aligned = [
        AlignedId(identifier, samples, right.get(partners.get(identifier, identifier), ()))
        for identifier, samples in left.items()
    ]
    taken = {partners.get(identifier, identifier) for identifier in left}
    aligned += [
        AlignedId(identifier, (), samples)
        for identifier, samples in right.items()
        if identifier not in taken
    ]
    aligned.sort(key=lambda item: natural_order(item.id))
    return Alignment(tuple(aligned), len(partners))


def natural_order(identifier: SampleId) -> tuple[tuple[tuple[int, int, str], ...], bool, str]:
    """Sorting key: numbers by their value, also inside of text; the same in every run."""
    text = str(identifier)
    parts = tuple(
        (0, int(part), "") if _DIGITS.fullmatch(part) else (1, 0, part)
        for part in _DIGITS.split(text)
        if part
    )
    return parts, isinstance(identifier, str), text


def _by_id(records: Iterable[SampleRecord]) -> dict[SampleId, tuple[SampleRecord, ...]]:
    groups: dict[SampleId, list[SampleRecord]] = {}
    for record in records:
        groups.setdefault(record.id, []).append(record)
    return {
        identifier: tuple(sorted(group, key=lambda record: record.epoch))
        for identifier, group in groups.items()
    }


def _retyped(
    baseline: dict[SampleId, tuple[SampleRecord, ...]],
    candidate: dict[SampleId, tuple[SampleRecord, ...]],
) -> dict[SampleId, SampleId]:
    """For each id of the baseline that only changed its type, the id of the candidate."""
    found: dict[SampleId, SampleId] = {}
    for identifier in baseline:
        other = _other_type(identifier)
        if (
            other is not None
            and other in candidate
            and other not in baseline
            and identifier not in candidate
        ):
            found[identifier] = other
    return found


def _other_type(identifier: SampleId) -> SampleId | None:
    if isinstance(identifier, int):
        return str(identifier)
    # Only what `str` makes of a number is that number: not "007", not "²", not full-width digits.
    if re.fullmatch(r"-?[0-9]{1,18}", identifier) and str(int(identifier)) == identifier:
        return int(identifier)
    return None
