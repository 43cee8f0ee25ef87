"""The report for comments on pull requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, ComparisonSet, Ranking
from inspect_mlflow_compare.reports._comparisons import (
    Result,
    candidate_label,
    comparisons_of,
    facts_of,
    pairing,
    rankings_of,
    set_headline,
    size_of,
)
from inspect_mlflow_compare.reports._markdown_sections import (
    Limits,
    folded_sections,
    scorer_lines,
    warning_lines,
)
from inspect_mlflow_compare.reports._markup import code, plain, table
from inspect_mlflow_compare.reports._methods import correction_name
from inspect_mlflow_compare.reports._numbers import count
from inspect_mlflow_compare.reports._ranking_numbers import ranking_rows

__all__ = ["MOST_BYTES", "markdown_report", "marker"]

MOST_BYTES: Final = 60_000
"""GitHub takes comments of up to 65,536 characters; a workflow may want to add some lines."""

_SIGNS: Final = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔", "NO GATE": "📊"}
_LIMITS: Final = tuple(
    Limits(regressions=regressions, scorers=scorers, lines=lines)
    for regressions, scorers, lines in (
        (20, 200, 100),
        (15, 100, 50),
        (10, 50, 25),
        (5, 25, 10),
        (1, 10, 3),
    )
)
_CUT: Final = "\n\n*The rest is left out: the report is too long for a comment.*\n"


@dataclass(frozen=True, slots=True)
class _Heading:
    """How a comparison is headed.

    Args:
        level: As many hashes.
        name: What stands before the verdict.
    """

    level: int
    name: str = ""


def markdown_report(result: ComparisonResult | ComparisonSet) -> str:
    """A report of at most 60 kB, which fits a comment on a pull request.

    It begins with a comment that stays the same for a task, `<!-- inspect-mlflow-compare:TASK -->`,
    by which a workflow finds the comment that it wrote before. What does not fit is left out,
    long lists first, and it says so.

    Args:
        result: One comparison or several.
    """
    report = ""
    for limits in _LIMITS:
        report = _report(result, limits)
        if len(report.encode()) <= MOST_BYTES:
            return report
    return _cut(report)


def marker(result: ComparisonResult | ComparisonSet) -> str:
    """The comment that names the task of a report."""
    comparisons = comparisons_of(result)
    task = comparisons[0].baseline_task if comparisons else ""
    # Two hyphens, or a closing bracket, could end a comment.
    safe = re.sub(r"-{2,}", "-", re.sub(r"[^\w./@:+-]", "-", task)).strip("-")[:200]
    return f"<!-- inspect-mlflow-compare:{safe} -->"


def _report(result: Result, limits: Limits) -> str:
    comparisons = comparisons_of(result)
    lines = [marker(result), ""]
    if len(comparisons) == 1:
        lines += _comparison(comparisons[0], limits, _Heading(3))
    else:
        word, sentence = set_headline(comparisons)
        lines += [f"### {_SIGNS[word]} {word}: {plain(sentence)}", ""]
        for ranking in rankings_of(result)[: limits.scorers]:
            lines += _ranking(ranking, comparisons)
        for one in comparisons:
            lines += _comparison(one, limits, _Heading(4, candidate_label(one)))
    return "\n".join(lines).rstrip() + "\n"


def _comparison(result: ComparisonResult, limits: Limits, heading: _Heading) -> list[str]:
    word, sentence = set_headline([result])
    name = f"{code(heading.name)}: " if heading.name else ""
    return [
        f"{'#' * heading.level} {_SIGNS[word]} {name}{word}",
        "",
        plain(sentence, 600),
        "",
        _compared(result),
        "",
        *scorer_lines(result, limits),
        *warning_lines(result, limits),
        *folded_sections(result, limits),
    ]


def _compared(result: ComparisonResult) -> str:
    before, after = facts_of(result)
    task = code(before.task)
    if before.task != after.task:
        task = f"{task} → {code(after.task)}"
    models = code(before.model)
    if before.model != after.model:
        models = f"{models} → {code(after.model)}"
    sizes = dict.fromkeys((size_of(before), size_of(after)))
    parts = (task, models, plain(" → ".join(sizes)), pairing(result).sentence())
    return " · ".join(parts)


def _ranking(ranking: Ranking, comparisons: Sequence[ComparisonResult]) -> list[str]:
    rows = [
        (f"{row.place}", code(row.label), row.value, row.stderr, row.group)
        for row in ranking_rows(ranking, comparisons)
    ]
    return [
        f"Ranking by {code(ranking.scorer)}, {count(ranking.ids, 'id')}; evaluations with a group "
        f"in common cannot be told apart (adjusted by {correction_name(ranking.correction)})",
        "",
        *table(("", "evaluation", "mean", "standard error", "group"), rows, "rlrrl"),
        "",
    ]


def _cut(report: str) -> str:
    """The report up to a line that still fits, with what was open closed."""
    room = MOST_BYTES - len(_CUT.encode()) - len("</details>\n")
    kept = report.encode()[:room].decode(errors="ignore")
    kept = kept[: kept.rfind("\n")]
    if kept.count("<details>") > kept.count("</details>"):
        kept += "\n\n</details>"
    return kept + _CUT
