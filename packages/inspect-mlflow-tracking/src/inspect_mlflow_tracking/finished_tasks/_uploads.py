"""The files of a task on their way into its run."""

from __future__ import annotations

from collections.abc import Set
from functools import partial
from pathlib import Path

from inspect_mlflow_core.connection import ConcurrentCalls
from inspect_mlflow_core.exceptions import RejectedError
from inspect_mlflow_core.logs import SampleVersion
from inspect_mlflow_tracking.artifacts import LOG_DIRECTORY, prepare_log_artifact
from inspect_mlflow_tracking.runs import RunWriter


class Uploads:
    """Uploads files of one run at the same time.

    Args:
        writer: The run.
        calls: Makes the requests.
    """

    def __init__(self, writer: RunWriter, calls: ConcurrentCalls) -> None:
        self._writer, self._calls = writer, calls
        self._refusals: list[str] = []

    @property
    def refusal(self) -> str | None:
        """Why the store refused a file, once every call has ended; None when it took all."""
        return self._refusals[0] if self._refusals else None

    def start_directory(self, directory: Path) -> None:
        """Begin with every file below a directory, each under its path there."""
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                folder = path.parent.relative_to(directory).as_posix()
                self._calls.start(partial(self._upload, path, folder))

    def start_log(
        self, local_path: Path, name: str, directory: Path, harmless: Set[SampleVersion]
    ) -> None:
        """Begin with a log, without its credentials.

        Args:
            local_path: The log on this machine.
            name: Its name where it came from.
            directory: An existing directory for a copy.
            harmless: Samples that are known to hold no credentials.
        """
        self._calls.start(partial(self._upload_log, local_path, name, directory, harmless))

    def _upload_log(
        self, local_path: Path, name: str, directory: Path, harmless: Set[SampleVersion]
    ) -> None:
        log_file = prepare_log_artifact(local_path, directory, harmless)
        if log_file.name != name:
            link = directory / name
            link.symlink_to(log_file)
            log_file = link
        self._upload(log_file, LOG_DIRECTORY)

    def _upload(self, path: Path, folder: str) -> None:
        if self._refusals:
            return
        try:
            self._writer.upload(path, folder)
        except RejectedError as error:
            # Metrics and params are of use without the files; the reason is reported.
            self._refusals.append(str(error))
