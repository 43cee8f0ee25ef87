"""The demo's task and the mock model that answers it."""

from __future__ import annotations

import re
from typing import Final

from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageTool,
    GenerateConfig,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, match, scorer, stderr
from inspect_ai.solver import TaskState, generate, use_tools
from inspect_ai.tool import Tool, ToolChoice, ToolError, ToolInfo, tool

from inspect_mlflow._demo._arithmetic import calculate

EPOCHS: Final = 2
QUESTIONS: Final = (
    ("17 * 23", "391"),
    ("1001 - 364", "637"),
    ("144 / 12", "12"),
    ("(8 + 9) * 6", "102"),
    ("2.5 * 4", "10"),
    ("7 * 7 * 7", "343"),
    ("-15 + 40", "25"),
    ("365 * 24", "8760"),
)

_MODEL: Final = "mockllm/model"
_PROMPT: Final = "Compute {} with the calculator. End with the number alone."
# The mock model swaps two digits of this result: an evaluation without a mistake shows little.
_MISREAD: Final = {"8760": "8670"}


@tool
def calculator() -> Tool:
    """A tool that computes."""

    async def execute(expression: str) -> str:
        """Compute the value of an arithmetic expression.

        Args:
            expression: Numbers, + - * / and parentheses, such as "(8 + 9) * 6".
        """
        try:
            return f"{calculate(expression):.12g}"
        except ValueError as error:
            raise ToolError(str(error)) from None

    return execute


@scorer(metrics=[accuracy(), stderr()])
def used_calculator() -> Scorer:
    """A scorer that says whether the model computed with its tool or in its head."""

    async def score(state: TaskState, target: Target) -> Score:
        calls = sum(isinstance(message, ChatMessageTool) for message in state.messages)
        return Score(value="C" if calls else "I", explanation=f"{calls} tool calls")

    return score


@task
def arithmetic() -> Task:
    """Arithmetic with a calculator at hand."""
    samples = [
        Sample(id=number, input=_PROMPT.format(expression), target=target)
        for number, (expression, target) in enumerate(QUESTIONS, 1)
    ]
    return Task(
        name="arithmetic",
        dataset=MemoryDataset(samples, name="arithmetic-demo"),
        solver=[use_tools([calculator()]), generate()],
        scorer=[match(numeric=True), used_calculator()],
        epochs=Epochs(EPOCHS, "mean"),
    )


def mock_model() -> Model:
    """Inspect's mock model, which calls the calculator once and then answers."""
    return get_model(_MODEL, custom_outputs=answer, memoize=False)


def answer(
    messages: list[ChatMessage],
    tools: list[ToolInfo],
    tool_choice: ToolChoice,
    config: GenerateConfig,
) -> ModelOutput:
    """The mock model's next message: first a tool call, then the tool's result."""
    last = messages[-1]
    if isinstance(last, ChatMessageTool):
        result = last.text.strip()
        text = f"The calculator says: {_MISREAD.get(result, result)}"
        output = ModelOutput.from_content(_MODEL, text)
    else:
        text = expression_in(last.text)
        output = ModelOutput.for_tool_call(_MODEL, "calculator", {"expression": text})
    read = sum(len(message.text.split()) for message in messages)
    written = len(text.split())
    # Without usage Inspect would count tokens with a tokenizer that it downloads.
    output.usage = ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written)
    return output


def expression_in(question: str) -> str:
    """The expression that a question asks for."""
    found = re.fullmatch(re.escape(_PROMPT).replace(r"\{\}", "(.+)"), question.strip())
    return found[1] if found else question
