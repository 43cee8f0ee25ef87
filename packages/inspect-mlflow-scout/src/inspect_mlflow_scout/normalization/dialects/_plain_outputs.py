"""What came out of a model: one message, or an output that is no response of the provider's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ._pieces import Piece, Result, messages_of, text_part

__all__ = ["plain_choices", "reply_of"]

# How Python shows an object that cannot be stored, such as a stream.
_OBJECT = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>")


def plain_choices(outputs: Any) -> list[dict[str, Any]]:
    """A text that was the answer, or the JSON of what came instead of one.

    Returns:
        None of them when nothing came, or only an object without any content.
    """
    if outputs is None or outputs in ("", [], {}):
        return []
    if isinstance(outputs, str) and _OBJECT.fullmatch(outputs):
        return []
    return [{"message": reply_of([text_part(outputs)]), "finish_reason": None}]


def reply_of(pieces: Iterable[Piece]) -> dict[str, Any]:
    """One message of the model; the result of a tool within it is part of what it says."""
    said: list[Piece] = []
    for piece in pieces:
        if not isinstance(piece, Result):
            said.append(piece)
        elif isinstance(piece.content, str):
            said.append(text_part(piece.content))
        else:
            said.extend(piece.content)
    (message,) = messages_of("assistant", said)
    return message
