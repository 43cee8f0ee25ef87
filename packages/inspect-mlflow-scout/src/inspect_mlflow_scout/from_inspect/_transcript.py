"""The transcript of a sample that a trace keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_OID, uuid5

from inspect_mlflow_core.kept_sample import KeptSample, kept_samples
from inspect_mlflow_scout.reading import SourceTrace

from ._evaluation import Evaluation, evaluation
from ._scores import first_score, headline, score_columns, success

if TYPE_CHECKING:
    from inspect_ai.event import Event
    from inspect_ai.log import EvalSample, EvalSampleSummary
    from inspect_scout import Transcript

__all__ = ["SourceType", "sample_transcripts"]

SourceType = Literal["mlflow", "eval_log"]


def sample_transcripts(
    trace: SourceTrace,
    *,
    eval_status: Callable[[str], str | None] = lambda _eval_id: None,
    source_type: SourceType = "mlflow",
) -> list[Transcript]:
    """The transcripts that Scout reads for these samples from the log of their evaluation.

    Args:
        trace: One that `reading.has_kept_sample`.
        eval_status: Tells how an evaluation ended, given Inspect's id of it, if MLflow knows.
        source_type: `"eval_log"` gives what Scout calls the source of a log, so that its
            `SampleMetadata` takes the transcript.

    Returns:
        One for each sample: a trace of a whole evaluation has many.

    Raises:
        TraceReadError: What is kept is damaged, or this version of Inspect cannot read it.
    """
    return [
        _transcript(trace, kept, eval_status, source_type)
        for kept in kept_samples(trace, resolve_attachments=True)
    ]


def _transcript(
    trace: SourceTrace,
    kept: KeptSample,
    eval_status: Callable[[str], str | None],
    source_type: SourceType,
) -> Transcript:
    from inspect_scout import Transcript

    sample, told = kept.sample, evaluation(kept.evaluation, trace.tags)
    # Scout takes these columns from the summaries of the log, in which long texts are shortened.
    summary = sample.summary()
    score = first_score(summary.scores)
    transcript_id = _transcript_id(sample, told.eval_id)
    _give_ids(sample.events, transcript_id)
    columns = _sample_columns(kept, summary, told)
    whereabouts = _whereabouts(trace, eval_status(told.eval_id))
    log = source_type == "eval_log"
    return Transcript(
        transcript_id=transcript_id,
        source_type=source_type,
        source_id=told.eval_id if log else trace.experiment_id,
        source_uri=told.metadata["log"] if log else trace.uri,
        date=told.date,
        task_set=told.task_set,
        task_id=str(sample.id),
        task_repeat=sample.epoch,
        agent=told.agent,
        agent_args=told.agent_args,
        model=told.model,
        model_options=told.model_options,
        score=headline(score),
        score_explanation=score.explanation if score is not None else None,
        success=success(score),
        message_count=summary.message_count,
        total_time=sample.total_time,
        total_tokens=sum(usage.total_tokens for usage in sample.model_usage.values()),
        error=summary.error or "",
        limit=summary.limit or "",
        trust_content=told.trust_content,
        metadata=_told({"sample_id": transcript_id, **columns, **whereabouts}),
        messages=sample.messages,
        events=sample.events,
        timelines=_timelines(sample),
    )


def _transcript_id(sample: EvalSample, eval_id: str) -> str:
    """The sample's uuid; for logs of old versions the id that Inspect's data frames give it."""
    if sample.uuid:
        return sample.uuid
    from inspect_ai.analysis._dataframe.samples.extract import auto_sample_id

    return auto_sample_id(eval_id, sample)


def _give_ids(events: Sequence[Event], transcript_id: str) -> None:
    """Gives the events of old logs ids, by which timelines refer to events.

    Scout gives them new ones each time that it reads such a log; these stay the same.
    """
    for number, event in enumerate(events):
        if event.uuid is None:
            event.uuid = uuid5(NAMESPACE_OID, f"{transcript_id}/event/{number}").hex


def _timelines(sample: EvalSample) -> list[Any]:
    from inspect_ai.event import timeline_build

    stored = getattr(sample, "timelines", None)
    if stored:
        return list(stored)
    return [timeline_build(sample.events)] if sample.events else []


def _sample_columns(
    kept: KeptSample, summary: EvalSampleSummary, told: Evaluation
) -> dict[str, Any]:
    """Scout's further columns for samples of logs."""
    sample, content = kept.sample, kept.content
    return {
        **told.metadata,
        "id": str(sample.id),
        "epoch": sample.epoch,
        "input": _input_text(summary),
        "target": content.get("target", sample.target),
        "sample_metadata": content.get("metadata") or {},
        **score_columns(summary.scores),
        "scores": content.get("scores") or None,
        "working_time": sample.working_time,
    }


def _whereabouts(trace: SourceTrace, eval_status: str | None) -> dict[str, Any]:
    """What MLflow tells."""
    return {
        "eval_status": eval_status,
        "trace_id": trace.trace_id,
        "experiment_id": trace.experiment_id,
        "experiment_name": trace.experiment_name,
        "run_id": trace.metadata.get("mlflow.sourceRun"),
    }


def _told(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in columns.items() if value is not None}


def _input_text(summary: EvalSampleSummary) -> str:
    """The input as Scout's column shows it: shortened, as in the summary of the log."""
    from inspect_ai.analysis._dataframe.extract import messages_as_str

    return messages_as_str(summary.input)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
