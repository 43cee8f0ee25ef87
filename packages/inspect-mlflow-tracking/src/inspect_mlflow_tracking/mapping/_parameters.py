"""The task specification as MLflow params."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.conversion import (
    PARAM_VALUE_CHARACTERS,
    NameTable,
    flatten_parameters,
    mask_secrets,
    mask_uri,
    stored_text,
)

if TYPE_CHECKING:
    from inspect_ai.log import EvalPlan, EvalSpec

_PLAIN_FIELDS = (
    "eval_id",
    "task",
    "task_id",
    "task_version",
    "task_file",
    "task_display_name",
    "task_registry_name",
    "run_id",
    "eval_set_id",
    "created",
    "model",
    "model_base_url",
    "solver",
)


def task_parameters(
    spec: EvalSpec,
    plan: EvalPlan | None,
    names: NameTable,
    *,
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Return the params of a task run.

    Args:
        spec: Specification of the evaluation, from its start or from its log.
        plan: Its plan; None when it is not known yet.
        names: Gives every name a form that MLflow accepts.
        metadata: The metadata as it is now, when it has been edited since the start.

    Returns:
        Param name to text: flattened, secrets masked, within MLflow's limits. Empty values are
        left out.
    """
    groups: list[tuple[str, Any]] = [
        ("", {name: getattr(spec, name, None) for name in _PLAIN_FIELDS}),
        ("dataset", _dataset(spec)),
        ("task_arg", spec.task_args),
        ("solver_arg", spec.solver_args),
        ("model_arg", spec.model_args),
        ("model_role", _model_roles(spec)),
        ("config", _set_values(spec.config)),
        ("generate", _generation(spec, plan)),
        ("sandbox", _set_values(spec.sandbox)),
        ("packages", spec.packages),
        ("metadata", spec.metadata if metadata is None else metadata),
        ("", {"scorers": _scorer_names(spec), "plan": _plan_steps(plan)}),
    ]
    flat: dict[str, str] = {}
    for prefix, values in groups:
        if values:
            flat.update(flatten_parameters(prefix, mask_secrets(values)))
    return {
        names.assign(name): stored_text(text, PARAM_VALUE_CHARACTERS) for name, text in flat.items()
    }


def _dataset(spec: EvalSpec) -> dict[str, Any]:
    dataset = spec.dataset
    return {
        "name": dataset.name,
        "location": dataset.location,
        "samples": dataset.samples,
        "shuffled": dataset.shuffled,
    }


def _generation(spec: EvalSpec, plan: EvalPlan | None) -> dict[str, Any]:
    generation = _set_values(spec.model_generate_config)
    return {**generation, **_set_values(plan.config)} if plan is not None else generation


def _model_roles(spec: EvalSpec) -> dict[str, Any]:
    roles = getattr(spec, "model_roles", None) or {}
    return {role: _role_models(configured) for role, configured in roles.items()}


def _role_models(configured: Any) -> Any:
    # One model, or since 0.3.27x a list of them.
    models = configured if isinstance(configured, list) else [configured]
    return ", ".join(str(getattr(model, "model", model)) for model in models)


def _scorer_names(spec: EvalSpec) -> str:
    return ", ".join(scorer.name for scorer in spec.scorers or ())


def _plan_steps(plan: EvalPlan | None) -> str:
    return " → ".join(step.solver for step in plan.steps) if plan is not None else ""


def _set_values(model: Any) -> dict[str, Any]:
    """Return the fields of a pydantic model that are set to something."""
    if model is None:
        return {}
    dumped: dict[str, Any] = model.model_dump(mode="json", exclude_none=True)
    return dumped


def log_file_parameters(existing: Mapping[str, str], location: str) -> dict[str, str]:
    """Return the param that names a log file.

    The first file is `inspect.log_file`; further copies of the same evaluation (`-scored`,
    `-recovered`, moved ones) follow as `inspect.log_file_2` and so on, as params cannot change.

    Args:
        existing: Params that the run has already.
        location: Where the log lies.

    Returns:
        One new param, or none when the file is named already.
    """
    text = stored_text(mask_uri(location), PARAM_VALUE_CHARACTERS)
    if text in _log_files(existing.items()):
        return {}
    count = len(_log_files(existing.items())) + 1
    return {"inspect.log_file" if count == 1 else f"inspect.log_file_{count}": text}


def _log_files(params: Iterable[tuple[str, str]]) -> list[str]:
    return [value for name, value in params if name.startswith("inspect.log_file")]
