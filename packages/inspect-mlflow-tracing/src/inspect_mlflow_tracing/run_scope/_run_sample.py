"""A sample as a part of the trace of its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from inspect_mlflow_core.connection import (
    AssessmentRecord,
    AttachmentRecord,
    SpanRecord,
    TraceRecord,
)
from inspect_mlflow_core.kept_sample import KEPT_SAMPLE_PREFIX
from inspect_mlflow_tracing.mapping import TRACE_DIGEST, sample_trace
from inspect_mlflow_tracing.mapping.events._values import display_name

from ._facts import SampleFacts
from ._identity import run_assessment_id
from ._run_task import RunTask

__all__ = ["RunSample", "run_sample"]

# What only the tags of a sample's own trace would say.
_TAGS: Final = (
    "inspect.status",
    "inspect.edited",
    "inspect.invalidated_reason",
    "inspect.left_out_scores",
    "inspect.sample_kept",
)
_LEFT_OUT: Final = "inspect.left_out_spans"
_TOKENS: Final = "mlflow.trace.tokenUsage"
_COST: Final = "mlflow.trace.cost"


@dataclass(frozen=True, slots=True)
class RunSample:
    """What the trace of a run gets from one sample.

    Args:
        facts: What the task needs to know of it.
        name: Which sample it is.
        spans: Its own span first.
        assessments: Its scores and its target.
        attachments: Files that the spans refer to.
    """

    facts: SampleFacts
    name: str
    spans: tuple[SpanRecord, ...]
    assessments: tuple[AssessmentRecord, ...]
    attachments: tuple[AttachmentRecord, ...]

    @property
    def kept_characters(self) -> int:
        """How much of the kept sample there is, which says how large the sample is."""
        return sum(
            len(text)
            for span in self.spans
            for name, text in span.attributes.items()
            if name.startswith(KEPT_SAMPLE_PREFIX)
        )


def run_sample(
    sample: Mapping[str, Any], run: RunTask, *, content: Literal["full", "none"] = "full"
) -> RunSample:
    """Maps a finished sample to its part of the run's trace; never fails.

    Args:
        sample: Raw JSON as `EvalLogReader` yields it, of any version; not changed.
        run: Its task.
        content: See `sample_trace`.
    """
    trace = sample_trace(
        sample, run.task, content=content, most_spans=run.most_spans, part_of=run.trace_id
    )
    own = _own_span(trace, run)
    others = (replace(span, trace_id=run.trace_id) for span in trace.spans[1:])
    return RunSample(
        facts=_facts(trace),
        name=own.name,
        spans=(own, *others),
        assessments=tuple(_assessment(each, trace, run) for each in trace.assessments),
        attachments=trace.attachments,
    )


def _own_span(trace: TraceRecord, run: RunTask) -> SpanRecord:
    root = trace.spans[0]
    told = {name: trace.tags[name] for name in _TAGS if name in trace.tags}
    name = f"sample: {root.attributes.get('inspect.sample_id')}"
    if run.task.epochs > 1:
        name = f"{name} epoch {root.attributes.get('inspect.epoch')}"
    return replace(
        root,
        trace_id=run.trace_id,
        parent_id=run.span_id,
        name=display_name(name, "sample"),
        attributes={**root.attributes, **told},
    )


def _assessment(assessment: AssessmentRecord, trace: TraceRecord, run: RunTask) -> AssessmentRecord:
    """The assessment about the sample's span: there are others of the same name on the trace."""
    tags = trace.tags
    return replace(
        assessment,
        assessment_id=run_assessment_id(
            run.trace_id, run.task.eval_id, trace.trace_id, assessment.kind, assessment.name
        ),
        span_id=trace.spans[0].span_id,
        metadata={
            **assessment.metadata,
            **{
                name: tags[name]
                for name in ("inspect.task", "inspect.sample_id", "inspect.epoch")
                if name in tags
            },
        },
    )


def _facts(trace: TraceRecord) -> SampleFacts:
    root = trace.spans[0]
    return SampleFacts(
        trace_id=trace.trace_id,
        digest=trace.tags.get(TRACE_DIGEST),
        start_ns=root.start_time_ns,
        end_ns=root.end_time_ns,
        failed=trace.state == "ERROR",
        left_out_spans=int(trace.tags.get(_LEFT_OUT, 0)),
        tokens=_numbers(trace.metadata.get(_TOKENS)),
        cost=_numbers(trace.metadata.get(_COST)),
    )


def _numbers(text: str | None) -> dict[str, Any]:
    """The numbers in a text that was made of them, unless it had to be cut."""
    try:
        numbers = json.loads(text or "{}")
    except ValueError:
        return {}
    return numbers if isinstance(numbers, dict) else {}
