"""What the process of an evaluation and the one that makes its traces tell each other.

Nothing here takes long to import: the evaluation has to wait for what its process imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from inspect_mlflow_core.exceptions import DeliveryError, RetryableError
from inspect_mlflow_core.logs import SampleKey, SampleVersion

from ._traced_task import TracedTask

__all__ = ["SampleOutcome", "TraceContent", "TraceJob", "deliver_samples"]

TraceContent = Literal["full", "none"]


@dataclass(frozen=True, slots=True)
class TraceJob:
    """Samples of one log that are to become traces.

    Args:
        tracking_uri: Where traces go.
        location: Path of a local `.eval` log.
        task: Its task.
        content: What traces may hold.
        known: Samples whose traces are there already.
    """

    tracking_uri: str
    location: str
    task: TracedTask
    content: TraceContent = "full"
    known: frozenset[SampleVersion] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class SampleOutcome:
    """What became of one sample.

    Args:
        key: Its id and epoch.
        version: The content that was read.
        error: What kept it from being delivered; None when nothing did.
    """

    key: SampleKey
    version: SampleVersion
    error: DeliveryError | None = None

    @property
    def delivered(self) -> bool:
        """True when the trace is in MLflow."""
        return self.error is None

    @property
    def retryable(self) -> bool:
        """Whether it was not delivered and trying again can help."""
        return isinstance(self.error, RetryableError)


def deliver_samples(job: TraceJob) -> Sequence[SampleOutcome]:
    """Does `traces.deliver_samples`, of which a caller need not have imported anything.

    Args:
        job: What to deliver.
    """
    from . import traces

    return traces.deliver_samples(job)
