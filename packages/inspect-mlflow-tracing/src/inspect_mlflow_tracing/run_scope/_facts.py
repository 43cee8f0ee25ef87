"""What the trace of a run is put together from: facts of its samples and of its tasks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from inspect_mlflow_core.conversion import TRACE_TAG_VALUE_CHARACTERS, stored_text

__all__ = [
    "RUNNING",
    "TASK_FACTS_PREFIX",
    "SampleFacts",
    "TaskFacts",
    "facts_in_tags",
    "facts_tag",
    "summed",
    "unwritten",
]

RUNNING: Final = "running"
"""The status of a task that is not over."""

TASK_FACTS_PREFIX: Final = "inspect.task_facts."
"""What the names of the tags begin with that hold the facts of one task; its eval id follows."""

_NAME_CHARACTERS: Final = 250
_RESULT_CHARACTERS: Final = 500
_LARGEST_COUNT: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """What a task's span and the totals need to know of a sample.

    Args:
        trace_id: What the trace of the sample alone would be called: tells samples apart.
        digest: Of everything that is written of it; None when it is to be written again.
        start_ns: Nanoseconds since the epoch.
        end_ns: Nanoseconds since the epoch.
        failed: Whether it ended with an error.
        left_out_spans: How many of its spans are not drawn.
        tokens: By MLflow's names.
        cost: By MLflow's names.
    """

    trace_id: str
    digest: str | None
    start_ns: int
    end_ns: int
    failed: bool = False
    left_out_spans: int = 0
    tokens: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)


def unwritten(facts: SampleFacts) -> SampleFacts:
    """The facts of a sample that was refused: without a digest, a later sync tries it again."""
    return replace(facts, digest=None)


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What the trace of a run says of one task, kept in a tag of its own.

    With these of all tasks, the root span and the totals are the same in whatever order and by
    whichever process tasks are written; a tag for each task keeps two that write at the same time
    out of each other's way.

    Args:
        task: Name of the task.
        model: Name of the model under evaluation.
        status: That of the log, or `"running"`.
        start_ns: Nanoseconds since the epoch.
        end_ns: Nanoseconds since the epoch.
        task_id: Inspect's id of the task, the same for each attempt at it.
        run_id: MLflow's run that the trace belongs to; None without one.
        samples: How many samples the log has.
        left_out_spans: How many spans of them are not drawn.
        tokens: By MLflow's names.
        cost: By MLflow's names.
        result: The task's metrics in one line.
        digest: Of everything that is written of the task; None until all of it is.
    """

    task: str
    model: str
    status: str
    start_ns: int
    end_ns: int
    task_id: str = ""
    run_id: str | None = None
    samples: int = 0
    left_out_spans: int = 0
    tokens: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    result: str = ""
    digest: str | None = None

    @property
    def text(self) -> str:
        """The value of its tag."""
        fields = asdict(self)
        for name in ("task", "model", "task_id"):
            fields[name] = stored_text(fields[name], _NAME_CHARACTERS)
        fields["result"] = stored_text(self.result, _RESULT_CHARACTERS)
        text = _json(fields)
        if len(text) > TRACE_TAG_VALUE_CHARACTERS:
            text = _json({**fields, "result": "", "tokens": {}, "cost": {}})
        return text


def facts_tag(eval_id: str) -> str:
    """Name of the tag that holds the facts of a task."""
    return TASK_FACTS_PREFIX + eval_id


def facts_in_tags(tags: Mapping[str, str]) -> dict[str, TaskFacts]:
    """The facts that the tags of a trace hold, by eval id; what cannot be read is left out."""
    found: dict[str, TaskFacts] = {}
    for name, text in tags.items():
        eval_id = name.removeprefix(TASK_FACTS_PREFIX)
        facts = _read(text) if eval_id != name else None
        if facts is not None:
            found[eval_id] = facts
    return found


def summed(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of each number; what is no number is left out."""
    sums: dict[str, Any] = {}
    for part in parts:
        for name, number in part.items():
            if isinstance(number, int | float) and not isinstance(number, bool):
                sums[name] = _bounded(sums.get(name, 0) + number)
    return sums


def _bounded(number: int | float) -> int | float:
    # Sums of fractions depend on their order from the sixteenth digit on.
    return round(number, 12) if isinstance(number, float) else min(number, _LARGEST_COUNT)


def _read(text: str) -> TaskFacts | None:
    try:
        facts = TaskFacts(**json.loads(text))
    except (TypeError, ValueError):
        return None
    names = facts.task, facts.model, facts.status, facts.task_id, facts.result
    counts = facts.start_ns, facts.end_ns, facts.samples, facts.left_out_spans
    sums = facts.tokens, facts.cost
    ids = facts.run_id, facts.digest
    valid = (
        all(isinstance(name, str) for name in names)
        and all(isinstance(count, int) for count in counts)
        and all(isinstance(each, dict) for each in sums)
        and all(each is None or isinstance(each, str) for each in ids)
    )
    return facts if valid else None


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
