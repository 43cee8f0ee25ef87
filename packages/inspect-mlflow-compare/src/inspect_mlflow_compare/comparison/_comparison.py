"""From two evaluations to a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inspect_mlflow_compare._types import (
    ComparisonResult,
    Difference,
    MetricComparison,
    ResourceComparison,
)
from inspect_mlflow_compare.alignment import Alignment, align, find_series
from inspect_mlflow_compare.comparability import find_differences, refuse
from inspect_mlflow_compare.comparison._facts import evaluation_facts
from inspect_mlflow_compare.comparison._metrics import SeriesComparison, compare_series
from inspect_mlflow_compare.comparison._options import Options
from inspect_mlflow_compare.comparison._resources import compare_resources
from inspect_mlflow_compare.comparison._verdicts import decide
from inspect_mlflow_compare.comparison._warnings import find_warnings
from inspect_mlflow_compare.gate import judge
from inspect_mlflow_compare.logs import Evaluation

__all__ = ["Draft", "draft", "finish"]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A comparison whose p-values are not adjusted yet, so that others can be adjusted with it.

    Args:
        baseline: The baseline.
        candidate: The candidate.
        alignment: Their ids.
        compared: Each series.
        resources: Cost, tokens and time.
        differences: What else differs.
        warnings: What went wrong or was left out.
    """

    baseline: Evaluation
    candidate: Evaluation
    alignment: Alignment
    compared: tuple[SeriesComparison, ...]
    resources: list[ResourceComparison]
    differences: list[Difference]
    warnings: list[str]


def draft(baseline: Evaluation, candidate: Evaluation, options: Options) -> Draft:
    """Compares two evaluations as far as that needs no other comparison.

    Raises:
        NotComparableError: `options.strict` is set, and the evaluations differ too much.
        CompareError: The options name a scorer that neither evaluation has, or a cluster key
            that no sample has.
    """
    alignment = align(baseline.samples, candidate.samples)
    differences = find_differences(baseline, candidate, alignment)
    if options.strict:
        refuse(differences)
    series, series_warnings = find_series(baseline, candidate)
    compared = tuple(
        compare_series(alignment.ids, one, baseline, candidate, options)
        for one in options.chosen(series)
    )
    return Draft(
        baseline=baseline,
        candidate=candidate,
        alignment=alignment,
        compared=compared,
        resources=compare_resources(alignment.ids, baseline, candidate, options.significance),
        differences=differences,
        warnings=[
            *find_warnings(baseline, candidate, alignment, compared, options),
            *series_warnings,
        ],
    )


def finish(drafts: Sequence[Draft], options: Options) -> list[ComparisonResult]:
    """Results of comparisons that share one adjustment of their p-values."""
    metrics = [one.metric for draft in drafts for one in draft.compared]
    decided = iter(decide(metrics, options.correction, options.significance))
    return [_result(one, [next(decided) for _ in one.compared], options) for one in drafts]


def _result(draft: Draft, metrics: list[MetricComparison], options: Options) -> ComparisonResult:
    before, after = evaluation_facts(draft.baseline), evaluation_facts(draft.candidate)
    return ComparisonResult(
        baseline_log=before.location,
        candidate_log=after.location,
        baseline_task=before.task,
        candidate_task=after.task,
        baseline_model=before.model,
        candidate_model=after.model,
        metrics=metrics,
        samples=[sample for one in draft.compared for sample in one.samples],
        items=[item for one in draft.compared for item in one.items],
        baseline=before,
        candidate=after,
        resources=draft.resources,
        differences=draft.differences,
        gate=judge(
            metrics,
            after,
            draft.resources,
            {one.series.name: one.missing_share for one in draft.compared},
            options.thresholds,
        ),
        significance=options.significance,
        regression_threshold=options.regression_threshold,
        correction=options.correction,
        cluster=options.cluster,
        warnings=draft.warnings,
    )
