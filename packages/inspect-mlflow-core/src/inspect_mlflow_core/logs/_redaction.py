"""Credentials taken out of the JSON of a log, everything else left as it was.

Only members that can hold credentials are looked at: model, task and solver arguments,
URLs, metadata, extra headers and bodies, errors, and the raw requests of model calls
without the conversation in them. What samples say, prompts, outputs, tool data, is data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from inspect_mlflow_core.conversion import mask_secrets

__all__ = ["redacted_header", "redacted_sample"]

_CONFIG: Final = (("extra_headers",), ("extra_body",))
_STEP: Final = (("params",), ("params_passed",))
_MODEL: Final = (("args",), ("base_url",), *(("config", *path) for path in _CONFIG))

# Members of the header that can hold credentials; "*" is every item of a list or mapping.
_HEADER_MEMBERS: Final[tuple[tuple[str, ...], ...]] = (
    *(
        ("eval", name)
        for name in (
            "metadata",
            "model_args",
            "model_base_url",
            "solver_args",
            "solver_args_passed",
            "task_args",
            "task_args_passed",
            "task_attribs",
        )
    ),
    ("eval", "dataset", "location"),
    ("eval", "revision", "origin"),
    ("eval", "sandbox", "config"),
    *(("eval", "model_generate_config", *path) for path in _CONFIG),
    *(("eval", "model_roles", "*", *path) for path in _MODEL),
    *(("eval", "model_roles", "*", "*", *path) for path in _MODEL),
    ("eval", "scorers", "*", "options"),
    ("eval", "scorers", "*", "metadata"),
    *(("plan", "config", *path) for path in _CONFIG),
    *(("plan", "steps", "*", *path) for path in _STEP),
    *(("plan", "finish", *path) for path in _STEP),
    ("log_updates", "*", "edits", "*", "metadata_set"),
    ("log_updates", "*", "provenance", "metadata"),
    ("metadata",),
    ("error",),
)

# What a raw request calls the conversation, by provider; it is data, not credentials.
_CONVERSATION: Final = frozenset(
    {"contents", "functions", "input", "instructions", "messages", "prompt", "system", "tools"}
)

_REFERENCE: Final = "attachment://"


def redacted_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """The header of a log without credentials.

    Args:
        header: JSON of the log without samples, or of `_journal/start.json`.

    Returns:
        A copy in which credentials are masked; equal to `header` when it has none.
    """
    redacted = dict(header)
    for path in _HEADER_MEMBERS:
        redacted = _at(redacted, path, mask_secrets)
    return redacted


def _at(node: Any, path: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    """A copy of `node` with the members at `path` changed."""
    if not path:
        return change(node)
    name, rest = path[0], path[1:]
    if isinstance(node, Mapping):
        names = list(node) if name == "*" else [name] if name in node else []
        # A lone text is masked under its key, by which secrets are known too.
        return {**node, **{key: _member(node, key, rest, change) for key in names}}
    if isinstance(node, list) and name == "*":
        return [_at(item, rest, change) for item in node]
    return node


def _member(
    node: Mapping[str, Any], key: str, rest: tuple[str, ...], change: Callable[[Any], Any]
) -> Any:
    if not rest and isinstance(node[key], str):
        return change({key: node[key]})[key]
    return _at(node[key], rest, change)


def redacted_sample(sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """A sample without credentials in its model calls.

    Args:
        sample: JSON of a sample.

    Returns:
        `sample` itself when there are none. Otherwise a copy in which they are masked in
        the headers, bodies and other settings of model calls, and in the attachments
        that hold such a value.
    """
    attachments = _attachments(sample)
    masking = _Masking(attachments)
    redacted = _with_model_events(sample, masking.event)
    if not masking.found:
        return sample
    texts = {**attachments, **masking.leaked}
    if "attachments" in sample:
        return {**redacted, "attachments": texts}
    if "transcript" in sample:
        return {**redacted, "transcript": {**redacted["transcript"], "content": texts}}
    return dict(redacted)


def _attachments(sample: Mapping[str, Any]) -> Mapping[str, str]:
    texts = sample.get("attachments") or (sample.get("transcript") or {}).get("content")
    return texts if isinstance(texts, Mapping) else {}


def _with_model_events(node: Any, change: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A copy of a sample, or part of one, with its model events changed."""
    if isinstance(node, list):
        return [_with_model_events(item, change) for item in node]
    if not isinstance(node, Mapping):
        return node
    if node.get("event") == "model":
        return change(node)
    nested = [key for key in ("events", "error_retries", "transcript") if key in node]
    if not nested:
        return node
    return {**node, **{key: _with_model_events(node[key], change) for key in nested}}


class _Masking:
    """Masks the model events of one sample and remembers what it found."""

    def __init__(self, attachments: Mapping[str, str]) -> None:
        self._attachments = attachments
        self.found = False
        self.leaked: dict[str, str] = {}
        """New texts of the attachments that hold credentials."""

    def event(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        redacted = event
        for path in _CONFIG:
            redacted = _at(redacted, ("config", *path), self._masked)
        return dict(_at(redacted, ("call", "request"), self._masked_request))

    def _masked_request(self, request: Any) -> Any:
        if not isinstance(request, Mapping):
            return request
        masked = self._masked({k: v for k, v in request.items() if k not in _CONVERSATION})
        return {key: masked.get(key, value) for key, value in request.items()}

    def _masked(self, value: Any) -> Any:
        resolved = _resolved(value, self._attachments)
        masked = mask_secrets(resolved)
        if masked == resolved:
            return value
        self.found = True
        self.leaked.update(_leaks(value, masked, self._attachments))
        return masked


def _resolved(value: Any, attachments: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith(_REFERENCE):
        return attachments.get(value[len(_REFERENCE) :], value)
    if isinstance(value, Mapping):
        return {key: _resolved(item, attachments) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, attachments) for item in value]
    return value


def _leaks(value: Any, masked: Any, attachments: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Attachments whose text did not survive masking, with what stands for them now."""
    if isinstance(value, str):
        name = value.removeprefix(_REFERENCE)
        if value.startswith(_REFERENCE) and attachments.get(name, masked) != masked:
            yield name, masked if isinstance(masked, str) else str(masked)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            inner = masked.get(key) if isinstance(masked, Mapping) else masked
            yield from _leaks(item, inner, attachments)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            inner = masked[index] if isinstance(masked, list) else masked
            yield from _leaks(item, inner, attachments)
