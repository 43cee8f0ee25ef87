"""LangChain's models, in each of the ways in which their messages are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ContentAudio,
    ContentImage,
    ContentReasoning,
    ContentText,
    ModelUsage,
)
from inspect_ai.tool import ToolCallError
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    messages_to_dict,
)
from langchain_core.outputs import ChatGeneration, LLMResult

from inspect_mlflow_scout.normalization import (
    ModelCall,
    conversation,
    model_call,
    with_lost_tool_calls,
)
from inspect_mlflow_scout.reading import SourceSpan

from .spans import model_span


def call_of(
    inputs: Any,
    outputs: Any = None,
    *,
    message_format: str | None = "langchain",
    attributes: dict[str, Any] | None = None,
) -> ModelCall:
    return model_call(
        model_span(
            "ChatOpenAI",
            inputs,
            outputs,
            message_format=message_format,
            attributes=attributes,
        )
    )


def outline(message: ChatMessage) -> tuple[Any, ...]:
    if isinstance(message, ChatMessageAssistant):
        calls = [(call.id, call.function, call.arguments) for call in message.tool_calls or ()]
        return ("assistant", message.text, calls)
    if isinstance(message, ChatMessageTool):
        return ("tool", message.text, message.tool_call_id, message.function)
    return (message.role, message.text)


MESSAGES: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage("How warm is it?"),
    AIMessage("I look.", tool_calls=[{"name": "weather", "args": {"city": "Oslo"}, "id": "c1"}]),
    ToolMessage("7 degrees", tool_call_id="c1"),
]
OUTLINE = [
    ("system", "Be brief."),
    ("user", "How warm is it?"),
    ("assistant", "I look.", [("c1", "weather", {"city": "Oslo"})]),
    ("tool", "7 degrees", "c1", "weather"),
]
# What MLflow's tracer makes of the messages of one call.
AS_OF_MLFLOW = {
    "messages": [
        {"role": "system", "content": "Be brief.", "refusal": None, "tool_calls": None},
        {"role": "user", "content": "How warm is it?", "name": None},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_call_id": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                }
            ],
        },
        {"role": "tool", "content": "7 degrees", "tool_call_id": "c1"},
    ]
}


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def plain(messages: list[BaseMessage]) -> Any:
    return as_json([message.model_dump() for message in messages])


@pytest.mark.parametrize(
    "inputs",
    [
        AS_OF_MLFLOW,
        plain(MESSAGES),
        [plain(MESSAGES)],
        {"messages": plain(MESSAGES)},
        {"messages": [plain(MESSAGES)]},
        as_json([dumpd(message) for message in MESSAGES]),
        {"messages": [as_json([dumpd(message) for message in MESSAGES])]},
        as_json(messages_to_dict(MESSAGES)),
    ],
    ids=["mlflow", "plain", "batch", "named", "named-batch", "dumpd", "dumpd-batch", "to-dict"],
)
def test_messages(inputs: Any) -> None:
    assert [outline(message) for message in call_of(inputs).input] == OUTLINE


@pytest.mark.parametrize(
    "inputs",
    [plain(MESSAGES), {"messages": as_json([dumpd(message) for message in MESSAGES])}],
)
def test_messages_are_known_without_being_declared(inputs: Any) -> None:
    assert [outline(m) for m in call_of(inputs, message_format=None).input] == OUTLINE
    assert [outline(message) for message in conversation(inputs)] == OUTLINE


def test_batch_loses_nothing() -> None:
    calls = [plain([HumanMessage("one")]), plain([HumanMessage("two")])]
    one, two = ([ChatGeneration(message=AIMessage(word))] for word in ("1", "2"))
    call = call_of(calls, as_json(LLMResult(generations=[[*one], [*two]]).model_dump()))
    assert [message.text for message in call.input] == ["one", "two"]
    assert [choice.message.text for choice in call.output.choices] == ["1", "2"]


def test_pairs_of_speaker_and_text() -> None:
    call = call_of({"messages": [["system", "Be brief."], ["human", "hi"]]})
    assert [outline(message) for message in call.input] == [("system", "Be brief."), ("user", "hi")]


def test_prompts_of_an_llm() -> None:
    call = call_of(
        ["How much"], {"choices": [{"message": {"role": "assistant", "content": " wood"}}]}
    )
    assert [outline(message) for message in call.input] == [("user", "How much")]
    assert call.output.completion == " wood"


ANSWER = AIMessage(
    "I ask again.",
    tool_calls=[{"name": "weather", "args": {"city": "Bergen"}, "id": "c2"}],
    response_metadata={"model_name": "gpt-4o-2024", "finish_reason": "tool_calls", "id": "r1"},
    usage_metadata={
        "input_tokens": 100,
        "output_tokens": 20,
        "total_tokens": 120,
        "input_token_details": {"cache_read": 60, "cache_creation": 10},
        "output_token_details": {"reasoning": 8},
    },
)
USAGE = ModelUsage(
    input_tokens=30,
    output_tokens=20,
    total_tokens=120,
    input_tokens_cache_read=60,
    input_tokens_cache_write=10,
    reasoning_tokens=8,
)


@pytest.mark.parametrize(
    "outputs",
    [
        {"generations": [[{"text": "", "message": as_json(ANSWER.model_dump())}]]},
        {"generations": [[{"text": "", "message": as_json(dumpd(ANSWER))}]]},
        as_json(ANSWER.model_dump()),
    ],
    ids=["result", "dumpd", "message"],
)
def test_what_was_generated(outputs: Any) -> None:
    call = call_of(plain(MESSAGES), outputs)
    assert outline(call.output.message) == (
        "assistant",
        "I ask again.",
        [("c2", "weather", {"city": "Bergen"})],
    )
    assert (call.model, call.output.stop_reason) == ("gpt-4o-2024", "tool_calls")
    assert (call.output.usage, call.output.response_id) == (USAGE, "r1")


def as_before_3_11(message: AIMessage) -> Any:
    """What MLflow before 3.11 writes of a message that was generated."""
    whole = as_json(message.model_dump())
    return {name: whole[name] for name in BaseMessage.model_fields if name in whole}


def agent_span(inputs: Any, answer: AIMessage, message_format: str = "langchain") -> SourceSpan:
    generation = {"text": "", "message": as_before_3_11(answer)}
    outputs = {"generations": [[generation]], "type": "LLMResult"}
    return model_span("ChatOpenAI", inputs, outputs, message_format=message_format)


IDENTIFIED = ANSWER.model_copy(update={"id": "lc_run--1"})
LAST = AIMessage("It is warm.", id="lc_run--2")


@pytest.mark.parametrize("dump", [plain, lambda m: as_json([dumpd(each) for each in m])])
def test_lost_tool_calls_are_those_that_the_next_call_was_given(dump: Callable[..., Any]) -> None:
    first = agent_span([plain(MESSAGES)], IDENTIFIED)
    second = agent_span([dump([*MESSAGES, IDENTIFIED])], LAST)
    asked, told = map(model_call, with_lost_tool_calls([first, second]))
    assert outline(asked.output.message) == (
        "assistant",
        "I ask again.",
        [("c2", "weather", {"city": "Bergen"})],
    )
    assert asked.output.stop_reason == "tool_calls"
    assert outline(told.output.message) == ("assistant", "It is warm.", [])


def test_nothing_is_made_up_where_no_later_call_tells() -> None:
    alone = agent_span([plain(MESSAGES)], IDENTIFIED)
    other = agent_span([plain([*MESSAGES, LAST])], LAST)
    undeclared = agent_span([plain([*MESSAGES, IDENTIFIED])], LAST, message_format="openai")
    assert with_lost_tool_calls([alone, other, undeclared]) == (alone, other, undeclared)


def test_choices_as_mlflow_writes_them() -> None:
    message = {"role": "assistant", "content": "yes", "tool_calls": None, "refusal": None}
    output = call_of(
        AS_OF_MLFLOW, {"choices": [{"message": message, "finish_reason": None}]}
    ).output
    assert (output.completion, output.stop_reason) == ("yes", "unknown")


def test_tokens_of_an_older_result() -> None:
    outputs = {
        "generations": [[{"text": " wood", "generation_info": {"finish_reason": "length"}}]],
        "llm_output": {
            "model_name": "davinci",
            "token_usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
        },
    }
    call = call_of(["How much"], outputs)
    assert (call.model, call.output.completion) == ("davinci", " wood")
    assert call.output.stop_reason == "max_tokens"
    assert call.output.usage == ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)


def test_parameters_of_the_invocation() -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    invocation = {
        "model": "gpt-4o",
        "model_name": "gpt-4o",
        "_type": "openai-chat",
        "temperature": 0.5,
        "stop": ["END"],
        "max_tokens": 64,
        "tools": [tool],
        "tool_choice": "required",
    }
    outputs = as_json(ANSWER.model_dump())
    call = call_of(AS_OF_MLFLOW, outputs, attributes={"invocation_params": invocation})
    assert (call.model, call.output.model) == ("gpt-4o", "gpt-4o-2024")
    assert call.tool_choice == "any"
    assert [tool.name for tool in call.tools] == ["weather"]
    assert call.config.model_dump(exclude_none=True) == {
        "temperature": 0.5,
        "stop_seqs": ["END"],
        "max_tokens": 64,
    }


def test_calls_that_stand_among_the_content_too_are_made_once() -> None:
    message = AIMessage(
        [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}},
        ],
        tool_calls=[{"name": "weather", "args": {"city": "Oslo"}, "id": "c1"}],
    )
    (read,) = call_of(plain([message])).input
    assert isinstance(read, ChatMessageAssistant)
    assert read.content == [
        ContentReasoning(reasoning="hm", signature="s"),
        ContentText(text="I look."),
    ]
    assert [call.id for call in read.tool_calls or ()] == ["c1"]


def test_call_that_langchain_could_not_read() -> None:
    invalid = {"name": "weather", "args": '{"city": ', "id": "c1", "error": "no JSON"}
    (read,) = call_of(plain([AIMessage("", invalid_tool_calls=[invalid])])).input
    assert isinstance(read, ChatMessageAssistant) and read.tool_calls
    assert read.tool_calls[0].arguments == {}
    assert read.tool_calls[0].parse_error is not None
    assert '{"city": ' in read.tool_calls[0].parse_error


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"reasoning_content": "hm"}, [ContentReasoning(reasoning="hm"), ContentText(text="So.")]),
        ({"refusal": "No."}, [ContentText(text="So."), ContentText(text="No.", refusal=True)]),
    ],
)
def test_what_stands_beside_the_content(more: dict[str, Any], expected: Any) -> None:
    (read,) = call_of(plain([AIMessage("So.", additional_kwargs=more)])).input
    assert read.content == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
            ContentImage(image="https://x.test/a.png"),
        ),
        (
            {"type": "image", "source_type": "base64", "data": "AA==", "mime_type": "image/png"},
            ContentImage(image="data:image/png;base64,AA=="),
        ),
        (
            {"type": "image", "base64": "AA==", "mime_type": "image/png"},
            ContentImage(image="data:image/png;base64,AA=="),
        ),
        (
            {"type": "image", "url": "https://x.test/a.png"},
            ContentImage(image="https://x.test/a.png"),
        ),
        (
            {"type": "audio", "source_type": "base64", "data": "AA==", "mime_type": "audio/wav"},
            ContentAudio(audio="data:audio/wav;base64,AA==", format="wav"),
        ),
        ({"type": "text-plain", "text": "a note"}, ContentText(text="a note")),
        ({"type": "reasoning", "reasoning": "hm"}, ContentReasoning(reasoning="hm")),
        (
            {"type": "non_standard", "value": {"type": "thinking", "thinking": "hm"}},
            ContentReasoning(reasoning="hm"),
        ),
    ],
)
def test_blocks(block: dict[str, Any], expected: Any) -> None:
    content: list[Any] = [{"type": "text", "text": "Look."}, block]
    (read,) = call_of(plain([HumanMessage(content)])).input
    assert read.content == [ContentText(text="Look."), expected]


def test_tool_that_failed() -> None:
    messages: list[BaseMessage] = [
        AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "c1"}]),
        ToolMessage("no such city", tool_call_id="c1", status="error"),
    ]
    _, read = call_of(plain(messages)).input
    assert isinstance(read, ChatMessageTool)
    assert read.error == ToolCallError("unknown", "no such city")


RESULT = {
    "generations": [[{"text": "", "message": as_json(ANSWER.model_dump())}]],
    "llm_output": {"token_usage": {"total_tokens": 1}, "model_name": "m"},
}


@pytest.mark.parametrize("message_format", ["langchain", None])
@pytest.mark.parametrize(
    "inputs", [AS_OF_MLFLOW, [plain(MESSAGES)], as_json(messages_to_dict(MESSAGES))]
)
def test_any_value_may_be_of_another_type(
    inputs: Any, message_format: str | None, with_odd_values: Callable[[Any], Iterator[Any]]
) -> None:
    whole = call_of(inputs, RESULT, message_format=message_format)
    answer, roles = whole.output.completion, [message.role for message in whole.input]
    for odd in with_odd_values(inputs):
        assert call_of(odd, RESULT, message_format=message_format).output.completion == answer
    for odd in with_odd_values(RESULT):
        read = call_of(inputs, odd, message_format=message_format)
        assert [message.role for message in read.input] == roles
