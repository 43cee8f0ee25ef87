"""The words that results choose from."""

from __future__ import annotations

from typing import Literal

__all__ = ["Better", "Bucket", "Direction", "Outcome", "ScoreKind", "Severity", "Verdict"]

Direction = Literal["improved", "regressed", "unchanged", "new", "missing"]
Bucket = Literal[
    "improved",
    "regressed",
    "unchanged",
    "relabelled",
    "newly_failing",
    "unscored",
    "missing",
    "new",
]
Better = Literal["higher", "lower"]
Verdict = Literal["improved", "regressed", "no_detectable_change", "not_testable"]
Outcome = Literal["pass", "fail", "inconclusive"]
ScoreKind = Literal["binary", "lattice", "continuous", "label"]
Severity = Literal["note", "warning", "refusal"]
