"""Artifacts of an evaluation logged to a run that you have, outside of the hooks."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from logging import Logger, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._header_file import write_header_file
from ._log_file import prepare_log_artifact
from ._log_source import LogSource, open_log
from ._table_files import (
    LOGGED_ARTIFACTS_TAG,
    TABLE_DIRECTORY,
    TableFiles,
    logged_artifacts_value,
    table_paths,
)
from ._values import obj_get
from .tables import extract_task_row

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["LOG_DIRECTORY", "ArtifactManager"]

LOG_DIRECTORY = "inspect/logs"
"""Where the eval log itself is, below a run's artifacts."""


class ArtifactManager:
    """Logs what the tracking hooks log, for a log and a run of your choice.

    Wherever a log is asked for, a path or URL, an `EvalLog` with its samples, and one
    without samples that knows its `location` will do. Samples are read one at a time
    from `.eval` files. Only the client given is used; MLflow's global state stays as it
    is.

    Args:
        client: Client of the MLflow server that has the run.
        logger: Where problems are reported that no exception tells.
    """

    def __init__(self, client: MlflowClient, logger: Logger | None = None) -> None:
        self._client = client
        self._logger = logger or getLogger(__name__)

    def load_full_eval_log(self, log: Any) -> Any | None:
        """A log with all its samples in memory.

        Args:
            log: See the class; a log that has its samples is returned as it is.

        Returns:
            The `EvalLog`, or None, with a warning, when there is nothing to read it from
            or it cannot be read. A large log takes gigabytes; the other methods do not
            use this one.
        """
        from inspect_ai.log import read_eval_log

        is_path = isinstance(log, str | Path)
        if not is_path and obj_get(log, "samples") is not None:
            return log
        location = str(log) if is_path else obj_get(log, "location")
        if not location:
            self._logger.warning("An eval log without samples and location cannot be loaded.")
            return None
        try:
            return read_eval_log(location)
        except Exception as error:  # whatever is wrong with the file is told in the warning
            self._logger.warning("Eval log %s cannot be loaded: %s", Path(location).name, error)
            return None

    def log_eval_artifacts(self, run_id: str, log: Any) -> None:
        """Log everything: tables, sample results, header and the log file itself.

        Args:
            run_id: Id of an existing run.
            log: See the class.

        Raises:
            LogReadError: The log cannot be read; nothing was logged.
        """
        self._log(run_id, log, _write_all)

    def log_eval_json(self, run_id: str, log: Any) -> None:
        """Log the header as `eval_logs/<log file>.json`, credentials masked.

        Args:
            run_id: Id of an existing run.
            log: See the class.

        Raises:
            LogReadError: The log cannot be read; nothing was logged.
        """
        self._log(run_id, log, _write_header)

    def log_inspect_tables(self, run_id: str, log: Any) -> None:
        """Log `inspect/{tasks,samples,messages,sample_scores,events,model_usage}.json`.

        Args:
            run_id: Id of an existing run.
            log: See the class.

        Raises:
            LogReadError: The log cannot be read; nothing was logged.
        """
        self._log(run_id, log, _write_tables)

    def log_sample_table(self, run_id: str, log: Any) -> None:
        """Log `sample_results/<task>.json`: a line per sample and epoch.

        Args:
            run_id: Id of an existing run.
            log: See the class.

        Raises:
            LogReadError: The log cannot be read; nothing was logged.
        """
        self._log(run_id, log, _write_sample_table)

    def _log(
        self, run_id: str, log: Any, write: Callable[[LogSource, Path], Iterable[str]]
    ) -> None:
        with tempfile.TemporaryDirectory() as scratch, open_log(log, self._logger) as source:
            artifacts = Path(scratch) / "artifacts"
            tables = write(source, artifacts)
            log_file = None
            if write is _write_all and source.local_path is not None:
                log_file = prepare_log_artifact(source.local_path, Path(scratch) / "redacted")
            self._client.log_artifacts(run_id, str(artifacts))
            if log_file is not None:
                self._client.log_artifact(run_id, str(log_file), LOG_DIRECTORY)
            self._tag_tables(run_id, tables)

    def _tag_tables(self, run_id: str, paths: Iterable[str]) -> None:
        current = self._client.get_run(run_id).data.tags.get(LOGGED_ARTIFACTS_TAG)
        value = logged_artifacts_value(paths, current)
        if value != (current or "[]"):
            self._client.set_tag(run_id, LOGGED_ARTIFACTS_TAG, value)


def _write_all(source: LogSource, directory: Path) -> Iterable[str]:
    _write_header(source, directory)
    return _write_table_files(source, directory)


def _write_header(source: LogSource, directory: Path) -> Iterable[str]:
    write_header_file(source.header, directory, source.stem)
    return ()


def _write_tables(source: LogSource, directory: Path) -> Iterable[str]:
    *tables, results = _write_table_files(source, directory)
    shutil.rmtree((directory / results).parent)
    return tables


def _write_sample_table(source: LogSource, directory: Path) -> Iterable[str]:
    *_, results = _write_table_files(source, directory)
    shutil.rmtree(directory / TABLE_DIRECTORY)
    return (results,)


def _write_table_files(source: LogSource, directory: Path) -> tuple[str, ...]:
    names = {"eval_id": source.eval_id, "task_name": source.task_name}
    with TableFiles(directory, **names) as files:
        for sample in source.samples:
            files.add_sample(sample)
        files.finish(extract_task_row(log=source.header, **names))
    return table_paths(source.task_name)
