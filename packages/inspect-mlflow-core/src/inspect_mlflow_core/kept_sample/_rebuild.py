"""The sample out of the pieces that lie on the spans of a trace."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from zipfile import ZipFile

from inspect_mlflow_core.exceptions import TraceReadError

from ._evaluation import KEPT_EVALUATION, unpacked_evaluation
from ._pack import FORM, KEPT_SAMPLE_PREFIX
from ._spans import SampleSpans, spans_by_sample

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

__all__ = ["KeptSample", "kept_samples", "rebuild_sample", "rebuild_samples", "unpacked_sample"]

_HEAD_FIELDS: Final = 4
_LONGEST_NUMBER: Final = 15

_Head: TypeAlias = tuple[str, ...]

# What an `.eval` file must hold besides samples for Inspect to read it.
_HEADER: Final = {
    "version": 2,
    "status": "success",
    "eval": {
        "created": "1970-01-01T00:00:00+00:00",
        "task": "trace",
        "dataset": {},
        "model": "none",
        "config": {},
    },
}


@dataclass(frozen=True, slots=True)
class KeptSample:
    """A sample out of a trace, with what the trace tells of its evaluation.

    Args:
        sample: As `inspect_ai.log.read_eval_log_sample` gives it.
        content: Its raw JSON, as `EvalLogReader` yields it.
        span_id: The span of the sample.
        evaluation: See `evaluation_header`; empty in traces that were written without it.
    """

    sample: EvalSample
    content: Mapping[str, Any]
    span_id: str
    evaluation: Mapping[str, Any] = field(default_factory=dict)


def rebuild_sample(
    trace: Any, *, resolve_attachments: bool | Literal["full", "core"] = False
) -> EvalSample:
    """Rebuilds the Inspect sample that a trace was made from.

    It is what `inspect_ai.log.read_eval_log_sample` gives for the sample in its log: messages,
    events and every other field. Only credentials in the settings of model calls stay masked.

    Args:
        trace: An MLflow `Trace` with its spans, or a `TraceRecord`.
        resolve_attachments: As for `read_eval_log_sample`: whether images and long texts are put
            in the place of the references to them.

    Raises:
        TraceReadError: The trace holds no sample, not all of it, or one that this version of
            Inspect cannot read.
        ValueError: It holds several samples, as the trace of a whole evaluation does.
    """
    first, *others = spans_by_sample(trace)
    if others:
        raise ValueError(
            f"this trace holds {len(others) + 1} samples; rebuild_samples gives all of them"
        )
    return _rebuilt(first, resolve_attachments)


def rebuild_samples(
    trace: Any, *, resolve_attachments: bool | Literal["full", "core"] = False
) -> list[EvalSample]:
    """Rebuilds every Inspect sample that a trace was made from; see `rebuild_sample`.

    The trace of a whole evaluation (`trace_scope=run`) holds many samples, any other one.

    Args:
        trace: An MLflow `Trace` with its spans, or a `TraceRecord`.
        resolve_attachments: As for `rebuild_sample`.

    Returns:
        The samples in the order in which they began.

    Raises:
        TraceReadError: The trace holds no sample, not all of one, or one that this version of
            Inspect cannot read.
    """
    return [_rebuilt(spans, resolve_attachments) for spans in spans_by_sample(trace)]


def kept_samples(
    trace: Any, *, resolve_attachments: bool | Literal["full", "core"] = False
) -> list[KeptSample]:
    """Rebuilds every Inspect sample of a trace, and takes what it keeps of their evaluation.

    Args:
        trace: An MLflow `Trace` with its spans, or anything else that has `spans`.
        resolve_attachments: As for `rebuild_sample`.

    Returns:
        The samples in the order in which they began.

    Raises:
        TraceReadError: See `rebuild_samples`.
    """
    return [_kept(spans, resolve_attachments) for spans in spans_by_sample(trace)]


def _kept(spans: SampleSpans, resolve_attachments: bool | Literal["full", "core"]) -> KeptSample:
    content = unpacked_sample(span.attributes for span in spans)
    sample = _read(content, resolve_attachments)
    header = unpacked_evaluation(spans[0].attributes.get(KEPT_EVALUATION))
    return KeptSample(sample, content, spans[0].span_id, header)


def _rebuilt(spans: SampleSpans, resolve_attachments: bool | Literal["full", "core"]) -> EvalSample:
    return _read(unpacked_sample(span.attributes for span in spans), resolve_attachments)


def _read(
    sample: Mapping[str, Any], resolve_attachments: bool | Literal["full", "core"]
) -> EvalSample:
    try:
        log = _read_by_inspect(sample, resolve_attachments)
    # Inspect's migrations of old shapes look into values before these are validated.
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        reason = _one_line(error)
        raise TraceReadError(
            f"Inspect cannot read the sample that this trace holds: {reason}"
        ) from error
    if not log.samples:
        raise TraceReadError("Inspect found no sample in what this trace holds")
    return log.samples[0]


def unpacked_sample(attributes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Puts the raw JSON of a sample together.

    Args:
        attributes: The attributes of each span of the sample, its own first; in them, what is no
            piece of a sample is passed over.

    Returns:
        The sample as `packed_sample` got it, apart from masked credentials.

    Raises:
        TraceReadError: There are no pieces, not all, or damaged ones.
    """
    groups: dict[_Head, dict[int, str]] = {}
    for number, text in _pieces(attributes):
        *fields, part = text.split(";", _HEAD_FIELDS)
        groups.setdefault(tuple(fields), {}).setdefault(number, part)
    if not groups:
        raise TraceReadError(
            "this trace holds no Inspect sample"
            " (it was written with trace_content=none, or by another program)"
        )
    # Pieces of an older state may be left on spans that the newer one has no more; the root,
    # which both have, tells the newer.
    head, parts = next(iter(groups.items()))
    return _decoded(head, parts)


def _pieces(attributes: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    for span in attributes:
        for name, text in span.items():
            number = name.removeprefix(KEPT_SAMPLE_PREFIX)
            if number != name and number.isdecimal() and isinstance(text, str):
                yield int(number), text


def _decoded(head: _Head, parts: Mapping[int, str]) -> dict[str, Any]:
    match head:
        case (form, _, _, _) if form == FORM:
            _, count, size_bytes, digest = head
        case _:
            raise TraceReadError(
                f"the Inspect sample in this trace has a form ({';'.join(head)[:20]!r})"
                " that this version of inspect-mlflow-core does not know"
            )
    missing = next((number for number in range(_number(count)) if number not in parts), None)
    if missing is not None:
        raise TraceReadError(
            "the Inspect sample in this trace is incomplete:"
            f" {KEPT_SAMPLE_PREFIX}{missing} of {count} pieces is missing"
        )
    try:
        text = "".join(parts[number] for number in range(_number(count)))
        data = zlib.decompress(base64.b64decode(text, validate=True))
    except (ValueError, zlib.error) as error:
        raise _damaged(_one_line(error)) from error
    if len(data) != _number(size_bytes) or hashlib.sha256(data).hexdigest() != digest:
        raise _damaged("its digest is not the one that was written")
    sample: dict[str, Any] = json.loads(data)
    return sample


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise _damaged(f"{text[:20]!r} is no number")
    return int(text)


def _damaged(reason: str) -> TraceReadError:
    return TraceReadError(f"the Inspect sample in this trace is damaged: {reason}")


def _read_by_inspect(
    sample: Mapping[str, Any], resolve_attachments: bool | Literal["full", "core"]
) -> EvalLog:
    """Lets Inspect read an `.eval` file with this one sample, so that all it does is done."""
    from inspect_ai.log import read_eval_log_async

    reading = read_eval_log_async(
        _eval_file(sample), resolve_attachments=resolve_attachments, format="eval"
    )
    # A file in memory is read without waiting for anything. The coroutine is stepped by hand
    # because the blocking function refuses to run under trio, and patches a running event loop.
    try:
        reading.send(None)
    except StopIteration as finished:
        log: EvalLog = finished.value
        return log
    reading.close()
    raise TraceReadError("this version of Inspect does not read logs in memory at once")


def _eval_file(sample: Mapping[str, Any]) -> BytesIO:
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        archive.writestr("header.json", json.dumps(_HEADER))
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample))
    content.seek(0)
    return content


def _one_line(error: Exception) -> str:
    lines = f"{type(error).__name__}: {error}".splitlines()
    return " ".join(line.strip() for line in lines[:3])
