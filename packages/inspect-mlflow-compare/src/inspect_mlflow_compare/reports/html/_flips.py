"""Who changed sides: heat tables of flips and labels, and how much of it is chance."""

from __future__ import annotations

from inspect_mlflow_compare._types import (
    ComparisonResult,
    FlipRates,
    LabelAgreement,
    MetricComparison,
)
from inspect_mlflow_compare.reports._characters import shortened
from inspect_mlflow_compare.reports._numbers import percent
from inspect_mlflow_compare.reports._wording import flips_sentence, labels_sentence
from inspect_mlflow_compare.reports.html._elements import Content, Markup, tag

__all__ = ["flips_section"]


def flips_section(result: ComparisonResult) -> Markup | None:
    """A heat table for each scorer of right and wrong, and for each one of labels."""
    figures = [_figure(metric) for metric in result.metrics]
    shown = [figure for figure in figures if figure is not None]
    if not shown:
        return None
    hint = "Ids by their side in both evaluations; with epochs, right means at least half of them."
    return tag(
        "section",
        tag("h2", "Flips"),
        tag("p", hint, class_="hint"),
        tag("div", shown, class_="figures"),
    )


def _figure(metric: MetricComparison) -> Markup | None:
    parts: list[Content] = []
    if metric.flips is not None:
        parts += [_flip_table(metric.flips, metric.scorer), _noise(metric.flips)]
        parts.append(tag("p", f"{flips_sentence(metric.flips)}."))
    if metric.labels is not None:
        parts += [_label_table(metric.labels, metric.scorer)]
        parts.append(tag("p", f"{labels_sentence(metric.labels)}."))
    if not parts:
        return None
    return tag("figure", tag("figcaption", shortened(metric.scorer)), parts, class_="card")


def _flip_table(flips: FlipRates, name: str) -> Markup:
    total = (
        flips.both_right + flips.only_baseline_right + flips.only_candidate_right + flips.both_wrong
    )
    cells = (
        (("neutral", flips.both_right), ("worse", flips.only_baseline_right)),
        (("better", flips.only_candidate_right), ("neutral", flips.both_wrong)),
    )
    rows = [
        tag(
            "tr",
            tag("th", f"baseline {side}", scope="row"),
            [_cell(number, total, tone) for tone, number in row],
        )
        for side, row in zip(("right", "wrong"), cells, strict=True)
    ]
    head = [tag("th", f"candidate {side}", scope="col") for side in ("right", "wrong")]
    return _heat_table(tag("tr", tag("td"), head), rows, f"Flips of {shortened(name)}")


def _label_table(agreement: LabelAgreement, name: str) -> Markup:
    total = sum(map(sum, agreement.matrix))
    names = [shortened(label, 24) for label in agreement.labels]
    rows = [
        tag(
            "tr",
            tag("th", label, scope="row"),
            [
                _cell(number, total, "neutral" if row == column else "changed")
                for column, number in enumerate(counts)
            ],
        )
        for row, (label, counts) in enumerate(zip(names, agreement.matrix, strict=True))
    ]
    head = tag("tr", tag("td", "was ↓ is →"), [tag("th", label, scope="col") for label in names])
    return _heat_table(head, rows, f"Labels of {shortened(name)}")


def _heat_table(head: Markup, rows: list[Markup], label: str) -> Markup:
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="heat", aria_label=label)
    return tag("div", table, class_="scroll")


def _cell(number: int, total: int, tone: str) -> Markup:
    share = number / total if total else 0.0
    return tag(
        "td",
        f"{number:,}",
        tag("small", percent(share)),
        class_=tone if number else None,
        style=f"--heat:{share:.3f}",
    )


def _noise(flips: FlipRates) -> Markup | None:
    """The share of answers that differ beside the share that would by chance."""
    if flips.expected is None:
        return None
    bars = [
        tag(
            "div",
            tag("span", name),
            tag("span", tag("span", style=f"width:{100 * min(1.0, share):.1f}%"), class_="track"),
            tag("span", percent(share), class_="number"),
            class_=f"noise {tone}",
        )
        for name, share, tone in (
            ("seen", flips.observed, "seen"),
            ("by chance alone", flips.expected, "chance"),
        )
    ]
    return tag("div", bars)
