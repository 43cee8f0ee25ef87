"""The report for GitHub Actions: annotations, by workflow commands."""

from __future__ import annotations

from typing import Final, Literal

from inspect_mlflow_compare._types import ComparisonResult, ComparisonSet
from inspect_mlflow_compare.reports._comparisons import comparisons_of, title
from inspect_mlflow_compare.reports._findings import headline, outcome_word
from inspect_mlflow_compare.reports._junit import FailOn
from inspect_mlflow_compare.reports._numbers import count

__all__ = ["github_report"]

Level = Literal["error", "warning", "notice"]

_MOST: Final = 9
"""GitHub shows ten annotations of a level and drops the rest without a word."""


def github_report(
    result: ComparisonResult | ComparisonSet, *, fail_on: FailOn = "regression"
) -> str:
    """Workflow commands: one line with the verdict on each candidate, then its warnings.

    A failed gate is an error, one that is inconclusive a warning (an error with
    `fail_on="inconclusive"`), one that was passed a notice. With `fail_on="never"` nothing is
    an error.

    Args:
        result: One comparison or several.
        fail_on: What counts as a failure.
    """
    comparisons = comparisons_of(result)
    lines = [
        (_level(one, fail_on), f"{outcome_word(one)}: {title(one)}", headline(one))
        for one in comparisons
    ]
    lines += [
        ("warning", f"Comparison of {title(one)}", warning)
        for one in comparisons
        for warning in one.warnings
    ]
    return "".join(_command(*line) for line in _at_most(lines))


def _level(result: ComparisonResult, fail_on: FailOn) -> Level:
    outcome = result.gate.outcome if result.gate is not None else "inconclusive"
    if outcome == "pass":
        return "notice"
    failed = outcome == "fail" or fail_on == "inconclusive"
    return "error" if failed and fail_on != "never" else "warning"


def _at_most(lines: list[tuple[Level, str, str]]) -> list[tuple[Level, str, str]]:
    """As many lines of each level as are shown, and one that counts the others."""
    shown: list[tuple[Level, str, str]] = []
    levels: tuple[Level, ...] = ("error", "warning", "notice")
    for level in levels:
        of_level = [line for line in lines if line[0] == level]
        shown += of_level[:_MOST]
        if (more := len(of_level) - _MOST) > 0:
            text = f"{count(more, f'further {level}')}; the summary of the job has all of them"
            shown.append((level, "Comparison", text))
    return shown


def _command(level: Level, heading: str, message: str) -> str:
    return f"::{level} title={_property(heading)}::{_data(message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
