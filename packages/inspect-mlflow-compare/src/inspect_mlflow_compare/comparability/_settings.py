"""What was evaluated, and under which conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inspect_mlflow_compare._types import Difference, Severity
from inspect_mlflow_compare.comparability._values import compare_mappings, difference

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

__all__ = ["setting_differences"]

_LIMITS: Final = (
    "message_limit",
    "token_limit",
    "token_limit_type",
    "turn_limit",
    "time_limit",
    "working_limit",
    "cost_limit",
)

_OPERATION: Final = frozenset(
    {
        "adaptive_connections",
        "attempt_timeout",
        "batch",
        "cache",
        "max_connections",
        "max_retries",
        "seed",
        "timeout",
    }
)
"""Settings of generation that do not change what a model can do."""


def setting_differences(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    """What differs in task, model, settings, epochs, limits, versions and outcome."""
    return [
        *_task(baseline, candidate),
        *_model(baseline, candidate),
        *_epochs(baseline, candidate),
        *_limits(baseline, candidate),
        *_versions(baseline, candidate),
        *_status(baseline, candidate),
    ]


def _task(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    before, after = baseline.eval, candidate.eval
    solver = "another solver is part of what is compared"
    return [
        *difference("eval.task", before.task, after.task, "refusal", "different tasks"),
        *difference(
            "eval.task_version",
            str(before.task_version),
            str(after.task_version),
            "refusal",
            "the author of the task says that its versions are not comparable",
        ),
        *compare_mappings(
            "eval.task_args",
            before.task_args,
            after.task_args,
            "refusal",
            "the task was given other arguments",
        ),
        *difference("eval.solver", before.solver, after.solver, "note", solver),
        *compare_mappings(
            "eval.solver_args", before.solver_args, after.solver_args, "note", solver
        ),
    ]


def _model(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    before, after = baseline.eval, candidate.eval
    return [
        *difference("eval.model", before.model, after.model, "note", "what is compared"),
        *difference(
            "eval.model_base_url",
            before.model_base_url,
            after.model_base_url,
            "note",
            "the model was reached at another address",
        ),
        *compare_mappings(
            "eval.model_args",
            before.model_args,
            after.model_args,
            "note",
            "arguments of the model's provider",
        ),
        *_generation(baseline, candidate),
        *compare_mappings(
            "eval.model_roles",
            _roles(baseline),
            _roles(candidate),
            "warning",
            "another model in a role, such as that of the grader",
        ),
    ]


def _generation(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    """With one model its settings are what is compared; with two they are a second cause."""
    same_model = baseline.eval.model == candidate.eval.model
    severity: Severity = "note" if same_model else "warning"
    explanation = (
        "the settings are what is compared"
        if same_model
        else "not only the model differs, so a difference need not come from the model"
    )
    before, after = _generate_config(baseline), _generate_config(candidate)
    return [
        found
        for name in dict.fromkeys((*before, *after))
        for found in difference(
            f"plan.config.{name}",
            before.get(name),
            after.get(name),
            "note" if name in _OPERATION else severity,
            "how the provider was called" if name in _OPERATION else explanation,
        )
    ]


def _generate_config(log: EvalLog) -> dict[str, object]:
    """Settings of generation; the plan's are those that were in force."""
    return {
        **log.eval.model_generate_config.model_dump(exclude_none=True),
        **log.plan.config.model_dump(exclude_none=True),
    }


def _roles(log: EvalLog) -> dict[str, str]:
    """Models of each role, whatever form this version of Inspect gives them."""
    names: dict[str, str] = {}
    for role, models in (log.eval.model_roles or {}).items():
        configs = models if isinstance(models, list) else [models]
        names[role] = ", ".join(config.model for config in configs)
    return names


def _epochs(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    before, after = baseline.eval.config, candidate.eval.config
    return [
        *difference(
            "eval.config.epochs",
            before.epochs or 1,
            after.epochs or 1,
            "note",
            "the epochs of each id are averaged, and their number is taken into account",
        ),
        *difference(
            "eval.config.epochs_reducer",
            ", ".join(before.epochs_reducer or ["mean"]),
            ", ".join(after.epochs_reducer or ["mean"]),
            "refusal",
            "what the logs state was not reduced in the same way",
        ),
    ]


def _limits(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    return [
        found
        for name in _LIMITS
        for found in difference(
            f"eval.config.{name}",
            getattr(baseline.eval.config, name, None),
            getattr(candidate.eval.config, name, None),
            "warning",
            "one of the two was allowed more than the other",
        )
    ]


def _versions(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    return [
        *compare_mappings(
            "eval.packages",
            baseline.eval.packages,
            candidate.eval.packages,
            "note",
            "scorers and solvers may have changed between versions",
        ),
        *difference(
            "eval.revision.commit",
            _commit(baseline),
            _commit(candidate),
            "note",
            "the code of the task may have changed",
        ),
    ]


def _commit(log: EvalLog) -> str | None:
    revision = log.eval.revision
    if revision is None:
        return None
    return f"{revision.commit}{' (dirty)' if revision.dirty else ''}"


def _status(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    if baseline.status == candidate.status == "success":
        return []
    return [
        Difference(
            field="status",
            baseline=baseline.status,
            candidate=candidate.status,
            severity="warning",
            explanation="samples of an evaluation that did not finish are not a random choice",
        )
    ]
