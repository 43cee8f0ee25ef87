"""`inspect.accuracy`: the share of samples that one selected scorer calls correct."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ._facts import SampleFacts

CORRECT = 1.0


@dataclass(frozen=True, slots=True)
class AccuracyScorer:
    """Selects the scorer that decides whether a sample is correct.

    Args:
        name: The scorer, or None when neither the settings nor the task name one; then a sample
            with exactly one score is judged by that.
    """

    name: str | None

    def judge(self, facts: SampleFacts) -> float | None:
        """Return the number by which a sample is judged.

        Args:
            facts: The sample.

        Returns:
            The selected score; None when no scorer can be selected, or when its score carries no
            number: such a sample does not count in the denominator.
        """
        name = self.name
        if name is None:
            if len(facts.score_names) != 1:
                return None
            name = facts.score_names[0]
        return facts.scores.get((name,))


def accuracy_scorer(configured: str | None, declared: Iterable[Any] | None) -> AccuracyScorer:
    """Select the scorer for accuracy.

    Args:
        configured: `accuracy_scorer` of the settings.
        declared: Scorers that the task declares (`EvalSpec.scorers`).

    Returns:
        The configured scorer, otherwise the first declared one, otherwise none by name.
    """
    if configured:
        return AccuracyScorer(configured)
    first = next(iter(declared or ()), None)
    return AccuracyScorer(getattr(first, "name", None))


@dataclass(slots=True)
class AccuracyCount:
    """Counts judged and correct samples.

    Args:
        scored: Samples with a number from the selected scorer.
        correct: Those whose number is 1.
    """

    scored: int = 0
    correct: int = 0

    def add(self, judged: float | None) -> None:
        """Count one sample.

        Args:
            judged: See `AccuracyScorer.judge`.
        """
        if judged is not None:
            self.scored += 1
            self.correct += judged == CORRECT

    @property
    def accuracy(self) -> float:
        """Return correct / scored; 0.0 when nothing is scored."""
        return self.correct / self.scored if self.scored else 0.0
