from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_scout.normalization._chat_form import ChatForm
from inspect_mlflow_scout.normalization.dialects._gemini import read
from inspect_mlflow_scout.reading import SourceSpan

from .spans import model_span

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "parts", "text", "function_call", "name", "args"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def span(inputs: Any = None, outputs: Any = None, **attributes: Any) -> SourceSpan:
    return model_span(
        "Models.generate_content", inputs, outputs, span_type="LLM", attributes=attributes
    )


def of_gemini(inputs: Any = None, outputs: Any = None) -> ChatForm:
    form = read(span(inputs, outputs, **{"mlflow.message.format": "gemini"}))
    assert form is not None
    return form


def messages(contents: Any) -> list[Any]:
    return list(of_gemini({"contents": contents}).messages)


def reply(*parts: Any) -> Any:
    response = {"candidates": [{"content": {"role": "model", "parts": list(parts)}}]}
    return of_gemini({"contents": "q"}, response).choices[0]["message"]


def test_a_call_as_the_library_makes_it() -> None:
    inputs = {
        "model": "gemini-2.5-flash",
        "contents": "Weather in Paris?",
        "config": {
            "system_instruction": "Be brief.",
            "temperature": 0.2,
            "top_p": 0.9,
            "top_k": 40,
            "max_output_tokens": 100,
            "stop_sequences": ["END"],
            "seed": 7,
            "candidate_count": 1,
            "http_options": None,
            "thinking_config": {"include_thoughts": True, "thinking_budget": 512},
            "tools": [
                {
                    "function_declarations": [
                        {
                            "name": "weather",
                            "description": "Tells the weather.",
                            "parameters": {"type": "OBJECT", "properties": {}},
                        }
                    ]
                }
            ],
            "tool_config": {"function_calling_config": {"mode": "ANY"}},
        },
    }
    outputs = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Look it up.", "thought": True, "inline_data": None},
                        {
                            "text": None,
                            "function_call": {"id": None, "name": "weather", "args": {"at": "P"}},
                        },
                    ],
                },
                "finish_reason": "STOP",
                "index": 0,
            }
        ],
        "model_version": "gemini-2.5-flash-001",
        "response_id": "r1",
        "usage_metadata": {
            "prompt_token_count": 12,
            "candidates_token_count": 5,
            "thoughts_token_count": 7,
            "cached_content_token_count": 4,
            "total_token_count": 24,
        },
    }

    found = read(
        span(
            inputs,
            outputs,
            **{"mlflow.message.format": "gemini", "mlflow.llm.provider": "gemini"},
        )
    )

    assert found == ChatForm(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather in Paris?"},
        ],
        choices=[
            {
                "message": {
                    "role": "assistant",
                    "content": [{"type": "reasoning", "reasoning": "Look it up."}],
                    "tool_calls": [
                        {
                            "id": "call_weather_1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": {"at": "P"}},
                        }
                    ],
                },
                "finish_reason": "STOP",
            }
        ],
        model="gemini-2.5-flash",
        provider="gemini",
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "Tells the weather.",
                    "parameters": {"type": "OBJECT", "properties": {}},
                },
            }
        ],
        tool_choice="required",
        config={
            "temperature": 0.2,
            "top_p": 0.9,
            "top_k": 40,
            "max_tokens": 100,
            "stop": ["END"],
            "seed": 7,
            "n": 1,
            "reasoning_tokens": 512,
        },
        usage={
            "input_tokens": 12,
            "output_tokens": 5,
            "total_tokens": 24,
            "cache_read_input_tokens": 4,
            "reasoning_tokens": 7,
        },
        response_id="r1",
        response_model="gemini-2.5-flash-001",
    )


def test_a_call_as_rest_has_it() -> None:
    inputs = {
        "contents": [{"role": "user", "parts": [{"text": "q"}]}],
        "systemInstruction": {"parts": [{"text": "S"}]},
        "generationConfig": {"maxOutputTokens": 9, "stopSequences": ["x"], "topP": 0.5},
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "toolConfig": {
            "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]},
        },
    }
    outputs = {
        "candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
        "modelVersion": "gemini-pro",
        "responseId": "r",
    }

    assert read(span(inputs, outputs)) == ChatForm(
        messages=[{"role": "system", "content": "S"}, {"role": "user", "content": "q"}],
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": "MAX_TOKENS"}],
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        config={"max_tokens": 9, "stop": ["x"], "top_p": 0.5},
        usage={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_id="r",
        response_model="gemini-pro",
    )


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ("hi", [{"role": "user", "content": "hi"}]),
        ('{"a": 1}', [{"role": "user", "content": '{"a": 1}'}]),
        (
            ["one", {"text": "two"}],
            [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
                }
            ],
        ),
        (
            {"role": "user", "parts": [{"text": "only"}]},
            [{"role": "user", "content": "only"}],
        ),
        (
            ["first", {"role": "model", "parts": [{"text": "then"}]}, "last"],
            [
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "then"},
                {"role": "user", "content": "last"},
            ],
        ),
        (
            [{"role": "system", "parts": [{"text": "Gemini CLI's"}]}],
            [{"role": "system", "content": "Gemini CLI's"}],
        ),
        ([{"role": "user", "parts": "a text"}], [{"role": "user", "content": "a text"}]),
    ],
)
def test_contents(contents: Any, expected: list[Any]) -> None:
    assert messages(contents) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"inline_data": {"mime_type": "image/png", "data": "AAA_"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAA/"}},
        ),
        (
            {"inlineData": {"mimeType": "image/png", "data": r"b'\x00\x01'"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAE="}},
        ),
        (
            {"inline_data": {"mime_type": "audio/wav", "data": "AAAA"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ),
        (
            {"file_data": {"file_uri": "gs://b/f.mp4", "mime_type": "video/mp4"}},
            {"type": "video_url", "video_url": {"url": "gs://b/f.mp4"}},
        ),
        (
            {"fileData": {"fileUri": "gs://b/f", "mimeType": "application/pdf"}},
            {"type": "file", "file": {"file_data": "gs://b/f"}},
        ),
        (
            {"executable_code": {"code": "1+1", "language": "PYTHON", "id": None}},
            {
                "type": "data",
                "data": {"executable_code": {"code": "1+1", "language": "PYTHON"}},
            },
        ),
        (
            {"code_execution_result": {"outcome": "OUTCOME_OK", "output": "2"}},
            {
                "type": "data",
                "data": {"code_execution_result": {"outcome": "OUTCOME_OK", "output": "2"}},
            },
        ),
        ({"news": 1, "text": None}, {"type": "data", "data": {"news": 1}}),
        (
            {"text": "t", "thought": True, "thought_signature": r"b'\x00'"},
            {"type": "reasoning", "reasoning": "t", "signature": "AA=="},
        ),
    ],
)
def test_parts(part: Any, expected: Any) -> None:
    assert reply(part) == {"role": "assistant", "content": [expected]}


def test_calls_without_ids_are_paired_with_their_results_in_order() -> None:
    def call(at: str) -> Any:
        return {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"at": at}}}]}

    def answer(response: Any) -> Any:
        part = {"function_response": {"name": "f", "response": response}}
        return {"role": "user", "parts": [part]}

    found = messages([call("a"), answer({"result": "A"}), call("b"), answer({"error": "B"})])

    assert [message.get("tool_call_id") for message in found] == [
        None,
        "call_f_1",
        None,
        "call_f_2",
    ]
    assert found[1] == {
        "role": "tool",
        "name": "f",
        "tool_call_id": "call_f_1",
        "content": "A",
    }
    assert found[3] == {
        "role": "tool",
        "name": "f",
        "tool_call_id": "call_f_2",
        "content": "B",
        "is_error": True,
    }


def test_a_call_has_the_same_id_when_it_comes_out_and_when_it_goes_in_next() -> None:
    part = {"function_call": {"name": "f", "args": {}}}
    asked = {"role": "model", "parts": [part]}
    answered = {"role": "user", "parts": [{"function_response": {"name": "f", "response": {}}}]}
    contents = ["q", asked, answered]

    first = of_gemini({"contents": contents}, {"candidates": [{"content": asked}]})
    second = of_gemini({"contents": [*contents, asked]})

    assert first.choices[0]["message"]["tool_calls"] == second.messages[-1]["tool_calls"]
    assert second.messages[-1]["tool_calls"][0]["id"] == "call_f_2"


def test_results_beside_a_text_come_before_it() -> None:
    found = messages(
        [
            {
                "role": "user",
                "parts": [
                    {"text": "and now?"},
                    {"function_response": {"id": "7", "name": "f", "response": {"a": 1}}},
                ],
            }
        ]
    )

    assert found == [
        {"role": "tool", "tool_call_id": "7", "name": "f", "content": '{"a":1}'},
        {"role": "user", "content": "and now?"},
    ]


@pytest.mark.parametrize(
    ("reason", "expected"), [("SAFETY", "SAFETY"), (1, "STOP"), (2, "MAX_TOKENS"), (99, "99")]
)
def test_finish_reasons_of_both_libraries(reason: Any, expected: str) -> None:
    response = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finish_reason": reason}]}

    assert of_gemini({"contents": "q"}, response).choices[0]["finish_reason"] == expected


def test_a_blocked_prompt_is_a_choice_without_words() -> None:
    response = {"candidates": None, "prompt_feedback": {"block_reason": "PROHIBITED_CONTENT"}}

    assert of_gemini({"contents": "q"}, response).choices == [
        {
            "message": {"role": "assistant", "content": ""},
            "finish_reason": "PROHIBITED_CONTENT",
        }
    ]


def test_every_candidate_is_a_choice() -> None:
    response = {"candidates": [{"content": {"parts": [{"text": text}]}} for text in "ab"]}

    assert [
        choice["message"]["content"] for choice in of_gemini({"contents": "q"}, response).choices
    ] == ["a", "b"]


@pytest.mark.parametrize("field", ["message", "content"])
def test_what_a_chat_sends(field: str) -> None:
    assert of_gemini({field: ["hi"]}).messages == [{"role": "user", "content": "hi"}]


def test_google_adk_keeps_the_content_of_the_only_candidate() -> None:
    inputs = {
        "model": "gemini-2.0-flash",
        "config": {"system_instruction": "S"},
        "contents": [{"role": "user", "parts": [{"text": "q"}]}],
    }
    outputs = {
        "content": {"role": "model", "parts": [{"text": "a"}]},
        "finish_reason": "STOP",
        "usage_metadata": {"prompt_token_count": 1, "candidates_token_count": 1},
    }

    found = read(span(inputs, outputs))

    assert found is not None
    assert found.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": "STOP"}
    ]


def test_mlflow_s_counts_of_tokens_win() -> None:
    found = read(
        span(
            {"contents": "q"},
            {"usage_metadata": {"prompt_token_count": 1, "thoughts_token_count": 3}},
            **{
                "mlflow.message.format": "gemini",
                "mlflow.chat.tokenUsage": {"input_tokens": 2, "output_tokens": 4},
            },
        )
    )

    assert found is not None
    assert found.usage == {
        "input_tokens": 2,
        "output_tokens": 4,
        "reasoning_tokens": 3,
        "total_tokens": 6,
    }


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"thinking_budget": -1}, {}),
        ({"thinking_budget": 0}, {"reasoning_tokens": 0}),
        ({"thinking_level": "HIGH"}, {"reasoning_effort": "high"}),
    ],
)
def test_thinking(thinking: Any, expected: Any) -> None:
    asked = {"contents": "q", "config": {"thinking_config": thinking}}

    assert of_gemini(asked).config == expected


def test_a_schema_for_the_response() -> None:
    config = {"response_mime_type": "application/json", "response_schema": {"type": "OBJECT"}}

    assert of_gemini({"contents": "q", "config": config}).config == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "response", "schema": {"type": "OBJECT"}},
        }
    }


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (None, None),
        ("hi", "there"),
        ({"messages": [{"role": "user", "content": "hi"}]}, {"choices": []}),
        ({"contents": "what a function of somebody's takes"}, "x"),
        ({"contents": [1, 2]}, {"content": "x"}),
    ],
)
def test_other_spans_are_not_gemini_s(inputs: Any, outputs: Any) -> None:
    assert read(span(inputs, outputs)) is None


@given(contents=JSON, config=JSON, outputs=JSON)
def test_never_raises(contents: Any, config: Any, outputs: Any) -> None:
    form = read(
        span(
            {"contents": contents, "config": config},
            {"candidates": outputs},
            **{"mlflow.message.format": "gemini"},
        )
    )

    assert form is None or all("role" in message for message in form.messages)
