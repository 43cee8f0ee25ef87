"""What the caller wants of a comparison, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

from inspect_mlflow_compare._types import Better, GateThresholds
from inspect_mlflow_compare.alignment import Series
from inspect_mlflow_compare.exceptions import CompareError

__all__ = ["EVERY", "Correction", "MissingScores", "Options"]

Correction = Literal["holm", "bh", "none"]
MissingScores = Literal["drop", "worst"]

_Value = TypeVar("_Value")

EVERY = "*"
"""Stands for every scorer that is not named."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to compare.

    Args:
        scorers: Scorers or series to compare; None for all.
        significance: Level of the tests.
        regression_threshold: Largest difference that counts as none.
        cluster: Metadata key by which ids are clustered.
        correction: Adjustment for several metrics.
        metric_directions: Whether higher or lower is better, by scorer or series; `"*"` for
            every other.
        thresholds: What the gate asks for.
        missing: What to do about missing scores.
        strict: Refuse evaluations that differ in more than they should.

    Raises:
        ValueError: A value is out of its range.
    """

    scorers: tuple[str, ...] | None = None
    significance: float = 0.05
    regression_threshold: float = 0.0
    cluster: str | None = None
    correction: Correction = "holm"
    metric_directions: Mapping[str, Better] = field(default_factory=dict)
    thresholds: GateThresholds = field(default_factory=GateThresholds)
    missing: MissingScores = "drop"
    strict: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.significance < 1:
            raise ValueError(f"significance must be between 0 and 1, not {self.significance}")
        _not_negative("regression_threshold", self.regression_threshold)
        _one_of("correction", self.correction, get_args(Correction))
        _one_of("missing", self.missing, get_args(MissingScores))
        for name, better in self.metric_directions.items():
            _one_of(f"metric_directions[{name!r}]", better, get_args(Better))
        for name, margin in self.thresholds.margin.items():
            _not_negative(f"margin of {name!r}", margin)
        for name in ("error_rate", "missing_share", "cost_ratio", "p95_latency_ratio"):
            if (threshold := getattr(self.thresholds, name)) is not None:
                _not_negative(name, threshold)
        if self.scorers is not None and not self.scorers:
            raise ValueError("scorers is empty; leave it out to compare all of them")

    def better(self, series: Series) -> Better:
        """Whether higher or lower values of a series are better."""
        return _by_name(self.metric_directions, series) or "higher"

    def margin(self, series: Series) -> float | None:
        """Acceptable loss of a series; None when none was given."""
        return _by_name(self.thresholds.margin, series)

    def chosen(self, series: Sequence[Series]) -> tuple[Series, ...]:
        """The series to compare.

        Raises:
            CompareError: Something was said of a scorer that neither log has.
        """
        known = {name for one in series for name in (one.name, one.key.scorer)}
        named = {*(self.scorers or ()), *self.metric_directions, *self.thresholds.margin} - {EVERY}
        if unknown := sorted(named - known):
            raise CompareError(
                f"neither log has a scorer called {', '.join(map(repr, unknown))}; "
                f"there are {', '.join(map(repr, sorted(known))) or 'none'}"
            )
        if self.scorers is None:
            return tuple(series)
        return tuple(
            one for one in series if one.name in self.scorers or one.key.scorer in self.scorers
        )


def _by_name(values: Mapping[str, _Value], series: Series) -> _Value | None:
    for name in (series.name, series.key.scorer, EVERY):
        if name in values:
            return values[name]
    return None


def _not_negative(name: str, value: float) -> None:
    # Written so that NaN fails too.
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"{name} must not be negative, and it must be finite: {value}")


def _one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be {' or '.join(map(repr, allowed))}, not {value!r}")
