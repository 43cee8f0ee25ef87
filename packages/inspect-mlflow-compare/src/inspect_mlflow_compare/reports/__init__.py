"""Reports on a comparison, in the forms that people and programs read."""

from inspect_mlflow_compare.reports._comparisons import outcome_of
from inspect_mlflow_compare.reports._github import github_report
from inspect_mlflow_compare.reports._json import json_report
from inspect_mlflow_compare.reports._junit import FailOn, junit_report
from inspect_mlflow_compare.reports._markdown import markdown_report, marker
from inspect_mlflow_compare.reports._text import text_report, verdict_line
from inspect_mlflow_compare.reports.html import html_report, notebook_report

__all__ = [
    "FailOn",
    "github_report",
    "html_report",
    "json_report",
    "junit_report",
    "markdown_report",
    "marker",
    "notebook_report",
    "outcome_of",
    "text_report",
    "verdict_line",
]
