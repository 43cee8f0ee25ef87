"""The report for build servers that read JUnit's XML."""

from __future__ import annotations

import re
from typing import Final, Literal
from xml.etree import ElementTree as ET

from inspect_mlflow_compare._types import (
    ComparisonResult,
    ComparisonSet,
    GateCheck,
    MetricComparison,
    Outcome,
)
from inspect_mlflow_compare.reports._characters import visible
from inspect_mlflow_compare.reports._comparisons import comparisons_of, title
from inspect_mlflow_compare.reports._findings import check_reason, finding, judged_metrics
from inspect_mlflow_compare.reports._text import text_report

__all__ = ["FailOn", "junit_report"]

FailOn = Literal["regression", "inconclusive", "never"]
"""What counts as a failure: failed checks, also those that are inconclusive, or nothing."""

_SUITE: Final = "inspect-mlflow-compare"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(
    result: ComparisonResult | ComparisonSet, *, fail_on: FailOn = "regression"
) -> str:
    """A test suite for each candidate, and in it a test case for each check of the gate.

    Checks that are inconclusive count as skipped, and with `fail_on="inconclusive"` as failed.
    With `fail_on="never"` those that failed count as skipped too.

    Args:
        result: One comparison or several.
        fail_on: What counts as a failure.
    """
    root = ET.Element("testsuites", name=_SUITE)
    for one in comparisons_of(result):
        root.append(_suite(one, fail_on))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(result: ComparisonResult, fail_on: FailOn) -> ET.Element:
    suite = ET.Element("testsuite", name=_legal(title(result)))
    properties = ET.SubElement(suite, "properties")
    for name in ("baseline_log", "candidate_log", "baseline_model", "candidate_model"):
        ET.SubElement(
            properties, "property", name=name, value=_legal(visible(getattr(result, name)))
        )
    cases = _cases(result, fail_on)
    suite.extend(cases)
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": 0,
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    for name, number in counts.items():
        suite.set(name, str(number))
    suite.set("time", "0")
    ET.SubElement(suite, "system-out").text = _legal(text_report(result))
    return suite


def _cases(result: ComparisonResult, fail_on: FailOn) -> list[ET.Element]:
    classname = _legal(f"{visible(result.candidate_task)}.{visible(result.candidate_model)}")
    if result.gate is None:
        return [_case("gate", classname, "inconclusive", result.reason, fail_on)]
    return [
        _case(
            _legal(visible(check.name)),
            classname,
            check.outcome,
            _reason(check, metric, result),
            fail_on,
        )
        for check, metric in zip(result.gate.checks, judged_metrics(result), strict=True)
    ]


def _case(name: str, classname: str, outcome: Outcome, reason: str, fail_on: FailOn) -> ET.Element:
    case = ET.Element("testcase", name=name, classname=classname, time="0")
    reason = _legal(reason)
    failed = outcome == "fail" or (outcome == "inconclusive" and fail_on == "inconclusive")
    if failed and fail_on != "never":
        ET.SubElement(case, "failure", message=reason, type=outcome).text = reason
    elif outcome != "pass":
        ET.SubElement(case, "skipped", message=f"{outcome}: {reason}")
    else:
        ET.SubElement(case, "system-out").text = reason
    return case


def _reason(check: GateCheck, metric: MetricComparison | None, result: ComparisonResult) -> str:
    return check_reason(check, result) if metric is None else finding(metric, result)


def _legal(text: str) -> str:
    """A text without what XML 1.0 cannot hold, such as the escapes of a terminal."""
    return _NOT_XML.sub("\ufffd", text)
