"""What people search MLflow's traces by finds those of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Epochs, Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, accuracy, includes, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver, use_tools
from inspect_ai.tool import Tool, tool
from mlflow import MlflowClient

from inspect_mlflow_core.connection import ensure_experiment, open_tracking_store
from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_tracing import sync_traces

MODEL = "mockllm/model"
OF_ONE_CALL = "span.attributes.`mlflow.chat.tokenUsage`"


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


@solver
def some_fail() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.sample_id == "fails":
            raise RuntimeError("out of order")
        return await generate(state)

    return solve


@scorer(metrics={"length": [mean()], "style": [accuracy()]})
def graded() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value={"length": len(str(state.sample_id)), "style": "P"})

    return score


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    if "sum" in messages[0].text and messages[-1].role == "user":
        output = ModelOutput.for_tool_call(MODEL, "add", {"x": 1, "y": 1})
    else:
        output = ModelOutput.from_content(MODEL, "right")
    output.usage = ModelUsage(input_tokens=70, output_tokens=30, total_tokens=100)
    return output


@dataclass(frozen=True)
class Found:
    """Traces in a store.

    Args:
        log: Where they come from.
        run_id: The run that they belong to.
        ids: Searches, and returns the ids of samples, each once for every epoch.
    """

    log: EvalLog
    run_id: str
    ids: Callable[[str], list[str]]


@pytest.fixture(scope="module")
def found(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    directory = tmp_path_factory.mktemp("searched")
    uri = copy_store(store_template, directory)
    (log,) = eval(
        Task(
            name="arithmetic",
            dataset=[
                Sample(id="plain", input="say it", target="right"),
                Sample(id="sum", input="a sum", target="right"),
                Sample(id="fails", input="fail", target="right"),
                Sample(id="wrong", input="say it", target="other"),
            ],
            solver=[use_tools(add()), some_fail()],
            scorer=[includes(), graded()],
            epochs=Epochs(2, "mean"),
        ),
        model=get_model(MODEL, custom_outputs=answer, memoize=False),
        log_dir=str(directory / "logs"),
        fail_on_error=False,
        display="none",
    )
    client = MlflowClient(uri)
    experiment_id = ensure_experiment(open_tracking_store(uri), "inspect_ai")
    run = client.create_run(experiment_id, tags={"inspect.eval_id": log.eval.eval_id})
    assert sync_traces(log.location, tracking_uri=uri).complete

    def ids(filter_string: str) -> list[str]:
        traces = client.search_traces(locations=[experiment_id], filter_string=filter_string)
        return sorted(trace.info.tags["inspect.sample_id"] for trace in traces)

    return Found(log, run.info.run_id, ids)


def twice(*ids: str) -> list[str]:
    return sorted(ids * 2)


ALL = twice("plain", "sum", "fails", "wrong")


@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        ("", ALL),
        ("feedback.includes = 'true'", twice("plain", "sum")),
        ("feedback.includes = 'false'", twice("wrong")),
        ("feedback.`graded/length` = '3.0'", twice("sum")),
        ("feedback.`graded/style` = '0.5'", twice("plain", "sum", "wrong")),
        ("tags.`inspect.task` = 'arithmetic'", ALL),
        ("tags.`inspect.model` = 'mockllm/model'", ALL),
        ("tags.`inspect.sample_id` = 'sum' AND tags.`inspect.epoch` = '2'", ["sum"]),
        ("tags.`inspect.status` = 'error'", twice("fails")),
        ("trace.status = 'ERROR'", twice("fails")),
        ("trace.status = 'OK'", twice("plain", "sum", "wrong")),
        ("span.type = 'TOOL'", twice("sum")),
        ("span.type = 'CHAT_MODEL'", twice("plain", "sum", "wrong")),
        ("span.type = 'EVALUATOR' AND span.name = 'graded'", twice("plain", "sum", "wrong")),
        ("span.name = 'add'", twice("sum")),
    ],
)
def test_searches_of_fields(found: Found, filter_string: str, expected: list[str]) -> None:
    assert found.ids(filter_string) == expected


def test_search_by_evaluation_and_run(found: Found) -> None:
    assert found.ids(f"tags.`inspect.eval_id` = '{found.log.eval.eval_id}'") == ALL
    assert found.ids("tags.`inspect.eval_id` = 'another'") == []
    assert found.ids(f"metadata.`mlflow.sourceRun` = '{found.run_id}'") == ALL
    assert found.ids("metadata.`mlflow.sourceRun` = 'another'") == []


def test_search_by_tokens(found: Found) -> None:
    # A sum takes two calls of the model. What belongs to the whole trace can only be compared as
    # the text that MLflow's own traces have there.
    usage = '{"input_tokens": 140, "output_tokens": 60, "total_tokens": 200}'
    assert found.ids(f"metadata.`mlflow.trace.tokenUsage` = '{usage}'") == twice("sum")


@pytest.mark.skipif(
    tuple(map(int, version("mlflow").split(".")[:2])) < (3, 17),
    reason="older versions of MLflow do not know these filters, or know them otherwise",
)
@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        ("expectation.expected_response = 'other'", twice("wrong")),
        ("feedback.`graded/length` > 4", twice("plain", "wrong")),
        (f"{OF_ONE_CALL} LIKE '%100%'", twice("plain", "sum", "wrong")),
        (f"{OF_ONE_CALL} LIKE '%200%'", []),
        ("trace.text LIKE '%a sum%'", twice("sum")),
    ],
)
def test_searches_of_newer_versions(found: Found, filter_string: str, expected: list[str]) -> None:
    assert found.ids(filter_string) == expected
