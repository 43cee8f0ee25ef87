"""MLflow traces as Inspect Scout transcripts, and Scout's scan results on MLflow traces.

```python
from inspect_mlflow_scout import import_mlflow_traces
from inspect_scout import transcripts_db

async with transcripts_db("./transcripts") as database:
    await database.insert(import_mlflow_traces(experiment_name="my-agents"))
```

Importing this costs next to nothing: Scout, Inspect and MLflow are imported when first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from inspect_mlflow_scout._import import import_mlflow_traces, traces_request_time
    from inspect_mlflow_scout._report import ImportReport
    from inspect_mlflow_scout.exceptions import (
        ScanIncompleteError,
        ScanReadError,
        TraceImportError,
    )
    from inspect_mlflow_scout.push import (
        PushReport,
        push_scan_results,
        push_scan_results_async,
    )

    __version__: str

__all__ = [
    "ImportReport",
    "PushReport",
    "ScanIncompleteError",
    "ScanReadError",
    "TraceImportError",
    "import_mlflow_traces",
    "push_scan_results",
    "push_scan_results_async",
    "traces_request_time",
]

_MODULES: Final = {
    "ImportReport": "_report",
    "PushReport": "push",
    "ScanIncompleteError": "exceptions",
    "ScanReadError": "exceptions",
    "TraceImportError": "exceptions",
    "import_mlflow_traces": "_import",
    "push_scan_results": "push",
    "push_scan_results_async": "push",
    "traces_request_time": "_import",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first asked for."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("inspect-mlflow-scout")
    elif name in _MODULES:
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
