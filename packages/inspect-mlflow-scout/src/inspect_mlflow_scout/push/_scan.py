"""Reading a scan: what it is, and its rows in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from inspect_mlflow_scout.exceptions import ScanReadError

if TYPE_CHECKING:
    from inspect_scout import ScanResultsArrow

__all__ = ["Row", "Scan", "ScannerInfo", "TranscriptKey", "open_scan"]

Row: TypeAlias = Mapping[str, Any]
"""What a scanner found in a transcript, by Scout's names of columns."""

_BATCH_ROWS: Final = 500

# Rows hold whole transcripts; nothing of that is needed here.
_CONTENT: Final = ("input", "input_data", "scan_events", "scan_error_traceback")
_TRANSCRIPT: Final = (
    "date task_set task_id task_repeat agent agent_args model model_options score"
    " score_explanation success message_count total_time total_tokens error limit trust_content"
)
_SCAN: Final = "tags metadata git_origin git_version"
_UNUSED: Final = (
    *_CONTENT,
    *(f"transcript_{name}" for name in _TRANSCRIPT.split()),
    *(f"scan_{name}" for name in _SCAN.split()),
)
_RESULTS: Final = (
    "input_type input_ids uuid label value value_type answer explanation metadata"
    " message_references event_references scan_error scan_error_type validation_target"
    " validation_result validation_predicate validation_split scan_total_tokens"
    " scan_model_usage scanner_params"
)


@dataclass(frozen=True, slots=True)
class ScannerInfo:
    """A scanner of a scan.

    Args:
        key: Its name within the scan.
        name: Its own name.
        version: Its version.
        package_version: That of the package it comes from.
        params: Its arguments.
    """

    key: str
    name: str
    version: int = 0
    package_version: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TranscriptKey:
    """What a row tells of its transcript.

    Args:
        transcript_id: Scout's id.
        eval_id: Inspect's id of the evaluation, as far as it is known.
    """

    transcript_id: str
    eval_id: str | None = None


class Scan:
    """A scan and its results, which are read as they are asked for.

    Args:
        results: As Scout opened it.

    Attributes:
        location: Where it lies.
        scan_id: Scout's id.
        scan_name: Its name.
        complete: Whether every transcript was scanned without an error.
        failed: How many scans of a transcript ended with an error.
        git_commit: What the scanners were at, if known.
        model: The model of the scan, if it has one.
        scanners: Its scanners by their keys.
    """

    def __init__(self, results: ScanResultsArrow) -> None:
        spec = results.spec
        self._results = results
        self._worklists = {each.scanner: each.transcripts for each in spec.worklist or ()}
        self._transcripts = frozenset(spec.transcripts.transcript_ids if spec.transcripts else ())
        self.location = results.location
        self.scan_id = spec.scan_id
        self.scan_name = spec.scan_name
        self.complete = results.complete
        self.failed = len(results.errors)
        self.git_commit = spec.revision.commit if spec.revision else None
        self.model = spec.model.model if spec.model else None
        self.scanners = {
            key: ScannerInfo(key, each.name, each.version, each.package_version, each.params)
            for key, each in spec.scanners.items()
        }

    def expected(self, scanner: str) -> frozenset[str]:
        """The ids of the transcripts that a scanner was to look at, as far as they are known."""
        worklist = self._worklists.get(scanner)
        return self._transcripts if worklist is None else frozenset(worklist)

    def transcripts(self, scanner: str) -> Iterator[TranscriptKey]:
        """The transcript of each row of a scanner, in the order of the rows.

        Raises:
            ScanReadError: The results cannot be read.
        """
        for row in self._read(scanner, (*_UNUSED, *_RESULTS.split())):
            yield _transcript_key(row)

    def rows(self, scanner: str) -> Iterator[Row]:
        """The rows of a scanner, one for each input that it looked at.

        Raises:
            ScanReadError: The results cannot be read.
        """
        return self._read(scanner, (*_UNUSED, "transcript_metadata"))

    def _read(self, scanner: str, without: tuple[str, ...]) -> Iterator[Row]:
        if scanner not in self._results.scanners:
            return
        with _readable(self.location):
            reader = self._results.reader(
                scanner, streaming_batch_size=_BATCH_ROWS, exclude_columns=without
            )
            for batch in reader:
                yield from batch.to_pylist()


def open_scan(location: str) -> Scan:
    """Open a scan.

    Args:
        location: Its directory, `scans/scan_id=...`, or a URL of one.

    Raises:
        ScanReadError: There is no scan, or it cannot be read.
    """
    from inspect_scout import scan_results_arrow

    with _readable(location):
        return Scan(scan_results_arrow(location))


@contextmanager
def _readable(location: str) -> Iterator[None]:
    from inspect_mlflow_core.conversion import mask_text, mask_uri

    try:
        yield
    except FileNotFoundError:
        raise ScanReadError(f"there is no scan at {mask_uri(location)}") from None
    # Arrow's and pydantic's errors are ValueErrors.
    except (OSError, ValueError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [""]
        reason = f"{type(error).__name__}: {mask_text(lines[0])}"
        raise ScanReadError(f"the scan at {mask_uri(location)} cannot be read: {reason}") from None


def _transcript_key(row: Row) -> TranscriptKey:
    from ._values import json_value

    metadata = json_value(row.get("transcript_metadata"))
    metadata = metadata if isinstance(metadata, dict) else {}
    eval_id = metadata.get("eval_id")
    if eval_id is None and row.get("transcript_source_type") == "eval_log":
        eval_id = row.get("transcript_source_id")
    return TranscriptKey(row["transcript_id"], _text(eval_id))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
