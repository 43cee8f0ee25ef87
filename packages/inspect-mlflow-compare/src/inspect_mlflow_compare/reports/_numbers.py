"""How numbers are written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from inspect_mlflow_compare._types import MetricComparison

__all__ = [
    "NOTHING",
    "Scale",
    "amount",
    "amount_change",
    "count",
    "level_percent",
    "p_value",
    "percent",
    "ratio",
    "ratio_interval",
    "scale_of",
    "signed",
]

NOTHING: Final = "-"
"""Shown for a number that is not there."""

_MOST_DECIMALS: Final = 6
_SMALLEST_P: Final = 0.001
_LARGEST_PLAIN: Final = 1e7


@dataclass(frozen=True, slots=True)
class Scale:
    """How the scores of one scorer are written.

    Args:
        percent: Whether scores are shares of right answers, whose differences are percent points.
        decimals: Digits behind the point.
    """

    percent: bool
    decimals: int

    def value(self, value: float | None) -> str:
        """A score: `67.6%` or `3.91`."""
        return NOTHING if _absent(value) else self._number(value) + ("%" if self.percent else "")

    def change(self, value: float | None) -> str:
        """A difference of scores, with its sign: `-5.9 pp` or `+0.03`."""
        return NOTHING if _absent(value) else self._number(value, "+") + self.unit

    def size(self, value: float | None) -> str:
        """The size of a difference: `9.1 pp` or `0.10`."""
        return NOTHING if _absent(value) else self._number(value) + self.unit

    def given(self, value: float) -> str:
        """The size of a difference that someone named, such as a margin, with its own digits."""
        return f"{100.0 * value if self.percent else value:.6g}{self.unit}"

    def interval(self, lower: float | None, upper: float | None) -> str:
        """An interval of differences, in the unit of `change`: `[-11.3, -0.4]`."""
        if _absent(lower) or _absent(upper):
            return NOTHING
        return f"[{self._number(lower, '+')}, {self._number(upper, '+')}]"

    @property
    def unit(self) -> str:
        """What is written behind a difference."""
        return " pp" if self.percent else ""

    def _number(self, value: float | None, sign: str = "") -> str:
        assert value is not None
        return _fixed(100.0 * value if self.percent else value, self.decimals, sign)


def scale_of(metric: MetricComparison) -> Scale:
    """The scale of a metric, with as many decimals as its uncertainty leaves meaning to."""
    percent = metric.kind == "binary"
    unit = 100.0 if percent else 1.0
    decimals = _decimals(unit * _uncertainty(metric))
    return Scale(percent, max(1, decimals) if percent else decimals)


def p_value(value: float | None, significance: float = 0.05) -> str:
    """A p-value with two digits, and with more where rounding would move it over the level."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value < _SMALLEST_P:
        return f"<{_SMALLEST_P:g}"
    for digits in (2, 3, 4):
        shown = f"{value:.2f}" if value >= 0.1 and digits == 2 else f"{value:#.{digits}g}"
        if (float(shown) < significance) == (value < significance):
            return shown
    return f"{value:#.6g}"


def percent(share: float | None, decimals: int = 1) -> str:
    """A share: `14.9%`."""
    return NOTHING if _absent(share) else f"{_fixed(100.0 * (share or 0.0), decimals)}%"


def level_percent(significance: float) -> str:
    """The coverage of intervals at a level: `95%` at 0.05."""
    return f"{100.0 * (1.0 - significance):.6g}%"


def signed(value: float | None) -> str:
    """A number with its sign and three digits, such as an effect size."""
    return NOTHING if _absent(value) else f"{(value or 0.0) + 0.0:+.3g}"


def ratio(value: float | None) -> str:
    """A ratio: `x1.17`."""
    return NOTHING if _absent(value) else f"x{_ratio_number(value or 0.0)}"


def ratio_interval(lower: float | None, upper: float | None) -> str:
    """An interval of ratios: `[1.10, 1.24]`."""
    if _absent(lower) or _absent(upper):
        return NOTHING
    return f"[{_ratio_number(lower or 0.0)}, {_ratio_number(upper or 0.0)}]"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number of things: `1 id`, `1,200 ids`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def amount(value: float | None, unit: str, sign: str = "") -> str:
    """An amount of money, tokens or time: `$0.0123`, `1,204`, `3.2 s`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if unit == "USD":
        prefix = "-" if value < 0 else sign
        return f"{prefix}${abs(value):,.2f}" if abs(value) >= 100 else f"{prefix}${_three(value)}"
    if unit == "tokens":
        return _fixed(value, 0 if abs(value) >= 100 or float(value).is_integer() else 1, f"{sign},")
    return f"{_fixed(value, 0 if abs(value) >= 1000 else _decimals(abs(value)), f'{sign},')} {unit}"


def amount_change(value: float | None, unit: str) -> str:
    """A difference of amounts, with its sign."""
    return amount(value, unit, "+")


def _absent(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _ratio_number(value: float) -> str:
    return f"{value:.2f}" if 0.1 <= value < 100 else f"{value:.3g}"


def _three(value: float) -> str:
    """An amount below 100 with three digits, never in powers of ten."""
    size = abs(value)
    if size == 0.0:
        return "0"
    return _fixed(size, min(8, max(2, 2 - math.floor(math.log10(size)))))


def _uncertainty(metric: MetricComparison) -> float:
    """Half the width of the interval, or else some other size that the numbers have."""
    if metric.ci_lower is not None and metric.ci_upper is not None:
        half = (metric.ci_upper - metric.ci_lower) / 2
        if half > 0:
            return half
    for size in (metric.delta, metric.baseline_value, metric.candidate_value):
        if math.isfinite(size) and size:
            return abs(size) / 10
    return 0.1


def _decimals(uncertainty: float) -> int:
    """Decimals that show two digits of a number."""
    if not (math.isfinite(uncertainty) and uncertainty > 0):
        return 1
    return min(_MOST_DECIMALS, max(0, 1 - math.floor(math.log10(uncertainty))))


def _fixed(value: float, decimals: int, form: str = "") -> str:
    """A number with so many decimals; what rounds to zero has no minus sign."""
    rounded = round(value, decimals) + 0.0
    too_small = decimals == _MOST_DECIMALS and rounded == 0.0 != value
    if too_small or (abs(rounded) >= _LARGEST_PLAIN and "," not in form):
        return f"{value:{form}.3g}"
    return f"{rounded:{form}.{decimals}f}"
