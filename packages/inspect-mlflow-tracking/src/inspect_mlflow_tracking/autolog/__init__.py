"""MLflow's own tracing of provider SDKs, for the time of an evaluation."""

from ._providers import SUPPORTED_PROVIDERS, enable_autolog
from ._routing import route_to_evaluation
from ._session import AutologSession
from ._suppression import ModelCallSuppression

__all__ = [
    "SUPPORTED_PROVIDERS",
    "AutologSession",
    "ModelCallSuppression",
    "enable_autolog",
    "route_to_evaluation",
]
