"""The documented import paths: light, complete, and the same objects as in the packages."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any

import pytest

import inspect_mlflow

FACADES = {
    "inspect_mlflow._autolog": "inspect_mlflow_tracking.autolog",
    "inspect_mlflow.artifacts": "inspect_mlflow_tracking.artifacts",
    "inspect_mlflow.artifacts.manager": "inspect_mlflow_tracking.artifacts.manager",
    "inspect_mlflow.artifacts.tables": "inspect_mlflow_tracking.artifacts.tables",
    "inspect_mlflow.comparison": "inspect_mlflow_compare",
    "inspect_mlflow.comparison._compare": "inspect_mlflow_compare",
    "inspect_mlflow.comparison._statistics": "inspect_mlflow_compare",
    "inspect_mlflow.comparison._types": "inspect_mlflow_compare",
    "inspect_mlflow.config": "inspect_mlflow_core.config",
    "inspect_mlflow.scout": "inspect_mlflow_scout",
    "inspect_mlflow.tracing": "inspect_mlflow_tracing",
    "inspect_mlflow.tracking": "inspect_mlflow_tracking",
    "inspect_mlflow.util": "inspect_mlflow_core.util",
}
DOCUMENTED_TABLE_FUNCTIONS = {
    "extract_event_rows": "(*, eval_id, task_name, sample_id, sample)",
    "extract_inspect_table_rows": "(*, eval_id, task_name, log)",
    "extract_message_rows": "(*, eval_id, task_name, sample_id, sample)",
    "extract_model_usage_rows": "(*, eval_id, task_name, sample_id, sample)",
    "extract_sample_score_rows": "(*, eval_id, task_name, sample_id, scores)",
    "extract_usage_from_events": "(sample)",
    "get_sample_output_text": "(sample)",
    "obj_get": "(obj, key)",
    "rows_to_columns": "(rows)",
    "scores_to_dict": "(scores)",
    "sum_usage_map": "(usage_map)",
    "to_json": "(value)",
    "to_string": "(value)",
    "usage_to_dict": "(usage)",
}
DOCUMENTED_MANAGER_METHODS = {
    "__init__": "(self, client, logger=None)",
    "load_full_eval_log": "(self, log)",
    "log_eval_artifacts": "(self, run_id, log)",
    "log_eval_json": "(self, run_id, log)",
    "log_inspect_tables": "(self, run_id, log)",
    "log_sample_table": "(self, run_id, log)",
}
DOCUMENTED_TRACING_METHODS = (
    "on_run_end",
    "on_run_start",
    "on_sample_end",
    "on_sample_event",
    "on_sample_start",
    "on_task_end",
    "on_task_start",
)
DOCUMENTED_SETTINGS = (
    "tracking_uri",
    "experiment_name",
    "tracing_enabled",
    "log_artifacts",
    "autolog_enabled",
    "autolog_models",
)


def shape(function: Any) -> str:
    """A signature without its annotations."""
    signature = inspect.signature(function)
    bare = [
        parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()
    ]
    return str(inspect.Signature(bare))


def required_shape(function: Any) -> str:
    """The documented start of a signature: without further parameters that have defaults."""
    parameters = inspect.signature(function).parameters.values()
    kept = [
        parameter.replace(annotation=parameter.empty)
        for parameter in parameters
        if parameter.default is parameter.empty
    ]
    return str(inspect.Signature(kept))


def test_importing_the_umbrella_imports_nothing_heavy() -> None:
    heavy = ["mlflow", "inspect_ai", "numpy", "pydantic_settings"]
    code = f"import inspect_mlflow, sys; print(*set({heavy!r}) & set(sys.modules))"
    finished = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert (finished.returncode, finished.stdout.split()) == (0, []), finished.stderr


@pytest.mark.parametrize("facade", sorted(FACADES))
def test_no_documented_path_imports_mlflow(facade: str) -> None:
    code = f"import {facade}, sys; print(*{{'mlflow', 'pandas'}} & set(sys.modules))"
    finished = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert (finished.returncode, finished.stdout.split()) == (0, []), finished.stderr


def test_names_of_the_umbrella_are_sorted_and_resolve() -> None:
    assert inspect_mlflow.__all__ == sorted(inspect_mlflow.__all__)
    assert set(inspect_mlflow.__all__) <= set(dir(inspect_mlflow))
    for name in inspect_mlflow.__all__:
        assert getattr(inspect_mlflow, name).__name__ == name


def test_hooks_of_the_umbrella_are_those_of_the_packages() -> None:
    from inspect_mlflow_tracing import MlflowTracingHooks
    from inspect_mlflow_tracking import MlflowTrackingHooks

    assert inspect_mlflow.MlflowTrackingHooks is MlflowTrackingHooks
    assert inspect_mlflow.MlflowTracingHooks is MlflowTracingHooks


def test_samples_are_rebuilt_by_core() -> None:
    from inspect_mlflow_core.kept_sample import rebuild_sample

    assert inspect_mlflow.rebuild_sample is rebuild_sample


def test_unknown_name_is_an_attribute_error() -> None:
    name = "no_such_name"
    with pytest.raises(AttributeError, match="'inspect_mlflow' has no attribute 'no_such_name'"):
        getattr(inspect_mlflow, name)
    assert not hasattr(inspect_mlflow, "__path_of_nothing__")


def test_version_is_that_of_the_distribution() -> None:
    assert inspect_mlflow.__version__ == version("inspect-mlflow")


@pytest.mark.parametrize(("facade", "home"), FACADES.items())
def test_facade_has_the_identical_objects(facade: str, home: str) -> None:
    module, original = import_module(facade), import_module(home)
    assert module.__all__
    assert all(getattr(module, name) is getattr(original, name) for name in module.__all__)


@pytest.mark.parametrize("name", ["config", "util", "artifacts.manager", "artifacts.tables"])
def test_facade_leaves_nothing_out(name: str) -> None:
    facade = f"inspect_mlflow.{name}"
    module, original = import_module(facade), import_module(FACADES[facade])
    assert sorted(module.__all__) == sorted(original.__all__)


@pytest.mark.parametrize(("name", "expected"), DOCUMENTED_TABLE_FUNCTIONS.items())
def test_signatures_of_tables(name: str, expected: str) -> None:
    from inspect_mlflow.artifacts import tables

    assert required_shape(getattr(tables, name)) == expected


@pytest.mark.parametrize(("name", "expected"), DOCUMENTED_MANAGER_METHODS.items())
def test_signatures_of_the_artifact_manager(name: str, expected: str) -> None:
    from inspect_mlflow.artifacts.manager import ArtifactManager

    assert shape(getattr(ArtifactManager, name)) == expected


def test_signature_of_enable_autolog() -> None:
    from inspect_mlflow._autolog import enable_autolog

    parameters = inspect.signature(enable_autolog).parameters
    assert list(parameters)[:3] == ["models", "find_spec", "import_module"]
    assert parameters["models"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert parameters["find_spec"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["import_module"].kind is inspect.Parameter.KEYWORD_ONLY


def test_signatures_of_config_and_util() -> None:
    from inspect_mlflow.config import MLflowSettings, load_settings
    from inspect_mlflow.util import safe_log_params, score_to_numeric, truncate

    assert tuple(MLflowSettings.model_fields)[: len(DOCUMENTED_SETTINGS)] == DOCUMENTED_SETTINGS
    assert load_settings() == MLflowSettings()
    assert shape(safe_log_params) == "(mlflow, params)"
    assert shape(score_to_numeric) == "(value)"
    assert shape(truncate) == "(text, max_len=200)"


def test_tracking_hooks_have_the_documented_members() -> None:
    from inspect_ai.hooks import Hooks

    from inspect_mlflow.tracking import MlflowTrackingHooks

    assert issubclass(MlflowTrackingHooks, Hooks)
    for name in ("artifact_manager", "client", "settings"):
        assert isinstance(getattr(MlflowTrackingHooks, name), property)
    assert MlflowTrackingHooks().enabled() is False


def test_tracing_hooks_have_the_documented_members(monkeypatch: pytest.MonkeyPatch) -> None:
    from inspect_ai.hooks import Hooks

    from inspect_mlflow.config import MLflowSettings
    from inspect_mlflow.tracing import MlflowTracingHooks

    assert issubclass(MlflowTracingHooks, Hooks)
    for name in DOCUMENTED_TRACING_METHODS:
        method = vars(MlflowTracingHooks)[name]
        assert inspect.iscoroutinefunction(method)
        assert shape(method) == "(self, data)"
    assert isinstance(MlflowTracingHooks().settings, MLflowSettings)
    assert MlflowTracingHooks().enabled() is False
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert MlflowTracingHooks().enabled() is False
    monkeypatch.setenv("MLFLOW_INSPECT_TRACING", "true")
    assert MlflowTracingHooks().enabled() is True
