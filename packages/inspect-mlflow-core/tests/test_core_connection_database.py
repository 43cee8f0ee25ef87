"""Databases that cannot be used: a short clear error instead of minutes of waiting."""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.connection import create_run_once, ensure_experiment, open_tracking_store
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError

SECRET = "s3cr3t-Pa55word"


def failure(uri: str) -> DeliveryError:
    store = open_tracking_store(uri)
    with pytest.raises(DeliveryError) as raised:
        store.check()
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert SECRET not in message + repr(store)
    return raised.value


@pytest.fixture
def impatient_sqlite() -> Iterator[None]:
    # MLflow waits 20 seconds for a lock.
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def shorten(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any
    ) -> tuple[str, Any]:
        if statement.startswith("PRAGMA busy_timeout"):
            statement = "PRAGMA busy_timeout = 50"
        return statement, parameters

    event.listen(Engine, "before_cursor_execute", shorten, retval=True)
    yield
    event.remove(Engine, "before_cursor_execute", shorten)


def test_a_database_that_is_locked(store_uri: str, impatient_sqlite: None) -> None:
    store = open_tracking_store(store_uri)
    experiment_id = ensure_experiment(store, "x")
    path = store_uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RetryableError) as raised:
            store.create_run(experiment_id, name="r", start_time_ms=1, tags={})
        other.rollback()
    assert raised.value.cause == "database_locked"
    run, created = create_run_once(
        store, experiment_id, {"k": "v"}, name="r", start_time_ms=1, tags={}
    )
    assert created and store.get_run(run.run_id).name == "r"


def test_words_of_the_user_do_not_look_like_a_lock(store_uri: str) -> None:
    store = open_tracking_store(store_uri)
    with pytest.raises(RejectedError):
        store.search_runs(["0"], "tags.`x` = 'deadlock, busy")


def test_a_driver_that_is_not_installed() -> None:
    error = failure(f"postgresql://me:{SECRET}@127.0.0.1/mlflow")
    assert isinstance(error, RejectedError)
    assert error.cause == "database_driver"
    assert re.search(r"needs the driver psycopg2?: pip install '?psycopg", str(error))


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    # A dialect whose driver is there: SQLite's own stands in for a remote database's.
    from sqlalchemy.dialects import registry
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

    class StandIn(SQLiteDialect_pysqlite):
        def create_connect_args(self, url: Any) -> Any:
            return [":memory:"], {}

    monkeypatch.setitem(registry.impls, "mysql.standin", lambda: StandIn)


def test_a_database_server_that_is_down(driver: None) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    error = failure(f"mysql+standin://me:{SECRET}@127.0.0.1:{port}/mlflow")
    assert isinstance(error, RetryableError)
    assert (error.cause, error.unreachable) == ("connection", True)


def test_a_directory_that_is_missing_is_created(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "c#ü" / "mlflow.db"
    assert open_tracking_store(f"sqlite:///{path}").check()
    assert path.is_file()


def test_artifacts_lie_beside_the_database(
    tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "odd #1 ü"
    directory.mkdir()
    (directory / "m.db").write_bytes(store_template.read_bytes())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store = open_tracking_store(f"sqlite:///{directory}/m.db")
    experiment_id = ensure_experiment(store, "../my experiment/ü")
    run = store.create_run(experiment_id, name="r", start_time_ms=1, tags={})
    (tmp_path / "f.txt").write_text("content")
    store.upload_artifact(run, tmp_path / "f.txt", "folder")
    (stored,) = directory.rglob("f.txt")
    assert stored.read_text() == "content"
    assert stored.relative_to(directory).parts[0] == "mlartifacts"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_relative_path(
    tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.db").write_bytes(store_template.read_bytes())
    store = open_tracking_store("sqlite:///m.db")
    run = store.create_run(ensure_experiment(store, "x"), name="r", start_time_ms=1, tags={})
    assert run.artifact_uri.startswith((tmp_path / "mlartifacts").as_uri())


@pytest.mark.parametrize("kind", ["directory", "below a file", "not a database"])
def test_a_path_that_cannot_be_a_database(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mlflow.db"
    if kind == "directory":
        path.mkdir()
    elif kind == "below a file":
        path.write_bytes(b"")
        path = path / "mlflow.db"
    else:
        path.write_bytes(b"this is no database " * 1_000)
    error = failure(f"sqlite:///{path}")
    assert isinstance(error, RejectedError)
    assert error.cause == "database_file"


def test_a_store_that_no_package_provides() -> None:
    assert isinstance(failure("nosuchscheme://somewhere"), RejectedError)


def test_an_artifact_directory_that_cannot_be_written(store_uri: str, tmp_path: Path) -> None:
    store = open_tracking_store(store_uri)
    run = store.create_run(ensure_experiment(store, "x"), name="r", start_time_ms=1, tags={})
    blocked = tmp_path / "store" / "mlartifacts"
    blocked.rmdir() if blocked.is_dir() else None
    blocked.write_text("a file where a directory should be")
    (tmp_path / "f.txt").write_text("content")
    with pytest.raises(RejectedError) as raised:
        store.upload_artifact(run, tmp_path / "f.txt", "folder")
    assert raised.value.cause == "artifact_store"


@pytest.mark.parametrize(
    "race",
    [
        ImportError("cannot import name 'ViewType' from partially initialized module 'mlflow'"),
        AttributeError("partially initialized module 'mlflow' has no attribute 'entities'"),
    ],
)
def test_an_import_that_is_under_way_elsewhere_is_waited_for(
    store_uri: str, monkeypatch: pytest.MonkeyPatch, race: Exception
) -> None:
    from inspect_mlflow_core.connection import _mlflow_store

    def importing(_: str) -> None:
        raise race

    store = open_tracking_store(store_uri)
    with monkeypatch.context() as during, pytest.raises(RetryableError) as caught:
        during.setattr(_mlflow_store, "_open", importing)
        store.get_experiment_by_name("Default")
    assert caught.value.cause == "import"
    assert store.get_experiment_by_name("Default") is not None
