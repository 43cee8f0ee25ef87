"""The table of scorers in plain text: it gets narrower by and by until it fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, MetricComparison, Verdict
from inspect_mlflow_compare.reports._characters import middle_cut
from inspect_mlflow_compare.reports._columns import (
    Cell,
    Painter,
    Tone,
    columns,
    columns_width,
    folded,
)
from inspect_mlflow_compare.reports._methods import correction_name
from inspect_mlflow_compare.reports._numbers import NOTHING, level_percent, p_value, scale_of
from inspect_mlflow_compare.reports._wording import verdict

__all__ = ["adjusted_differs", "scorer_table", "tally"]

_TONES: Final[dict[Verdict, Tone]] = {
    "improved": "good",
    "regressed": "bad",
    "no_detectable_change": "plain",
    "not_testable": "doubtful",
}
_NAME_WIDTHS: Final = (40, 24, 16, 10)


def scorer_table(result: ComparisonResult, paint: Painter, width: int) -> list[str]:
    """Lines with a row for each scorer.

    Where the verdict does not fit behind its row, it stands below it.

    Args:
        result: What was compared.
        paint: Gives texts their colour.
        width: Columns to fit in.
    """
    raw = adjusted_differs(result)
    verdicts = [Cell(_said(metric), _tone(metric)) for metric in result.metrics]
    for name_width in _NAME_WIDTHS:
        rows = _rows(result, name_width, raw=raw)
        with_verdicts = [
            rows[0],
            *([*row, end] for row, end in zip(rows[1:], verdicts, strict=True)),
        ]
        if columns_width(with_verdicts) <= width:
            return columns(with_verdicts, paint)
    for name_width in _NAME_WIDTHS:
        for shown in (raw, False):
            rows = _rows(result, name_width, raw=shown)
            if columns_width(rows) <= width:
                return _interleaved(rows, verdicts, paint, width)
    return _interleaved(rows, verdicts, paint, width)


def adjusted_differs(result: ComparisonResult) -> bool:
    """Whether adjusting for several comparisons changed a p-value at all."""
    return any(metric.p_value != metric.p_adjusted for metric in result.metrics)


def tally(metric: MetricComparison) -> str:
    """Ids won, tied and lost: `31/121/46`."""
    if not (metric.wins or metric.ties or metric.losses):
        return NOTHING
    return f"{metric.wins}/{metric.ties}/{metric.losses}"


def _rows(result: ComparisonResult, name_width: int, *, raw: bool) -> list[list[Cell]]:
    level = result.significance
    interval = f"{level_percent(level)} interval"
    adjusted = "p" if not raw else f"p ({correction_name(result.correction)})"
    titles = ["baseline", "candidate", "delta", interval, *(["p"] if raw else []), adjusted]
    rows = [
        [Cell("scorer", "faint"), *(Cell(title, "faint", True) for title in (*titles, "W/T/L"))]
    ]
    for metric in result.metrics:
        scale = scale_of(metric)
        numbers = [
            scale.value(metric.baseline_value),
            scale.value(metric.candidate_value),
            scale.change(metric.delta),
            scale.interval(metric.ci_lower, metric.ci_upper),
            *([p_value(metric.p_value, level)] if raw else []),
            p_value(metric.p_adjusted, level),
            tally(metric),
        ]
        rows.append(
            [
                Cell(middle_cut(metric.scorer, name_width)),
                *(Cell(text, right=True) for text in numbers),
            ]
        )
    return rows


def _tone(metric: MetricComparison) -> Tone:
    return "plain" if metric.kind == "label" else _TONES[metric.verdict]


def _said(metric: MetricComparison) -> str:
    return f"{verdict(metric)}{' (lower is better)' if metric.better == 'lower' else ''}"


def _interleaved(
    rows: Sequence[Sequence[Cell]], verdicts: Sequence[Cell], paint: Painter, width: int
) -> list[str]:
    title, *lines = columns(rows, paint)
    found = [title]
    for line, said in zip(lines, verdicts, strict=True):
        below = folded(said.text, width, " " * 6)
        found += [line, *(paint(one, said.tone) for one in below)]
    return found
