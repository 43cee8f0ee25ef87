"""Evaluations whose samples become traces while they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import mlflow
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log_sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import tool
from mlflow.entities import Trace

from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import open_trace_store
from inspect_mlflow_core.kept_sample import rebuild_sample
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import copy_store, running_server
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.traces import write_log_traces


@pytest.fixture(autouse=True)
def tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    # MLflow looks prices up on the network unless it is told not to.
    monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", "")


@pytest.fixture
def stores(tmp_path: Path, store_template: Path) -> Callable[[str], str]:
    def store(name: str) -> str:
        (tmp_path / name).mkdir()
        return copy_store(store_template, tmp_path / name)

    return store


@tool
def add() -> Any:
    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: First number.
            y: Second number.
        """
        return str(x + y)

    return execute


def evaluate(
    directory: Path,
    *,
    samples: int = 3,
    seconds: float = 0.0,
    fails: bool = False,
    metadata: dict[str, Any] | None = None,
    **options: Any,
) -> EvalLog:
    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        await anyio.sleep(seconds)
        if fails and "number 2" in messages[0].text:
            raise RuntimeError("the model is out of order")
        if any(message.role == "tool" for message in messages):
            output = ModelOutput.from_content("mockllm/model", "It is 3.")
        else:
            output = ModelOutput.for_tool_call("mockllm/model", "add", {"x": 1, "y": 2})
        output.usage = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)
        return output

    dataset = [
        Sample(id=number, input=f"What is 1 + 2? Secret words, number {number}.", target="3.")
        for number in range(1, samples + 1)
    ]
    (log,) = eval(
        Task(
            dataset=dataset,
            solver=[use_tools(add()), generate()],
            scorer=match(),
            name="sums",
            metadata=metadata,
        ),
        model=get_model("mockllm/model", custom_outputs=answer, memoize=False),
        log_dir=str(directory),
        display="none",
        **{"max_samples": 1, "fail_on_error": False, **options},
    )
    return log


def synced(log: EvalLog, uri: str) -> int:
    """Sync the traces of a log; returns how many had to be written."""
    settings = MLflowSettings(tracking_uri=uri)
    with EvalLogReader.open(log.location) as reader:
        task = TraceDestination(uri).task(reader.header, settings, reader.location)
        result = write_log_traces(open_trace_store(uri), reader, task)
    assert not result.problems
    return result.written


def traces(uri: str) -> list[Trace]:
    client = mlflow.MlflowClient(uri)
    ids = [found.experiment_id for found in client.search_experiments()]
    found = client.search_traces(locations=ids, max_results=500, include_spans=True)
    return sorted(found, key=lambda trace: (int(trace.info.tags["inspect.epoch"]), place(trace)))


def place(trace: Trace) -> int:
    return int(trace.info.tags["inspect.sample_id"])


def contents(uri: str) -> list[dict[str, Any]]:
    """Everything that a store tells of its traces, without the run, which tracking has to make."""
    told = []
    for trace in traces(uri):
        found = trace.to_dict()
        found["info"].pop("assessments", None)
        found["info"]["trace_location"] = None
        for name in ("mlflow.artifactLocation", "inspect.trace_digest"):
            found["info"]["tags"].pop(name)
        found["info"]["trace_metadata"].pop("mlflow.sourceRun", None)
        found["assessments"] = [
            {
                "name": record.name,
                "value": record.value,
                "rationale": record.rationale,
                "source": vars(record.source),
                "metadata": {
                    name: value
                    for name, value in (record.metadata or {}).items()
                    if name != "mlflow.assessment.sourceRunId"
                },
            }
            for record in sorted(trace.info.assessments, key=lambda record: record.name)
        ]
        for span in found["data"]["spans"]:
            # A database is told that there is no price; a server may look one up.
            if span["attributes"].get("mlflow.llm.cost") in (None, "null"):
                span["attributes"].pop("mlflow.llm.cost", None)
        told.append(found)
    return told


@pytest.mark.parametrize("epochs", [1, 2])
def test_live_equals_synced_and_samples_can_be_rebuilt(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int
) -> None:
    live, later = stores("live"), stores("later")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    log = evaluate(tmp_path / "logs", epochs=epochs, fails=True)
    found = traces(live)
    assert len(found) == 3 * epochs
    for trace in found:
        sample = rebuild_sample(trace)
        logged = read_eval_log_sample(log.location, sample.id, sample.epoch)
        assert sample.model_dump() == logged.model_dump()
        assert trace.info.state == ("ERROR" if logged.error else "OK")
    assert synced(log, later) == len(found)
    assert contents(live) == contents(later)
    assert synced(log, live) == synced(log, later) == 0


def test_longer_evaluations_are_traced_by_another_process_while_they_run(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, later = stores("live"), stores("later")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    delivered: list[int] = []
    call = BackgroundProcess.call

    def counted(self: BackgroundProcess, function: Any, *arguments: Any) -> Any:
        result = call(self, function, *arguments)
        if function.__name__ == "deliver_samples":
            delivered.append(sum(outcome.delivered for outcome in result))
        return result

    monkeypatch.setattr(BackgroundProcess, "call", counted)
    log = evaluate(tmp_path / "logs", samples=10, seconds=0.3, log_buffer=1)
    assert sum(delivered) >= 3
    synced(log, later)
    assert contents(live) == contents(later)


def test_over_http_as_well(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, later = stores("server"), stores("later")
    with running_server(Path(uri.removeprefix("sqlite:///")), tmp_path / "server") as server:
        monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", server.uri)
        log = evaluate(tmp_path / "logs")
        synced(log, later)
        assert [rebuild_sample(trace).id for trace in traces(server.uri)] == [1, 2, 3]
        assert contents(server.uri) == contents(later)


def test_json_logs_follow_at_the_end(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    evaluate(tmp_path / "logs", log_format="json")
    assert len(traces(uri)) == 3


@pytest.mark.parametrize("on", [True, False])
def test_a_task_decides_for_itself(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: bool
) -> None:
    uri = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    evaluate(tmp_path / "logs", metadata={"inspect_mlflow_tracing_enabled": on})
    assert len(traces(uri)) == (3 if on else 0)


def test_without_content_no_text_leaves_the_evaluation(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_CONTENT", "none")
    evaluate(tmp_path / "logs", fails=True)
    told = str(contents(uri))
    assert len(traces(uri)) == 3
    for text in ("Secret words", "It is 3", "out of order", "Add two numbers"):
        assert text not in told
    assert traces(uri)[0].info.token_usage == {
        "input_tokens": 20,
        "output_tokens": 10,
        "total_tokens": 30,
    }


@pytest.fixture
def closed_uri(unused_port: int) -> Iterator[str]:
    yield f"http://127.0.0.1:{unused_port}"


@pytest.fixture
def unused_port() -> Iterator[int]:
    import socket

    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def test_a_server_that_is_down_costs_a_line(
    closed_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", closed_uri)
    log = evaluate(tmp_path / "logs")
    assert log.status == "success"
    said = capfd.readouterr()
    assert "sync-traces" in said.out + said.err


def test_searches_find_traces(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    log = evaluate(tmp_path / "logs", fails=True)
    client = mlflow.MlflowClient(uri)
    ids = [found.experiment_id for found in client.search_experiments()]

    def count(filter_string: str) -> int:
        return len(client.search_traces(locations=ids, filter_string=filter_string))

    assert count("feedback.match = 'true'") == 2
    assert count(f"tags.`inspect.eval_id` = '{log.eval.eval_id}'") == 3
    assert count("tags.`inspect.sample_id` = '2'") == 1
    assert count("trace.status = 'ERROR'") == 1
    assert count("span.type = 'TOOL'") == 2
    assert count("expectation.expected_response = '3.'") == 3


def test_a_scope_that_is_not_available_is_said(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    uri = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_SCOPE", "run")
    evaluate(tmp_path / "logs")
    assert "trace_scope=run is not available" in capfd.readouterr().err
    assert len(traces(uri)) == 3
