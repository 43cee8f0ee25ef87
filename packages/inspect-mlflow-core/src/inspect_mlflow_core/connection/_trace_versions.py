"""What the versions of MLflow do with traces, as far as they differ."""

from __future__ import annotations

import re

from inspect_mlflow_core.exceptions import RejectedError

# Spans that are sent to a tracking store can be read back since this version.
_OLDEST_WITH_TRACES = (3, 6)
# From here on the OTLP endpoint unpacks JSON text of mappings, lists and texts
# (`sanitize_attributes`, later `strip_otlp_double_encoding`).
_UNPACKS_SENT_TEXT = (3, 11)
# In between, the database store unpacks it too.
_UNPACKS_STORED_TEXT = ((3, 7), (3, 18))
# Before, `log_spans` adds to the token counts, cost and duration that `start_trace` wrote.
_KEEPS_TOTALS = (3, 12)
# Before, the database store takes the spans of one trace at a time.
_TAKES_SEVERAL_TRACES = (3, 12)
# Before, `start_trace` fails when the stored trace has a tag, metadata or an assessment that the
# request has not (SQLAlchemy's "blank-out primary key column").
_KEEPS_ADDITIONS = (3, 13)


def traces_supported(version: str) -> bool:
    """Say whether an MLflow of this version can hold traces with their spans.

    Args:
        version: As `TraceStore.check` returns it.

    Returns:
        True from MLflow 3.6 on, and for a server that does not tell its version.
    """
    numbers = _numbers(version)
    return numbers is None or numbers >= _OLDEST_WITH_TRACES


def unpacks_sent_text(version: str) -> bool:
    """Say whether a server takes JSON text in place of OpenTelemetry's nested values.

    Args:
        version: The server's version; an unknown one must get nested values, which all take.
    """
    numbers = _numbers(version)
    return numbers is not None and _UNPACKS_SENT_TEXT <= numbers < (4, 0)


def unpacks_stored_text(version: str) -> bool:
    """Say whether the database store unpacks texts that hold JSON.

    Args:
        version: The version of MLflow in this process.
    """
    numbers = _numbers(version)
    first, last = _UNPACKS_STORED_TEXT
    return numbers is not None and first <= numbers < last


def keeps_totals(version: str) -> bool:
    """Say whether spans leave the totals alone that were written with the trace itself.

    Args:
        version: Of whatever writes to the database.
    """
    numbers = _numbers(version)
    return numbers is None or numbers >= _KEEPS_TOTALS


def takes_several_traces(version: str) -> bool:
    """Say whether the database store takes spans of several traces in one call.

    Args:
        version: The version of MLflow in this process.
    """
    numbers = _numbers(version)
    return numbers is None or numbers >= _TAKES_SEVERAL_TRACES


def keeps_additions(version: str) -> bool:
    """Say whether writing a trace again leaves what was added to it in between.

    Args:
        version: Of whatever writes to the database.
    """
    numbers = _numbers(version)
    return numbers is None or numbers >= _KEEPS_ADDITIONS


def traces_unsupported(where: str, version: str = "") -> RejectedError:
    """Return the error that says that a store cannot hold traces.

    Args:
        where: The store, in words, free of credentials.
        version: Its version, if that is the reason.
    """
    reason = f"is MLflow {version}; traces need 3.6 or newer" if version else "cannot hold traces"
    return RejectedError(f"{where} {reason}", cause="traces_unsupported")


def _numbers(version: str) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None
