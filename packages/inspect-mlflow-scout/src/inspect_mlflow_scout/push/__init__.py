"""Scan results of Inspect Scout as assessments of MLflow's traces."""

from ._push import push_scan_results, push_scan_results_async
from ._report import PushAction, PushReport, PushResult

__all__ = [
    "PushAction",
    "PushReport",
    "PushResult",
    "push_scan_results",
    "push_scan_results_async",
]
