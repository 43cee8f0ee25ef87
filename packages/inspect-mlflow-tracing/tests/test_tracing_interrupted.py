"""Traces whose writing was interrupted between any two requests, and then taken up again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessageUser,
    ContentImage,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import Tool, tool
from mlflow import MlflowClient

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import TraceStore, open_trace_store
from inspect_mlflow_core.exceptions import RetryableError
from inspect_mlflow_core.kept_sample import rebuild_sample
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import copy_store, trace_contents
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.mapping import TracedTask
from inspect_mlflow_tracing.traces import LogTraces, write_log_traces

MODEL = "mockllm/model"
IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 50


@tool
def add() -> Tool:
    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: First.
            y: Second.
        """
        return str(x + y)

    return execute


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    if messages[-1].role == "tool":
        output = ModelOutput.from_content(MODEL, "2")
    else:
        output = ModelOutput.for_tool_call(MODEL, "add", {"x": 1, "y": 1})
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


@pytest.fixture(scope="module")
def log_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    picture = ChatMessageUser(content=[ContentImage(image=IMAGE), ContentText(text="1+1?")])
    (log,) = eval(
        Task(
            dataset=[Sample(id=1, input=[picture], target="2")],
            solver=[use_tools(add()), generate()],
            scorer=includes(),
        ),
        model=get_model(MODEL, custom_outputs=answer, memoize=False),
        log_dir=str(tmp_path_factory.mktemp("logs")),
        display="none",
    )
    return log.location


@pytest.fixture(autouse=True)
def small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the spans of a trace go in several requests."""
    from inspect_mlflow_core.connection import _trace_encoding

    monkeypatch.setattr(_trace_encoding, "REQUEST_SPANS", 3)


@dataclass(slots=True)
class Breakage:
    """Lets some calls through and fails at the next.

    Args:
        allowed: How many calls go through.
        calls: How many there have been.
    """

    allowed: int = 10**9
    calls: int = 0

    def pass_on(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls > self.allowed:
            raise RetryableError("the connection broke", cause="connection")
        return function(*arguments, **named)


def task_of(reader: EvalLogReader, uri: str) -> TracedTask:
    settings = MLflowSettings(tracking_uri=uri)
    return TraceDestination(uri).task(reader.header, settings, reader.location)


def write(store: TraceStore, log_path: str, task: TracedTask) -> LogTraces:
    with EvalLogReader.open(log_path) as reader:
        result = write_log_traces(store, reader, task)
    assert not result.problems
    return result


def write_until_broken(
    store: TraceStore, log_path: str, task: TracedTask, breakage: Breakage
) -> bool:
    """Write, and say whether it came to its end."""
    try:
        write(store, log_path, task)
    except RetryableError:
        return False
    finally:
        breakage.allowed = 10**9
    return True


def assert_taken_up_again(
    log_path: str,
    expected: dict[str, Any],
    begin: Callable[[Breakage], tuple[TraceStore, TracedTask]],
) -> int:
    """Break at every request in turn, go on, and return how many there were."""
    for allowed in range(1000):
        breakage = Breakage(allowed)
        store, task = begin(breakage)
        ended = write_until_broken(store, log_path, task, breakage)
        # Some versions of MLflow get the tag that ends a trace once more before its own request.
        assert write(store, log_path, task).written <= (0 if ended else 1)
        assert trace_contents(store.tracking_uri) == expected
        assert write(store, log_path, task).written == 0
        if ended:
            return allowed
    raise AssertionError("it never came to its end")


def test_in_a_database(
    log_path: str, store_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from inspect_mlflow_core.connection import _mlflow_traces

    current = [Breakage()]

    def breaking(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: current[0].pass_on(function, *given, **named)

    for name in ("start_trace", "log_spans", "set_trace_tag", "search_traces"):
        monkeypatch.setattr(SqlAlchemyStore, name, breaking(getattr(SqlAlchemyStore, name)))
    upload = breaking(_mlflow_traces.store_attachment)
    monkeypatch.setattr(_mlflow_traces, "store_attachment", upload)
    numbers = iter(range(1000))

    def begin(breakage: Breakage) -> tuple[TraceStore, TracedTask]:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        uri = copy_store(store_template, directory)
        with EvalLogReader.open(log_path) as reader:
            task = task_of(reader, uri)
        current[0] = breakage
        return open_trace_store(uri), task

    store, task = begin(Breakage())
    write(store, log_path, task)
    expected = trace_contents(store.tracking_uri)
    # A search, the trace, its image, its spans in parts, and the tag that ends it.
    assert assert_taken_up_again(log_path, expected, begin) >= 6


def test_over_http(log_path: str, served: Any) -> None:
    uri, artifacts = served.uri, served.artifacts
    client = MlflowClient(uri)
    with EvalLogReader.open(log_path) as reader:
        task = task_of(reader, uri)
    write(open_trace_store(uri), log_path, task)
    expected = trace_contents(uri)
    assert len(expected) == 1

    def begin(breakage: Breakage) -> tuple[TraceStore, TracedTask]:
        client.delete_traces(task.experiment_id, trace_ids=list(expected))
        shutil.rmtree(artifacts)
        assert trace_contents(uri) == {}
        store = open_trace_store(uri)
        transport = store.transport  # type: ignore[attr-defined]
        store.transport = BreakingTransport(transport, breakage)  # type: ignore[attr-defined]
        return store, task

    assert assert_taken_up_again(log_path, expected, begin) >= 7
    (trace,) = client.search_traces(locations=[task.experiment_id])
    assert rebuild_sample(trace).id == 1


class BreakingTransport:
    """Sends requests of which each may be the last.

    Args:
        transport: Sends them.
        breakage: Decides that.
    """

    def __init__(self, transport: Any, breakage: Breakage) -> None:
        self._transport, self._breakage = transport, breakage

    def send(self, *arguments: Any, **named: Any) -> Any:
        return self._breakage.pass_on(self._transport.send, *arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
