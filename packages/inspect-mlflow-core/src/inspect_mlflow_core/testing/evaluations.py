"""Small evaluations on a mock model that between them leave all that a log can hold.

Importing this imports Inspect.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from inspect_ai import Epochs, Task, eval
from inspect_ai.agent import Agent, AgentState, agent, as_tool, handoff, react
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, transcript
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageUser,
    ContentImage,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, includes, scorer
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver, use_tools
from inspect_ai.tool import Tool, ToolCall, ToolError, tool
from inspect_ai.util import span, store

__all__ = [
    "CASES",
    "IMAGE",
    "LONG_TEXT",
    "MODEL",
    "Answers",
    "calls",
    "evaluate",
    "reasons",
    "says",
]

MODEL: Final = "mockllm/model"
LONG_TEXT: Final = "a text of more than a hundred characters, which the log keeps once " * 5
IMAGE: Final = "data:image/png;base64," + "iVBORw0KGgo" * 50


@tool
def add() -> Tool:
    """A tool that adds, and refuses large numbers."""

    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: First.
            y: Second.
        """
        if x > 100:
            raise ToolError(f"too large: {LONG_TEXT}")
        return f"{LONG_TEXT}{x + y}"

    return execute


def calls(*arguments: tuple[str, dict[str, Any]]) -> ModelOutput:
    """An output that calls tools.

    Args:
        arguments: Name of the tool and its arguments, for each call.
    """
    found = [
        ToolCall(id=f"call-{number}", function=name, arguments=values)
        for number, (name, values) in enumerate(arguments)
    ]
    message = ChatMessageAssistant(content=LONG_TEXT, tool_calls=found, model=MODEL)
    return ModelOutput.from_message(message, stop_reason="tool_calls")


def says(text: str) -> ModelOutput:
    """An output of text alone."""
    return ModelOutput.from_content(MODEL, text)


def reasons() -> ModelOutput:
    """An output with reasoning, open and redacted."""
    thoughts = [
        ContentReasoning(reasoning=LONG_TEXT, signature="abc"),
        ContentReasoning(reasoning="", redacted=True, summary="hidden"),
    ]
    message = ChatMessageAssistant(content=[*thoughts, ContentText(text="4")], model=MODEL)
    return ModelOutput.from_message(message)


class Answers:
    """What the mock model says, one after the other, from the beginning for every sample."""

    def __init__(self, *outputs: ModelOutput) -> None:
        self._outputs = outputs

    def __call__(
        self, messages: Sequence[Any], tools: Any, tool_choice: Any, config: Any
    ) -> ModelOutput:
        """Answers as Inspect's mock model asks it to."""
        given = sum(message.role == "assistant" for message in messages)
        output: ModelOutput = self._outputs[min(given, len(self._outputs) - 1)].model_copy(
            deep=True
        )
        output.usage = ModelUsage(input_tokens=3, output_tokens=2, total_tokens=5)
        return output


@solver
def talks(turns: int) -> Solver:
    """Asks again and again."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for turn in range(turns):
            state.messages.append(ChatMessageUser(content=f"turn {turn} {LONG_TEXT}"))
            state = await generate(state, tool_calls="none")
        return state

    return solve


@solver
def breaks(times: int) -> Solver:
    """Fails at the first attempts at a sample."""
    attempts: dict[tuple[Any, int], int] = {}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        key = (state.sample_id, state.epoch)
        attempts[key] = attempts.get(key, 0) + 1
        state = await generate(state)
        if attempts[key] <= times:
            raise RuntimeError(LONG_TEXT)
        return state

    return solve


@solver
def takes_notes() -> Solver:
    """Leaves events of several kinds in the transcript."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        async with span("a part", type="custom"):
            store().set("numbers", [1, 2.5, None])
            transcript().info({"note": LONG_TEXT, "number": float("nan")})
            return await generate(state)

    return solve


@agent
def expert() -> Agent:
    """Knows everything."""

    async def execute(state: AgentState) -> AgentState:
        """Answer.

        Args:
            state: The conversation.
        """
        model = get_model(MODEL, custom_outputs=Answers(says("I know")), memoize=False)
        state.output = await model.generate(state.messages)
        state.messages.append(state.output.message)
        return state

    return execute


@scorer(metrics=[accuracy()])
def odd_values() -> Scorer:
    """Scores with values that JSON or databases do not have."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(
            value=float("nan"), answer="é \ud83d", metadata={"infinite": float("inf"), "none": None}
        )

    return score


PICTURE: Final = ChatMessageUser(
    content=[ContentImage(image=IMAGE), ContentText(text=f"What is this? {LONG_TEXT}")]
)
SUBMIT: Final = ("submit", {"answer": "4"})
SUM: Final = ("add", {"x": 1, "y": 3})


def case(*outputs: ModelOutput, **options: Any) -> tuple[dict[str, Any], Answers]:
    """One evaluation: what the model says, and options of the task and of `eval()`."""
    return options, Answers(*outputs)


CASES: Final[dict[str, tuple[dict[str, Any], Answers]]] = {
    "plain": case(says("4")),
    "epochs": case(says("4"), epochs=Epochs(3, "mean"), samples=2),
    "tools": case(calls(SUM), says("4"), solver=[use_tools(add()), generate()]),
    "failing tools": case(
        calls(("add", {"x": 101, "y": 1})),
        calls(("add", {"x": "?"})),
        calls(("unknown", {})),
        says("4"),
        solver=[use_tools(add()), generate()],
    ),
    "parallel tools": case(
        calls(SUM, ("add", {"x": 2, "y": 2}), SUM),
        says("4"),
        solver=[use_tools(add()), generate()],
    ),
    "reasoning": case(reasons(), solver=talks(3)),
    "react": case(calls(SUM), calls(SUBMIT), solver=react(tools=[add()])),
    "handoff": case(
        calls(("transfer_to_expert", {})), calls(SUBMIT), solver=react(tools=[handoff(expert())])
    ),
    "agent as tool": case(
        calls(("expert", {"input": "Do you know?"})),
        calls(SUBMIT),
        solver=react(tools=[as_tool(expert())]),
    ),
    "retried": case(says("4"), solver=breaks(times=1), retry_on_error=2),
    "errors": case(says("4"), solver=breaks(times=9), fail_on_error=False),
    "limits": case(says("4"), solver=talks(9), message_limit=5),
    "images": case(says("4"), input=[PICTURE]),
    "notes": case(says("4"), solver=takes_notes(), scorer=[includes(), odd_values()]),
    "200 turns": case(says(LONG_TEXT), solver=talks(200)),
}
OF_EVALUATION: Final = ("retry_on_error", "fail_on_error", "message_limit")


def evaluate(name: str, directory: Path) -> EvalLog:
    """Runs one of the evaluations on a mock model.

    Args:
        name: Its name in `CASES`.
        directory: Where its log goes.
    """
    options, answers = CASES[name]
    given = {key: value for key, value in options.items() if key in OF_EVALUATION}
    of_task = {key: value for key, value in options.items() if key not in OF_EVALUATION}
    question, count = of_task.pop("input", f"What is 2 + 2? {LONG_TEXT}"), of_task.pop("samples", 1)
    samples = [
        Sample(id=f"{name}/ü {number}", input=question, target=["4", "four"], metadata={"n": 1})
        for number in range(count)
    ]
    (log,) = eval(
        Task(name=name, dataset=samples, **{"solver": generate(), "scorer": includes(), **of_task}),
        model=get_model(MODEL, custom_outputs=answers, memoize=False),
        log_dir=str(directory),
        display="none",
        **given,
    )
    return log
