"""Messages put together from the events of Bedrock's streams.

MLflow keeps the events of `converse_stream` beside its own sum of them, which has no reasoning and
one call of a tool at most ("ConverseStreamOutput" in AWS's Bedrock API reference has the events).
Of `invoke_model_with_response_stream` it keeps the events alone; those of Anthropic's models are in
Anthropic's page "Streaming messages".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._json_values import as_count, as_mapping, as_text, json_text

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpanEvent

__all__ = ["streamed_body", "streamed_message"]

# Fields of a delta of Anthropic's, and the field of the block that they continue.
_CONTINUED = {
    "text": "text",
    "partial_json": "input",
    "thinking": "thinking",
    "signature": "signature",
}


def streamed_message(events: Iterable[SourceSpanEvent]) -> Mapping[str, Any] | None:
    """The message that events tell; None when they tell none.

    Args:
        events: A span's, in order of time.
    """
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        if event.name not in ("contentBlockStart", "contentBlockDelta"):
            continue
        told = as_mapping(event.attributes.get("json"))
        block = blocks.setdefault(as_count(told.get("contentBlockIndex")) or 0, {})
        for name, value in as_mapping(told.get("start")).items():
            block[name] = dict(as_mapping(value))
        _add(block, as_mapping(told.get("delta")))
    if not blocks:
        return None
    return {"role": "assistant", "content": [_whole(blocks[index]) for index in sorted(blocks)]}


def streamed_body(events: Iterable[SourceSpanEvent]) -> Mapping[str, Any] | None:
    """The response of a model of Anthropic's that events tell; None when they tell none.

    Args:
        events: A span's, in order of time.
    """
    blocks: dict[int, dict[str, Any]] = {}
    response: dict[str, Any] = {}
    for event in events:
        told = as_mapping(event.attributes.get("json"))
        index = as_count(told.get("index")) or 0
        if event.name == "message_start":
            response |= as_mapping(told.get("message"))
        elif event.name == "content_block_start":
            started = dict(as_mapping(told.get("content_block")))
            # Arguments come as pieces of JSON text after an object without any.
            blocks[index] = {**started, "input": ""} if "input" in started else started
        elif event.name == "content_block_delta":
            _continue(blocks.setdefault(index, {"type": "text"}), as_mapping(told.get("delta")))
        elif event.name == "message_delta":
            response |= as_mapping(told.get("delta"))
    if not blocks:
        return None
    # Usage is only whole in what MLflow has counted.
    response.pop("usage", None)
    return {**response, "role": "assistant", "content": [blocks[index] for index in sorted(blocks)]}


def _continue(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name, of_block in _CONTINUED.items():
        if name in delta:
            block[of_block] = json_text(block.get(of_block)) + json_text(delta[name])


def _add(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    if "text" in delta:
        block["text"] = json_text(block.get("text")) + json_text(delta["text"])
    if "toolUse" in delta:
        call = block.setdefault("toolUse", {})
        more = json_text(as_mapping(delta["toolUse"]).get("input"))
        call["input"] = json_text(call.get("input")) + more
    for name, value in as_mapping(delta.get("reasoningContent")).items():
        reasoning = block.setdefault("reasoning", {})
        reasoning[name] = json_text(reasoning.get(name)) + json_text(value)


def _whole(block: Mapping[str, Any]) -> Mapping[str, Any]:
    reasoning = as_mapping(block.get("reasoning"))
    if hidden := as_text(reasoning.get("redactedContent")):
        return {"reasoningContent": {"redactedContent": hidden}}
    return {"reasoningContent": {"reasoningText": reasoning}} if reasoning else block
