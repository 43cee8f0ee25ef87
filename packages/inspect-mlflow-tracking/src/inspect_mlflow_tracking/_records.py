"""What the hooks enqueue for the worker thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_ai.log import EvalPlan, EvalSpec

    from inspect_mlflow_core.config import MLflowSettings

    from .mapping import SampleFacts

__all__ = ["RunEnded", "SampleFinished", "TaskEnded", "TaskStarted", "TaskSuperseded"]


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A task has begun.

    Args:
        spec: Its specification.
        plan: Its plan, if Inspect told it.
        settings: Settings with the task's own overrides applied.
    """

    spec: EvalSpec
    plan: EvalPlan | None
    settings: MLflowSettings


@dataclass(frozen=True, slots=True)
class SampleFinished:
    """A sample is complete.

    Args:
        facts: What the metrics need of it.
        location: Where the log lies that has it, or will have it soon; None when unknown.
    """

    facts: SampleFacts
    location: str | None = None


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task is over, whatever its outcome.

    Args:
        location: Where its log lies; None when nobody ever said.
        last: Whether no other task of its evaluation is open or to come.
    """

    location: str | None
    last: bool = False


@dataclass(frozen=True, slots=True)
class TaskSuperseded:
    """A later attempt of the same task has replaced this one.

    Args:
        by: Specification of the later attempt.
    """

    by: EvalSpec


@dataclass(frozen=True, slots=True)
class RunEnded:
    """An `eval()` call is over.

    Args:
        tracking_uri: Where its runs are.
    """

    tracking_uri: str
