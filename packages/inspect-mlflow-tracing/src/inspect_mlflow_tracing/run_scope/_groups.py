"""How many samples are written together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ._run_sample import RunSample

__all__ = ["sample_groups"]

_MOST_SAMPLES: Final = 50
_MOST_SPANS: Final = 300
"""As many as go into one request."""

_MOST_KEPT_CHARACTERS: Final = 1_000_000
"""So many bytes are compressed texts: what is in memory is some ten times as large."""


def sample_groups(samples: Iterable[RunSample]) -> Iterator[list[RunSample]]:
    """Put samples together that are written by the same requests.

    Every request for a trace that is there already makes MLflow read its tags, metadata and
    assessments, so that one for each sample would take longer and longer.

    Args:
        samples: Read one at a time.

    Yields:
        At least one sample each; a large one alone.
    """
    group: list[RunSample] = []
    spans = characters = 0
    for sample in samples:
        size = sample.kept_characters
        full = len(group) == _MOST_SAMPLES or spans + len(sample.spans) > _MOST_SPANS
        if group and (full or characters + size > _MOST_KEPT_CHARACTERS):
            yield group
            group, spans, characters = [], 0, 0
        group.append(sample)
        spans += len(sample.spans)
        characters += size
    if group:
        yield group
