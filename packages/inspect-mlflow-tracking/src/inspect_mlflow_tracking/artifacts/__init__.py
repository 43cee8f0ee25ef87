"""What a run keeps as files: tables, sample results, the header and the eval log itself."""

from __future__ import annotations

from . import tables
from ._header_file import HEADER_DIRECTORY, header_document, write_header_file
from ._log_file import prepare_log_artifact
from ._sample_rows import SampleRows, sample_rows
from ._table_files import (
    LOGGED_ARTIFACTS_TAG,
    TABLE_DIRECTORY,
    TableFiles,
    logged_artifacts_value,
    sample_results_path,
    table_paths,
)
from .manager import LOG_DIRECTORY, ArtifactManager

__all__ = [
    "HEADER_DIRECTORY",
    "LOGGED_ARTIFACTS_TAG",
    "LOG_DIRECTORY",
    "TABLE_DIRECTORY",
    "ArtifactManager",
    "SampleRows",
    "TableFiles",
    "header_document",
    "logged_artifacts_value",
    "prepare_log_artifact",
    "sample_results_path",
    "sample_rows",
    "table_paths",
    "tables",
    "write_header_file",
]
