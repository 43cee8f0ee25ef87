"""The log of the evaluation that is going on here."""

from __future__ import annotations

import sys

__all__ = ["current_log_location"]


def current_log_location() -> str | None:
    """Return where the log of the sample that is running here is written.

    Inspect has no public way to learn it before the end of a task.
    """
    samples = sys.modules.get("inspect_ai.log._samples")
    sample_active = getattr(samples, "sample_active", None)
    active = sample_active() if callable(sample_active) else None
    location = getattr(active, "log_location", None)
    return location if isinstance(location, str) and location else None
