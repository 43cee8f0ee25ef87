"""A live evaluation and a sync of its logs give the same traces, whatever the outcome."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest
from inspect_ai import Epochs, Task, eval, eval_retry, eval_set
from inspect_ai.dataset import Sample
from inspect_ai.hooks import Hooks, TaskStart, hooks
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import (
    ChatMessageUser,
    ContentImage,
    ContentText,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, includes, scorer
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver, use_tools
from inspect_ai.tool import Tool, tool
from mlflow import MlflowClient

from inspect_mlflow_core.active_runs import ActiveRun, enter_active_run, leave_active_run
from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.connection import ensure_experiment, open_tracking_store
from inspect_mlflow_core.delivery import Record, delivery_worker
from inspect_mlflow_core.testing import copy_store, trace_contents
from inspect_mlflow_tracing import _exporter, rebuild_sample, sync_traces

Contents = dict[str, dict[str, Any]]

MODEL = "mockllm/model"
IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 50
SECRET = "rhubarb"
"""Is in every text of an evaluation."""


@dataclass(frozen=True, slots=True)
class RunWanted:
    """A task has begun, whose run is to be opened."""

    tracking_uri: str


class RunOpener:
    """Opens runs as slowly as a distant server would."""

    name = "opener"

    def export(self, records: Sequence[Record]) -> None:
        for record in records:
            assert isinstance(record.payload, RunWanted)
            time.sleep(0.3)
            uri = record.payload.tracking_uri
            experiment_id, run_id = open_run(uri, record.key)
            enter_active_run(record.key, ActiveRun(run_id, experiment_id, uri))


def open_run(uri: str, eval_id: str) -> tuple[str, str]:
    experiment_id = ensure_experiment(open_tracking_store(uri), "inspect_ai")
    run = MlflowClient(uri).create_run(experiment_id, tags={"inspect.eval_id": eval_id})
    return experiment_id, run.info.run_id


@hooks(name="run_opener", description="opens runs, as tracking does")
class RunOpenerHooks(Hooks):
    tracking_uri: ClassVar[str | None] = None
    eval_ids: ClassVar[list[str]] = []
    opener = RunOpener()

    def enabled(self) -> bool:
        return self.tracking_uri is not None

    async def on_task_start(self, data: TaskStart) -> None:
        assert self.tracking_uri is not None
        self.eval_ids.append(data.eval_id)
        wanted = RunWanted(self.tracking_uri)
        delivery_worker().submit(Record(self.opener, data.eval_id, wanted))


@pytest.fixture
def with_runs(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every task have a run, opened while it is running."""
    monkeypatch.setattr(RunOpenerHooks, "tracking_uri", stores.live_uri)
    yield
    for eval_id in RunOpenerHooks.eval_ids:
        leave_active_run(eval_id)
    RunOpenerHooks.eval_ids.clear()


@pytest.fixture(autouse=True)
def tracing_alone(without_tracking: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


class Stores:
    """A store that hooks write to, and one that `sync_traces` fills from the same logs."""

    def __init__(self, directory: Path, template: Path, live_uri: str | None = None) -> None:
        self.logs = directory / "logs"
        for name in ("live", "synced"):
            (directory / name).mkdir(parents=True)
        self.live_uri = live_uri or copy_store(template, directory / "live")
        self.synced_uri = copy_store(template, directory / "synced")

    def assert_equal(self) -> Contents:
        """Hold what is there live against what a sync gives, and return it."""
        live = trace_contents(self.live_uri)
        self._open_the_same_runs()
        assert sync_traces(self.logs, tracking_uri=self.synced_uri).complete
        synced = trace_contents(self.synced_uri)
        assert live == synced
        for uri in (self.synced_uri, self.live_uri):
            report = sync_traces(self.logs, tracking_uri=uri)
            assert {result.written for result in report.results} == {0}, report
            assert trace_contents(uri) == synced
        return live

    def _open_the_same_runs(self) -> None:
        for eval_id in RunOpenerHooks.eval_ids:
            open_run(self.synced_uri, eval_id)


@pytest.fixture
def stores(
    tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stores]:
    found = Stores(tmp_path, store_template)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", found.live_uri)
    yield found


@tool
def add() -> Tool:
    async def execute(x: int, y: int) -> str:
        """Add two numbers, and think of rhubarb.

        Args:
            x: First.
            y: Second.
        """
        return f"{SECRET} {x + y}"

    return execute


async def at_once(asked: str) -> None:
    """Let a model answer without further ado."""


async def not_for_three(asked: str) -> None:
    if "1+1 (3)" in asked:
        raise RuntimeError(f"the model is out of order: {SECRET}")


def mock_model(name: str = MODEL, *, before: Callable[[str], Awaitable[None]] = at_once) -> Model:
    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        await before(messages[0].text)
        if tools and not any(message.role == "tool" for message in messages):
            output = ModelOutput.for_tool_call(name, "add", {"x": 1, "y": 1, "why": SECRET})
        else:
            output = ModelOutput.from_content(name, f"2 {SECRET}")
        output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
        return output

    return get_model(name, custom_outputs=answer, memoize=False)


@solver
def breaks(times: int = 99) -> Solver:
    attempts: dict[tuple[Any, int], int] = {}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        key = (state.sample_id, state.epoch)
        attempts[key] = attempts.get(key, 0) + 1
        if state.sample_id == 2 and attempts[key] <= times:
            raise ValueError(f"this sample is broken: {SECRET}")
        return await generate(state)

    return solve


@scorer(metrics={"precise": [accuracy()], "kind": [accuracy()]})
def graded() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        unscored = state.sample_id == 2
        return Score(
            value={"precise": 1.0, "kind": float("nan") if unscored else 0.25},
            answer=SECRET,
            explanation=SECRET,
            metadata={"note": SECRET},
        )

    return score


def samples(count: int = 3) -> list[Sample]:
    return [
        Sample(
            id=number,
            input=f"1+1 ({number}) {SECRET}",
            target=f"2 {SECRET}",
            metadata={"note": SECRET},
        )
        for number in range(1, count + 1)
    ]


def tools_task(**options: Any) -> Task:
    settings: dict[str, Any] = {"scorer": [includes(), graded()], **options}
    return Task(dataset=samples(), solver=[use_tools(add()), generate()], **settings)


def picture_task() -> Task:
    picture = ChatMessageUser(content=[ContentImage(image=IMAGE), ContentText(text=SECRET)])
    return Task(dataset=[Sample(id=1, input=[picture], target="2")], scorer=includes())


def run(stores: Stores, tasks: Any, **options: Any) -> list[EvalLog]:
    settings: dict[str, Any] = {"model": mock_model(), "display": "none", **options}
    return eval(tasks, log_dir=str(stores.logs), **settings)


def states(contents: Contents) -> list[str]:
    return sorted(trace["state"] for trace in contents.values())


def tags(contents: Contents, name: str) -> list[str]:
    return sorted(trace["tags"][f"inspect.{name}"] for trace in contents.values())


def test_success_without_runs(stores: Stores) -> None:
    run(stores, tools_task())
    contents = stores.assert_equal()
    assert states(contents) == ["OK"] * 3
    assert tags(contents, "sample_id") == ["1", "2", "3"]
    assert not any("mlflow.sourceRun" in trace["metadata"] for trace in contents.values())


def test_traces_belong_to_the_run_of_their_task(stores: Stores, with_runs: None) -> None:
    logs = run(stores, [tools_task(), picture_task()])
    contents = stores.assert_equal()
    for trace in contents.values():
        name = f"task {trace['tags']['inspect.eval_id']}"
        assert trace["metadata"]["mlflow.sourceRun"] == name
        sources = {a["metadata"].get("sourceRun") for a in trace["assessments"].values()}
        assert sources <= {None, name}
    assert tags(contents, "eval_id") == sorted([logs[0].eval.eval_id] * 3 + [logs[1].eval.eval_id])


def test_a_run_that_comes_too_late_is_found_at_the_end(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def first_without_run(job: Any) -> Any:
        outcomes = deliver(job)
        opened.append(open_run(stores.live_uri, job.task.eval_id)[1])
        return outcomes

    deliver = _exporter.deliver_samples
    monkeypatch.setattr(_exporter, "deliver_samples", first_without_run)
    run(stores, tools_task())
    contents = trace_contents(stores.live_uri)
    assert opened
    assert all("mlflow.sourceRun" in trace["metadata"] for trace in contents.values())


def test_sample_error_while_the_task_goes_on(stores: Stores) -> None:
    task = Task(dataset=samples(), solver=breaks(), scorer=includes())
    run(stores, task, model=mock_model(before=not_for_three), fail_on_error=False)
    contents = stores.assert_equal()
    assert states(contents) == ["ERROR", "ERROR", "OK"]
    assert tags(contents, "status") == ["error", "error", "success"]
    exceptions = [
        (trace["tags"]["inspect.sample_id"], span["type"], event[2]["exception.message"])
        for trace in contents.values()
        for span in trace["spans"].values()
        for event in span["events"]
        if event[0] == "exception"
    ]
    assert ("2", "CHAIN", f"this sample is broken: {SECRET}") in exceptions
    assert ("3", "CHAT_MODEL", f"the model is out of order: {SECRET}") in exceptions


def test_task_error(stores: Stores) -> None:
    (log,) = run(stores, Task(dataset=samples(), solver=breaks(), scorer=includes()), max_samples=1)
    assert log.status == "error"
    contents = stores.assert_equal()
    assert "ERROR" in states(contents) and "OK" in states(contents)


def test_epochs(stores: Stores) -> None:
    logs = run(stores, tools_task(), epochs=Epochs(2, "mean"))
    contents = stores.assert_equal()
    assert tags(contents, "epoch") == ["1"] * 3 + ["2"] * 3
    assert len(set(contents)) == 6
    assert rebuilt(stores.live_uri) == logged(logs)


def test_retried_samples_have_one_trace(stores: Stores) -> None:
    task = Task(dataset=samples(), solver=breaks(times=1), scorer=includes())
    run(stores, task, retry_on_error=2)
    contents = stores.assert_equal()
    assert states(contents) == ["OK"] * 3
    retried = next(t for t in contents.values() if t["tags"]["inspect.sample_id"] == "2")
    assert any(span["status"][0] == "ERROR" for span in retried["spans"].values())


def test_limits_are_not_errors(stores: Stores) -> None:
    run(stores, tools_task(), message_limit=2)
    contents = stores.assert_equal()
    assert states(contents) == ["OK"] * 3
    assert tags(contents, "limit") == ["message"] * 3


def test_several_tasks_and_models(stores: Stores) -> None:
    models = [mock_model("mockllm/a"), mock_model("mockllm/b")]
    run(stores, [tools_task(name="first"), tools_task(name="second")], model=models)
    contents = stores.assert_equal()
    assert tags(contents, "task") == ["first"] * 6 + ["second"] * 6
    assert tags(contents, "model") == ["mockllm/a"] * 6 + ["mockllm/b"] * 6


def test_evaluations_in_one_process_do_not_mix(
    stores: Stores, capfd: pytest.CaptureFixture[str]
) -> None:
    run(stores, tools_task())
    run(stores, picture_task())
    assert len(stores.assert_equal()) == 4
    said = capfd.readouterr().err
    assert "3 traces complete in sqlite:" in said
    assert "1 trace complete in sqlite:" in said


@pytest.mark.parametrize("wanted", [True, False])
def test_a_task_switches_tracing_for_itself(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    """The metadata of a task goes before the environment, whichever hook asks first."""
    from inspect_mlflow_core._traced_tasks import enter_traced_task, forget_traced_tasks

    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", str(not wanted))
    # What tracking does when it is told of such a task.
    enter_traced_task("some task")
    try:
        own = {"inspect_mlflow_tracing_enabled": wanted}
        run(stores, [tools_task(name="own", metadata=own), tools_task(name="other")])
    finally:
        forget_traced_tasks()
    assert set(tags(trace_contents(stores.live_uri), "task")) == {"own" if wanted else "other"}
    if wanted:
        assert len(MlflowClient(stores.live_uri).search_experiments()) == 2


def test_an_evaluation_that_is_not_traced_leaves_nothing(stores: Stores) -> None:
    run(stores, tools_task(metadata={"inspect_mlflow_log_traces": False}))
    names = [found.name for found in MlflowClient(stores.live_uri).search_experiments()]
    assert names == ["Default"]


def test_without_content_no_text_is_in_the_store(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_CONTENT", "none")
    run(
        stores,
        [
            tools_task(name="tools"),
            picture_task(),
            Task(
                name="broken",
                dataset=samples(),
                solver=breaks(),
                scorer=includes(),
                model=mock_model(before=not_for_three),
            ),
        ],
        fail_on_error=False,
    )
    contents = stores.assert_equal()
    assert states(contents) == ["ERROR"] * 2 + ["OK"] * 5
    database = Path(stores.live_uri.removeprefix("sqlite:///"))
    stored = b"".join(path.read_bytes() for path in database.parent.rglob("*") if path.is_file())
    errors = "this sample is broken", "the model is out of order"
    for text in (SECRET, *errors, "Add two numbers", "iVBORw0KGgo"):
        assert text not in str(contents)
        assert text.encode() not in stored
    assert not any(trace["attachments"] for trace in contents.values())
    with_tools = [t for t in contents.values() if t["tags"]["inspect.task"] == "tools"]
    assert all("TOOL" in {s["type"] for s in t["spans"].values()} for t in with_tools)
    usage = '{"input_tokens": 6, "output_tokens": 2, "total_tokens": 8}'
    assert {t["metadata"]["mlflow.trace.tokenUsage"] for t in with_tools} == {usage}


def test_json_logs(stores: Stores) -> None:
    run(stores, [tools_task(), picture_task()], log_format="json")
    contents = stores.assert_equal()
    assert states(contents) == ["OK"] * 4


def test_images_are_attached_once(stores: Stores) -> None:
    run(stores, picture_task())
    (trace,) = stores.assert_equal().values()
    assert len(trace["attachments"]) == 1


def test_long_evaluations_are_traced_by_another_process_while_they_run(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered: list[int] = []

    async def last_one_waits(asked: str) -> None:
        with anyio.fail_after(90):
            while "1+1 (8)" in asked and sum(delivered) < 3:
                await anyio.sleep(0.05)

    call = BackgroundProcess.call

    def counted(self: BackgroundProcess, function: Any, *arguments: Any) -> Any:
        result = call(self, function, *arguments)
        if function.__name__ == "deliver_samples":
            delivered.append(sum(outcome.delivered for outcome in result))
        return result

    monkeypatch.setattr(BackgroundProcess, "call", counted)
    monkeypatch.setattr(_exporter, "BACKGROUND_AFTER_SECONDS", 0.0)
    (log,) = run(
        stores,
        Task(dataset=samples(8), scorer=includes()),
        model=mock_model(before=last_one_waits),
        max_samples=2,
        log_buffer=1,
    )
    assert log.status == "success"
    assert sum(delivered) == 8
    assert states(stores.assert_equal()) == ["OK"] * 8


NAMES_ITS_MODULES = """
import sys
import types

# Hooks of another package stay out, should it be installed.
sys.modules["inspect_mlflow_tracking._registry"] = types.ModuleType("none")

if __name__ == "__main__":
    import anyio
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.solver import solver

    from inspect_mlflow_core.background_process import BackgroundProcess
    from inspect_mlflow_tracing import _exporter

    outcomes = []
    call = BackgroundProcess.call

    def noted(self, function, *arguments):
        found = call(self, function, *arguments)
        outcomes.extend(found)
        return found

    BackgroundProcess.call = noted

    @solver
    def waits():
        async def solve(state, generate):
            with anyio.fail_after(60):
                await anyio.sleep(_exporter.BACKGROUND_AFTER_SECONDS)
                while state.sample_id == 3 and not outcomes:
                    await anyio.sleep(0.05)
            if state.sample_id == 3:
                print(*(name for name in sys.modules if name.startswith("inspect_mlflow")))
            return state

        return solve

    samples = [Sample(id=number, input="x") for number in (1, 2, 3)]
    eval(
        Task(dataset=samples, solver=waits()), model="mockllm/model", log_dir={logs!r},
        display="none", max_samples=1, log_buffer=1,
    )
"""


def test_an_evaluation_does_not_import_what_another_process_maps_with(
    stores: Stores, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(NAMES_ITS_MODULES.format(logs=str(stores.logs)))
    done = subprocess.run(
        [sys.executable, str(program)],
        # Else what shows them comes into play while the last sample waits.
        env={**os.environ, "INSPECT_MLFLOW_TRACE_RUNNING_SAMPLES": "false"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    imported = set(done.stdout.split())
    assert "inspect_mlflow_tracing._exporter" in imported
    for package in ("mapping", "run_scope", "running_traces", "traces"):
        assert f"inspect_mlflow_tracing.{package}" not in imported
    assert states(stores.assert_equal()) == ["OK"] * 3


def test_a_lost_background_process_costs_nothing(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: BackgroundProcess, *_: Any) -> Any:
        from inspect_mlflow_core.background_process import BackgroundProcessError

        raise BackgroundProcessError("the background process was lost")

    monkeypatch.setattr(BackgroundProcess, "call", lost)
    monkeypatch.setattr(_exporter, "BACKGROUND_AFTER_SECONDS", 0.0)
    run(stores, tools_task())
    assert states(stores.assert_equal()) == ["OK"] * 3


def test_over_http(
    server: str, tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = Stores(tmp_path, store_template, live_uri=server)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", server)
    monkeypatch.setattr(RunOpenerHooks, "tracking_uri", server)
    broken = Task(name="broken", dataset=samples(), solver=breaks(), scorer=includes())
    try:
        logs = run(stores, [tools_task(), picture_task(), broken], fail_on_error=False, epochs=2)
        contents = stores.assert_equal()
    finally:
        RunOpenerHooks.eval_ids.clear()
    assert rebuilt(server) == logged(logs)
    assert states(contents) == ["ERROR"] * 2 + ["OK"] * 12
    assert all("mlflow.sourceRun" in trace["metadata"] for trace in contents.values())


def rebuilt(uri: str) -> dict[str | None, str]:
    """The samples that the traces of a store hold; as text, because NaN is not equal to itself."""
    client = MlflowClient(uri)
    experiments = [found.experiment_id for found in client.search_experiments()]
    samples = [rebuild_sample(trace) for trace in client.search_traces(locations=experiments)]
    return {sample.uuid: repr(sample.model_dump()) for sample in samples}


def logged(logs: list[EvalLog]) -> dict[str | None, str]:
    """The samples of some logs, in the same form."""
    return {
        sample.uuid: repr(sample.model_dump())
        for log in logs
        for sample in read_eval_log(log.location).samples or ()
    }


TASK_FILE = """
import os
from pathlib import Path

import anyio
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate, solver

HERE = Path(__file__).parent


async def answer(input, tools, tool_choice, config):
    if (HERE / "done").exists():
        await anyio.sleep(60)
    output = ModelOutput.from_content("mockllm/model", "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


def model():
    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


@solver
def fails_once():
    async def solve(state, generate):
        marker = HERE / f"failed-{state.sample_id}"
        if state.sample_id == 3 and not marker.exists():
            marker.touch()
            raise RuntimeError("the first attempt fails")
        return await generate(state)

    return solve


@solver
def marks_done():
    async def solve(state, generate):
        state = await generate(state)
        if state.sample_id == 2:
            (HERE / "done").touch()
        return state

    return solve


def samples(count):
    return [Sample(id=i, input=f"1+1 {i}", target="2") for i in range(1, count + 1)]


@task
def flaky():
    return Task(dataset=samples(4), solver=fails_once(), scorer=match(), model=model())


@task
def steady():
    return Task(dataset=samples(2), solver=generate(), scorer=match(), model=model())


@task
def long():
    return Task(dataset=samples(30), solver=marks_done(), scorer=match(), model=model())
"""


@pytest.fixture
def task_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "tasks"
    directory.mkdir()
    (directory / "tracing_tasks.py").write_text(TASK_FILE)
    monkeypatch.chdir(directory)
    return directory


def test_samples_taken_over_by_eval_retry_have_traces_of_their_own(
    stores: Stores, task_directory: Path
) -> None:
    options: dict[str, Any] = {"log_dir": str(stores.logs), "display": "none"}
    (failed,) = eval("tracing_tasks.py@flaky", max_samples=1, **options)
    assert failed.status == "error"
    (again,) = eval_retry(failed, **options)
    assert again.status == "success"
    contents = stores.assert_equal()
    of_second = [
        trace
        for trace in contents.values()
        if trace["tags"]["inspect.eval_id"] == again.eval.eval_id
    ]
    assert sorted(trace["tags"]["inspect.sample_id"] for trace in of_second) == list("1234")
    assert {trace["state"] for trace in of_second} == {"OK"}
    assert len(contents) > 4


@pytest.mark.parametrize("immediate", [True, False])
def test_eval_set_with_a_retry(stores: Stores, task_directory: Path, immediate: bool) -> None:
    success, logs = eval_set(
        ["tracing_tasks.py@flaky", "tracing_tasks.py@steady"],
        log_dir=str(stores.logs),
        retry_immediate=immediate,
        retry_wait=0.01,
        max_samples=1,
        display="none",
    )
    assert success
    assert sync_traces(stores.logs, tracking_uri=stores.synced_uri).complete
    live, synced = trace_contents(stores.live_uri), trace_contents(stores.synced_uri)
    standing = {log.eval.eval_id for log in logs}
    # Inspect deletes the log of the first attempt, of which the live traces are all there is.
    earlier = {
        key: trace
        for key, trace in live.items()
        if trace["tags"]["inspect.eval_id"] not in standing
    }
    assert {key: trace for key, trace in live.items() if key not in earlier} == synced
    assert len(synced) == 6
    assert {trace["tags"]["inspect.task"] for trace in earlier.values()} == {"flaky"}
    assert "ERROR" in states(earlier)


INTERRUPTED = """
import signal
import sys
import types

# Who starts the tests in the background of a shell hands an ignored SIGINT down to all.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Hooks of another package stay out, should it be installed.
sys.modules["inspect_mlflow_tracking._registry"] = types.ModuleType("none")

if __name__ == "__main__":
    from inspect_ai import eval

    eval(
        "tracing_tasks.py@long", log_dir={logs!r}, display="none", max_samples=2, log_buffer=1
    )
"""


def start_and_wait(stores: Stores, directory: Path) -> subprocess.Popen[str]:
    """Start an evaluation that comes to a halt after some samples."""
    program = directory / "program.py"
    program.write_text(INTERRUPTED.format(logs=str(stores.logs)))
    process = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=directory,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until((directory / "done").exists, process)
    return process


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the evaluation did not get going"
        time.sleep(0.05)


def test_interrupted_by_the_user(stores: Stores, task_directory: Path) -> None:
    process = start_and_wait(stores, task_directory)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    contents = stores.assert_equal()
    assert {"1", "2"} <= set(tags(contents, "sample_id")), output
    assert set(tags(contents, "status")) == {"success", "cancelled"}, output
    assert f"{len(contents)} traces complete" in output
