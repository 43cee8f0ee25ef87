"""The report for terminals and build logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, ComparisonSet, Ranking
from inspect_mlflow_compare.reports._characters import middle_cut, visible
from inspect_mlflow_compare.reports._columns import Cell, Painter, Tone, columns, folded
from inspect_mlflow_compare.reports._comparisons import (
    Result,
    candidate_label,
    comparisons_of,
    rankings_of,
    set_headline,
)
from inspect_mlflow_compare.reports._methods import correction_name
from inspect_mlflow_compare.reports._numbers import NOTHING, count
from inspect_mlflow_compare.reports._ranking_numbers import ranking_rows
from inspect_mlflow_compare.reports._text_sections import SECTIONS, Page

__all__ = ["text_report", "verdict_line"]

_USUAL_WIDTH: Final = 100
_NARROWEST: Final = 40
_WORDS: Final[dict[str, Tone]] = {
    "PASS": "good",
    "FAIL": "bad",
    "INCONCLUSIVE": "doubtful",
    "NO GATE": "strong",
}


def text_report(
    result: ComparisonResult | ComparisonSet, *, color: bool = False, width: int | None = None
) -> str:
    """A report in plain text, in ASCII but for what the logs bring along.

    Args:
        result: One comparison, or several candidates against one baseline.
        color: Whether to colour verdicts, by ANSI escapes.
        width: Columns to fit in, at least 40; 100 when it is not given. Tables of many
            columns need 80.
    """
    page = Page(Painter(color), max(_NARROWEST, width or _USUAL_WIDTH))
    comparisons = comparisons_of(result)
    lines = _headline(result, page)
    if len(comparisons) == 1:
        lines += _sections(comparisons[0], page)
        return "\n".join(lines) + "\n"
    for one in comparisons:
        word, sentence = set_headline([one])
        text = f"{candidate_label(one)}: {sentence}"
        lines += _with_word(word, text, page, indent="  ")
    for ranking in rankings_of(result):
        lines += ["", *_ranking(ranking, comparisons, page)]
    for number, one in enumerate(comparisons, start=1):
        heading = f"== {number} of {len(comparisons)}: {candidate_label(one)} =="
        lines += ["", page.paint(heading, "strong"), "", *_headline(one, page)]
        lines += _sections(one, page)
    return "\n".join(lines) + "\n"


def verdict_line(result: ComparisonResult | ComparisonSet, *, color: bool = False) -> str:
    """The first line of the report, however long it is."""
    word, sentence = set_headline(comparisons_of(result))
    return f"{Painter(color)(word, _WORDS[word])}  {sentence}"


def _headline(result: Result, page: Page) -> list[str]:
    word, sentence = set_headline(comparisons_of(result))
    return _with_word(word, sentence, page)


def _with_word(word: str, sentence: str, page: Page, indent: str = "") -> list[str]:
    """A sentence behind an outcome; the colour is put in last, since it has no width."""
    hanging = " " * (len(indent) + len(word) + 2)
    lines = folded(f"{word}  {sentence}", page.width, indent, hanging)
    painted = page.paint(word, _WORDS[word])
    return [indent + painted + lines[0][len(indent) + len(word) :], *lines[1:]]


def _sections(result: ComparisonResult, page: Page) -> list[str]:
    lines: list[str] = []
    for section in SECTIONS:
        if found := section(result, page):
            lines += ["", *found]
    return lines


def _ranking(ranking: Ranking, comparisons: Sequence[ComparisonResult], page: Page) -> list[str]:
    heading = (
        f"ranking by {visible(ranking.scorer)} ({count(ranking.ids, 'id')}; a letter in common: "
        f"cannot be told apart; adjusted by {correction_name(ranking.correction)})"
    )
    rows = [
        [
            Cell(f"{row.place}", right=True),
            Cell(middle_cut(row.label, 60)),
            Cell(row.value, right=True),
            Cell("" if row.stderr == NOTHING else f"+- {row.stderr}"),
            Cell(row.group),
        ]
        for row in ranking_rows(ranking, comparisons)
    ]
    return [
        *(page.paint(line, "strong") for line in folded(heading, page.width, "")),
        *columns(rows, page.paint),
    ]
