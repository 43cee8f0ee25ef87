"""Writes what an eval log describes into its MLflow run.

This is the one path by which runs become complete: at the end of a task during an evaluation, and
in `sync` for logs that exist already.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inspect_mlflow_core.connection import ConcurrentCalls, MetricPoint, RunStatus
from inspect_mlflow_core.conversion import NameTable
from inspect_mlflow_tracking.artifacts import (
    LOGGED_ARTIFACTS_TAG,
    TableFiles,
    logged_artifacts_value,
    table_paths,
    write_header_file,
)
from inspect_mlflow_tracking.artifacts.tables import extract_task_row
from inspect_mlflow_tracking.mapping import (
    RunningSample,
    SampleFacts,
    SamplePositions,
    TaskSummary,
    accuracy_scorer,
    closing_points,
    dataset_input,
    dataset_order,
    end_time_ms,
    expected_samples,
    log_file_parameters,
    run_status,
    running_points,
    running_sample,
    sample_facts,
    sample_points,
    start_time_ms,
    task_parameters,
)
from inspect_mlflow_tracking.mapping.tags import LOG_DIGEST, STATUS, json_text, outcome_tags
from inspect_mlflow_tracking.runs import (
    PreparedSample,
    PreparedSamples,
    RunEnding,
    RunWriter,
)

from ._uploads import Uploads

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings
    from inspect_mlflow_core.logs import EvalLogReader
    from inspect_mlflow_tracking.runs import TrackingTarget

TaskAction = Literal["created", "updated", "unchanged"]

# Raised when the mapping changes, so that runs written by an older version are brought up to date.
MAPPING_VERSION = 1


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of one log.

    Args:
        action: Whether its run was created, updated, or complete already.
        run_id: MLflow's run id.
        status: MLflow's run status.
        samples: Samples in the log.
        problems: One line for each thing that could not be read or written.
    """

    action: TaskAction
    run_id: str
    status: str
    samples: int
    problems: list[str] = field(default_factory=list)


def write_task_log(
    target: TrackingTarget,
    reader: EvalLogReader,
    settings: MLflowSettings,
    *,
    writer: RunWriter | None = None,
    prepared: PreparedSamples | None = None,
    being_written: bool = False,
    last: bool = False,
) -> TaskResult:
    """Bring the run of a log to the state that the log describes.

    Args:
        target: Where the run goes.
        reader: The open log.
        settings: Settings with the task's own overrides applied.
        writer: The run's writer when it is open already.
        prepared: Samples that were made ready during the evaluation.
        being_written: Whether somebody still writes a log of status `started`.
        last: Whether this is the last task of its evaluation, so that the parent run can be
            closed at the same time.

    Returns:
        What was done.

    Raises:
        RetryableError: The server cannot take it now; calling again goes on from there.
        RejectedError: The server refuses the run.
        LogReadError: The log cannot be read.
    """
    header = reader.header
    status = run_status(header.status, being_written=being_written)
    writer = writer or target.open_task_run(header.eval, settings)
    fresh = writer.points_sent == 0 and not writer.run.metrics and LOG_DIGEST not in writer.tags
    complete = writer.tags.get(LOG_DIGEST) == _fingerprint(reader, settings, status)
    if complete and writer.status == status:
        return TaskResult("unchanged", writer.run.run_id, writer.status, 0)
    work = _TaskWriting(writer, reader, settings, status, prepared)
    if last:
        work.at_end = target.foresee
    work.write()
    action: TaskAction = "created" if fresh else "updated"
    return TaskResult(action, writer.run.run_id, status, work.summary.samples, work.problems)


def _fingerprint(reader: EvalLogReader, settings: MLflowSettings, status: RunStatus) -> str:
    """Return what decides whether a run is up to date with a log."""
    artifacts = "artifacts" if settings.log_artifacts else "no-artifacts"
    scorer = settings.accuracy_scorer or ""
    return f"{MAPPING_VERSION}:{reader.digest}:{status}:{artifacts}:{scorer}"[:1000]


class _TaskWriting:
    """One pass over a log: params first, samples as they are read, totals and files last."""

    def __init__(
        self,
        writer: RunWriter,
        reader: EvalLogReader,
        settings: MLflowSettings,
        status: RunStatus,
        prepared: PreparedSamples | None,
    ) -> None:
        self.writer, self.reader, self.settings, self.status = writer, reader, settings, status
        self._prepared = prepared
        self.at_end: Callable[[RunEnding], None] = lambda _: None
        self.header = reader.header
        self.problems: list[str] = []
        self.param_names, self.metric_names = NameTable(), NameTable()
        scorer = accuracy_scorer(settings.accuracy_scorer, self.header.eval.scorers)
        self.summary = TaskSummary(scorer)
        self._executed: list[RunningSample] = []
        self._tags: dict[str, Any] = {}

    def write(self) -> None:
        """Write everything; the fingerprint goes last, as the mark of a complete run."""
        with ExitStack() as stack:
            prefix = "inspect-mlflow-"
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
            calls = stack.enter_context(ConcurrentCalls(self.writer.store.concurrency))
            self._write_start(calls)
            if self.settings.log_artifacts:
                self._write_samples_and_files(directory, calls)
            else:
                self.writer.add_points(self._sample_points(None))
                self.writer.log_points(self._totals())
        self.problems += self.reader.problems
        self._write_end()

    def _write_start(self, calls: ConcurrentCalls) -> None:
        spec = self.header.eval
        # Edits of a finished log change its own metadata, not that of the specification.
        metadata = getattr(self.header, "metadata", None)
        params = task_parameters(spec, self.header.plan, self.param_names, metadata=metadata)
        params.update(log_file_parameters(self.writer.params, self.reader.location))
        calls.start(lambda: self.writer.log_start(params, {}))
        calls.start(lambda: self.writer.log_dataset(dataset_input(spec)))

    def _write_samples_and_files(self, directory: Path, calls: ConcurrentCalls) -> None:
        spec, location = self.header.eval, Path(self.reader.location)
        copies, artifacts = directory / "log", directory / "artifacts"
        copies.mkdir()
        uploads = Uploads(self.writer, calls)
        harmless = self._prepared.harmless if self._prepared is not None else frozenset()
        uploads.start_log(self.reader.local_path, location.name, copies, harmless)
        with TableFiles(artifacts, eval_id=spec.eval_id, task_name=spec.task) as tables:
            self.writer.add_points(self._sample_points(tables))
            self.writer.add_points(self._totals())
            tables.finish(
                extract_task_row(eval_id=spec.eval_id, task_name=spec.task, log=self.header)
            )
        self._write_names_file(artifacts)
        write_header_file(self.header, artifacts, location.stem)
        uploads.start_directory(artifacts)
        self.writer.send_points()
        calls.wait()
        if uploads.refusal is not None:
            self.problems.append(f"artifacts: {uploads.refusal}")

    def _sample_points(self, tables: TableFiles | None) -> Iterator[MetricPoint]:
        """Yield the points of each sample while counting it; one sample is held at a time."""
        header = self.header
        created_ms = start_time_ms(header)
        fallback_ms = end_time_ms(header)
        ids = header.eval.dataset.sample_ids
        seen = () if ids else [sample_id for sample_id, _ in self.reader.sample_keys()]
        positions = SamplePositions(dataset_order(ids, seen))
        for facts in self._samples(tables):
            self.summary.add(facts)
            executed = running_sample(facts, self.summary.scorer, created_ms)
            if executed is not None:
                self._executed.append(executed)
            step = positions.step(facts.id, facts.epoch)
            yield from sample_points(facts, step, fallback_ms, self.metric_names)

    def _samples(self, tables: TableFiles | None) -> Iterator[SampleFacts]:
        """Yield the facts of each sample after adding its rows to the tables."""
        prepared = self._prepared
        for sample in self.reader.samples(prepared.get) if prepared else self.reader.samples():
            if isinstance(sample, PreparedSample):
                if tables is not None:
                    tables.add_rows(sample.rows)
                yield sample.facts
            else:
                if tables is not None:
                    tables.add_sample(sample)
                yield sample_facts(sample)

    def _totals(self) -> list[MetricPoint]:
        """Return the points that are known once every sample was counted."""
        running = running_points(self._executed, expected_samples(self.header.eval))
        highest = max((point.step for point in running), default=0)
        highest = max(highest, self.writer.highest_step("inspect.samples"))
        points, not_numbers = closing_points(self.header, self.summary, highest, self.metric_names)
        if not_numbers:
            self._tags["inspect.metrics_nan"] = json_text(not_numbers, 5000)
        return [*running, *points]

    def _write_names_file(self, directory: Path) -> None:
        rewritten = {
            "metrics": self.metric_names.rewritten,
            "params": self.param_names.rewritten,
        }
        if any(rewritten.values()):
            path = directory / "inspect" / "names.json"
            path.write_text(json.dumps(rewritten, indent=2, ensure_ascii=True), encoding="utf-8")

    def _write_end(self) -> None:
        tags = {**self._tags, **outcome_tags(self.header, self.status, self.reader.location)}
        if not any(problem.startswith("artifacts: ") for problem in self.problems):
            if self.settings.log_artifacts:
                current = self.writer.tags.get(LOGGED_ARTIFACTS_TAG)
                paths = table_paths(self.header.eval.task)
                tags[LOGGED_ARTIFACTS_TAG] = logged_artifacts_value(paths, current)
            tags[LOG_DIGEST] = _fingerprint(self.reader, self.settings, self.status)
        tags[STATUS] = self.status
        running = self.status == "RUNNING"
        end_ms = None if running else end_time_ms(self.header, self.summary)
        ending = RunEnding(self.writer.run.run_id, self.status, end_ms)
        with ConcurrentCalls(self.writer.store.concurrency) as calls:
            calls.start(lambda: self.writer.set_status(self.status, end_ms))
            calls.start(lambda: self.at_end(ending))
            self.writer.set_tags(tags)
