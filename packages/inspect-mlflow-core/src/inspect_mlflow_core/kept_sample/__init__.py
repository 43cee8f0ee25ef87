"""The form in which an Inspect sample is kept inside an MLflow trace.

The spans of a trace are made for people and for searches; they cannot give the sample back. So
its JSON is laid on them as well: compressed, as text, in pieces of bounded size that are
attributes `inspect.sample.<number>`. `rebuild_sample` makes the `EvalSample` of it again, and
`rebuild_samples` those of a trace that holds several. What the header of the log says of the
evaluation stands beside the first piece.
"""

from ._evaluation import (
    KEPT_EVALUATION,
    evaluation_header,
    packed_evaluation,
    unpacked_evaluation,
)
from ._pack import KEPT_SAMPLE_PREFIX, kept_attributes, packed_sample
from ._rebuild import (
    KeptSample,
    kept_samples,
    rebuild_sample,
    rebuild_samples,
    unpacked_sample,
)

__all__ = [
    "KEPT_EVALUATION",
    "KEPT_SAMPLE_PREFIX",
    "KeptSample",
    "evaluation_header",
    "kept_attributes",
    "kept_samples",
    "packed_evaluation",
    "packed_sample",
    "rebuild_sample",
    "rebuild_samples",
    "unpacked_evaluation",
    "unpacked_sample",
]
