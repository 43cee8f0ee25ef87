"""All evaluations in the order of their scores."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RankedEvaluation", "Ranking"]


@dataclass(frozen=True, slots=True)
class RankedEvaluation:
    """One evaluation in a ranking.

    Args:
        log: Location of its log.
        model: Its model.
        value: Mean over the ids that all evaluations scored.
        stderr: Standard error of it.
        group: Letters of the groups it belongs to; two evaluations that share a letter cannot be
            told apart (compact letter display).
    """

    log: str
    model: str
    value: float
    stderr: float | None
    group: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """All evaluations under one scorer, best first.

    Args:
        scorer: The scorer.
        ids: Ids that all of them scored.
        entries: Best first.
        correction: Adjustment over all pairs.
    """

    scorer: str
    ids: int
    entries: tuple[RankedEvaluation, ...]
    correction: str = "holm"
