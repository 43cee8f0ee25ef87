"""Whether both evaluations asked the same questions."""

from __future__ import annotations

from inspect_mlflow_compare._types import Difference, Severity
from inspect_mlflow_compare.alignment import AlignedId, Alignment
from inspect_mlflow_compare.comparability._values import difference
from inspect_mlflow_compare.logs import Evaluation

__all__ = ["dataset_differences"]


def dataset_differences(
    baseline: Evaluation, candidate: Evaluation, alignment: Alignment
) -> list[Difference]:
    """What differs between the datasets, their ids, and the samples under the same id."""
    before, after = baseline.header.eval.dataset, candidate.header.eval.dataset
    return [
        *difference(
            "eval.dataset.name",
            before.name,
            after.name,
            "refusal",
            "different datasets: equal ids need not be the same question",
        ),
        *difference(
            "eval.dataset.location",
            before.location,
            after.location,
            "note",
            "the dataset came from different places",
        ),
        *difference(
            "eval.dataset.shuffled",
            bool(before.shuffled),
            bool(after.shuffled),
            "warning",
            "ids that Inspect gave by position may stand for different questions",
        ),
        *_id_differences(alignment),
        *_content_differences(baseline, candidate, alignment),
    ]


def _id_differences(alignment: Alignment) -> list[Difference]:
    only_baseline = sum(not item.candidate for item in alignment.ids)
    only_candidate = sum(not item.baseline for item in alignment.ids)
    found = []
    if only_baseline or only_candidate:
        severity: Severity = "warning" if alignment.common else "refusal"
        explanation = (
            f"{alignment.common} ids are in both logs and are compared"
            if alignment.common
            else "no id is in both logs, so nothing can be paired"
        )
        found.append(
            Difference(
                field="samples.id",
                baseline=f"{only_baseline} of its own",
                candidate=f"{only_candidate} of its own",
                severity=severity,
                explanation=explanation,
            )
        )
    if alignment.retyped:
        found.append(
            Difference(
                field="samples.id type",
                baseline=f"{alignment.retyped} ids",
                candidate="the same as the other type",
                severity="note",
                explanation="numbers in one log and text in the other are taken for the same ids",
            )
        )
    return found


def _content_differences(
    baseline: Evaluation, candidate: Evaluation, alignment: Alignment
) -> list[Difference]:
    if not (baseline.has_inputs and candidate.has_inputs):
        return []
    common = [item for item in alignment.ids if item.in_both]
    return [
        *_changed("samples.input", [_hashes(item)[0] for item in common]),
        *_changed("samples.target", [_hashes(item)[1] for item in common]),
    ]


def _hashes(item: AlignedId) -> tuple[bool, bool]:
    """Whether input and target differ; all epochs of an evaluation have the same."""
    before, after = item.baseline[0], item.candidate[0]
    return before.input_hash != after.input_hash, before.target_hash != after.target_hash


def _changed(field: str, changed: list[bool]) -> list[Difference]:
    count = sum(changed)
    if not count:
        return []
    # Where most differ, the ids evidently do not name the same questions.
    return [
        Difference(
            field=field,
            baseline=f"{count} of {len(changed)} ids",
            candidate="different under the same id",
            severity="refusal" if 2 * count > len(changed) else "warning",
            explanation=f"the same id has a different {field.partition('.')[2]}",
        )
    ]
