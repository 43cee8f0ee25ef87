"""The sections of the report in plain text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, Outcome, Severity
from inspect_mlflow_compare.reports._changes import (
    confirmation,
    newly_failing,
    regressions,
    score_text,
)
from inspect_mlflow_compare.reports._characters import middle_cut, shortened, visible
from inspect_mlflow_compare.reports._columns import (
    Cell,
    Painter,
    Tone,
    columns,
    columns_width,
    folded,
)
from inspect_mlflow_compare.reports._comparisons import (
    facts_of,
    file_name,
    moment,
    pairing,
    size_of,
    title,
)
from inspect_mlflow_compare.reports._findings import UNTESTED, check_reason, judged_metrics
from inspect_mlflow_compare.reports._label_rows import label_rows
from inspect_mlflow_compare.reports._methods import method_line
from inspect_mlflow_compare.reports._numbers import (
    amount,
    count,
    ratio,
    ratio_interval,
    scale_of,
)
from inspect_mlflow_compare.reports._scorer_table import scorer_table
from inspect_mlflow_compare.reports._wording import (
    POWER,
    details,
    flips_sentence,
    labels_sentence,
    logged_note,
    power_sentence,
    prospects,
)

__all__ = ["SECTIONS", "Page"]

_MOST_REGRESSIONS: Final = 10
_MOST_FAILING: Final = 10
_OUTCOME_TONES: Final[dict[Outcome, Tone]] = {
    "pass": "good",
    "fail": "bad",
    "inconclusive": "doubtful",
}
_MARKS: Final[dict[Severity, Cell]] = {
    "refusal": Cell("!!", "bad"),
    "warning": Cell("!", "doubtful"),
    "note": Cell(""),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Where a report is written to.

    Args:
        paint: Gives texts their colour.
        width: Columns.
    """

    paint: Painter
    width: int

    def heading(self, text: str) -> list[str]:
        """A heading, in lines that fit."""
        return [self.paint(line, "strong") for line in folded(text, self.width, "")]

    def named(self, name: str, text: str) -> list[str]:
        """A line that begins with a scorer's name, folded below itself."""
        return folded(f"{shortened(name, 40)}: {visible(text)}", self.width, "  ", "    ")


def _compared(result: ComparisonResult, page: Page) -> list[str]:
    rows = []
    for name, facts in zip(("baseline", "candidate"), facts_of(result), strict=True):
        log = file_name(facts.location) or "(in memory)"
        texts = (name, log, moment(facts.created), visible(facts.status), size_of(facts))
        rows.append([Cell(text) for text in texts])
    if columns_width(rows) <= page.width:
        lines = columns(rows, page.paint)
    else:
        lines = [
            line for row in rows for line in folded(_one_line(row), page.width, "  ", " " * 13)
        ]
    sentence = f"compared   {pairing(result).sentence()}"
    return [*page.heading(title(result)), *lines, *folded(sentence, page.width, "  ", " " * 13)]


def _one_line(row: list[Cell]) -> str:
    first, *rest = (cell.text for cell in row)
    return "  ".join([f"{first:<9}", *rest])


def _scorers(result: ComparisonResult, page: Page) -> list[str]:
    if not result.metrics:
        return ["  there is no scorer to compare"]
    lines = scorer_table(result, page.paint, page.width)
    for metric in result.metrics:
        for note in (*metric.notes, logged_note(metric)):
            if note:
                lines += page.named(metric.scorer, note)
    return lines


def _thresholds(result: ComparisonResult, page: Page) -> list[str]:
    """The checks of the gate that are not about scorers, which have their table."""
    checks = result.gate.checks if result.gate is not None else ()
    lines: list[str] = []
    for check, metric in zip(checks, judged_metrics(result), strict=True):
        if metric is None and check.name != UNTESTED:
            text = f"{check.outcome}  {check_reason(check, result)}"
            first, *rest = folded(text, page.width, "  ", "    ")
            outcome = page.paint(check.outcome, _OUTCOME_TONES[check.outcome])
            lines += [f"  {outcome}{first[2 + len(check.outcome) :]}", *rest]
    return [*page.heading("thresholds"), *lines] if lines else []


def _detectable(result: ComparisonResult, page: Page) -> list[str]:
    lines = [
        line
        for metric in result.metrics
        if (seen := power_sentence(metric))
        for line in page.named(metric.scorer, "; ".join(filter(None, (seen, prospects(metric)))))
    ]
    return [*page.heading(f"minimum detectable effect, MDE ({POWER})"), *lines] if lines else []


def _flips(result: ComparisonResult, page: Page) -> list[str]:
    lines = []
    for metric in result.metrics:
        if (flips := metric.flips) is not None:
            numbers = (
                f"right -> wrong {flips.only_baseline_right}, "
                f"wrong -> right {flips.only_candidate_right}, "
                f"right in both {flips.both_right}, wrong in both {flips.both_wrong}"
            )
            lines += page.named(metric.scorer, f"{numbers}; {flips_sentence(flips)}")
        if metric.labels is not None:
            lines += page.named(metric.scorer, labels_sentence(metric.labels))
            rows = label_rows(metric.labels)
            if rows and columns_width(rows, "    ") <= page.width:
                lines += columns(rows, page.paint, indent="    ")
    heading = "flips (ids; with epochs, right means at least half)"
    return [*page.heading(heading), *lines] if lines else []


def _regressions(result: ComparisonResult, page: Page) -> list[str]:
    found = regressions(result)
    lines: list[str] = []
    # Each scorer gets its share of the lines, and at least three.
    most = max(3, _MOST_REGRESSIONS // max(1, len(found)))
    for one in found:
        scale = scale_of(one.metric)
        rows = [
            [
                Cell(middle_cut(item.id, 32)),
                Cell(score_text(item.baseline_scores, item.baseline_mean, scale), right=True),
                Cell("->"),
                Cell(score_text(item.candidate_scores, item.candidate_mean, scale), right=True),
                Cell(scale.change(item.delta), right=True),
                Cell(confirmation(item), "bad" if item.confirmed else "faint"),
            ]
            for item in one.items[:most]
        ]
        more = len(one.items) - len(rows)
        lines += [
            *page.heading(f"regressions of {shortened(one.metric.scorer, 40)} ({one.summary()})"),
            *columns(rows, page.paint),
            *([f"  and {more:,} more"] if more else []),
        ]
    return lines + _failing(result, page)


def _failing(result: ComparisonResult, page: Page) -> list[str]:
    failing = newly_failing(result)
    if not failing:
        return []
    names = [
        f"{shortened(sample.id, 32)} (epoch {sample.epoch}: {visible(sample.candidate_failure)})"
        for sample in failing[:_MOST_FAILING]
    ]
    if more := len(failing) - len(names):
        names.append(f"and {more:,} more")
    return [
        *page.heading(f"newly failing ({count(len(failing), 'sample')})"),
        *folded(", ".join(names), page.width),
    ]


def _differences(result: ComparisonResult, page: Page) -> list[str]:
    lines: list[str] = []
    for one in result.differences:
        mark = _MARKS[one.severity]
        change = f"{visible(one.field)}: {shortened(one.baseline)} -> {shortened(one.candidate)}"
        text = f"{change} ({visible(one.explanation)})" if one.explanation else change
        first, *rest = folded(text, page.width, " " * 5, " " * 7)
        lines += [f"  {page.paint(f'{mark.text:<2}', mark.tone)} {first[5:]}", *rest]
    return [*page.heading("differences between the evaluations"), *lines] if lines else []


def _resources(result: ComparisonResult, page: Page) -> list[str]:
    titles = ("per sample", "baseline", "candidate", "ratio", "interval", "p95", "total")
    rows = [[Cell(titles[0], "faint"), *(Cell(title, "faint", True) for title in titles[1:])]]
    for one in result.resources:
        texts = (
            amount(one.baseline_mean, one.unit),
            amount(one.candidate_mean, one.unit),
            ratio(one.ratio),
            ratio_interval(one.ratio_ci_lower, one.ratio_ci_upper),
            f"{amount(one.baseline_p95, one.unit)} -> {amount(one.candidate_p95, one.unit)}",
            f"{amount(one.baseline_total, one.unit)} -> {amount(one.candidate_total, one.unit)}",
        )
        name = Cell(visible(one.name.replace("_", " ")))
        rows.append([name, *(Cell(text, right=True) for text in texts)])
    while columns_width(rows) > page.width and len(rows[0]) > 4:
        rows = [row[:-1] for row in rows]
    return [*page.heading("resources"), *columns(rows, page.paint)] if result.resources else []


def _details(result: ComparisonResult, page: Page) -> list[str]:
    lines = [
        line
        for metric in result.metrics
        if (found := details(metric, result.significance))
        for line in page.named(metric.scorer, "; ".join(found))
    ]
    return [*page.heading("more on the differences"), *lines] if lines else []


def _warnings(result: ComparisonResult, page: Page) -> list[str]:
    lines = [
        line
        for warning in result.warnings
        for line in folded(f"* {visible(warning)}", page.width, "  ", "    ")
    ]
    return [page.paint("warnings", "doubtful"), *lines] if lines else []


def _footnote(result: ComparisonResult, page: Page) -> list[str]:
    lines = folded(f"method: {method_line(result)}", page.width, "", "  ")
    return [page.paint(line, "faint") for line in lines]


SECTIONS: Final[tuple[Callable[[ComparisonResult, Page], list[str]], ...]] = (
    _compared,
    _scorers,
    _thresholds,
    _detectable,
    _flips,
    _regressions,
    _differences,
    _resources,
    _details,
    _warnings,
    _footnote,
)
"""All sections in their order; one that has nothing to say is empty."""
