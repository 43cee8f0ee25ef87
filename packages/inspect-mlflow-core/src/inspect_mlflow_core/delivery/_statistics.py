"""What became of every record, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from inspect_mlflow_core.delivery._queue import Entry

__all__ = ["DeliveryStatistics", "ExporterStatistics", "Tally"]


@dataclass(frozen=True, slots=True)
class ExporterStatistics:
    """Counts of one exporter since the process started.

    `submitted == delivered + sum(rejected.values()) + pending` at every moment.

    Args:
        submitted: Records that hooks handed over.
        delivered: Records that the exporter wrote.
        shed: Records that lost their payload to the bound of the queue; they are delivered all
            the same, from the eval log.
        rejected: Records given up, by cause; an error in the exporter counts under the name of
            its exception class.
        retries: Failed attempts that were, or will be, repeated, by cause.
        pending: Records that wait or are being written.
        oldest_age_seconds: How long the oldest pending record has waited; `None` without any.
    """

    submitted: int = 0
    delivered: int = 0
    shed: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    retries: Mapping[str, int] = field(default_factory=dict)
    pending: int = 0
    oldest_age_seconds: float | None = None

    def since(self, earlier: ExporterStatistics) -> ExporterStatistics:
        """The counts that were added after an earlier snapshot; `pending` is as it is now."""
        return ExporterStatistics(
            submitted=self.submitted - earlier.submitted,
            delivered=self.delivered - earlier.delivered,
            shed=self.shed - earlier.shed,
            rejected=dict(Counter(self.rejected) - Counter(earlier.rejected)),
            retries=dict(Counter(self.retries) - Counter(earlier.retries)),
            pending=self.pending,
            oldest_age_seconds=self.oldest_age_seconds,
        )


@dataclass(frozen=True, slots=True)
class DeliveryStatistics:
    """A snapshot of the worker.

    Args:
        exporters: Counts by the exporter's name.
        worker_cpu_seconds: CPU time of the worker thread (`time.thread_time`).
        held_bytes: Payload bytes that are queued or being written.
        last_cause: Cause of the latest failed attempt; `None` again after a success.
    """

    exporters: Mapping[str, ExporterStatistics] = field(default_factory=dict)
    worker_cpu_seconds: float = 0.0
    held_bytes: int = 0
    last_cause: str | None = None

    @property
    def submitted(self) -> int:
        """Records submitted, over all exporters."""
        return self._total(lambda exporter: exporter.submitted)

    @property
    def delivered(self) -> int:
        """Records delivered, over all exporters."""
        return self._total(lambda exporter: exporter.delivered)

    @property
    def shed(self) -> int:
        """Records that lost their payload, over all exporters."""
        return self._total(lambda exporter: exporter.shed)

    @property
    def pending(self) -> int:
        """Records that wait or are being written, over all exporters."""
        return self._total(lambda exporter: exporter.pending)

    @property
    def rejected(self) -> dict[str, int]:
        """Records given up by cause, over all exporters."""
        return dict(
            sum((Counter(exporter.rejected) for exporter in self.exporters.values()), Counter())
        )

    @property
    def retries(self) -> dict[str, int]:
        """Repeated attempts by cause, over all exporters."""
        return dict(
            sum((Counter(exporter.retries) for exporter in self.exporters.values()), Counter())
        )

    @property
    def oldest_age_seconds(self) -> float | None:
        """How long the oldest pending record has waited; `None` when nothing is pending."""
        ages = (exporter.oldest_age_seconds for exporter in self.exporters.values())
        return max((age for age in ages if age is not None), default=None)

    def since(self, earlier: DeliveryStatistics) -> DeliveryStatistics:
        """What was added after an earlier snapshot, for one run among several of a process."""
        nothing = ExporterStatistics()
        return DeliveryStatistics(
            exporters={
                name: exporter.since(earlier.exporters.get(name, nothing))
                for name, exporter in self.exporters.items()
            },
            worker_cpu_seconds=self.worker_cpu_seconds - earlier.worker_cpu_seconds,
            held_bytes=self.held_bytes,
            last_cause=self.last_cause,
        )

    def _total(self, count: Callable[[ExporterStatistics], int]) -> int:
        return sum(count(exporter) for exporter in self.exporters.values())


@dataclass(slots=True)
class Tally:
    """The running counts behind `ExporterStatistics`; guarded by the worker's lock."""

    submitted: int = 0
    delivered: int = 0
    shed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)

    def snapshot(self, pending: Iterable[Entry], now: float) -> ExporterStatistics:
        """Freeze the counts, with the age of the oldest of the exporter's pending entries."""
        oldest = min((entry.submitted_at for entry in pending), default=None)
        return ExporterStatistics(
            submitted=self.submitted,
            delivered=self.delivered,
            shed=self.shed,
            rejected=dict(self.rejected),
            retries=dict(self.retries),
            pending=self.submitted - self.delivered - self.rejected.total(),
            oldest_age_seconds=None if oldest is None else max(0.0, now - oldest),
        )
