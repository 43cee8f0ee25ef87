"""A server that is away, slow, old or refuses: the evaluation goes on, and a sync completes it."""

from __future__ import annotations

import importlib.util
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from mlflow import MlflowClient

from inspect_mlflow_core import reporting
from inspect_mlflow_core.delivery import delivery_worker
from inspect_mlflow_core.testing import faulty_proxy
from inspect_mlflow_tracing import sync_traces

COMMAND = "inspect-mlflow sync-traces"


@pytest.fixture(autouse=True)
def tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    reporting.reset()
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    monkeypatch.setenv("INSPECT_MLFLOW_AUTOLOG_ENABLED", "false")


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


def evaluate(
    uri: str, logs: Path, monkeypatch: pytest.MonkeyPatch, *, experiment: str = "inspect_ai"
) -> EvalLog:
    """Evaluate, and see to it that the evaluation takes no harm."""
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("INSPECT_MLFLOW_EXPERIMENT_NAME", experiment)
    samples = [Sample(id=i, input=f"1+1 ({i})", target="2") for i in range(1, 4)]
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    (log,) = eval(
        Task(name="sums", dataset=samples, scorer=match()),
        model=model,
        log_dir=str(logs),
        display="none",
    )
    assert log.status == "success"
    whole = read_eval_log(log.location)
    assert whole.samples is not None and len(whole.samples) == 3
    assert not [e for s in whole.samples for e in s.events if e.event == "logger"]
    return log


def said(captured: pytest.CaptureFixture[str]) -> list[str]:
    lines = captured.readouterr().err.splitlines()
    return [line for line in lines if line.startswith("inspect-mlflow: ")]


def traces(uri: str, experiment: str) -> int:
    """How many complete traces there are."""
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return 0
    stored = client.search_traces(locations=[found.experiment_id])
    assert len({trace.info.client_request_id for trace in stored}) == len(stored)
    assert all("inspect.trace_digest" in trace.info.tags for trace in stored)
    return len(stored)


@pytest.mark.parametrize("fault", ["500", "429", "408", "reset"])
def test_passing_faults_lose_nothing(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_tracking: None, fault: str
) -> None:
    experiment = f"passing-{fault}"
    with faulty_proxy(server) as (uri, state):
        state.broken, state.remaining = fault, 2
        evaluate(uri, tmp_path, monkeypatch, experiment=experiment)
        if fault == "reset":
            # A server that gave no answer is not waited for at the end of a run.
            delivery_worker("traces").flush(20)
            assert sync_traces(tmp_path, tracking_uri=uri, experiment_name=experiment).complete
    assert traces(server, experiment) == 3


@pytest.mark.parametrize("fault", ["closed", "reset", "401", "404"])
def test_lasting_faults_cost_one_warning_and_a_later_sync(
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without_tracking: None,
    capfd: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    experiment = f"lasting-{fault}"
    with faulty_proxy(server) as (uri, state):
        state.broken = "reset" if fault == "closed" else fault
        target = "http://127.0.0.1:9" if fault == "closed" else uri
        log = evaluate(target, tmp_path, monkeypatch, experiment=experiment)
        lines = said(capfd)
        assert 1 <= len(lines) <= 2, lines
        assert COMMAND in lines[-1] and log.location in lines[-1]
        state.broken = None
        assert sync_traces(tmp_path, tracking_uri=uri, experiment_name=experiment).complete
    assert traces(server, experiment) == 3


def test_an_end_that_is_not_in_sight_is_not_waited_for(
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without_tracking: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_FLUSH_TIMEOUT", "1")
    with faulty_proxy(server) as (uri, state):
        state.broken = "503"
        began = time.monotonic()
        log = evaluate(uri, tmp_path, monkeypatch, experiment="patient")
        assert time.monotonic() - began < 10
        lines = said(capfd)
        assert len(lines) == 2, lines
        assert "http_503" in lines[0]
        assert COMMAND in lines[1] and log.location in lines[1]
        state.broken = None
        # The process goes on, and what waits is delivered once the server is back.
        assert delivery_worker("traces").flush(20).delivered
    assert traces(server, "patient") == 3


def test_a_port_that_never_answers_does_not_hold_the_evaluation(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without_tracking: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        evaluate(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, monkeypatch)
        assert time.monotonic() - began < 10
        assert COMMAND in said(capfd)[-1]


def test_password_in_the_uri_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    evaluate("http://me:pa55word@127.0.0.1:9", tmp_path, monkeypatch)
    output = capfd.readouterr()
    assert "127.0.0.1" in output.err
    assert "pa55word" not in output.out + output.err


def test_a_dead_server_does_not_hold_up_the_next_evaluation(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_tracking: None
) -> None:
    evaluate("http://127.0.0.1:9", tmp_path / "first", monkeypatch)
    evaluate(server, tmp_path / "second", monkeypatch, experiment="after-a-dead-one")
    assert traces(server, "after-a-dead-one") == 3


def test_an_old_server_is_told_of_once_and_runs_go_on(
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with faulty_proxy(server) as (uri, state):
        state.broken = "old"
        for name in ("first", "second"):
            evaluate(uri, tmp_path / name, monkeypatch, experiment="old")
        lines = said(capfd)
    (off,) = [line for line in lines if "tracing is off" in line]
    assert "3.5.0" in off and "3.6" in off
    assert not any(COMMAND in line for line in lines)
    assert not any("/v1/traces" in path for path in state.paths)
    assert traces(server, "old") == 0
    if importlib.util.find_spec("inspect_mlflow_tracking") is not None:
        client = MlflowClient(server)
        found = client.get_experiment_by_name("old")
        runs = client.search_runs([found.experiment_id])
        assert [run.info.status for run in runs] == ["FINISHED"] * 4


def test_one_refused_trace_does_not_keep_the_others(
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without_tracking: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from inspect_mlflow_core.connection._http_traces import HttpTraceStore
    from inspect_mlflow_core.exceptions import RejectedError

    start = HttpTraceStore.start_trace

    def refuse_second(self: HttpTraceStore, trace: Any) -> str:
        if trace.tags["inspect.sample_id"] == "2":
            raise RejectedError("the server refuses it", cause="http_400")
        return start(self, trace)

    monkeypatch.setattr(HttpTraceStore, "start_trace", refuse_second)
    evaluate(server, tmp_path, monkeypatch, experiment="refused")
    assert traces(server, "refused") == 2
    lines = said(capfd)
    assert any("refuse" in line and "2" in line for line in lines), lines
    assert "2 traces complete" in lines[-1]
