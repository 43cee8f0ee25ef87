"""The metrics that grow while an evaluation runs.

They are a function of the samples in the order of their completion, so that the points written
during an evaluation are those that its log gives afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from inspect_mlflow_core.connection import MetricPoint

from ._accuracy import AccuracyCount, AccuracyScorer
from ._facts import SampleFacts

if TYPE_CHECKING:
    from inspect_ai.log import EvalSpec

# Every sample is a point in the beginning; later ones are thinned so that a run of any size has
# at most about twice this many points per running metric.
DENSE_POINTS = 100


class RunningSample(NamedTuple):
    """A sample as the running metrics see it; sorts in the order of completion.

    Attributes:
        completed_ms: When it ended, milliseconds since the epoch.
        id: Its id as text.
        epoch: Its epoch.
        judged: See `AccuracyScorer.judge`; None when it does not count.
        model_calls: Completed calls of a model.
        tool_calls: Completed calls of a tool.
    """

    completed_ms: int
    id: str
    epoch: int
    judged: float | None
    model_calls: int
    tool_calls: int


def running_sample(
    facts: SampleFacts, scorer: AccuracyScorer, created_ms: int | None
) -> RunningSample | None:
    """Return what the running metrics need of a sample.

    Args:
        facts: The sample.
        scorer: Decides whether it is correct.
        created_ms: When the evaluation was created.

    Returns:
        None for samples without a time, and for those that were complete before the evaluation
        was created: a retry takes them over from an earlier attempt.
    """
    if facts.completed_ms is None or facts.completed_ms < (created_ms or 0):
        return None
    return RunningSample(
        facts.completed_ms,
        str(facts.id),
        facts.epoch,
        scorer.judge(facts),
        facts.model_calls,
        facts.tool_calls,
    )


def completion_order(sample: RunningSample) -> tuple[int, str, int]:
    """Return the sort key by which samples count as completed one after the other."""
    return sample.completed_ms, sample.id, sample.epoch


class RunningMetrics:
    """Adds up samples in the order of their completion and gives the points to write.

    Args:
        expected_samples: Samples times epochs that the task sets out to run; sets the thinning.
    """

    def __init__(self, expected_samples: int) -> None:
        self._stride = max(1, -(-expected_samples // DENSE_POINTS))
        self._samples = 0
        self._accuracy = AccuracyCount()
        self._model_calls = 0
        self._tool_calls = 0

    @property
    def samples(self) -> int:
        """Return how many samples have been added."""
        return self._samples

    def add(self, sample: RunningSample) -> list[MetricPoint]:
        """Add the sample that completed next.

        Args:
            sample: See `running_sample`.

        Returns:
            The points of this moment, or none when they are thinned out.
        """
        self._samples += 1
        self._accuracy.add(sample.judged)
        self._model_calls += sample.model_calls
        self._tool_calls += sample.tool_calls
        if self._samples > DENSE_POINTS and self._samples % self._stride:
            return []
        values = running_values(self._samples, self._accuracy, self._model_calls, self._tool_calls)
        return [
            MetricPoint(key, value, sample.completed_ms, self._samples)
            for key, value in values.items()
        ]


def running_values(
    samples: int, accuracy: AccuracyCount, model_calls: int, tool_calls: int
) -> dict[str, float]:
    """Return the running metrics by name.

    Args:
        samples: Completed samples.
        accuracy: Their judgement.
        model_calls: Completed calls of models.
        tool_calls: Completed calls of tools.

    Returns:
        Metric name to value.
    """
    return {
        "inspect.samples": float(samples),
        "inspect.samples_scored": float(accuracy.scored),
        "inspect.samples_correct": float(accuracy.correct),
        "inspect.accuracy": accuracy.accuracy,
        "total_model_calls": float(model_calls),
        "total_tool_calls": float(tool_calls),
    }


def running_points(samples: Iterable[RunningSample], expected_samples: int) -> list[MetricPoint]:
    """Return all running points of a log.

    Args:
        samples: Its executed samples, in any order.
        expected_samples: See `RunningMetrics`.

    Returns:
        Points in the order of time.
    """
    running = RunningMetrics(expected_samples)
    ordered = sorted(samples, key=completion_order)
    return [point for sample in ordered for point in running.add(sample)]


def expected_samples(spec: EvalSpec) -> int:
    """Return how many samples a task sets out to run, epochs included.

    Args:
        spec: Specification of the evaluation.

    Returns:
        A number of at least 1; 1 when the log does not tell.
    """
    dataset = spec.dataset
    size = len(dataset.sample_ids) if dataset.sample_ids else dataset.samples
    return max(1, (size or 0) * (spec.config.epochs or 1))
