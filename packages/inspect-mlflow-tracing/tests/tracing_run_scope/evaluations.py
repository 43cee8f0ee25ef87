"""Evaluations of several tasks, on a model that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessageUser,
    ContentImage,
    ContentText,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import includes, match
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import Tool, tool

IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 50
MODEL = "mockllm/model"
SECRET = "rhubarb"
"""Is in every text of an evaluation."""


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


def mock_model(seconds: float = 0.0, turns: int = 1) -> Model:
    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        await anyio.sleep(seconds)
        if "number 2" in messages[0].text and "fails" in messages[0].text:
            raise RuntimeError(f"the model is out of order: {SECRET}")
        if sum(message.role == "tool" for message in messages) < turns and tools:
            output = ModelOutput.for_tool_call(MODEL, "add", {"x": 1, "y": 1})
        else:
            output = ModelOutput.from_content(MODEL, f"{SECRET} 2")
        output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
        return output

    return get_model(MODEL, custom_outputs=answer, memoize=False)


def sums(name: str = "sums", count: int = 3, *, fails: bool = False, **options: Any) -> Task:
    text = f"1+1 {'fails' if fails else ''} {SECRET}"
    dataset = [
        Sample(id=i, input=f"number {i}: {text}", target=f"{SECRET} 2" if i % 2 else "3")
        for i in range(1, count + 1)
    ]
    solver = [use_tools(add()), generate()]
    settings: dict[str, Any] = {"scorer": [match(), includes()], **options}
    return Task(name=name, dataset=dataset, solver=solver, **settings)


def picture(name: str = "picture") -> Task:
    asked = ChatMessageUser(content=[ContentImage(image=IMAGE), ContentText(text=SECRET)])
    dataset = [Sample(id=number, input=[asked], target="2") for number in (1, 2)]
    return Task(name=name, dataset=dataset, scorer=includes())


def run(logs: Path, *tasks: Task, **options: Any) -> list[EvalLog]:
    settings: dict[str, Any] = {"model": mock_model(), "fail_on_error": False, **options}
    return eval(list(tasks), log_dir=str(logs), display="none", **settings)


def unlogged(monkeypatch: pytest.MonkeyPatch, logs: Path, *tasks: Task, **options: Any) -> None:
    """Evaluate without any hook of ours."""
    with monkeypatch.context() as patch:
        patch.setenv("INSPECT_MLFLOW_ENABLED", "false")
        run(logs, *tasks, **options)
