"""The hooks themselves: cheap when off, never in the way, and without traces in the process."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match

from inspect_mlflow_core import reporting
from inspect_mlflow_core.testing import clean_environment, copy_store
from inspect_mlflow_tracing import MlflowTracingHooks

METHODS = (
    "on_run_start",
    "on_task_start",
    "on_sample_init",
    "on_sample_start",
    "on_sample_event",
    "on_sample_end",
    "on_task_end",
)


@pytest.fixture(autouse=True)
def fresh_reports() -> Iterator[None]:
    reporting.reset()
    yield
    reporting.reset()


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith(("MLFLOW_", "INSPECT_"))]:
        monkeypatch.delenv(variable)


def test_enabled_needs_a_tracking_uri_and_tracing(
    no_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = MlflowTracingHooks()
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    assert not hook.enabled()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert not hook.enabled()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert hook.enabled()
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "false")
    assert not hook.enabled()
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "false")
    assert not hook.enabled()


@pytest.mark.parametrize("together", [True, False])
def test_it_is_on_by_itself_where_it_is_installed_alone(
    no_settings: None, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    from inspect_mlflow_core import config

    def is_installed(module: str) -> bool:
        return together or module != "inspect_mlflow_tracking"

    monkeypatch.setattr(config, "_is_installed", is_installed)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert MlflowTracingHooks().enabled() is not together


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("INSPECT_MLFLOW_TRACING_ENABLED", "nonsense"),
        ("INSPECT_MLFLOW_TRACE_CONTENT", "some"),
        ("INSPECT_MLFLOW_FLUSH_TIMEOUT", "soon"),
        ("INSPECT_MLFLOW_QUEUE_BYTES", "\udcff"),
    ],
)
def test_a_wrong_value_switches_it_off_with_one_warning(
    no_settings: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    hook = MlflowTracingHooks()
    assert hook.enabled()
    monkeypatch.setenv(variable, value)
    assert [hook.enabled() for _ in range(3)] == [False] * 3
    (line,) = capfd.readouterr().err.splitlines()
    assert variable in line


@pytest.mark.parametrize("on", [True, False])
def test_enabled_costs_microseconds(
    no_settings: None, monkeypatch: pytest.MonkeyPatch, on: bool
) -> None:
    if on:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    hook = MlflowTracingHooks()
    assert hook.enabled() is on
    rounds = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(500):
            hook.enabled()
        rounds.append((time.perf_counter() - began) / 500)
    assert min(rounds) < 20e-6


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


def evaluate(directory: Path, samples: int = 3) -> EvalLog:
    (log,) = eval(
        Task(
            dataset=[Sample(id=i, input="1+1", target="2") for i in range(samples)], scorer=match()
        ),
        model=get_model("mockllm/model", custom_outputs=answer, memoize=False),
        log_dir=str(directory),
        display="none",
    )
    assert log.status == "success"
    return log


@pytest.fixture
def traced(store_uri: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", store_uri)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    monkeypatch.setenv("INSPECT_MLFLOW_AUTOLOG_ENABLED", "false")
    return store_uri


@pytest.mark.parametrize("uri", ["nonsense://somewhere", "http://127.0.0.1:9", "sqlite:////no/db"])
def test_hooks_never_raise(
    traced: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    uri: str,
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    with caplog.at_level(logging.WARNING):
        evaluate(tmp_path)
    assert "Exception calling hook" not in caplog.text


def test_hooks_of_what_never_began_do_nothing(
    no_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    hook = MlflowTracingHooks()

    async def end() -> None:
        await hook.on_run_end(SimpleNamespace(run_id="other", logs=[]))  # type: ignore[arg-type]
        await hook.on_sample_event(SimpleNamespace())  # type: ignore[arg-type]

    anyio.run(end)


def test_hooks_leave_the_network_and_the_time_to_others(
    traced: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    here = threading.get_ident()
    connections: list[int] = []
    seconds: list[float] = []
    connect = socket.socket.connect

    def watched_connect(self: socket.socket, address: Any) -> None:
        connections.append(threading.get_ident())
        connect(self, address)

    def timed(name: str) -> Any:
        method = getattr(MlflowTracingHooks, name)

        async def call(self: MlflowTracingHooks, data: Any) -> None:
            began = time.perf_counter()
            await method(self, data)
            seconds.append(time.perf_counter() - began)

        return call

    monkeypatch.setattr(socket.socket, "connect", watched_connect)
    for name in METHODS:
        monkeypatch.setattr(MlflowTracingHooks, name, timed(name))
    evaluate(tmp_path, samples=20)
    assert len(seconds) > 60
    assert statistics.median(seconds) < 0.001
    assert connections and here not in connections


def test_nothing_of_mlflow_changes_in_the_process(
    traced: str, store_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    own_uri = copy_store(store_template, tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(own_uri)
    try:
        experiment_id = mlflow.set_experiment("my own").experiment_id
        with mlflow.start_run() as run:
            environment = dict(os.environ)
            evaluate(tmp_path / "logs")
            assert mlflow.get_tracking_uri() == own_uri
            active = mlflow.active_run()
            assert active is not None and active.info.run_id == run.info.run_id
            assert mlflow.get_current_active_span() is None
            assert mlflow.get_last_active_trace_id() is None
            assert dict(os.environ) == environment
            assert mlflow.set_experiment("my own").experiment_id == experiment_id
        client = mlflow.MlflowClient(own_uri)
        assert client.search_traces(locations=[experiment_id]) == []
        names = {experiment.name for experiment in client.search_experiments()}
        assert names == {"Default", "my own"}
        assert client.get_run(run.info.run_id).data.tags.keys() >= {"mlflow.user"}
        assert not [k for k in client.get_run(run.info.run_id).data.tags if "inspect" in k]
    finally:
        mlflow.set_tracking_uri(before)
    found = mlflow.MlflowClient(traced)
    experiment = found.get_experiment_by_name("inspect_ai")
    assert len(found.search_traces(locations=[experiment.experiment_id])) == 3


def test_under_trio(traced: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("INSPECT_ASYNC_BACKEND", "trio")
    evaluate(tmp_path)
    client = mlflow.MlflowClient(traced)
    experiment = client.get_experiment_by_name("inspect_ai")
    assert len(client.search_traces(locations=[experiment.experiment_id])) == 3


def python(code: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout


def test_registry_imports_nothing_heavy_and_registers_the_hook() -> None:
    code = """
import sys
import inspect_ai.hooks, inspect_ai.log
before = set(sys.modules)
import inspect_mlflow_tracing._registry
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"mlflow", "pandas", "numpy", "requests", "pydantic_settings"}))
from inspect_ai._util.registry import registry_find, registry_info
from inspect_ai._util.entrypoints import ensure_entry_points
ensure_entry_points()
print([registry_info(h).name for h in registry_find(lambda i: i.type == "hooks")])
"""
    heavy, names = python(code).strip().splitlines()
    assert heavy == "[]"
    assert "inspect_mlflow_tracing/mlflow_tracing" in names


def test_a_run_that_begins_waits_for_no_import_that_takes_long() -> None:
    code = """
import sys
import inspect_ai.hooks, inspect_ai.log
import inspect_mlflow_tracing._evaluation
heavy = {
    "mlflow",
    "requests",
    "inspect_mlflow_core.connection",
    "inspect_mlflow_core.logs",
    "inspect_mlflow_tracing._exporter",
    "inspect_mlflow_tracing.mapping",
}
print(sorted(heavy & set(sys.modules)))
"""
    assert python(code).strip() == "[]"


def test_a_run_that_has_begun_is_traced_to_its_end(
    no_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    hook = MlflowTracingHooks()
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
    (ours,) = [point for point in points if point.name == "inspect_mlflow_tracing"]
    assert ours.value == "inspect_mlflow_tracing._registry"
    assert ours.dist is not None and ours.dist.name == "inspect-mlflow-tracing"
