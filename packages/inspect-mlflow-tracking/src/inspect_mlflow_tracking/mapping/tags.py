"""The tags of task runs and parent runs."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.conversion import (
    TAG_VALUE_CHARACTERS,
    encode_name,
    mask_secrets,
    mask_text,
    mask_uri,
    stored_text,
)

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSpec

EVAL_ID = "inspect.eval_id"
TASK_ID = "inspect.task_id"
RUN_ID = "inspect.run_id"
EVAL_SET_ID = "inspect.eval_set_id"
STATUS = "inspect.status"
LOG_LOCATION = "inspect.log_location"
LOG_DIGEST = "inspect.log_digest"
SUPERSEDED_BY = "inspect.superseded_by"
ROLE = "inspect.role"
PARENT_RUN_ID = "mlflow.parentRunId"


def specification_tags(spec: EvalSpec) -> dict[str, str]:
    """Return the tags that are known when a task starts.

    Args:
        spec: Specification of the evaluation.

    Returns:
        Tag name to text. Tags without a value are left out.
    """
    revision = spec.revision
    tags: dict[str, Any] = {
        EVAL_ID: spec.eval_id,
        TASK_ID: spec.task_id,
        RUN_ID: spec.run_id,
        EVAL_SET_ID: getattr(spec, "eval_set_id", None),
        ROLE: "task",
        "inspect.task": spec.task,
        "inspect.model": spec.model,
        "inspect.dataset": spec.dataset.name,
        "inspect.version": (spec.packages or {}).get("inspect_ai"),
        "mlflow.user": user_name(),
        "mlflow.source.name": spec.task_file or spec.task,
        "mlflow.source.type": "LOCAL",
        # MLflow's own evaluation runs carry this type; its evaluation view looks for it.
        "mlflow.runType": "genai_evaluate",
        "mlflow.source.git.commit": revision.commit if revision else None,
        "mlflow.source.git.repoURL": mask_uri(revision.origin) if revision else None,
    }
    return _texts(tags)


def outcome_tags(header: EvalLog, status: str, location: str) -> dict[str, str]:
    """Return the tags that the log adds: outcome, user's tags, edits.

    Args:
        header: Header of the log.
        status: MLflow's run status.
        location: Where the log lies.

    Returns:
        Tag name to text.
    """
    tags: dict[str, Any] = {
        STATUS: status,
        LOG_LOCATION: mask_uri(location),
        "inspect.log_status": header.status,
        "inspect.error": mask_text(header.error.message) if header.error else None,
        "inspect.invalidated": "true" if getattr(header, "invalidated", False) else None,
    }
    return {**_texts(tags), **user_tags(current_tags(header))}


def current_tags(header: EvalLog) -> list[str]:
    """Return the user's tags: those of the start of the evaluation with later edits applied."""
    edited = getattr(header, "tags", None)
    return list(edited if edited is not None else header.eval.tags or [])


def user_tags(tags: list[str]) -> dict[str, str]:
    """Return the user's tags in a form that MLflow can search.

    Args:
        tags: Plain words.

    Returns:
        `inspect.tags` with all of them, and `inspect.tag.<word>` = `"true"` for each.
    """
    if not tags:
        return {}
    masked = [mask_text(tag) for tag in tags]
    listed = {"inspect.tags": ", ".join(masked)}
    return _texts({**listed, **{f"inspect.tag.{tag}": "true" for tag in masked}})


def parent_tags(spec: EvalSpec) -> dict[str, str]:
    """Return the tags of the run that groups the tasks of one `eval()` or one eval set.

    Args:
        spec: Specification of one of its tasks.

    Returns:
        Tag name to text; `parent_identity` is part of it.
    """
    tags = {
        ROLE: "parent",
        "mlflow.user": user_name(),
        "mlflow.source.type": "LOCAL",
    }
    return {**_texts(tags), **parent_identity(spec)}


def parent_identity(spec: EvalSpec) -> dict[str, str]:
    """Return the tags by which the parent run of a task is found.

    Args:
        spec: Specification of the task.

    Returns:
        The eval set's id, otherwise the id of the `eval()` call, and the role.
    """
    eval_set_id = getattr(spec, "eval_set_id", None)
    if eval_set_id:
        return {EVAL_SET_ID: _identity_text(eval_set_id), ROLE: "parent"}
    return {RUN_ID: _identity_text(spec.run_id or spec.eval_id), ROLE: "parent"}


def task_identity(spec: EvalSpec) -> dict[str, str]:
    """Return the tags by which the run of a task is found.

    Args:
        spec: Specification of the task.

    Returns:
        The eval id and the role.
    """
    return {EVAL_ID: _identity_text(spec.eval_id), ROLE: "task"}


def _identity_text(identifier: str) -> str:
    # As a tag can hold it, but never masked: two ids must not become one.
    return stored_text(identifier, TAG_VALUE_CHARACTERS)


def user_name() -> str:
    """Return the name that MLflow shows as the run's user, as its own client does."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"


def _texts(tags: Mapping[str, Any]) -> dict[str, str]:
    return {
        encode_name(name): stored_text(str(mask_secrets(str(value))), TAG_VALUE_CHARACTERS)
        for name, value in tags.items()
        if value not in (None, "")
    }


def json_text(value: Any, limit: int) -> str:
    """Return compact JSON of at most `limit` characters."""
    return stored_text(json.dumps(value, ensure_ascii=False, default=str), limit)
