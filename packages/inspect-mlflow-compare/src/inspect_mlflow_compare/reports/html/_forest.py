"""Forest plots: differences with their intervals, one below the other on a common scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inspect_mlflow_compare._types import MetricComparison
from inspect_mlflow_compare.reports._numbers import Scale
from inspect_mlflow_compare.reports.html._axis import Axis, axis_over
from inspect_mlflow_compare.reports.html._elements import Markup, minus, tag

__all__ = ["ForestGroup", "axis_plot", "forest_groups", "interval_plot", "tone"]

_MOST_TICKS: Final = 5
_MOST_DWARFED: Final = 8
"""A difference is put on a scale of its own when it is so many times smaller than another."""

_HEIGHT: Final = 40
_MIDDLE: Final = _HEIGHT / 2


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """Metrics whose differences are comparable in size.

    Args:
        metrics: At least one.
        axis: Their common scale; None where there is no difference to show.
    """

    metrics: tuple[MetricComparison, ...]
    axis: Axis | None


def forest_groups(metrics: Sequence[MetricComparison]) -> list[ForestGroup]:
    """Metrics by scale: percent points together, other scores with those of like size.

    A judge's points from 1 to 100 would leave nothing to see of shares from 0 to 1.
    """
    plottable = [metric for metric in metrics if _has_difference(metric)]
    groups = [
        [metric for metric in plottable if metric.kind == "binary"],
        *_of_like_size([metric for metric in plottable if metric.kind != "binary"]),
    ]
    found = [ForestGroup(tuple(group), axis_over(_extent(group))) for group in groups if group]
    rest = tuple(metric for metric in metrics if not _has_difference(metric))
    return [*found, ForestGroup(rest, None)] if rest else found


def interval_plot(metric: MetricComparison, axis: Axis, label: str) -> Markup:
    """The difference of a metric as a point, its interval as a line, its margin as a dashed one."""
    parts = [_line(axis.percent(tick), "grid") for tick in axis.ticks(_MOST_TICKS)]
    parts.append(_line(axis.percent(0.0), "zero"))
    if (margin := _margin(metric)) is not None:
        parts.append(_line(axis.percent(margin), "margin"))
    if metric.ci_lower is not None and metric.ci_upper is not None:
        ends = axis.percent(metric.ci_lower), axis.percent(metric.ci_upper)
        parts.append(tag("line", x1=ends[0], x2=ends[1], y1=_MIDDLE, y2=_MIDDLE, class_="interval"))
        parts += [_line(end, "interval cap", _MIDDLE - 5, _MIDDLE + 5) for end in ends]
    point = "point" if metric.significant else "point open"
    parts.append(tag("circle", cx=axis.percent(metric.delta), cy=_MIDDLE, r=5.5, class_=point))
    return tag(
        "svg",
        tag("title", label),
        parts,
        class_=f"forest {tone(metric)}",
        width="100%",
        height=_HEIGHT,
        role="img",
        aria_label=label,
    )


def axis_plot(axis: Axis, scale: Scale) -> Markup:
    """The marks of a scale, below the plots that share it."""
    unit = 100.0 if scale.percent else 1.0
    marks = [
        (
            _line(axis.percent(tick), "grid", 0, 5),
            tag("text", minus(f"{unit * tick:+.6g}" if tick else "0"), x=axis.percent(tick), y=18),
        )
        for tick in axis.ticks(_MOST_TICKS)
    ]
    return tag("svg", marks, class_="axis", width="100%", height=24, aria_hidden="true")


def tone(metric: MetricComparison) -> str:
    """Class of the colour of a metric: better, worse or neither."""
    return {"improved": "better", "regressed": "worse"}.get(metric.verdict, "neutral")


def _has_difference(metric: MetricComparison) -> bool:
    return metric.kind != "label" and math.isfinite(metric.delta)


def _of_like_size(metrics: Sequence[MetricComparison]) -> list[list[MetricComparison]]:
    """Groups in which nothing is dwarfed, each in the order given."""
    remaining = list(metrics)
    groups = []
    while remaining:
        sizes = [max(map(abs, _extent([metric]))) for metric in remaining]
        # Zeros fit anywhere.
        near = [size * _MOST_DWARFED >= max(sizes) or not size for size in sizes]
        groups.append([metric for metric, fits in zip(remaining, near, strict=True) if fits])
        remaining = [metric for metric, fits in zip(remaining, near, strict=True) if not fits]
    return groups


def _extent(metrics: Sequence[MetricComparison]) -> list[float]:
    """All differences that a plot of the metrics has to show."""
    return [
        value
        for metric in metrics
        for value in (metric.delta, metric.ci_lower, metric.ci_upper, _margin(metric))
        if value is not None
    ]


def _margin(metric: MetricComparison) -> float | None:
    """The margin as a difference: a loss, which is positive where lower is better."""
    if metric.non_inferiority is None:
        return None
    margin = metric.non_inferiority.margin
    return -margin if metric.better == "higher" else margin


def _line(x: str, class_: str, top: float = 0, bottom: float = _HEIGHT) -> Markup:
    return tag("line", x1=x, x2=x, y1=top, y2=bottom, class_=class_)
