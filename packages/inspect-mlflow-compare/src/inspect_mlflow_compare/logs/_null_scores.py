"""Logs in which a sample that was left unscored has the score `null`.

Inspect wrote NaN as `null` before 0.3.253, and refuses such a log as a whole when it reads it
back. Here it is read as the JSON that it is, with NaN put back.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample, EvalSampleSummary

__all__ = ["read_null_scores"]

_FLUSH = re.compile(r"_journal/summaries/(\d+)\.json")


def read_null_scores(
    location: str, log_format: Literal["eval", "json"]
) -> tuple[EvalLog, list[EvalSampleSummary], list[EvalSample] | None]:
    """The header and the sample summaries of a log; whole samples only of a JSON log.

    Raises:
        Exception: The log cannot be read this way either; the class depends on the reason.
    """
    with _open(location) as stream:
        if log_format == "json":
            log = _json_log(json.load(stream))
            samples = log.samples or []
            return log, [sample.summary() for sample in samples], samples
        header, summaries = _archive(stream)
        header.location = location
        return header, summaries, None


def _open(location: str) -> AbstractContextManager[IO[bytes]]:
    if "://" not in location:
        return open(location, "rb")
    import fsspec

    opened: AbstractContextManager[IO[bytes]] = fsspec.open(location, "rb")
    return opened


def _json_log(document: dict[str, Any]) -> EvalLog:
    from inspect_ai.log import EvalLog

    _fill_in(document.get("samples") or [])
    # Reduced scores have the same fault, and are not needed beside the samples.
    document.pop("reductions", None)
    return EvalLog.model_validate(document)


def _archive(stream: IO[bytes]) -> tuple[EvalLog, list[EvalSampleSummary]]:
    # Importing Inspect's log readers is also what teaches `zipfile` the compression they use.
    from inspect_ai.log import EvalLog, EvalSampleSummary

    with zipfile.ZipFile(stream) as archive:
        names = archive.namelist()
        name = "header.json" if "header.json" in names else "_journal/start.json"
        header = EvalLog.model_validate({"status": "started", **json.loads(archive.read(name))})
        rows: dict[tuple[str, Any], dict[str, Any]] = {}
        for member in _summary_members(names):
            for row in json.loads(archive.read(member)):
                # Of a sample that ran again, the later row counts.
                rows[(str(row.get("id")), row.get("epoch"))] = row
        _fill_in(rows.values())
        return header, [EvalSampleSummary.model_validate(row) for row in rows.values()]


def _summary_members(names: list[str]) -> list[str]:
    """The one member with all summaries, or those of each flush in their order."""
    if "summaries.json" in names:
        return ["summaries.json"]
    flushes = (match for name in names if (match := _FLUSH.fullmatch(name)))
    return [match[0] for match in sorted(flushes, key=lambda match: int(match[1]))]


def _fill_in(samples: Iterable[dict[str, Any]]) -> None:
    """Puts NaN in place of each score that is null."""
    for sample in samples:
        # The oldest logs have one score without a name.
        for score in (sample.get("score"), *(sample.get("scores") or {}).values()):
            if isinstance(score, dict) and score.get("value", 0) is None:
                score["value"] = math.nan
