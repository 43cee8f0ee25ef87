"""Adds up the samples of a log while they pass by, one at a time."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from ._accuracy import AccuracyCount, AccuracyScorer
from ._facts import SampleFacts
from ._quantiles import duration_summary
from ._running import running_values


@dataclass(slots=True)
class TaskSummary:
    """Totals over all samples of a task, taken-over ones included.

    Args:
        scorer: Decides which samples are correct.
    """

    scorer: AccuracyScorer
    samples: int = 0
    errored: int = 0
    limited: int = 0
    unscored: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    last_completed_ms: int | None = None
    accuracy: AccuracyCount = field(default_factory=AccuracyCount)
    usage: dict[str, dict[str, float]] = field(default_factory=dict)
    sample_seconds: array[float] = field(default_factory=lambda: array("d"))
    model_call_seconds: array[float] = field(default_factory=lambda: array("d"))

    def add(self, facts: SampleFacts) -> None:
        """Count one sample.

        Args:
            facts: The sample.
        """
        judged = self.scorer.judge(facts)
        self.accuracy.add(judged)
        self.samples += 1
        self.errored += facts.errored
        self.limited += facts.limited
        self.unscored += judged is None
        self.model_calls += facts.model_calls
        self.tool_calls += facts.tool_calls
        self.model_call_seconds.extend(facts.model_call_seconds)
        if facts.total_time_seconds is not None:
            self.sample_seconds.append(facts.total_time_seconds)
        if facts.completed_ms is not None:
            self.last_completed_ms = max(self.last_completed_ms or 0, facts.completed_ms)
        for model, fields in (facts.usage or {}).items():
            totals = self.usage.setdefault(model, {})
            for name, value in fields.items():
                totals[name] = totals.get(name, 0) + value

    def final_values(self) -> dict[str, float]:
        """Return the last value of each running metric."""
        return running_values(self.samples, self.accuracy, self.model_calls, self.tool_calls)

    def counts(self) -> dict[str, float]:
        """Return the counts that are known only at the end."""
        return {
            "inspect.samples_total": float(self.samples),
            "inspect.samples_errored": float(self.errored),
            "inspect.samples_limited": float(self.limited),
            "inspect.samples_unscored": float(self.unscored),
        }

    def latencies(self) -> dict[str, float]:
        """Return summaries of the durations of samples and of model calls, in seconds."""
        summaries = {"sample": self.sample_seconds, "model_call": self.model_call_seconds}
        return {
            f"latency/{what}/{statistic}": value
            for what, seconds in summaries.items()
            for statistic, value in duration_summary(seconds).items()
        }
