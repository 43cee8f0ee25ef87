"""Blocks of content of Anthropic's Messages ("Messages" in Anthropic's API reference)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from ._any_parts import pieces_of
from ._citations_of_texts import cited_text_part
from ._json_values import as_list, as_mapping, as_text, first, json_text
from ._pieces import Call, Piece, Result, content_of, data_part, media_part, text_part

__all__ = ["BLOCK_TYPES", "pieces_of_blocks"]

# Those that no other dialect has.
BLOCK_TYPES = frozenset(
    {
        *("tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use"),
        *("mcp_tool_use", "mcp_tool_result", "web_search_tool_result", "web_fetch_tool_result"),
        *("code_execution_tool_result", "bash_code_execution_tool_result", "search_result"),
        *("text_editor_code_execution_tool_result", "container_upload", "document"),
    }
)
_SERVER_CALLS = {"server_tool_use", "mcp_tool_use"}
# Only the API can use these again.
_OPAQUE = {"compaction", "container_upload", "fallback", "tool_reference"}
_KEPT_BY_OTHERS = {"image", "thinking", "redacted_thinking"}


def pieces_of_blocks(content: Any) -> Iterator[Piece]:
    """What content says: a text or a list of blocks.

    The use of a tool that Anthropic's servers ran is one part, made of its call and its result.
    """
    pending: dict[str | None, Mapping[str, Any]] = {}
    for block in content if isinstance(content, (list, tuple)) else [content]:
        if not isinstance(block, Mapping):
            yield from pieces_of(block)
            continue
        kind = as_text(block.get("type")) or ""
        if kind in _SERVER_CALLS:
            pending[as_text(block.get("id"))] = block
        elif kind.endswith("_tool_result"):
            yield _server_tool_use(pending.pop(as_text(block.get("tool_use_id")), {}), block)
        else:
            yield from _pieces(kind, block)
    # The result of one that still runs comes with a later response.
    yield from (_server_tool_use(call, {}) for call in pending.values())


def _pieces(kind: str, block: Mapping[str, Any]) -> Iterator[Piece]:
    if kind == "text":
        yield cited_text_part(block)
    elif kind == "tool_use":
        yield Call(json_text(block.get("name")), block.get("input"), as_text(block.get("id")))
    elif kind == "tool_result":
        yield _tool_result(block)
    elif kind == "document":
        yield from _document(block)
    elif kind in _KEPT_BY_OTHERS:
        yield from pieces_of(block)
    else:
        yield data_part(dict(block)) if kind in _OPAQUE else text_part(block)


def _tool_result(block: Mapping[str, Any]) -> Result:
    told = block.get("content")
    parts = [part for one in (told if isinstance(told, list) else [told]) for part in _parts(one)]
    is_error = block.get("is_error") is True
    return Result(content_of(parts) or "", as_text(block.get("tool_use_id")), is_error=is_error)


def _parts(block: Any) -> Iterator[dict[str, Any]]:
    """A block within another one, which is content alone: what is none stands as its JSON."""
    if not isinstance(block, Mapping):
        yield from (text_part(block),) if block else ()
    elif block.get("type") == "text":
        yield cited_text_part(block)
    elif block.get("type") == "document":
        yield from _document(block)
    elif block.get("type") == "image":
        yield from (piece for piece in pieces_of(block) if isinstance(piece, dict))
    else:
        yield text_part(block)


def _document(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    source, title = as_mapping(block.get("source")), as_text(block.get("title"))
    mime_type = as_text(source.get("media_type")) or "application/pdf"
    match source:
        case {"type": "text", "data": str(text)}:
            data = base64.b64encode(text.encode("utf-8", errors="replace")).decode()
            yield media_part(
                as_text(source.get("media_type")) or "text/plain", base64=data, name=title
            )
        case {"type": "base64", "data": str(data)}:
            yield media_part(mime_type, base64=data, name=title)
        case {"type": "url", "url": str(url)}:
            yield media_part(mime_type, url=url, name=title)
        case {"type": "content", "content": content}:
            yield from (piece for piece in pieces_of(content) if isinstance(piece, dict))
        case _:
            yield data_part(dict(block))


def _server_tool_use(call: Mapping[str, Any], result: Mapping[str, Any]) -> Piece:
    """A call that Anthropic's servers answered, as a part of the chat form."""
    content = result.get("content")
    error = first(as_mapping(content), "error_code")
    failed = error or ("error" if result.get("is_error") is True else None)
    use = {
        "tool_type": _tool_type(as_text(first(call, "name", "type")), result),
        "id": first(call, "id") or result.get("tool_use_id"),
        "name": first(call, "name") or result.get("type"),
        "context": call.get("server_name"),
        "arguments": json_text(call.get("input")),
        "result": _result_text(content),
        "error": failed,
    }
    return {"type": "tool_use", "tool_use": use}


def _tool_type(name: str | None, result: Mapping[str, Any]) -> str:
    told = f"{name} {result.get('type')}"
    if "mcp" in told:
        return "mcp_call"
    return "code_execution" if "code_execution" in told else "web_search"


def _result_text(content: Any) -> str:
    blocks = as_list(content)
    if blocks and all(as_mapping(block).get("type") == "text" for block in blocks):
        return "\n".join(json_text(as_mapping(block).get("text")) for block in blocks)
    return json_text(content)
