"""`inspect-mlflow demo`: what lands in MLflow, again and again, and what it says."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow._cli import main
from inspect_mlflow._demo import DemoOutcome, DemoTraces, open_in_browser
from inspect_mlflow._demo._arithmetic import calculate
from inspect_mlflow._demo._browser import free_port
from inspect_mlflow_core.connection import RunRecord
from inspect_mlflow_core.testing import copy_store, running_server

COMMAND = [sys.executable, "-c", "from inspect_mlflow._cli import main; main()", "demo"]


def run_demo(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=directory, check=False, capture_output=True, text=True
    )


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def task_runs(uri: str) -> list[tuple[str, dict[str, float]]]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("inspect_ai")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    tasks = [run for run in runs if "inspect.eval_id" in run.data.tags]
    return [(run.info.status, dict(run.data.metrics)) for run in tasks]


def traces(uri: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("inspect_ai")
    assert experiment is not None
    return list(client.search_traces(locations=[experiment.experiment_id], max_results=100))


def test_demo_lands_in_the_current_directory_every_time(
    store_template: Path, tmp_path: Path
) -> None:
    uri = copy_store(store_template, tmp_path)
    for _ in range(2):
        finished = run_demo(tmp_path)
        assert finished.returncode == 0, finished.stderr
    for text in ("FINISHED", "0.875 (14 of 16 answers correct)", "inspect_ai", "traces    16\n"):
        assert text in finished.stdout
    assert "mlflow ui --backend-store-uri sqlite:///mlflow.db\n" in finished.stdout
    log = re.search(r"^Log: (\S+)$", finished.stdout, re.MULTILINE)
    assert log is not None
    assert (tmp_path / log[1]).is_file()
    runs = task_runs(uri)
    assert [status for status, _ in runs] == ["FINISHED"] * 2
    for _, metrics in runs:
        assert metrics["inspect.accuracy"] == 0.875
        assert metrics["used_calculator/accuracy"] == 1.0
        assert metrics["total_tool_calls"] == 16.0
        assert metrics["inspect.tokens.total_tokens"] > 0
    assert len(traces(uri)) == 32


def test_traces_of_the_demo_are_on_the_pages_that_it_names(
    store_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inspect_mlflow import rebuild_sample

    copy_store(store_template, tmp_path)
    with running_server(tmp_path / "mlflow.db", tmp_path) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        finished = run_demo(tmp_path)
        assert finished.returncode == 0, finished.stdout
        links = re.findall(r"(\S+)/#/experiments/(\d+)/(\S+)", finished.stdout.split("open\n")[1])
        (host, experiment_id, run), (_, _, page) = links
        assert (host, page) == (server.uri, "traces")
        found = traces(server.uri)
    assert len(found) == 16
    for trace in found:
        assert trace.info.experiment_id == experiment_id
        assert f"runs/{trace.info.trace_metadata['mlflow.sourceRun']}" == run
        assert {span.span_type for span in trace.data.spans} >= {"CHAT_MODEL", "TOOL", "EVALUATOR"}
    assert {rebuild_sample(trace).epoch for trace in found} == {1, 2}


def test_demo_respects_that_tracing_is_switched_off(
    store_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = copy_store(store_template, tmp_path)
    monkeypatch.setenv("MLFLOW_INSPECT_TRACING", "false")
    finished = run_demo(tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "traces    none: MLFLOW_INSPECT_TRACING switches tracing off\n" in finished.stdout
    assert traces(uri) == []


def test_demo_that_finds_traces_missing_says_so() -> None:
    run = RunRecord("5f1", "1", "arithmetic", "FINISHED", 0, 1, "artifacts")
    outcome = DemoOutcome(
        "sqlite:///mlflow.db", "inspect_ai", "log.eval", "success", run, DemoTraces(3, 16)
    )
    assert not outcome.complete
    assert "traces    3 of 16\n" in outcome.report()
    assert "inspect-mlflow sync --traces log.eval" in outcome.report()


def test_demo_makes_the_directory_and_the_store_that_it_is_told(tmp_path: Path) -> None:
    finished = run_demo(tmp_path, "--directory", "some/where")
    assert finished.returncode == 0, finished.stderr
    directory = (tmp_path / "some" / "where").resolve()
    assert f"sqlite:///{directory}/mlflow.db" in finished.stdout
    assert len(task_runs(f"sqlite:///{directory}/mlflow.db")) == 1
    assert not (tmp_path / "mlflow.db").exists()


def test_demo_whose_server_is_down_says_how_to_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:hunter2-secret@127.0.0.1:{port}")
    monkeypatch.setenv("INSPECT_MLFLOW_FLUSH_TIMEOUT", "1")
    finished = run_demo(tmp_path)
    assert finished.returncode == 1
    assert "cannot be reached" in finished.stdout
    assert "hunter2-secret" not in finished.stdout + finished.stderr
    sync = re.search(r"inspect-mlflow sync --traces (\S+)$", finished.stdout, re.MULTILINE)
    assert sync is not None
    assert (tmp_path / sync[1]).is_file()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("INSPECT_MLFLOW_ENABLED", "false"), ("INSPECT_MLFLOW_FLUSH_TIMEOUT", "soon")],
)
def test_settings_that_forbid_a_demo_are_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 2
    assert variable in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("expression", "value"),
    [("17 * 23", 391), ("(8 + 9) * 6", 102), ("-15 + 40", 25), ("144/12", 12), ("2.5 * 4", 10)],
)
def test_calculator_computes(expression: str, value: float) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", "1 +", "1 / 0", "2 ** 9", "x", "print(1)", "'a' * 3", "True + 1", "1" * 201, "[1]", "1j"],
)
def test_calculator_refuses_everything_else(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        calculate(expression)


@given(st.text(max_size=250))
def test_calculator_never_fails_otherwise(expression: str) -> None:
    try:
        calculate(expression)
    except ValueError:
        return


def test_a_taken_port_is_replaced() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        taken = listener.getsockname()[1]
        assert free_port(taken) not in (taken, 0)
    assert free_port(taken) == taken


def test_a_server_is_opened_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    open_in_browser("https://mlflow.example.org", say=opened.append)
    assert opened == ["https://mlflow.example.org"]


def test_a_local_store_is_shown_by_mlflow_until_it_ends(
    store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str] = []

    def look(address: str) -> None:
        pages.append(urlopen(address, timeout=30).read().decode())
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", look)
    said: list[str] = []
    open_in_browser(store_uri, say=said.append)
    assert "<title>MLflow</title>" in pages[0]
    port = int(re.findall(r":(\d+)", said[0])[0])
    # Its workers finish by themselves a moment after it.
    deadline = time.monotonic() + 30
    while listens(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not listens(port)
