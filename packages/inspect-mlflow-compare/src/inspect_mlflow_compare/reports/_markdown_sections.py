"""The sections of the report in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, MetricComparison, Severity
from inspect_mlflow_compare.reports._changes import (
    ScorerRegressions,
    confirmation,
    newly_failing,
    regressions,
    score_text,
)
from inspect_mlflow_compare.reports._findings import UNTESTED, check_reason, judged_metrics
from inspect_mlflow_compare.reports._markup import code, details_block, plain, table
from inspect_mlflow_compare.reports._methods import correction_name, method_line
from inspect_mlflow_compare.reports._numbers import (
    amount,
    count,
    level_percent,
    p_value,
    ratio,
    ratio_interval,
    scale_of,
)
from inspect_mlflow_compare.reports._scorer_table import adjusted_differs, tally
from inspect_mlflow_compare.reports._wording import (
    POWER,
    details,
    flips_sentence,
    labels_sentence,
    logged_note,
    power_sentence,
    prospects,
    verdict,
)

__all__ = ["Limits", "folded_sections", "scorer_lines", "warning_lines"]

_SEVERITIES: Final[dict[Severity, str]] = {"refusal": "‼️", "warning": "⚠️", "note": ""}
_ORDER: Final = ("regressed", "improved", "no_detectable_change", "not_testable")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the lists of a report may get.

    Args:
        regressions: Ids in the list of a scorer.
        scorers: Rows in the table of scorers, and lists for single ones.
        lines: Lines of everything else.
    """

    regressions: int
    scorers: int
    lines: int


def scorer_lines(result: ComparisonResult, limits: Limits) -> list[str]:
    """The table of scorers, the most telling ones where not all fit."""
    if not result.metrics:
        return ["There is no scorer to compare.", ""]
    metrics = _shown(result, limits)
    level = result.significance
    adjusted = adjusted_differs(result)
    titles = ["scorer", "baseline", "candidate", "delta", f"{level_percent(level)} interval", "p"]
    titles += [f"p ({correction_name(result.correction)})"] if adjusted else []
    rows = [_scorer_row(metric, level, adjusted=adjusted) for metric in metrics]
    return [
        *table([*titles, "W/T/L", "verdict"], rows, f"l{'r' * len(titles)}l"),
        *_more(len(result.metrics) - len(metrics), "scorer"),
        "",
    ]


def warning_lines(result: ComparisonResult, limits: Limits) -> list[str]:
    """What the reader has to know, in the open."""
    if not result.warnings:
        return []
    lines = [f"- ⚠️ {plain(warning, 400)}" for warning in result.warnings[: limits.lines]]
    return [*lines, *_more(len(result.warnings) - len(lines), "warning"), ""]


def folded_sections(result: ComparisonResult, limits: Limits) -> list[str]:
    """Everything that is there for those who ask for it."""
    regressed = regressions(result)
    summary = "; ".join(
        f"{plain(one.metric.scorer, 40)}: {one.summary()}" for one in regressed[: limits.lines]
    )
    failing = newly_failing(result)
    sections = (
        (f"Regressions ({summary})", _regressions(regressed, limits)),
        (f"Newly failing samples ({len(failing):,})", _failing(result, limits)),
        (f"Minimum detectable effects ({POWER})", _detectable(result, limits)),
        ("Flips", _flips(result, limits)),
        ("Thresholds", _thresholds(result)),
        (
            f"Differences between the evaluations ({len(result.differences)})",
            _differences(result, limits),
        ),
        ("Cost, tokens and time per sample", _resources(result)),
        ("Notes, effect sizes, methods", _notes(result, limits)),
    )
    return [line for summary, lines in sections for line in details_block(summary, lines)]


def _shown(result: ComparisonResult, limits: Limits) -> list[MetricComparison]:
    if len(result.metrics) <= limits.scorers:
        return result.metrics
    by_interest = sorted(result.metrics, key=lambda metric: _ORDER.index(metric.verdict))
    return by_interest[: limits.scorers]


def _scorer_row(metric: MetricComparison, level: float, *, adjusted: bool) -> list[str]:
    scale = scale_of(metric)
    low = " (lower is better)" if metric.better == "lower" else ""
    said = plain(verdict(metric))
    return [
        f"{code(metric.scorer)}{low}",
        scale.value(metric.baseline_value),
        scale.value(metric.candidate_value),
        scale.change(metric.delta),
        scale.interval(metric.ci_lower, metric.ci_upper),
        p_value(metric.p_value, level),
        *([p_value(metric.p_adjusted, level)] if adjusted else []),
        tally(metric),
        f"**{said}**" if metric.significant else said,
    ]


def _regressions(regressed: Sequence[ScorerRegressions], limits: Limits) -> list[str]:
    lines: list[str] = []
    for one in regressed[: limits.scorers]:
        scale = scale_of(one.metric)
        rows = [
            (
                code(item.id),
                score_text(item.baseline_scores, item.baseline_mean, scale),
                score_text(item.candidate_scores, item.candidate_mean, scale),
                scale.change(item.delta),
                confirmation(item),
            )
            for item in one.items[: limits.regressions]
        ]
        titles = (code(one.metric.scorer), "baseline", "candidate", "delta", "across epochs")
        lines += [*table(titles, rows, "lrrrl"), *_more(len(one.items) - len(rows), "id"), ""]
    return lines[:-1]


def _failing(result: ComparisonResult, limits: Limits) -> list[str]:
    failing = newly_failing(result)
    lines = [
        f"- {code(sample.id)}, epoch {sample.epoch}: {plain(sample.candidate_failure)}"
        for sample in failing[: limits.lines]
    ]
    return lines + _more(len(failing) - len(lines), "sample")


def _detectable(result: ComparisonResult, limits: Limits) -> list[str]:
    return [
        f"- {code(metric.scorer)}: {'; '.join(filter(None, (seen, prospects(metric))))}"
        for metric in _shown(result, limits)
        if (seen := power_sentence(metric))
    ]


def _flips(result: ComparisonResult, limits: Limits) -> list[str]:
    lines = []
    for metric in _shown(result, limits):
        if (flips := metric.flips) is not None:
            rows = (
                (
                    "right in the baseline",
                    f"{flips.both_right:,}",
                    f"{flips.only_baseline_right:,}",
                ),
                (
                    "wrong in the baseline",
                    f"{flips.only_candidate_right:,}",
                    f"{flips.both_wrong:,}",
                ),
            )
            titles = (code(metric.scorer), "right in the candidate", "wrong in the candidate")
            lines += [*table(titles, rows, "lrr"), "", f"{flips_sentence(flips)}.", ""]
        if metric.labels is not None:
            lines += [f"{code(metric.scorer)}: {labels_sentence(metric.labels)}", ""]
    return lines[:-1]


def _thresholds(result: ComparisonResult) -> list[str]:
    checks = result.gate.checks if result.gate is not None else ()
    return [
        f"- **{check.outcome}**: {plain(check_reason(check, result))}"
        for check, metric in zip(checks, judged_metrics(result), strict=True)
        if metric is None and check.name != UNTESTED
    ]


def _differences(result: ComparisonResult, limits: Limits) -> list[str]:
    shown = result.differences[: limits.lines]
    rows = [
        (
            f"{_SEVERITIES[one.severity]} {code(one.field)}".strip(),
            code(one.baseline, 120),
            code(one.candidate, 120),
            plain(one.explanation),
        )
        for one in shown
    ]
    lines = table(("what", "baseline", "candidate", "meaning"), rows, "llll") if rows else []
    return lines + _more(len(result.differences) - len(shown), "difference")


def _resources(result: ComparisonResult) -> list[str]:
    interval = f"{level_percent(result.significance)} interval"
    titles = ("", "baseline", "candidate", "ratio", interval, "p95", "total")
    rows = [
        (
            plain(one.name.replace("_", " ")),
            # GitHub would set what stands between two dollar signs as mathematics.
            plain(amount(one.baseline_mean, one.unit)),
            plain(amount(one.candidate_mean, one.unit)),
            ratio(one.ratio),
            ratio_interval(one.ratio_ci_lower, one.ratio_ci_upper),
            plain(f"{amount(one.baseline_p95, one.unit)} → {amount(one.candidate_p95, one.unit)}"),
            plain(
                f"{amount(one.baseline_total, one.unit)} → {amount(one.candidate_total, one.unit)}"
            ),
        )
        for one in result.resources
    ]
    return table(titles, rows, "lrrrrrr") if rows else []


def _notes(result: ComparisonResult, limits: Limits) -> list[str]:
    lines = [
        f"- {code(metric.scorer)}: {plain(note, 400)}"
        for metric in _shown(result, limits)
        for note in (
            *metric.notes,
            logged_note(metric),
            "; ".join(details(metric, result.significance)),
        )
        if note
    ]
    return [*lines[: 2 * limits.scorers], f"- {plain(method_line(result), 1500)}"]


def _more(number: int, noun: str) -> list[str]:
    return ["", f"and {count(number, f'more {noun}')}"] if number > 0 else []
