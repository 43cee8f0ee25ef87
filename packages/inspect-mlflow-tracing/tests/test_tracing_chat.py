from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import inspect_ai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai import Task, task
from inspect_ai.agent import react
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentData,
    ContentReasoning,
    ContentText,
    ContentToolUse,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.tool import (
    Tool,
    ToolCall,
    ToolCallError,
    ToolInfo,
    ToolParam,
    ToolParams,
    tool,
)

from inspect_mlflow_core.logs import EvalLogReader, sample_events, sample_messages
from inspect_mlflow_tracing.mapping.chat import (
    ChatAttachments,
    Conversations,
    chat_choices,
    chat_messages,
    chat_tools,
    omission_note,
)

TRACE = "ab" * 16

# ---------------------------------------------------------------------------------------------
# The rules of MLflow's chat view, as the code of its pages has them: stricter than the newest in
# that a message may hold nothing but what this package writes on purpose.


def assert_accepted(message: Any) -> None:
    assert isinstance(message, dict)
    assert set(message) <= {
        "role",
        "content",
        "reasoning",
        "refusal",
        "tool_calls",
        "tool_call_id",
        "name",
    }
    assert message["role"] in {"user", "assistant", "system", "tool"}
    content = message["content"]
    if not isinstance(content, str):
        assert isinstance(content, list)
        for part in content:
            assert_part_accepted(part)
    for key in {"reasoning", "refusal", "tool_call_id", "name"} & set(message):
        assert isinstance(message[key], str)
    for call in message.get("tool_calls", []):
        assert_call_accepted(call)
    assert_storable(message)


def assert_part_accepted(part: dict[str, Any]) -> None:
    match part:
        case {"type": "text", "text": str(text)}:
            assert text
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            assert url.lower().startswith(("http://", "https://", "mlflow-attachment://"))
            assert image.get("detail", "auto") in {"auto", "low", "high"}
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": "wav" | "mp3"}}:
            assert data.startswith("mlflow-attachment://")
        case _:
            pytest.fail(f"the chat view refuses {part}")


def assert_call_accepted(call: dict[str, Any]) -> None:
    assert isinstance(call["id"], str)
    assert call["type"] == "function"
    assert isinstance(call["function"]["name"], str)
    # MLflow 3.6 fails on arguments that are no JSON.
    strict_json(call["function"]["arguments"])


def assert_tool_accepted(chat: dict[str, Any]) -> None:
    assert chat["type"] == "function"
    function = chat["function"]
    assert isinstance(function["name"], str)
    assert function["name"]
    assert isinstance(function.get("description", ""), str)
    parameters = function.get("parameters", {})
    assert all(isinstance(name, str) for name in parameters.get("required", []))
    for schema in parameters.get("properties", {}).values():
        assert isinstance(schema.get("type", ""), str)
        assert isinstance(schema.get("description", ""), str)
        assert isinstance(schema.get("enum", []), list)


def assert_storable(value: Any) -> None:
    """Neither halves of surrogate pairs nor numbers that JSON has no form for."""
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def strict_json(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def raw(message: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = message.model_dump(mode="json")
    return dumped


def converted(message: Any, attachments: ChatAttachments | None = None) -> dict[str, Any]:
    [chat] = chat_messages([message if isinstance(message, dict) else raw(message)], attachments)
    assert_accepted(chat)
    return chat


# ---------------------------------------------------------------------------------------------
# Messages


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (ChatMessageSystem(content="Be kind."), "system"),
        (ChatMessageUser(content="Hello."), "user"),
        (ChatMessageAssistant(content="Hi."), "assistant"),
    ],
)
def test_plain_message_keeps_role_and_text(message: Any, role: str) -> None:
    assert converted(message) == {"role": role, "content": message.text}


def test_tool_message_names_its_call_and_tool() -> None:
    message = ChatMessageTool(content="42", tool_call_id="call-1", function="add")
    assert converted(message) == {
        "role": "tool",
        "content": "42",
        "tool_call_id": "call-1",
        "name": "add",
    }


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("", "Error (timeout): took too long"),
        ("took too long", "Error (timeout): took too long"),
    ],
)
def test_error_of_tool_is_shown_once(content: str, shown: str) -> None:
    error = ToolCallError("timeout", "took too long")
    assert converted(ChatMessageTool(content=content, error=error))["content"] == shown


def test_error_of_tool_stands_after_its_result() -> None:
    error = ToolCallError("limit", "too much")
    texts = [
        part["text"]
        for part in converted(ChatMessageTool(content="partial", error=error))["content"]
    ]
    assert texts == ["partial", "Error (limit): too much"]


def test_error_of_old_log_is_shown() -> None:
    message = {"role": "tool", "content": "", "tool_error": "no such file"}
    assert converted(message)["content"] == "Error: no such file"


def test_calls_of_tools_have_json_text_as_arguments() -> None:
    call = ToolCall(id="call-1", function="bash", arguments={"command": "ls", "n": float("nan")})
    chat = converted(
        {"role": "assistant", "content": "", "tool_calls": [dict(vars(call))]},
    )
    [chat_call] = chat["tool_calls"]
    assert chat_call["id"] == "call-1"
    assert chat_call["function"]["name"] == "bash"
    assert strict_json(chat_call["function"]["arguments"]) == {"command": "ls", "n": "NaN"}


def test_call_that_could_not_be_parsed_says_so() -> None:
    call = ToolCall(id="1", function="bash", arguments={}, parse_error="no JSON")
    chat = converted(ChatMessageAssistant(content="", tool_calls=[call]))
    assert chat["tool_calls"][0]["parse_error"] == "no JSON"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ('{"a": 1}', {"a": 1}),
        ('{"a": NaN}', '{"a": NaN}'),
        ("ls -l", "ls -l"),
        (None, {}),
        ([1], [1]),
    ],
)
def test_arguments_in_any_form_become_json(arguments: Any, shown: Any) -> None:
    chat = converted({"role": "assistant", "tool_calls": [{"id": "1", "arguments": arguments}]})
    assert strict_json(chat["tool_calls"][0]["function"]["arguments"]) == shown


def test_calls_without_ids_are_told_apart() -> None:
    chat = converted({"role": "assistant", "tool_calls": [{"function": "a"}, {"function": "b"}]})
    assert [call["id"] for call in chat["tool_calls"]] == ["call_0", "call_1"]


def test_calls_in_the_form_of_openai_are_understood() -> None:
    call = {"id": "1", "function": {"name": "add", "arguments": '{"a": 1}'}}
    chat = converted({"role": "assistant", "tool_calls": [call]})
    assert chat["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}


@pytest.mark.parametrize(
    ("role", "shown"), [("developer", "system"), ("function", "tool"), (None, "user")]
)
def test_roles_of_other_providers_become_those_of_the_view(role: str | None, shown: str) -> None:
    assert converted({"role": role, "content": "text"}) == {"role": shown, "content": "text"}


def test_unknown_role_is_said_in_the_text() -> None:
    chat = converted({"role": "narrator", "content": "Once upon a time"})
    assert chat["role"] == "user"
    assert [part["text"] for part in chat["content"]] == ["[role: narrator]", "Once upon a time"]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (None, ""),
        ([], ""),
        (7, "7"),
        (float("nan"), '"NaN"'),
        ({"a": 1}, '```\n{"a": 1}\n```'),
        (["a"], "a"),
        ("a\ud800b", "a\ufffdb"),
        ("a\0b", "a\ufffdb"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_content_of_the_wrong_type_becomes_text(content: Any, shown: str) -> None:
    assert converted({"role": "user", "content": content})["content"] == shown


@pytest.mark.parametrize("messages", [None, [], ()])
def test_no_messages_give_none(messages: Any) -> None:
    assert chat_messages(messages, None) == []


@pytest.mark.parametrize("messages", ["Hello.", {"role": "user", "content": "Hello."}])
def test_single_message_without_a_list_is_one_message(messages: Any) -> None:
    assert chat_messages(messages, None) == [{"role": "user", "content": "Hello."}]


# ---------------------------------------------------------------------------------------------
# Content without files


def test_texts_stay_parts_in_their_order() -> None:
    message = ChatMessageUser(content=[ContentText(text="one"), ContentText(text="two")])
    assert converted(message)["content"] == [
        {"type": "text", "text": "one"},
        {"type": "text", "text": "two"},
    ]


def test_single_text_part_is_a_text() -> None:
    assert converted(ChatMessageUser(content=[ContentText(text="one")]))["content"] == "one"


@pytest.mark.parametrize(
    ("reasoning", "shown"),
    [
        (ContentReasoning(reasoning="first this"), "first this"),
        (
            ContentReasoning(reasoning="first this", summary="in short"),
            "first this\n\nSummary: in short",
        ),
        (ContentReasoning(reasoning="", summary="in short"), "in short"),
        (ContentReasoning(reasoning="gAAAA", redacted=True, summary="in short"), "in short"),
        (
            ContentReasoning(reasoning="gAAAA", redacted=True, signature="sig"),
            "(redacted by the provider)",
        ),
    ],
)
def test_reasoning_stands_where_the_view_draws_it(reasoning: ContentReasoning, shown: str) -> None:
    message = ChatMessageAssistant(content=[reasoning, ContentText(text="So: 4.")])
    assert converted(message) == {"role": "assistant", "content": "So: 4.", "reasoning": shown}


def test_several_reasonings_are_joined() -> None:
    message = ChatMessageAssistant(
        content=[ContentReasoning(reasoning="one"), ContentReasoning(reasoning="two")]
    )
    assert converted(message) == {"role": "assistant", "content": "", "reasoning": "one\n\ntwo"}


def test_reasoning_of_old_log_beside_the_content_is_shown() -> None:
    message = {"role": "assistant", "content": "4", "reasoning": "2 + 2"}
    assert converted(message)["reasoning"] == "2 + 2"


def test_citations_follow_their_text_once_for_each_source() -> None:
    url = {"type": "url", "url": "https://example.org/a", "title": "A [draft]"}
    document = {"type": "document", "title": "Report", "cited_text": "It rained."}
    message = ChatMessageAssistant.model_validate(
        {"content": [{"type": "text", "text": "Rain.", "citations": [url, document, url]}]}
    )
    assert converted(message)["content"] == (
        "Rain.\n\nSources:\n- [A (draft)](https://example.org/a)\n- Report: “It rained.”"
    )


def test_refusal_is_marked() -> None:
    message = ChatMessageAssistant(content=[ContentText(text="No.", refusal=True)])
    assert converted(message) == {"role": "assistant", "content": "No.", "refusal": "No."}


def test_tool_that_the_provider_ran_is_a_call_with_its_result() -> None:
    use = ContentToolUse(
        tool_type="web_search",
        id="search-1",
        name="web_search",
        arguments='{"query": "rain"}',
        result='[{"title": "```"}]',
    )
    chat = converted(ChatMessageAssistant(content=[use, ContentText(text="It rained.")]))
    assert chat["tool_calls"] == [
        {
            "id": "search-1",
            "type": "function",
            "function": {"name": "web_search", "arguments": '{"query": "rain"}'},
        }
    ]
    assert [part["text"] for part in chat["content"]] == [
        'Result of web_search:\n````\n[{"title": "```"}]\n````',
        "It rained.",
    ]


def test_error_of_a_tool_that_the_provider_ran_is_shown() -> None:
    use = ContentToolUse(
        tool_type="mcp_call", id="1", name="fetch", arguments="{}", result="", error="refused"
    )
    assert converted(ChatMessageAssistant(content=[use]))["content"] == "Error of fetch: refused"


def test_data_of_the_provider_is_shown_in_part() -> None:
    chat = converted(ChatMessageAssistant(content=[ContentData(data={"state": "x" * 100_000})]))
    assert chat["content"].startswith("Data of the provider:")
    assert len(chat["content"]) < 3_000


def test_unknown_part_is_shown_in_part() -> None:
    chat = converted({"role": "user", "content": [{"type": "hologram", "cube": "x" * 100_000}]})
    assert "hologram" in chat["content"]
    assert len(chat["content"]) < 3_000


# ---------------------------------------------------------------------------------------------
# Tools


def test_tools_are_functions_without_absent_keywords() -> None:
    info = ToolInfo(
        name="add",
        description="Adds.",
        parameters=ToolParams(
            properties={"a": ToolParam(type="integer", description="First.")}, required=["a"]
        ),
    )
    [chat] = chat_tools([raw(info)])
    assert_tool_accepted(chat)
    assert chat == {
        "type": "function",
        "function": {
            "name": "add",
            "description": "Adds.",
            "parameters": {
                "type": "object",
                "properties": {"a": {"type": "integer", "description": "First."}},
                "required": ["a"],
                "additionalProperties": False,
            },
        },
    }


def test_parameter_of_several_types_is_accepted() -> None:
    properties = {"a": {"type": ["string", "null"], "description": None}}
    [chat] = chat_tools([{"name": "f", "parameters": {"properties": properties}}])
    assert_tool_accepted(chat)
    assert chat["function"]["parameters"]["properties"]["a"] == {
        "anyOf": [{"type": "string"}, {"type": "null"}]
    }


def test_tool_in_the_form_of_openai_stays() -> None:
    function = {"type": "function", "function": {"name": "f", "description": "F."}}
    assert chat_tools([function]) == [function]


@pytest.mark.parametrize("tools", [None, "bash", 7, {"name": "f"}])
def test_no_list_of_tools_gives_none(tools: Any) -> None:
    assert chat_tools(tools) == []


# ---------------------------------------------------------------------------------------------
# Outputs


def test_choices_say_why_they_ended() -> None:
    output = raw(ModelOutput.from_content("mockllm/model", "Hi.", stop_reason="max_tokens"))
    details = {"type": "length", "explanation": "too long"}
    output["response_id"] = "resp-1"
    output["choices"][0]["stop_details"] = details
    chat = chat_choices(output, None)
    assert chat["id"] == "resp-1"
    assert chat["model"] == "mockllm/model"
    assert chat["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi."},
            "finish_reason": "length",
            "stop_reason": "max_tokens",
            "stop_details": details,
        }
    ]


def test_every_choice_is_shown() -> None:
    output = ModelOutput.from_content("mockllm/model", "one")
    output.choices.append(ChatCompletionChoice(message=ChatMessageAssistant(content="two")))
    choices = chat_choices(raw(output), None)["choices"]
    assert [choice["index"] for choice in choices] == [0, 1]
    assert [choice["message"]["content"] for choice in choices] == ["one", "two"]


@pytest.mark.parametrize("output", [None, {}, {"choices": []}, {"choices": None}])
def test_output_without_choices_has_none(output: Any) -> None:
    assert chat_choices(output, None)["choices"] == []


def test_output_of_which_only_the_text_is_left_is_shown() -> None:
    [choice] = chat_choices({"choices": [], "completion": "Hi."}, None)["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Hi."}


def test_error_of_output_is_kept() -> None:
    output = ModelOutput.from_content("m", "", stop_reason="content_filter", error="blocked")
    chat = chat_choices(raw(output), None)
    assert chat["error"] == "blocked"
    assert chat["choices"][0]["finish_reason"] == "content_filter"


# ---------------------------------------------------------------------------------------------
# Anything at all

# With halves of surrogate pairs.
TEXTS = st.text(st.characters(), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
URIS = st.sampled_from(
    [
        "data:image/png;base64,aGVsbG8=",
        "data:;base64,aGVsbG8",
        "data:image/png;base64,%%%",
        "data:,x",
        "data:",
        "https://example.org/a.png",
        "HTTP://example.org",
        "/tmp/a.png",
    ]
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["text", "reasoning", "image", "audio", "video", "document", "tool_use", "data", "new"]
        )
        | JSON,
        "text": JSON,
        "citations": st.lists(st.dictionaries(st.sampled_from(["url", "title"]), JSON) | JSON),
        "refusal": JSON,
        "reasoning": JSON,
        "summary": JSON,
        "redacted": JSON,
        "image": URIS | JSON,
        "detail": JSON,
        "audio": URIS | JSON,
        "video": URIS | JSON,
        "format": st.sampled_from(["wav", "mp3", "mp4"]) | JSON,
        "document": URIS | JSON,
        "filename": JSON,
        "mime_type": JSON,
        "name": JSON,
        "id": JSON,
        "arguments": JSON,
        "result": JSON,
        "error": JSON,
        "data": JSON,
    },
)
CALLS = st.dictionaries(
    st.sampled_from(["id", "function", "arguments", "parse_error", "type"]), JSON, max_size=5
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "assistant", "system", "tool", "developer"]) | JSON,
        "content": JSON | st.lists(PARTS | JSON, max_size=4),
        "reasoning": JSON,
        "tool_calls": JSON | st.lists(CALLS | JSON, max_size=3),
        "tool_call_id": JSON,
        "function": JSON,
        "error": JSON | st.dictionaries(st.sampled_from(["type", "message"]), JSON),
    },
)


@given(st.lists(MESSAGES | JSON, max_size=4) | JSON, st.booleans())
def test_anything_in_place_of_messages_is_accepted(messages: Any, keep: bool) -> None:
    attachments = ChatAttachments(TRACE) if keep else None
    chat = chat_messages(messages, attachments)
    for message in chat:
        assert_accepted(message)
    if isinstance(messages, list):
        assert len(chat) == len(messages)


@given(
    st.dictionaries(
        st.sampled_from(["choices", "completion", "error", "model", "response_id"]),
        JSON
        | st.lists(st.fixed_dictionaries({"message": MESSAGES | JSON, "stop_reason": JSON}) | JSON),
    )
    | JSON
)
def test_anything_in_place_of_an_output_is_accepted(output: Any) -> None:
    for index, choice in enumerate(chat_choices(output, None)["choices"]):
        assert choice["index"] == index
        assert choice["message"]["role"] == "assistant"
        assert_accepted(choice["message"])


SCHEMAS = st.dictionaries(
    st.sampled_from(["type", "description", "enum", "default", "items", "required", "properties"]),
    JSON,
)
TOOLS = st.fixed_dictionaries(
    {},
    optional={
        "name": JSON,
        "description": JSON,
        "function": JSON,
        "parameters": JSON
        | st.fixed_dictionaries(
            {"properties": st.dictionaries(TEXTS, SCHEMAS | JSON)}, optional={"required": JSON}
        ),
    },
)


@given(st.lists(TOOLS | JSON, max_size=4) | JSON)
def test_anything_in_place_of_tools_is_accepted(tools: Any) -> None:
    for chat in chat_tools(tools):
        assert_tool_accepted(chat)


@given(st.lists(st.lists(MESSAGES | JSON, max_size=4) | JSON, max_size=4))
def test_anything_in_place_of_conversations_is_told_apart(calls: list[Any]) -> None:
    conversations = Conversations()
    for messages in calls:
        count, new = conversations.new_messages(messages)
        assert count + len(new) <= (len(messages) if isinstance(messages, list) else 1)


def test_deeply_nested_values_become_text() -> None:
    nested: Any = "x"
    for _ in range(100_000):
        nested = [nested]
    assert_accepted(converted({"role": "user", "content": [{"type": "data", "data": nested}]}))
    chat = converted({"role": "assistant", "tool_calls": [{"arguments": nested}]})
    assert_accepted(chat)
    parameters = {"properties": {"a": {"items": nested}}}
    [function] = chat_tools([{"name": "f", "parameters": parameters}])
    assert_tool_accepted(function)
    message = {"role": "user", "content": nested}
    assert Conversations().new_messages([message]) == (0, [message])


# ---------------------------------------------------------------------------------------------
# What is new in a conversation


def user(text: str) -> dict[str, Any]:
    return raw(ChatMessageUser(content=text))


def assistant(text: str) -> dict[str, Any]:
    return raw(ChatMessageAssistant(content=text))


def output_of(message: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"message": message, "stop_reason": "stop"}]}


def test_first_call_shows_everything() -> None:
    messages = [user("a"), user("b")]
    assert Conversations().new_messages(messages) == (0, messages)


def test_later_call_shows_what_follows() -> None:
    messages = [user("a"), assistant("b"), user("c"), assistant("d"), user("e")]
    conversations = Conversations()
    conversations.new_messages(messages[:1])
    assert conversations.new_messages(messages[:3]) == (1, messages[1:3])
    assert conversations.new_messages(messages) == (3, messages[3:])
    assert conversations.new_messages(messages) == (5, [])


def test_output_that_a_span_shows_is_not_new_to_the_next() -> None:
    messages = [user("a"), assistant("b"), user("c")]
    conversations = Conversations()
    # The output is another object in a log, and may hold more than the message of the input.
    output = output_of({**messages[1], "metadata": {"logged": True}})
    conversations.new_messages(messages[:1], output)
    assert conversations.new_messages(messages) == (2, messages[2:])


def test_interleaved_conversations_are_kept_apart() -> None:
    first = [user("first"), assistant("1"), user("go on"), assistant("2"), user("go on")]
    second = [user("second"), assistant("1"), user("go on")]
    conversations = Conversations()
    assert conversations.new_messages(first[:1]) == (0, first[:1])
    assert conversations.new_messages(second[:1]) == (0, second[:1])
    assert conversations.new_messages(first[:3]) == (1, first[1:3])
    assert conversations.new_messages(second) == (3, [])
    assert conversations.new_messages(first) == (3, first[3:])


def test_branches_of_a_conversation_show_what_differs() -> None:
    trunk = [user("a"), assistant("b")]
    left, right = [*trunk, user("left")], [*trunk, user("right")]
    conversations = Conversations()
    conversations.new_messages(trunk)
    assert conversations.new_messages(left) == (2, left[2:])
    assert conversations.new_messages(right) == (2, right[2:])
    longer_left, longer_right = [*left, user("x")], [*right, user("y")]
    assert conversations.new_messages(longer_left) == (3, longer_left[3:])
    assert conversations.new_messages(longer_right) == (3, longer_right[3:])


def test_repeated_message_of_a_conversation_is_shown_as_often() -> None:
    go_on = user("continue")
    conversations = Conversations()
    assert conversations.new_messages([go_on]) == (0, [go_on])
    longer = [go_on, assistant("a"), go_on]
    assert conversations.new_messages(longer) == (1, longer[1:])
    longest = [*longer, go_on]
    assert conversations.new_messages(longest) == (3, [go_on])


def test_messages_built_again_for_each_call_are_not_shown_again() -> None:
    conversations = Conversations()
    conversations.new_messages([user("a"), user("b")])
    again = [user("a"), user("b"), user("c")]
    assert conversations.new_messages(again) == (2, again[2:])


def test_compacted_conversation_shows_what_differs() -> None:
    messages = [user(str(number)) for number in range(6)]
    conversations = Conversations()
    conversations.new_messages(messages)
    summary, last = user("summary"), user("last")
    compacted = [messages[0], summary, *messages[3:], last]
    assert conversations.new_messages(compacted) == (1, [summary, omission_note(3), last])


def test_edited_message_of_the_same_id_is_new() -> None:
    message, following = user("long result"), user("b")
    conversations = Conversations()
    conversations.new_messages([message, following])
    edited = {**message, "content": "(removed)"}
    assert conversations.new_messages([edited, following]) == (0, [edited, omission_note(1)])


def test_note_is_accepted_and_tells_the_number() -> None:
    [chat] = chat_messages([omission_note(1_234)], None)
    assert_accepted(chat)
    assert "1,234 messages" in chat["content"]
    assert "1 message " in omission_note(1)["content"]


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), max_size=12))
def test_every_message_is_shown_as_often_as_some_call_holds_it(calls: list[list[int]]) -> None:
    pool = [user(str(number)) for number in range(4)]
    conversations = Conversations()
    shown = [0, 0, 0, 0]
    for call in calls:
        messages = [pool[number] for number in call]
        _, new = conversations.new_messages(messages)
        for message in new:
            # The others are notes.
            if message["role"] == "user":
                shown[pool.index(message)] += 1
    assert shown == [max((call.count(number) for call in calls), default=0) for number in range(4)]


@task
def adding() -> Task:
    def outputs() -> Iterator[ModelOutput]:
        for number in range(3):
            yield ModelOutput.for_tool_call(
                "mockllm/model", "add", {"x": number, "y": 1}, content="Let me add. " * 20
            )
        yield ModelOutput.for_tool_call("mockllm/model", "submit", {"answer": "4"})

    def answer(*_: Any) -> ModelOutput:
        output = next(answers)
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    answers = outputs()
    return Task(
        dataset=[Sample(input="What is 3 + 1? " * 20, target="4")],
        solver=react(tools=[add()]),
        model=get_model("mockllm/model", custom_outputs=answer, memoize=False),
    )


@tool
def add() -> Tool:
    async def execute(x: int, y: int) -> str:
        """Adds.

        Args:
            x: One number.
            y: Another one.
        """
        return f"{x + y} " * 100

    return execute


def test_agent_in_a_real_log_shows_every_message_once(tmp_path: Path) -> None:
    [log] = inspect_ai.eval(adding(), log_dir=str(tmp_path), display="none")
    attachments, conversations = ChatAttachments(TRACE), Conversations()
    shown: list[dict[str, Any]] = []
    with EvalLogReader.open(log.location) as reader:
        [sample] = reader.samples()
    for event in sample_events(sample, resolve_inputs=True):
        if event["event"] == "model":
            count, new = conversations.new_messages(event["input"], event["output"])
            assert count == len(shown)
            shown += chat_messages(new, attachments)
            [choice] = chat_choices(event["output"], attachments)["choices"]
            shown.append(choice["message"])
            for offered in chat_tools(event["tools"]):
                assert_tool_accepted(offered)
    for message in shown:
        assert_accepted(message)
    # The last one has become the answer by then.
    whole = chat_messages(sample_messages(sample), attachments)
    assert shown[:-1] == whole[:-1]
    assert [message["role"] for message in shown] == ["system", "user"] + [
        "assistant",
        "tool",
    ] * 3 + ["assistant"]


def test_sizes_of_a_growing_conversation_are_linear() -> None:
    pool = [user(f"message {number}") for number in range(400)]
    conversations = Conversations()
    shown = sum(
        len(conversations.new_messages(pool[:length])[1]) for length in range(1, len(pool) + 1)
    )
    assert shown == len(pool)


def test_more_conversations_than_are_remembered_stay_right() -> None:
    conversations = Conversations()
    beginnings = [[user(f"question {number}")] for number in range(300)]
    for messages in beginnings:
        assert conversations.new_messages(messages) == (0, messages)
    for messages in beginnings:
        longer = [*messages, user("more of " + messages[0]["content"])]
        assert conversations.new_messages(longer) == (1, longer[1:])
