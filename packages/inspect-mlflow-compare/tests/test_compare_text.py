from __future__ import annotations

import re
from dataclasses import replace

import pytest

from inspect_mlflow_compare import (
    ComparisonResult,
    ComparisonSet,
    GateThresholds,
    MetricComparison,
    NonInferiority,
    compare_evals,
)
from inspect_mlflow_compare.reports import text_report, verdict_line


def _metric(**fields) -> MetricComparison:
    usual = {
        "name": "accuracy",
        "scorer": "choice",
        "baseline_value": 0.676,
        "candidate_value": 0.617,
        "delta": -0.059,
        "relative_delta": -0.087,
        "significant": True,
        "p_value": 0.018,
        "ci_lower": -0.113,
        "ci_upper": -0.004,
        "p_adjusted": 0.036,
        "correction": "holm",
        "method": "signflip-midp",
        "interval": "tango-effective",
        "kind": "binary",
        "verdict": "regressed",
        "ids": 198,
        "wins": 31,
        "ties": 121,
        "losses": 46,
        "minimum_detectable_effect": 0.0789,
    }
    return MetricComparison(**{**usual, **fields})


def _result(*metrics: MetricComparison, **fields) -> ComparisonResult:
    return ComparisonResult(
        "old.eval", "new.eval", "gpqa", "gpqa", "openai/old", "openai/new", list(metrics), **fields
    )


def test_row_of_a_scorer() -> None:
    report = text_report(_result(_metric()), width=120)
    [row] = [line for line in report.splitlines() if line.startswith("  choice ")]
    assert re.split(r"\s{2,}", row.strip()) == [
        "choice",
        "67.6%",
        "61.7%",
        "-5.9 pp",
        "[-11.3, -0.4]",
        "0.018",
        "0.036",
        "31/121/46",
        "REGRESSED",
    ]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_fits(eventful: ComparisonResult, eventful_set: ComparisonSet, width: int) -> None:
    for result in (eventful, eventful_set):
        lines = text_report(result, width=width).splitlines()
        assert max(map(len, lines)) <= width
        assert all(line == line.rstrip() for line in lines)


def test_narrow_table_keeps_its_verdicts() -> None:
    wide = _metric(scorer="a_scorer_with_a_rather_long_name.and_a_key")
    report = text_report(_result(wide, _metric()), width=80)
    assert report.count("REGRESSED") == 2
    assert "..." in report


def test_order_of_the_sections(eventful: ComparisonResult) -> None:
    report = text_report(eventful)
    marks = [
        "FAIL  ",
        "baseline   old.eval",
        "\n  scorer ",
        "thresholds",
        "minimum detectable effect",
        "flips",
        "regressions of choice",
        "\nnewly failing",
        "differences between",
        "resources",
        "warnings",
        "method: ",
    ]
    places = [report.index(mark) for mark in marks]
    assert places == sorted(places)


def test_never_says_that_nothing_changed(uneventful: ComparisonResult) -> None:
    report = text_report(uneventful)
    assert re.search(r"~ no detectable change \(MDE (\S+ pp|unknown)\)", report)
    assert "no change" not in report
    assert report.startswith("PASS  match shows no detectable change")


def test_without_color_there_are_no_escapes(eventful: ComparisonResult) -> None:
    assert "\x1b" not in text_report(eventful)


def test_color_changes_nothing_but_the_look(eventful: ComparisonResult) -> None:
    colored = text_report(eventful, color=True)
    assert "\x1b[31mFAIL\x1b[0m" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == text_report(eventful)


def test_texts_from_logs_cannot_steer_a_terminal(eventful: ComparisonResult, nasty_id: str) -> None:
    item = replace(eventful.items[0], id=nasty_id[-24:], bucket="regressed", confirmed=True)
    report = text_report(replace(eventful, items=[item]))
    assert "\\n::" in report
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", report)
    assert not re.search(r"^\s*::error", report, re.MULTILINE)


def test_marks_of_direction_are_shown_as_escapes() -> None:
    report = text_report(_result(_metric(scorer="a\u202eb\ud800")))
    assert "a\\u202eb\\ud800" in report
    report.encode()


def test_confirmed_regressions_come_first(eventful: ComparisonResult) -> None:
    first, second = [item for item in eventful.items if item.scorer == "choice"][:2]
    items = [
        replace(first, id="large", delta=-1.0, bucket="regressed", q_value=0.5, confirmed=False),
        replace(second, id="certain", delta=-0.4, bucket="regressed", q_value=0.01, confirmed=True),
    ]
    report = text_report(replace(eventful, items=items))
    assert report.index("certain") < report.index("large")
    assert "confirmed, q 0.010" in report
    assert "2 ids, 1 confirmed across epochs" in report


def test_scores_of_epochs_are_counted(make_log) -> None:
    baseline = make_log({1: ["C", "C"], 2: ["C", "C"], 3: ["I", "C"]}, epochs=2)
    candidate = make_log({1: ["I", "C"], 2: ["I", "I"], 3: ["I", "C"]}, epochs=2)
    report = text_report(compare_evals(baseline, candidate))
    assert re.search(r"2  2/2  ->  0/2  -100.0 pp", report)


def test_one_epoch_is_right_or_wrong(make_log) -> None:
    baseline, candidate = make_log({1: "C", 2: "C"}), make_log({1: "C", 2: "I"})
    report = text_report(compare_evals(baseline, candidate))
    assert re.search(r"2  right  ->  wrong  -100.0 pp", report)
    assert "cannot be told from one epoch" in report


def test_unscored_log_says_so(make_log) -> None:
    result = compare_evals(make_log({1: None, 2: None}), make_log({1: "C", 2: "I"}))
    report = text_report(result)
    assert report.startswith("INCONCLUSIVE  no score could be tested: the baseline is unscored")
    assert "nan" not in report.lower()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0001, "<0.001"),
        (0.04996, "0.04996"),
        (0.0301, "0.030"),
        (0.05, "0.050"),
        (0.412, "0.41"),
        (1.0, "1.00"),
        (None, "-"),
    ],
)
def test_p_values_are_not_rounded_over_the_level(value: float | None, shown: str) -> None:
    report = text_report(_result(_metric(p_value=value, p_adjusted=value)), width=120)
    [row] = [line for line in report.splitlines() if line.endswith("REGRESSED")]
    assert row.split()[-3] == shown


def test_small_negative_differences_have_no_minus_sign() -> None:
    metric = _metric(delta=-0.0001, ci_lower=-0.06, ci_upper=0.06, verdict="no_detectable_change")
    assert "+0.0 pp" in text_report(_result(metric))


@pytest.mark.parametrize(
    ("delta", "half_width", "shown"),
    [(0.031, 0.07, "+0.031"), (12.0, 30.0, "+12"), (0.0, 0.0, "+0.00"), (2e-9, 1e-9, "+2e-09")],
)
def test_numbers_have_the_digits_that_mean_something(
    delta: float, half_width: float, shown: str
) -> None:
    metric = _metric(
        kind="continuous",
        baseline_value=1.0,
        delta=delta,
        ci_lower=delta - half_width,
        ci_upper=delta + half_width,
    )
    assert f" {shown} " in text_report(_result(metric))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("pass", "at worst -3.2 pp, within the margin of 5 pp"),
        ("fail", "at worst -3.2 pp, beyond the margin of 5 pp"),
        ("inconclusive", "at worst -3.2 pp, perhaps beyond the margin of 5 pp"),
    ],
)
def test_margins_are_told(outcome, words: str) -> None:
    metric = _metric(non_inferiority=NonInferiority(0.05, -0.032, 0.01, outcome))
    assert words in text_report(_result(metric), width=120)


def test_why_nothing_was_tested(make_log) -> None:
    def told(baseline, candidate) -> str:
        return verdict_line(compare_evals(baseline, candidate))

    unscored, scored = make_log({1: None, 2: None}), make_log({1: "C", 2: "I"})
    assert told(scored, unscored).endswith("no score could be tested: the candidate is unscored")
    assert told(unscored, unscored).endswith("no score could be tested: there are no scores")
    assert "2 sample ids: the smallest possible p-value is 0.5" in told(scored, scored)
    other = make_log({1: "C", 2: "I"}, scorer="other")
    assert told(scored, other).endswith("no scorer scored an id in both evaluations")


def test_power_is_told(make_log) -> None:
    values = {number: [number % 2, (number // 2) % 2] for number in range(20)}
    others = {number: [number % 2, (number // 3) % 2] for number in range(20)}
    report = text_report(compare_evals(make_log(values, epochs=2), make_log(others, epochs=2)))
    sentence = " ".join(report.split())
    assert re.search(r"with 20 ids x 2 epochs; .* with 10 epochs, \S+ pp with 40 ids", sentence)


def test_what_the_logs_state_is_told_where_it_differs(make_log) -> None:
    values = dict.fromkeys(range(10), "C")
    baseline = make_log(values, metrics={"accuracy": 0.5})
    report = text_report(compare_evals(baseline, make_log(values, metrics={"accuracy": 1.0})))
    assert "the logs themselves state 50.0% and 100.0%" in report
    same = make_log(values, metrics={"accuracy": 1.0})
    assert "logs themselves" not in text_report(compare_evals(same, same))


def test_several_candidates(eventful_set: ComparisonSet) -> None:
    report = text_report(eventful_set)
    lines = report.splitlines()
    assert lines[0].startswith("FAIL  2 candidates: ")
    assert lines[1].startswith("  FAIL  openai/worse (worse.eval): choice regressed")
    assert "ranking by choice (40 ids" in report
    assert re.search(r"openai/old, the baseline +\d\d\.\d%", report)
    assert "== 2 of 2: openai/like (like.eval) ==" in lines


def test_verdict_line_is_one_line(eventful: ComparisonResult) -> None:
    line = verdict_line(eventful)
    assert line.startswith("FAIL  choice regressed, -")
    assert "\n" not in line


def test_thresholds_are_listed(make_log) -> None:
    values = dict.fromkeys(range(10), "C")
    thresholds = GateThresholds(error_rate=0.0, cost_ratio=1.0)
    report = text_report(compare_evals(make_log(values), make_log(values), thresholds=thresholds))
    assert "pass  error rate: 0.0% errors, 0.0% allowed" in report
    assert "inconclusive  cost ratio: the logs do not say" in report


def test_a_result_without_anything() -> None:
    report = text_report(_result())
    assert report.startswith("NO GATE  there was nothing to compare")
    assert "no scorer to compare" in report


def test_methods_are_named_in_one_line() -> None:
    other = _metric(scorer="judge", method="paired-t", interval="t", kind="continuous")
    report = text_report(_result(_metric(), other, cluster="subject", significance=0.1), width=1000)
    last = report.splitlines()[-1]
    assert last.startswith(
        "method: choice: sign-flip test on means of ids (mid-p), Tango's interval"
    )
    assert "judge: paired t test on means of ids, t interval" in last
    assert "unit: ids in clusters by subject" in last
    assert "90% intervals, tests at 0.1; p-values adjusted by Holm" in last


def test_unknown_methods_stand_for_themselves() -> None:
    assert "method: bayes, shrunk;" in text_report(
        _result(_metric(method="bayes", interval="shrunk"))
    )


def test_summary_is_this_report(eventful: ComparisonResult) -> None:
    assert eventful.summary() == text_report(eventful)
