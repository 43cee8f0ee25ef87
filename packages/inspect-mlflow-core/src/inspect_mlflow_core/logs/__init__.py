"""Reading of Inspect eval logs: fast, tolerant of old and damaged ones, of bounded memory."""

from ._activity import RECENTLY_WRITTEN_SECONDS, is_being_written
from ._content import SampleKey
from ._copies import LogCandidate, NewestLog, newest_of_each
from ._discovery import UnreadableLog, discover_logs
from ._files import LogFile, canonical_location, is_remote
from ._growing import WrittenSample, written_samples
from ._pools import resolve_references, sample_events, sample_messages
from ._reader import EvalLogReader
from ._redaction import redacted_header, redacted_sample
from ._zip_log import SampleVersion

__all__ = [
    "RECENTLY_WRITTEN_SECONDS",
    "EvalLogReader",
    "LogCandidate",
    "LogFile",
    "NewestLog",
    "SampleKey",
    "SampleVersion",
    "UnreadableLog",
    "WrittenSample",
    "canonical_location",
    "discover_logs",
    "is_being_written",
    "is_remote",
    "newest_of_each",
    "redacted_header",
    "redacted_sample",
    "resolve_references",
    "sample_events",
    "sample_messages",
    "written_samples",
]
