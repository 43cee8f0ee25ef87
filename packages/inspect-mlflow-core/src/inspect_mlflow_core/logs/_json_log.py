"""Content of a `.json` eval log: one document, of which one part at a time is in memory."""

from __future__ import annotations

from io import BufferedReader
from typing import Any, Final

from inspect_mlflow_core.exceptions import LogReadError

from ._content import (
    HEAD_BYTES,
    SampleKey,
    TextKey,
    key_from_head,
    key_of,
    reading_order,
    text_key,
)
from ._json_document import DocumentPart, document_parts, parse_json, parse_object

__all__ = ["JsonLog"]

_SAMPLES: Final = "samples"
_UNUSED: Final = frozenset({"reductions"})
# Inspect writes these before the samples; once they are known, the (possibly huge) rest of the
# document need not be scanned for the header. A document in another order is scanned whole.
_ENOUGH: Final = frozenset({"status", "eval", "stats"})
_TAIL_BYTES: Final = 4096


class JsonLog:
    """A `.json` eval log.

    Args:
        stream: The open file, seekable; closed by `close`.
    """

    def __init__(self, stream: BufferedReader) -> None:
        self.damage: list[str] = []
        self.stream = stream
        self._samples: dict[TextKey, tuple[SampleKey, DocumentPart]] | None = None

    def header(self) -> dict[str, Any]:
        """See `LogContent.header`."""
        if not self._ends_with_brace():
            raise LogReadError("the JSON document is truncated")
        header: dict[str, Any] = {}
        try:
            for part in self._header_parts():
                header[part.key] = parse_json(self._bytes(part))
        except ValueError as error:
            raise LogReadError(f"not valid JSON ({error})") from error
        if not isinstance(header.get("eval"), dict):
            raise LogReadError("a JSON file, but not an eval log")
        return header

    def sample_keys(self) -> list[SampleKey]:
        """See `LogContent.sample_keys`."""
        return sorted((key for key, _ in self._index().values()), key=reading_order)

    def read(self, key: SampleKey) -> tuple[dict[str, Any], list[str]]:
        """See `LogContent.read`."""
        _, part = self._index()[text_key(key)]
        return parse_object(self._bytes(part)), []

    def summary(self, key: SampleKey) -> dict[str, Any] | None:
        """None: this format has no summaries."""
        return None

    def close(self) -> None:
        """See `LogContent.close`."""
        self.stream.close()

    def _ends_with_brace(self) -> bool:
        size = self.stream.seek(0, 2)
        self.stream.seek(max(0, size - _TAIL_BYTES))
        return self.stream.read().rstrip().endswith(b"}")

    def _header_parts(self) -> list[DocumentPart]:
        """The members that make up the header; the last of equal names counts."""
        parts: dict[str, DocumentPart] = {}
        self.stream.seek(0)
        for part in document_parts(self.stream, _SAMPLES):
            if part.key == _SAMPLES:
                if parts.keys() >= _ENOUGH:
                    break
            elif part.key not in _UNUSED:
                parts[part.key] = part
        return list(parts.values())

    def _index(self) -> dict[TextKey, tuple[SampleKey, DocumentPart]]:
        if self._samples is None:
            # A later sample with the same id and epoch replaces an earlier one.
            self._samples = {}
            for part in self._sample_parts():
                key = self._key(part)
                self._samples[text_key(key)] = (key, part)
        return self._samples

    def _sample_parts(self) -> list[DocumentPart]:
        parts: list[DocumentPart] = []
        self.stream.seek(0)
        try:
            for part in document_parts(self.stream, _SAMPLES):
                if part.item is not None:
                    parts.append(part)
        except ValueError as error:
            self.damage.append(f"samples after the first {len(parts)} are lost: {error}")
        return parts

    def _key(self, part: DocumentPart) -> SampleKey:
        self.stream.seek(part.start)
        head = self.stream.read(min(HEAD_BYTES, part.end - part.start))
        key = key_from_head(head)
        if key is None:
            try:
                key = key_of(parse_object(self._bytes(part)))
            except ValueError:
                key = None  # reading this sample will fail too, and be reported then
        return key or (f"(item {part.item} of the log)", 1)

    def _bytes(self, part: DocumentPart) -> bytes:
        self.stream.seek(part.start)
        return self.stream.read(part.end - part.start)
