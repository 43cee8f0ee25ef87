"""What the events of one trace have in common, and what each becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from inspect_mlflow_core.connection import SpanEventRecord, SpanStatus
from inspect_mlflow_core.conversion import cut_text
from inspect_mlflow_core.logs import resolve_references
from inspect_mlflow_tracing.mapping.chat import ChatAttachments

from ._model_input import ModelInputs
from ._values import json_text

__all__ = ["MOST_TEXT", "SpanContent", "SpanContext"]

MOST_TEXT: Final = 2_000
"""Characters of a note; whole texts are in the kept sample."""


@dataclass(frozen=True, slots=True)
class SpanContent:
    """A span without its place in the tree.

    Args:
        name: Display name.
        span_type: MLflow's span type.
        attributes: As those of `SpanRecord`.
        events: Exceptions.
        status: OpenTelemetry's status code.
        status_message: Says why, when the status is `"ERROR"`.
    """

    name: str
    span_type: str
    attributes: dict[str, Any] = field(default_factory=dict)
    events: tuple[SpanEventRecord, ...] = ()
    status: SpanStatus = "OK"
    status_message: str = ""


class SpanContext:
    """The sample that spans are made of.

    Args:
        attachments: Raw JSON: what the sample stores once and refers to.
        full: Whether texts of the sample may be in the spans.
        chat: Collects images; None where there is no text.
        inputs: Knows which messages earlier model spans have shown.
    """

    def __init__(
        self, attachments: Any, *, full: bool, chat: ChatAttachments | None, inputs: ModelInputs
    ) -> None:
        self._attachments = attachments if isinstance(attachments, dict) else {}
        self.full = full
        self.chat = chat
        self.inputs = inputs

    def with_inputs(self, inputs: ModelInputs) -> SpanContext:
        """The same for a conversation of its own."""
        return SpanContext(self._attachments, full=self.full, chat=self.chat, inputs=inputs)

    def resolved(self, value: Any) -> Any:
        """The value with texts and images that are stored apart in their place."""
        try:
            return resolve_references(value, self._attachments)
        except RecursionError:
            return f"({type(value).__name__} that is nested too deeply)"

    def content(self, value: Any) -> Any:
        """The value, resolved, if texts of the sample may be in the spans, else None."""
        return self.resolved(value) if self.full and value is not None else None

    def bounded_text(self, value: Any) -> str:
        """The value, resolved, as text of bounded length."""
        try:
            value = resolve_references(value, self._cut_attachments)
        except RecursionError:
            return f"({type(value).__name__} that is nested too deeply)"
        return json_text(value, MOST_TEXT)

    @cached_property
    def _cut_attachments(self) -> dict[str, str]:
        # Else a note that is cut at once would first be as long as all it refers to.
        return {
            key: cut_text(text, MOST_TEXT)
            for key, text in self._attachments.items()
            if isinstance(text, str)
        }
