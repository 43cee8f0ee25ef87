"""The documented names, signatures, defaults and fields."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from typing import Any, get_args, get_type_hints

import pytest

import inspect_mlflow_compare
from inspect_mlflow_compare import (
    ComparisonResult,
    MetricComparison,
    SampleComparison,
    SignificanceResult,
    bootstrap_ci,
    cohens_d,
    compare_evals,
    compare_many,
    mcnemars_test,
    permutation_test,
)
from inspect_mlflow_compare._types import Direction

REQUIRED = inspect.Parameter.empty

CLASSES: dict[type, list[tuple[str, str, Any]]] = {
    SampleComparison: [
        ("id", "int | str", REQUIRED),
        ("epoch", "int", REQUIRED),
        ("scorer", "str", REQUIRED),
        ("baseline_score", "float | None", REQUIRED),
        ("candidate_score", "float | None", REQUIRED),
        ("delta", "float | None", REQUIRED),
        ("direction", "Direction", REQUIRED),
    ],
    MetricComparison: [
        ("name", "str", REQUIRED),
        ("scorer", "str", REQUIRED),
        ("baseline_value", "float", REQUIRED),
        ("candidate_value", "float", REQUIRED),
        ("delta", "float", REQUIRED),
        ("relative_delta", "float | None", REQUIRED),
        ("significant", "bool", REQUIRED),
        ("p_value", "float | None", REQUIRED),
        ("ci_lower", "float | None", REQUIRED),
        ("ci_upper", "float | None", REQUIRED),
        ("effect_size", "float | None", None),
    ],
    ComparisonResult: [
        ("baseline_log", "str", REQUIRED),
        ("candidate_log", "str", REQUIRED),
        ("baseline_task", "str", REQUIRED),
        ("candidate_task", "str", REQUIRED),
        ("baseline_model", "str", REQUIRED),
        ("candidate_model", "str", REQUIRED),
        ("metrics", "list[MetricComparison]", list),
        ("samples", "list[SampleComparison]", list),
    ],
    SignificanceResult: [
        ("significant", "bool", REQUIRED),
        ("p_value", "float", REQUIRED),
        ("ci_lower", "float", REQUIRED),
        ("ci_upper", "float", REQUIRED),
        ("method", "str", REQUIRED),
    ],
}

FUNCTIONS: dict[Any, list[tuple[str, Any]]] = {
    compare_evals: [
        ("baseline", REQUIRED),
        ("candidate", REQUIRED),
        ("scorers", None),
        ("significance", 0.05),
        ("regression_threshold", 0.0),
        ("sample_filter", None),
    ],
    bootstrap_ci: [
        ("baseline_scores", REQUIRED),
        ("candidate_scores", REQUIRED),
        ("significance", 0.05),
        ("n_resamples", 10000),
        ("seed", 42),
    ],
    mcnemars_test: [
        ("baseline_correct", REQUIRED),
        ("candidate_correct", REQUIRED),
        ("significance", 0.05),
    ],
    permutation_test: [
        ("baseline_scores", REQUIRED),
        ("candidate_scores", REQUIRED),
        ("significance", 0.05),
        ("n_iterations", 10000),
        ("seed", 42),
    ],
    cohens_d: [("baseline_scores", REQUIRED), ("candidate_scores", REQUIRED)],
}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_fields_come_first_in_their_order_with_their_defaults(cls: type) -> None:
    documented = CLASSES[cls]
    fields = dataclasses.fields(cls)
    for field, (name, annotation, default) in zip(fields, documented, strict=False):
        assert field.name == name
        if cls is not SignificanceResult:
            assert field.type == annotation
        if default is REQUIRED:
            assert field.default is field.default_factory is dataclasses.MISSING
        elif callable(default):
            assert field.default_factory is default
        else:
            assert field.default == default
    for added in fields[len(documented) :]:
        assert added.default is not added.default_factory


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_parameters_come_first_in_their_order_with_their_defaults(function: Any) -> None:
    documented = FUNCTIONS[function]
    parameters = list(inspect.signature(function).parameters.values())
    for parameter, (name, default) in zip(parameters, documented, strict=False):
        assert (parameter.name, parameter.default) == (name, default)
        assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    for added in parameters[len(documented) :]:
        assert added.default is not REQUIRED
        assert added.kind is added.KEYWORD_ONLY


def test_annotations_are_as_documented() -> None:
    parameters = inspect.signature(compare_evals).parameters
    assert {name: parameters[name].annotation for name in list(parameters)[:6]} == {
        "baseline": "str | Path | EvalLog",
        "candidate": "str | Path | EvalLog",
        "scorers": "list[str] | None",
        "significance": "float",
        "regression_threshold": "float",
        "sample_filter": "Callable[[EvalSample], bool] | None",
    }
    assert inspect.signature(compare_evals).return_annotation == "ComparisonResult"
    assert get_args(Direction) == ("improved", "regressed", "unchanged", "new", "missing")


def test_compare_many_takes_what_compare_evals_takes() -> None:
    one, many = (
        inspect.signature(function).parameters for function in (compare_evals, compare_many)
    )
    assert list(many)[1] == "candidates"
    assert [*many.values()][2:] == [*one.values()][2:]


def test_results_have_their_properties() -> None:
    result = ComparisonResult("a", "b", "t", "t", "m", "n")
    assert result.metrics == result.samples == []
    assert result.regressions == result.improvements == result.unchanged == []
    assert (result.aligned_count, result.missing_count, result.new_count) == (0, 0, 0)
    assert result.win_rate is None
    assert callable(result.summary)


def test_results_can_be_made_as_documented() -> None:
    sample = SampleComparison(7, 1, "match", 0.0, 1.0, 1.0, "improved")
    metric = MetricComparison("accuracy", "match", 0.5, 0.6, 0.1, 0.2, False, 0.5, -0.1, 0.3)
    result = ComparisonResult("a", "b", "t", "t", "m", "n", [metric], [sample])
    assert metric.effect_size is None
    assert result.metrics == [metric] and result.samples == [sample]
    assert get_type_hints(SampleComparison)["direction"] == Direction


@pytest.mark.parametrize("name", inspect_mlflow_compare.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(inspect_mlflow_compare, name) is not None
    assert name in dir(inspect_mlflow_compare)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert inspect_mlflow_compare.__version__
    with pytest.raises(AttributeError, match="nothing"):
        _ = inspect_mlflow_compare.nothing


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_import_is_cheap() -> None:
    heavy = "numpy", "inspect_ai", "pandas", "scipy", "mlflow", "click", "fsspec"
    code = f"import sys, inspect_mlflow_compare; print(sorted({heavy} & sys.modules.keys()))"
    assert run(code) == "[]"


def test_a_comparison_imports_no_other_library() -> None:
    code = """
import sys
from inspect_ai.log import EvalDataset, EvalConfig, EvalLog, EvalSample, EvalSpec
from inspect_ai.scorer import Score
before = set(sys.modules)
from inspect_mlflow_compare import compare_evals
spec = EvalSpec(created="2026-01-02T03:04:05+00:00", task="t", model="m",
                dataset=EvalDataset(), config=EvalConfig())
samples = [EvalSample(id=i, epoch=1, input="", target="", scores={"s": Score(value=i / 7)})
           for i in range(30)]
log = EvalLog(eval=spec, samples=samples)
assert compare_evals(log, log).metrics[0].ids == 30
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(tops & {"mlflow", "scipy", "pandas", "statsmodels", "matplotlib"}),
      sorted(name for name in tops if name.startswith("inspect_mlflow")))
"""
    assert run(code) == "[] ['inspect_mlflow_compare']"
