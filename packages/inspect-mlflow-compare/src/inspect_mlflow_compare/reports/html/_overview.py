"""The head of a comparison: the verdict, what was compared, and what to beware of."""

from __future__ import annotations

from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, EvaluationFacts
from inspect_mlflow_compare.reports._characters import visible
from inspect_mlflow_compare.reports._comparisons import (
    facts_of,
    file_name,
    moment,
    pairing,
    size_of,
)
from inspect_mlflow_compare.reports._findings import UNTESTED, check_reason, judged_metrics
from inspect_mlflow_compare.reports.html._elements import Markup, minus, tag

__all__ = ["badge", "compared_section", "thresholds_section", "warnings_section"]

_LOOKS: Final = {
    "PASS": ("✓", "pass"),
    "FAIL": ("✕", "fail"),
    "INCONCLUSIVE": ("?", "inconclusive"),
}


def badge(word: str) -> Markup:
    """An outcome that is told apart by its sign and word, not by its colour alone."""
    sign, look = _LOOKS.get(word, ("•", "none"))
    return tag("span", tag("span", sign, aria_hidden="true"), f" {word}", class_=f"badge {look}")


def compared_section(result: ComparisonResult) -> Markup:
    """Both evaluations side by side, and what became of their samples."""
    before, after = facts_of(result)
    counts = pairing(result)
    tiles = (
        ("scored on both sides", counts.scored, ""),
        ("newly failing", counts.newly_failing, "worse"),
        ("unscored", counts.unscored, "doubtful"),
        ("missing", counts.missing, "doubtful"),
        ("new", counts.new, "doubtful"),
    )
    shown = [
        tag("div", tag("strong", f"{number:,}"), tag("span", name), class_=tone)
        for name, number, tone in tiles
        if number or not tone
    ]
    return tag(
        "section",
        tag("div", _evaluation("Baseline", before), _evaluation("Candidate", after), class_="pair"),
        tag("div", tag("span", "Samples (id × epoch)"), shown, class_="tiles"),
    )


def warnings_section(result: ComparisonResult) -> Markup | None:
    """What the reader has to know before believing any number."""
    if not result.warnings:
        return None
    lines = [tag("li", visible(warning)) for warning in result.warnings]
    return tag("section", tag("h2", "Warnings"), tag("ul", lines), class_="card callout")


def thresholds_section(result: ComparisonResult) -> Markup | None:
    """The checks of the gate that are not about scorers."""
    checks = result.gate.checks if result.gate is not None else ()
    looks = {"pass": ("✓", "better"), "fail": ("✕", "worse"), "inconclusive": ("?", "doubtful")}
    lines = []
    for check, metric in zip(checks, judged_metrics(result), strict=True):
        if metric is None and check.name != UNTESTED:
            sign, look = looks[check.outcome]
            pill = tag("span", f"{sign} {check.outcome}", class_=f"pill {look}")
            lines.append(tag("li", pill, " ", minus(check_reason(check, result))))
    if not lines:
        return None
    return tag("section", tag("h2", "Thresholds"), tag("ul", lines, class_="card plain"))


def _evaluation(name: str, facts: EvaluationFacts) -> Markup:
    entries = {
        "Task": visible(facts.task),
        "Log": file_name(facts.location) or "in memory",
        "Began": moment(facts.created),
        "Status": visible(facts.status),
        "Dataset": visible(facts.dataset),
        "Size": size_of(facts).replace(" x ", " × "),
        "Eval id": visible(facts.eval_id),
    }
    rows = [
        tag("div", tag("dt", title), tag("dd", text)) for title, text in entries.items() if text
    ]
    return tag(
        "div",
        tag("span", name, class_="eyebrow"),
        tag("h3", visible(facts.model)),
        tag("dl", rows, class_="facts", title=visible(facts.location)),
        class_="card",
    )
