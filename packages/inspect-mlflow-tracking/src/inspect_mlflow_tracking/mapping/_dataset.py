"""The dataset of an evaluation as an MLflow dataset input."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from inspect_mlflow_core.connection import DatasetInput
from inspect_mlflow_core.conversion import (
    DATASET_NAME_CHARACTERS,
    DATASET_PROFILE_CHARACTERS,
    DATASET_SOURCE_CHARACTERS,
    clean_text,
    mask_secrets,
    stored_text,
)

from .tags import json_text

if TYPE_CHECKING:
    from inspect_ai.log import EvalSpec


def dataset_input(spec: EvalSpec) -> DatasetInput:
    """Return what MLflow shows, filters and groups evaluation runs by.

    Args:
        spec: Specification of the evaluation.

    Returns:
        Name, digest of name, size and sample ids (equal wherever the file lies, and known when a
        task starts), and size.
    """
    dataset = spec.dataset
    name = clean_text(dataset.name or spec.task) or "dataset"
    ids = [str(sample_id) for sample_id in dataset.sample_ids or ()]
    identity = json.dumps([dataset.name, dataset.samples, ids], ensure_ascii=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    source = mask_secrets({"location": dataset.location, "task": spec.task})
    profile = {"num_rows": dataset.samples, "shuffled": dataset.shuffled}
    return DatasetInput(
        name=stored_text(name, DATASET_NAME_CHARACTERS),
        digest=digest,
        source_type="inspect_ai",
        source=json_text(source, DATASET_SOURCE_CHARACTERS),
        profile=json_text(profile, DATASET_PROFILE_CHARACTERS),
    )
