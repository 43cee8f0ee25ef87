"""The eval log as an artifact: the file itself, or a copy without its credentials."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Set
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

from inspect_mlflow_core.conversion import mask_text
from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_core.logs import (
    SampleVersion,
    redacted_header,
    redacted_sample,
)
from inspect_mlflow_core.logs._json_document import DocumentPart, document_parts, parse_object

__all__ = ["prepare_log_artifact"]

_HEADERS: Final = ("header.json", "_journal/start.json")
_SAMPLES: Final = "samples"
_NO_HEADER: Final = frozenset({_SAMPLES, "reductions"})
_COPY_BYTES: Final = 1024 * 1024


def prepare_log_artifact(
    local_path: Path, directory: Path, harmless: Set[SampleVersion] = frozenset()
) -> Path:
    """The file to upload as `inspect/logs/<name>` for a log.

    Inspect leaves API keys out of the model arguments that it logs, but not out of task
    arguments, metadata, URLs and extra headers, and providers' raw requests repeat the
    extra headers.

    Args:
        local_path: A `.eval` or `.json` log on this machine.
        directory: Where a copy is made if one is needed.
        harmless: Samples that are known to hold no credentials, so that they need not be read.

    Returns:
        `local_path` itself when the log holds no credentials. Otherwise a file of the
        same name in `directory` in which they are masked and everything else is as it
        was, readable by Inspect with all its samples.

    Raises:
        LogReadError: The file is damaged or is not a log, so nothing can be said about
            what it holds.
    """
    try:
        if local_path.suffix == ".eval":
            return _prepare_zip(local_path, directory / local_path.name, harmless)
        return _prepare_json(local_path, directory / local_path.name)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise LogReadError(f"{local_path.name} cannot be read as an eval log: {error}") from error


def _open_zip(path: Path) -> zipfile.ZipFile:
    import_module("inspect_ai.log")  # teaches zipfile zstd, in which Inspect compresses
    return zipfile.ZipFile(path)


def _live_members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Members by name; of those with the same name the last, as Inspect reads them."""
    return {info.filename: info for info in archive.infolist()}


def _prepare_zip(path: Path, copy: Path, harmless: Set[SampleVersion]) -> Path:
    with _open_zip(path) as archive:
        members = _live_members(archive)
        suspects = [name for name, info in members.items() if _version(info) not in harmless]
        if not any(_redacted_member(archive, name) for name in suspects):
            return path
        copy.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(copy, "w") as target:
            for name, info in members.items():
                # Redacted once more rather than kept: all samples may have to be.
                _copy_member(archive, info, target, _redacted_member(archive, name))
    return copy


def _version(member: zipfile.ZipInfo) -> SampleVersion:
    return SampleVersion(member.filename, member.CRC, member.file_size)


def _redacted_member(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """New content of a member that holds credentials, None for the others."""
    if name in _HEADERS:
        document = json.loads(archive.read(name))
        return _dumped(document, redacted_header(document))
    if name.startswith(f"{_SAMPLES}/") and name.endswith(".json"):
        return _redacted_sample(archive.read(name))
    return None


def _redacted_sample(content: bytes) -> bytes | None:
    """The same for a sample; of a damaged one, which nobody can parse, the text is masked."""
    try:
        sample = parse_object(content)
    except ValueError:
        text = content.decode("utf-8", "surrogateescape")
        masked = mask_text(text)
        return None if masked == text else masked.encode("utf-8", "surrogateescape")
    return _dumped(sample, redacted_sample(sample))


def _dumped(document: Any, redacted: Any) -> bytes | None:
    """The redacted document as JSON, None when it equals the original."""
    if redacted is document or redacted == document:
        return None
    return json.dumps(redacted).encode()


def _copy_member(
    source: zipfile.ZipFile, info: zipfile.ZipInfo, target: zipfile.ZipFile, content: bytes | None
) -> None:
    member = zipfile.ZipInfo(info.filename, info.date_time)
    member.compress_type = info.compress_type
    if content is not None:
        target.writestr(member, content)
        return
    member.file_size = info.file_size  # tells zipfile whether 64-bit sizes are needed
    with source.open(info) as reader, target.open(member, "w") as writer:
        shutil.copyfileobj(reader, writer, _COPY_BYTES)


def _prepare_json(path: Path, copy: Path) -> Path:
    with path.open("rb") as source:
        parts = list(document_parts(source, _SAMPLES))
        if not any(_redacted_part(source, part) for part in parts):
            return path
        copy.parent.mkdir(parents=True, exist_ok=True)
        with copy.open("wb") as target:
            _write_redacted(source, parts, target)
    return copy


def _write_redacted(source: BinaryIO, parts: list[DocumentPart], target: BinaryIO) -> None:
    """Copy the document, byte by byte but for the parts that hold credentials."""
    position = 0
    for part in parts:
        content = _redacted_part(source, part)
        if content is not None:
            _copy_bytes(source, position, part.start, target)
            target.write(content)
            position = part.end
    _copy_bytes(source, position, source.seek(0, os.SEEK_END), target)


def _redacted_part(source: BinaryIO, part: DocumentPart) -> bytes | None:
    """New content of a part that holds credentials, None for the others."""
    if part.item is None and part.key in _NO_HEADER:
        return None
    source.seek(part.start)
    content = source.read(part.end - part.start)
    if part.item is None:
        member = {part.key: json.loads(content)}
        return _dumped(member[part.key], redacted_header(member)[part.key])
    return _redacted_sample(content)


def _copy_bytes(source: BinaryIO, start: int, end: int, target: BinaryIO) -> None:
    source.seek(start)
    while (missing := end - source.tell()) > 0:
        target.write(source.read(min(missing, _COPY_BYTES)))
