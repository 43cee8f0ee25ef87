"""What the process of an evaluation and the one that makes its traces tell each other.

Nothing here takes long to import: the evaluation has to wait for what its process imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
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
        reason: One line that says why it was not delivered; None when it was.
        cause: See `DeliveryError`.
        retryable: Whether trying again can help.
        retry_after_seconds: The pause that the server asked for.
        unreachable: Whether no answer came at all.
    """

    key: SampleKey
    version: SampleVersion
    reason: str | None = None
    cause: str = ""
    retryable: bool = False
    retry_after_seconds: float | None = None
    unreachable: bool = False

    @classmethod
    def of(cls, key: SampleKey, version: SampleVersion, error: DeliveryError | None) -> Self:
        """The outcome that an error tells of.

        Args:
            key: Id and epoch of the sample.
            version: The content that was read.
            error: What kept it from being delivered; None when nothing did.
        """
        if error is None:
            return cls(key, version)
        if not isinstance(error, RetryableError):
            return cls(key, version, str(error), error.cause)
        return cls(
            key,
            version,
            str(error),
            error.cause,
            retryable=True,
            retry_after_seconds=error.retry_after_seconds,
            unreachable=error.unreachable,
        )

    @property
    def delivered(self) -> bool:
        """True when the trace is in MLflow."""
        return self.reason is None

    def error(self) -> DeliveryError:
        """The error that kept it from being delivered."""
        assert self.reason is not None
        if self.retryable:
            return RetryableError(
                self.reason,
                cause=self.cause,
                retry_after_seconds=self.retry_after_seconds,
                unreachable=self.unreachable,
            )
        return RejectedError(self.reason, cause=self.cause)


def deliver_samples(job: TraceJob) -> Sequence[SampleOutcome]:
    """Does `traces.deliver_samples`, of which a caller need not have imported anything.

    Args:
        job: What to deliver.
    """
    from . import traces

    return traces.deliver_samples(job)
