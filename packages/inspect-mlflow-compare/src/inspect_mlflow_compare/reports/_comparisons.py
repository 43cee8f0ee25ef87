"""One comparison or several: what the reports have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from inspect_mlflow_compare._types import (
    ComparisonResult,
    ComparisonSet,
    EvaluationFacts,
    Outcome,
    Ranking,
)
from inspect_mlflow_compare.reports._characters import visible
from inspect_mlflow_compare.reports._findings import headline, outcome_word
from inspect_mlflow_compare.reports._numbers import count

__all__ = [
    "Pairing",
    "Result",
    "candidate_label",
    "comparisons_of",
    "facts_of",
    "file_name",
    "moment",
    "outcome_of",
    "pairing",
    "rankings_of",
    "set_headline",
    "size_of",
    "title",
]

Result = ComparisonResult | ComparisonSet
"""What a report is about."""

_GRAVITY: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")


@dataclass(frozen=True, slots=True)
class Pairing:
    """Samples (ids times epochs) by what became of them, each counted once.

    Args:
        scored: Scored on both sides by some scorer.
        newly_failing: Failed in the candidate only.
        unscored: Without a score on a side.
        missing: Only in the baseline.
        new: Only in the candidate.
    """

    scored: int
    newly_failing: int
    unscored: int
    missing: int
    new: int

    def sentence(self) -> str:
        """The numbers in words; those that are zero only where that is good news."""
        parts = [f"{count(self.scored, 'sample')} scored on both sides"]
        rest = {
            "newly failing": self.newly_failing,
            "unscored": self.unscored,
            "missing": self.missing,
            "new": self.new,
        }
        parts += [f"{number:,} {name}" for name, number in rest.items() if number]
        return ", ".join(parts if any(rest.values()) else [*parts, "none missing or failing"])


def comparisons_of(result: Result) -> tuple[ComparisonResult, ...]:
    """The comparisons of a result."""
    return (result,) if isinstance(result, ComparisonResult) else result.comparisons


def rankings_of(result: Result) -> tuple[Ranking, ...]:
    """The rankings of a result; a single comparison has none."""
    return () if isinstance(result, ComparisonResult) else result.rankings


def outcome_of(result: Result) -> Outcome | None:
    """The worst outcome of all gates; None without a gate."""
    outcomes = {one.gate.outcome for one in comparisons_of(result) if one.gate is not None}
    return next((outcome for outcome in _GRAVITY if outcome in outcomes), None)


def set_headline(comparisons: Sequence[ComparisonResult]) -> tuple[str, str]:
    """An outcome in one word, and a sentence about one or several comparisons."""
    if len(comparisons) == 1:
        return outcome_word(comparisons[0]), headline(comparisons[0])
    words = Counter(outcome_word(one) for one in comparisons)
    for word in ("FAIL", "INCONCLUSIVE", "PASS", "NO GATE"):
        if words[word]:
            counts = ", ".join(f"{number} {name}" for name, number in words.items())
            return word, f"{count(len(comparisons), 'candidate')}: {counts}"
    return "NO GATE", "there was nothing to compare"


def title(result: ComparisonResult) -> str:
    """Task and models: `gpqa: openai/a -> openai/b`."""
    task = visible(result.baseline_task)
    if result.candidate_task != result.baseline_task:
        task = f"{task} -> {visible(result.candidate_task)}"
    models = visible(result.baseline_model)
    if result.candidate_model != result.baseline_model:
        models = f"{models} -> {visible(result.candidate_model)}"
    return f"{task}: {models}"


def candidate_label(result: ComparisonResult) -> str:
    """Model and log of the candidate, which tell it from other candidates."""
    log = file_name(result.candidate_log)
    return f"{visible(result.candidate_model)} ({log})" if log else visible(result.candidate_model)


def file_name(location: str) -> str:
    """The last part of a path or URL."""
    return visible(location.replace("\\", "/").rstrip("/").rpartition("/")[2])


def facts_of(result: ComparisonResult) -> tuple[EvaluationFacts, EvaluationFacts]:
    """What is known of both evaluations, if only their names."""
    return (
        result.baseline
        or EvaluationFacts(result.baseline_log, result.baseline_task, result.baseline_model),
        result.candidate
        or EvaluationFacts(result.candidate_log, result.candidate_task, result.candidate_model),
    )


def moment(created: str) -> str:
    """A time of ISO 8601 in UTC, to the minute; any other text as it is."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return visible(created)
    if when.tzinfo is None:
        return f"{when:%Y-%m-%d %H:%M}"
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def size_of(facts: EvaluationFacts) -> str:
    """Ids and epochs of an evaluation, and what went wrong in it."""
    parts = [count(facts.ids, "id") + (f" x {facts.epochs} epochs" if facts.epochs > 1 else "")]
    parts += [
        count(number, noun)
        for number, noun in ((facts.errors, "error"), (facts.limits, "limit"))
        if number
    ]
    if facts.invalidated:
        parts.append(f"{facts.invalidated} invalidated")
    return ", ".join(parts)


def pairing(result: ComparisonResult) -> Pairing:
    """Counts what became of the samples.

    Ids 7 and "7" are different samples. One that several scorers look at counts once in a place,
    and in two places where they disagree.
    """
    places = Counter(
        bucket
        for bucket, _, _ in {
            (sample.bucket, repr(sample.id), sample.epoch) for sample in result.samples
        }
    )
    scored = {
        (repr(sample.id), sample.epoch)
        for sample in result.samples
        if sample.bucket in ("improved", "regressed", "unchanged", "relabelled")
    }
    return Pairing(
        scored=len(scored),
        newly_failing=places["newly_failing"],
        unscored=places["unscored"],
        missing=places["missing"],
        new=places["new"],
    )
