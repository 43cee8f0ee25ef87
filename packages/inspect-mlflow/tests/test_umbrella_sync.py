"""`inspect-mlflow sync` with both packages installed: runs, and the traces that belong to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match

from inspect_mlflow._cli import main
from inspect_mlflow_core.testing import store_contents, trace_contents


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    samples = [Sample(id=i, input=f"1+1 ({i})", target="2") for i in (1, 2)]
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    task = Task(name="sums", dataset=samples, scorer=match())
    (log,) = eval(task, model=model, log_dir=str(tmp_path / "logs"), display="none")
    return Path(log.location)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_runs_and_their_traces_are_brought_up_to_date(log_path: Path, store_uri: str) -> None:
    arguments = ["sync", str(log_path), "--tracking-uri", store_uri, "--traces"]
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert "1 created" in done.output and "traces: 1 created" in done.output
    (task,) = [name for name in store_contents(store_uri) if name.startswith("task ")]
    traces = trace_contents(store_uri)
    assert len(traces) == 2
    assert {trace["metadata"]["mlflow.sourceRun"] for trace in traces.values()} == {task}
    before = store_contents(store_uri)
    again = json.loads(run(*arguments, "--json").output)
    assert [result["action"] for result in again["results"]] == ["unchanged"]
    assert [result["action"] for result in again["traces"]["results"]] == ["unchanged"]
    assert (store_contents(store_uri), trace_contents(store_uri)) == (before, traces)


def test_traces_are_made_where_tracing_is_on(
    log_path: Path, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["sync", str(log_path), "--tracking-uri", store_uri]
    assert run(*arguments).exit_code == 0
    assert trace_contents(store_uri) == {}
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    assert run(*arguments, "--no-traces").exit_code == 0
    assert trace_contents(store_uri) == {}
    assert run(*arguments).exit_code == 0
    assert len(trace_contents(store_uri)) == 2


def test_traces_alone(log_path: Path, store_uri: str) -> None:
    done = run("sync-traces", str(log_path), "--tracking-uri", store_uri)
    assert done.exit_code == 0, done.output
    assert len(trace_contents(store_uri)) == 2
    assert store_contents(store_uri) == {}
    assert "Examples:" in run("sync-traces", "--help").output
