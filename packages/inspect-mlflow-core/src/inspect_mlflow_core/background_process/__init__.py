"""Work for another processor: calls of pure functions in a process of their own."""

from ._process import BackgroundProcess, BackgroundProcessError

__all__ = ["BackgroundProcess", "BackgroundProcessError"]
