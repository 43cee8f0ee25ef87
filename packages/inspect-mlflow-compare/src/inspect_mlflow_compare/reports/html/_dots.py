"""A dot for each sample id: how far it moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, ItemComparison, MetricComparison
from inspect_mlflow_compare.reports._changes import confirmation, score_text
from inspect_mlflow_compare.reports._characters import shortened, visible
from inspect_mlflow_compare.reports._numbers import Scale, count, scale_of
from inspect_mlflow_compare.reports.html._axis import Axis, axis_over
from inspect_mlflow_compare.reports.html._elements import Markup, minus, tag

__all__ = ["dots_section"]

_HEIGHT: Final = 190.0
_EDGE: Final = 12.0
_MOST_DOTS: Final = 600
"""Above, neighbours share a dot: nobody can point at one of thousands."""

_MOST_UNCHANGED_WIDTH: Final = 0.25
_OPEN_PLOTS: Final = 3


@dataclass(frozen=True, slots=True)
class _Dot:
    """One id, or several neighbours in the order of their differences.

    Args:
        items: At least one.
    """

    items: tuple[ItemComparison, ...]

    @property
    def delta(self) -> float:
        return sum(item.delta for item in self.items) / len(self.items)

    @property
    def confirmed(self) -> bool:
        return any(item.confirmed for item in self.items)


def dots_section(result: ComparisonResult, identifier: str) -> Markup | None:
    """A plot for each scorer that has paired ids.

    Args:
        result: The comparison.
        identifier: Of the table that a click on a dot filters.
    """
    by_scorer: dict[str, list[ItemComparison]] = {metric.scorer: [] for metric in result.metrics}
    for item in result.items:
        by_scorer.setdefault(item.scorer, []).append(item)
    plots = [
        _figure(metric, by_scorer[metric.scorer], identifier, is_open=number < _OPEN_PLOTS)
        for number, metric in enumerate(result.metrics)
        if by_scorer[metric.scorer]
    ]
    if not plots:
        return None
    explanation = (
        "Each dot is a sample id, its epochs averaged, in the order of its difference. A ring "
        "marks a change that is confirmed across epochs. Point at a dot for its scores; click it "
        "to find it in the table."
    )
    return tag(
        "section", tag("h2", "Sample by sample"), tag("p", explanation, class_="hint"), plots
    )


def _figure(
    metric: MetricComparison, items: Sequence[ItemComparison], identifier: str, *, is_open: bool
) -> Markup:
    scale = scale_of(metric)
    changed = sorted(
        (item for item in items if item.bucket != "unchanged"), key=lambda item: item.delta
    )
    unchanged = len(items) - len(changed)
    better = sum(item.bucket == "improved" for item in changed)
    summary = (
        f"{shortened(metric.scorer)}: {better:,} better, {len(changed) - better:,} worse, "
        f"{unchanged:,} unchanged"
    )
    plot: Markup = tag("p", "No id changed.", class_="hint")
    if changed:
        axis = axis_over(item.delta for item in changed)
        dots = _dots(changed)
        plot = tag(
            "div",
            _axis(axis, scale),
            _plot(dots, unchanged, axis, scale, summary, identifier),
            class_="dots",
        )
    return tag("details", tag("summary", summary), plot, class_="card", open=is_open)


def _dots(changed: Sequence[ItemComparison]) -> list[_Dot]:
    """One dot for each id, or for as many neighbours as it takes to keep the plot readable."""
    together = -(-len(changed) // _MOST_DOTS)
    dots: list[list[ItemComparison]] = []
    for item in changed:
        # A dot never stands for ids of both sides, whose mean would be of neither.
        if dots and len(dots[-1]) < together and dots[-1][0].bucket == item.bucket:
            dots[-1].append(item)
        else:
            dots.append([item])
    return [_Dot(tuple(items)) for items in dots]


def _plot(
    dots: Sequence[_Dot], unchanged: int, axis: Axis, scale: Scale, label: str, identifier: str
) -> Markup:
    gap = 0.0
    if unchanged:
        ids = sum(len(dot.items) for dot in dots)
        gap = min(_MOST_UNCHANGED_WIDTH, unchanged / (unchanged + ids))
    below = sum(dot.delta < 0 for dot in dots)
    step = (1.0 - gap) / len(dots)
    radius = max(2.2, min(5.0, 420 / len(dots)))
    circles = [
        _circle(
            dot, (position + 0.5) * step + (gap if position >= below else 0.0), radius, axis, scale
        )
        for position, dot in enumerate(dots)
    ]
    zero = _height(axis, 0.0)
    lines = [
        tag("line", x1="0%", x2="100%", y1=y, y2=y, class_="grid")
        for y in (_height(axis, tick) for tick in axis.ticks(5))
    ]
    lines.append(tag("line", x1="0%", x2="100%", y1=zero, y2=zero, class_="zero"))
    return tag(
        "svg",
        lines,
        _band(unchanged, below * step, gap, zero),
        circles,
        class_="plot",
        width="100%",
        height=_HEIGHT,
        role="img",
        aria_label=f"Differences of ids: {label}",
        data_table=identifier,
    )


def _band(unchanged: int, start: float, width: float, zero: float) -> list[Markup]:
    """Where the ids without a difference would be, which need no dot each."""
    if not unchanged:
        return []
    text = f"{unchanged:,} unchanged"
    return [
        tag(
            "rect",
            tag("title", text),
            x=f"{100 * start:.2f}%",
            y=round(zero - 4, 1),
            width=f"{100 * width:.2f}%",
            height=8,
            rx=4,
            class_="unchanged",
        ),
        tag("text", text, x=f"{100 * (start + width / 2):.2f}%", y=round(zero - 10, 1)),
    ]


def _circle(dot: _Dot, x: float, radius: float, axis: Axis, scale: Scale) -> Markup:
    first = dot.items[0]
    tone = "better" if first.bucket == "improved" else "worse"
    return tag(
        "circle",
        tag("title", _title(dot, scale)),
        cx=f"{100 * x:.2f}%",
        cy=_height(axis, dot.delta),
        r=round(radius, 1),
        class_=f"{tone} confirmed" if dot.confirmed else tone,
        data_id=visible(first.id) if len(dot.items) == 1 else None,
        data_scorer=first.scorer if len(dot.items) == 1 else None,
    )


def _title(dot: _Dot, scale: Scale) -> str:
    first, last = dot.items[0], dot.items[-1]
    if len(dot.items) > 1:
        span = f"{scale.change(first.delta)} to {scale.change(last.delta)}"
        names = f"{shortened(first.id, 30)} … {shortened(last.id, 30)}"
        return minus(f"{count(len(dot.items), 'id')}, {span}: ") + names
    scores = " → ".join(
        score_text(values, mean, scale)
        for values, mean in (
            (first.baseline_scores, first.baseline_mean),
            (first.candidate_scores, first.candidate_mean),
        )
    )
    parts = (minus(scale.change(first.delta)), minus(scores), confirmation(first))
    return f"{shortened(first.id)}: {', '.join(part for part in parts if part)}"


def _axis(axis: Axis, scale: Scale) -> Markup:
    unit = 100.0 if scale.percent else 1.0
    labels = [
        tag("text", minus(f"{unit * tick:+.6g}" if tick else "0"), x=44, y=_height(axis, tick) + 4)
        for tick in axis.ticks(5)
    ]
    name = tag("text", "pp" if scale.percent else "", x=44, y=10, class_="unit")
    return tag("svg", labels, name, class_="axis", width=52, height=_HEIGHT, aria_hidden="true")


def _height(axis: Axis, value: float) -> float:
    return round(_EDGE + (1.0 - axis.share(value)) * (_HEIGHT - 2 * _EDGE), 1)
