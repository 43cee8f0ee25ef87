"""The comparison of one series of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from inspect_mlflow_compare._types import (
    Better,
    ItemComparison,
    MetricComparison,
    SampleComparison,
)
from inspect_mlflow_compare.alignment import AlignedId, Series, value_of
from inspect_mlflow_compare.comparison._changes import ChangeRule, compare_samples
from inspect_mlflow_compare.comparison._items import compare_items
from inspect_mlflow_compare.comparison._labels import label_metric
from inspect_mlflow_compare.comparison._logged import logged_metric
from inspect_mlflow_compare.comparison._margins import (
    paired_margin,
    unpaired_margin,
    untested_margin,
)
from inspect_mlflow_compare.comparison._options import Options
from inspect_mlflow_compare.comparison._paired_scores import PairedScores, pair_scores
from inspect_mlflow_compare.comparison._planning import with_planning
from inspect_mlflow_compare.comparison._untested import untested_metric
from inspect_mlflow_compare.logs import Evaluation, SampleRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from inspect_mlflow_compare.statistics import PairedInference

__all__ = ["SeriesComparison", "compare_series"]

_UNIT_RANGE: Final = (0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class SeriesComparison:
    """Everything about one series; p-values are not adjusted yet.

    Args:
        series: What was compared.
        metric: The comparison, without a verdict.
        items: One for each id that both evaluations scored.
        samples: One for each id and epoch of either evaluation.
        missing_share: Share of the ids scored in the baseline that have no score in the
            candidate; None when the baseline has none.
    """

    series: Series
    metric: MetricComparison
    items: list[ItemComparison]
    samples: list[SampleComparison]
    missing_share: float | None


def compare_series(
    items: Sequence[AlignedId],
    series: Series,
    baseline: Evaluation,
    candidate: Evaluation,
    options: Options,
) -> SeriesComparison:
    """Compares two evaluations in one series of scores.

    Args:
        items: All ids of both evaluations.
        series: The series.
        baseline: The baseline, for what its log states.
        candidate: The candidate.
        options: How to compare.
    """
    rule = ChangeRule(options.regression_threshold, options.better(series))
    samples = compare_samples(items, series, rule)
    if series.is_label:
        metric = _with_logged(label_metric(series, samples), series, baseline, candidate)
        return SeriesComparison(series, metric, [], samples, _missing_share(items, series))
    paired = pair_scores(items, series, options)
    compared = compare_items(paired, series, rule)
    if paired.items:
        metric = _paired_metric(paired, compared, series, options)
    elif any(item.in_both for item in items):
        metric = _untested(series, "no id was scored in both evaluations", options)
    else:
        metric = _unpaired_metric(items, series, options)
    metric = replace(metric, notes=(*metric.notes, *paired.notes, *series.notes))
    metric = _with_logged(metric, series, baseline, candidate)
    return SeriesComparison(series, metric, compared, samples, _missing_share(items, series))


def _paired_metric(
    paired: PairedScores, items: Sequence[ItemComparison], series: Series, options: Options
) -> MetricComparison:
    from inspect_mlflow_compare.statistics import flip_rates, paired_inference

    before, after = paired.baseline, paired.candidate
    inference = paired_inference(
        before,
        after,
        significance=options.significance,
        clusters=paired.clusters,
        score_range=_UNIT_RANGE if series.has_unit_range else None,
    )
    means = float(before.means().mean()), float(after.means().mean())
    metric = _metric(inference, *means, series, options.better(series))
    metric = replace(
        metric,
        baseline_epochs=before.values.size / before.counts.size,
        candidate_epochs=after.values.size / after.counts.size,
        # From the items, which heed the threshold and which direction is better.
        wins=sum(item.bucket == "improved" for item in items),
        ties=sum(item.bucket == "unchanged" for item in items),
        losses=sum(item.bucket == "regressed" for item in items),
        flips=flip_rates(before, after) if inference.kind == "binary" else None,
        non_inferiority=paired_margin(paired, inference, series, options),
    )
    return with_planning(metric, paired, options)


def _unpaired_metric(
    items: Sequence[AlignedId], series: Series, options: Options
) -> MetricComparison:
    """Two evaluations without a common id, compared as independent samples."""
    from inspect_mlflow_compare.statistics import unpaired_inference

    before = _means([item.baseline for item in items], series)
    after = _means([item.candidate for item in items], series)
    if not (before.size and after.size):
        return _untested(series, "one of the evaluations has no scores", options)
    inference = unpaired_inference(before, after, significance=options.significance)
    means = float(before.mean()), float(after.mean())
    metric = _metric(inference, *means, series, options.better(series))
    return replace(metric, non_inferiority=unpaired_margin(before, after, series, options))


def _untested(series: Series, reason: str, options: Options) -> MetricComparison:
    """A metric without a single pair: there are no means, so there is no difference."""
    metric = untested_metric(
        "mean",
        series,
        kind="binary" if series.has_unit_range else "continuous",
        method="not-testable",
        notes=(reason,),
    )
    return replace(
        metric,
        better=options.better(series),
        non_inferiority=untested_margin(series, options),
    )


def _metric(
    inference: PairedInference,
    baseline: float,
    candidate: float,
    series: Series,
    better: Better,
) -> MetricComparison:
    """What the statistics say; minus zero and rounding are taken out of the difference."""
    delta = inference.estimate + 0.0
    return MetricComparison(
        name="accuracy" if inference.kind == "binary" else "mean",
        scorer=series.name,
        baseline_value=baseline,
        candidate_value=candidate,
        delta=delta,
        relative_delta=delta / baseline if baseline > 0 else None,
        significant=False,
        p_value=inference.p_value,
        ci_lower=inference.ci_lower,
        ci_upper=inference.ci_upper,
        effect_size=inference.effect_size,
        method=inference.method,
        interval=inference.interval,
        effect_size_name=inference.effect_size_name,
        kind=inference.kind,
        better=better,
        ids=inference.ids,
        clusters=inference.clusters,
        baseline_stderr=inference.baseline_stderr,
        candidate_stderr=inference.candidate_stderr,
        standard_error=inference.standard_error,
        correlation=inference.correlation,
        hedges_g=inference.hedges_g,
        probability_improvement=_probability_improvement(inference, better),
        fixed_ci_lower=inference.fixed_ci_lower,
        fixed_ci_upper=inference.fixed_ci_upper,
        notes=inference.notes,
    )


def _with_logged(
    metric: MetricComparison, series: Series, baseline: Evaluation, candidate: Evaluation
) -> MetricComparison:
    logged = logged_metric(baseline, candidate, series.key, metric.kind)
    return replace(
        metric,
        name=metric.name if series.is_label else logged.name,
        baseline_logged=logged.baseline,
        candidate_logged=logged.candidate,
        notes=(*metric.notes, *logged.notes),
    )


def _means(samples: Sequence[Sequence[SampleRecord]], series: Series) -> NDArray[np.float64]:
    """Mean score of each id that has one."""
    import numpy as np

    rows = (
        [value for record in records if isinstance(value := value_of(record, series), float)]
        for records in samples
    )
    return np.array([sum(row) / len(row) for row in rows if row], dtype=np.float64)


def _missing_share(items: Sequence[AlignedId], series: Series) -> float | None:
    scored = lost = 0
    for item in items:
        if any(value_of(record, series) is not None for record in item.baseline):
            scored += 1
            lost += all(value_of(record, series) is None for record in item.candidate)
    return lost / scored if scored else None


def _probability_improvement(inference: PairedInference, better: Better) -> float | None:
    """That the candidate is the better one, where the statistics speak of the higher one."""
    higher = inference.probability_improvement
    return higher if higher is None or better == "higher" else 1.0 - higher
