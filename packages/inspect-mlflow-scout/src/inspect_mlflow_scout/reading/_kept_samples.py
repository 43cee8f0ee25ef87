"""Tells traces that keep samples of Inspect from all others."""

from __future__ import annotations

from typing import Final

from inspect_mlflow_core.kept_sample import KEPT_SAMPLE_PREFIX

from ._records import SourceTrace

__all__ = ["has_kept_sample"]

_FIRST_PIECE: Final = f"{KEPT_SAMPLE_PREFIX}0"


def has_kept_sample(trace: SourceTrace) -> bool:
    """Whether a trace keeps samples of an Inspect evaluation.

    Args:
        trace: With its spans.
    """
    return any(_FIRST_PIECE in span.attributes for span in trace.spans)
