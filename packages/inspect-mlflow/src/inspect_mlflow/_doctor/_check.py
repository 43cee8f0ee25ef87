"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be right.

    Args:
        name: What was looked at.
        status: `"warn"` for what may surprise, `"fail"` for what keeps results from MLflow.
        detail: What was found, in one line and free of credentials.
        advice: What to do about it.
    """

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    advice: str = ""
