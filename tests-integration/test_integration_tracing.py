"""An evaluation by `inspect eval`, traced by the built wheels: beside tracking, and alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inspect_mlflow_core.testing import copy_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate


def answer(messages, tools, tool_choice, config):
    output = ModelOutput.from_content("mockllm/model", messages[-1].text.upper())
    # Without usage Inspect would count tokens with a tokenizer that it downloads.
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


@task
def letters():
    return Task(
        dataset=[Sample(id=text, input=text, target="A") for text in ("a", "b")],
        solver=generate(),
        scorer=match(),
        epochs=2,
        model=get_model("mockllm/model", custom_outputs=answer, memoize=False),
    )
"""
LANDED = """
import json
from mlflow import MlflowClient
from inspect_mlflow_core.kept_sample import rebuild_sample

client = MlflowClient()
experiment = client.get_experiment_by_name("inspect_ai").experiment_id
runs = client.search_runs([experiment])
traces = client.search_traces(locations=[experiment], max_results=100)
samples = [rebuild_sample(trace) for trace in traces]
landed = {
    "task runs": [run.info.run_id for run in runs if "inspect.eval_id" in run.data.tags],
    "runs": len(runs),
    "runs of traces": [trace.info.trace_metadata.get("mlflow.sourceRun") for trace in traces],
    "samples": sorted([sample.id, sample.epoch, sample.output.completion] for sample in samples),
    "scores": sorted(
        assessment.value
        for trace in traces
        for assessment in trace.info.assessments
        if assessment.name == "match"
    ),
    "spans": sorted({span.span_type for trace in traces for span in trace.data.spans}),
}
print("landed", json.dumps(landed))
"""
SAMPLES = [["a", 1, "A"], ["a", 2, "A"], ["b", 1, "B"], ["b", 2, "B"]]


@dataclass(frozen=True)
class Environment:
    """A Python environment in which evaluations run."""

    python: Path
    directory: Path

    def evaluate(self, **settings: str) -> tuple[str, dict[str, Any]]:
        """Run the task; return what was printed, and what is in MLflow afterwards."""
        (self.directory / "letters.py").write_text(TASK)
        settings["MLFLOW_TRACKING_URI"] = "sqlite:///mlflow.db"
        command = ["-m", "inspect_ai", "eval", "letters.py", "--display", "plain"]
        printed = self._run(command, settings)
        landed = self._run(["-c", LANDED], settings).split("landed ", 1)[1]
        return printed, json.loads(landed)

    def _run(self, arguments: list[str], settings: Mapping[str, str]) -> str:
        finished = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.directory,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout + finished.stderr


@pytest.fixture
def directory(store_template: Path, tmp_path: Path) -> Path:
    """A directory with an empty database `mlflow.db`."""
    copy_store(store_template, tmp_path)
    return tmp_path


@pytest.fixture
def installed(directory: Path) -> Environment:
    """The environment of this test, which has the umbrella."""
    return Environment(Path(sys.executable), directory)


@pytest.fixture
def with_tracing_alone(directory: Path, make_environment: Callable[..., Path]) -> Environment:
    """An environment with the wheels of tracing and core, and none of our other packages."""
    wheels = "inspect_mlflow_core", "inspect_mlflow_tracing"
    return Environment(make_environment(directory, *wheels), directory)


def test_an_evaluation_leaves_a_run_and_its_traces(installed: Environment) -> None:
    printed, landed = installed.evaluate(INSPECT_MLFLOW_TRACING_ENABLED="true")
    assert "inspect_mlflow_tracing/mlflow_tracing" in printed
    assert "4 traces complete" in printed
    (run,) = landed["task runs"]
    assert landed["runs of traces"] == [run] * 4
    assert landed["samples"] == SAMPLES
    assert landed["scores"] == [False, False, True, True]
    assert {"CHAIN", "CHAT_MODEL", "EVALUATOR"} <= set(landed["spans"])


def test_traces_are_off_until_they_are_asked_for(installed: Environment) -> None:
    _, landed = installed.evaluate()
    assert len(landed["task runs"]) == 1
    assert landed["samples"] == []


def test_tracing_alone_leaves_traces_and_no_run(with_tracing_alone: Environment) -> None:
    printed, landed = with_tracing_alone.evaluate()
    assert "inspect_mlflow_tracking" not in printed
    assert landed["runs"] == 0
    assert landed["runs of traces"] == [None] * 4
    assert landed["samples"] == SAMPLES
    assert landed["scores"] == [False, False, True, True]
