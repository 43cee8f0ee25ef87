"""What the traces of a task need to know of it, from the header of its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.kept_sample import evaluation_header

from ._timestamps import time_ns

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSpec

__all__ = ["TracedTask", "traced_task"]

_MODEL_GRADED: Final = "model_graded_"
"""How the names of Inspect's own scorers that ask a model begin."""

_GRADER_ROLE: Final = "grader"


@dataclass(frozen=True, slots=True)
class TracedTask:
    """The task that samples belong to.

    Args:
        experiment_id: MLflow's experiment for the traces.
        run_id: MLflow's run of the task; None without one.
        eval_id: Inspect's id of this evaluation of the task.
        task: Name of the task.
        model: Name of the model under evaluation.
        created_ms: When it was created, milliseconds since the epoch; stands for the times of
            samples that have none.
        inspect_run_id: Inspect's id of the `eval()` call; `""` when unknown.
        task_id: Inspect's id of the task, the same when it is retried.
        eval_set_id: Inspect's id of the eval set; None outside of one.
        log_location: Where the log lies, without credentials.
        source: File of the task, or its name.
        dataset: Name of the dataset, or of the task.
        epochs: How often each sample is run.
        judges: For each scorer that asks a model, as far as the header tells, which one. What
            happened in a sample tells more.
        header: What each trace keeps of the header; see `evaluation_header`.
    """

    experiment_id: str
    run_id: str | None
    eval_id: str
    task: str
    model: str
    created_ms: int = 0
    inspect_run_id: str = ""
    task_id: str = ""
    eval_set_id: str | None = None
    log_location: str = ""
    source: str = ""
    dataset: str = ""
    epochs: int = 1
    judges: Mapping[str, str] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)


def traced_task(
    header: EvalLog, *, experiment_id: str, run_id: str | None, location: str
) -> TracedTask:
    """Take what traces need from the header of a log.

    Args:
        header: The log without samples.
        experiment_id: MLflow's experiment for the traces.
        run_id: MLflow's run of the task, if there is one.
        location: Path or URI of the log.
    """
    spec = header.eval
    return TracedTask(
        experiment_id=experiment_id,
        run_id=run_id,
        eval_id=spec.eval_id,
        task=spec.task,
        model=spec.model,
        created_ms=(time_ns(str(spec.created)) or 0) // 1_000_000,
        inspect_run_id=spec.run_id or "",
        task_id=spec.task_id or "",
        eval_set_id=getattr(spec, "eval_set_id", None),
        log_location=mask_uri(location),
        source=spec.task_file or spec.task,
        dataset=spec.dataset.name or spec.task,
        epochs=spec.config.epochs or 1,
        judges=_judges(spec),
        header=evaluation_header(_header_json(header), location),
    )


def _header_json(header: EvalLog) -> dict[str, Any]:
    """The header as its log has it; in memory, metadata may hold what no JSON does."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    parts = {"eval": header.eval, "plan": header.plan}
    try:
        found: dict[str, Any] = to_jsonable_python(
            parts, exclude_none=True, fallback=lambda _value: None
        )
    except (PydanticSerializationError, RecursionError, ValueError):
        # Metadata that refers to itself: what tells evaluations apart stands elsewhere, too.
        spec = header.eval
        return {"eval": {"eval_id": spec.eval_id, "task": spec.task, "model": spec.model}}
    return found


def _judges(spec: EvalSpec) -> dict[str, str]:
    judges: dict[str, str] = {}
    names: set[str] = set()
    for scorer in spec.scorers or ():
        name = _free_name(scorer.name.rsplit("/", 1)[-1], names)
        names.add(name)
        options = scorer.options or {}
        if options.get("model") or name.startswith(_MODEL_GRADED):
            judges[name] = _judge(options, spec)
    return judges


def _judge(options: Mapping[str, Any], spec: EvalSpec) -> str:
    """The model by which a scorer grades, chosen as Inspect chooses it."""
    model = options.get("model")
    if model is None:
        role = options.get("model_role") or _GRADER_ROLE
        bound = (spec.model_roles or {}).get(role) if isinstance(role, str) else None
        model = bound or spec.model
    models = model if isinstance(model, list) else [model]
    return ", ".join(map(_model_name, models))


def _model_name(model: Any) -> str:
    if isinstance(model, Mapping):
        model = model.get("model", "")
    return str(getattr(model, "model", model))


def _free_name(name: str, taken: set[str]) -> str:
    """The name under which a sample holds the score (`inspect_ai` numbers repeated ones)."""
    free, number = name, 1
    while free in taken:
        free, number = f"{name}{number}", number + 1
    return free
