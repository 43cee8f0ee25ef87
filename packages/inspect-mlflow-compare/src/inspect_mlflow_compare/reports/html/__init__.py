"""The report as a page, and as a fragment of a notebook."""

from inspect_mlflow_compare.reports.html._notebook import notebook_report
from inspect_mlflow_compare.reports.html._page import html_report

__all__ = ["html_report", "notebook_report"]
