"""The documented names, signatures and defaults of the hooks, written out."""

from __future__ import annotations

import inspect
import os
from typing import Any, get_type_hints

import pytest
from inspect_ai import hooks

import inspect_mlflow_tracing
from inspect_mlflow_core.config import MLflowSettings, load_settings
from inspect_mlflow_tracing import MlflowTracingHooks

DOCUMENTED = {
    "on_run_start": hooks.RunStart,
    "on_run_end": hooks.RunEnd,
    "on_task_start": hooks.TaskStart,
    "on_task_end": hooks.TaskEnd,
    "on_sample_start": hooks.SampleStart,
    "on_sample_end": hooks.SampleEnd,
    "on_sample_event": hooks.SampleEvent,
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith(("MLFLOW_", "INSPECT_"))]:
        monkeypatch.delenv(variable)


def test_the_class_is_a_hook_of_inspect_and_takes_nothing() -> None:
    assert issubclass(MlflowTracingHooks, hooks.Hooks)
    assert list(inspect.signature(MlflowTracingHooks).parameters) == []
    assert isinstance(MlflowTracingHooks(), hooks.Hooks)


@pytest.mark.parametrize(("name", "data"), DOCUMENTED.items())
def test_methods_take_what_inspect_tells(name: str, data: type[Any]) -> None:
    method = getattr(MlflowTracingHooks, name)
    assert name in vars(MlflowTracingHooks)
    assert inspect.iscoroutinefunction(method)
    assert list(inspect.signature(method).parameters) == ["self", "data"]
    annotations = inspect.get_annotations(method)
    assert annotations == {"data": data.__name__, "return": "None"}
    assert inspect.getdoc(method)


def test_enabled_answers_yes_or_no() -> None:
    method = MlflowTracingHooks.enabled
    assert list(inspect.signature(method).parameters) == ["self"]
    assert get_type_hints(method) == {"return": bool}
    assert MlflowTracingHooks().enabled() is False


def test_settings_is_a_property() -> None:
    assert isinstance(vars(MlflowTracingHooks)["settings"], property)
    settings = MlflowTracingHooks().settings
    assert isinstance(settings, MLflowSettings)
    assert settings == load_settings()


@pytest.mark.parametrize("uri", ["MLFLOW_TRACKING_URI", "INSPECT_MLFLOW_TRACKING_URI"])
@pytest.mark.parametrize(
    "switch",
    ["MLFLOW_INSPECT_TRACING", "INSPECT_MLFLOW_TRACING_ENABLED", "INSPECT_MLFLOW_LOG_TRACES"],
)
def test_both_variables_switch_it_on(
    monkeypatch: pytest.MonkeyPatch, uri: str, switch: str
) -> None:
    hook = MlflowTracingHooks()
    monkeypatch.setenv(uri, "http://localhost:5000")
    monkeypatch.setenv(switch, "true")
    assert hook.enabled()
    assert hook.settings.tracking_uri == "http://localhost:5000"
    assert hook.settings.tracing_enabled
    monkeypatch.setenv(switch, "false")
    assert not hook.enabled()


def test_names_of_the_package() -> None:
    assert {"MlflowTracingHooks", "rebuild_sample", "sync_traces"} <= set(
        inspect_mlflow_tracing.__all__
    )
    for name in inspect_mlflow_tracing.__all__:
        assert getattr(inspect_mlflow_tracing, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        inspect_mlflow_tracing.no_such_name  # noqa: B018
