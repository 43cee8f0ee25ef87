"""Run functions that their author traces with `@mlflow.trace`.

Reads a job from standard input:
`{"tracking_uri", "experiment", "tasks": [{"question", "documents", "tool_arguments",
"tool_result", "tool_error", "prompt", "completion", "completion_error"}]}`; prints
`{"trace_ids": [...]}`, one for each task.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

import mlflow
from mlflow.entities import SpanType


@mlflow.trace(name="researcher", span_type=SpanType.AGENT)
def research(question: Any, task: dict[str, Any]) -> Any:
    """Answer a question; everything but the question is how it is to go."""
    retrieve(question, task["documents"])
    with suppress(ArithmeticError):
        calculate(task["tool_arguments"], task)
    return complete(task["prompt"], task)


def retrieve(query: Any, documents: Any) -> Any:
    """Look documents up."""
    with mlflow.start_span(name="retrieve", span_type=SpanType.RETRIEVER) as span:
        span.set_inputs({"query": query})
        span.set_outputs(documents)
    return documents


def calculate(arguments: Any, task: dict[str, Any]) -> Any:
    """Use a tool."""
    with mlflow.start_span(name="calculate", span_type=SpanType.TOOL) as span:
        span.set_inputs(arguments)
        if task.get("tool_error"):
            raise ArithmeticError(task["tool_error"])
        span.set_outputs(task["tool_result"])
    return task["tool_result"]


def complete(prompt: Any, task: dict[str, Any]) -> Any:
    """Ask a model."""

    @mlflow.trace(name="complete", span_type=SpanType.LLM)
    def ask(prompt: Any) -> Any:
        if task.get("completion_error"):
            raise RuntimeError(task["completion_error"])
        return task["completion"]

    return ask(prompt)


def main() -> None:
    """Do the job."""
    job = json.load(sys.stdin)
    mlflow.set_tracking_uri(job["tracking_uri"])
    mlflow.set_experiment(job["experiment"])
    trace_ids = []
    for task in job["tasks"]:
        try:
            research(task["question"], task)
        except RuntimeError as error:
            if str(error) != task.get("completion_error"):
                raise
        trace_ids.append(mlflow.get_last_active_trace_id())
    mlflow.flush_trace_async_logging()
    print(json.dumps({"trace_ids": trace_ids}))


if __name__ == "__main__":
    main()
