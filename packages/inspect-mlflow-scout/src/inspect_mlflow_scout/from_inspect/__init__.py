"""Traces that Inspect's evaluations left: the transcripts that Scout reads from their logs."""

from ._evaluation import Evaluation, evaluation
from ._transcript import SourceType, sample_transcripts

__all__ = ["Evaluation", "SourceType", "evaluation", "sample_transcripts"]
