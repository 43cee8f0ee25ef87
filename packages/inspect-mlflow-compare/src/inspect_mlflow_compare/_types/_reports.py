"""The reports on a result, which one comparison and several have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from inspect_mlflow_compare._types._comparison_set import ComparisonSet
    from inspect_mlflow_compare._types._result import ComparisonResult

__all__ = ["Reports"]


class Reports:
    """The reports on `ComparisonResult` and `ComparisonSet`, made when they are asked for."""

    # Otherwise the instances of a class with slots had a dictionary after all.
    __slots__ = ()

    def summary(self) -> str:
        """Plain text: a verdict, a line for each metric, and what the reader should know."""
        from inspect_mlflow_compare.reports import text_report

        return text_report(_result(self), color=False)

    def to_dict(self) -> dict[str, Any]:
        """The whole result as JSON-compatible values, with a `schema_version`."""
        from inspect_mlflow_compare.reports import json_report

        return json_report(_result(self))

    def to_markdown(self) -> str:
        """A report that fits a comment on a pull request."""
        from inspect_mlflow_compare.reports import markdown_report

        return markdown_report(_result(self))

    def to_html(self) -> str:
        """One self-contained page with plots and tables of samples."""
        from inspect_mlflow_compare.reports import html_report

        return html_report(_result(self))

    def _repr_html_(self) -> str:
        from inspect_mlflow_compare.reports import notebook_report

        return notebook_report(_result(self))


def _result(reports: Reports) -> ComparisonResult | ComparisonSet:
    """Nothing else has these methods, which the type of `self` cannot say in a base class."""
    return cast("ComparisonResult | ComparisonSet", reports)
