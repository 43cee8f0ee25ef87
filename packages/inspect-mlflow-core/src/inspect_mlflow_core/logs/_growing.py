"""Reads samples of a local `.eval` log without Inspect, also while it is being written."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._content import SampleKey
from ._json_document import parse_object
from ._migration import current_sample
from ._zip_log import SampleVersion, ZipLog

__all__ = ["WrittenSample", "written_samples"]


@dataclass(frozen=True, slots=True)
class WrittenSample:
    """A sample that a log holds already.

    Args:
        key: Its id and epoch.
        version: Which content this is, as `EvalLogReader.sample_version` tells it.
        content: As `EvalLogReader.sample` gives it.
    """

    key: SampleKey
    version: SampleVersion
    content: dict[str, Any]


def written_samples(path: Path, known: Set[SampleVersion]) -> Iterator[WrittenSample]:
    """Yield the samples that a log holds, apart from those that are known.

    Only for logs of the present format whose samples stand in one piece: others yield nothing,
    and nor do damaged samples. `EvalLogReader` reads them all. Imports nothing of Inspect, which
    takes seconds.

    Args:
        path: A local `.eval` log.
        known: Versions that need not be read again.

    Raises:
        LogReadError: It is no such log.
        OSError: It cannot be opened.
        zipfile.BadZipFile: It is being written at this moment.
    """
    with path.open("rb") as stream:
        log = ZipLog(stream)
        log.header()
        for key in log.sample_keys():
            version = log.version(key)
            if version is None or version in known:
                continue
            sample = _read(log, key, version)
            if sample is not None:
                yield sample


def _read(log: ZipLog, key: SampleKey, version: SampleVersion) -> WrittenSample | None:
    try:
        content = current_sample(parse_object(log.member(version.member)))
    # Each decompressor fails with an error class of its own; who reads the whole log reports it.
    except Exception:
        return None
    return WrittenSample(key, version, content)
