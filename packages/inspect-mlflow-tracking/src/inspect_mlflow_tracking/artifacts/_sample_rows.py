"""What one sample adds to the tables, as text that is ready to be written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._samples import sample_result
from ._values import clean_text
from .tables import iter_sample_rows

__all__ = ["SampleRows", "row_text", "sample_rows"]

# Made once: `json.dumps` makes an encoder for every call that is not by its defaults.
row_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class SampleRows:
    """The rows of one sample.

    Args:
        tables: JSON texts of its rows, by table; a row is the list of its cells.
        result: JSON text of its line in `sample_results/`, an object.
        scorers: Columns of that line beyond the fixed ones.
    """

    tables: Mapping[str, Sequence[str]]
    result: str
    scorers: tuple[str, ...]


def sample_rows(*, eval_id: str, task_name: str, sample: Mapping[str, Any] | Any) -> SampleRows:
    """Return the rows of one sample.

    Args:
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        sample: The sample as it is in the log file, or as an Inspect object.
    """
    tables: dict[str, list[str]] = {}
    for table, row in iter_sample_rows(eval_id=eval_id, task_name=task_name, sample=sample):
        tables.setdefault(table, []).append(row_text([*row.values()]))
    fixed, by_scorer = sample_result(sample)
    scores = {clean_text(scorer): value for scorer, value in by_scorer.items()}
    return SampleRows(tables, row_text(fixed | scores), tuple(scores))
