"""The evaluations that are compared, and what differs between them."""

from __future__ import annotations

from dataclasses import dataclass

from inspect_mlflow_compare._types._words import Severity

__all__ = ["Difference", "EvaluationFacts"]


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """One evaluation as its log describes it.

    Args:
        location: Path or URL of the log; empty for a log in memory without one.
        task: Task name.
        model: Model name.
        eval_id: Inspect's eval id.
        created: When it began, ISO 8601.
        status: Status of the log.
        dataset: Name of the dataset.
        samples: Samples and epochs in the log, after the filter.
        ids: Sample ids among them.
        epochs: Epochs that were asked for.
        errors: Samples that ended in an error.
        limits: Samples that a limit ended.
        invalidated: Samples that someone marked as invalid; left out of everything.
    """

    location: str
    task: str
    model: str
    eval_id: str = ""
    created: str = ""
    status: str = ""
    dataset: str = ""
    samples: int = 0
    ids: int = 0
    epochs: int = 1
    errors: int = 0
    limits: int = 0
    invalidated: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that differs between the two evaluations besides their results.

    Args:
        field: What, as a dotted path into the log: `"eval.dataset.name"`.
        baseline: Its value in the baseline, as short text.
        candidate: Its value in the candidate.
        severity: `"note"` for what one usually compares (the model), `"warning"` for what makes
            the comparison doubtful, `"refusal"` for what `strict` does not accept.
        explanation: What it means for the comparison.
    """

    field: str
    baseline: str
    candidate: str
    severity: Severity
    explanation: str = ""
