"""Puts artifact files where a run's artifact URI points, when no server stands in between."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError

# MLflow's server decodes a path until nothing changes and refuses number signs, its routes end at
# a line break (`validate_path_is_safe`), and its client does not quote question marks when it
# downloads; a lone surrogate has no form in a URL.
_REFUSED_IN_PATHS = re.compile(r"[#%?\\\x00-\x1f\x7f\ud800-\udfff]")


def artifact_path_text(path: str) -> str:
    """Return an artifact path that every store takes and gives back unchanged.

    Args:
        path: File name or folder with `/` between its parts.

    Returns:
        The path with the characters that MLflow's server refuses or decodes written as
        `_x<code point in hexadecimal>_`.
    """
    return _REFUSED_IN_PATHS.sub(lambda match: f"_x{ord(match[0]):02x}_", path)


def local_artifact_root(artifact_uri: str) -> Path | None:
    """Return the directory behind an artifact URI, or None when it is remote.

    Args:
        artifact_uri: `file:///…`, a plain path, or a URI of a remote store.

    Returns:
        A path, or None.
    """
    parts = urlsplit(artifact_uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
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
    parts = artifact_path_text(artifact_path).split("/") if artifact_path else ()
    folder, name = root.joinpath(*parts), artifact_path_text(local_path.name)
    # Not derived from the name, which may be as long as a file system allows.
    partial = folder / f".{os.getpid()}.{threading.get_ident()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(local_path, partial)
        partial.replace(folder / name)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
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
    failure = f"did not take {artifact_path}/{local_path.name}"
    with _mlflow_repository(artifact_uri, tracking_uri, failure) as repository:
        repository.log_artifact(str(local_path), artifact_path or None)


def download_with_mlflow(
    artifact_uri: str, tracking_uri: str, artifact_path: str, max_bytes: int
) -> bytes:
    """Read a file through MLflow's artifact repositories.

    Args:
        artifact_uri: Root of the artifacts.
        tracking_uri: The tracking store it belongs to.
        artifact_path: File below the root.
        max_bytes: The most that is returned.

    Raises:
        RetryableError: The store did not give the file; MLflow does not tell whether it has it.
        RejectedError: The client library of that store is not installed, or the file is larger
            (cause `"too_large"`).
    """
    from tempfile import TemporaryDirectory

    failure = f"did not give {artifact_path}"
    with (
        TemporaryDirectory() as directory,
        _mlflow_repository(artifact_uri, tracking_uri, failure) as repository,
    ):
        return read_within(Path(repository.download_artifacts(artifact_path, directory)), max_bytes)


def read_within(path: Path, max_bytes: int) -> bytes:
    """Read a file of bounded size.

    Args:
        path: The file.
        max_bytes: The most that is read.

    Raises:
        RejectedError: It is not there (cause `"not_found"`), is larger (cause `"too_large"`), or
            cannot be read (cause `"artifact_store"`).
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise RejectedError(
            f"artifact {path.parent.name}/{path.name} is not there", cause="not_found"
        ) from None
    except OSError as error:
        raise RejectedError(
            f"artifact {path.parent.name}/{path.name} cannot be read: {error.strerror}",
            cause="artifact_store",
        ) from None
    if len(content) > max_bytes:
        raise too_large(max_bytes)
    return content


def too_large(max_bytes: int) -> RejectedError:
    """Return the error for a file of more bytes than are wanted.

    Args:
        max_bytes: How many are wanted.
    """
    return RejectedError(f"a file is larger than {max_bytes:,} bytes", cause="too_large")


@contextmanager
def _mlflow_repository(artifact_uri: str, tracking_uri: str, failure: str) -> Iterator[Any]:
    """Give MLflow's artifact repository to a block, and sort what it raises."""
    import inspect

    where = f"{urlsplit(artifact_uri).scheme} artifact store"
    try:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        # The keyword exists since MLflow 3.2; before, repositories of cloud stores do without.
        accepted = inspect.signature(get_artifact_repository).parameters
        options = {"tracking_uri": tracking_uri} if "tracking_uri" in accepted else {}
        yield get_artifact_repository(artifact_uri, **options)
    except DeliveryError:
        raise
    except ImportError as error:
        raise RejectedError(
            f"the {where} needs a package that is not installed here: {error.name}",
            cause="artifact_store",
        ) from None
    except Exception as error:  # Each client library has errors of its own, with no common base.
        raise RetryableError(
            f"the {where} {failure} ({type(error).__name__})", cause="artifact_store"
        ) from None
