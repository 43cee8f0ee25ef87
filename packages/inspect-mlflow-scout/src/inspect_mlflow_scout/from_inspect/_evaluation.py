"""What a trace keeps of its evaluation, as Scout names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Evaluation", "evaluation"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The columns that all transcripts of an evaluation share.

    Scout takes them from the header of the log ("Transcript Columns" in its documentation, and
    `TranscriptColumns` in its source).

    Args:
        eval_id: Inspect's id.
        date: When the evaluation was created, in the form in which Scout tells it.
        task_set: Name of the task without the package it comes from.
        agent: The solver.
        agent_args: Its arguments.
        model: The model under evaluation.
        model_options: How it generates.
        trust_content: Whether viewers may render what the model wrote.
        metadata: Further columns, under Scout's names.
    """

    eval_id: str
    date: str | None = None
    task_set: str | None = None
    agent: str | None = None
    agent_args: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    model_options: dict[str, Any] = field(default_factory=dict)
    trust_content: bool | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def evaluation(kept: Mapping[str, Any], tags: Mapping[str, str]) -> Evaluation:
    """Reads what a trace keeps of its evaluation.

    Args:
        kept: See `inspect_mlflow_core.kept_sample.evaluation_header`; empty in older traces.
        tags: Tags of the trace, which name task and model in any case.
    """
    spec = _mapping(kept.get("eval"))
    agent, agent_args = _agent(kept, spec)
    task = spec.get("task") or tags.get("inspect.task")
    viewer = _mapping(spec.get("viewer"))
    trusted = viewer.get("trust_content")
    eval_id = str(spec.get("eval_id") or tags.get("inspect.eval_id") or "")
    options = dict(_mapping(spec.get("model_generate_config")))
    return Evaluation(
        eval_id=eval_id,
        date=_date(spec.get("created")),
        task_set=_without_package(task) if isinstance(task, str) else None,
        agent=agent,
        agent_args=agent_args,
        model=spec.get("model") or tags.get("inspect.model"),
        model_options=options,
        trust_content=trusted if isinstance(trusted, bool) else None,
        metadata={
            "eval_id": eval_id,
            "log": kept.get("location") or tags.get("inspect.log_location", ""),
            "eval_tags": ",".join(map(str, spec.get("tags") or ())),
            "eval_metadata": _mapping(spec.get("metadata")),
            "task_args": _mapping(spec.get("task_args")),
            "generate_config": options,
            "model_roles": _mapping(spec.get("model_roles")),
        },
    )


def _agent(kept: Mapping[str, Any], spec: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    if spec.get("solver") is not None:
        return str(spec["solver"]), dict(_mapping(spec.get("solver_args")))
    steps = _mapping(kept.get("plan")).get("steps")
    step = _mapping(steps[-1]) if isinstance(steps, list) and steps else {}
    return step.get("solver"), dict(_mapping(step.get("params")))


def _date(created: Any) -> str | None:
    """Scout keeps dates in a database's form, with a space in the middle."""
    try:
        return str(datetime.fromisoformat(created))
    except (TypeError, ValueError):
        return created if isinstance(created, str) else None


def _without_package(task: str) -> str:
    return task.split("/", maxsplit=1)[-1]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
