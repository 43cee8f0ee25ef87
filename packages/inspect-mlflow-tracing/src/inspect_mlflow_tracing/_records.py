"""What the hooks enqueue for the worker thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings

__all__ = ["SampleLogged", "TraceRunEnded", "TraceTaskEnded"]


@dataclass(frozen=True, slots=True)
class SampleLogged:
    """A sample is complete, and in its log or on the way there.

    Args:
        location: Where the log lies.
        settings: Settings of the evaluation.
        began_seconds: When the evaluation began, on the monotonic clock.
    """

    location: str
    settings: MLflowSettings
    began_seconds: float


@dataclass(frozen=True, slots=True)
class TraceTaskEnded:
    """A task is over, whatever its outcome.

    Args:
        location: Where its log lies; None when nobody ever said.
        settings: Settings of the evaluation.
        superseded: Whether a later attempt has replaced it, whose log is the one that stays.
    """

    location: str | None
    settings: MLflowSettings
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class TraceRunEnded:
    """An `eval()` call is over."""
