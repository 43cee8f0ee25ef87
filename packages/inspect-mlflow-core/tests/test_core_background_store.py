"""A tracking store in another process; what it writes is tested with the other stores."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspect_mlflow_core.background_process import BackgroundProcess, BackgroundProcessError
from inspect_mlflow_core.connection import (
    BackgroundTrackingStore,
    ensure_experiment,
    open_tracking_store,
    worth_a_process,
)
from inspect_mlflow_core.exceptions import (
    DeliveryError,
    LeftInLogError,
    RejectedError,
    RetryableError,
)
from inspect_mlflow_core.testing import clean_environment

NOBODY_LISTENS = "http://user:hunter2@127.0.0.1:9"


@pytest.fixture
def background() -> Iterator[BackgroundProcess]:
    process = BackgroundProcess()
    yield process
    process.close()


@pytest.mark.parametrize(
    "error",
    [
        DeliveryError("a message", cause="a_cause"),
        RetryableError("busy", cause="http_503", retry_after_seconds=2.5, unreachable=True),
        RejectedError("no such run", cause="http_404", error_code="RESOURCE_DOES_NOT_EXIST"),
        LeftInLogError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_stay_whole_on_the_way(error: DeliveryError) -> None:
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


@pytest.mark.parametrize("uri", ["server", NOBODY_LISTENS])
def test_errors_are_those_of_a_store_of_this_process(
    request: pytest.FixtureRequest, background: BackgroundProcess, uri: str
) -> None:
    uri = request.getfixturevalue("server_uri") if uri == "server" else uri
    errors = []
    for store in (open_tracking_store(uri), BackgroundTrackingStore(uri, background)):
        with pytest.raises(DeliveryError) as caught:
            store.get_run("0" * 32)
        errors.append(caught.value)
    here, there = errors
    assert type(there) is type(here)
    assert str(there) == str(here)
    assert vars(there) == vars(here)
    assert "hunter2" not in str(there)


def test_it_names_its_server_without_credentials(background: BackgroundProcess) -> None:
    assert "hunter2" not in repr(BackgroundTrackingStore(NOBODY_LISTENS, background))


def test_out_of_the_background_several_calls_are_made_at_a_time(
    server_uri: str, background: BackgroundProcess
) -> None:
    store = BackgroundTrackingStore(server_uri, background)
    experiment_id = ensure_experiment(store, "in and out of the background")
    assert store.concurrency == 0
    store.leave_background()
    assert store.concurrency == open_tracking_store(server_uri).concurrency
    background.close()
    assert ensure_experiment(store, "in and out of the background") == experiment_id


def test_without_the_other_process_the_next_attempt_is_made_here(
    server_uri: str, background: BackgroundProcess
) -> None:
    store = BackgroundTrackingStore(server_uri, background)
    assert store.check().startswith("3.")
    with pytest.raises(BackgroundProcessError):
        background.call(os._exit, 3)
    with pytest.raises(RetryableError) as caught:
        store.check()
    assert caught.value.cause == "background_process"
    assert not caught.value.unreachable
    assert store.check().startswith("3.")


PROGRAM = """
import sys

from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.connection import BackgroundTrackingStore, worth_a_process

uri = sys.argv[1]
assert worth_a_process(uri)
store = BackgroundTrackingStore(uri, BackgroundProcess())
print(store.check())
assert "requests" not in sys.modules
store.leave_background()
print(store.check())
assert not worth_a_process(uri)
"""


def test_what_speaks_to_a_server_is_not_imported(server_uri: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, server_uri],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    away, home = done.stdout.split()
    assert away == home


@pytest.mark.parametrize(
    ("uri", "variables", "worth"),
    [
        ("http://127.0.0.1:5000", {}, True),
        ("https://mlflow.example", {}, True),
        ("https://mlflow.example", {"MLFLOW_TRACKING_TOKEN": "token"}, True),
        ("https://mlflow.example", {"MLFLOW_TRACKING_AUTH": "plugin"}, False),
        ("https://mlflow.example", {"MLFLOW_TRACKING_AWS_SIGV4": "true"}, False),
        ("sqlite:///mlflow.db", {}, False),
        ("databricks://profile", {}, False),
        ("mlruns", {}, False),
    ],
)
def test_only_a_server_is_worth_a_process(
    monkeypatch: pytest.MonkeyPatch, uri: str, variables: dict[str, str], worth: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "requests", raising=False)
    assert worth_a_process(uri) is worth
    monkeypatch.setitem(sys.modules, "requests", sys)
    assert not worth_a_process(uri)
