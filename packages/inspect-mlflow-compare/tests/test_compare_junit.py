from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from inspect_mlflow_compare import ComparisonResult, ComparisonSet, GateThresholds, compare_evals
from inspect_mlflow_compare.reports import junit_report


def _suites(result, **options) -> list[ET.Element]:
    document = junit_report(result, **options)
    assert document.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ET.fromstring(document.encode())
    assert root.tag == "testsuites"
    for name in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    return list(root)


def _states(suite: ET.Element) -> dict[str, str]:
    states = {}
    for case in suite.findall("testcase"):
        found = [name for name in ("failure", "skipped") if case.find(name) is not None]
        states[case.get("name")] = found[0] if found else "passed"
    assert int(suite.get("tests")) == len(states)
    assert int(suite.get("failures")) == list(states.values()).count("failure")
    assert int(suite.get("skipped")) == list(states.values()).count("skipped")
    return states


@pytest.fixture
def undecided(make_log) -> ComparisonResult:
    """One scorer that passes, a cost that the logs do not know."""
    values = dict.fromkeys(range(20), "C")
    return compare_evals(
        make_log(values), make_log(values), thresholds=GateThresholds(cost_ratio=1.1)
    )


def test_a_case_for_each_check(eventful: ComparisonResult) -> None:
    [suite] = _suites(eventful)
    assert list(_states(suite)) == [check.name for check in eventful.gate.checks]
    assert _states(suite)["choice"] == "failure"
    assert _states(suite)["judge.tone"] == "passed"
    assert _states(suite)["error_rate"] == "failure"


def test_a_failure_says_why(eventful: ComparisonResult) -> None:
    [suite] = _suites(eventful)
    failure = suite.find("testcase[@name='choice']/failure")
    assert failure.get("message").startswith("choice regressed, -")
    assert failure.text == failure.get("message")


def test_inconclusive_is_skipped(undecided: ComparisonResult) -> None:
    [suite] = _suites(undecided)
    assert _states(suite) == {"match": "passed", "cost_ratio": "skipped"}
    assert "do not say" in suite.find("testcase[@name='cost_ratio']/skipped").get("message")


def test_inconclusive_fails_on_request(undecided: ComparisonResult) -> None:
    [suite] = _suites(undecided, fail_on="inconclusive")
    assert _states(suite)["cost_ratio"] == "failure"


def test_nothing_fails_on_request(eventful: ComparisonResult) -> None:
    [suite] = _suites(eventful, fail_on="never")
    assert _states(suite)["choice"] == "skipped"
    assert suite.get("failures") == "0"


def test_a_suite_for_each_candidate(eventful_set: ComparisonSet) -> None:
    suites = _suites(eventful_set)
    assert [suite.get("name") for suite in suites] == [
        "quiz/<b>--: openai/old -> openai/worse",
        "quiz/<b>--: openai/old -> openai/like",
    ]


def test_texts_that_xml_cannot_hold(eventful: ComparisonResult, nasty_id: str) -> None:
    bad = f"{nasty_id}\x00\ud800\uffff]]>"
    metric = replace(eventful.metrics[0], scorer=bad)
    checks = (replace(eventful.gate.checks[0], name=bad, reason=bad),)
    gate = replace(eventful.gate, checks=checks)
    [suite] = _suites(replace(eventful, metrics=[metric], gate=gate, baseline_task=bad))
    assert "\\x00" in suite.find("testcase").get("name")


def test_report_is_attached(eventful: ComparisonResult) -> None:
    [suite] = _suites(eventful)
    assert suite.find("system-out").text.startswith("FAIL  choice regressed")


def test_without_a_gate() -> None:
    [suite] = _suites(ComparisonResult("a", "b", "t", "t", "m", "m"))
    assert _states(suite) == {"gate": "skipped"}
