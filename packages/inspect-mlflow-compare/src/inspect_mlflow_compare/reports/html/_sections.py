"""The sections below the samples: power, resources, differences, rankings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from inspect_mlflow_compare._types import (
    ComparisonResult,
    Difference,
    MetricComparison,
    RankedEvaluation,
    Ranking,
    ResourceComparison,
    Severity,
)
from inspect_mlflow_compare.reports._characters import shortened, visible
from inspect_mlflow_compare.reports._methods import correction_name
from inspect_mlflow_compare.reports._numbers import (
    NOTHING,
    Scale,
    amount,
    amount_change,
    count,
    level_percent,
    ratio,
    ratio_interval,
    scale_of,
)
from inspect_mlflow_compare.reports._ranking_numbers import ranking_rows
from inspect_mlflow_compare.reports._wording import POWER, power_sentence
from inspect_mlflow_compare.reports.html._axis import Axis, axis_over
from inspect_mlflow_compare.reports.html._elements import Markup, minus, rows_table, tag

__all__ = ["detectable_section", "differences_section", "rankings_section", "resources_section"]

_SEVERITIES: Final[dict[Severity, tuple[str, str]]] = {
    "refusal": ("‼ grave", "worse"),
    "warning": ("! beware", "doubtful"),
    "note": ("note", "neutral"),
}
_OPEN_PLANS: Final = 4


def detectable_section(result: ComparisonResult) -> Markup | None:
    """What could have been found, and what more ids or epochs would find."""
    plans = [
        _plan(metric, is_open=number < _OPEN_PLANS)
        for number, metric in enumerate(result.metrics)
        if power_sentence(metric)
    ]
    if not plans:
        return None
    hint = (
        f"The smallest true difference that is found with {POWER}; anything smaller "
        "may well have gone unseen."
    )
    return tag(
        "section",
        tag("h2", "Minimum detectable effect"),
        tag("p", hint, class_="hint"),
        tag("div", plans, class_="figures wide"),
    )


def resources_section(result: ComparisonResult) -> Markup | None:
    """Cost, tokens and time of a sample, and the ratio of both sides as a plot."""
    if not result.resources:
        return None
    bounds = [
        math.log(value)
        for one in result.resources
        for value in (one.ratio, one.ratio_ci_lower, one.ratio_ci_upper)
        if value is not None and value > 0
    ]
    axis = axis_over(bounds)
    interval = f"{level_percent(result.significance)} interval"
    titles = ("Per sample", "Baseline", "Candidate", "Delta", "", f"Ratio and {interval}")
    rows = [_resource(one, axis) for one in result.resources]
    return tag(
        "section",
        tag("h2", "Cost, tokens and time"),
        tag(
            "div",
            rows_table((*titles, "95th percentile", "Total"), rows, "Resources"),
            class_="card amounts",
        ),
    )


def differences_section(result: ComparisonResult) -> Markup | None:
    """What else differs between the evaluations."""
    if not result.differences:
        return None
    rows = [_difference(one) for one in result.differences]
    titles = ("What", "", "Baseline", "Candidate", "What it means")
    return tag(
        "section",
        tag("h2", "Differences between the evaluations"),
        tag("div", rows_table(titles, rows, "Differences"), class_="card"),
    )


def rankings_section(
    rankings: Sequence[Ranking], comparisons: Sequence[ComparisonResult]
) -> Markup | None:
    """All evaluations under each scorer, best first."""
    if not rankings:
        return None
    hint = (
        "Best first, with two standard errors on either side. Evaluations with a letter in common "
        f"cannot be told apart; adjusted by {correction_name(rankings[0].correction)}."
    )
    return tag(
        "section",
        tag("h2", "Rankings"),
        tag("p", hint, class_="hint"),
        tag("div", [_ranking(one, comparisons) for one in rankings], class_="figures wide"),
    )


def _ranking(ranking: Ranking, comparisons: Sequence[ComparisonResult]) -> Markup:
    ends = [
        entry.value + side * (entry.stderr or 0.0) for entry in ranking.entries for side in (-2, 2)
    ]
    room = 0.06 * (max(ends) - min(ends)) or 1.0
    axis = Axis(min(ends) - room, max(ends) + room)
    rows = [
        (
            f"{row.place}",
            row.label,
            [minus(row.value), tag("small", f" ± {minus(row.stderr)}")],
            _spread(entry, axis, row.value),
            [tag("span", letter, class_="pill neutral") for letter in row.group],
        )
        for row, entry in zip(ranking_rows(ranking, comparisons), ranking.entries, strict=True)
    ]
    caption = f"{shortened(ranking.scorer)} ({count(ranking.ids, 'id')})"
    table = rows_table(("", "Evaluation", "Mean", "", "Group"), rows, f"Ranking by {caption}")
    return tag("figure", tag("figcaption", caption), table, class_="card ranking")


def _plan(metric: MetricComparison, *, is_open: bool) -> Markup:
    summary = f"{shortened(metric.scorer)}: {power_sentence(metric)}"
    if not metric.planning:
        return tag("p", summary.replace(" x ", " × "), class_="card")
    scale = scale_of(metric)
    effects = {(one.ids, one.epochs): one.effect for one in metric.planning}
    largest = max(effects.values()) or 1.0
    epochs = sorted({one.epochs for one in metric.planning})
    rows = [
        tag(
            "tr",
            tag("th", count(ids, "id"), scope="row"),
            [_effect(effects.get((ids, number)), largest, scale) for number in epochs],
        )
        for ids in sorted({one.ids for one in metric.planning})
    ]
    head = [tag("th", count(number, "epoch"), scope="col") for number in epochs]
    table = tag(
        "table",
        tag("thead", tag("tr", tag("td"), head)),
        tag("tbody", rows),
        class_="heat",
        aria_label=f"Detectable effects of {shortened(metric.scorer)}",
    )
    return tag(
        "details",
        tag("summary", summary.replace(" x ", " × ")),
        tag("div", table, class_="scroll"),
        class_="card",
        open=is_open,
    )


def _effect(effect: float | None, largest: float, scale: Scale) -> Markup:
    share = 0.0 if effect is None else effect / largest
    return tag("td", minus(scale.size(effect)), class_="changed", style=f"--heat:{share:.3f}")


def _resource(one: ResourceComparison, axis: Axis) -> tuple[str | Markup | None, ...]:
    interval = ratio_interval(one.ratio_ci_lower, one.ratio_ci_upper)
    delta = tag("span", minus(amount_change(one.delta, one.unit)))
    return (
        visible(one.name.replace("_", " ")),
        minus(amount(one.baseline_mean, one.unit)),
        minus(amount(one.candidate_mean, one.unit)),
        delta,
        _ratio_plot(one, axis),
        tag(
            "span",
            tag("strong", minus(ratio(one.ratio)).replace("x", "×")),
            tag("small", interval) if interval != NOTHING else None,
        ),
        f"{amount(one.baseline_p95, one.unit)} → {amount(one.candidate_p95, one.unit)}",
        f"{amount(one.baseline_total, one.unit)} → {amount(one.candidate_total, one.unit)}",
    )


def _ratio_plot(one: ResourceComparison, axis: Axis) -> Markup | None:
    """The ratio and its interval on a logarithmic scale around "as much as before"."""
    if not one.ratio:
        return None
    lower, upper = one.ratio_ci_lower or one.ratio, one.ratio_ci_upper or one.ratio
    tone = "worse" if lower > 1 else "better" if upper < 1 else "neutral"
    return _point_plot(
        axis.percent(math.log(one.ratio)),
        (axis.percent(math.log(lower)), axis.percent(math.log(upper))),
        axis.percent(0.0),
        tone,
        f"ratio {ratio(one.ratio)} {ratio_interval(one.ratio_ci_lower, one.ratio_ci_upper)}",
    )


def _spread(entry: RankedEvaluation, axis: Axis, value: str) -> Markup:
    reach = 2.0 * (entry.stderr or 0.0)
    ends = axis.percent(entry.value - reach), axis.percent(entry.value + reach)
    return _point_plot(axis.percent(entry.value), ends, None, "neutral", f"mean {value}")


def _point_plot(
    point: str, ends: tuple[str, str], zero: str | None, tone: str, label: str
) -> Markup:
    lines = [tag("line", x1=zero, x2=zero, y1=0, y2=28, class_="zero")] if zero else []
    lines.append(tag("line", x1=ends[0], x2=ends[1], y1=14, y2=14, class_="interval"))
    return tag(
        "svg",
        tag("title", label),
        lines,
        tag("circle", cx=point, cy=14, r=4.5, class_="point"),
        class_=f"forest {tone}",
        width="100%",
        height=28,
        role="img",
        aria_label=label,
    )


def _difference(one: Difference) -> tuple[str | Markup, ...]:
    text, tone = _SEVERITIES[one.severity]
    return (
        tag("code", visible(one.field)),
        tag("span", text, class_=f"pill {tone}"),
        tag("code", shortened(one.baseline, 200)),
        tag("code", shortened(one.candidate, 200)),
        visible(one.explanation),
    )
