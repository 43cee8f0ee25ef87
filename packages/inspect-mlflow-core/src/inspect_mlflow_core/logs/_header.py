"""Validates the header of an eval log with Inspect's own models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.exceptions import LogReadError

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog
    from pydantic import ValidationError

__all__ = ["newest_log_version", "scorer_of_single_score", "validated_header"]


def validated_header(raw: dict[str, Any], location: str, *, newest_version: int | None) -> EvalLog:
    """Validates a header as Inspect does when it reads a log.

    Runs in any thread, also while the interpreter shuts down: nothing here is asynchronous.

    Args:
        raw: Raw JSON of the log without samples; consumed.
        location: Becomes the `location` of the result.
        newest_version: Highest version of the format to accept; None for the `.eval` format,
            of which Inspect reads every version.

    Returns:
        The log with `samples` and `reductions` None.

    Raises:
        LogReadError: The version is too new, or a field has a value that this version of
            Inspect refuses; the message names the field.
    """
    from inspect_ai._util.constants import get_deserializing_context
    from inspect_ai.log import EvalLog
    from pydantic import ValidationError

    version = raw.get("version", 0)
    if newest_version is not None and isinstance(version, int) and version > newest_version:
        raise LogReadError(
            f"version {version} of the log format; inspect_ai here reads up to {newest_version}"
        )
    _drop_samples(raw)
    try:
        header = EvalLog.model_validate(raw, context=get_deserializing_context())
    except ValidationError as error:
        raise LogReadError(_refusal(error)) from error
    except (TypeError, AttributeError, KeyError, IndexError) as error:
        # Inspect's migrations of old shapes look into values before these are validated.
        raise LogReadError(f"the header has a shape that Inspect refuses ({error})") from error
    header.location = location
    if newest_version is not None:
        header.version = newest_version  # the version whose shape it has now
    return header


def newest_log_version() -> int:
    """The highest version of the `.json` log format that Inspect reads here."""
    from inspect_ai._util.constants import LOG_SCHEMA_VERSION

    return LOG_SCHEMA_VERSION


def scorer_of_single_score(header: EvalLog) -> str | None:
    """Name of the scorer of a log from before the samples named it (as Inspect decides it)."""
    if header.results and header.results.scores:
        return header.results.scores[0].name
    if header.eval.scorers:
        return header.eval.scorers[0].name
    return None


def _drop_samples(raw: dict[str, Any]) -> None:
    raw.pop("samples", None)
    raw.pop("reductions", None)
    if isinstance(raw.get("results"), dict):
        raw["results"].pop("sample_reductions", None)


def _refusal(error: ValidationError) -> str:
    first, *others = error.errors(include_url=False, include_input=False, include_context=False)
    field = ".".join(str(part) for part in first["loc"]) or "the header"
    more = f" (and {len(others)} more)" if others else ""
    return f"Inspect refuses the header: {field}: {first['msg']}{more}".splitlines()[0]
