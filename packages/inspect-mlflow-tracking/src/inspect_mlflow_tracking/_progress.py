"""What the event loop and the delivery thread know together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_mlflow_core.connection import RunRecord

__all__ = ["TrackingProgress"]


@dataclass(frozen=True, slots=True)
class TrackingProgress:
    """How far the runs of this process are.

    Args:
        complete: Runs that are complete, by eval id.
        left: Keys of records that are given up, because their server does not answer. They would
            otherwise stand before those of the next evaluation in this process, which may go to
            another server.
    """

    complete: dict[str, RunRecord] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
