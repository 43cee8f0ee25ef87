"""The comparison of two evaluations."""

from __future__ import annotations

from dataclasses import dataclass, field

from inspect_mlflow_compare._types._evaluations import Difference, EvaluationFacts
from inspect_mlflow_compare._types._gate import GateResult
from inspect_mlflow_compare._types._metrics import MetricComparison
from inspect_mlflow_compare._types._reports import Reports
from inspect_mlflow_compare._types._resources import ResourceComparison
from inspect_mlflow_compare._types._samples import ItemComparison, SampleComparison
from inspect_mlflow_compare._types._words import Bucket

__all__ = ["ComparisonResult"]


@dataclass(frozen=True)
class ComparisonResult(Reports):
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

    def _keys(self, *buckets: Bucket) -> set[tuple[str, int]]:
        # Ids 7 and "7" are different samples; one type keeps the set of one kind.
        return {
            (repr(sample.id), sample.epoch) for sample in self.samples if sample.bucket in buckets
        }
