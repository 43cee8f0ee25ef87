"""How labels turned into others, in plain text."""

from __future__ import annotations

from typing import Final

from inspect_mlflow_compare._types import LabelAgreement
from inspect_mlflow_compare.reports._characters import middle_cut
from inspect_mlflow_compare.reports._columns import Cell

__all__ = ["label_rows"]

_MOST_LABELS: Final = 8
_LABEL_WIDTH: Final = 12


def label_rows(agreement: LabelAgreement) -> list[list[Cell]]:
    """How often each label became which; empty when there are too many of them."""
    if len(agreement.labels) > _MOST_LABELS:
        return []
    names = [middle_cut(label, _LABEL_WIDTH) for label in agreement.labels]
    rows = [[Cell("was \\ is", "faint"), *(Cell(name, "faint", True) for name in names)]]
    for name, counts in zip(names, agreement.matrix, strict=True):
        rows.append([Cell(name), *(Cell(f"{number}", right=True) for number in counts)])
    return rows
