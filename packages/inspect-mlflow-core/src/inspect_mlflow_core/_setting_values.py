"""Reading the value of one setting from text or from JSON-like data.

Each function returns the value or raises a `ValueError` whose message continues the sentence
"`INSPECT_MLFLOW_...` ...": what is wrong and what is accepted. Only values that cannot be a
credential are quoted in it, and those masked and cut.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final
from urllib.parse import urlsplit

from .conversion import EXPERIMENT_NAME_CHARACTERS, mask_text

SUPPORTED_AUTOLOG_MODELS: Final = (
    "openai",
    "anthropic",
    "langchain",
    "litellm",
    "mistral",
    "groq",
    "cohere",
    "gemini",
    "bedrock",
)
"""Providers whose SDK MLflow can log by itself."""

_TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
_FALSE_WORDS = frozenset({"false", "0", "no", "off"})
_QUOTED_CHARACTERS = 40


def read_boolean(raw: Any) -> bool:
    """A boolean from `true/false`, `1/0`, `yes/no` or `on/off` in any case."""
    word = str(raw).strip().lower() if isinstance(raw, bool | int | str) else None
    if word in _TRUE_WORDS or word in _FALSE_WORDS:
        return word in _TRUE_WORDS
    raise ValueError(
        f"has the value {_quoted(raw)}, which is not a boolean; "
        "use true, false, 1, 0, yes, no, on or off"
    )


def read_choice(raw: Any, choices: tuple[str, ...]) -> str:
    """One of `choices`, in any case."""
    word = raw.strip().lower() if isinstance(raw, str) else None
    if word in choices:
        return str(word)
    raise ValueError(f"has the value {_quoted(raw)}; use {' or '.join(choices)}")


def read_seconds(raw: Any) -> float:
    """A duration in seconds: finite, zero or more."""
    seconds = _number(raw)
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        raise ValueError(
            f"has the value {_quoted(raw)}; use a number of seconds, zero or more, such as 30"
        )
    return seconds


def read_size_bytes(raw: Any) -> int:
    """A size in bytes: a whole number above zero."""
    size_bytes = _number(raw)
    if size_bytes is None or not math.isfinite(size_bytes) or size_bytes < 1 or size_bytes % 1:
        raise ValueError(
            f"has the value {_quoted(raw)}; use a whole number of bytes above zero, "
            "such as 67108864 for 64 MiB"
        )
    return int(size_bytes)


def read_text(raw: Any) -> str:
    """Text with something in it, without the spaces around it."""
    text = raw.strip() if isinstance(raw, str) else ""
    if not text:
        raise ValueError(f"is {_kind(raw)}; use text that is not empty")
    return text


def read_experiment_name(raw: Any) -> str:
    """The name of an experiment, within the length that MLflow's store has for it."""
    name = read_text(raw)
    if len(name) > EXPERIMENT_NAME_CHARACTERS:
        raise ValueError(
            f"has {len(name)} characters; "
            f"MLflow's experiment names have at most {EXPERIMENT_NAME_CHARACTERS}"
        )
    return name


def read_tracking_uri(raw: Any) -> str:
    """A tracking URI. It may hold a password, so no message quotes any part of it."""
    accepted = "use one such as http://localhost:5000, databricks or sqlite:///mlflow.db"
    if not isinstance(raw, str):
        raise ValueError(f"is {_kind(raw)}; {accepted}")
    uri = raw.strip()
    if re.search(r"[\x00-\x1f\x7f]", uri):
        raise ValueError(f"contains a control character; {accepted}")
    if re.match(r"https?:", uri, re.IGNORECASE):
        _check_http_address(uri, accepted)
    return uri


def _check_http_address(uri: str, accepted: str) -> None:
    problem = None
    try:
        address = urlsplit(uri)
        if not address.hostname or any(character.isspace() for character in address.netloc):
            problem = "does not name a host"
        elif address.port == 0:
            problem = "has a port that is not a number from 1 to 65535"
    except ValueError:
        problem = "has a host or port that cannot be read"
    if problem:
        raise ValueError(f"{problem}; {accepted}")


def read_autolog_models(raw: Any) -> list[str]:
    """Providers from a list, a JSON array or comma-separated text; doubles are dropped."""
    names = _listed(raw)
    unknown = [name for name in names if name not in SUPPORTED_AUTOLOG_MODELS]
    if unknown:
        raise ValueError(
            f"names {', '.join(map(_quoted, unknown))}; "
            f"supported are {', '.join(SUPPORTED_AUTOLOG_MODELS)}"
        )
    return list(dict.fromkeys(names))


def _listed(raw: Any) -> list[str]:
    listed = raw
    if isinstance(raw, str):
        listed = raw.split(",")
        if raw.lstrip().startswith("["):
            try:
                listed = json.loads(raw)
            except (ValueError, RecursionError):
                listed = None
    if not isinstance(listed, list | tuple) or not all(isinstance(name, str) for name in listed):
        raise ValueError(
            f"has the value {_quoted(raw)}; use names with commas between them, "
            'or a JSON array such as ["openai", "anthropic"]'
        )
    return [name.strip().lower() for name in listed if name.strip()]


def _number(raw: Any) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        return float(raw)
    except (ValueError, OverflowError):
        return None


def _quoted(raw: Any) -> str:
    text = raw if isinstance(raw, str) else repr(raw)
    # Masked first: half a key is not recognised as one any more.
    masked = mask_text(text)
    return repr(masked if len(masked) <= _QUOTED_CHARACTERS else masked[:_QUOTED_CHARACTERS] + "…")


def _kind(raw: Any) -> str:
    return "empty" if raw is None or isinstance(raw, str) else f"of type {type(raw).__name__}"
