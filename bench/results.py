"""Pairs of measurements, and the table that they come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean, median

from evaluation import Measurement
from processors import Processors
from scenarios import Scenario
from scipy.stats import quantile_test

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Trial:
    """One process.

    Args:
        measurement: What it measured of itself.
        process_seconds: From its start to its end, imports and exit included.
        requests: Requests that reached the server.
        sent_bytes: Bytes of these requests.
        run_status: Status of its MLflow run afterwards; None without a server.
        traces: Complete traces of its samples in MLflow afterwards.
    """

    measurement: Measurement
    process_seconds: float
    requests: int = 0
    sent_bytes: int = 0
    run_status: str | None = None
    traces: int = 0


@dataclass(frozen=True)
class Pair:
    """The same evaluation without and with the package, one right after the other.

    Args:
        without: Without.
        tracked: With it.
        processors: How the machine was right before both.
    """

    without: Trial
    tracked: Trial
    processors: Processors

    @property
    def evaluation_ratio(self) -> float:
        """Ratio of the durations of `eval()`."""
        without, tracked = self.without.measurement, self.tracked.measurement
        return tracked.evaluation_seconds / without.evaluation_seconds

    @property
    def own_ratio(self) -> float:
        """The same without the wait for delivery at the end."""
        without, tracked = self.without.measurement, self.tracked.measurement
        own_seconds = tracked.evaluation_seconds - tracked.flush_seconds
        return own_seconds / without.evaluation_seconds

    @property
    def process_ratio(self) -> float:
        """Ratio of the durations of the whole processes."""
        return self.tracked.process_seconds / self.without.process_seconds

    @property
    def processor_ratio(self) -> float:
        """Ratio of the CPU times of `eval()`."""
        without, tracked = self.without.measurement, self.tracked.measurement
        return tracked.process_cpu_seconds / without.process_cpu_seconds


@dataclass(frozen=True)
class Result:
    """All pairs of one scenario.

    Args:
        scenario: The scenario.
        samples: Samples of each evaluation.
        pairs: At least one pair.
    """

    scenario: Scenario
    samples: int
    pairs: Sequence[Pair]

    @property
    def ratio(self) -> float:
        """Median of the pairwise ratios of the evaluation's own time."""
        return median(pair.own_ratio for pair in self.pairs)

    @property
    def problems(self) -> list[str]:
        """What is wrong with this result, empty when the target is met and all arrived."""
        problems = []
        if self.ratio > self.scenario.target:
            problems.append(f"{self.ratio:.3f} is over {self.scenario.target}")
        if any(pair.tracked.measurement.status != "success" for pair in self.pairs):
            problems.append("an evaluation failed")
        if self.scenario.has_server and not all(map(self._arrived, self.pairs)):
            problems.append("not everything arrived")
        return problems

    def _arrived(self, pair: Pair) -> bool:
        expected = self.samples if self.scenario.traced else 0
        return arrived(pair) and pair.tracked.traces == expected

    def middle(self, value: Callable[[Pair], float]) -> float:
        """Median over the pairs."""
        return median(map(value, self.pairs))

    def row(self) -> dict[str, str]:
        """Return the result's line of the table, by column."""
        ratios = [pair.own_ratio for pair in self.pairs]
        tracked = _of_measurement
        return {
            "scenario": f"({self.scenario.letter}) {self.scenario.title}",
            "ratio": f"{self.ratio:.3f}",
            "min … max": _range(ratios, digits=3),
            "95 % interval": _interval(ratios),
            "target": f"{self.scenario.target}",
            "": "OVER" if self.ratio > self.scenario.target else "ok",
            "with the flush": f"{self.middle(lambda pair: pair.evaluation_ratio):.3f}",
            "eval() without, s": f"{self.middle(lambda pair: _seconds(pair.without)):.2f}",
            "with, s": f"{self.middle(lambda pair: _seconds(pair.tracked)):.2f}",
            "flush at end, s": f"{self.middle(tracked('flush_seconds')):.2f}",
            "whole process": f"{self.middle(lambda pair: pair.process_ratio):.3f}",
            "CPU": f"{self.middle(lambda pair: pair.processor_ratio):.3f}",
            "fixed work, s": _range(
                [pair.processors.work_seconds for pair in self.pairs], digits=2
            ),
            "beside a busy process": _range(
                [pair.processors.slowed for pair in self.pairs], digits=2
            ),
            "full collections": (
                f"{self._collections('without'):.1f} → {self._collections('tracked'):.1f}"
            ),
            "tracking CPU, ms/sample": self._milliseconds("tracking_cpu_seconds"),
            "tracing CPU, ms/sample": self._milliseconds("tracing_cpu_seconds"),
            "child CPU, ms/sample": self._milliseconds("child_cpu_seconds"),
            "requests/sample": self._per_sample(lambda pair: pair.tracked.requests),
            "kB sent/sample": self._per_sample(lambda pair: pair.tracked.sent_bytes / 1000),
            "records delivered": f"{self.middle(tracked('delivered')):.0f}",
            "run": self.pairs[-1].tracked.run_status or "none",
            "traces delivered": str(min(pair.tracked.traces for pair in self.pairs)),
            "memory, MiB": f"{self._memory('without'):.0f} → {self._memory('tracked'):.0f}",
        }

    def _per_sample(self, value: Callable[[Pair], float]) -> str:
        return f"{self.middle(value) / self.samples:.2f}"

    def _milliseconds(self, name: str) -> str:
        seconds = _of_measurement(name)
        return self._per_sample(lambda pair: 1000 * seconds(pair))

    def _collections(self, variant: str) -> float:
        # A mean, as they are so few that the median would hide half a collection.
        return fmean(getattr(pair, variant).measurement.full_collections for pair in self.pairs)

    def _memory(self, variant: str) -> float:
        return self.middle(
            lambda pair: getattr(pair, variant).measurement.peak_memory_bytes / MEBIBYTE
        )


def _range(values: Sequence[float], *, digits: int) -> str:
    return f"{min(values):.{digits}f} … {max(values):.{digits}f}"


def _interval(values: Sequence[float]) -> str:
    """Return the 95 % confidence interval of a median, which supposes no distribution."""
    ends = quantile_test(values, p=0.5).confidence_interval(0.95)
    # Of fewer than six values, not even the outermost will do.
    return "needs 6 pairs" if isnan(ends.low) else f"{ends.low:.3f} … {ends.high:.3f}"


def _of_measurement(name: str) -> Callable[[Pair], float]:
    return lambda pair: float(getattr(pair.tracked.measurement, name))


def _seconds(trial: Trial) -> float:
    return trial.measurement.evaluation_seconds


def arrived(pair: Pair) -> bool:
    """Say whether the run of a pair is complete in MLflow, with every record delivered."""
    measurement = pair.tracked.measurement
    complete = pair.tracked.run_status == "FINISHED"
    return complete and not measurement.pending and not measurement.rejected


def markdown_table(results: Sequence[Result]) -> str:
    """Return a table with one column for each scenario, ready for a terminal and for Markdown."""
    rows = [result.row() for result in results]
    lines = [[name or "verdict", *(row[name] for row in rows)] for name in rows[0]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in [lines[0], rule, *lines[1:]]
    )
