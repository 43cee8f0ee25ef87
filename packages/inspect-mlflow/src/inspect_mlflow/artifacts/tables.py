"""The rows of a run's tables; see `inspect_mlflow_tracking.artifacts.tables`."""

from __future__ import annotations

from inspect_mlflow_tracking.artifacts.tables import (
    CELL_LIMIT,
    TABLE_COLUMNS,
    TABLE_NAMES,
    extract_event_rows,
    extract_inspect_table_rows,
    extract_message_rows,
    extract_model_usage_rows,
    extract_sample_score_rows,
    extract_task_row,
    extract_usage_from_events,
    get_sample_output_text,
    iter_sample_rows,
    obj_get,
    rows_to_columns,
    scores_to_dict,
    sum_usage_map,
    to_json,
    to_string,
    usage_to_dict,
)

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
