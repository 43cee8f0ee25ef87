"""Whether a hook is on: see `Activation`."""

from ._activation import Activation

__all__ = ["Activation"]
