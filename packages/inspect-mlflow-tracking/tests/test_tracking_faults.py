"""A server that is away, slow or refuses: the evaluation goes on, and `sync` completes the runs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match

from inspect_mlflow_core import reporting
from inspect_mlflow_core.testing import (
    copy_store,
    faulty_proxy,
    running_server,
    store_contents,
)
from inspect_mlflow_tracking import sync


@pytest.fixture(scope="module")
def server(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("server")
    copy_store(store_template, directory)
    with running_server(directory / "mlflow.db", directory) as found:
        yield found.uri


@pytest.fixture(autouse=True)
def quiet_start(monkeypatch: pytest.MonkeyPatch) -> None:
    reporting.reset()
    monkeypatch.setenv("INSPECT_MLFLOW_AUTOLOG_ENABLED", "false")


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


def evaluate(
    uri: str, logs: Path, monkeypatch: pytest.MonkeyPatch, *, experiment: str = "inspect_ai"
) -> EvalLog:
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
    return log


def assert_unharmed(log: EvalLog) -> None:
    """The evaluation is complete, and nothing of ours stands in its log."""
    assert log.status == "success"
    whole = read_eval_log(log.location)
    assert whole.samples is not None and len(whole.samples) == 3
    assert not [e for s in whole.samples for e in s.events if e.event == "logger"]


def test_everything_arrives_over_http(
    server: str, store_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_unharmed(evaluate(server, tmp_path / "logs", monkeypatch, experiment="over-http"))
    direct_uri = copy_store(store_template, tmp_path)
    assert sync(tmp_path / "logs", tracking_uri=direct_uri, experiment_name="over-http").complete
    live = {
        name: run
        for name, run in store_contents(server).items()
        if run["experiment"] == "over-http"
    }
    assert live == store_contents(direct_uri)
    again = sync(tmp_path / "logs", tracking_uri=server, experiment_name="over-http")
    assert [result.action for result in again.results] == ["unchanged"]


@pytest.mark.parametrize("fault", ["500", "503", "429", "408", "reset"])
def test_passing_faults_lose_nothing(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    experiment = f"passing-{fault}"
    with faulty_proxy(server) as (uri, state):
        state.broken, state.remaining = fault, 2
        assert_unharmed(evaluate(uri, tmp_path / "logs", monkeypatch, experiment=experiment))
        if fault == "reset":
            # A server that gave no answer is not waited for at the end of a run.
            sync(tmp_path / "logs", tracking_uri=uri, experiment_name=experiment)
    runs = [r for r in store_contents(server).values() if r["experiment"] == experiment]
    assert sorted(run["status"] for run in runs) == ["FINISHED", "FINISHED"]
    task = next(run for run in runs if run["parent"])
    assert len(task["metrics"]["sample/match"]) == 3


@pytest.mark.parametrize("fault", ["closed", "reset", "401", "404"])
def test_lasting_faults_cost_one_warning_and_a_later_sync(
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    experiment = f"lasting-{fault}"
    with faulty_proxy(server) as (uri, state):
        state.broken = "reset" if fault == "closed" else fault
        target = "http://127.0.0.1:9" if fault == "closed" else uri
        log = evaluate(target, tmp_path / "logs", monkeypatch, experiment=experiment)
        assert_unharmed(log)
        said = capsys.readouterr().err
        lines = [line for line in said.splitlines() if line.startswith("inspect-mlflow: ")]
        assert 1 <= len(lines) <= 3, said
        assert "inspect-mlflow sync" in lines[-1] and log.location in lines[-1]
        state.broken = None
        assert sync(tmp_path / "logs", tracking_uri=uri, experiment_name=experiment).complete
    runs = [r for r in store_contents(server).values() if r["experiment"] == experiment]
    assert sorted(run["status"] for run in runs) == ["FINISHED", "FINISHED"]


def test_port_that_never_answers_does_not_hold_the_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert_unharmed(evaluate(uri, tmp_path / "logs", monkeypatch))


def test_password_in_the_uri_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = evaluate("http://me:pa55word@127.0.0.1:9", tmp_path / "logs", monkeypatch)
    assert_unharmed(log)
    output = capsys.readouterr()
    assert "127.0.0.1" in output.err
    assert "pa55word" not in output.out + output.err


def test_a_dead_server_does_not_hold_up_the_next_evaluation(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate("http://127.0.0.1:9", tmp_path / "first", monkeypatch)
    evaluate(server, tmp_path / "second", monkeypatch, experiment="after-a-dead-one")
    runs = [r for r in store_contents(server).values() if r["experiment"] == "after-a-dead-one"]
    assert sorted(run["status"] for run in runs) == ["FINISHED", "FINISHED"]
