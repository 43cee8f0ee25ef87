"""What MLflow's table of traces shows as input and output of a sample."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from inspect_mlflow_core.conversion import (
    TRACE_PREVIEW_CHARACTERS,
    clean_text,
    stored_text,
)
from inspect_mlflow_core.logs import resolve_references

from .events._values import json_text

__all__ = ["request_preview", "response_preview"]

_ID_CHARACTERS: Final = 120
_MOST_TEXT: Final = 100_000


def request_preview(sample: Mapping[str, Any], *, with_text: bool) -> str:
    """The question of a sample, and which sample it is, in at most 1,000 characters.

    MLflow sets traces of two runs side by side when these texts are equal: so it is the same in
    every run, and another for every sample and epoch. It is plain text because MLflow's table of
    traces shows it as it is.

    Args:
        sample: Raw JSON.
        with_text: False leaves only id and epoch.
    """
    identity = f"sample {_short_id(sample.get('id'))}, epoch {_epoch(sample.get('epoch'))}"
    if not with_text:
        return identity
    end = f"\n[{identity}]"
    return stored_text(_question(sample), TRACE_PREVIEW_CHARACTERS - len(end)) + end


def response_preview(sample: Mapping[str, Any]) -> str:
    """The answer of a sample, at most 1,000 characters; `""` without one.

    Args:
        sample: Raw JSON.
    """
    output = sample.get("output")
    if not isinstance(output, Mapping):
        return ""
    answer = _text_of(output.get("completion"), sample) or _first_choice(output, sample)
    return stored_text(answer, TRACE_PREVIEW_CHARACTERS)


def _question(sample: Mapping[str, Any]) -> str:
    asked = sample.get("input")
    if isinstance(asked, list):
        users = [m for m in asked if isinstance(m, Mapping) and m.get("role") == "user"]
        last = (users or asked or [""])[-1]
        asked = last.get("content") if isinstance(last, Mapping) else last
    return _text_of(asked, sample)


def _first_choice(output: Mapping[str, Any], sample: Mapping[str, Any]) -> str:
    choices = output.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, Mapping) else None
    return _text_of(message.get("content"), sample) if isinstance(message, Mapping) else ""


def _text_of(content: Any, sample: Mapping[str, Any]) -> str:
    """Texts of a message, with a word in the place of each image or other file."""
    attachments = sample.get("attachments")
    known = attachments if isinstance(attachments, dict) else {}
    if isinstance(content, list):
        texts = [_part_text(part, known) for part in content]
        return "\n".join(text for text in texts if text)
    return _resolved(content, known)


def _part_text(part: Any, attachments: Mapping[str, str]) -> str:
    if not isinstance(part, Mapping):
        return _resolved(part, attachments)
    kind = part.get("type")
    if kind == "text":
        return _resolved(part.get("text"), attachments)
    # What a model thought is no answer.
    return "" if kind in (None, "reasoning") else f"[{kind}]"


def _resolved(value: Any, attachments: Mapping[str, str]) -> str:
    if isinstance(value, str):
        value = resolve_references(value, attachments)
    return "" if value is None else json_text(value, _MOST_TEXT)


def _short_id(identifier: Any) -> str:
    """The id of a sample; a long one as its beginning and a hash, which keeps it apart."""
    if isinstance(identifier, int) and abs(identifier) < 2**63:
        return str(identifier)
    text = str(identifier)
    cleaned = clean_text(text)
    if cleaned == text and len(text) <= _ID_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{cleaned[:40]}… {digest}"


def _epoch(epoch: Any) -> int:
    return epoch if isinstance(epoch, int) and abs(epoch) < 2**31 else 1
