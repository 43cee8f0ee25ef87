"""What a candidate has to meet, and whether it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inspect_mlflow_compare._types._words import Outcome

__all__ = ["GateCheck", "GateResult", "GateThresholds"]


@dataclass(frozen=True, slots=True)
class GateThresholds:
    """What a candidate has to meet.

    Args:
        margin: Acceptable loss of each scorer, by name; `"*"` for every other. Empty: the gate
            fails on significant regressions only.
        error_rate: Largest share of the candidate's samples that ended in an error.
        missing_share: Largest share of the baseline's ids that the candidate has no score for.
        cost_ratio: Largest ratio of the total costs.
        p95_latency_ratio: Largest ratio of the 95th percentiles of the total time.
    """

    margin: Mapping[str, float] = field(default_factory=dict)
    error_rate: float | None = None
    missing_share: float | None = None
    cost_ratio: float | None = None
    p95_latency_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One requirement and what became of it.

    Args:
        name: A scorer, or the name of a threshold.
        outcome: What became of it.
        reason: One line with the numbers.
    """

    name: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """The gate: one failing check fails it; else one that is inconclusive makes it that.

    Args:
        outcome: Of the whole.
        reason: One line that names the checks that decide.
        checks: All of them.
    """

    outcome: Outcome
    reason: str
    checks: tuple[GateCheck, ...] = ()
