"""Short texts of values, for a report on what differs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from inspect_mlflow_compare._types import Difference, Severity

__all__ = ["ABSENT", "compare_mappings", "difference", "short"]

ABSENT: Final = "–"
"""Shown for a value that one log does not have."""

_LONGEST: Final = 120
_CREDENTIAL: Final = re.compile(
    r"(?i)(^|[_\-.])(api|access|secret|private|auth|client|session)?[_\-]?"
    r"(key|keys|token|secret|secrets|password|passwd|credential|credentials|authorization|cookie)$"
)
"""Names of settings whose values must not be shown."""


def short(value: Any, name: str = "") -> str:
    """A value as text in one line, cut where it is long and masked where it is a credential.

    Args:
        value: Anything that a log may hold.
        name: Name of the setting that has this value.
    """
    if value is None:
        return ABSENT
    text = value if isinstance(value, str) else json.dumps(_masked(value), default=str)
    if isinstance(value, str) and _CREDENTIAL.search(name):
        return "***"
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def difference(
    field: str, baseline: Any, candidate: Any, severity: Severity, explanation: str
) -> list[Difference]:
    """One difference if two values differ, else none."""
    if baseline == candidate:
        return []
    return [
        Difference(
            field=field,
            baseline=short(baseline, field),
            candidate=short(candidate, field),
            severity=severity,
            explanation=explanation,
        )
    ]


def compare_mappings(
    field: str,
    baseline: Mapping[str, Any] | None,
    candidate: Mapping[str, Any] | None,
    severity: Severity,
    explanation: str,
) -> list[Difference]:
    """A difference for each key with different values; a missing key is like a null."""
    before, after = baseline or {}, candidate or {}
    return [
        found
        for key in dict.fromkeys((*before, *after))
        for found in difference(
            f"{field}.{key}", before.get(key), after.get(key), severity, explanation
        )
    ]


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: "***"
            if isinstance(element, str) and _CREDENTIAL.search(str(key))
            else _masked(element)
            for key, element in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(element) for element in value]
    return value
