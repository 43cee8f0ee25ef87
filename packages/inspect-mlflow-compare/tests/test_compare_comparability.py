from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.log import EvalLog, EvalPlan, EvalResults, EvalRevision, EvalScore
from inspect_ai.model import ChatMessageUser, GenerateConfig

from inspect_mlflow_compare import NotComparableError, compare_evals

Make = Callable[..., Any]
SCORES = {1: "C", 2: "I", 3: "C"}


@pytest.fixture
def differences(make_log: Make) -> Callable[..., dict[str, tuple[str, str, str]]]:
    """What differs between two logs, by field."""

    def find(before: EvalLog | dict[str, Any], after: EvalLog | dict[str, Any]) -> Any:
        logs = [
            make_log(SCORES, **side) if isinstance(side, dict) else side for side in (before, after)
        ]
        return {
            one.field: (one.severity, one.baseline, one.candidate)
            for one in compare_evals(*logs).differences
        }

    return find


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str, tuple[str, str, str]]] = {
    "task": ({"task": "a"}, {"task": "b"}, "eval.task", ("refusal", "a", "b")),
    "version": (
        {"task_version": 1},
        {"task_version": "2-B"},
        "eval.task_version",
        ("refusal", "1", "2-B"),
    ),
    "argument": (
        {"task_args": {"shots": 0, "level": 1}},
        {"task_args": {"shots": 5, "level": 1}},
        "eval.task_args.shots",
        ("refusal", "0", "5"),
    ),
    "missing argument": (
        {"task_args": {}},
        {"task_args": {"shots": 5}},
        "eval.task_args.shots",
        ("refusal", "–", "5"),
    ),
    "dataset": (
        {"dataset": {"name": "a"}},
        {"dataset": {"name": "b"}},
        "eval.dataset.name",
        ("refusal", "a", "b"),
    ),
    "location": (
        {"dataset": {"location": "a.csv"}},
        {"dataset": {"location": "b.csv"}},
        "eval.dataset.location",
        ("note", "a.csv", "b.csv"),
    ),
    "shuffled": (
        {"dataset": {"shuffled": None}},
        {"dataset": {"shuffled": True}},
        "eval.dataset.shuffled",
        ("warning", "false", "true"),
    ),
    "model": ({"model": "x/a"}, {"model": "x/b"}, "eval.model", ("note", "x/a", "x/b")),
    "model argument": (
        {"model_args": {"device": "cpu"}},
        {"model_args": {"device": "cuda"}},
        "eval.model_args.device",
        ("note", "cpu", "cuda"),
    ),
    "settings of one model": (
        {"model_generate_config": GenerateConfig(temperature=0)},
        {"model_generate_config": GenerateConfig(temperature=1)},
        "plan.config.temperature",
        ("note", "0.0", "1.0"),
    ),
    "settings of two models": (
        {"model": "x/a", "model_generate_config": GenerateConfig(temperature=0)},
        {"model": "x/b", "model_generate_config": GenerateConfig(temperature=1)},
        "plan.config.temperature",
        ("warning", "0.0", "1.0"),
    ),
    "connections": (
        {"model": "x/a", "model_generate_config": GenerateConfig(max_connections=1)},
        {"model": "x/b", "model_generate_config": GenerateConfig(max_connections=9)},
        "plan.config.max_connections",
        ("note", "1", "9"),
    ),
    "grader": (
        {"model_roles": {"grader": {"model": "x/a"}}},
        {"model_roles": {"grader": {"model": "x/b"}}},
        "eval.model_roles.grader",
        ("warning", "x/a", "x/b"),
    ),
    "limit": (
        {"config": {"token_limit": 100}},
        {"config": {"token_limit": 900}},
        "eval.config.token_limit",
        ("warning", "100", "900"),
    ),
    "reducer": (
        {"config": {}},
        {"config": {"epochs_reducer": ["max"]}},
        "eval.config.epochs_reducer",
        ("refusal", "mean", "max"),
    ),
    "solver": ({"solver": "a"}, {"solver": "b"}, "eval.solver", ("note", "a", "b")),
    "package": (
        {"packages": {"inspect_ai": "0.3.1"}},
        {"packages": {"inspect_ai": "0.3.2"}},
        "eval.packages.inspect_ai",
        ("note", "0.3.1", "0.3.2"),
    ),
    "commit": (
        {"revision": EvalRevision(type="git", origin="o", commit="abc")},
        {"revision": EvalRevision(type="git", origin="o", commit="abc", dirty=True)},
        "eval.revision.commit",
        ("note", "abc", "abc (dirty)"),
    ),
    "status": (
        {"status": "success"},
        {"status": "cancelled"},
        "status",
        ("warning", "success", "cancelled"),
    ),
    "scorer": (
        {"scorers": [{"name": "match"}]},
        {"scorers": [{"name": "includes"}]},
        "eval.scorers",
        ("refusal", "match", "includes"),
    ),
    "scorer options": (
        {"scorers": [{"name": "match", "options": {"location": "begin"}}]},
        {"scorers": [{"name": "match", "options": {"location": "end"}}]},
        "eval.scorers.match.options",
        ("refusal", '{"location": "begin"}', '{"location": "end"}'),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_differs_is_told(differences: Callable[..., Any], change: Any) -> None:
    before, after, field, expected = change
    found = differences(before, after)
    assert found.pop(field) == expected
    # A second model is told beside its settings, and nothing else is.
    assert set(found) <= {"eval.model"}


def test_equal_evaluations_have_no_differences(differences: Callable[..., Any]) -> None:
    assert differences({}, {}) == {}


def test_two_logs_that_both_failed_are_told(differences: Callable[..., Any]) -> None:
    found = differences({"status": "error"}, {"status": "error"})
    assert found["status"] == ("warning", "error", "error")


def test_epochs_are_a_note(make_log: Make, differences: Callable[..., Any]) -> None:
    before, after = make_log(SCORES), make_log({1: ["C", "I"], 2: ["C", "C"]}, epochs=2)
    assert differences(before, after)["eval.config.epochs"] == ("note", "1", "2")


def test_the_gravest_comes_first(make_log: Make) -> None:
    after = make_log(SCORES, model="x/b", task="other", config={"time_limit": 5})
    found = compare_evals(make_log(SCORES), after).differences
    assert [one.severity for one in found] == ["refusal", "warning", "note"]


def test_ids_of_one_log_only(make_log: Make, differences: Callable[..., Any]) -> None:
    found = differences(make_log({1: "C", 2: "C"}), make_log({2: "C", 3: "C", 4: "C"}))
    assert found["samples.id"] == ("warning", "1 of its own", "2 of its own")
    found = differences(make_log({1: "C"}), make_log({2: "C"}))
    assert found["samples.id"][0] == "refusal"


def test_other_questions_under_the_same_ids(
    make_sample: Make, make_log: Make, differences: Callable[..., Any]
) -> None:
    before = make_log([make_sample(id) for id in range(4)])
    one = make_log(
        [make_sample(id, input="new" if id == 1 else f"question {id}") for id in range(4)]
    )
    assert differences(before, one) == {
        "samples.input": ("warning", "1 of 4 ids", "different under the same id")
    }
    many = make_log([make_sample(id, target="no", input=f"question {id}") for id in range(4)])
    assert differences(before, many)["samples.target"][0] == "refusal"


def test_messages_are_compared_by_what_they_say(
    make_sample: Make, make_log: Make, differences: Callable[..., Any]
) -> None:
    def log(text: str) -> EvalLog:
        return make_log([make_sample(1, input=[ChatMessageUser(content=text)], target=["yes"])])

    assert differences(log("hello"), log("hello")) == {}
    assert "samples.input" in differences(log("hello"), log("good bye"))
    assert (
        differences(
            log("hello"), make_log([make_sample(1, input=[ChatMessageUser(content="hello")])])
        )
        == {}
    )


def test_scorers_of_old_logs_are_found_in_their_results(
    make_log: Make, differences: Callable[..., Any]
) -> None:
    results = EvalResults(scores=[EvalScore(name="match", scorer="match", params={"a": 1})])
    old = make_log(SCORES, results=results)
    assert differences(old, old) == {}
    new = make_log(SCORES, scorers=[{"name": "match", "options": {"a": 2}}])
    assert "eval.scorers.match.options" in differences(old, new)


def test_settings_in_force_are_those_of_the_plan(
    make_log: Make, differences: Callable[..., Any]
) -> None:
    logs = [make_log(SCORES), make_log(SCORES)]
    logs[1].plan = EvalPlan(config=GenerateConfig(top_p=0.5))
    assert differences(*logs)["plan.config.top_p"] == ("note", "–", "0.5")


def test_credentials_are_not_shown_and_long_values_are_cut(
    differences: Callable[..., Any],
) -> None:
    secret = {"api_key": "hunter2", "nested": {"all": [{"auth_token": "hunter2"}]}}
    found = differences(
        {"task_args": {**secret, "prompt": "x " * 500}},
        {"task_args": {"api_key": "hunter3", "nested": {}, "prompt": ""}},
    )
    assert "hunter" not in str(found)
    assert found["eval.task_args.api_key"] == ("refusal", "***", "***")
    assert len(found["eval.task_args.prompt"][1]) == 120


def test_strict_refuses_what_is_not_comparable(make_log: Make) -> None:
    log = make_log(SCORES)
    other = make_log(SCORES, task="other", dataset={"name": "others"})
    with pytest.raises(NotComparableError, match="eval.task: task / other; eval.dataset.name"):
        compare_evals(log, other, strict=True)
    assert compare_evals(log, other).metrics[0].ids == 3


def test_strict_accepts_another_model_and_warnings(make_log: Make) -> None:
    other = make_log(SCORES, model="x/b", config={"token_limit": 5}, status="error")
    result = compare_evals(make_log(SCORES), other, strict=True)
    assert {one.severity for one in result.differences} == {"note", "warning"}
