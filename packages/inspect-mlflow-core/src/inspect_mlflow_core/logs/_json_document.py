"""Finds the parts of a large JSON document without building it in memory.

A `.json` eval log is one document that can be larger than memory. Streaming parsers are no
answer: they refuse the bare `NaN` and `Infinity` that Inspect writes, and integers over 64
bits. So only the places of the parts are found here; each part is then read by itself with the
standard `json` module, which accepts all of that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

__all__ = ["DocumentPart", "document_parts", "list_parts", "parse_json", "parse_object"]

_READ_BYTES: Final = 1 << 20
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
# Possessive, so that a long text without a match costs one pass and no backtracking.
_TO_BRACKET: Final = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+[{}\[\]]", re.DOTALL)
_TO_MARK: Final = re.compile(rb'(?:[^"{}\[\],:]++|' + _STRING + rb")*+[{}\[\],:]", re.DOTALL)
_OPENING: Final = frozenset(b"{[")
_OPEN_OBJECT, _OPEN_LIST, _COMMA, _COLON = b"{[,:"


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """Where one part of a JSON document stands.

    Args:
        key: The top-level member that this is, or is an item of.
        item: Position in the member's list, or None for the member as a whole.
        start: Offset of its first byte (blanks before the value may be included).
        end: Offset after its last byte.
    """

    key: str
    item: int | None
    start: int
    end: int


def parse_json(data: bytes) -> Any:
    """Reads JSON as Inspect writes it (bare NaN and Infinity, lone surrogates).

    Raises:
        ValueError: The text is no valid JSON or is nested too deeply to be read.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_object(data: bytes) -> dict[str, Any]:
    """Reads a JSON object; see `parse_json`.

    Raises:
        ValueError: The text is no valid JSON or is no object.
    """
    value = parse_json(data)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def document_parts(stream: BinaryIO, split: str) -> Iterator[DocumentPart]:
    """Yields the top-level members of a JSON object, in their order.

    Args:
        stream: The document, read once from where it stands.
        split: Name of a member whose list items are yielded one by one, after a part for the
            member itself that ends where it starts.

    Raises:
        ValueError: The document is no object, or ends early.
    """
    scan = _Scan(stream)
    if scan.to_mark() != _OPEN_OBJECT:
        raise ValueError("not a JSON object")
    while True:
        key_start = scan.offset
        if scan.to_mark() != _COLON:
            return  # an empty object, or no JSON
        key = str(json.loads(scan.text(key_start, scan.offset - 1)))
        if key == split:
            start = scan.offset
            yield DocumentPart(key, None, start, start)
            for item, (start, end) in enumerate(scan.items()):
                yield DocumentPart(key, item, start, end)
            mark = scan.to_mark()
        else:
            start, end, mark = scan.value()
            yield DocumentPart(key, None, start, end)
        if mark != _COMMA:
            return


def list_parts(stream: BinaryIO) -> Iterator[DocumentPart]:
    """Yields the items of a document that is a JSON list, in their order.

    Raises:
        ValueError: The document is no list, or ends early.
    """
    scan = _Scan(stream)
    for item, (start, end) in enumerate(scan.items()):
        yield DocumentPart("", item, start, end)


class _Scan:
    """A window that moves over the document from one structural character to the next."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._window = b""
        self._window_offset = stream.tell()
        self.position = 0  # in the window

    @property
    def offset(self) -> int:
        """Offset in the document of the next byte to look at."""
        return self._window_offset + self.position

    def text(self, start: int, end: int) -> bytes:
        """The bytes between two offsets, neither before the start of the last move."""
        return self._window[start - self._window_offset : end - self._window_offset]

    def to_mark(self) -> int:
        """Moves past the next bracket, comma or colon outside of strings; returns it."""
        return self._move(_TO_MARK)

    def value(self) -> tuple[int, int, int]:
        """Moves past a value and the mark behind it.

        Returns:
            Start and end offset of the value (equal when there is none), and the mark.
        """
        start = self.offset
        mark = self.to_mark()
        if mark in _OPENING:
            self._close()
            end = self.offset
            return start, end, self.to_mark()
        end = self.offset - 1
        return start, end if self.text(start, end).strip() else start, mark

    def items(self) -> Iterator[tuple[int, int]]:
        """Moves past a list and yields start and end offset of its items."""
        if self.to_mark() != _OPEN_LIST:
            self.position -= 1  # null in place of a list: the mark is the one behind it
            return
        mark = _COMMA
        while mark == _COMMA:
            start, end, mark = self.value()
            if end > start:
                yield start, end

    def _close(self) -> None:
        depth = 1
        while depth:
            depth += 1 if self._move(_TO_BRACKET) in _OPENING else -1

    def _move(self, pattern: re.Pattern[bytes]) -> int:
        while (found := pattern.match(self._window, self.position)) is None:
            self._read()
        self.position = found.end()
        return self._window[self.position - 1]

    def _read(self) -> None:
        rest = self._window[self.position :]
        # As much again as is left over: a string longer than the window is then scanned a
        # bounded number of times.
        more = self._stream.read(max(_READ_BYTES, len(rest)))
        if not more:
            raise ValueError("the document ends early")
        self._window_offset += self.position
        self._window = rest + more
        self.position = 0
