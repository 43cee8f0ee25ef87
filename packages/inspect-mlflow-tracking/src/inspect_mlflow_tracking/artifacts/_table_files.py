"""Tables written to files row by row, in the format that MLflow reads as tables."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from ._columns import SAMPLE_RESULT_COLUMNS, TABLE_COLUMNS, TABLE_NAMES
from ._sample_rows import SampleRows, row_text, sample_rows
from ._values import row_of

__all__ = [
    "LOGGED_ARTIFACTS_TAG",
    "TABLE_DIRECTORY",
    "TableFiles",
    "TableWriter",
    "logged_artifacts_value",
    "sample_results_path",
    "table_paths",
]

LOGGED_ARTIFACTS_TAG: Final = "mlflow.loggedArtifacts"
"""Run tag by which MLflow's UI and `load_table` know which artifacts are tables."""

TABLE_DIRECTORY: Final = "inspect"
"""Where the tables are, below a run's artifacts."""

_NAME_LIMIT: Final = 100


class TableWriter:
    """One table in MLflow's format, written as its rows come.

    The file holds what `MlflowClient.log_table` would have written,
    `{"columns": [...], "data": [[...], ...]}`, one row per line, and nothing that depends
    on when it was written. It is complete once `close` was called.

    Args:
        path: File to write; its directory is made.
        columns: Columns of every row.
    """

    def __init__(self, path: Path, columns: Iterable[str]) -> None:
        self._columns = tuple(columns)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._file.write(f'{{"columns":{row_text(self._columns)},"data":[')
        self._separator = "\n"

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row; cells that it lacks are null."""
        self.add_text(row_text([*map(row.get, self._columns)]))

    def add_text(self, row: str) -> None:
        """Append a row that is JSON text already: the list of its cells."""
        self._file.write(self._separator + row)
        self._separator = ",\n"

    def close(self) -> None:
        """End the table and close the file; later calls do nothing."""
        if not self._file.closed:
            self._file.write("]}\n")
            self._file.close()


class TableFiles:
    """The tables of one task, written sample by sample into a directory.

    Below the directory it makes `inspect/<table>.json` for each of
    `tables.TABLE_NAMES` and `sample_results/<task>.json`, the paths that they have in the
    run. Rows stand in the order in which samples are added. Nothing is kept in memory but
    the names of scorers, so the size of a log does not matter.

    Use it as a context manager, or call `finish`; leaving it without `finish` closes the
    files, which then are not complete.

    Args:
        directory: Where to write.
        eval_id: Id of the evaluation.
        task_name: Name of the task.
    """

    def __init__(self, directory: Path, *, eval_id: str, task_name: str) -> None:
        self._directory, self._eval_id, self._task_name = directory, eval_id, task_name
        self._closing = ExitStack()
        self._tables = {name: self._table(name) for name in TABLE_NAMES}
        self._results = self._closing.enter_context(_ResultRows())

    def _table(self, name: str) -> TableWriter:
        writer = TableWriter(
            self._directory / TABLE_DIRECTORY / f"{name}.json", TABLE_COLUMNS[name]
        )
        self._closing.callback(writer.close)
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.close()

    def add_sample(self, sample: Mapping[str, Any] | Any) -> None:
        """Append the rows of a sample to each table.

        Args:
            sample: The sample as it is in the log file, or as an Inspect object.
        """
        self.add_rows(sample_rows(eval_id=self._eval_id, task_name=self._task_name, sample=sample))

    def add_rows(self, rows: SampleRows) -> None:
        """Append the rows of a sample that were made before.

        Args:
            rows: Of a sample of this evaluation.
        """
        for table, texts in rows.tables.items():
            for text in texts:
                self._tables[table].add_text(text)
        self._results.add(rows)

    def finish(self, task_row: Mapping[str, Any]) -> tuple[Path, ...]:
        """Write the row of the task and complete all files.

        Args:
            task_row: See `tables.extract_task_row`.

        Returns:
            The files, with the directory that was given at the start.
        """
        self._tables["tasks"].add(row_of(TABLE_COLUMNS["tasks"], task_row))
        path = self._directory / sample_results_path(self._task_name)
        self._results.write(path)
        self._closing.close()
        tables = (self._directory / table for table in table_paths(self._task_name)[:-1])
        return (*tables, path)


class _ResultRows:
    """Rows of `sample_results/`, spooled until all scorers, and so all columns, are known."""

    def __init__(self) -> None:
        self._scorers: dict[str, None] = {}
        self._rows: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def add(self, rows: SampleRows) -> None:
        self._scorers.update(dict.fromkeys(rows.scorers))
        self._rows.write(rows.result + "\n")

    def write(self, path: Path) -> None:
        writer = TableWriter(path, (*SAMPLE_RESULT_COLUMNS, *self._scorers))
        self._rows.seek(0)
        for line in self._rows:
            writer.add(json.loads(line))
        writer.close()


def sample_results_path(task_name: str) -> str:
    """Path of a task's results below the artifacts of its run.

    Args:
        task_name: Name of the task; what a file name cannot hold becomes `_`.

    Returns:
        A path such as `sample_results/arithmetic.json`, always the same for one task.
    """
    name = re.sub(r"[^\w.-]+", "_", task_name, flags=re.ASCII).strip("._")[:_NAME_LIMIT]
    return f"sample_results/{name or 'task'}.json"


def table_paths(task_name: str) -> tuple[str, ...]:
    """Paths of all table artifacts of a run, `sample_results/` last."""
    tables = (f"{TABLE_DIRECTORY}/{name}.json" for name in TABLE_NAMES)
    return (*tables, sample_results_path(task_name))


def logged_artifacts_value(paths: Iterable[str], current: str | None = None) -> str:
    """Value of the tag `mlflow.loggedArtifacts` that names these tables.

    Args:
        paths: Paths below the run's artifacts.
        current: The tag's present value, whose entries are kept.

    Returns:
        JSON text, spelled as MLflow's own, since `load_table` matches it as text.
    """
    entries = json.loads(current) if current else []
    for path in paths:
        entry = {"path": path, "type": "table"}
        if entry not in entries:
            entries.append(entry)
    return json.dumps(entries)
