"""Output of a model call in the form of OpenAI's chat completions."""

from __future__ import annotations

from typing import Any, Final

from ._attachments import ChatAttachments
from ._messages import chat_message
from ._text import readable

__all__ = ["chat_choices"]

# Inspect's stop reasons that OpenAI has another word for; "length" is Inspect's own former one.
_FINISH_REASONS: Final = {"max_tokens": "length", "model_length": "length"}


def chat_choices(output: Any, attachments: ChatAttachments | None) -> dict[str, Any]:
    """Converts the output of a model.

    Args:
        output: `ModelOutput` as raw JSON, references to attachments resolved.
        attachments: See `chat_messages`.

    Returns:
        `choices`, each with the message, why it ended, and in Inspect's own words
        (`stop_reason`, `stop_details`) where those say more; empty where the model said nothing.
        Beside them `id`, `model`, `error` and `fallback` where there are any.
    """
    if not isinstance(output, dict):
        choices = [] if output is None else [_choice({"message": output}, 0, attachments)]
        return {"choices": choices}
    listed = output.get("choices")
    if not isinstance(listed, list | tuple) or not listed:
        completion = output.get("completion")
        listed = [{"message": completion}] if completion else []
    chat: dict[str, Any] = {
        "choices": [_choice(choice, index, attachments) for index, choice in enumerate(listed)]
    }
    for key, source in (("id", "response_id"), ("model", "model"), ("error", "error")):
        if text := readable(output.get(source)):
            chat[key] = text
    if output.get("fallback"):
        chat["fallback"] = output["fallback"]
    return chat


def _choice(choice: Any, index: int, attachments: ChatAttachments | None) -> dict[str, Any]:
    if not isinstance(choice, dict):
        choice = {"message": choice}
    message = choice.get("message")
    if not isinstance(message, dict):
        message = {"content": message}
    chat: dict[str, Any] = {
        "index": index,
        "message": chat_message({**message, "role": "assistant"}, attachments),
    }
    if stop_reason := readable(choice.get("stop_reason")):
        chat["finish_reason"] = _FINISH_REASONS.get(stop_reason, stop_reason)
        if chat["finish_reason"] != stop_reason:
            chat["stop_reason"] = stop_reason
    if choice.get("stop_details"):
        chat["stop_details"] = choice["stop_details"]
    return chat
