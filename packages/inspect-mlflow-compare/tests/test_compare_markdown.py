from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from inspect_mlflow_compare import ComparisonResult, ComparisonSet, compare_evals
from inspect_mlflow_compare.reports import markdown_report, marker


def _cells(line: str) -> list[str]:
    """Cells of a row, as a renderer splits it: at every pipe that is not escaped."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def _table(report: str, first_cell: str) -> list[list[str]]:
    lines = report.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_cell}"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append(_cells(line))
    return rows


class _Tags(HTMLParser):
    """Elements of a text, with those that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def _tags(report: str) -> _Tags:
    tags = _Tags()
    # What stands between backticks is text for a renderer.
    tags.feed(re.sub(r"`[^`\n]*`", "", report))
    tags.close()
    return tags


def test_begins_with_a_marker_that_stays_the_same(
    eventful: ComparisonResult, eventful_set: ComparisonSet
) -> None:
    first = markdown_report(eventful).splitlines()[0]
    assert first == "<!-- inspect-mlflow-compare:quiz/-b -->"
    assert (
        first == marker(eventful) == marker(eventful_set) == marker(replace(eventful, metrics=[]))
    )


@pytest.mark.parametrize("task", ["--> <script>", "a--b", "-", "a\n-->", "", "é" * 500])
def test_marker_is_one_comment_whatever_the_task(eventful: ComparisonResult, task: str) -> None:
    comment = marker(replace(eventful, baseline_task=task))
    assert re.fullmatch(r"<!-- inspect-mlflow-compare:((?!--)[^<>\n])* -->", comment)
    assert len(comment) < 250


def test_table_of_scorers(eventful: ComparisonResult) -> None:
    rows = _table(markdown_report(eventful), "scorer")
    titles = ["scorer", "baseline", "candidate", "delta", "95% interval", "p", "p (Holm)"]
    assert rows[0] == [*titles, "W/T/L", "verdict"]
    assert {len(row) for row in rows} == {9}
    assert rows[2][0] == "`choice`"
    assert rows[2][-1].startswith("**REGRESSED, at worst -")
    assert "`toxicity` (lower is better)" in {row[0] for row in rows}


def test_long_parts_are_folded(eventful: ComparisonResult) -> None:
    report = markdown_report(eventful)
    tags = _tags(report)
    assert not tags.open
    assert set(tags.seen) <= {"details", "summary", "code"}
    summaries = re.findall(r"<summary>(.*)</summary>", report)
    assert summaries[0].startswith("Regressions (choice: ")
    assert any(summary.startswith("Newly failing samples (1)") for summary in summaries)
    open_part = report[: report.index("<details>")]
    assert "⚠️" in open_part
    assert len(open_part.splitlines()) < 25


def test_texts_from_logs_stay_texts(eventful: ComparisonResult, nasty_id: str) -> None:
    item = replace(eventful.items[0], id=nasty_id, bucket="regressed", confirmed=True, delta=-1.0)
    report = markdown_report(replace(eventful, items=[item]))
    [row] = [line for line in report.splitlines() if line.startswith("| <code>a")]
    assert len(_cells(row)) == 5
    assert "a&#124;b &#96;c&#96; &#60;i&#62;" in row
    assert "\\n" not in row and "&#92;n" in row
    assert "<i>" not in report and "</script>" not in report and "\x1b" not in report


@pytest.mark.parametrize(
    "identifier",
    ["@someone", "#12", "https://example.org", "**bold**", "[x](y)", "www.example.org", "$a$", "-"],
)
def test_ids_are_neither_mentions_nor_links(eventful: ComparisonResult, identifier: str) -> None:
    item = replace(eventful.items[0], id=identifier, bucket="regressed")
    rows = _table(markdown_report(replace(eventful, items=[item])), "`choice` | baseline")
    assert rows[2][0] == f"`{identifier}`"
    warned = markdown_report(replace(eventful, warnings=[f"see {identifier} now"]))
    assert identifier == "-" or f"see {identifier} now" not in warned


@pytest.mark.parametrize("identifier", ["", " ", " a", "a" * 500, "`", "\\", "a`|`b"])
def test_odd_ids_fill_one_cell(eventful: ComparisonResult, identifier: str) -> None:
    item = replace(eventful.items[0], id=identifier, bucket="regressed")
    report = markdown_report(replace(eventful, items=[item]))
    rows = _table(report, "`choice` | baseline")
    assert [len(row) for row in rows] == [5, 5, 5]
    assert 0 < len(rows[2][0]) < 200
    assert not _tags(report).open


def test_fits_a_comment_however_much_there_is_to_say(eventful: ComparisonResult) -> None:
    metrics = [
        replace(metric, scorer=f"{metric.scorer}-{number}-{'é' * 60}")
        for number in range(300)
        for metric in eventful.metrics
    ]
    items = [
        replace(item, scorer=metric.scorer, id=f"id-{'x' * 200}-{number}", bucket="regressed")
        for metric in metrics
        for number, item in enumerate(eventful.items[:30])
    ]
    result = replace(eventful, metrics=metrics, items=items, warnings=["w" * 1000] * 500)
    report = markdown_report(result)
    assert 5_000 < len(report.encode()) <= 60_000
    assert not _tags(report).open
    assert re.search(r"and 1,4\d\d more scorers", report)
    assert "`choice-0-" in report


def test_a_hundred_candidates_fit_too(eventful: ComparisonResult) -> None:
    many = ComparisonSet(tuple(replace(eventful, candidate_log=f"{n}.eval") for n in range(100)))
    report = markdown_report(many)
    assert len(report.encode()) <= 60_000
    assert not _tags(report).open
    assert "left out" in report


def test_several_candidates(eventful_set: ComparisonSet) -> None:
    report = markdown_report(eventful_set)
    assert "### ❌ FAIL: 2 candidates: " in report
    assert "#### ❌ `openai/worse (worse.eval)`: FAIL" in report
    assert "Ranking by `choice`, 40 ids" in report
    assert _table(report, " | evaluation")[2][1] == "`openai/old, the baseline`"


def test_regressions_are_counted_and_cut(make_log) -> None:
    ids = range(100)
    result = compare_evals(make_log(dict.fromkeys(ids, "C")), make_log(dict.fromkeys(ids, "I")))
    report = markdown_report(result)
    assert "Regressions (match: 100 ids)" in report
    rows = _table(report, "`match` | baseline")
    assert rows[2] == ["`0`", "right", "wrong", "-100.0 pp", ""]
    assert len(rows) == 22
    assert "and 80 more ids" in report


def test_amounts_of_money_are_no_formulas(eventful: ComparisonResult) -> None:
    assert "$" not in markdown_report(eventful)


def test_nothing_to_compare() -> None:
    report = markdown_report(ComparisonResult("", "", "t", "t", "m", "m"))
    assert "There is no scorer to compare." in report
    assert not _tags(report).open


def test_to_markdown_is_this_report(eventful: ComparisonResult) -> None:
    assert eventful.to_markdown() == markdown_report(eventful)
