"""Gemini: MLflow's autologging of `google-genai` and `google-generativeai`, and REST's bodies.

The shapes are those of "GenerateContentResponse" and "Content" in Google's page "Generating
content"; Google's Python libraries write them in snake case. Google ADK's and Gemini CLI's spans
come in the same shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._function_tools import tools_of
from ._gemini_parts import is_gemini_part, pieces_of_gemini_part
from ._gemini_request import config_of_gemini, settings_of_gemini, tool_choice_of_gemini
from ._json_values import as_count, as_list, as_mapping, as_text, first, listed
from ._parameters import told_usage
from ._pieces import Piece, Result, messages_of, role_of
from ._span_attributes import completed, message_format

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["read"]

# `FinishReason` of the older library, which tells numbers.
_FINISH_REASONS = (
    *("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"),
    *("LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL"),
)


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of Gemini.

    Args:
        span: Any span.

    Returns:
        The call, with finish reasons as Gemini writes them; None when the span holds no contents
        and no candidates of Gemini's.
    """
    asked, answered = as_mapping(span.inputs), as_mapping(span.outputs)
    contents = _contents(asked, is_gemini=message_format(span) == "gemini")
    if contents is None and not _candidates(answered):
        return None
    contents = asked.get("contents") if contents is None else contents
    settings = settings_of_gemini(asked)
    form = ChatForm(
        messages=[*_system(settings), *_conversation(contents)],
        choices=_choices(answered),
        model=as_text(asked.get("model")),
        provider=None,
        tools=tools_of(settings.get("tools")),
        tool_choice=tool_choice_of_gemini(settings),
        config=config_of_gemini(settings),
        usage=_usage(answered),
        response_id=as_text(first(answered, "response_id", "responseId")),
        response_model=as_text(first(answered, "model_version", "modelVersion")),
    )
    return completed(form, span)


def _contents(asked: Mapping[str, Any], *, is_gemini: bool) -> Any:
    if is_gemini:
        # What chats send is a message in the new library, content in the old one.
        return first(asked, "contents", "message", "content")
    contents = asked.get("contents")
    whole = [one for one in listed(contents) if isinstance(one, Mapping) and _is_content(one)]
    return contents if whole else None


def _system(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    said = first(settings, "system_instruction", "systemInstruction")
    pieces = [piece for part in listed(said) for piece in _pieces(part)]
    return messages_of("system", pieces) if pieces else []


def _conversation(contents: Any) -> Iterator[dict[str, Any]]:
    """Texts and parts in a row are one content of the user's, as Google's library has it."""
    loose: list[Piece] = []
    for content in listed(contents):
        if not (isinstance(content, Mapping) and ("parts" in content or "role" in content)):
            loose.extend(_pieces(content))
            continue
        if loose:
            yield from messages_of("user", loose)
            loose = []
        yield from messages_of(role_of(content.get("role")), _pieces(content))
    if loose:
        yield from messages_of("user", loose)


def _pieces(content: Any) -> Iterator[Piece]:
    if isinstance(content, Mapping) and "parts" in content:
        for part in listed(content["parts"]):
            yield from pieces_of_gemini_part(part)
    else:
        yield from pieces_of_gemini_part(content)


def _candidates(answered: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    candidates = [one for one in as_list(answered.get("candidates")) if isinstance(one, Mapping)]
    own = answered.get("content")
    if not candidates and isinstance(own, Mapping) and _is_content(own):
        # Google ADK keeps the content of the only candidate.
        return [answered]
    return candidates


def _is_content(content: Mapping[str, Any]) -> bool:
    parts = [part for part in as_list(content.get("parts")) if isinstance(part, Mapping)]
    return any(is_gemini_part(part) or "text" in part for part in parts)


def _choices(answered: Mapping[str, Any]) -> list[dict[str, Any]]:
    choices = [
        {
            "message": _reply(candidate.get("content")),
            "finish_reason": _reason(first(candidate, "finish_reason", "finishReason")),
        }
        for candidate in _candidates(answered)
    ]
    feedback = as_mapping(first(answered, "prompt_feedback", "promptFeedback"))
    blocked = as_text(first(feedback, "block_reason", "blockReason"))
    if blocked and not choices:
        return [{"message": _reply(None), "finish_reason": blocked}]
    return choices


def _reply(content: Any) -> dict[str, Any]:
    pieces = [] if content is None else list(_pieces(content))
    return messages_of("assistant", [one for one in pieces if not isinstance(one, Result)])[-1]


def _reason(said: Any) -> str | None:
    if isinstance(said, int) and 0 <= said < len(_FINISH_REASONS):
        return _FINISH_REASONS[said]
    return as_text(said)


def _usage(answered: Mapping[str, Any]) -> dict[str, int] | None:
    told = as_mapping(first(answered, "usage_metadata", "usageMetadata"))

    def count(name: str, otherwise: str) -> int | None:
        return as_count(first(told, name, otherwise))

    return told_usage(
        {
            "input_tokens": count("prompt_token_count", "promptTokenCount"),
            "output_tokens": count("candidates_token_count", "candidatesTokenCount"),
            "total_tokens": count("total_token_count", "totalTokenCount"),
            "cache_read_input_tokens": count(
                "cached_content_token_count", "cachedContentTokenCount"
            ),
            "reasoning_tokens": count("thoughts_token_count", "thoughtsTokenCount"),
        }
    )
