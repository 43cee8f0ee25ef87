"""Style sheets and scripts that lie beside the code."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["asset"]


@cache
def asset(name: str) -> str:
    """The text of a file of this package.

    Args:
        name: `page.css`, `page.js` or `notebook.css`.
    """
    return files("inspect_mlflow_compare.reports.html").joinpath(name).read_text(encoding="utf-8")
