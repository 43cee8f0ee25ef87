"""Errors that a comparison raises on purpose.

```
CompareError (also a ValueError)     the evaluations cannot be compared as asked
├── LogUnreadableError               a log cannot be read
└── NotComparableError               the evaluations differ in what `strict` does not accept
```

Arguments that no log could make right, such as a significance of 2, raise a plain `ValueError`.
"""

from __future__ import annotations

__all__ = ["CompareError", "LogUnreadableError", "NotComparableError"]


class CompareError(ValueError):
    """The evaluations cannot be compared as asked; the message is one line that says why."""


class LogUnreadableError(CompareError):
    """A log cannot be read.

    Args:
        location: Path or URL of the log, without credentials.
        reason: One line.
    """

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"{location}: {reason}" if location else reason)
        self.location = location
        self.reason = reason

    def __reduce__(self) -> tuple[type[LogUnreadableError], tuple[str, str]]:
        return (type(self), (self.location, self.reason))


class NotComparableError(CompareError):
    """The evaluations differ in what `strict` does not accept; the message names it."""
