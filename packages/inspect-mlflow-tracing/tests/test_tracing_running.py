"""Samples that are shown while they run, and what remains of that when they are complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import mlflow
import pytest
from inspect_ai import Task, eval, eval_set
from inspect_ai.agent import Agent, AgentState, agent, as_tool, react
from inspect_ai.dataset import Sample
from inspect_ai.event import (
    InfoEvent,
    ModelEvent,
    SandboxEvent,
    SpanBeginEvent,
    SpanEndEvent,
    ToolEvent,
)
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec, Transcript
from inspect_ai.model import (
    ChatMessageTool,
    ChatMessageUser,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import includes
from inspect_ai.solver import generate
from inspect_ai.tool import ToolCall, tool
from mlflow.entities import Trace
from mlflow.exceptions import MlflowException

from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import TraceRecord, open_trace_store
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
from inspect_mlflow_core.kept_sample import rebuild_sample
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.mapping import MOST_SPANS, TracedTask, first_spans, sample_trace
from inspect_mlflow_tracing.running import (
    RunningSample,
    RunningSamples,
    RunningTask,
    _rounds,
    _samples,
    running_task,
)
from inspect_mlflow_tracing.running_traces import RunningTraces
from inspect_mlflow_tracing.running_traces._trace import running_trace
from inspect_mlflow_tracing.running_traces._transcript import TranscriptReader
from inspect_mlflow_tracing.traces import write_log_traces

Predicate = Callable[[list[Trace]], bool]
_PATIENCE_SECONDS = 90.0


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", "")
    # Who watches looks again soon; MLflow's client would wait for longer and longer.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(_samples, "RUNNING_AFTER_SECONDS", 0.2)
    monkeypatch.setattr(_samples, "SEND_EVERY_SECONDS", 0.3)
    monkeypatch.setattr(_samples, "LONGEST_SHARE", 1.0)
    monkeypatch.setattr(_rounds, "LOOK_EVERY_SECONDS", 0.1)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other process, in which mlflow would have to be imported first."""
    monkeypatch.setattr(BackgroundProcess, "available", False)


@pytest.fixture
def stores(tmp_path: Path, store_template: Path) -> Callable[[str], str]:
    def store(name: str) -> str:
        (tmp_path / name).mkdir()
        return copy_store(store_template, tmp_path / name)

    return store


def traces(uri: str) -> list[Trace]:
    client = mlflow.MlflowClient(uri)
    ids = [found.experiment_id for found in client.search_experiments()]
    found = client.search_traces(locations=ids, max_results=500, include_spans=True)
    # The spans of a running sample come first: for a moment its trace has no tags.
    return sorted(found, key=lambda trace: trace.info.tags.get("inspect.sample_id", ""))


def spans(found: list[Trace]) -> dict[str, Any]:
    return {span.span_id: span for trace in found for span in trace.data.spans}


def contents(uri: str) -> list[dict[str, Any]]:
    told = [trace.to_dict() for trace in traces(uri)]
    for trace in told:
        trace["info"]["trace_location"] = None
        # Where tracking is installed too, live traces name a run that the other store lacks.
        for name in ("mlflow.artifactLocation", "inspect.trace_digest"):
            trace["info"]["tags"].pop(name, None)
        trace["info"]["trace_metadata"].pop("mlflow.sourceRun", None)
        for record in trace["info"].setdefault("assessments", []):
            metadata = record.pop("metadata", {})
            metadata.pop("mlflow.assessment.sourceRunId", None)
            record |= {"metadata": metadata, "run_id": None, "valid": None}
        trace["info"]["assessments"].sort(key=lambda record: record["assessment_name"])
        trace["data"]["spans"].sort(key=lambda span: span["span_id"])
        for span in trace["data"]["spans"]:
            # A database is told that there is no price; a server may look one up.
            if span["attributes"].get("mlflow.llm.cost") in (None, "null"):
                span["attributes"].pop("mlflow.llm.cost", None)
    return told


def synced(location: str, uri: str) -> int:
    """Sync the traces of a log; returns how many had to be written."""
    with EvalLogReader.open(location) as reader:
        task = TraceDestination(uri).task(reader.header, MLflowSettings(), reader.location)
        result = write_log_traces(open_trace_store(uri), reader, task)
    assert not result.problems
    return result.written


class Watch:
    """Holds an evaluation up until MLflow shows what is expected, and remembers what it saw."""

    def __init__(self, uri: str, expected: Predicate) -> None:
        self._uri, self._expected = uri, expected
        self.seen: list[Trace] = []

    async def __call__(self) -> None:
        with anyio.fail_after(_PATIENCE_SECONDS):
            while not self._expected(self.seen):
                await anyio.sleep(0.2)
                # MLflow reads nothing at all while the spans of one trace are on their way.
                with suppress(MlflowException):
                    self.seen = await anyio.to_thread.run_sync(traces, self._uri)


async def nothing() -> None:
    return None


@tool
def add() -> Any:
    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: First number.
            y: Second number.
        """
        await anyio.sleep(0.02 * (3 - x))
        return str(x + y)

    return execute


@agent
def helper() -> Agent:
    async def execute(state: AgentState) -> AgentState:
        """Answer questions."""
        state.output = await get_model().generate("A secret question.")
        state.messages.append(state.output.message)
        return state

    return execute


def used(output: ModelOutput) -> ModelOutput:
    output.usage = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)
    return output


def called(*calls: tuple[str, dict[str, Any]]) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "")
    output.choices[0].message.tool_calls = [
        ToolCall(id=f"call-{number}", function=function, arguments=arguments)
        for number, (function, arguments) in enumerate(calls)
    ]
    return used(output)


def evaluate(
    directory: Path,
    watch: Callable[[], Any],
    *,
    samples: int = 2,
    turns: int = 4,
    metadata: dict[str, Any] | None = None,
    **options: Any,
) -> EvalLog:
    """An agent that calls tools, some of them at the same time, and an agent as a tool."""

    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        asked = sum(message.role == "assistant" for message in messages)
        if not tools:
            return used(ModelOutput.from_content("mockllm/model", "A secret answer."))
        if asked == 0:
            return called(*[("add", {"x": x, "y": 1}) for x in range(3)])
        if asked == 1:
            return called(("helper", {"input": "Help!"}))
        if asked < turns:
            return called(("add", {"x": asked, "y": 1}))
        await watch()
        return called(("submit", {"answer": "The secret is 3."}))

    dataset = [Sample(id=n, input=f"A secret {n}.", target="3") for n in range(1, samples + 1)]
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    (log,) = eval(
        Task(
            dataset=dataset,
            solver=react(tools=[add(), as_tool(helper())], model=model),
            scorer=includes(),
            name="agents",
            metadata=metadata,
        ),
        model=model,
        log_dir=str(directory),
        display="none",
        **{"fail_on_error": False, **options},
    )
    # Else the watch has waited in vain.
    assert not [sample.error for sample in log.samples or () if sample.error]
    return log


def in_progress(found: list[Trace], count: int = 2, most: int = 10) -> bool:
    """Whether samples are shown with some of their spans."""
    return sum(len(t.data.spans) >= most and t.info.state == "IN_PROGRESS" for t in found) >= count


def assert_equal(log: EvalLog, live: str, later: str, samples: int = 2) -> None:
    assert synced(log.location, later) == samples
    assert contents(live) == contents(later)
    assert synced(log.location, live) == 0


def assert_replaced(seen: list[Trace], uri: str) -> None:
    """What was shown of samples that run is in their complete traces."""
    complete = spans(traces(uri))
    for identifier, span in spans(seen).items():
        assert identifier in complete
        assert complete[identifier].name == span.name
        assert complete[identifier].parent_id == span.parent_id


def test_samples_are_shown_while_they_run_and_replaced_by_the_log(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: None
) -> None:
    live, later = stores("live"), stores("later")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    watch = Watch(live, in_progress)
    log = evaluate(tmp_path / "logs", watch)
    assert_equal(log, live, later)
    assert_replaced(watch.seen, live)
    first = watch.seen[0]
    assert first.info.tags["inspect.status"] == "running"
    assert str(first.info.request_preview).startswith("A secret 1")
    assert first.info.execution_duration is None
    calls = [span for span in first.data.spans if span.span_type == "CHAT_MODEL"]
    # Totals are read before the spans, which may have grown in between.
    assert (first.info.token_usage or {})["total_tokens"] in range(15, 15 * len(calls) + 1, 15)
    assert {trace.info.state for trace in traces(live)} == {"OK"}
    assert [rebuild_sample(trace).id for trace in traces(live)] == [1, 2]
    kinds = [span.span_type for span in first.data.spans]
    assert kinds.count("CHAT_MODEL") >= 3
    assert kinds.count("TOOL") >= 4
    assert "sample 1 epoch 1" not in [span.name for span in first.data.spans]
    by_id = spans([first])
    tools = [span for span in first.data.spans if span.name == "add"]
    assert all(by_id[str(span.parent_id)].name == "react" for span in tools)


def test_another_process_maps_and_writes(
    stores: Callable[[str], str], server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = stores("later")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", server)
    calls: list[str] = []
    call = BackgroundProcess.call

    def counted(self: BackgroundProcess, function: Any, *arguments: Any) -> Any:
        calls.append(function.__name__)
        return call(self, function, *arguments)

    monkeypatch.setattr(BackgroundProcess, "call", counted)
    watch = Watch(server, in_progress)
    log = evaluate(tmp_path / "logs", watch)
    assert "write_running" in calls
    assert_replaced(watch.seen, server)
    assert synced(log.location, later) == 2
    assert contents(server) == contents(later)


@pytest.mark.parametrize("log_format", ["json", "eval"])
def test_any_log_will_do(
    stores: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    here: None,
    log_format: str,
) -> None:
    live, later = stores("live"), stores("later")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    watch = Watch(live, lambda found: in_progress(found, 1))
    log = evaluate(tmp_path / "logs", watch, samples=1, log_format=log_format)
    assert_equal(log, live, later, 1)
    assert_replaced(watch.seen, live)


def test_without_content_no_text_is_shown(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: None
) -> None:
    live = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_CONTENT", "none")
    watch = Watch(live, in_progress)
    evaluate(tmp_path / "logs", watch)
    assert "secret" not in str([trace.to_dict() for trace in watch.seen])
    assert "Add two numbers" not in str([trace.to_dict() for trace in watch.seen])


@pytest.mark.parametrize(
    ("variable", "metadata", "options"),
    [
        ("false", None, {}),
        ("true", {"inspect_mlflow_trace_running_samples": False}, {}),
        ("true", None, {"retry_on_error": 1}),
    ],
)
def test_switched_off_nothing_is_shown(
    stores: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    here: None,
    variable: str,
    metadata: dict[str, Any] | None,
    options: dict[str, Any],
) -> None:
    live = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_RUNNING_SAMPLES", variable)
    shown: list[Any] = []
    monkeypatch.setattr(RunningSamples, "start", lambda self, sample: shown.append(sample))

    evaluate(tmp_path / "logs", nothing, metadata=metadata, **options)
    assert not shown
    assert [trace.info.state for trace in traces(live)] == ["OK", "OK"]


def test_short_samples_are_not_shown(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    monkeypatch.setattr(_samples, "RUNNING_AFTER_SECONDS", 60.0)
    monkeypatch.setattr(TranscriptReader, "read", lambda self: pytest.fail("was read"))
    evaluate(tmp_path / "logs", nothing)
    assert [trace.info.state for trace in traces(live)] == ["OK", "OK"]


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from inspect_mlflow_tracing.running import _rounds, _samples
_samples.RUNNING_AFTER_SECONDS = _samples.SEND_EVERY_SECONDS = 0.2
_samples.LONGEST_SHARE = 1.0
_rounds.LOOK_EVERY_SECONDS = 0.1
from inspect_mlflow_core.background_process import BackgroundProcess
BackgroundProcess.available = False
import test_tracing_running as t

def waits(found):
    states = [trace.info.state for trace in found]
    if t.in_progress(found, 1, 8) and "OK" in states:
        Path("shown").touch()
    return False

async def watch():
    if not Path("first").exists():
        Path("first").touch()
        return
    await t.Watch({uri!r}, waits)()

t.evaluate(Path("logs"), watch, max_samples=1, log_buffer=1)
"""


def test_what_a_killed_evaluation_leaves_is_ended_by_a_sync(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, later = stores("live"), stores("later")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    tests = str(Path(__file__).parent)
    program = textwrap.dedent(KILLED).format(tests=tests, uri=uri)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    deadline = time.monotonic() + 2 * _PATIENCE_SECONDS
    while not (tmp_path / "shown").exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert [trace.info.state for trace in traces(uri)] == ["OK", "IN_PROGRESS"]
    (log,) = (tmp_path / "logs").glob("*.eval")
    begun = traces(uri)[1].info.request_time
    assert synced(str(log), uri) == 0
    left = traces(uri)[1]
    assert left.info.state == "ERROR"
    assert left.info.tags["inspect.status"] == "cancelled"
    assert left.info.request_time <= begun
    root = next(span for span in left.data.spans if span.parent_id is None)
    assert "without a complete record" in str(root.status.description)
    before = contents(uri)
    assert synced(str(log), uri) == 0
    assert contents(uri) == before
    assert synced(str(log), later) == 1
    assert contents(later) == before[:1]


def test_a_recovered_log_replaces_what_a_killed_evaluation_left(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: None
) -> None:
    live, other, later = stores("live"), stores("other"), stores("later")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    seen = Watch(live, lambda found: in_progress(found, 1))
    log = evaluate(tmp_path / "logs", seen, samples=1)
    with EvalLogReader.open(log.location) as reader:
        task = TraceDestination(other).task(reader.header, MLflowSettings(), reader.location)
        (sample,) = reader.samples()
    store = open_trace_store(other)
    shown = running_trace({**sample, "events": sample["events"][:10]}, task, preview="").trace
    store.start_trace(shown)
    store.log_spans(shown)
    assert traces(other)[0].info.state == "IN_PROGRESS"
    assert synced(log.location, other) == synced(log.location, later) == 1
    assert contents(other) == contents(later) == contents(live)


def test_nothing_stays_in_progress_when_a_task_is_tried_again(
    stores: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: None
) -> None:
    live = stores("live")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    watch = Watch(live, lambda found: in_progress(found, 1, 1))
    failed: list[bool] = []

    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        if not failed and "fails" in messages[0].text:
            await watch()
            failed.append(True)
            raise RuntimeError("the first attempt fails")
        if not failed:
            await anyio.sleep(_PATIENCE_SECONDS)
        return used(ModelOutput.from_content("mockllm/model", "3"))

    dataset = [Sample(id=n, input=text, target="3") for n, text in enumerate(("waits", "fails"))]
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    done, _ = eval_set(
        Task(dataset=dataset, solver=generate(), scorer=includes(), model=model, name="flaky"),
        log_dir=str(tmp_path / "logs"),
        retry_attempts=2,
        retry_wait=0.1,
        fail_on_error=True,
        display="none",
    )
    assert done
    assert failed
    states = [trace.info.state.value for trace in traces(live)]
    assert "IN_PROGRESS" not in states
    assert states.count("OK") == 2


class FailingStore:
    """A store of traces that answers with an error."""

    concurrency = 0

    def __init__(self, error: DeliveryError | None = None) -> None:
        self.error = error
        self.begun: list[TraceRecord] = []
        self.logged: list[TraceRecord] = []

    def start_trace(self, trace: TraceRecord) -> str:
        if self.error is not None:
            raise self.error
        self.begun.append(trace)
        return ""

    def log_spans(self, trace: TraceRecord) -> None:
        if self.error is not None:
            raise self.error
        self.logged.append(trace)


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


TASK = TracedTask("7", None, "evaluation", "agents", "mockllm/model")


class Shown:
    """Running samples without an evaluation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: FailingStore) -> None:
        monkeypatch.setattr(
            "inspect_mlflow_tracing.running_traces._write.opened_trace_store", lambda uri: store
        )
        self.clock, self.transcript = Clock(), Transcript()
        self.samples = RunningSamples(self.clock)
        self.unsupported: set[str] = set()
        background: Any = type("NoProcess", (), {"available": False})()
        self.traces = RunningTraces(
            self.samples,
            background,
            lambda uri: self,  # type: ignore[arg-type, return-value]
            self.unsupported,
            lambda uri, reason: self.unsupported.add(uri),
        )
        self.sample = RunningSample(
            uuid="one",
            key=(1, 1),
            task=RunningTask(spec(), MLflowSettings(tracking_uri="http://mlflow")),
            location=None,
            input="What?",
            started_at="2026-01-01T00:00:00+00:00",
            transcript=self.transcript,
        )
        self.samples.start(self.sample)

    def task(self, *_: Any) -> TracedTask:
        return TASK

    def happen(self, *events: Any) -> None:
        for event in events:
            self.transcript._event(event)

    def later(self) -> None:
        self.clock.seconds += 60
        self.traces.show()


def spec(**fields: Any) -> EvalSpec:
    return EvalSpec(
        **{
            "eval_id": "evaluation",
            "created": "2026-01-01T00:00:00+00:00",
            "task": "agents",
            "dataset": EvalDataset(),
            "model": "mockllm/model",
            "config": EvalConfig(),
            **fields,
        }
    )


def model_event(messages: list[Any], text: str = "Yes.") -> ModelEvent:
    return ModelEvent(
        model="mockllm/model",
        input=messages,
        tools=[],
        tool_choice="auto",
        config=GenerateConfig(),
        output=used(ModelOutput.from_content("mockllm/model", text)),
    )


def test_only_what_is_finished_is_sent_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FailingStore()
    shown = Shown(monkeypatch, store)
    shown.happen(SpanBeginEvent(id="solver", name="solver", span_id="solver"))
    shown.later()
    assert not store.begun
    pending = model_event([ChatMessageUser(content="A")])
    pending.pending, pending.span_id = True, "solver"
    done = InfoEvent(data="x")
    call = ToolEvent(id="1", function="add", arguments={}, span_id="solver", pending=True)
    shown.happen(pending, done, SpanBeginEvent(id="t", name="add", type="tool", parent_id="solver"))
    shown.happen(call)
    shown.later()
    assert not store.begun
    pending.pending = None
    shown.later()
    assert [trace.state for trace in store.begun] == ["IN_PROGRESS"]
    assert [span.name for span in store.logged[0].spans] == ["solver", "mockllm/model"]
    assert [span.status for span in store.logged[0].spans] == ["UNSET", "OK"]
    shown.later()
    assert len(store.logged) == 1
    shown.happen(SpanEndEvent(id="t"))
    call.result, call.pending = "3", None
    shown.later()
    assert [span.name for span in store.logged[1].spans] == ["solver", "add"]
    shown.happen(SpanEndEvent(id="solver"))
    shown.later()
    assert [(span.name, span.status) for span in store.logged[2].spans] == [("solver", "OK")]
    assert {trace.state for trace in store.begun} == {"IN_PROGRESS"}
    shown.samples.end("one")
    shown.happen(model_event([ChatMessageUser(content="A")]))
    shown.later()
    assert len(store.logged) == 3


def test_calls_show_only_new_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FailingStore()
    shown = Shown(monkeypatch, store)
    conversation: list[Any] = [ChatMessageUser(content="question")]
    sizes = []
    for number in range(30):
        event = model_event(list(conversation), f"answer {number}")
        conversation += [event.output.message, ChatMessageTool(content=f"result {number}")]
        shown.happen(event)
        shown.later()
        (span,) = store.logged[-1].spans
        sizes.append(len(str(span.attributes)))
    assert max(sizes[1:]) - min(sizes[1:]) < 100
    messages = span.attributes["mlflow.spanInputs"]["messages"]
    assert [message["role"] for message in messages] == ["system", "tool"]
    assert "58 messages shown" in messages[0]["content"]


def test_what_was_sent_is_in_the_complete_trace_with_the_same_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FailingStore()
    shown = Shown(monkeypatch, store)
    calls = [
        ToolEvent(id=str(n), function="add", arguments={"n": n}, span_id="agent", pending=True)
        for n in range(4)
    ]
    shown.happen(SpanBeginEvent(id="agent", name="agent", type="agent", span_id="agent"))
    for number, call in enumerate(calls):
        begin = SpanBeginEvent(
            id=f"tool {number}", name="add", type="tool", span_id=f"tool {number}"
        )
        begin.parent_id = "agent"
        shown.happen(begin, call)
    for number in (2, 0, 3):
        shown.happen(SpanEndEvent(id=f"tool {number}"))
        calls[number].pending = None
        calls[number].result = str(number)
        shown.later()
    events = [event.model_dump(mode="json") for event in shown.transcript.events]
    complete = sample_trace({"id": 1, "epoch": 1, "uuid": "one", "events": events}, TASK)
    ids = {span.span_id: span for span in complete.spans}
    sent = [span for trace in store.logged for span in trace.spans if span.name == "add"]
    assert [span.attributes["mlflow.spanInputs"] for span in sent] == [{"n": 2}, {"n": 0}, {"n": 3}]
    for span in sent:
        assert (
            ids[span.span_id].attributes["mlflow.spanInputs"]
            == (span.attributes["mlflow.spanInputs"])
        )
        assert ids[span.span_id].parent_id == span.parent_id


def test_what_was_sent_of_a_very_long_sample_is_in_the_complete_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FailingStore()
    shown = Shown(monkeypatch, store)
    for number in range(MOST_SPANS + 100):
        begin = SpanBeginEvent(id=f"step {number}", name="step", type="agent", span_id="")
        shown.happen(SandboxEvent(action="exec", cmd="ls"), begin)
        shown.happen(model_event([]), SpanEndEvent(id=f"step {number}"))
        if number % 100 == 0:
            shown.later()
    events = [event.model_dump(mode="json") for event in shown.transcript.events]
    complete = sample_trace({"id": 1, "epoch": 1, "uuid": "one", "events": events}, TASK)
    assert len(complete.spans) == MOST_SPANS
    sent = {span.span_id for trace in store.logged for span in trace.spans}
    assert len(sent) == first_spans(MOST_SPANS)
    assert sent <= {span.span_id for span in complete.spans}


def test_a_long_sample_stops_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Transcript()
    reader = TranscriptReader(shown, most_spans=10)
    for _ in range(30):
        shown._event(model_event([]))
    assert len(reader.read()) == 10


def test_events_that_have_left_memory_are_not_looked_for() -> None:
    shown = Transcript(bounded=True, resident_tail=5)
    reader = TranscriptReader(shown)
    for _ in range(20):
        shown._event(model_event([]))
    assert reader.read() == []


class Unwritable:
    def __repr__(self) -> str:
        raise RuntimeError


def test_values_that_are_no_json_do_no_harm() -> None:
    shown = Transcript()
    reader = TranscriptReader(shown)
    odd = model_event([])
    odd.metadata = {"a": Unwritable()}
    lone = model_event([ChatMessageUser(content="lone \ud800 surrogate")])
    shown._event(odd)
    shown._event(lone)
    shown._event(model_event([]))
    assert len(reader.read()) == 2


@pytest.mark.parametrize(
    ("error", "most"),
    [
        (RetryableError("busy", cause="http_503"), 3),
        (RejectedError("bad", cause="http_400"), 1),
    ],
)
def test_failures_are_left_to_the_complete_trace(
    monkeypatch: pytest.MonkeyPatch, error: DeliveryError, most: int
) -> None:
    store = FailingStore(error)
    shown = Shown(monkeypatch, store)
    shown.happen(model_event([ChatMessageUser(content="A")]))
    for _ in range(most):
        shown.later()
    store.error = None
    shown.later()
    assert not store.logged


def test_what_failed_once_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FailingStore(RetryableError("busy", cause="http_503"))
    shown = Shown(monkeypatch, store)
    shown.happen(model_event([ChatMessageUser(content="A")]))
    shown.later()
    store.error = None
    shown.happen(model_event([ChatMessageUser(content="B")]))
    shown.later()
    assert len(store.logged[0].spans) == 2


def test_the_worker_learns_of_a_server_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = Shown(monkeypatch, FailingStore(RetryableError("no", cause="c", unreachable=True)))
    shown.happen(model_event([ChatMessageUser(content="A")]))
    with pytest.raises(RetryableError):
        shown.later()


def test_a_server_without_traces_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown(monkeypatch, FailingStore(RejectedError("old", cause="traces_unsupported")))
    shown.happen(model_event([ChatMessageUser(content="A")]))
    shown.later()
    assert shown.unsupported == {"http://mlflow"}
    shown.later()
    assert "one" not in shown.samples


def test_a_sample_whose_log_entry_was_seen_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FailingStore()
    shown = Shown(monkeypatch, store)
    shown.happen(model_event([ChatMessageUser(content="A")]))
    shown.samples.end_written("another evaluation", (1, 1))
    shown.samples.end_written("evaluation", (1, 2))
    assert "one" in shown.samples
    shown.samples.end_written("evaluation", (1, 1))
    shown.later()
    assert not store.begun


@pytest.mark.parametrize(
    ("fields", "settings", "expected"),
    [
        ({}, {}, True),
        ({}, {"tracing_enabled": False}, False),
        ({}, {"trace_running_samples": False}, False),
        ({"config": EvalConfig(log_samples=False)}, {}, False),
        ({"config": EvalConfig(retry_on_error=2)}, {}, False),
        ({"metadata": {"inspect_mlflow_trace_running_samples": "no"}}, {}, False),
        ({"metadata": {"inspect_mlflow_enabled": False}}, {}, False),
        ({"metadata": {"inspect_mlflow_trace_running_samples": "?"}}, {}, True),
    ],
)
def test_which_tasks_are_shown(
    fields: dict[str, Any], settings: dict[str, Any], expected: bool
) -> None:
    given = MLflowSettings(**{"tracking_uri": "http://mlflow", "tracing_enabled": True, **settings})
    assert (running_task(spec(**fields), given) is not None) is expected


def test_what_inspect_logs_of_a_failed_attempt_is_too_little_to_show_it(tmp_path: Path) -> None:
    """Why samples that are tried again are not shown while they run."""
    calls = iter(range(10))

    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        number = next(calls)
        if number == 1:
            raise RuntimeError("the first attempt fails")
        return used(ModelOutput.from_content("mockllm/model", f"answer {number}"))

    (log,) = eval(
        Task(dataset=[Sample(input="A")], solver=[generate(), generate()]),
        model=get_model("mockllm/model", custom_outputs=answer, memoize=False),
        log_dir=str(tmp_path),
        retry_on_error=1,
        display="none",
    )
    (sample,) = log.samples or ()
    (failed,) = sample.error_retries or ()
    kept = [event.event for event in failed.events or ()]
    assert kept[0] == "model" and kept.count("model") == 1
    assert "span_begin" not in kept


def test_rounds_leave_the_worker_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_samples, "LONGEST_SHARE", 0.1)
    clock = Clock()
    samples = RunningSamples(clock)
    samples.start(
        RunningSample(
            "u", (1, 1), RunningTask(spec(), MLflowSettings()), None, "", "", Transcript()
        )
    )
    clock.seconds += 60
    assert samples.any_due()
    samples.rest(2.0)
    clock.seconds += 17
    assert not samples.any_due()
    clock.seconds += 2
    assert samples.any_due()


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    from inspect_mlflow_tracing import _evaluation

    yield
    assert not _evaluation._progress.running._samples
