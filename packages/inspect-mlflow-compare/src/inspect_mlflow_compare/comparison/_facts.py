"""What a log says of its evaluation, for the head of a report."""

from __future__ import annotations

from inspect_mlflow_compare._types import EvaluationFacts
from inspect_mlflow_compare.logs import Evaluation

__all__ = ["evaluation_facts"]


def evaluation_facts(evaluation: Evaluation) -> EvaluationFacts:
    """The facts, counted over the samples that take part."""
    header = evaluation.header
    failures = [record.failure for record in evaluation.samples if record.failure is not None]
    errors = failures.count("error")
    return EvaluationFacts(
        location=evaluation.location,
        task=header.eval.task,
        model=header.eval.model,
        eval_id=header.eval.eval_id,
        created=header.eval.created,
        status=header.status,
        dataset=header.eval.dataset.name or "",
        samples=len(evaluation.samples),
        ids=len({record.id for record in evaluation.samples}),
        epochs=header.eval.config.epochs or 1,
        errors=errors,
        limits=len(failures) - errors,
        invalidated=evaluation.invalidated,
    )
