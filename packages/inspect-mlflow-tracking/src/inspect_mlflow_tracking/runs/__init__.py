"""Writing runs: one task run for each eval log, grouped below parent runs."""

from ._parents import RunEnding, settle_parent
from ._prepared import PreparedSample, PreparedSamples
from ._run_writer import RunWriter
from ._target import TrackingTarget, run_name

__all__ = [
    "PreparedSample",
    "PreparedSamples",
    "RunEnding",
    "RunWriter",
    "TrackingTarget",
    "run_name",
    "settle_parent",
]
