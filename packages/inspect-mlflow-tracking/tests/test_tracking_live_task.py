"""The part of a run that is written while its task is still going on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSample, read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match

from inspect_mlflow_core.active_runs import active_run, leave_active_run
from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import open_tracking_store
from inspect_mlflow_core.testing import copy_store, store_contents
from inspect_mlflow_tracking._live_task import SETTLING_MS, LiveTask
from inspect_mlflow_tracking.mapping import SampleFacts, sample_facts
from inspect_mlflow_tracking.runs import TrackingTarget


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


@pytest.fixture(scope="module")
def log_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples = [Sample(id=i, input=f"{i}", target="2" if i % 2 else "3") for i in range(1, 6)]
    (log,) = eval(
        Task(name="sums", dataset=samples, scorer=match()),
        model=get_model("mockllm/model", custom_outputs=answer, memoize=False),
        log_dir=str(tmp_path_factory.mktemp("live-task-logs")),
        display="none",
    )
    return Path(log.location)


class Clock:
    now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def live_task(uri: str, log_path: Path) -> tuple[LiveTask, Clock, list[EvalSample]]:
    log = read_eval_log(str(log_path))
    assert log.samples is not None
    clock = Clock()
    settings = MLflowSettings(tracking_uri=uri)
    task = LiveTask(log.eval, log.plan, settings, BackgroundProcess(), now_ms=clock)
    task.open(TrackingTarget(open_tracking_store(uri)))
    return task, clock, list(log.samples)


def facts_in_order(samples: list[EvalSample]) -> list[SampleFacts]:
    return sorted(
        (sample_facts(sample) for sample in samples), key=lambda f: (f.completed_ms, str(f.id))
    )


def running(uri: str) -> list[tuple[int, int, float]]:
    (task,) = [run for name, run in store_contents(uri).items() if name.startswith("task ")]
    return task["metrics"].get("inspect.samples", [])


def test_samples_that_arrive_out_of_order_enter_in_order(
    store_template: Path, tmp_path: Path, log_path: Path
) -> None:
    uri = copy_store(store_template, tmp_path)
    task, clock, samples = live_task(uri, log_path)
    ordered = facts_in_order(samples)
    for facts in reversed(ordered):
        task.add(facts)
    clock.now_ms = (ordered[-1].completed_ms or 0) + SETTLING_MS
    task.deliver()
    expected = [(n, facts.completed_ms, float(n)) for n, facts in enumerate(ordered, start=1)]
    assert running(uri) == expected


def test_nothing_enters_before_it_has_settled(
    store_template: Path, tmp_path: Path, log_path: Path
) -> None:
    uri = copy_store(store_template, tmp_path)
    task, clock, samples = live_task(uri, log_path)
    ordered = facts_in_order(samples)
    for facts in ordered:
        task.add(facts)
    clock.now_ms = (ordered[0].completed_ms or 0) + SETTLING_MS - 1
    task.deliver()
    assert running(uri) == []


def test_a_repeated_batch_counts_once(store_template: Path, tmp_path: Path, log_path: Path) -> None:
    uri = copy_store(store_template, tmp_path)
    task, clock, samples = live_task(uri, log_path)
    ordered = facts_in_order(samples)
    clock.now_ms = (ordered[-1].completed_ms or 0) + SETTLING_MS
    for _ in range(2):
        for facts in ordered:
            task.add(facts)
        task.deliver()
    assert [step for step, _, _ in running(uri)] == [1, 2, 3, 4, 5]


def test_the_run_can_be_found_by_eval_id(
    store_template: Path, tmp_path: Path, log_path: Path
) -> None:
    uri = copy_store(store_template, tmp_path)
    task, _, _ = live_task(uri, log_path)
    assert task.writer is not None
    found = active_run(task.spec.eval_id)
    assert found is not None
    assert (found.run_id, found.tracking_uri) == (task.writer.run.run_id, uri)
    leave_active_run(task.spec.eval_id)
    assert active_run(task.spec.eval_id) is None


def test_samples_outside_of_the_dataset_wait_for_the_log(
    store_template: Path, tmp_path: Path, log_path: Path
) -> None:
    uri = copy_store(store_template, tmp_path)
    task, clock, samples = live_task(uri, log_path)
    (first, second, *_) = facts_in_order(samples)
    task.add(replace(first, id="added later"))
    task.add(second)
    clock.now_ms = (second.completed_ms or 0) + SETTLING_MS
    task.deliver()
    (found,) = [run for name, run in store_contents(uri).items() if name.startswith("task ")]
    assert len(found["metrics"]["sample/match"]) == 1
    assert len(running(uri)) == 2
