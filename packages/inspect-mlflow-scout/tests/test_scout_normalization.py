"""What the normalisation promises whatever the dialect."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.event import ModelEvent
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentAudio,
    ContentData,
    ContentDocument,
    ContentImage,
    ContentReasoning,
    ContentText,
    ContentVideo,
    stable_message_ids,
)
from inspect_ai.tool import ToolCallError, ToolFunction

from inspect_mlflow_scout.normalization import (
    conversation,
    model_call,
    span_error,
    span_role,
    tool_use,
    value_text,
)
from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent

FORMATS = ["openai", "openai-agent", "anthropic", "langchain", "gemini", "bedrock", "dspy", None]
# The words of all dialects, so that made-up JSON comes near to what they read.
WORDS = st.sampled_from(
    [
        *("messages", "role", "content", "type", "text", "tool_calls", "function", "name", "id"),
        *("arguments", "choices", "message", "output", "input", "assistant", "user", "system"),
        *("tool", "tool_use", "tool_result", "thinking", "source", "image_url", "url", "data"),
        *("usage", "prompt_tokens", "input_tokens", "generations", "kwargs", "lc", "human", "ai"),
        *("function_call", "function_call_output", "reasoning", "summary", "delta", "parts"),
        *("candidates", "contents", "parameters", "properties", "tools", "finish_reason", "stop"),
        *("model", "temperature", "response_format", "json_schema", "schema", "anyOf", "$ref"),
        *("image", "file", "audio", "video_url", "input_audio", "format", "mp3", "tool_call_id"),
        *("server_tool_use", "web_search_tool_result", "document", "citations", "annotations"),
    ]
)
TEXTS = st.text(st.characters(), max_size=8) | WORDS
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            *("mlflow.chat.tokenUsage", "mlflow.llm.model", "mlflow.llm.cost", "mlflow.chat.tools"),
            *("mlflow.chat.messages", "invocation_params", "metadata", "model", "response_cost"),
            *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"),
            *("gen_ai.prompt.0.content", "llm.input_messages.0.message.content", "input.value"),
            *("gen_ai.tool.call.arguments", "gen_ai.tool.name", "mlflow.spanFunctionName"),
        ]
    ),
    ODD_JSON,
    max_size=4,
)


def span(
    inputs: Any = None,
    outputs: Any = None,
    *,
    message_format: str | None = "openai",
    attributes: dict[str, Any] | None = None,
    **fields: Any,
) -> SourceSpan:
    told = {"mlflow.message.format": message_format} if message_format else {}
    of_all = {"span_id": "1", "parent_id": None, "name": "call", "span_type": "CHAT_MODEL"}
    times = {"start_time_ns": 1_000_000_000, "end_time_ns": 3_500_000_000}
    values = {"inputs": inputs, "outputs": outputs, "attributes": {**told, **(attributes or {})}}
    return SourceSpan(**{**of_all, **times, **values, **fields})


def asked(message: Any, **request: Any) -> SourceSpan:
    messages = message if isinstance(message, list) else [message]
    return span({"model": "m", "messages": messages, **request})


def answered(message: Any, finish_reason: Any = "stop", **response: Any) -> SourceSpan:
    choices = [{"message": message, "finish_reason": finish_reason}]
    return span({"messages": []}, {"choices": choices, **response})


def exception(kind: str | None, message: str | None) -> SourceSpanEvent:
    told = {"exception.type": kind, "exception.message": message}
    return SourceSpanEvent("exception", 2_000_000_000, told)


# --- whatever the JSON ---------------------------------------------------------------------------


def event_of(call_span: SourceSpan) -> ModelEvent:
    call = model_call(call_span)
    return ModelEvent(
        model=call.model,
        input=list(call.input),
        tools=list(call.tools),
        tool_choice=call.tool_choice,
        config=call.config,
        output=call.output,
    )


@given(ODD_JSON, ODD_JSON, ATTRIBUTES, st.sampled_from(FORMATS))
def test_any_json_gives_a_call_that_can_be_stored(
    inputs: Any, outputs: Any, attributes: dict[str, Any], message_format: str | None
) -> None:
    event = event_of(span(inputs, outputs, attributes=attributes, message_format=message_format))
    stable_message_ids()(event)
    assert ModelEvent.model_validate_json(event.model_dump_json()).model == event.model


@given(ODD_JSON, ODD_JSON, st.sampled_from(FORMATS))
def test_any_messages_and_reply_give_a_call_that_can_be_stored(
    messages: Any, reply: Any, message_format: str | None
) -> None:
    inputs = {"model": "m", "messages": messages, "input": messages, "tools": reply}
    outputs = {"choices": reply, "output": reply, "content": reply, "usage": messages}
    event = event_of(span(inputs, outputs, message_format=message_format))
    assert json.loads(event.model_dump_json())["event"] == "model"


@given(ODD_JSON, ODD_JSON, ATTRIBUTES)
def test_any_json_gives_a_use_of_a_tool(
    inputs: Any, outputs: Any, attributes: dict[str, Any]
) -> None:
    use = tool_use(span(inputs, outputs, attributes=attributes, span_type="TOOL"))
    assert use.function
    assert isinstance(use.arguments, dict)
    assert isinstance(use.result, (str, list))


@given(ODD_JSON, st.sampled_from(["user", "assistant"]))
def test_any_json_gives_messages_that_can_be_stored(value: Any, speaker: Any) -> None:
    for message in conversation(value, speaker=speaker):
        assert message.id is None
        assert message.model_dump_json()


@pytest.mark.parametrize("message_format", FORMATS)
@pytest.mark.parametrize("place", ["messages", "content", "arguments", "blocks", "parameters"])
def test_json_nested_too_deeply_gives_a_call_that_can_be_stored(
    message_format: str | None, place: str
) -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = {"type": "tool_result", "content": [deep]} if place == "blocks" else [deep]
    call = {"id": "1", "function": {"name": "f", "arguments": {"a": deep}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"anyOf": deep}}}
    requests: dict[str, Any] = {
        "messages": {"messages": deep},
        "content": {"messages": [{"role": "user", "content": deep}]},
        "arguments": {"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}]},
        "blocks": {"messages": [{"role": "user", "content": [deep]}]},
        "parameters": {"messages": [{"role": "user", "content": "hi"}], "tools": [tool]},
    }
    assert event_of(span(requests[place], message_format=message_format)).model_dump_json()


def test_long_text_is_kept_whole() -> None:
    text = "word " * 1_000_000
    (message,) = model_call(asked({"role": "user", "content": text})).input
    assert message.content == text


def test_numbers_that_are_none_stand_in_a_text_as_what_they_are() -> None:
    use = tool_use(span({"x": math.nan}, [math.nan, math.inf], span_type="TOOL"))
    assert math.isnan(use.arguments["x"])
    assert use.result == "[NaN,Infinity]"


def test_surrogate_in_arguments_becomes_a_question_mark() -> None:
    call = {"id": "1", "function": {"name": "f", "arguments": '{"a": "x\\ud800y"}'}}
    (message,) = model_call(asked({"role": "assistant", "tool_calls": [call]})).input
    assert isinstance(message, ChatMessageAssistant) and message.tool_calls
    assert message.tool_calls[0].arguments == {"a": "x?y"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, ""),
        (1.5, "1.5"),
        (True, "true"),
        ({"a": ["ü", None]}, '{"a":["ü",null]}'),
        ("broken \ud800", "broken ?"),
    ],
)
def test_value_as_text(value: Any, text: str) -> None:
    assert value_text(value) == text


# --- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        ("system", ChatMessageSystem),
        ("developer", ChatMessageSystem),
        ("user", ChatMessageUser),
        ("assistant", ChatMessageAssistant),
        ("tool", ChatMessageTool),
        ("function", ChatMessageTool),
        ("narrator", ChatMessageUser),
    ],
)
def test_roles(role: str, kind: type) -> None:
    (message,) = model_call(asked({"role": role, "content": "said"})).input
    assert type(message) is kind
    assert message.content == "said"


def test_no_message_has_an_id() -> None:
    call = model_call(
        span(
            {"messages": [{"role": "user", "content": "hi"}]},
            {"choices": [{"message": {"role": "assistant", "content": "hello"}}]},
        )
    )
    assert [message.id for message in (*call.input, call.output.message)] == [None, None]


def test_answer_has_the_same_id_when_the_next_request_repeats_it() -> None:
    question = {"role": "user", "content": "What is 6 * 7?"}
    call = {"id": "c1", "type": "function", "function": {"name": "mul", "arguments": '{"a": 6}'}}
    answer = {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}
    result = {"role": "tool", "tool_call_id": "c1", "content": "42"}
    first = event_of(
        span(
            {"model": "m", "messages": [question]},
            {"model": "m-2026", "choices": [{"message": answer, "finish_reason": "tool_calls"}]},
        )
    )
    del answer["refusal"]
    second = event_of(span({"model": "m", "messages": [question, answer, result]}))
    apply_ids = stable_message_ids()
    apply_ids(first)
    apply_ids(second)
    ids = [message.id for message in (*first.input, first.output.message)]
    assert ids == [message.id for message in second.input[:2]]


def test_tool_message_gets_the_name_of_its_call() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    _, message = model_call(
        asked(
            [
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "found"},
            ]
        )
    ).input
    assert isinstance(message, ChatMessageTool)
    assert (message.function, message.tool_call_id, message.error) == ("look_up", "c1", None)


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ({"type": "text", "text": "a"}, ContentText(text="a")),
        ({"type": "refusal", "refusal": "no"}, ContentText(text="no", refusal=True)),
        (
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
            ContentImage(image="https://x.test/a.png", detail="low"),
        ),
        (
            {"type": "image_url", "image_url": "data:image/png;base64,AA=="},
            ContentImage(image="data:image/png;base64,AA=="),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            ContentAudio(audio="data:audio/wav;base64,AA==", format="wav"),
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://x.test/a.mov"}},
            ContentVideo(video="https://x.test/a.mov", format="mov"),
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
            },
            ContentDocument(
                document="data:application/pdf;base64,AA==",
                filename="a.pdf",
                mime_type="application/pdf",
            ),
        ),
        (
            {"type": "reasoning", "reasoning": "hm", "signature": "s"},
            ContentReasoning(reasoning="hm", signature="s"),
        ),
        (
            {"type": "redacted_thinking", "data": "XX"},
            ContentReasoning(reasoning="XX", redacted=True),
        ),
    ],
)
def test_parts(part: dict[str, Any], content: Any) -> None:
    before = {"type": "text", "text": "before"}
    (message,) = model_call(asked({"role": "user", "content": [before, part]})).input
    assert message.content == [ContentText(text="before"), content]


def test_part_of_a_kind_that_nobody_knows_is_kept() -> None:
    parts = [{"type": "hologram", "beams": 3}, {"type": "text", "text": "look"}]
    (message,) = model_call(asked({"role": "user", "content": parts})).input
    assert message.content == [
        ContentText(text='{"type":"hologram","beams":3}'),
        ContentText(text="look"),
    ]


def test_bytes_of_a_kind_that_nobody_knows_are_no_text() -> None:
    part: dict[str, Any] = {"type": "hologram", "beams": [{"base64": "A" * 4000}]}
    (message,) = model_call(asked({"role": "user", "content": [part]})).input
    assert message.content == [ContentData(data=part)]


def test_lone_text_part_is_the_text() -> None:
    (message,) = model_call(
        asked({"role": "user", "content": [{"type": "text", "text": "hi"}]})
    ).input
    assert message.content == "hi"


def test_reasoning_between_tags_is_taken_apart() -> None:
    output = model_call(
        answered({"role": "assistant", "content": "<think>\nhm\n</think>\n\n42"})
    ).output
    assert output.message.content == [ContentReasoning(reasoning="hm"), ContentText(text="42")]
    assert output.completion == "42"


@pytest.mark.parametrize("arguments", ['{"a": 1}', {"a": 1}])
def test_arguments_of_a_call(arguments: Any) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    (made,) = (
        model_call(answered({"role": "assistant", "tool_calls": [call]})).output.message.tool_calls
        or []
    )
    assert (made.id, made.function, made.arguments, made.parse_error) == ("c1", "f", {"a": 1}, None)


@pytest.mark.parametrize("arguments", ['{"a": ', "[1, 2]", "seven"])
def test_arguments_that_cannot_be_read_are_told(arguments: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    (made,) = (
        model_call(answered({"role": "assistant", "tool_calls": [call]})).output.message.tool_calls
        or []
    )
    assert made.arguments == {}
    assert made.parse_error is not None and arguments in made.parse_error


# --- output --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        *[(word, "stop") for word in ("stop", "end_turn", "STOP", "FinishReason.STOP", "eos")],
        *[(word, "max_tokens") for word in ("length", "max_tokens", "MAX_TOKENS")],
        *[
            (word, "tool_calls")
            for word in ("tool_calls", "tool_use", "function_call", "tool-calls")
        ],
        *[(word, "content_filter") for word in ("content_filter", "refusal", "SAFETY")],
        ("guardrail_intervened", "content_filter"),
        ("model_context_window_exceeded", "model_length"),
        ("pause_turn", "unknown"),
        (None, "unknown"),
        (7, "unknown"),
    ],
)
def test_stop_reasons(said: Any, reason: str) -> None:
    assert (
        model_call(answered({"role": "assistant", "content": "x"}, said)).output.stop_reason
        == reason
    )


def test_calls_of_tools_tell_why_the_model_stopped_when_nothing_else_does() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    output = model_call(answered({"role": "assistant", "tool_calls": [call]}, None)).output
    assert output.stop_reason == "tool_calls"


def test_mlflows_count_of_tokens_wins_and_cached_ones_are_left_out_of_the_input() -> None:
    told = {
        "input_tokens": 100,
        "output_tokens": 7,
        "total_tokens": 107,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 10,
    }
    response = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    usage = model_call(
        span({"messages": []}, response, attributes={"mlflow.chat.tokenUsage": told})
    ).output.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (30, 7, 107)
    assert (usage.input_tokens_cache_read, usage.input_tokens_cache_write) == (60, 10)


def test_response_tells_what_mlflows_count_lacks() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 5}}
    response = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 9, **details}}
    told = {"input_tokens": 4, "output_tokens": 9, "total_tokens": 13}
    usage = model_call(
        span({"messages": []}, response, attributes={"mlflow.chat.tokenUsage": told})
    ).output.usage
    assert usage is not None and usage.reasoning_tokens == 5


@pytest.mark.parametrize(
    "told", [{"input_tokens": -1}, {"input_tokens": "many"}, {"input_tokens": math.nan}, 7, []]
)
def test_counts_that_are_none_are_left_out(told: Any) -> None:
    assert model_call(span(attributes={"mlflow.chat.tokenUsage": told})).output.usage is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"mlflow.llm.cost": {"input_cost": 0.1, "output_cost": 0.15, "total_cost": 0.25}},
        {"response_cost": 0.25},
    ],
)
def test_cost(attributes: dict[str, Any]) -> None:
    usage = model_call(span({"messages": []}, attributes=attributes)).output.usage
    assert usage is not None and usage.total_cost == 0.25


@pytest.mark.parametrize(
    ("of_mlflow", "answered", "asked", "names"),
    [
        ("of-mlflow", "of-response", "of-request", ("of-request", "of-response")),
        ("of-mlflow", None, None, ("of-mlflow", "of-mlflow")),
        ("of-mlflow", "of-response", None, ("of-mlflow", "of-response")),
        (None, "of-response", "of-request", ("of-request", "of-response")),
        (None, "of-response", None, ("of-response", "of-response")),
        (None, None, "of-request", ("of-request", "of-request")),
        (None, None, None, ("unknown", "unknown")),
    ],
)
def test_models_that_were_asked_and_that_answered(
    of_mlflow: Any, answered: Any, asked: Any, names: tuple[str, str]
) -> None:
    messages = [{"role": "user", "content": "hi"}]
    outputs = {"choices": [{"message": {"role": "assistant", "content": "x"}}], "model": answered}
    attributes = {"mlflow.llm.model": of_mlflow}
    call = model_call(span({"model": asked, "messages": messages}, outputs, attributes=attributes))
    assert (call.model, call.output.model) == names


def test_time_is_that_of_the_span() -> None:
    assert model_call(span()).output.time == 2.5


def test_call_that_goes_on_has_no_time() -> None:
    assert model_call(span(end_time_ns=None)).output.time is None


@pytest.mark.parametrize(
    ("status_message", "events", "error"),
    [
        ("", (exception("openai.RateLimitError", "slow down"),), "RateLimitError: slow down"),
        ("slow down", (), "slow down"),
        ("of the status", (exception("ValueError", None),), "ValueError: of the status"),
        ("", (exception("KeyboardInterrupt", ""),), "KeyboardInterrupt"),
        ("", (), "The span failed without saying why."),
        ("", (exception("A", "dealt with"), exception("B", "raised")), "B: raised"),
    ],
)
def test_failed_call(status_message: str, events: tuple[SourceSpanEvent, ...], error: str) -> None:
    failed = span(
        {"messages": [{"role": "user", "content": "hi"}]},
        status="ERROR",
        status_message=status_message,
        events=events,
    )
    output = model_call(failed).output
    assert (output.error, output.choices) == (error, [])
    assert span_error(failed) == error


def test_exception_that_was_dealt_with_is_no_failure() -> None:
    assert model_call(span(events=(exception("A", "caught"),))).output.error is None


# --- request -------------------------------------------------------------------------------------


def test_parameters() -> None:
    config = model_call(
        asked(
            {"role": "user", "content": "hi"},
            temperature=0.5,
            top_p=1,
            max_completion_tokens=64,
            stop="END",
            seed=7,
            frequency_penalty=0.1,
            presence_penalty=-0.1,
            n=2,
            logprobs=True,
            top_logprobs=3,
            reasoning_effort="low",
            parallel_tool_calls=False,
            store=True,
        )
    ).config
    assert config.model_dump(exclude_none=True) == {
        "temperature": 0.5,
        "top_p": 1.0,
        "max_tokens": 64,
        "stop_seqs": ["END"],
        "seed": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.1,
        "num_choices": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "reasoning_effort": "low",
        "parallel_tool_calls": False,
    }


def test_parameters_of_wrong_types_are_left_out() -> None:
    config = model_call(
        asked(
            {"role": "user", "content": "hi"},
            temperature="hot",
            top_p=math.nan,
            max_tokens=1.5,
            stop={"a": 1},
            seed=True,
            reasoning_effort="heroic",
            n=[2],
            logprobs=1,
        )
    ).config
    assert config.model_dump(exclude_none=True) == {}


def test_response_format() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    told = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": True},
    }
    found = model_call(asked({"role": "user", "content": "hi"}, response_format=told)).config
    assert found.response_schema is not None
    assert found.response_schema.name == "answer"
    assert found.response_schema.strict is True
    assert found.response_schema.json_schema.model_dump(exclude_none=True) == schema


def test_tools() -> None:
    parameters = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where", "minLength": 1},
            "unit": {"type": ["string", "null"], "enum": ["C", "F", None]},
        },
        "required": ["city"],
        "additionalProperties": False,
    }
    tool = {"name": "weather", "description": "Tells it", "parameters": parameters, "strict": True}
    (info,) = model_call(
        asked({"role": "user", "content": "hi"}, tools=[{"type": "function", "function": tool}])
    ).tools
    assert (info.name, info.description) == ("weather", "Tells it")
    assert info.parameters.model_dump(exclude_none=True) == parameters


def test_schema_that_inspect_cannot_have_is_brought_near() -> None:
    parameters = {
        "type": "object",
        "properties": {
            "shape": {"oneOf": [{"const": "round"}, {"$ref": "#/$defs/Polygon"}]},
            "place": {"allOf": [{"$ref": "#/$defs/Place"}], "description": "Where"},
            "odd": {"type": "tuple", "minimum": "low", "enum": "x", "required": [1, "a"]},
            "anything": True,
        },
        "required": "shape",
        "$defs": {
            "Polygon": {"type": "object", "properties": {"corners": {"type": "integer"}}},
            "Place": {"type": "string"},
        },
    }
    tool = {"name": "draw", "parameters": parameters}
    (info,) = model_call(
        asked({"role": "user", "content": "hi"}, tools=[{"type": "function", "function": tool}])
    ).tools
    read = info.parameters.model_dump(exclude_none=True)["properties"]
    polygon = {"type": "object", "properties": {"corners": {"type": "integer"}}}
    assert read == {
        "shape": {"anyOf": [{"enum": ["round"]}, polygon]},
        "place": {"type": "string", "description": "Where"},
        "odd": {"required": ["a"]},
        "anything": {},
    }


def test_tool_whose_parameters_refer_to_themselves() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    parameters = {
        "type": "object",
        "properties": {"n": {"$ref": "#/$defs/Node"}},
        "$defs": {"Node": node},
    }
    tool = {"name": "walk", "parameters": parameters}
    (info,) = model_call(
        asked({"role": "user", "content": "hi"}, tools=[{"type": "function", "function": tool}])
    ).tools
    assert info.parameters.properties["n"].type == "object"


def test_mlflows_own_list_of_tools() -> None:
    tools = [{"type": "function", "function": {"name": "weather", "description": "Tells it"}}]
    (info,) = model_call(
        span(
            {"messages": [{"role": "user", "content": "hi"}]},
            attributes={"mlflow.chat.tools": tools},
        )
    ).tools
    assert info.name == "weather"


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        (None, "auto"),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "any"),
        ({"type": "function", "function": {"name": "f"}}, ToolFunction("f")),
        ({"type": "tool", "name": "f"}, ToolFunction("f")),
        ({"type": "any"}, "any"),
        (["odd"], "auto"),
    ],
)
def test_choice_among_tools(said: Any, choice: Any) -> None:
    assert (
        model_call(asked({"role": "user", "content": "hi"}, tool_choice=said)).tool_choice == choice
    )


# --- which dialect -------------------------------------------------------------------------------


def test_attributes_tell_more_than_inputs_that_are_only_text() -> None:
    told = {
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "hi",
    }
    call = model_call(span("hi", "hello", attributes=told, message_format=None, span_type="LLM"))
    assert [(m.role, m.content) for m in call.input] == [("system", "Be brief."), ("user", "hi")]


def test_inputs_that_tell_more_than_attributes_do() -> None:
    told = {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "hi",
    }
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    call = model_call(span({"messages": messages}, attributes=told, message_format=None))
    assert [message.role for message in call.input] == ["system", "user"]


def test_call_of_a_traced_function() -> None:
    call = model_call(span({"question": "What?"}, "That.", message_format=None, span_type="LLM"))
    assert [message.text for message in call.input] == ["What?"]
    assert call.output.completion == "That."


# --- tools ---------------------------------------------------------------------------------------


def used(inputs: Any = None, outputs: Any = None, **fields: Any) -> Any:
    return tool_use(span(inputs, outputs, span_type="TOOL", message_format=None, **fields))


def test_use_of_a_tool() -> None:
    use = used({"city": "Oslo"}, "rain", name="weather")
    assert (use.id, use.function, use.arguments) == (None, "weather", {"city": "Oslo"})
    assert (use.result, use.error) == ("rain", None)


@pytest.mark.parametrize(
    ("inputs", "arguments"),
    [
        (None, {}),
        ("", {}),
        ('{"city": "Oslo"}', {"city": "Oslo"}),
        ("Oslo", {"input": "Oslo"}),
        ("7", {"input": "7"}),
        ([1, 2], {"input": [1, 2]}),
        ({"name": "weather", "args": {"a": 1}, "id": "c1", "type": "tool_call"}, {"a": 1}),
        ({"tool_name": "weather", "tool_args": {"a": 1}}, {"a": 1}),
    ],
)
def test_arguments_of_a_tool(inputs: Any, arguments: dict[str, Any]) -> None:
    assert used(inputs).arguments == arguments


@pytest.mark.parametrize(
    ("outputs", "result"),
    [
        (None, ""),
        ("rain", "rain"),
        (7.5, "7.5"),
        ({"sky": "grey"}, '{"sky":"grey"}'),
        ({"result": "rain"}, '{"result":"rain"}'),
        ({"content": "rain", "type": "tool", "tool_call_id": "c1"}, "rain"),
        ({"content": [{"type": "text", "text": "rain"}], "isError": False}, "rain"),
        (
            [
                {"type": "text", "text": "see"},
                {"type": "image", "data": "AA==", "mimeType": "image/png"},
            ],
            [ContentText(text="see"), ContentImage(image="data:image/png;base64,AA==")],
        ),
        ([{"type": "order", "text": "rain"}], '[{"type":"order","text":"rain"}]'),
    ],
)
def test_result_of_a_tool(outputs: Any, result: Any) -> None:
    assert used({}, outputs).result == result


@pytest.mark.parametrize(
    ("attributes", "name", "function", "call_id"),
    [
        ({"gen_ai.tool.name": "weather", "gen_ai.tool.call.id": "c1"}, "x", "weather", "c1"),
        ({"tool.name": "weather", "tool_call.id": "c1"}, "x", "weather", "c1"),
        ({"tool_name": "weather", "tool_id": "c1"}, "tool_weather", "weather", "c1"),
        ({"mlflow.spanFunctionName": "weather"}, "weather_2", "weather", None),
        ({"mlflow.spanFunctionName": "weather"}, "look outside", "look outside", None),
        ({}, "execute_tool weather", "weather", None),
        ({}, "", "unknown", None),
    ],
)
def test_name_and_id_of_a_tool(
    attributes: dict[str, Any], name: str, function: str, call_id: str | None
) -> None:
    use = used({}, attributes=attributes, name=name)
    assert (use.function, use.id) == (function, call_id)


@pytest.mark.parametrize(
    ("kind", "error_type"),
    [
        ("TimeoutError", "timeout"),
        ("builtins.PermissionError", "permission"),
        ("FileNotFoundError", "file_not_found"),
        ("ZeroDivisionError", "unknown"),
    ],
)
def test_tool_that_raised(kind: str, error_type: Any) -> None:
    use = used({}, status="ERROR", events=(exception(kind, "it broke"),))
    assert use.error == ToolCallError(error_type, "it broke")


@pytest.mark.parametrize(
    "outputs",
    [
        {"content": "no such city", "type": "tool", "tool_call_id": "c1", "status": "error"},
        {"content": [{"type": "text", "text": "no such city"}], "isError": True},
    ],
)
def test_tool_that_answered_with_an_error(outputs: Any) -> None:
    assert used({}, outputs).error == ToolCallError("unknown", "no such city")


def test_result_that_only_looks_like_an_error() -> None:
    assert used({}, {"status": "error", "code": 3}).error is None


# --- conversations -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, []),
        ("hi", [("user", "hi")]),
        ([{"role": "user", "content": "hi"}], [("user", "hi")]),
        (
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]},
            [("system", "s"), ("user", "hi")],
        ),
        (
            {"messages": [{"content": "hi", "type": "human"}, {"content": "yes", "type": "ai"}]},
            [("user", "hi"), ("assistant", "yes")],
        ),
        (
            {"choices": [{"message": {"role": "assistant", "content": "yes"}}]},
            [("assistant", "yes")],
        ),
        (
            {
                "output": [
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c", "output": "7"},
                    {"type": "message", "role": "assistant", "content": "Seven."},
                ]
            },
            [("assistant", ""), ("tool", "7"), ("assistant", "Seven.")],
        ),
        ({"weather": 3, "sky": [1]}, [("user", '{"weather":3,"sky":[1]}')]),
    ],
)
def test_conversation(value: Any, said: list[tuple[str, str]]) -> None:
    assert [(message.role, message.text) for message in conversation(value)] == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("42", "42"),
        ({"output": "42"}, "42"),
        ({"answer": "42", "usage": {"total_tokens": 3}}, "42"),
        ({"sky": "grey", "wind": 3}, '{"sky":"grey","wind":3}'),
    ],
)
def test_what_came_out_is_said_by_the_assistant(value: Any, said: str) -> None:
    (message,) = conversation(value, speaker="assistant")
    assert (message.role, message.text) == ("assistant", said)


def test_speaker_that_is_named_stays() -> None:
    (message,) = conversation([{"role": "user", "content": "hi"}], speaker="assistant")
    assert message.role == "user"


# --- roles of spans ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span_type", "attributes", "role"),
    [
        ("CHAT_MODEL", {}, "model"),
        ("LLM", {}, "model"),
        ("TOOL", {}, "tool"),
        ("AGENT", {}, "agent"),
        ("EVALUATOR", {}, "scorer"),
        ("CHAIN", {}, "other"),
        ("EMBEDDING", {"gen_ai.operation.name": "chat"}, "other"),
        ("RETRIEVER", {}, "other"),
        ("UNKNOWN", {}, "other"),
        ("my own", {}, "other"),
        ("UNKNOWN", {"gen_ai.operation.name": "chat"}, "model"),
        ("UNKNOWN", {"gen_ai.operation.name": "execute_tool"}, "tool"),
        ("UNKNOWN", {"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ("UNKNOWN", {"gen_ai.operation.name": "embeddings"}, "other"),
        ("UNKNOWN", {"openinference.span.kind": "LLM"}, "model"),
        ("UNKNOWN", {"openinference.span.kind": "EVALUATOR"}, "scorer"),
        ("WORKFLOW", {"traceloop.span.kind": "agent"}, "agent"),
        ("UNKNOWN", {"llm.request.type": "chat"}, "model"),
        ("UNKNOWN", {"gen_ai.operation.name": ["chat"]}, "other"),
    ],
)
def test_role_of_a_span(span_type: str, attributes: dict[str, Any], role: str) -> None:
    assert span_role(span(span_type=span_type, attributes=attributes)) == role


@pytest.mark.parametrize(
    ("entity", "arguments"),
    [
        ({"args": [], "kwargs": {"city": "Oslo"}}, {"city": "Oslo"}),
        ({"args": ["Oslo"], "kwargs": {"days": 2}}, {"args": ["Oslo"], "days": 2}),
        ({"input_str": "{'city': 'Oslo'}", "inputs": {"city": "Oslo"}}, {"city": "Oslo"}),
        ({"input_str": "Oslo", "tags": []}, {"input": "Oslo"}),
        ({"city": "Oslo"}, {"city": "Oslo"}),
    ],
)
def test_tool_that_openllmetry_calls_an_entity(entity: Any, arguments: dict[str, Any]) -> None:
    attributes = {
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": "get_weather",
        "traceloop.entity.input": json.dumps(entity),
        "traceloop.entity.output": json.dumps({"output": "rain", "kwargs": {}}),
    }
    # MLflow stores the entity's input and output as the span's.
    use = tool_use(span(entity, {"output": "rain", "kwargs": {}}, attributes=attributes))
    assert (use.function, use.arguments, use.result) == ("get_weather", arguments, "rain")
