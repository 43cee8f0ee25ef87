"""Puts artifact files where a run's artifact URI points, when no server stands in between."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from inspect_mlflow_core.exceptions import RejectedError, RetryableError


def local_artifact_root(artifact_uri: str) -> Path | None:
    """Return the directory behind an artifact URI, or None when it is remote.

    Args:
        artifact_uri: `file:///…`, a plain path, or a URI of a remote store.

    Returns:
        A path, or None.
    """
    parts = urlsplit(artifact_uri)
    if parts.scheme == "file":
        return Path(url2pathname(unquote(parts.path)))
    if not parts.scheme or len(parts.scheme) == 1:
        return Path(artifact_uri)
    return None


def copy_to_local_root(root: Path, local_path: Path, artifact_path: str) -> None:
    """Copy a file below an artifact root, so that readers never see half of it.

    Args:
        root: Directory of the run's artifacts.
        local_path: The file.
        artifact_path: Folder below the root, with `/` between its parts.

    Raises:
        RejectedError: The directory cannot be written (cause `"artifact_store"`).
    """
    folder = root.joinpath(*artifact_path.split("/")) if artifact_path else root
    partial = folder / f".{local_path.name}.{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(local_path, partial)
        partial.replace(folder / local_path.name)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RejectedError(
            f"artifact {artifact_path}/{local_path.name} cannot be written: {error.strerror}",
            cause="artifact_store",
        ) from None


def upload_with_mlflow(
    artifact_uri: str, tracking_uri: str, local_path: Path, artifact_path: str
) -> None:
    """Upload through MLflow's artifact repositories (S3, GCS, Azure, SFTP, plugins).

    Args:
        artifact_uri: Root of the run's artifacts.
        tracking_uri: The tracking store it belongs to.
        local_path: The file.
        artifact_path: Folder below the root.

    Raises:
        RetryableError: The store did not take the file now.
        RejectedError: The client library of that store is not installed.
    """
    import inspect

    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    # The keyword exists since MLflow 3.2; before, the repositories of cloud stores do not need it.
    accepted = inspect.signature(get_artifact_repository).parameters
    options = {"tracking_uri": tracking_uri} if "tracking_uri" in accepted else {}
    where = f"{urlsplit(artifact_uri).scheme} artifact store"
    try:
        repository = get_artifact_repository(artifact_uri, **options)
        repository.log_artifact(str(local_path), artifact_path or None)
    except ImportError as error:
        raise RejectedError(
            f"the {where} needs a package that is not installed here: {error.name}",
            cause="artifact_store",
        ) from None
    except Exception as error:  # Each client library has errors of its own, with no common base.
        raise RetryableError(
            f"the {where} did not take {artifact_path}/{local_path.name} ({type(error).__name__})",
            cause="artifact_store",
        ) from None
