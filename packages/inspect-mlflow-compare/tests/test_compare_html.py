from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import get_args

import pytest

from inspect_mlflow_compare import (
    Bucket,
    ComparisonResult,
    ComparisonSet,
    GateThresholds,
    ItemComparison,
    MetricComparison,
    SampleComparison,
    compare_evals,
)
from inspect_mlflow_compare.reports import html_report, notebook_report

_VOID = {"meta", "br", "input"}


class _Page(HTMLParser):
    """Elements of a page in their order, each with its attributes and texts."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(source)
        self.close()
        assert not self._open, "every element is closed"

    def handle_starttag(self, tag, attrs) -> None:
        texts: list[str] = []
        self.elements.append((tag, dict(attrs), texts))
        if tag not in _VOID:
            self._open.append((tag, texts))

    def handle_endtag(self, tag) -> None:
        opened, _ = self._open.pop()
        assert opened == tag, "elements are closed in their order"

    def handle_data(self, data) -> None:
        for _, texts in self._open:
            texts.append(data)

    def all(self, tag: str, class_: str | None = None) -> list[tuple[dict[str, str | None], str]]:
        """Attributes and text of each element of a kind."""
        return [
            (attributes, "".join(texts))
            for name, attributes, texts in self.elements
            if name == tag and (class_ is None or class_ in (attributes.get("class") or "").split())
        ]

    def data(self) -> list[dict]:
        """What the tables of samples are made from."""
        return [
            json.loads(text)
            for attributes, text in self.all("script")
            if attributes.get("type") == "application/json"
        ]


def _result(items: list[ItemComparison], **fields) -> ComparisonResult:
    metric = MetricComparison(
        "accuracy", "choice", 0.5, 0.4, -0.1, -0.2, False, 0.3, -0.2, 0.0, kind="binary"
    )
    return ComparisonResult(
        "a.eval", "b.eval", "t", "t", "m", "n", [replace(metric, **fields)], items=items
    )


def _item(identifier: int | str, delta: float, **fields) -> ItemComparison:
    before, after = 0.5 - delta / 2, 0.5 + delta / 2
    bucket = "improved" if delta > 0 else "regressed" if delta < 0 else "unchanged"
    return ItemComparison(
        identifier, "choice", (before,), (after,), before, after, delta, bucket, **fields
    )


def test_page_is_one_file_that_asks_for_nothing(eventful_set: ComparisonSet) -> None:
    page = _Page(html_report(eventful_set))
    for _, attributes, _ in page.elements:
        assert not {"src", "srcset", "action", "onclick", "onload", "ping"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
    assert not {"link", "img", "iframe", "object", "base", "form"} & {
        name for name, _, _ in page.elements
    }
    [(_, style)] = page.all("style")
    assert "url(" not in style and "@import" not in style
    [policy] = [
        attributes["content"]
        for attributes, _ in page.all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")


def test_page_has_its_parts(eventful: ComparisonResult) -> None:
    page = _Page(html_report(eventful))
    titles = [text for _, text in page.all("h2")]
    assert titles == [
        "Warnings",
        "Scorers",
        "Thresholds",
        "Flips",
        "Sample by sample",
        "All samples",
        "Minimum detectable effect",
        "Cost, tokens and time",
        "Differences between the evaluations",
    ]
    [(_, heading)] = page.all("h1")
    assert heading == "✕ FAIL"
    [(_, lead)] = page.all("p", "lead")
    assert lead.startswith("choice regressed, −")


def test_page_knows_light_and_dark(eventful: ComparisonResult) -> None:
    [(_, style)] = _Page(html_report(eventful)).all("style")
    assert "@media (prefers-color-scheme: dark)" in style


def test_forest_plot_has_an_interval_a_zero_and_a_margin(eventful: ComparisonResult) -> None:
    source = html_report(eventful)
    page = _Page(source)
    plots = page.all("svg", "forest")
    labels = [attributes["aria-label"] for attributes, _ in plots]
    assert labels[0].startswith("choice: −")
    assert all(attributes.get("role") == "img" for attributes, _ in plots)
    rows = re.findall(r"<svg[^>]*class=\"forest[^>]*>.*?</svg>", source)
    choice = rows[0]
    [zero] = re.findall(r'<line x1="([\d.]+)%"[^>]*class="zero"', choice)
    [margin] = re.findall(r'<line x1="([\d.]+)%"[^>]*class="margin"', choice)
    [(low, high)] = re.findall(r'x1="([\d.]+)%" x2="([\d.]+)%"[^>]*class="interval"', choice)
    [point] = re.findall(r'<circle cx="([\d.]+)%"', choice)
    assert float(low) < float(point) < float(high) < float(margin) < float(zero)


def test_scales_are_shared_by_what_is_alike(eventful: ComparisonResult) -> None:
    metric = _result([]).metrics[0]
    metrics = [
        replace(metric, scorer="one"),
        replace(metric, scorer="two", delta=0.01),
        replace(metric, scorer="points", kind="continuous", delta=4.0, ci_lower=-2, ci_upper=9),
        replace(metric, scorer="score", kind="continuous", delta=0.1, ci_lower=-0.1, ci_upper=0.3),
    ]
    page = _Page(html_report(replace(eventful, metrics=metrics)))
    assert len(page.all("tr", "scale")) == 3


def test_a_number_without_spread_is_plotted_too() -> None:
    source = html_report(_result([], delta=0.0, ci_lower=None, ci_upper=None))
    assert len(re.findall(r'<svg[^>]*class="forest', source)) == 1
    _Page(source)


def test_every_changed_id_is_a_dot() -> None:
    items = [_item(f"q{n}", n / 10) for n in range(-3, 5)]
    page = _Page(html_report(_result(items)))
    dots = [
        (attributes, text) for attributes, text in page.all("circle") if "data-id" in attributes
    ]
    assert [attributes["data-id"] for attributes, _ in dots] == [
        "q-3", "q-2", "q-1", "q1", "q2", "q3", "q4",
    ]  # fmt: skip
    heights = [float(attributes["cy"]) for attributes, _ in dots]
    places = [float(attributes["cx"].rstrip("%")) for attributes, _ in dots]
    assert heights == sorted(heights, reverse=True)
    assert places == sorted(places)
    assert dots[0][1].startswith("q-3: −30.0 pp, 65.0% → 35.0%")
    assert "1 unchanged" in page.all("svg", "plot")[0][1]
    assert [attributes["class"] for attributes, _ in dots] == ["worse"] * 3 + ["better"] * 4


def test_hyphens_of_names_are_no_minus_signs() -> None:
    page = _Page(html_report(_result([_item("a-1", -0.5)], scorer="model-graded")))
    [(_, lead)] = page.all("p", "lead")
    assert lead.startswith("model-graded could not be tested")
    assert page.all("svg", "forest")[0][0]["aria-label"].startswith("model-graded: −10.0 pp")


def test_confirmed_changes_are_marked() -> None:
    items = [_item("sure", -1.0, p_value=0.001, q_value=0.01, confirmed=True)]
    [(attributes, title)] = _Page(html_report(_result(items))).all("circle", "confirmed")
    assert attributes["class"] == "worse confirmed"
    assert title == "sure: −100.0 pp, right → wrong, confirmed, q 0.010"


def test_thousands_of_ids_share_dots() -> None:
    items = [_item(n, (n - 2500) / 5000) for n in range(5000)]
    page = _Page(html_report(_result(items)))
    dots = page.all("circle", "worse") + page.all("circle", "better")
    assert 500 <= len(dots) <= 602
    assert all("data-id" not in attributes for attributes, _ in dots)
    assert page.all("circle", "worse")[0][1].startswith("9 ids, −50.0 pp to −49.8 pp: 0 … 8")


def test_flips_are_a_heat_table(eventful: ComparisonResult) -> None:
    source = html_report(eventful)
    page = _Page(source)
    tables = [attributes["aria-label"] for attributes, _ in page.all("table", "heat")]
    assert tables[:2] == ["Flips of choice", "Labels of grade"]
    flips = next(metric.flips for metric in eventful.metrics if metric.flips)
    table = source[source.index('aria-label="Flips of choice"') :]
    numbers = re.findall(r"<td class=\"(\w+)\" style=\"--heat:([\d.]+)\">(\d+)<", table)[:4]
    assert [(tone, int(number)) for tone, _, number in numbers] == [
        ("neutral", flips.both_right),
        ("worse", flips.only_baseline_right),
        ("better", flips.only_candidate_right),
        ("neutral", flips.both_wrong),
    ]
    assert sum(float(heat) for _, heat, _ in numbers) == pytest.approx(1, abs=0.01)


def test_table_has_every_id(eventful: ComparisonResult) -> None:
    [data] = _Page(html_report(eventful)).data()
    ids = {(one.scorer, repr(one.id)) for one in eventful.samples}
    assert len(data["rows"]) == len(ids)
    assert [scorer["name"] for scorer in data["scorers"]] == [
        metric.scorer for metric in eventful.metrics
    ]
    assert len(data["buckets"]) == len(get_args(Bucket))
    rows = {(data["scorers"][row[1]]["name"], row[0]): row for row in data["rows"]}
    # The integer and the text are different samples.
    assert {("choice", 7), ("choice", "7")} <= set(rows)
    failed = rows["choice", "q09"]
    assert failed[8] == "candidate error (epoch 2)"
    assert (len(failed[2]), len(failed[3])) == (3, 2)
    assert rows["grade", "q09"][2][0] in ("good", "bad|<b>")


@pytest.mark.parametrize("bucket", get_args(Bucket))
def test_table_knows_every_bucket(bucket: str) -> None:
    sample = SampleComparison(1, 1, "choice", None, None, None, "unchanged", bucket)
    [data] = _Page(html_report(replace(_result([]), samples=[sample]))).data()
    [row] = data["rows"]
    assert data["buckets"][row[5]][0] == bucket.replace("_", " ")


def test_no_text_from_a_log_becomes_markup(eventful_set: ComparisonSet, nasty_id: str) -> None:
    bad = f"{nasty_id}<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u2028"
    comparisons = tuple(
        replace(
            one,
            baseline_task=bad,
            candidate_model=bad,
            metrics=[replace(metric, scorer=bad, notes=(bad,)) for metric in one.metrics[:1]],
            items=[replace(item, id=bad, scorer=bad) for item in one.items[:3]],
            samples=[replace(sample, id=bad, scorer=bad) for sample in one.samples[:3]],
            warnings=[bad],
            differences=[replace(difference, baseline=bad) for difference in one.differences],
        )
        for one in eventful_set.comparisons
    )
    source = html_report(replace(eventful_set, comparisons=comparisons))
    page = _Page(source)
    assert len(page.all("script")) == 1 + len(comparisons)
    assert not page.all("img") and not page.all("i")
    # A browser would take this for the beginning of something that only ends with another one.
    for _, text in page.all("script"):
        assert "<!--" not in text and "<script" not in text
    [first, *_] = page.data()
    assert "<img src=x onerror" in first["rows"][0][0]


def test_hundred_thousand_ids_are_data_not_elements() -> None:
    items = [_item(n, 0.0 if n % 5 else -1.0) for n in range(100_000)]
    source = html_report(_result(items))
    page = _Page(source)
    assert len(page.elements) < 3000
    assert len(page.data()[0]["rows"]) == 100_000
    assert len(source) < 6_000_000


def test_unscored_logs_make_a_page(make_log) -> None:
    page = _Page(html_report(compare_evals(make_log({1: None}), make_log({1: "C"}))))
    assert page.all("h1")[0][1] == "? INCONCLUSIVE"
    assert not page.all("svg", "forest")


def test_nothing_to_compare_makes_a_page() -> None:
    page = _Page(html_report(ComparisonResult("", "", "t", "t", "m", "m")))
    assert "There is no scorer to compare." in "".join(text for _, text in page.all("p"))
    _Page(html_report(ComparisonSet(())))


def test_several_candidates(eventful_set: ComparisonSet) -> None:
    page = _Page(html_report(eventful_set))
    links = [attributes["href"] for attributes, _ in page.all("a")]
    assert links == ["#candidate-0", "#candidate-1"]
    assert [attributes["id"] for attributes, _ in page.all("article")] == [
        "candidate-0",
        "candidate-1",
    ]
    assert [attributes["id"] for attributes, _ in page.all("div", "samples")] == [
        "samples-0",
        "samples-1",
    ]
    ranked = [text for _, text in page.all("figure", "ranking")]
    assert any("openai/old, the baseline" in text for text in ranked)


def test_ids_of_elements_are_unique(eventful_set: ComparisonSet) -> None:
    page = _Page(html_report(eventful_set))
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_costs_are_compared(make_log, make_sample) -> None:
    def log(factor: float):
        return make_log(
            [make_sample(n, tokens=100 + n, cost=factor * (1 + n / 10)) for n in range(20)]
        )

    thresholds = GateThresholds(cost_ratio=1.1)
    page = _Page(html_report(compare_evals(log(0.01), log(0.02), thresholds=thresholds)))
    text = "".join(text for _, text in page.all("body"))
    assert "×2.00" in text
    assert "✕ fail" in text


def test_without_scripts_the_largest_regressions_are_there(eventful: ComparisonResult) -> None:
    [(_, text)] = _Page(html_report(eventful)).all("noscript")
    assert "Without scripts" in text
    assert "0/3" in text


def test_notebook_fragment_has_no_scripts(eventful_set: ComparisonSet) -> None:
    source = notebook_report(eventful_set)
    page = _Page(source)
    assert page.elements[0][0] == "div"
    assert not page.all("script")
    assert not {"html", "body", "link"} & {name for name, _, _ in page.elements}
    assert source.count("<style>") == 1
    # Every rule is for this fragment alone, and not for the notebook around it.
    [(_, style)] = page.all("style")
    for selectors in re.findall(r"([^{}]+)\{", style):
        assert all(part.strip().startswith(".imc") for part in selectors.split(","))


def test_methods_of_the_result(eventful: ComparisonResult) -> None:
    assert eventful.to_html() == html_report(eventful)
    assert eventful._repr_html_() == notebook_report(eventful)
