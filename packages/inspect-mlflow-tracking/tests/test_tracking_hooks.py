"""The hooks themselves: cheap when off, never raising, documented by name."""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest
from inspect_ai.hooks import Hooks

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.testing import clean_environment
from inspect_mlflow_tracking import MlflowTrackingHooks
from inspect_mlflow_tracking.artifacts import ArtifactManager

DOCUMENTED = (
    "on_run_start",
    "on_run_end",
    "on_task_start",
    "on_task_end",
    "on_sample_end",
    "on_sample_event",
    "on_model_usage",
)


def test_documented_methods_and_properties() -> None:
    assert issubclass(MlflowTrackingHooks, Hooks)
    for name in DOCUMENTED:
        method = getattr(MlflowTrackingHooks, name)
        assert inspect.iscoroutinefunction(method)
        assert list(inspect.signature(method).parameters) == ["self", "data"]
    for name in ("artifact_manager", "client", "settings"):
        assert isinstance(getattr(MlflowTrackingHooks, name), property)


def test_properties_follow_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    hook = MlflowTrackingHooks()
    assert isinstance(hook.settings, MLflowSettings)
    assert hook.settings.tracking_uri == uri
    assert hook.client.tracking_uri == uri
    assert isinstance(hook.artifact_manager, ArtifactManager)


@pytest.mark.parametrize("name", ["INSPECT_MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_URI"])
def test_enabled_needs_a_tracking_uri(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for variable in [v for v in os.environ if v.startswith(("MLFLOW_", "INSPECT_"))]:
        monkeypatch.delenv(variable)
    hook = MlflowTrackingHooks()
    assert not hook.enabled()
    monkeypatch.setenv(name, "")
    assert not hook.enabled()
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert hook.enabled()
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "no")
    assert not hook.enabled()
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "nonsense")
    assert not hook.enabled()


def python(code: str) -> str:
    environment = clean_environment()
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return found.stdout


def test_registry_imports_nothing_heavy_beyond_inspect() -> None:
    code = """
import sys
import inspect_ai.hooks, inspect_ai.log
before = set(sys.modules)
import inspect_mlflow_tracking._registry
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(" ".join(sorted(new & {"mlflow", "pandas", "numpy", "requests", "pydantic_settings"})))
"""
    assert python(code).strip() == ""


def test_a_run_that_begins_waits_for_no_import_that_takes_long() -> None:
    code = """
import sys
import inspect_ai.hooks, inspect_ai.log
import inspect_mlflow_tracking._evaluation
heavy = {
    "mlflow",
    "requests",
    "inspect_mlflow_core.connection",
    "inspect_mlflow_core.logs",
    "inspect_mlflow_tracking._exporter",
    "inspect_mlflow_tracking.mapping",
}
print(sorted(heavy & set(sys.modules)))
"""
    assert python(code).strip() == "[]"


def test_a_run_that_has_begun_is_tracked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [v for v in os.environ if v.startswith(("MLFLOW_", "INSPECT_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    hook = MlflowTrackingHooks()
    run = SimpleNamespace(run_id="run", task_names=["task"], logs=[])

    async def begin_and_end() -> None:
        await hook.on_run_start(run)  # type: ignore[arg-type]
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
        assert hook.enabled()
        await hook.on_run_end(run)  # type: ignore[arg-type]
        assert not hook.enabled()

    anyio.run(begin_and_end)


def test_entry_point_carries_the_name_of_the_package() -> None:
    points = importlib.metadata.entry_points(group="inspect_ai")
    (ours,) = [point for point in points if point.name == "inspect_mlflow_tracking"]
    assert ours.value == "inspect_mlflow_tracking._registry"
    assert ours.dist is not None and ours.dist.name == "inspect-mlflow-tracking"


def test_inspect_registers_the_hook_under_its_full_name() -> None:
    code = """
from inspect_ai._util.registry import registry_find, registry_info
from inspect_ai._util.entrypoints import ensure_entry_points
ensure_entry_points()
print([registry_info(h).name for h in registry_find(lambda i: i.type == "hooks")])
"""
    assert "inspect_mlflow_tracking/mlflow_tracking" in python(code)
