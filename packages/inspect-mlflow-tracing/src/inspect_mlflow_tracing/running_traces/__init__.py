"""The traces of samples that are running, written by the delivery thread."""

from ._traces import RunningTraces

__all__ = ["RunningTraces"]
