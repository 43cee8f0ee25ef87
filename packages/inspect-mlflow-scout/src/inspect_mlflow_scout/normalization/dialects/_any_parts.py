"""Parts of messages in whichever dialect, told apart by their own words.

Known are the parts of OpenAI (chat and Responses), Anthropic, Mistral, Cohere, OpenTelemetry
("Input messages JSON schema" of the semantic conventions for generative AI), the AI SDK,
LlamaIndex, Pydantic AI and AutoGen, and those of Bedrock and Gemini.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ._bedrock_blocks import is_bedrock_block, pieces_of_bedrock_block
from ._gemini_parts import is_gemini_part, pieces_of_gemini_part
from ._json_values import as_mapping, as_text, decoded, first, json_text, listed, without_none
from ._media_parts import media_piece
from ._pieces import (
    Call,
    Piece,
    Result,
    content_of,
    data_part,
    reasoning_part,
    refusal_part,
    text_part,
)

__all__ = ["are_parts", "call_of", "pieces_of", "result_of", "written_content"]

_CALLS = {"tool_use", "tool_call", "function_call", "function", "server_tool_use"}
_RESULTS = {
    "tool_result",
    "tool_return",
    "tool_call_response",
    "function_call_output",
    "web_search_tool_result",
}


def pieces_of(content: Any) -> Iterator[Piece]:
    """What content says: a text, a part or a list of these."""
    if content is None or content == "":
        return
    for part in content if isinstance(content, (list, tuple)) else (content,):
        if isinstance(part, Mapping):
            yield from _pieces_of_object(part)
        elif part is not None:
            yield text_part(part)


def written_content(value: Any) -> Any:
    """Content from an attribute, which holds a text, perhaps the JSON of parts.

    MLflow decodes attributes, so that an answer that is JSON comes as what it says: it is a text
    again here.
    """
    parts = decoded(value)
    return parts if are_parts(parts) else None if value is None else json_text(value)


def are_parts(value: Any) -> bool:
    """Whether something is a list of parts of a known kind, and not an empty one."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(part, Mapping) and _is_part(part) for part in value)


def _is_part(part: Mapping[str, Any]) -> bool:
    return (
        _kind(part) in _READERS.keys() | _CALLS | _RESULTS
        or set(without_none(part)) == {"text"}
        or is_bedrock_block(part)
        or is_gemini_part(part)
    )


def _kind(part: Mapping[str, Any]) -> str:
    said = first(part, "type", "block_type", "part_kind", "kind")
    return said.lower().replace("-", "_") if isinstance(said, str) else ""


def _pieces_of_object(part: Mapping[str, Any]) -> Iterator[Piece]:
    kind = _kind(part)
    if kind in _CALLS:
        yield call_of(part)
    elif kind in _RESULTS:
        yield result_of(part)
    elif kind in _READERS:
        yield from _READERS[kind](part)
    elif is_bedrock_block(part):
        yield from pieces_of_bedrock_block(part)
    elif is_gemini_part(part):
        yield from pieces_of_gemini_part(part)
    elif {"name", "arguments"} <= part.keys():
        yield call_of(part)
    elif {"call_id", "content"} <= part.keys():
        yield result_of(part)
    elif set(without_none(part)) == {"text"}:
        yield text_part(part["text"])
    else:
        yield data_part(dict(part)) if kind else text_part(part)


def call_of(call: Mapping[str, Any]) -> Call:
    """A call of a tool, its name and arguments perhaps in a `function` of its own."""
    function = as_mapping(call.get("function")) or call
    name = first(function, "name", "toolName", "tool_name")
    arguments = first(function, "arguments", "input", "args", "parameters", "tool_kwargs")
    call_id = first(call, "call_id", "toolCallId", "tool_call_id", "id")
    return Call(json_text(name), arguments, as_text(call_id))


def result_of(result: Mapping[str, Any]) -> Result:
    """The result of a tool."""
    call_id = first(result, "tool_use_id", "call_id", "toolCallId", "tool_call_id", "id")
    said = first(result, "content", "output", "response", "result")
    typed = as_mapping(said)
    failed = bool(first(result, "is_error", "isError"))
    if isinstance(typed.get("type"), str) and "value" in typed:
        # The AI SDK's outputs: "text", "json", "content", "error-text" and "error-json".
        said, failed = typed["value"], failed or typed["type"].startswith("error")
    name = as_text(first(result, "name", "toolName", "tool_name"))
    return Result(_result_content(said), as_text(call_id), name, failed)


def _result_content(said: Any) -> Any:
    parts = said if isinstance(said, list) else [said]
    if not all(isinstance(part, Mapping) and _kind(part) in _READERS for part in parts):
        return json_text(said)
    pieces = [piece for part in parts for piece in _READERS[_kind(part)](part)]
    return content_of([piece for piece in pieces if isinstance(piece, dict)]) or ""


def _text(part: Mapping[str, Any]) -> Iterator[Piece]:
    yield text_part(first(part, "text", "content", "value"))


def _refusal(part: Mapping[str, Any]) -> Iterator[Piece]:
    yield refusal_part(first(part, "refusal", "content", "text"))


def _reasoning(part: Mapping[str, Any]) -> Iterator[Piece]:
    said = first(part, "thinking", "reasoning", "text", "content", "summary")
    texts = [one.get("text") if isinstance(one, Mapping) else one for one in listed(said)]
    signature = as_text(first(part, "signature", "encrypted_content"))
    text = "\n".join(map(json_text, texts))
    yield reasoning_part(text, signature, redacted=bool(part.get("redacted")))


def _redacted_reasoning(part: Mapping[str, Any]) -> Iterator[Piece]:
    yield reasoning_part(first(part, "data", "content"), redacted=True)


def _media(part: Mapping[str, Any]) -> Iterator[Piece]:
    yield media_piece(_kind(part), part)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Piece]]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text"), _text),
    "refusal": _refusal,
    **dict.fromkeys(("reasoning", "thinking"), _reasoning),
    "redacted_thinking": _redacted_reasoning,
    **dict.fromkeys(
        (
            *("image", "image_url", "input_image", "audio", "audio_url", "input_audio"),
            *("video", "video_url", "document", "document_url", "file", "input_file"),
            *("file_data", "blob", "uri", "binary", "media"),
        ),
        _media,
    ),
}
