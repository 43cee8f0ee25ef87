"""Tables that a run shows of an evaluation, under `inspect/` in its artifacts.

Every function takes Inspect's objects and the JSON that Inspect writes for them alike,
and gives the same rows for both. Every row starts with `eval_id`, `task`, `sample_id`
and `epoch`; cells are null, booleans, numbers or text of at most `CELL_LIMIT` characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._columns import TABLE_COLUMNS, TABLE_NAMES
from ._events import event_rows, extract_event_rows
from ._messages import extract_message_rows, message_rows
from ._samples import (
    extract_model_usage_rows,
    get_sample_output_text,
    model_usage_rows,
    sample_keys,
    sample_row,
)
from ._scores import extract_sample_score_rows, sample_scores, score_rows, scores_to_dict
from ._tasks import extract_task_row
from ._usage import extract_usage_from_events, sum_usage_map, usage_to_dict
from ._values import CELL_LIMIT, Cell, obj_get, rows_to_columns, to_json, to_string

__all__ = [
    "CELL_LIMIT",
    "TABLE_COLUMNS",
    "TABLE_NAMES",
    "extract_event_rows",
    "extract_inspect_table_rows",
    "extract_message_rows",
    "extract_model_usage_rows",
    "extract_sample_score_rows",
    "extract_task_row",
    "extract_usage_from_events",
    "get_sample_output_text",
    "iter_sample_rows",
    "obj_get",
    "rows_to_columns",
    "scores_to_dict",
    "sum_usage_map",
    "to_json",
    "to_string",
    "usage_to_dict",
]


def extract_inspect_table_rows(
    *, eval_id: str, task_name: str, log: Any
) -> dict[str, list[dict[str, Any]]]:
    """Rows of all the tables of a log, held in memory.

    Args:
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        log: The eval log with its samples, as an object or as JSON.

    Returns:
        Rows by table: `tasks`, `samples`, `messages`, `sample_scores`, `events` and
        `model_usage`. A log without samples has a row in `tasks` only.
    """
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLE_NAMES}
    tables["tasks"].append(extract_task_row(eval_id=eval_id, task_name=task_name, log=log))
    samples = obj_get(log, "samples")
    for sample in () if samples is None else samples:
        for table, row in iter_sample_rows(eval_id=eval_id, task_name=task_name, sample=sample):
            tables[table].append(row)
    return tables


def iter_sample_rows(
    *, eval_id: str, task_name: str, sample: Any
) -> Iterator[tuple[str, dict[str, Cell]]]:
    """Rows that one sample adds to the tables, one at a time.

    Args:
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        sample: The sample or its JSON.

    Yields:
        The name of a table and a row for it.
    """
    keys = sample_keys(eval_id, task_name, sample)
    yield "samples", sample_row(keys, sample)
    for row in message_rows(keys, sample):
        yield "messages", row
    for row in score_rows(keys, sample_scores(sample)):
        yield "sample_scores", row
    for row in event_rows(keys, sample):
        yield "events", row
    for row in model_usage_rows(keys, sample):
        yield "model_usage", row
