"""Blocks of content of Bedrock's Converse ("ContentBlock" in AWS's Bedrock API reference)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._json_values import (
    as_base64,
    as_mapping,
    as_text,
    first,
    json_text,
    listed,
    without_none,
)
from ._pieces import (
    Call,
    Piece,
    Result,
    content_of,
    data_part,
    media_part,
    reasoning_part,
    text_part,
)

__all__ = ["is_bedrock_block", "pieces_of_bedrock_block"]

_MIME_TYPES = {
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_OWN_FIELDS = {"toolUse", "toolResult", "reasoningContent", "guardContent", "citationsContent"}
_MEDIA_FIELDS = {"image", "document", "video", "audio"}


def is_bedrock_block(block: Mapping[str, Any]) -> bool:
    """Whether an object without a type is a block of Bedrock's other than plain text."""
    said = without_none(block)
    media = [said[name] for name in said if name in _MEDIA_FIELDS]
    return bool(_OWN_FIELDS & said.keys()) or any("source" in as_mapping(one) for one in media)


def pieces_of_bedrock_block(block: Any) -> Iterator[Piece]:
    """What a block says; a block of a kind that is not known is kept as it came."""
    if not isinstance(block, Mapping):
        yield text_part(block)
        return
    said = without_none(block)
    for name, value in said.items():
        if name == "toolResult":
            yield _tool_result(as_mapping(value))
        elif name == "text":
            yield text_part(value)
        elif name in _READERS:
            yield from _READERS[name](as_mapping(value))
        # Marks of a cache say nothing.
        elif name != "cachePoint":
            yield data_part({name: value})


def _media(kind: str) -> Any:
    def read(media: Mapping[str, Any]) -> Iterator[Piece]:
        source, form = as_mapping(media.get("source")), as_text(media.get("format")) or ""
        mime_type = _MIME_TYPES.get(form, f"{kind}/{form}" if form else kind)
        name = as_text(media.get("name"))
        if location := as_text(as_mapping(source.get("s3Location")).get("uri")):
            yield media_part(mime_type, url=location, name=name)
        elif source.get("bytes") is not None:
            yield media_part(mime_type, base64=as_base64(source["bytes"]), name=name)
        else:
            yield from _written_document(source)

    return read


def _written_document(source: Mapping[str, Any]) -> Iterator[Piece]:
    for block in listed(first(source, "content", "text")):
        yield text_part(as_mapping(block).get("text") or block)


def _tool_use(call: Mapping[str, Any]) -> Iterator[Piece]:
    yield Call(json_text(call.get("name")), call.get("input"), as_text(call.get("toolUseId")))


def _tool_result(result: Mapping[str, Any]) -> Piece:
    content = content_of([_part_of_result(block) for block in listed(result.get("content"))])
    failed = result.get("status") == "error"
    return Result(content or "", as_text(result.get("toolUseId")), is_error=failed)


def _part_of_result(block: Any) -> dict[str, Any]:
    said = as_mapping(block)
    if said.get("json") is not None:
        return text_part(said["json"])
    for name in _MEDIA_FIELDS & said.keys():
        for piece in _READERS[name](as_mapping(said[name])):
            if isinstance(piece, dict):
                return piece
    return text_part(said.get("text") if said.get("text") is not None else block)


def _reasoning(reasoning: Mapping[str, Any]) -> Iterator[Piece]:
    told = as_mapping(reasoning.get("reasoningText"))
    if told:
        yield reasoning_part(told.get("text"), as_text(told.get("signature")))
    elif reasoning.get("redactedContent") is not None:
        yield reasoning_part(as_base64(reasoning["redactedContent"]), redacted=True)


def _guarded(content: Mapping[str, Any]) -> Iterator[Piece]:
    guarded = as_mapping(content.get("text"))
    yield text_part(guarded["text"]) if guarded else data_part({"guardContent": content})


def _cited(content: Mapping[str, Any]) -> Iterator[Piece]:
    for block in listed(content.get("content")):
        yield text_part(as_mapping(block).get("text"))


_READERS = {
    "image": _media("image"),
    "document": _media("application"),
    "video": _media("video"),
    "audio": _media("audio"),
    "toolUse": _tool_use,
    "reasoningContent": _reasoning,
    "guardContent": _guarded,
    "citationsContent": _cited,
}
