"""Resolves what a sample stores once and refers to: pooled messages and attachments.

Everything here works on raw JSON and never changes what it is given: parts that contain no
reference are shared between input and output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["pooled_items", "resolve_references", "sample_events", "sample_messages"]

_ATTACHMENT: Final = "attachment://"
_FORMER_ATTACHMENT: Final = "tc://"


def sample_messages(
    sample: Mapping[str, Any], *, resolve_attachments: bool = True
) -> list[dict[str, Any]]:
    """The conversation of a sample.

    Args:
        sample: A sample as `EvalLogReader` yields it; not changed.
        resolve_attachments: Whether images and long texts that are stored once, apart from the
            messages, are put in their place.

    Returns:
        The messages as raw JSON. They may share parts with the sample: do not change them.
    """
    messages = list(sample.get("messages") or ())
    if resolve_attachments:
        return [resolve_references(message, _attachments(sample)) for message in messages]
    return messages


def sample_events(
    sample: Mapping[str, Any], *, resolve_inputs: bool = False, resolve_attachments: bool = True
) -> list[dict[str, Any]]:
    """The events of a sample, in the order of the log.

    Args:
        sample: A sample as `EvalLogReader` yields it; not changed.
        resolve_inputs: Whether model events get their whole `input` and, where the request was
            recorded, its messages, instead of references into `events_data`. The messages
            are shared between the events, so the result stays linear in the conversation.
        resolve_attachments: Whether texts that are stored once, apart from the events, are put
            in their place.

    Returns:
        The events as raw JSON. They may share parts with the sample and with each other: do
        not change them.
    """
    attachments = _attachments(sample) if resolve_attachments else {}
    events = [resolve_references(event, attachments) for event in sample.get("events") or ()]
    if not resolve_inputs:
        return events
    pools = sample.get("events_data") or {}
    messages = resolve_references(pools.get("messages") or [], attachments)
    calls = resolve_references(pools.get("calls") or [], attachments)
    return [_with_inputs(event, messages, calls) for event in events]


def resolve_references(value: Any, attachments: Mapping[str, str]) -> Any:
    """Puts attachments in the place of the references to them.

    Args:
        value: Any raw JSON, such as the `input` of a sample; not changed.
        attachments: The `attachments` of the sample.

    Returns:
        The value, with `attachment://<key>` strings replaced wherever the key is known.
    """
    if not attachments:
        return value
    if isinstance(value, str):
        return _attachment(value, attachments)
    if isinstance(value, dict):
        resolved = {key: resolve_references(item, attachments) for key, item in value.items()}
        return resolved if any(resolved[key] is not value[key] for key in value) else value
    if isinstance(value, list):
        items = [resolve_references(item, attachments) for item in value]
        return (
            items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        )
    return value


def pooled_items(pool: Sequence[Any], references: object) -> list[Any]:
    """The items that ranges refer to.

    Args:
        pool: All items.
        references: Pairs of the first index and the index after the last, as Inspect writes
            them; anything else refers to nothing.
    """
    items: list[Any] = []
    for reference in references if isinstance(references, list) else ():
        match reference:
            case [int(start), int(end)]:
                items.extend(pool[start:end])
    return items


def _attachments(sample: Mapping[str, Any]) -> Mapping[str, str]:
    return sample.get("attachments") or {}


def _attachment(text: str, attachments: Mapping[str, str]) -> str:
    if text.startswith(_ATTACHMENT):
        return attachments.get(text[len(_ATTACHMENT) :], text)
    if text.startswith(_FORMER_ATTACHMENT):
        return attachments.get(text[len(_FORMER_ATTACHMENT) :], text)
    return text


def _with_inputs(event: dict[str, Any], messages: list[Any], calls: list[Any]) -> dict[str, Any]:
    """The model event with references into the two pools resolved; others as they are."""
    references = event.get("input_refs")
    if references and not event.get("input"):
        event = {**event, "input": pooled_items(messages, references), "input_refs": None}
    call = event.get("call")
    if isinstance(call, dict) and call.get("call_refs"):
        request = dict(call.get("request") or {})
        request[call.get("call_key") or "messages"] = pooled_items(calls, call["call_refs"])
        call = {**call, "request": request, "call_refs": None, "call_key": None}
        event = {**event, "call": call}
    return event
