"""The form in which an Inspect sample is kept inside an MLflow trace.

The spans of a trace are made for people and for searches; they cannot give the sample back. So
its JSON is laid on them as well: compressed, as text, in pieces of bounded size that are
attributes `inspect.sample.<number>`. `rebuild_sample` makes the `EvalSample` of it again, and
`rebuild_samples` those of a trace that holds several.
"""

from ._pack import KEPT_SAMPLE_PREFIX, kept_attributes, packed_sample
from ._rebuild import rebuild_sample, rebuild_samples, unpacked_sample

__all__ = [
    "KEPT_SAMPLE_PREFIX",
    "kept_attributes",
    "packed_sample",
    "rebuild_sample",
    "rebuild_samples",
    "unpacked_sample",
]
