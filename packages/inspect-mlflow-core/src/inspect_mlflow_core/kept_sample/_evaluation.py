"""What a trace keeps of the evaluation that its sample belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.logs import redacted_header

__all__ = ["KEPT_EVALUATION", "evaluation_header", "packed_evaluation", "unpacked_evaluation"]

KEPT_EVALUATION: Final = "inspect.evaluation"
"""The attribute of a sample's own span that holds it."""

_FORM: Final = "v1;"
"""Makes the text no JSON: servers replace what is by what it stands for, older ones badly."""

_EVAL_MEMBERS: Final = (
    "eval_id",
    "created",
    "task",
    "model",
    "solver",
    "solver_args",
    "model_generate_config",
    "model_roles",
    "task_args",
    "tags",
    "viewer",
    "metadata",
)
"""Members of `EvalSpec` by which a sample is told from those of other evaluations."""

_MOST_BYTES: Final = 16_384
"""Every trace of an evaluation holds it."""


def evaluation_header(
    header: Mapping[str, Any], location: str = "", *, most_bytes: int = _MOST_BYTES
) -> dict[str, Any]:
    """Takes what is worth keeping out of the header of a log, without credentials.

    Args:
        header: JSON of the log without samples, or of `_journal/start.json`.
        location: Where the log lies.
        most_bytes: How long its JSON may be. The largest members are left out of a longer one.

    Returns:
        The members of `EvalSpec` that say which task, model, solver and settings it was, under
        `"eval"`; the last step of the plan, which is the solver where `EvalSpec` names none,
        under `"plan"`; the `"location"`; and, if any, the names of members that were too large
        under `"left_out"`.
    """
    redacted = redacted_header({name: header[name] for name in ("eval", "plan") if name in header})
    spec = redacted.get("eval")
    spec = spec if isinstance(spec, Mapping) else {}
    kept: dict[str, Any] = {
        "eval": {name: spec[name] for name in _EVAL_MEMBERS if spec.get(name) is not None}
    }
    if location:
        kept["location"] = mask_uri(location)
    if not spec.get("solver") and (step := _last_step(redacted.get("plan"))):
        kept["plan"] = {"steps": [step]}
    return _within(kept, most_bytes)


def packed_evaluation(header: Mapping[str, Any]) -> str:
    """Writes what is kept of a header as the value of an attribute.

    Args:
        header: See `evaluation_header`.
    """
    return _FORM + json.dumps(header, separators=(",", ":"), default=str)


def unpacked_evaluation(value: Any) -> dict[str, Any]:
    """Reads what `packed_evaluation` wrote.

    Args:
        value: The value of the attribute, or None.

    Returns:
        Nothing for a value of another kind: an older trace has none, and a sample is whole
        without it.
    """
    if not isinstance(value, str) or not value.startswith(_FORM):
        return {}
    try:
        found = json.loads(value.removeprefix(_FORM))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _last_step(plan: Any) -> dict[str, Any] | None:
    steps = plan.get("steps") if isinstance(plan, Mapping) else None
    step = steps[-1] if isinstance(steps, list) and steps else None
    if not isinstance(step, Mapping):
        return None
    return {name: step[name] for name in ("solver", "params") if name in step}


def _within(kept: dict[str, Any], most_bytes: int) -> dict[str, Any]:
    size_bytes = _size_bytes(kept)
    members, left_out = dict(kept["eval"]), []
    while size_bytes > most_bytes and members:
        largest = max(members, key=lambda name: _size_bytes(members[name]))
        size_bytes -= _size_bytes(members.pop(largest))
        left_out.append(largest)
    if not left_out:
        return kept
    return {**kept, "eval": members, "left_out": sorted(left_out)}


def _size_bytes(value: Any) -> int:
    return len(json.dumps(value, default=str))
