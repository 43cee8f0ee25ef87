"""Chooses the way to a tracking store from its URI."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from inspect_mlflow_core.exceptions import RejectedError

from ._assessment_store import AssessmentStore
from ._database import DATABASE_SCHEMES
from ._records import TrackingStore
from ._trace_records import TraceStore

TrackingUriKind = Literal["http", "databricks", "database", "other"]


def tracking_uri_kind(tracking_uri: str) -> TrackingUriKind:
    """Say how a tracking URI is reached.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.

    Returns:
        `"http"` for a server, `"databricks"`, `"database"` for a direct connection, or `"other"`
        (a directory, or a scheme of an MLflow plugin).
    """
    scheme = urlsplit(tracking_uri).scheme.lower().split("+")[0]
    if scheme in ("http", "https"):
        return "http"
    if scheme == "databricks" or tracking_uri == "databricks":
        return "databricks"
    return "database" if scheme in DATABASE_SCHEMES else "other"


def open_tracking_store(tracking_uri: str) -> TrackingStore:
    """Return the store behind a tracking URI.

    A plain HTTP server is spoken to directly, so that `mlflow` (seconds of imports) need not be
    loaded beside a running evaluation; everything else goes through MLflow's own store classes.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.

    Returns:
        A store; nothing has been sent yet.

    Raises:
        RejectedError: The URI cannot be used (cause `"tracking_uri"`).
    """
    if tracking_uri_kind(tracking_uri) in ("http", "databricks"):
        from ._http_store import HttpTrackingStore
        from ._http_transport import open_transport

        return HttpTrackingStore(tracking_uri, open_transport(tracking_uri))
    from ._mlflow_store import MlflowTrackingStore

    return MlflowTrackingStore(tracking_uri)


def open_trace_store(tracking_uri: str) -> TraceStore:
    """Return the store for traces behind a tracking URI; see `open_tracking_store`.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.

    Returns:
        A store; nothing has been sent yet.

    Raises:
        RejectedError: There can be no traces of this kind (cause `"traces_unsupported"`).
    """
    kind = tracking_uri_kind(tracking_uri)
    if kind == "databricks":
        # The spans of an experiment go to tables of Unity Catalog there, not to the experiment.
        raise RejectedError(
            "Databricks does not take spans into an experiment, so there are no traces",
            cause="traces_unsupported",
        )
    if kind == "http":
        from ._http_traces import HttpTraceStore
        from ._http_transport import open_transport

        return HttpTraceStore(tracking_uri, open_transport(tracking_uri))
    from ._mlflow_traces import MlflowTraceStore

    return MlflowTraceStore(tracking_uri)


def open_assessment_store(tracking_uri: str) -> AssessmentStore:
    """Return the store for assessments behind a tracking URI; see `open_tracking_store`.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.

    Returns:
        A store; nothing has been sent yet.

    Raises:
        RejectedError: There can be no traces of this kind (cause `"traces_unsupported"`).
    """
    kind = tracking_uri_kind(tracking_uri)
    if kind == "databricks":
        # Its traces lie in tables of Unity Catalog, and their ids name the tables.
        raise RejectedError(
            "assessments of traces on Databricks are not supported", cause="traces_unsupported"
        )
    if kind == "http":
        from ._http_assessments import HttpAssessmentStore
        from ._http_transport import open_transport

        return HttpAssessmentStore(tracking_uri, open_transport(tracking_uri))
    from ._mlflow_assessments import MlflowAssessmentStore

    return MlflowAssessmentStore(tracking_uri)
