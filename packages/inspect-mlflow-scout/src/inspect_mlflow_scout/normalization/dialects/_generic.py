"""Spans whose dialect nothing tells: those of `@mlflow.trace`, and of many frameworks.

MLflow's autologging of Mistral, Groq, Ollama, CrewAI, AutoGen, AG2, DSPy, smolagents, LlamaIndex,
Pydantic AI and Semantic Kernel, and its translation of the AI SDK's and of LiveKit's spans, store
what the framework has, all of it near enough to messages to be read by its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._any_form import form_of
from ._span_attributes import completed

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["read"]


def read(span: SourceSpan) -> ChatForm:
    """The span as a call of a model, whatever it holds.

    Args:
        span: Any span.

    Returns:
        A form in which what is not recognised stands as compact JSON: nothing is lost silently.
    """
    return completed(form_of(span.inputs, span.outputs), span)
