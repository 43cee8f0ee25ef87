"""Delivery of records from the event loop to MLflow: a bounded queue and one worker thread.

Hooks call `delivery_worker().submit(record)` and return; the worker thread batches the records
and hands them to the `Exporter` that each record names, trying again while the server is away.
"""

from __future__ import annotations

from inspect_mlflow_core.delivery._clock import Clock, SystemClock
from inspect_mlflow_core.delivery._deferred import DeferredExporter
from inspect_mlflow_core.delivery._flush import FlushReason, FlushResult
from inspect_mlflow_core.delivery._process import (
    delivery_worker,
    register_exit_callback,
    register_exit_report,
    set_exit_flush_timeout,
    unregister_exit_callback,
)
from inspect_mlflow_core.delivery._records import Exporter, Record
from inspect_mlflow_core.delivery._retry import RetryPolicy
from inspect_mlflow_core.delivery._statistics import DeliveryStatistics, ExporterStatistics
from inspect_mlflow_core.delivery._worker import DeliveryWorker

__all__ = [
    "Clock",
    "DeferredExporter",
    "DeliveryStatistics",
    "DeliveryWorker",
    "Exporter",
    "ExporterStatistics",
    "FlushReason",
    "FlushResult",
    "Record",
    "RetryPolicy",
    "SystemClock",
    "delivery_worker",
    "register_exit_callback",
    "register_exit_report",
    "set_exit_flush_timeout",
    "unregister_exit_callback",
]
