"""Streams that MLflow's autologging keeps as events of a span, one for each chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._json_values import decoded

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["streamed_chunks"]

_EVENT, _VALUE = "mlflow.chunk.item.", "mlflow.chunk.value"


def streamed_chunks(span: SourceSpan) -> list[Any]:
    """What a provider streamed, in order; nothing if it did not stream."""
    events = [event for event in span.events if event.name.startswith(_EVENT)]
    return [decoded(event.attributes.get(_VALUE)) for event in events]
