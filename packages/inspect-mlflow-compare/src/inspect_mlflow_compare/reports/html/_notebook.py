"""The report as a fragment that a notebook shows below a cell."""

from __future__ import annotations

from inspect_mlflow_compare._types import ComparisonResult, ComparisonSet
from inspect_mlflow_compare.reports._characters import visible
from inspect_mlflow_compare.reports._comparisons import (
    comparisons_of,
    pairing,
    set_headline,
    title,
)
from inspect_mlflow_compare.reports._methods import method_line
from inspect_mlflow_compare.reports.html._assets import asset
from inspect_mlflow_compare.reports.html._elements import Markup, minus, tag
from inspect_mlflow_compare.reports.html._overview import badge
from inspect_mlflow_compare.reports.html._scorers import scorer_table

__all__ = ["notebook_report"]


def notebook_report(result: ComparisonResult | ComparisonSet) -> str:
    """A fragment without scripts: verdict, scorers with a forest plot, warnings, methods.

    Its colours are readable on light and on dark, since a notebook's theme need not be that of
    the reader's system.

    Args:
        result: One comparison or several.
    """
    fragments = [_fragment(one) for one in comparisons_of(result)]
    return tag("div", tag("style", Markup(asset("notebook.css"))), fragments, class_="imc")


def _fragment(result: ComparisonResult) -> Markup:
    word, sentence = set_headline([result])
    warnings = [tag("li", visible(warning)) for warning in result.warnings]
    return tag(
        "div",
        tag("p", badge(word), minus(sentence)),
        tag("p", tag("small", f"{title(result)}; {pairing(result).sentence()}")),
        scorer_table(result) if result.metrics else None,
        tag("ul", warnings) if warnings else None,
        tag("p", tag("small", method_line(result))),
    )
