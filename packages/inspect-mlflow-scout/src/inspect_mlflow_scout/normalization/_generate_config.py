"""Parameters of a request as Inspect's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout._memory import remembered

from ._json_schema import json_schema
from ._values import clean_text
from .dialects._json_values import as_mapping, as_text

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, ResponseSchema

__all__ = ["generate_config"]


@remembered
def generate_config(config: Mapping[str, Any]) -> GenerateConfig:
    """The parameters that Inspect has, as far as their values are of the right types."""
    from inspect_ai.model import GenerateConfig

    read = {field: reader(config.get(name)) for name, (field, reader) in _READERS.items()}
    told = {name: value for name, value in read.items() if value is not None}
    schema = _response_schema(config.get("response_format"))
    return GenerateConfig(**told, response_schema=schema)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -(2**53) < value < 2**53 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and math.isclose(number, int(number)) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: Any) -> list[str] | None:
    texts = value if isinstance(value, (list, tuple)) else [value]
    return [clean_text(text) for text in texts if isinstance(text, str)] or None


def _effort(value: Any) -> str | None:
    from inspect_ai.model import GenerateConfig

    try:
        return GenerateConfig(reasoning_effort=value).reasoning_effort
    except ValueError:
        # An effort that this version of Inspect does not have.
        return None


def _response_schema(value: Any) -> ResponseSchema | None:
    """From OpenAI's `{"type": "json_schema", "json_schema": {"name", "schema"}}`."""
    from inspect_ai.model import ResponseSchema

    told = as_mapping(as_mapping(value).get("json_schema"))
    schema = told.get("schema")
    if not isinstance(schema, Mapping):
        return None
    description = as_text(told.get("description"))
    return ResponseSchema(
        name=clean_text(as_text(told.get("name")) or "response"),
        json_schema=json_schema(schema),
        description=clean_text(description) if description else None,
        strict=_flag(told.get("strict")),
    )


_READERS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "temperature": ("temperature", _number),
    "top_p": ("top_p", _number),
    "top_k": ("top_k", _whole),
    "max_tokens": ("max_tokens", _whole),
    "stop": ("stop_seqs", _texts),
    "seed": ("seed", _whole),
    "frequency_penalty": ("frequency_penalty", _number),
    "presence_penalty": ("presence_penalty", _number),
    "n": ("num_choices", _whole),
    "logprobs": ("logprobs", _flag),
    "top_logprobs": ("top_logprobs", _whole),
    "reasoning_effort": ("reasoning_effort", _effort),
    "reasoning_tokens": ("reasoning_tokens", _whole),
    "parallel_tool_calls": ("parallel_tool_calls", _flag),
}
