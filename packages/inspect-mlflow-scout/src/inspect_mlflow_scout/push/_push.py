"""`push_scan_results`: what a scan found becomes assessments of the traces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike, fspath

from inspect_mlflow_core.connection import Experiment, open_assessment_store
from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import ConfigurationError
from inspect_mlflow_core.sync import Progress, sync_settings, with_retries
from inspect_mlflow_scout.exceptions import ScanIncompleteError

from ._experiments import all_experiments, first_experiments
from ._indexes import TraceIndexes
from ._match import TraceMatcher
from ._report import PushReport
from ._scan import Scan, open_scan
from ._work import ScanPush
from ._write import AssessmentWriter

__all__ = ["push_scan_results", "push_scan_results_async"]


def push_scan_results(
    scan_location: str | PathLike[str],
    *,
    experiment_name: str | None = None,
    tracking_uri: str | None = None,
    scanners: Sequence[str] | None = None,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> PushReport:
    """Write what a scan found to the traces of what it scanned, as assessments.

    A result becomes feedback `scout/<scanner>`, a member of a result set
    `scout/<scanner>/<label>`, a case of a validation set an expectation. Scan errors and refusals
    become feedback with an error. The first message or event that a result refers to says which
    span it is about. Nothing but these assessments changes on a trace.

    Pushing a scan again changes nothing. A later scan by the same scanner, of whatever version,
    replaces what the earlier one said, and what people and other scanners said stays. An earlier
    scan never replaces what a later one said.

    Transcripts that were imported from MLflow belong to their traces. Transcripts of eval logs
    belong to every trace of their sample in the experiment; those that have none there are looked
    for in all other experiments, unless an experiment is named.

    Everything is matched before anything is written. A few hundred results are held in memory
    at a time.

    Args:
        scan_location: Directory of the scan, `scans/scan_id=...`, or a URL of one.
        experiment_name: The only experiment to look for traces in; default is the one of the
            settings, then all others.
        tracking_uri: Where the traces are; default from the settings.
        scanners: Names of the scanners, as in the scan; default all.
        dry_run: Only say what would be done; nothing is written.
        force: Push what there is of a scan that is not complete.
        progress: Called with (what, done, total) as the work goes on.

    Returns:
        What matched and what did not, and what was done with it.

    Raises:
        ScanReadError: There is no scan at this place, or it cannot be read.
        ScanIncompleteError: The scan is not complete, and `force` is not given.
        ConfigurationError: No tracking URI, a setting has a wrong value, or there is no such
            scanner or experiment.
        DeliveryError: The server cannot be reached, or refuses.
    """
    settings = sync_settings(tracking_uri, experiment_name)
    scan = open_scan(fspath(scan_location))
    chosen = _chosen_scanners(scan, scanners)
    if not scan.complete and not force:
        raise _incomplete(scan, chosen)
    assert settings.tracking_uri is not None
    store = open_assessment_store(settings.tracking_uri)
    with_retries(store.check, attempts=2)
    named = bool(experiment_name)
    indexes = TraceIndexes(settings.tracking_uri)
    first = first_experiments(settings, named=named)
    others = partial(all_experiments, store) if not named else list[Experiment]
    matcher = TraceMatcher(store, indexes.read, first, others)
    writer = None if dry_run else AssessmentWriter(store)
    push = ScanPush(scan, matcher, indexes, writer, progress)
    results = push.results(chosen, concurrency=store.concurrency)
    return PushReport(
        tracking_uri=mask_uri(settings.tracking_uri),
        location=mask_uri(scan.location),
        scan_id=scan.scan_id,
        scan_name=scan.scan_name,
        complete_scan=scan.complete,
        missing_transcripts=0 if scan.complete else _missing(scan, chosen),
        failed_scans=scan.failed,
        experiments=matcher.searched,
        dry_run=dry_run,
        results=results,
    )


async def push_scan_results_async(
    scan_location: str | PathLike[str],
    *,
    experiment_name: str | None = None,
    tracking_uri: str | None = None,
    scanners: Sequence[str] | None = None,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> PushReport:
    """Do what `push_scan_results` does, in a thread, so that the event loop goes on."""
    from anyio import to_thread

    return await to_thread.run_sync(
        partial(
            push_scan_results,
            scan_location,
            experiment_name=experiment_name,
            tracking_uri=tracking_uri,
            scanners=scanners,
            dry_run=dry_run,
            force=force,
            progress=progress,
        )
    )


def _chosen_scanners(scan: Scan, names: Sequence[str] | None) -> list[str]:
    if names is None:
        return list(scan.scanners)
    unknown = [name for name in names if name not in scan.scanners]
    if unknown:
        known = ", ".join(scan.scanners)
        raise ConfigurationError(f"the scan has no scanner {unknown[0]!r}; it has {known}")
    return list(dict.fromkeys(names))


def _missing(scan: Scan, scanners: Sequence[str]) -> int:
    """How many transcripts have no row of some scanner."""
    missing: set[str] = set()
    for scanner in scanners:
        there = {key.transcript_id for key in scan.transcripts(scanner)}
        missing |= scan.expected(scanner) - there
    return len(missing)


def _incomplete(scan: Scan, scanners: Sequence[str]) -> ScanIncompleteError:
    return ScanIncompleteError(
        f"the scan at {mask_uri(scan.location)} is not complete:"
        f" {_missing(scan, scanners)} transcripts missing, {scan.failed} scans failed; finish it"
        " with `scout scan resume`, or push what there is with --force"
    )
