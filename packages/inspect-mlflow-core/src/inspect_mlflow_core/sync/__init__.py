"""What bringing MLflow up to date with eval logs is, whatever is made of them there."""

from ._log_headers import LogHeader, chosen_logs, read_log_header
from ._log_sync import LogSync, Progress, sync_settings
from ._report import LogOutcome, LogReport, SyncAction
from ._retries import with_retries

__all__ = [
    "LogHeader",
    "LogOutcome",
    "LogReport",
    "LogSync",
    "Progress",
    "SyncAction",
    "chosen_logs",
    "read_log_header",
    "sync_settings",
    "with_retries",
]
