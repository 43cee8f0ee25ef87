"""Content of an `.eval` log: a zip archive with one member for each sample."""

from __future__ import annotations

import re
import sys
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, Final

from inspect_mlflow_core.exceptions import LogReadError

from ._chunked_sample import CHUNK_NAME, read_chunked_sample, shell_name
from ._content import HEAD_BYTES, SampleKey, TextKey, key_from_head, key_of, reading_order, text_key
from ._json_document import parse_json, parse_object
from ._summaries import Summaries

__all__ = ["SampleVersion", "ZipLog"]

_HEADER: Final = "header.json"
_START: Final = "_journal/start.json"
_CONFIG_UPDATE: Final = re.compile(r"_journal/config_updates/(\d+)\.json")
_SAMPLE: Final = re.compile(r"samples/(?P<id>.+)_epoch_(?P<epoch>\d+)\.json", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SampleVersion:
    """Which content a sample has: equal for equal content.

    Args:
        member: Name of its member of the archive.
        checksum: CRC-32 of the member's content.
        size_bytes: Size of the member's content.
    """

    member: str
    checksum: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sample stands: its member, or the members of its pieces."""

    name: str
    prefix: str = ""
    pieces: tuple[str, ...] = ()


class ZipLog:
    """An `.eval` log.

    Args:
        stream: The open file, seekable; closed by `close`.

    Raises:
        zipfile.BadZipFile: The archive has no directory at its end: it was cut off, or is
            being written right now.
    """

    def __init__(self, stream: BufferedReader) -> None:
        _support_zstd()
        self.damage: list[str] = []
        self.stream = stream
        self._archive = zipfile.ZipFile(stream)
        # Of members with the same name the last one counts.
        self._members = {member.filename: member for member in self._archive.infolist()}
        self._summaries = Summaries(self._bytes, self._members.keys(), self.damage)
        self._ids: dict[str, str | int] = {}
        self._samples: dict[TextKey, tuple[SampleKey, _Place]] | None = None

    def header(self) -> dict[str, Any]:
        """See `LogContent.header`; status "started" while the log has no header yet."""
        header = self._header()
        match header["eval"].get("dataset"):
            case {"sample_ids": [*identifiers]}:
                self._ids = {str(identifier): identifier for identifier in identifiers}
        return header

    def sample_keys(self) -> list[SampleKey]:
        """See `LogContent.sample_keys`."""
        return sorted((key for key, _ in self._index().values()), key=reading_order)

    def read(self, key: SampleKey) -> tuple[dict[str, Any], list[str]]:
        """See `LogContent.read`."""
        _, place = self._index()[text_key(key)]
        if place.prefix:
            return read_chunked_sample(self._bytes, place.prefix, place.pieces)
        return parse_object(self._bytes(place.name)), []

    def version(self, key: SampleKey) -> SampleVersion | None:
        """See `EvalLogReader.sample_version`."""
        _, place = self._index()[text_key(key)]
        if place.prefix:
            return None
        member = self._members[place.name]
        return SampleVersion(place.name, member.CRC, member.file_size)

    def member(self, name: str) -> bytes:
        """Content of a member of the archive."""
        return self._bytes(name)

    def summary(self, key: SampleKey) -> dict[str, Any] | None:
        """See `LogContent.summary`."""
        return self._summaries.get(key)

    def close(self) -> None:
        """See `LogContent.close`."""
        self._archive.close()
        self.stream.close()

    def _header(self) -> dict[str, Any]:
        if _HEADER in self._members:
            header = self._header_member(_HEADER)
        elif _START in self._members:
            header = {**self._header_member(_START), "status": "started"}
            header["config_updates"] = self._config_updates() or None
        else:
            raise LogReadError("a zip archive, but not an eval log")
        if not isinstance(header.get("eval"), dict):
            raise LogReadError("a zip archive, but not an eval log (its header has no eval)")
        return header

    def _header_member(self, name: str) -> dict[str, Any]:
        try:
            return parse_object(self._bytes(name))
        except NotImplementedError as error:
            method = self._members[name].compress_type
            raise LogReadError(
                f"compression method {method} of the archive is not supported here"
            ) from error
        # Each decompressor fails with an error class of its own.
        except Exception as error:
            raise LogReadError(f"{name} is damaged ({error})") from error

    def _config_updates(self) -> list[Any]:
        found = (match for name in self._members if (match := _CONFIG_UPDATE.fullmatch(name)))
        names = [match[0] for match in sorted(found, key=lambda match: int(match[1]))]
        return [update for name in names if (update := self._config_update(name)) is not None]

    def _config_update(self, name: str) -> Any:
        try:
            return parse_json(self._bytes(name))
        # Each decompressor fails with an error class of its own.
        except Exception as error:
            self.damage.append(f"{name} cannot be read ({type(error).__name__}: {error})")
            return None

    def _index(self) -> dict[TextKey, tuple[SampleKey, _Place]]:
        if self._samples is None:
            places = self._places()
            keys = [self._key(place) for place in places]
            self._samples = {
                text_key(key): (key, place) for key, place in zip(keys, places, strict=True)
            }
        return self._samples

    def _places(self) -> list[_Place]:
        whole: list[_Place] = []
        pieces: dict[str, list[str]] = {}
        for name in self._members:
            if not name.startswith("samples/") or not name.endswith(".json"):
                continue
            # An id may contain anything, so the name of a whole sample is tried first: the
            # name of a piece never ends in an epoch.
            piece = None if _SAMPLE.fullmatch(name) else CHUNK_NAME.fullmatch(name)
            if piece:
                pieces.setdefault(piece["prefix"], []).append(name)
            else:
                whole.append(_Place(name))
        chunked = (_Place(shell_name(key), key, tuple(names)) for key, names in pieces.items())
        return [*whole, *chunked]

    def _key(self, place: _Place) -> SampleKey:
        """Id and epoch: of the name if the dataset has that id, otherwise of the content.

        Only the dataset or the content tells whether an id was a number or a text of digits.
        """
        found = _SAMPLE.fullmatch(f"{place.prefix}.json" if place.prefix else place.name)
        if found and found["id"] in self._ids:
            return self._ids[found["id"]], int(found["epoch"])
        key = self._key_from_content(place.name)
        if key is not None:
            return key
        return (found["id"], int(found["epoch"])) if found else (place.name, 1)

    def _key_from_content(self, name: str) -> SampleKey | None:
        if name not in self._members:
            return None
        # Without it the key is taken from the name; reading the sample will tell what is wrong.
        with suppress(Exception):
            with self._archive.open(self._members[name]) as member:
                head = member.read(HEAD_BYTES)
            return key_from_head(head) or key_of(parse_object(self._bytes(name)))
        return None

    def _bytes(self, name: str) -> bytes:
        return self._archive.read(self._members[name])


def _support_zstd() -> None:
    """Lets `zipfile` read Zstandard, which Inspect writes (before Python 3.14 it cannot).

    Inspect's own patch is used because it also reads members of several frames. Where Inspect
    has not been imported, that would take seconds: then the package that it builds on will do,
    whose failure on such a member the archive's checksum reveals.
    """
    # Where a later Inspect keeps it elsewhere, what is left is what Python supports itself.
    with suppress(ImportError):
        if "inspect_ai" not in sys.modules:
            import zipfile_zstd  # type: ignore[import-not-found, import-untyped, unused-ignore]

            assert zipfile_zstd
            return
    with suppress(ImportError):
        import inspect_ai._util.zipfile  # noqa: F401
