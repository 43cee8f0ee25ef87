"""What the two formats of an eval log have in common: a header and samples by id and epoch."""

from __future__ import annotations

import json
import re
from io import BufferedReader
from typing import Any, Final, Protocol, TypeAlias

__all__ = [
    "HEAD_BYTES",
    "LogContent",
    "SampleKey",
    "TextKey",
    "key_from_head",
    "key_of",
    "reading_order",
    "text_key",
]

SampleKey: TypeAlias = tuple[str | int, int]
"""Id of a sample in its dataset, and epoch."""

TextKey: TypeAlias = tuple[str, int]
"""A `SampleKey` with the id as text, the form in which Inspect compares ids."""

HEAD_BYTES: Final = 4096
"""How much of a sample is read to learn its id and epoch."""

# Inspect writes id and epoch first; a log rewritten by another tool may not.
_HEAD: Final = re.compile(
    rb'\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)\s*,\s*"epoch"\s*:\s*(\d+)\s*[,}]', re.DOTALL
)


class LogContent(Protocol):
    """An open eval log in one of the formats.

    Attributes:
        stream: The file, for which no position is kept from one call to the next.
        damage: One line for each part that is missing or unreadable, apart from single samples.
    """

    stream: BufferedReader
    damage: list[str]

    def header(self) -> dict[str, Any]:
        """Raw JSON of the log without samples and reductions, read before anything else.

        Raises:
            LogReadError: The file is no eval log, or its header cannot be read.
        """
        ...

    def sample_keys(self) -> list[SampleKey]:
        """Keys of all samples, the newest version of each, in `reading_order`."""
        ...

    def read(self, key: SampleKey) -> tuple[dict[str, Any], list[str]]:
        """Raw JSON of one sample, and a line for each part of it that is lost.

        Raises:
            KeyError: There is no such sample.
            Exception: Its content is damaged; which one depends on the decompressor.
        """
        ...

    def summary(self, key: SampleKey) -> dict[str, Any] | None:
        """Raw JSON of the sample's summary, if the log has a readable one."""
        ...

    def close(self) -> None:
        """Closes the file."""
        ...


def text_key(key: SampleKey) -> TextKey:
    """The key in the form in which keys are compared."""
    return str(key[0]), key[1]


def reading_order(key: SampleKey) -> tuple[int, str]:
    """Sort key of samples: that of Inspect's own readers (epoch, then id, numbers by value)."""
    identifier, epoch = key
    return epoch, identifier if isinstance(identifier, str) else str(identifier).zfill(20)


def key_from_head(head: bytes) -> SampleKey | None:
    """Id and epoch from the first bytes of a sample or summary, if they come first."""
    found = _HEAD.match(head)
    return (json.loads(found[1]), int(found[2])) if found else None


def key_of(sample: dict[str, Any]) -> SampleKey | None:
    """Id and epoch of a sample or summary (epoch 1 where an old log names none)."""
    identifier, epoch = sample.get("id"), sample.get("epoch", 1)
    if isinstance(identifier, str | int) and isinstance(epoch, int):
        return identifier, epoch
    return None
