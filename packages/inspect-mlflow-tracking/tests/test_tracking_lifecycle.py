"""A live evaluation and a `sync` of its logs give the same runs, whatever the outcome."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Epochs, Task, eval, eval_retry, eval_set
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, accuracy, includes, match, mean, scorer, stderr
from inspect_ai.solver import Generate, TaskState, generate, solver, use_tools
from inspect_ai.tool import tool

from inspect_mlflow_core.testing import copy_store, store_contents
from inspect_mlflow_tracking import sync

Contents = dict[str, dict[str, Any]]

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
    delay = float(os.environ.get("MODEL_DELAY_SECONDS", "0"))
    if delay and (HERE / "done").exists():
        await anyio.sleep(delay)
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


class Stores:
    """A store that hooks write to, and one that `sync` fills from the same logs."""

    def __init__(self, directory: Path, template: Path) -> None:
        self.logs = directory / "logs"
        (directory / "live").mkdir()
        (directory / "synced").mkdir()
        self.live_uri = copy_store(template, directory / "live")
        self.synced_uri = copy_store(template, directory / "synced")

    def sync(self) -> Contents:
        report = sync(self.logs, tracking_uri=self.synced_uri)
        assert report.complete, report
        return store_contents(self.synced_uri)

    def assert_equal(self) -> Contents:
        live, synced = store_contents(self.live_uri), self.sync()
        assert live == synced
        assert sync(self.logs, tracking_uri=self.synced_uri).complete
        assert store_contents(self.synced_uri) == synced
        return live


@pytest.fixture
def stores(
    tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stores]:
    found = Stores(tmp_path, store_template)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", found.live_uri)
    monkeypatch.setenv("INSPECT_MLFLOW_AUTOLOG_ENABLED", "false")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield found


@tool
def add():
    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: The first.
            y: The second.
        """
        return str(x + y)

    return execute


def mock_model(name: str = "mockllm/model") -> Model:
    def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        called = any(message.role == "tool" for message in messages)
        if tools and not called:
            output = ModelOutput.for_tool_call(name, "add", {"x": 1, "y": 1})
        else:
            output = ModelOutput.from_content(name, "2")
        output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
        return output

    return get_model(name, custom_outputs=answer, memoize=False)


@scorer(metrics={"precise": [mean(), stderr()], "kind": [mean()]})
def graded():
    async def score(state: TaskState, target: Any) -> Score:
        unscored = state.sample_id == 2
        return Score(value={"precise": 1.0, "kind": float("nan") if unscored else 0.25})

    return score


@scorer(metrics=[accuracy()])
def undecided():
    async def score(state: TaskState, target: Any) -> Score:
        return Score(value=float("nan") if state.sample_id == 1 else 1.0)

    return score


@solver
def breaks():
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.sample_id == 2:
            raise ValueError("this sample is broken")
        return await generate(state)

    return solve


def samples(count: int = 4) -> list[Sample]:
    return [
        Sample(id=i, input=f"1+1 ({i})", target="2" if i % 2 else "3") for i in range(1, count + 1)
    ]


def tools_task() -> Task:
    return Task(dataset=samples(), solver=[use_tools(add()), generate()], scorer=match())


def scorers_task() -> Task:
    return Task(dataset=samples(), solver=generate(), scorer=[match(), includes(), match()])


def run(stores: Stores, tasks: Any, **options: Any) -> list[EvalLog]:
    settings: dict[str, Any] = {"model": mock_model(), "display": "none", **options}
    return eval(tasks, log_dir=str(stores.logs), **settings)


def task_runs(contents: Contents) -> list[dict[str, Any]]:
    return [run for name, run in contents.items() if name.startswith("task ")]


def parents(contents: Contents) -> list[dict[str, Any]]:
    return [run for name, run in contents.items() if name.startswith("parent ")]


def only_task(contents: Contents) -> dict[str, Any]:
    (found,) = task_runs(contents)
    return found


def test_success_with_tools(stores: Stores) -> None:
    (log,) = run(stores, tools_task())
    contents = stores.assert_equal()
    task, (parent,) = only_task(contents), parents(contents)
    assert (task["status"], parent["status"]) == ("FINISHED", "FINISHED")
    assert task["parent"] == f"parent {log.eval.run_id} in inspect_ai"
    assert task["latest"]["total_model_calls"] == 8
    assert task["latest"]["total_tool_calls"] == 4
    assert task["latest"]["match/accuracy"] == 0.5
    assert task["latest"]["inspect.accuracy"] == 0.5
    assert task["latest"]["inspect.tokens.total_tokens"] == 32
    assert [point[0] for point in task["metrics"]["sample/match"]] == [1, 2, 3, 4]
    name = Path(log.location).name
    assert {f"inspect/logs/{name}", "inspect/samples.json"} <= set(task["artifacts"])


def test_epochs_with_several_reducers(stores: Stores) -> None:
    (log,) = run(stores, tools_task(), epochs=Epochs(3, ["mean", "max", "at_least_2"]))
    task = only_task(stores.assert_equal())
    assert log.results is not None
    for result in log.results.scores:
        for name, metric in result.metrics.items():
            assert task["latest"][f"match/{result.reducer}/{name}"] == metric.value
    assert [point[0] for point in task["metrics"]["sample/match"]] == list(range(1, 13))
    assert task["latest"]["inspect.samples"] == 12


def test_several_scorers_and_equal_names(stores: Stores) -> None:
    run(stores, scorers_task())
    latest = only_task(stores.assert_equal())["latest"]
    assert {"match/accuracy", "includes/accuracy", "match1/accuracy"} <= set(latest)
    assert {"sample/match", "sample/includes", "sample/match1"} <= set(latest)


def test_dict_scores(stores: Stores) -> None:
    run(stores, Task(dataset=samples(), solver=generate(), scorer=graded()))
    task = only_task(stores.assert_equal())
    assert task["latest"]["graded/precise/mean"] == 1.0
    assert task["latest"]["graded/kind/mean"] == 0.25
    assert len(task["metrics"]["sample/graded/precise"]) == 4
    assert len(task["metrics"]["sample/graded/kind"]) == 3


def test_nan_means_unscored(stores: Stores) -> None:
    run(stores, Task(dataset=samples(), solver=generate(), scorer=undecided()))
    task = only_task(stores.assert_equal())
    assert len(task["metrics"]["sample/undecided"]) == 3
    assert task["latest"]["inspect.samples_scored"] == 3
    assert task["latest"]["inspect.samples_unscored"] == 1


def test_only_nan_is_told_not_sent(stores: Stores) -> None:
    run(stores, Task(dataset=samples(1), solver=generate(), scorer=undecided()))
    task = only_task(stores.assert_equal())
    assert task["latest"]["inspect.samples_scored"] == 0
    assert task["latest"]["inspect.accuracy"] == 0.0
    assert task["latest"]["inspect.samples_correct"] == 0.0
    assert all(value == value for value in task["latest"].values())


def test_sample_error_while_the_task_goes_on(stores: Stores) -> None:
    run(stores, Task(dataset=samples(), solver=breaks(), scorer=match()), fail_on_error=False)
    task = only_task(stores.assert_equal())
    assert task["status"] == "FINISHED"
    assert task["latest"]["inspect.samples_errored"] == 1
    assert task["latest"]["completed_samples"] == 3


def test_task_error_closes_both_runs_as_failed(stores: Stores) -> None:
    (log,) = run(stores, Task(dataset=samples(), solver=breaks(), scorer=match()))
    assert log.status == "error"
    contents = stores.assert_equal()
    task, (parent,) = only_task(contents), parents(contents)
    assert (task["status"], parent["status"]) == ("FAILED", "FAILED")
    assert "this sample is broken" in task["tags"]["inspect.error"]
    assert "inspect/samples.json" in task["artifacts"]


def test_retry_on_error_counts_one_sample(stores: Stores, tmp_path: Path) -> None:
    @solver
    def fails_first():
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            marker = tmp_path / f"seen-{state.sample_id}"
            if not marker.exists():
                marker.touch()
                raise ValueError("once")
            return await generate(state)

        return solve

    run(stores, Task(dataset=samples(2), solver=fails_first(), scorer=match()), retry_on_error=1)
    task = only_task(stores.assert_equal())
    assert task["status"] == "FINISHED"
    assert task["latest"]["inspect.samples"] == 2
    assert len(task["metrics"]["sample/match"]) == 2


def test_limits_are_not_errors(stores: Stores) -> None:
    run(stores, tools_task(), message_limit=2)
    task = only_task(stores.assert_equal())
    assert task["status"] == "FINISHED"
    assert task["latest"]["inspect.samples_limited"] == 4
    assert task["latest"]["inspect.samples_errored"] == 0


def test_two_tasks_share_a_parent(stores: Stores) -> None:
    run(stores, [tools_task(), Task(name="second", dataset=samples(), scorer=match())])
    contents = stores.assert_equal()
    assert len(task_runs(contents)) == 2
    (parent,) = parents(contents)
    assert parent["status"] == "FINISHED"
    assert "second" in parent["tags"]["inspect.tasks"]


def test_two_models_give_two_runs(stores: Stores) -> None:
    run(stores, tools_task(), model=[mock_model("mockllm/a"), mock_model("mockllm/b")])
    contents = stores.assert_equal()
    models = {task["tags"]["inspect.model"] for task in task_runs(contents)}
    assert models == {"mockllm/a", "mockllm/b"}
    assert len(parents(contents)) == 1


def test_two_evaluations_in_one_process_do_not_mix(stores: Stores) -> None:
    run(stores, tools_task())
    run(stores, tools_task())
    contents = stores.assert_equal()
    assert [task["latest"]["inspect.samples"] for task in task_runs(contents)] == [4, 4]
    assert [task["latest"]["inspect.accuracy"] for task in task_runs(contents)] == [0.5, 0.5]
    assert len(parents(contents)) == 2


@pytest.fixture
def task_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "tasks"
    directory.mkdir()
    (directory / "lifecycle_tasks.py").write_text(TASK_FILE)
    monkeypatch.chdir(directory)
    return directory


def test_eval_retry_makes_a_second_run_with_the_reused_samples(
    stores: Stores, task_directory: Path
) -> None:
    options: dict[str, Any] = {"log_dir": str(stores.logs), "display": "none"}
    (failed,) = eval("lifecycle_tasks.py@flaky", max_samples=1, **options)
    assert failed.status == "error"
    (again,) = eval_retry(failed, **options)
    assert again.status == "success"
    contents = stores.assert_equal()
    first = contents[f"task {failed.eval.eval_id}"]
    second = contents[f"task {again.eval.eval_id}"]
    assert (first["status"], second["status"]) == ("FAILED", "FINISHED")
    assert first["tags"]["inspect.task_id"] == second["tags"]["inspect.task_id"]
    assert second["latest"]["inspect.samples"] == 4
    assert len(second["metrics"]["sample/match"]) == 4


@pytest.mark.parametrize("immediate", [True, False])
def test_eval_set_with_a_retry(stores: Stores, task_directory: Path, immediate: bool) -> None:
    success, logs = eval_set(
        ["lifecycle_tasks.py@flaky", "lifecycle_tasks.py@steady"],
        log_dir=str(stores.logs),
        retry_immediate=immediate,
        retry_wait=0.01,
        max_samples=1,
        display="none",
    )
    assert success
    live, synced = store_contents(stores.live_uri), stores.sync()
    superseded = {
        name: found for name, found in live.items() if "inspect.superseded_by" in found["tags"]
    }
    standing = {name: found for name, found in live.items() if name not in superseded}
    # Inspect deletes the log of the first attempt, with which the set began, so `sync` cannot
    # know when that was.
    (began,) = {found["start_time"] for found in parents(live)}
    assert began == min(found["start_time"] for found in live.values())
    for found in parents(synced):
        found["start_time"] = began
    assert standing == synced
    assert {f"task {log.eval.eval_id}" for log in logs} == {
        name for name in standing if name.startswith("task ")
    }
    (parent,) = parents(live)
    assert parent["status"] == "FINISHED"
    (old,) = superseded.values()
    assert old["status"] == ("KILLED" if immediate else "FAILED")
    assert f"task {old['tags']['inspect.superseded_by']}" in standing


# Who starts the tests in the background of a shell hands an ignored SIGINT down to all.
INTERRUPTIBLE = """\
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
"""


def script(directory: Path, stores: Stores, body: str, **environment: str) -> subprocess.Popen[str]:
    program = directory / "program.py"
    program.write_text(INTERRUPTIBLE + textwrap.dedent(body))
    return subprocess.Popen(
        [sys.executable, str(program)],
        cwd=directory,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


LONG_EVALUATION = """
    if __name__ == "__main__":
        from inspect_ai import eval
        from inspect_ai._util.platform import platform_init

        eval(
            "lifecycle_tasks.py@long",
            log_dir={logs!r},
            display="none",
            max_samples=2,
            log_buffer=1,
        )
"""


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the evaluation did not get going"
        time.sleep(0.05)


def interrupted(stores: Stores, directory: Path, signal_number: int) -> str:
    body = LONG_EVALUATION.format(logs=str(stores.logs))
    process = script(directory, stores, body, MODEL_DELAY_SECONDS="60")
    wait_until((directory / "done").exists, process)
    wait_until(lambda: bool(task_runs(store_contents(stores.live_uri))), process)
    process.send_signal(signal_number)
    return process.communicate(timeout=60)[0]


def test_interrupted_by_the_user(stores: Stores, task_directory: Path) -> None:
    output = interrupted(stores, task_directory, signal.SIGINT)
    contents = stores.assert_equal()
    task, (parent,) = only_task(contents), parents(contents)
    assert (task["status"], parent["status"]) == ("KILLED", "KILLED"), output
    assert len(task["metrics"]["sample/match"]) >= 2
    assert task["tags"]["inspect.log_status"] == "cancelled"


def test_killed_then_synced(stores: Stores, task_directory: Path) -> None:
    interrupted(stores, task_directory, signal.SIGKILL)
    before = only_task(store_contents(stores.live_uri))
    assert before["status"] == "RUNNING"
    assert sync(stores.logs, tracking_uri=stores.live_uri).complete
    contents = stores.assert_equal()
    task, (parent,) = only_task(contents), parents(contents)
    assert (task["status"], parent["status"]) == ("KILLED", "KILLED")
    steps = [point[0] for point in task["metrics"]["sample/match"]]
    assert len(steps) == len(set(steps)) >= 2


def test_log_that_is_still_being_written(stores: Stores, task_directory: Path) -> None:
    body = LONG_EVALUATION.format(logs=str(stores.logs))
    process = script(task_directory, stores, body, MODEL_DELAY_SECONDS="60")
    try:
        wait_until((task_directory / "done").exists, process)
        time.sleep(1.0)
        sync(stores.logs, tracking_uri=stores.synced_uri)
        contents = store_contents(stores.synced_uri)
        task, (parent,) = only_task(contents), parents(contents)
        assert (task["status"], parent["status"]) == ("RUNNING", "RUNNING")
        assert task["end_time"] is None
    finally:
        process.kill()
        process.communicate()
