"""Support for tests of packages that write to MLflow: real stores, real servers, real evaluations.

Needs `mlflow` and `pytest`; nothing here is imported by the packages themselves.
"""

from ._environment import clean_environment
from ._faults import Fault, FaultyStore, faulty_proxy
from ._servers import MlflowServer, running_server
from ._stores import artifact_digests, copy_store, make_store_template, store_contents
from ._traces import trace_contents

__all__ = [
    "Fault",
    "FaultyStore",
    "MlflowServer",
    "artifact_digests",
    "clean_environment",
    "copy_store",
    "faulty_proxy",
    "make_store_template",
    "running_server",
    "store_contents",
    "trace_contents",
]
