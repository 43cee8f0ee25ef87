"""Traces that other programs than Inspect wrote, as transcripts."""

from ._transcript import foreign_transcript

__all__ = ["foreign_transcript"]
