"""A scale from numbers to places in a plot, and the marks on it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["Axis", "axis_over"]

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_ROOM: Final = 0.06


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale.

    Args:
        low: The number at its beginning.
        high: The number at its end; larger than `low`.
    """

    low: float
    high: float

    def share(self, value: float) -> float:
        """Where a number lies between beginning and end, from 0 to 1 within them."""
        return (value - self.low) / (self.high - self.low)

    def percent(self, value: float) -> str:
        """The place of a number as a length for SVG, from 0% to 100% even where it lies outside."""
        return f"{100.0 * min(1.0, max(0.0, self.share(value))):.2f}%"

    def ticks(self, most: int = 7) -> list[float]:
        """Round numbers within the scale, at most so many."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in _STEPS if power * factor >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [number * step + 0.0 for number in range(first, last + 1)]


def axis_over(values: Iterable[float]) -> Axis:
    """A scale that shows all numbers and zero, with a little room at both ends."""
    shown = [0.0, *(value for value in values if math.isfinite(value))]
    low, high = min(shown), max(shown)
    if low == high:
        return Axis(-1.0, 1.0)
    room = _ROOM * (high - low)
    return Axis(low - room, high + room)
