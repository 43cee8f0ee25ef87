"""The scorers: a table with a forest plot in it."""

from __future__ import annotations

from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, MetricComparison
from inspect_mlflow_compare.reports._characters import shortened, visible
from inspect_mlflow_compare.reports._methods import correction_name, method_words
from inspect_mlflow_compare.reports._numbers import (
    NOTHING,
    Scale,
    level_percent,
    p_value,
    scale_of,
)
from inspect_mlflow_compare.reports._scorer_table import adjusted_differs, tally
from inspect_mlflow_compare.reports._wording import details, logged_note, short_verdict, verdict
from inspect_mlflow_compare.reports.html._elements import Markup, minus, tag
from inspect_mlflow_compare.reports.html._forest import (
    ForestGroup,
    axis_plot,
    forest_groups,
    interval_plot,
    tone,
)

__all__ = ["scorer_table", "scorers_section"]

_HINT: Final = (
    "Filled points are significant after the adjustment for several comparisons. A dashed line "
    "is the margin: the loss that is acceptable."
)

_GLYPHS: Final = {"improved": "▲", "regressed": "▼", "no_detectable_change": "~"}


def scorers_section(result: ComparisonResult) -> Markup | None:
    """The table of scorers and the notes on them."""
    if not result.metrics:
        return tag("section", tag("p", "There is no scorer to compare.", class_="card"))
    notes = [_notes(metric, result.significance) for metric in result.metrics]
    plotted = any(group.axis is not None for group in forest_groups(result.metrics))
    return tag(
        "section",
        tag("h2", "Scorers"),
        tag("p", _HINT, class_="hint") if plotted else None,
        tag("div", scorer_table(result), class_="card scroll"),
        tag(
            "details",
            tag("summary", "Notes, effect sizes and methods of each scorer"),
            tag("dl", notes, class_="notes"),
            class_="card",
        ),
    )


def scorer_table(result: ComparisonResult) -> Markup:
    """A row for each scorer, and below each group of them the axis of their differences."""
    adjusted = adjusted_differs(result)
    interval = f"{level_percent(result.significance)} interval"
    titles = ["Scorer", "Baseline", "Candidate", f"Delta with {interval}", "Delta", "p"]
    titles += [f"p ({correction_name(result.correction)})"] if adjusted else []
    head = [
        tag("th", title, scope="col", class_=_alignment(title))
        for title in (*titles, "W / T / L", "Verdict")
    ]
    bodies = [_group(group, result, adjusted=adjusted) for group in forest_groups(result.metrics)]
    return tag("table", tag("thead", tag("tr", head)), bodies, class_="scorers")


def _alignment(title: str) -> str | None:
    return "number" if title in ("Baseline", "Candidate", "Delta") or title[:1] == "p" else None


def _group(group: ForestGroup, result: ComparisonResult, *, adjusted: bool) -> Markup:
    rows = [_row(metric, group, result, adjusted=adjusted) for metric in group.metrics]
    if group.axis is not None:
        scale = scale_of(group.metrics[0])
        unit = "percent points" if scale.percent else "difference of scores"
        rows.append(
            tag(
                "tr",
                tag("td", colspan=3),
                tag("td", axis_plot(group.axis, scale), class_="plot"),
                tag("td", tag("small", f"{unit}; {_which_side(group)}"), colspan=4 + adjusted),
                class_="scale",
            )
        )
    return tag("tbody", rows)


def _which_side(group: ForestGroup) -> str:
    better = {metric.better for metric in group.metrics}
    if len(better) > 1:
        return "better is right, or left where lower is better"
    return "better is right" if better == {"higher"} else "better is left"


def _row(
    metric: MetricComparison, group: ForestGroup, result: ComparisonResult, *, adjusted: bool
) -> Markup:
    scale, level = scale_of(metric), result.significance
    low = tag("small", "lower is better") if metric.better == "lower" else None
    interval = scale.interval(metric.ci_lower, metric.ci_upper)
    bounds = tag("small", minus(interval)) if interval != NOTHING else None
    delta = tag("strong", minus(scale.change(metric.delta)))
    plot = None
    if group.axis is not None:
        plot = interval_plot(metric, group.axis, _description(metric, scale))
    return tag(
        "tr",
        tag("th", shortened(metric.scorer), low, scope="row"),
        tag("td", minus(scale.value(metric.baseline_value)), class_="number"),
        tag("td", minus(scale.value(metric.candidate_value)), class_="number"),
        tag("td", plot, class_="plot"),
        tag("td", delta, bounds, class_="number"),
        tag("td", minus(p_value(metric.p_value, level)), class_="number"),
        tag("td", minus(p_value(metric.p_adjusted, level)), class_="number") if adjusted else None,
        tag("td", _tally(metric)),
        tag("td", _verdict(metric)),
    )


def _description(metric: MetricComparison, scale: Scale) -> str:
    interval = minus(scale.interval(metric.ci_lower, metric.ci_upper))
    change = minus(scale.change(metric.delta))
    return f"{shortened(metric.scorer)}: {change}, interval {interval}; {verdict(metric)}"


def _tally(metric: MetricComparison) -> Markup:
    """Ids won, tied and lost as parts of a bar."""
    counts = {"better": metric.wins, "neutral": metric.ties, "worse": metric.losses}
    total = sum(counts.values())
    text = tally(metric).replace("/", " / ")
    if not total:
        return tag("span", minus(text))
    parts = [
        tag("span", class_=name, style=f"width:{100 * number / total:.2f}%")
        for name, number in counts.items()
        if number
    ]
    title = f"candidate better in {metric.wins}, equal in {metric.ties}, worse in {metric.losses}"
    return tag("span", tag("span", parts, class_="bar"), tag("small", text), title=title)


def _verdict(metric: MetricComparison) -> Markup:
    glyph = _GLYPHS.get(metric.verdict, "?") if metric.kind != "label" else "≡"
    pill = tag("span", f"{glyph} {short_verdict(metric)}", class_=f"pill {tone(metric)}")
    # What the pill says already is not repeated behind it.
    _, _, rest = verdict(metric).partition("no detectable change")
    if metric.kind == "label":
        rest = verdict(metric)
    elif metric.verdict != "no_detectable_change":
        _, _, rest = verdict(metric).partition(", ")
    return tag("span", pill, tag("small", minus(rest.strip()) if rest else None))


def _notes(metric: MetricComparison, significance: float) -> Markup:
    notes = [*metric.notes, logged_note(metric), *details(metric, significance)]
    lines = [tag("dd", visible(note)) for note in (method_words(metric), *notes) if note]
    return tag("div", tag("dt", shortened(metric.scorer)), lines)
