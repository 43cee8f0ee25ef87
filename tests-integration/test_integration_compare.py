"""A comparison by the built wheel of compare alone, where there is no MLflow at all."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

EVALUATE = """
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate

right_until, directory = int(sys.argv[1]), sys.argv[2]


def answer(messages, tools, tool_choice, config):
    number = int(messages[-1].text)
    output = ModelOutput.from_content("mockllm/model", "A" if number <= right_until else "B")
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


dataset = [Sample(id=number, input=str(number), target="A") for number in range(1, 31)]
task = Task(dataset=dataset, solver=generate(), scorer=match(), name="numbers")
model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
(log,) = eval(task, model=model, log_dir=directory, display="none")
print("log", log.location)
"""
COMMAND = "from inspect_mlflow_compare._command import main; raise SystemExit(main())"


@dataclass(frozen=True)
class CompareAlone:
    """An environment with the wheel of compare, and neither MLflow nor our other packages."""

    python: Path
    directory: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in it."""
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=self.directory,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120"},
            capture_output=True,
            text=True,
            check=False,
        )

    def evaluate(self, right_until: int) -> str:
        """Run an evaluation of 30 samples, and return where its log is."""
        finished = self.run("-c", EVALUATE, str(right_until), "logs")
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.split("log ", 1)[1].strip()


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, make_environment: Callable[..., Path]
) -> CompareAlone:
    directory = tmp_path_factory.mktemp("compare")
    python = make_environment(directory, "inspect_mlflow_compare", without=("mlflow",))
    return CompareAlone(python, directory)


def test_there_is_no_mlflow(alone: CompareAlone) -> None:
    finished = alone.run("-c", "import inspect_mlflow_compare, mlflow")
    assert "No module named 'mlflow'" in finished.stderr


def test_a_regression_fails_and_an_equal_candidate_passes(alone: CompareAlone) -> None:
    baseline, worse = alone.evaluate(27), alone.evaluate(12)
    failed = alone.run("-c", COMMAND, baseline, worse)
    assert failed.returncode == 1, failed.stderr
    assert "match" in failed.stdout
    assert "FAIL" in failed.stdout
    passed = alone.run("-c", COMMAND, baseline, alone.evaluate(27), "--format", "json")
    assert passed.returncode == 0, passed.stderr
    result = json.loads(passed.stdout)
    assert result["metrics"][0]["delta"] == 0


def test_what_is_no_log_is_said_in_one_line(alone: CompareAlone) -> None:
    finished = alone.run("-c", COMMAND, "missing.eval", "missing too.eval")
    assert finished.returncode == 2
    assert "missing.eval" in finished.stderr
    assert "Traceback" not in finished.stderr
