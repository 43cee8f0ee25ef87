"""Items of OpenAI's Responses ("Responses" in OpenAI's API reference)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from inspect_mlflow_scout._memory import remembered

from ._any_parts import pieces_of
from ._citations_of_texts import cited_text_part
from ._json_values import as_list, as_mapping, as_text, first, json_text
from ._pieces import (
    Call,
    Piece,
    Result,
    content_of,
    data_part,
    image_part,
    media_part,
    messages_of,
    reasoning_part,
    role_of,
    text_part,
)

__all__ = ["calls_tools", "is_item", "messages_of_items", "pieces_of_item"]

# Calls that the program has to answer itself.
_CALLS = {
    *("function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call"),
    *("apply_patch_call", "tool_search_call"),
}
_ARGUMENTS = ("arguments", "input", "action", "operation", "actions")
_TEXTS = {"input_text", "output_text", "text", "summary_text"}
# Only the API can use these again.
_OPAQUE = {"compaction", "item_reference"}


@remembered
def is_item(value: Any) -> bool:
    """Whether an object is an item of a kind that only Responses has."""
    kind = _kind(value)
    if kind == "message":
        return isinstance(as_mapping(value).get("role"), str)
    return kind in _READERS or kind in _CALLS or _is_result(value)


def calls_tools(items: Any) -> bool:
    """Whether an item is a call that the program has to answer."""
    return any(_kind(item) in _CALLS for item in as_list(items))


def messages_of_items(items: Any) -> list[dict[str, Any]]:
    """Messages of the chat form; what the model said in items that follow each other is one."""
    found: list[dict[str, Any]] = []
    pending: list[Piece] = []
    for item in [items] if isinstance(items, (str, Mapping)) else as_list(items):
        if isinstance(item, Mapping) and _is_of_model(item):
            pending.extend(pieces_of_item(item))
            continue
        found.extend(messages_of("assistant", pending) if pending else ())
        pending = []
        found.extend(_messages(item))
    return found + (messages_of("assistant", pending) if pending else [])


def pieces_of_item(item: Any) -> Iterator[Piece]:
    """What the model says in an item."""
    if not isinstance(item, Mapping):
        yield from pieces_of(item)
        return
    kind = _kind(item) or "message"
    if kind in _CALLS:
        yield _call(kind, item)
    elif kind in _READERS:
        yield from _READERS[kind](item)
    elif kind == "message":
        yield from _content(item.get("content"))
    else:
        yield data_part(dict(item)) if kind in _OPAQUE else text_part(item)


def _is_of_model(item: Mapping[str, Any]) -> bool:
    kind = _kind(item)
    if kind in ("", "message"):
        return role_of(item.get("role")) == "assistant"
    return not _is_result(item) and kind not in _TEXTS


def _is_result(item: Any) -> bool:
    return _kind(item).endswith("_call_output") or _kind(item) == "tool_search_output"


def _kind(item: Any) -> str:
    return as_text(as_mapping(item).get("type")) or ""


@remembered
def _messages(item: Any) -> list[dict[str, Any]]:
    if not isinstance(item, Mapping):
        return messages_of("user", pieces_of(item))
    if _is_result(item):
        return messages_of("tool", [_result(item)])
    if _kind(item) in _TEXTS:
        return messages_of("user", _content(item))
    return messages_of(role_of(item.get("role")), _content(item.get("content")))


def _content(content: Any) -> Iterator[Piece]:
    for part in content if isinstance(content, (list, tuple)) else [content]:
        if isinstance(part, Mapping) and _kind(part) in _TEXTS:
            yield cited_text_part(part)
        else:
            yield from pieces_of(part)


def _call(kind: str, item: Mapping[str, Any]) -> Call:
    name = as_text(item.get("name")) or kind.removesuffix("_call")
    arguments = first(item, *_ARGUMENTS)
    if kind == "custom_tool_call" or not isinstance(arguments, (str, Mapping)):
        # A tool with a grammar of its own gets a text instead of arguments.
        arguments = {} if arguments is None else {"input": arguments}
    return Call(name, arguments, as_text(first(item, "call_id", "id")))


def _result(item: Mapping[str, Any]) -> Result:
    output = first(item, "output", "tools")
    call_id = as_text(item.get("call_id"))
    if isinstance(output, Mapping) and (screen := as_text(output.get("image_url"))):
        return Result([image_part(screen)], call_id)
    if isinstance(output, list) and all(isinstance(part, Mapping) for part in output):
        parts = [piece for piece in _content(output) if isinstance(piece, dict)]
        return Result(content_of(parts) or "", call_id)
    return Result(json_text(output), call_id)


def _reasoning(item: Mapping[str, Any]) -> Iterator[Piece]:
    """What the model thought: in words, in a summary, or encrypted."""
    said, summary = _texts(item.get("content"), "\n"), _texts(item.get("summary"), "\n\n")
    encrypted, signature = as_text(item.get("encrypted_content")), as_text(item.get("id"))
    redacted = not said and encrypted is not None
    part = reasoning_part(said or encrypted or "", signature, redacted=redacted)
    yield part | ({"summary": summary} if summary else {})


def _texts(parts: Any, between: str) -> str:
    texts = (as_mapping(part).get("text") for part in as_list(parts))
    return between.join(json_text(text) for text in texts if text)


def _web_search(item: Mapping[str, Any]) -> Iterator[Piece]:
    action = as_mapping(item.get("action"))
    name = as_text(action.get("type")) or "search"
    yield _tool_use("web_search", item, name, json_text(action or None), "")


def _code_interpreter(item: Mapping[str, Any]) -> Iterator[Piece]:
    outputs = [
        json_text(first(as_mapping(output), "logs", "url") or output)
        for output in as_list(item.get("outputs"))
    ]
    code = json_text(item.get("code"))
    yield _tool_use("code_execution", item, "code_interpreter", code, "\n\n".join(outputs))


def _mcp_call(item: Mapping[str, Any]) -> Iterator[Piece]:
    name, arguments = json_text(item.get("name")), json_text(item.get("arguments"))
    yield _tool_use("mcp_call", item, name, arguments, json_text(item.get("output")))


def _mcp_list_tools(item: Mapping[str, Any]) -> Iterator[Piece]:
    yield _tool_use("mcp_call", item, "mcp_list_tools", "", json_text(item.get("tools")))


def _file_search(item: Mapping[str, Any]) -> Iterator[Piece]:
    queries, results = json_text(item.get("queries")), json_text(item.get("results"))
    yield _tool_use("web_search", item, "file_search", queries, results)


def _image_generation(item: Mapping[str, Any]) -> Iterator[Piece]:
    if data := as_text(item.get("result")):
        yield media_part("image/png", base64=data)


def _tool_use(
    tool_type: str, item: Mapping[str, Any], name: str, arguments: str, result: str
) -> Piece:
    """A call that OpenAI's servers answered, as a part of the chat form."""
    error = item.get("error")
    failed = json_text(first(as_mapping(error), "message", "content") or error)
    use = {
        "tool_type": tool_type,
        "id": item.get("id"),
        "name": name,
        "context": item.get("server_label"),
        "arguments": arguments,
        "result": result,
        "error": failed or ("failed" if item.get("status") == "failed" else None),
    }
    return {"type": "tool_use", "tool_use": use}


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Piece]]] = {
    "reasoning": _reasoning,
    "web_search_call": _web_search,
    "code_interpreter_call": _code_interpreter,
    "mcp_call": _mcp_call,
    "mcp_list_tools": _mcp_list_tools,
    "file_search_call": _file_search,
    "image_generation_call": _image_generation,
}
