"""The way from the paths that someone names to one result for each file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from inspect_mlflow_core.exceptions import ConfigurationError, DeliveryError, LogReadError
from inspect_mlflow_core.logs import EvalLogReader, LogFile, discover_logs

from ._log_headers import LogHeader, chosen_logs, read_log_header
from ._report import LogOutcome, SyncAction

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""

Outcome = TypeVar("Outcome", bound=LogOutcome)


def sync_settings(
    tracking_uri: str | None, experiment_name: str | None, **wanted: Any
) -> MLflowSettings:
    """Return the settings of a sync that someone asked for.

    Args:
        tracking_uri: Where to; None for what the environment says.
        experiment_name: Which experiment; None for what the environment says.
        wanted: Fields that are as the caller has it, whatever the environment says.

    Raises:
        ConfigurationError: No tracking URI, or a setting has a wrong value.
    """
    from inspect_mlflow_core.config import MLflowSettings

    given = {"tracking_uri": tracking_uri, "experiment_name": experiment_name}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    # Who asks for a sync wants it, also where hooks are switched off; only a task's own metadata
    # keeps it out.
    settings = MLflowSettings(enabled=True, **wanted, **chosen)
    if settings.tracking_uri is None:
        raise ConfigurationError(
            "no tracking URI: set INSPECT_MLFLOW_TRACKING_URI, or give --tracking-uri"
        )
    return settings


class LogSync(ABC, Generic[Outcome]):
    """Finds logs, chooses one file for each evaluation, and brings MLflow up to date with it.

    Args:
        settings: Settings of the whole sync.
        dry_run: Only say what would be done.
        progress: Called as the work goes on.

    Attributes:
        task_settings: Settings with the task's own overrides applied, by the location of its log.
    """

    fatal_causes: ClassVar[frozenset[str]] = frozenset()
    """Causes of a `DeliveryError` after which no other log needs to be tried."""

    def __init__(
        self, settings: MLflowSettings, *, dry_run: bool = False, progress: Progress | None = None
    ) -> None:
        self.settings = settings
        self.dry_run = dry_run
        self.progress = progress or (lambda _what, _done, _total: None)
        self.task_settings: dict[str, MLflowSettings] = {}

    def results(self, log: str | Path | Sequence[str | Path]) -> Iterator[Outcome]:
        """Sync logs.

        Args:
            log: A log, a directory or an fsspec URL, or several of them.

        Yields:
            What became of each file.

        Raises:
            DeliveryError: No log can be delivered; see `fatal_causes`.
        """
        paths = [log] if isinstance(log, (str, Path)) else log
        headers: list[LogHeader] = []
        found = list(discover_logs(paths))
        for position, candidate in enumerate(found):
            self.progress("reading headers", position, len(found))
            if not isinstance(candidate, LogFile):
                yield self.outcome(candidate.location, "unreadable", reason=candidate.reason)
                continue
            try:
                headers.append(read_log_header(candidate))
            except LogReadError as error:
                yield self.outcome(candidate.location, "unreadable", reason=str(error))
        yield from self._chosen(headers)
        if not self.dry_run:
            yield from self.finish()

    @abstractmethod
    def outcome(self, location: str, action: SyncAction, **more: Any) -> Outcome:
        """Return the result for a file.

        Args:
            location: Where it lies.
            action: What was done.
            more: Further fields.
        """

    @abstractmethod
    def switched_off(self, settings: MLflowSettings) -> str | None:
        """Say in one line why a task is left out.

        Args:
            settings: Settings with the task's own overrides applied.

        Returns:
            None when it is not.
        """

    @abstractmethod
    def write(
        self, reader: EvalLogReader, settings: MLflowSettings, outcome: Callable[..., Outcome]
    ) -> Outcome:
        """Bring MLflow up to date with one log.

        Args:
            reader: The open log.
            settings: Settings with the task's own overrides applied.
            outcome: `self.outcome` with the fields of this log's header.

        Raises:
            DeliveryError: The server does not take it.
            LogReadError: The log cannot be read.
        """

    def finish(self) -> Iterator[Outcome]:
        """Do what is left when all logs are done; yield what failed in this."""
        yield from ()

    def _chosen(self, headers: Sequence[LogHeader]) -> Iterator[Outcome]:
        chosen, superseded = chosen_logs(headers)
        for header, by in superseded:
            reason = f"another copy of the same evaluation is newer: {by.location}"
            yield self._outcome(header)("superseded", reason=reason)
        for position, header in enumerate(chosen):
            self.progress(header.task, position, len(chosen))
            yield self._log(header, self._outcome(header))

    def _log(self, header: LogHeader, outcome: Callable[..., Outcome]) -> Outcome:
        try:
            settings = self.settings.for_task(header.metadata)
        except ConfigurationError as error:
            return outcome("failed", reason=str(error))
        self.task_settings[header.location] = settings
        reason = self.switched_off(settings)
        if reason is not None:
            return outcome("disabled", reason=reason)
        if self.dry_run:
            return outcome("would sync", reason=f"into experiment {settings.experiment_name}")
        try:
            with EvalLogReader.open(header.location) as reader:
                return self.write(reader, settings, outcome)
        except LogReadError as error:
            return outcome("unreadable", reason=str(error))
        except DeliveryError as error:
            if error.cause in self.fatal_causes:
                raise
            return outcome("failed", reason=str(error))

    def _outcome(self, header: LogHeader) -> Callable[..., Outcome]:
        return partial(
            self.outcome,
            header.location,
            eval_id=header.candidate.eval_id,
            task=header.task,
            model=header.model,
        )
