"""Samples that an `.eval` file holds in pieces.

`samples/{id}_epoch_{n}/sample.json` is the sample without its sequences; those stand beside it
as `messages/{start}.json`, `events/…`, `calls/…` and `attachments/…`, each a list of items whose
first has the index `start` (layout: `inspect_ai.log._recorders.chunked.format`). Inspect's own
readers do not read this form; here it is put together as if it had been written in one piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from ._json_document import parse_json, parse_object
from ._pools import pooled_items

__all__ = ["CHUNK_NAME", "read_chunked_sample", "shell_name"]

CHUNK_NAME: Final = re.compile(
    r"(?P<prefix>samples/(?P<id>.+)_epoch_(?P<epoch>\d+))/"
    r"(?:sample|metadata|skeleton|(?:messages|events|calls|attachments)/[^/]+)\.json",
    re.DOTALL,
)
"""Name of a member that is a piece of a sample."""


def shell_name(prefix: str) -> str:
    """Name of the member that holds the sample without its sequences."""
    return f"{prefix}/sample.json"


def read_chunked_sample(
    read: Callable[[str], bytes], prefix: str, names: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """Puts a sample together from its pieces.

    Args:
        read: Reads a member of the archive by its name.
        prefix: What the names of all pieces of the sample start with.
        names: Names of all its pieces.

    Returns:
        The sample, and one line for each sequence that is unreadable and therefore left empty.

    Raises:
        Exception: `sample.json` is missing or unreadable.
    """
    sample = parse_object(read(shell_name(prefix)))
    lost: list[str] = []
    messages = _sequence(read, prefix, "messages", names, lost)
    sample["events_data"] = {
        "messages": messages,
        "calls": _sequence(read, prefix, "calls", names, lost),
    }
    sample["messages"] = pooled_items(messages, sample.pop("message_refs", None))
    sample["events"] = _sequence(read, prefix, "events", names, lost)
    # References name an attachment by its index instead of its hash.
    attachments = _sequence(read, prefix, "attachments", names, lost)
    sample["attachments"] = {str(index): text for index, text in enumerate(attachments)}
    if f"{prefix}/metadata.json" in names:
        sample["metadata"] = _metadata(read, prefix, lost)
    return sample, lost


def _sequence(
    read: Callable[[str], bytes], prefix: str, sequence: str, names: Sequence[str], lost: list[str]
) -> list[Any]:
    start = re.compile(re.escape(f"{prefix}/{sequence}/") + r"(\d+)\.json")
    chunks = sorted((int(found[1]), name) for name in names if (found := start.fullmatch(name)))
    items: list[Any] = []
    try:
        for _, name in chunks:
            items.extend(parse_json(read(name)))
    # Each decompressor fails with an error class of its own.
    except Exception as error:
        lost.append(f"{sequence} cannot be read ({type(error).__name__}: {error})")
        return []  # items are named by their index: a part of them would be the wrong ones
    return items


def _metadata(read: Callable[[str], bytes], prefix: str, lost: list[str]) -> dict[str, Any]:
    try:
        return parse_object(read(f"{prefix}/metadata.json"))
    except Exception as error:
        lost.append(f"metadata cannot be read ({type(error).__name__}: {error})")
        return {}
