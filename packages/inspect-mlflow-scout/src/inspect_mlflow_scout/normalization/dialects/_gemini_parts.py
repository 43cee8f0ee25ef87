"""Parts of Gemini's contents ("Content" and "Part" in Google's page "Generating content")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._json_values import as_base64, as_mapping, as_text, first, json_text, only_of, without_none
from ._pieces import Call, Piece, Result, data_part, media_part, reasoning_part, text_part

__all__ = ["is_gemini_part", "pieces_of_gemini_part"]

# In REST's spelling and in that of Google's Python libraries.
_FIELDS = {
    "inline_data": "inlineData",
    "file_data": "fileData",
    "function_call": "functionCall",
    "function_response": "functionResponse",
    "executable_code": "executableCode",
    "code_execution_result": "codeExecutionResult",
}


def is_gemini_part(part: Mapping[str, Any]) -> bool:
    """Whether an object without a type is a part of Gemini's other than plain text."""
    return any(first(part, *names) is not None for names in _FIELDS.items())


def pieces_of_gemini_part(part: Any) -> Iterator[Piece]:
    """What a part says; a part of a kind that is not known is kept as it came."""
    if not isinstance(part, Mapping):
        yield text_part(part)
        return
    for field, otherwise in _FIELDS.items():
        value = first(part, field, otherwise)
        if value is not None:
            yield _READERS.get(field, _as_it_came(field))(as_mapping(value))
            return
    if (text := part.get("text")) is not None:
        yield _text(part, text)
    elif said := without_none(part):
        yield data_part(said)


def _text(part: Mapping[str, Any], text: Any) -> Piece:
    if part.get("thought"):
        signature = first(part, "thought_signature", "thoughtSignature")
        return reasoning_part(text, None if signature is None else as_base64(signature))
    return text_part(text)


def _inline_data(blob: Mapping[str, Any]) -> Piece:
    return media_part(_mime_type(blob), base64=as_base64(blob.get("data")), name=_name(blob))


def _file_data(file: Mapping[str, Any]) -> Piece:
    uri = json_text(first(file, "file_uri", "fileUri"))
    return media_part(_mime_type(file), url=uri, name=_name(file))


def _mime_type(media: Mapping[str, Any]) -> str:
    return as_text(first(media, "mime_type", "mimeType")) or ""


def _name(media: Mapping[str, Any]) -> str | None:
    return as_text(first(media, "display_name", "displayName"))


def _function_call(call: Mapping[str, Any]) -> Piece:
    return Call(json_text(call.get("name")), call.get("args"), as_text(call.get("id")))


def _function_response(answer: Mapping[str, Any]) -> Piece:
    # The fields under which Google's libraries put what a function returned or raised.
    said = as_mapping(answer.get("response"))
    error = only_of(said, "error")
    returned = only_of(said, "result", "output", "error")
    content = json_text(answer.get("response") if returned is None else returned)
    name, call_id = as_text(answer.get("name")), as_text(answer.get("id"))
    return Result(content, call_id, name, is_error=error is not None)


def _as_it_came(field: str) -> Any:
    return lambda value: data_part({field: without_none(value)})


_READERS = {
    "inline_data": _inline_data,
    "file_data": _file_data,
    "function_call": _function_call,
    "function_response": _function_response,
}
