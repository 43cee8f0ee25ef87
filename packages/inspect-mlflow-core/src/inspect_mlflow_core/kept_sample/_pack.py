"""A sample as pieces of text.

Every piece is `v1;<number of pieces>;<size of the JSON in bytes>;<its SHA-256>;` and its part of
the base64 of the zlib-compressed JSON. As all pieces of one sample start alike, those of different
states of a sample are never mixed up, and one piece tells how many there must be. No piece is
valid JSON by itself: servers replace attributes that are by what they stand for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from inspect_mlflow_core.logs import redacted_sample

__all__ = ["FORM", "KEPT_SAMPLE_PREFIX", "kept_attributes", "packed_sample"]

KEPT_SAMPLE_PREFIX: Final = "inspect.sample."
"""What the names of the attributes start with; the number of the piece follows, from 0."""

FORM: Final = "v1"
"""Changes when the form does."""

_PIECE_CHARACTERS: Final = 32_768
"""Holds most samples in one piece. Much more would let single spans outgrow a request."""


def packed_sample(
    sample: Mapping[str, Any], *, piece_characters: int = _PIECE_CHARACTERS
) -> tuple[str, ...]:
    """Packs a sample, without the credentials in its model calls.

    Args:
        sample: Raw JSON of a sample, as `EvalLogReader` yields it; not changed.
        piece_characters: How many characters of the packed sample a piece may hold, next to the
            (about 90) that each piece starts with.

    Returns:
        At least one piece. They are the same for the same sample (and build of zlib).

    Raises:
        ValueError: `piece_characters` is less than 1.
    """
    if piece_characters < 1:
        raise ValueError(f"piece_characters is {piece_characters}; use 1 or more")
    # ASCII, because UTF-8 has no bytes for the lone surrogates that texts may hold.
    data = json.dumps(redacted_sample(sample), separators=(",", ":")).encode("ascii")
    text = base64.b64encode(zlib.compress(data)).decode("ascii")
    parts = [
        text[start : start + piece_characters] for start in range(0, len(text), piece_characters)
    ]
    head = f"{FORM};{len(parts)};{len(data)};{hashlib.sha256(data).hexdigest()};"
    return tuple(head + part for part in parts)


def kept_attributes(pieces: Sequence[str], span_count: int) -> list[dict[str, str]]:
    """Lays the pieces on the spans of a trace.

    Args:
        pieces: See `packed_sample`.
        span_count: How many spans the trace has, at least 1.

    Returns:
        For each span, in the order of spans (the root first), the attributes to add. They are
        spread evenly; the first piece, and so all of a small sample, lies on the root.

    Raises:
        ValueError: There is no span.
    """
    if span_count < 1:
        raise ValueError("a sample needs at least one span to be kept on")
    attributes: list[dict[str, str]] = [{} for _ in range(span_count)]
    for number, piece in enumerate(pieces):
        span = number * span_count // len(pieces)
        attributes[span][f"{KEPT_SAMPLE_PREFIX}{number}"] = piece
    return attributes
