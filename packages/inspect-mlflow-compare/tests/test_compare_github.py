from __future__ import annotations

import re
from dataclasses import replace

from inspect_mlflow_compare import ComparisonResult, ComparisonSet, compare_evals
from inspect_mlflow_compare.reports import github_report

_COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def _commands(report: str) -> list[tuple[str, str, str]]:
    """Level, title and message of each command, unescaped as the runner does."""
    found = []
    for line in report.splitlines():
        level, title, message = _COMMAND.fullmatch(line).groups()
        for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
            title = title.replace(code, character)
        message = message.replace("%0D", "\r").replace("%0A", "\n")
        found.append((level, title.replace("%25", "%"), message.replace("%25", "%")))
    return found


def test_a_failure_is_an_error(eventful: ComparisonResult) -> None:
    level, title, message = _commands(github_report(eventful))[0]
    assert level == "error"
    assert title == "FAIL: quiz/<b>--: openai/old -> openai/worse"
    assert message.startswith("choice regressed, -")


def test_warnings_are_warnings(eventful: ComparisonResult) -> None:
    warned = [
        message for level, _, message in _commands(github_report(eventful)) if level == "warning"
    ]
    assert warned == eventful.warnings


def test_a_pass_is_a_notice(uneventful: ComparisonResult) -> None:
    [(level, title, message)] = _commands(github_report(uneventful))
    assert (level, title) == ("notice", "PASS: task: mockllm/model")
    assert "no detectable change" in message


def test_inconclusive_is_a_warning_and_an_error_on_request(make_log) -> None:
    result = compare_evals(make_log({1: None}), make_log({1: "C"}))
    assert _commands(github_report(result))[0][0] == "warning"
    assert _commands(github_report(result, fail_on="inconclusive"))[0][0] == "error"


def test_nothing_is_an_error_on_request(eventful: ComparisonResult) -> None:
    levels = {level for level, _, _ in _commands(github_report(eventful, fail_on="never"))}
    assert levels == {"warning"}


def test_escapes(eventful: ComparisonResult) -> None:
    text = "100%, a:b\r\n::error::%0A"
    found = _commands(github_report(replace(eventful, baseline_task=text, warnings=[text])))
    assert [message for _, _, message in found][1] == text
    assert "100%, a:b\\r\\n::error::%0A" in found[0][1]


def test_no_more_than_are_shown(eventful: ComparisonResult) -> None:
    many = replace(eventful, warnings=[f"warning {number}" for number in range(30)])
    found = [message for level, _, message in _commands(github_report(many)) if level == "warning"]
    assert len(found) == 10
    assert found[-1].startswith("21 further warnings; ")


def test_a_line_for_each_candidate(eventful_set: ComparisonSet) -> None:
    titles = [
        title for level, title, _ in _commands(github_report(eventful_set)) if level == "error"
    ]
    assert [title.rpartition(" ")[2] for title in titles] == ["openai/worse", "openai/like"]
