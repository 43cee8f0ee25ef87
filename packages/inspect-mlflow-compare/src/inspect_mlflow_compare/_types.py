"""Values that describe a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["improved", "regressed", "unchanged", "new", "missing"]
Bucket = Literal[
    "improved",
    "regressed",
    "unchanged",
    "relabelled",
    "newly_failing",
    "unscored",
    "missing",
    "new",
]
Better = Literal["higher", "lower"]
Verdict = Literal["improved", "regressed", "no_detectable_change", "not_testable"]
Outcome = Literal["pass", "fail", "inconclusive"]
ScoreKind = Literal["binary", "lattice", "continuous", "label"]
Severity = Literal["note", "warning", "refusal"]


@dataclass(frozen=True, slots=True)
class SampleComparison:
    """One sample and epoch under one scorer, in both evaluations.

    Args:
        id: Sample id.
        epoch: Epoch, from 1. Epochs of two evaluations have nothing to do with each other; they
            are put side by side for display only.
        scorer: Scorer, with `.key` or `[index]` for one value of a dict or list score.
        baseline_score: Score in the baseline; None when there is none.
        candidate_score: Score in the candidate; None when there is none.
        delta: Candidate minus baseline; None when either is missing.
        direction: `"improved"` and `"regressed"` heed whether lower is better. `"missing"` when
            the candidate has no score, `"new"` when only the baseline has none.
        bucket: Like `direction`, with places of their own for samples that newly fail in the
            candidate (an error or a limit, and no score), for those left unscored, and for those
            that have another label now.
        baseline_failure: `"error"` or the type of the limit that ended it in the baseline.
        candidate_failure: The same in the candidate. A sample that hit a limit may have a score.
        baseline_label: Value in the baseline that is not a number.
        candidate_label: Value in the candidate that is not a number.
        baseline_uuid: Inspect's id of the sample in the baseline.
        candidate_uuid: Inspect's id of the sample in the candidate.
    """

    id: int | str
    epoch: int
    scorer: str
    baseline_score: float | None
    candidate_score: float | None
    delta: float | None
    direction: Direction
    bucket: Bucket = "unchanged"
    baseline_failure: str | None = None
    candidate_failure: str | None = None
    baseline_label: str | None = None
    candidate_label: str | None = None
    baseline_uuid: str | None = None
    candidate_uuid: str | None = None


@dataclass(frozen=True, slots=True)
class ItemComparison:
    """One sample id under one scorer, its epochs averaged: the unit of inference.

    Args:
        id: Sample id.
        scorer: Scorer, as in `SampleComparison`.
        baseline_scores: Scores of the baseline's epochs, those without a score left out.
        candidate_scores: Scores of the candidate's epochs.
        baseline_mean: Mean of the first.
        candidate_mean: Mean of the second.
        delta: Candidate minus baseline.
        bucket: `"improved"`, `"regressed"` or `"unchanged"`, by `regression_threshold`.
        p_value: For a change with at least two epochs on both sides: two-sided test of this id
            alone; else None.
        q_value: The same, adjusted by Benjamini and Hochberg over all ids of the scorer.
        confirmed: Whether the change holds across epochs (`q_value` under 0.1).
        cluster: Its cluster, when asked for.
    """

    id: int | str
    scorer: str
    baseline_scores: tuple[float, ...]
    candidate_scores: tuple[float, ...]
    baseline_mean: float
    candidate_mean: float
    delta: float
    bucket: Literal["improved", "regressed", "unchanged"]
    p_value: float | None = None
    q_value: float | None = None
    confirmed: bool = False
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class FlipRates:
    """How many ids changed sides, and how many would have with nothing changed.

    Args:
        both_right: Ids right in both; with epochs, right means a mean of at least one half.
        only_baseline_right: Regressions.
        only_candidate_right: Improvements.
        both_wrong: Ids wrong in both.
        observed: Share of pairs of one baseline epoch and one candidate epoch that differ.
        expected: That share if both evaluations were of one and the same model, from the spread
            between epochs; None with one epoch.
    """

    both_right: int
    only_baseline_right: int
    only_candidate_right: int
    both_wrong: int
    observed: float
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """Agreement of two evaluations whose scores are labels.

    Args:
        labels: The labels, in the order of rows and columns.
        matrix: Samples with label i in the baseline and j in the candidate; square.
        agreement: Share of equal labels.
        kappa: Cohen's kappa; None when both sides have one and the same label throughout.
    """

    labels: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    agreement: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class VarianceSplit:
    """Where the uncertainty of the difference comes from (Miller 2024, section 5).

    Args:
        between_ids: Variance over ids of the true difference, omega squared.
        baseline_within_ids: Mean variance between a baseline sample's epochs.
        candidate_within_ids: The same of the candidate.
    """

    between_ids: float
    baseline_within_ids: float
    candidate_within_ids: float


@dataclass(frozen=True, slots=True)
class DetectableEffect:
    """Smallest true difference that a design finds with the wanted power.

    Args:
        ids: Sample ids.
        epochs: Epochs of each on both sides.
        effect: The difference, in units of the score.
    """

    ids: int
    epochs: int
    effect: float


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """Whether the candidate is worse by no more than a margin.

    Args:
        margin: Largest acceptable loss, in units of the score, positive.
        bound: The one-sided bound of the difference, turned so that positive is better.
        p_value: One-sided test of "worse by the margin or more".
        outcome: `"pass"` when the bound lies above minus the margin, `"fail"` for a significant
            loss that may exceed it, else `"inconclusive"`.
    """

    margin: float
    bound: float | None
    p_value: float | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """Comparison of one scorer between two evaluations.

    All numbers come from the same aligned rows: ids that both evaluations scored. Without any such
    id, and for labels, `baseline_value`, `candidate_value` and `delta` are NaN.

    Args:
        name: Metric, such as `"accuracy"` or `"mean"`.
        scorer: Scorer, as in `SampleComparison`.
        baseline_value: Mean over ids of the baseline.
        candidate_value: Mean over ids of the candidate.
        delta: Candidate minus baseline.
        relative_delta: `delta / baseline_value`; None unless the baseline is positive.
        significant: Whether the adjusted p-value is below the significance level.
        p_value: Two-sided, before adjustment; None when nothing can be tested.
        ci_lower: Lower bound of the interval of `delta`; None when there is none.
        ci_upper: Upper bound.
        effect_size: See `effect_size_name`; None when it is undefined.
        p_adjusted: `p_value` adjusted for the number of comparisons.
        correction: How: `"holm"`, `"bh"` or `"none"`.
        method: The test and the interval, such as `"mcnemar-midp"`.
        interval: Which interval: `"tango"`, `"tango-effective"`, `"t"`, `"cluster-t"`, …
        effect_size_name: `"cohens_g"` for binary scores, else `"d_z"`.
        kind: What the scores are.
        better: Whether higher or lower is better.
        verdict: What may be said of the difference.
        ids: Sample ids that were compared.
        baseline_epochs: Mean number of scored epochs per id.
        candidate_epochs: The same of the candidate.
        clusters: Clusters of ids; None without.
        baseline_stderr: Standard error of `baseline_value`.
        candidate_stderr: Standard error of `candidate_value`.
        standard_error: Standard error of `delta`.
        correlation: Between the two over ids.
        wins: Ids where the candidate is better.
        ties: Ids without a difference.
        losses: Ids where it is worse.
        hedges_g: `d_z` without its small-sample bias.
        probability_improvement: Probability that the candidate is the better one, given a flat
            prior: one minus half the p-value, on the side of the difference.
        baseline_logged: The value that the baseline's log states for this metric.
        candidate_logged: The value that the candidate's log states.
        minimum_detectable_effect: True difference found with a power of 80 %.
        ids_needed: Ids needed to find a difference as large as the one seen.
        variance: Split of the variance; None with one epoch.
        planning: Detectable effects for more ids and epochs.
        fixed_ci_lower: Interval for these very questions, asked anew; None with one epoch.
        fixed_ci_upper: Upper bound of it.
        flips: For binary scores.
        labels: For scores that are labels.
        non_inferiority: When a margin was given.
        notes: What the reader should know.
    """

    name: str
    scorer: str
    baseline_value: float
    candidate_value: float
    delta: float
    relative_delta: float | None
    significant: bool
    p_value: float | None
    ci_lower: float | None
    ci_upper: float | None
    effect_size: float | None = None
    p_adjusted: float | None = None
    correction: str = "none"
    method: str = ""
    interval: str = ""
    effect_size_name: str = "d_z"
    kind: ScoreKind = "continuous"
    better: Better = "higher"
    verdict: Verdict = "not_testable"
    ids: int = 0
    baseline_epochs: float = 1.0
    candidate_epochs: float = 1.0
    clusters: int | None = None
    baseline_stderr: float | None = None
    candidate_stderr: float | None = None
    standard_error: float | None = None
    correlation: float | None = None
    wins: int = 0
    ties: int = 0
    losses: int = 0
    hedges_g: float | None = None
    probability_improvement: float | None = None
    baseline_logged: float | None = None
    candidate_logged: float | None = None
    minimum_detectable_effect: float | None = None
    ids_needed: int | None = None
    variance: VarianceSplit | None = None
    planning: tuple[DetectableEffect, ...] = ()
    fixed_ci_lower: float | None = None
    fixed_ci_upper: float | None = None
    flips: FlipRates | None = None
    labels: LabelAgreement | None = None
    non_inferiority: NonInferiority | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceComparison:
    """Comparison of what the samples cost, paired by sample id.

    Args:
        name: `"cost"`, `"input_tokens"`, `"output_tokens"`, `"total_tokens"`, `"total_time"` or
            `"working_time"`.
        unit: `"USD"`, `"tokens"` or `"s"`.
        ids: Sample ids with a value on both sides.
        baseline_mean: Mean per sample.
        candidate_mean: Mean per sample.
        baseline_total: Sum over all samples of the log.
        candidate_total: Sum over all samples of the log.
        delta: Difference of the means.
        ci_lower: Interval of `delta`.
        ci_upper: Upper bound.
        ratio: Geometric mean of the paired ratios; None unless all are positive.
        ratio_ci_lower: Interval of `ratio`, from the t interval of the logarithms.
        ratio_ci_upper: Upper bound.
        baseline_p95: 95th percentile over samples.
        candidate_p95: 95th percentile over samples.
        p_value: Paired t test of `delta`.
    """

    name: str
    unit: str
    ids: int
    baseline_mean: float
    candidate_mean: float
    baseline_total: float
    candidate_total: float
    delta: float
    ci_lower: float | None = None
    ci_upper: float | None = None
    ratio: float | None = None
    ratio_ci_lower: float | None = None
    ratio_ci_upper: float | None = None
    baseline_p95: float | None = None
    candidate_p95: float | None = None
    p_value: float | None = None


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


@dataclass(frozen=True)
class ComparisonResult:
    """Complete comparison of two evaluations.

    Args:
        baseline_log: Location of the baseline's log.
        candidate_log: Location of the candidate's log.
        baseline_task: Task of the baseline.
        candidate_task: Task of the candidate.
        baseline_model: Model of the baseline.
        candidate_model: Model of the candidate.
        metrics: One for each scorer (and each key of dict and list scores).
        samples: One for each scorer, sample id and epoch.
        items: One for each scorer and sample id that both evaluations scored.
        baseline: What the baseline's log says of the evaluation.
        candidate: What the candidate's log says.
        resources: Cost, tokens and time.
        differences: What else differs between the evaluations.
        gate: Whether the candidate passes.
        significance: Level of the tests; intervals cover `1 - significance`.
        regression_threshold: Largest difference of a sample that counts as none.
        correction: Adjustment for several metrics.
        cluster: Metadata key by which ids were clustered.
        warnings: What went wrong or was left out, one line each.
    """

    baseline_log: str
    candidate_log: str
    baseline_task: str
    candidate_task: str
    baseline_model: str
    candidate_model: str
    metrics: list[MetricComparison] = field(default_factory=list)
    samples: list[SampleComparison] = field(default_factory=list)
    items: list[ItemComparison] = field(default_factory=list)
    baseline: EvaluationFacts | None = None
    candidate: EvaluationFacts | None = None
    resources: list[ResourceComparison] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    gate: GateResult | None = None
    significance: float = 0.05
    regression_threshold: float = 0.0
    correction: str = "holm"
    cluster: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def regressions(self) -> list[SampleComparison]:
        """Samples that the candidate does worse."""
        return [sample for sample in self.samples if sample.bucket == "regressed"]

    @property
    def improvements(self) -> list[SampleComparison]:
        """Samples that the candidate does better."""
        return [sample for sample in self.samples if sample.bucket == "improved"]

    @property
    def unchanged(self) -> list[SampleComparison]:
        """Samples scored in both that differ by no more than the threshold."""
        return [sample for sample in self.samples if sample.bucket == "unchanged"]

    @property
    def newly_failing(self) -> list[SampleComparison]:
        """Samples that an error or a limit left without a score in the candidate only."""
        return [sample for sample in self.samples if sample.bucket == "newly_failing"]

    @property
    def aligned_count(self) -> int:
        """Samples and epochs that both evaluations scored, each counted once."""
        return len(self._keys("improved", "regressed", "unchanged", "relabelled"))

    @property
    def missing_count(self) -> int:
        """Samples and epochs of the baseline that the candidate does not have."""
        return len(self._keys("missing"))

    @property
    def new_count(self) -> int:
        """Samples and epochs of the candidate that the baseline does not have."""
        return len(self._keys("new"))

    @property
    def win_rate(self) -> float | None:
        """Share of the scored pairs in which the candidate does better; None without any.

        Pairs of labels are left out: none of two labels is better.
        """
        scored = sum(sample.delta is not None for sample in self.samples)
        return len(self.improvements) / scored if scored else None

    @property
    def passed(self) -> bool:
        """Whether the gate was passed; an inconclusive one was not."""
        return self.gate is not None and self.gate.outcome == "pass"

    @property
    def reason(self) -> str:
        """One line that says why the gate was passed or not."""
        return self.gate.reason if self.gate is not None else "no gate was asked for"

    def summary(self) -> str:
        """Plain text: a verdict, a line for each metric, and what the reader should know."""
        from inspect_mlflow_compare.reports import text_report

        return text_report(self, color=False)

    def to_dict(self) -> dict[str, Any]:
        """The whole result as JSON-compatible values, with a `schema_version`."""
        from inspect_mlflow_compare.reports import json_report

        return json_report(self)

    def to_markdown(self) -> str:
        """A report that fits a comment on a pull request."""
        from inspect_mlflow_compare.reports import markdown_report

        return markdown_report(self)

    def to_html(self) -> str:
        """One self-contained page with plots and a table of samples."""
        from inspect_mlflow_compare.reports import html_report

        return html_report(self)

    def _repr_html_(self) -> str:
        from inspect_mlflow_compare.reports import notebook_report

        return notebook_report(self)

    def _keys(self, *buckets: Bucket) -> set[tuple[str, int]]:
        # Ids 7 and "7" are different samples; one type keeps the set of one kind.
        return {
            (repr(sample.id), sample.epoch) for sample in self.samples if sample.bucket in buckets
        }


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


@dataclass(frozen=True, slots=True)
class ComparisonSet:
    """Several candidates against one baseline; p-values adjusted over all of them.

    Args:
        comparisons: One for each candidate, in the order given.
        rankings: One for each scorer that all evaluations have.
    """

    comparisons: tuple[ComparisonResult, ...]
    rankings: tuple[Ranking, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every candidate passes its gate."""
        return all(comparison.passed for comparison in self.comparisons)

    @property
    def reason(self) -> str:
        """One line that says why each candidate passes or not."""
        return "; ".join(
            f"{comparison.candidate_model} ({comparison.candidate_log}): {comparison.reason}"
            for comparison in self.comparisons
        )

    def summary(self) -> str:
        """Plain text; see `ComparisonResult.summary`."""
        from inspect_mlflow_compare.reports import text_report

        return text_report(self, color=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON-compatible values; see `ComparisonResult.to_dict`."""
        from inspect_mlflow_compare.reports import json_report

        return json_report(self)

    def to_markdown(self) -> str:
        """A report that fits a comment on a pull request."""
        from inspect_mlflow_compare.reports import markdown_report

        return markdown_report(self)

    def to_html(self) -> str:
        """One self-contained page with plots and tables of samples."""
        from inspect_mlflow_compare.reports import html_report

        return html_report(self)

    def _repr_html_(self) -> str:
        from inspect_mlflow_compare.reports import notebook_report

        return notebook_report(self)
