"""What came out of OpenAI's chat completions, and of those who speak its language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._json_values import as_list, as_text, first
from ._openai_messages import is_openai_message, merged_deltas, reply_of_openai
from ._stream_events import streamed_chunks

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["choices_of_openai", "response_of_openai", "with_stream"]

_FINISHES = ("finish_reason", "stop_reason", "done_reason")


def response_of_openai(outputs: Any) -> Mapping[str, Any] | None:
    """The response: an object with choices, or with the message that is the only one.

    A stream that was kept as its chunks becomes the response that they make up.

    Returns:
        None if the outputs are no response.
    """
    if isinstance(outputs, (list, tuple)) and outputs and all(map(_is_chunk, outputs)):
        return _merged(outputs)
    if not isinstance(outputs, Mapping):
        return None
    if isinstance(outputs.get("choices"), (list, tuple)) or is_openai_message(outputs):
        return outputs
    # Ollama's own interface has one message.
    return outputs if is_openai_message(outputs.get("message")) else None


def with_stream(response: Mapping[str, Any] | None, span: SourceSpan) -> Mapping[str, Any] | None:
    """The response, completed by the chunks of its stream if MLflow kept these.

    What MLflow itself makes of a stream lacks calls of tools and reasoning, and a stream that
    broke off has no response at all.
    """
    chunks = [chunk for chunk in streamed_chunks(span) if _is_chunk(chunk)]
    if not chunks:
        return response
    merged = _merged(chunks)
    told = {name: value for name, value in (response or {}).items() if value is not None}
    return {**merged, **told, "choices": merged["choices"] or told.get("choices") or []}


def choices_of_openai(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The choices of a response, of chat or of text completions."""
    if isinstance(response.get("choices"), (list, tuple)):
        return [_choice(choice) for choice in response["choices"] if choice is not None]
    message = response if is_openai_message(response) else response.get("message")
    return [{"message": reply_of_openai(message), "finish_reason": _reason(response)}]


def _choice(choice: Any) -> dict[str, Any]:
    if not isinstance(choice, Mapping):
        return {"message": reply_of_openai(choice), "finish_reason": None}
    message = first(choice, "message", "delta", "text")
    said = choice if message is None and is_openai_message(choice) else message
    return {"message": reply_of_openai(said), "finish_reason": _reason(choice)}


def _reason(fields: Mapping[str, Any]) -> str | None:
    return as_text(first(fields, *_FINISHES))


def _is_chunk(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("choices"), list)


def _merged(chunks: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    deltas: dict[Any, list[Mapping[str, Any]]] = {}
    reasons: dict[Any, str] = {}
    for chunk in chunks:
        for choice in as_list(chunk["choices"]):
            if isinstance(choice, Mapping):
                index = as_text(choice.get("index")) or "0"
                delta = choice.get("delta")
                text = {"content": choice.get("text")}
                deltas.setdefault(index, []).append(delta if isinstance(delta, Mapping) else text)
                if reason := _reason(choice):
                    reasons[index] = reason
    choices = [
        {"message": merged_deltas(each), "finish_reason": reasons.get(index)}
        for index, each in deltas.items()
    ]
    return {
        "choices": choices,
        **{name: _last(chunks, name) for name in ("id", "model", "usage")},
    }


def _last(chunks: Sequence[Mapping[str, Any]], name: str) -> Any:
    return next((value for c in reversed(chunks) if (value := c.get(name)) is not None), None)
