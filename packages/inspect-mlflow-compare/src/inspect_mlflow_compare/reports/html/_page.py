"""The report as one page that needs nothing else."""

from __future__ import annotations

from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, ComparisonSet
from inspect_mlflow_compare.reports._comparisons import (
    Result,
    candidate_label,
    comparisons_of,
    rankings_of,
    set_headline,
    title,
)
from inspect_mlflow_compare.reports._methods import method_line
from inspect_mlflow_compare.reports.html._assets import asset
from inspect_mlflow_compare.reports.html._dots import dots_section
from inspect_mlflow_compare.reports.html._elements import Content, Markup, minus, tag
from inspect_mlflow_compare.reports.html._flips import flips_section
from inspect_mlflow_compare.reports.html._overview import (
    badge,
    compared_section,
    thresholds_section,
    warnings_section,
)
from inspect_mlflow_compare.reports.html._samples import samples_section
from inspect_mlflow_compare.reports.html._scorers import scorers_section
from inspect_mlflow_compare.reports.html._sections import (
    detectable_section,
    differences_section,
    rankings_section,
    resources_section,
)

__all__ = ["html_report"]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Nothing is fetched from anywhere, whatever a text from a log may try."""


def html_report(result: ComparisonResult | ComparisonSet) -> str:
    """A page with plots and a table of all samples, light or dark as the reader's system is.

    It is one file without a reference to any other; its scripts only serve the table.

    Args:
        result: One comparison or several.
    """
    comparisons = comparisons_of(result)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", _page_title(result)),
        tag("style", Markup(asset("page.css"))),
    )
    body = tag(
        "body",
        _hero(result),
        tag("main", _main(result)),
        tag("footer", [tag("p", method_line(one)) for one in comparisons[:1]]),
        tag("script", Markup(asset("page.js"))),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n{body}\n</html>\n'


def _page_title(result: Result) -> str:
    comparisons = comparisons_of(result)
    word, _ = set_headline(comparisons)
    return f"{word}: {title(comparisons[0])}" if comparisons else word


def _hero(result: Result) -> Markup:
    comparisons = comparisons_of(result)
    word, sentence = set_headline(comparisons)
    about = title(comparisons[0]) if len(comparisons) == 1 else "Several candidates"
    if len(comparisons) > 1:
        about = f"{comparisons[0].baseline_task}: {len(comparisons)} candidates"
    return tag(
        "header",
        tag("p", about.replace(" -> ", " → "), class_="eyebrow"),
        tag("h1", badge(word)),
        tag("p", minus(sentence) if len(comparisons) == 1 else sentence, class_="lead"),
    )


def _main(result: Result) -> Content:
    comparisons = comparisons_of(result)
    if len(comparisons) == 1:
        return _comparison(comparisons[0], 0)
    return [
        _contents(comparisons),
        rankings_section(rankings_of(result), comparisons),
        [_article(one, number) for number, one in enumerate(comparisons)],
    ]


def _contents(comparisons: tuple[ComparisonResult, ...]) -> Markup:
    lines = []
    for number, one in enumerate(comparisons):
        word, sentence = set_headline([one])
        link = tag("a", candidate_label(one), href=f"#candidate-{number}")
        lines.append(tag("li", badge(word), tag("span", link, tag("small", minus(sentence)))))
    return tag("nav", tag("ul", lines, class_="card plain"), aria_label="Candidates")


def _article(result: ComparisonResult, number: int) -> Markup:
    word, sentence = set_headline([result])
    return tag(
        "article",
        tag("h2", badge(word), f" {candidate_label(result)}", class_="candidate"),
        tag("p", minus(sentence), class_="lead"),
        _comparison(result, number),
        id=f"candidate-{number}",
    )


def _comparison(result: ComparisonResult, number: int) -> Content:
    table = f"samples-{number}"
    return [
        compared_section(result),
        warnings_section(result),
        scorers_section(result),
        thresholds_section(result),
        flips_section(result),
        dots_section(result, table),
        samples_section(result, table),
        detectable_section(result),
        resources_section(result),
        differences_section(result),
    ]
