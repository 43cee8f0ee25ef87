"""OpenTelemetry's semantic conventions for generative AI, current version.

"Semantic conventions for generative AI client inference", "Input messages JSON schema" and "Output
messages JSON schema" of the OpenTelemetry GenAI semantic conventions. MLflow stores the same lists
as a span's inputs and outputs, without `gen_ai.system_instructions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout._memory import remembered
from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._any_messages import messages_in
from ._any_parts import pieces_of
from ._json_values import as_mapping, as_text, decoded, first, listed
from ._pieces import messages_of
from ._span_attributes import completed

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["read"]

_DETAILS_EVENT = "gen_ai.client.inference.operation.details"


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of a model.

    Args:
        span: Any span.

    Returns:
        The call; None when neither attributes, nor the event with the details, nor inputs and
        outputs have messages of the conventions.
    """
    told = _told(span)
    asked, answered = told.get("gen_ai.input.messages"), told.get("gen_ai.output.messages")
    asked = asked if asked is not None else _own(span.inputs)
    answered = answered if answered is not None else _own(span.outputs)
    if asked is None and answered is None:
        return None
    messages = _conversation(decoded(asked))
    form = ChatForm(
        messages=[*_system(told.get("gen_ai.system_instructions"), messages), *messages],
        choices=[_choice(message) for message in listed(decoded(answered))],
    )
    return completed(form, span)


def _told(span: SourceSpan) -> dict[str, Any]:
    """The attributes of the span, and those that the event has in their stead."""
    details = [event.attributes for event in span.events if event.name == _DETAILS_EVENT]
    return {name: value for of in (*details, span.attributes) for name, value in of.items()}


def _own(value: Any) -> Sequence[Any] | None:
    """Inputs or outputs if they are messages of the conventions; else None."""
    return value if isinstance(value, list) and value and all(map(_is_message, value)) else None


@remembered
def _is_message(value: Any) -> bool:
    parts = value.get("parts") if isinstance(value, Mapping) else None
    if not isinstance(parts, list):
        return False
    return all(isinstance(part, Mapping) and isinstance(part.get("type"), str) for part in parts)


def _conversation(asked: Any) -> list[dict[str, Any]]:
    return messages_in(listed(asked))


def _system(
    instructions: Any, messages: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    if instructions is None:
        return ()
    value = decoded(instructions)
    pieces = list(pieces_of(value if isinstance(value, (list, Mapping)) else instructions))
    system = messages_of("system", pieces) if pieces else []
    # Some instrumentations have them in the history as well.
    return () if system and list(messages[:1]) == system else system


def _choice(message: Any) -> dict[str, Any]:
    fields = message if isinstance(message, Mapping) else {"content": message}
    said = messages_in([{**fields, "role": "assistant"}])
    reason = as_text(first(as_mapping(fields), "finish_reason", "finishReason"))
    return {"message": _own_words(said), "finish_reason": reason}


def _own_words(messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the model said, not what tools of the provider's answered in between."""
    own = [message for message in messages if message["role"] == "assistant"]
    return own[-1] if own else messages_of("assistant", [])[0]
