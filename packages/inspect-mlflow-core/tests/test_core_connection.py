"""Every operation on a tracking store does the same on a database and on a real server."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.connection import (
    BackgroundTrackingStore,
    DatasetInput,
    MetricPoint,
    RunRecord,
    TrackingStore,
    create_run_once,
    ensure_experiment,
    find_run,
    open_tracking_store,
    tag_filter,
    tracking_uri_kind,
)
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError
from inspect_mlflow_core.testing import FaultyStore, artifact_digests


@pytest.fixture(scope="module")
def background() -> Iterator[BackgroundProcess]:
    process = BackgroundProcess()
    yield process
    process.close()


@pytest.fixture(params=["sqlite", "server", "background"])
def store(request: pytest.FixtureRequest, background: BackgroundProcess) -> TrackingStore:
    if request.param == "background":
        return BackgroundTrackingStore(request.getfixturevalue("server_uri"), background)
    return open_tracking_store(request.getfixturevalue(f"{request.param}_uri"))


@pytest.fixture
def experiment_id(store: TrackingStore) -> str:
    return ensure_experiment(store, f"experiment {uuid.uuid4()}")


def new_run(store: TrackingStore, experiment_id: str, **tags: str) -> RunRecord:
    return store.create_run(experiment_id, name="a run", start_time_ms=1_000, tags=tags)


def test_the_version_of_the_store_is_told(store: TrackingStore) -> None:
    assert store.check().startswith("3.")


class TestExperiments:
    def test_a_missing_one_is_created_and_found_again(self, store: TrackingStore) -> None:
        name = f"new {uuid.uuid4()} ü/日本 'q' \"d\" %23 #"
        assert store.get_experiment_by_name(name) is None
        created = ensure_experiment(store, name)
        found = store.get_experiment_by_name(name)
        assert found is not None
        assert (found.experiment_id, found.name, found.deleted) == (created, name, False)
        assert ensure_experiment(store, name) == created

    def test_a_deleted_one_is_restored(self, store: TrackingStore) -> None:
        from mlflow import MlflowClient

        name = f"deleted {uuid.uuid4()}"
        created = ensure_experiment(store, name)
        MlflowClient(store.tracking_uri).delete_experiment(created)
        found = store.get_experiment_by_name(name)
        assert found is not None and found.deleted
        assert ensure_experiment(store, name) == created
        assert not store.get_experiment_by_name(name).deleted  # type: ignore[union-attr]

    def test_two_threads_that_want_one_get_the_same(self, store: TrackingStore) -> None:
        for attempt in range(5):
            name = f"raced {attempt} {uuid.uuid4()}"
            together = threading.Barrier(2)

            def ensure(name: str = name, together: threading.Barrier = together) -> str:
                mine = open_tracking_store(store.tracking_uri)
                mine.check()
                together.wait()
                return ensure_experiment(mine, name)

            with ThreadPoolExecutor(2) as pool:
                first, second = pool.submit(ensure), pool.submit(ensure)
            assert first.result() == second.result()

    def test_a_name_that_mlflow_refuses_is_an_error(self, store: TrackingStore) -> None:
        with pytest.raises(RejectedError):
            ensure_experiment(store, "n" * 5000)


RACE = """
import sys, time
from pathlib import Path
from inspect_mlflow_core.connection import create_run_once, ensure_experiment, open_tracking_store
from inspect_mlflow_core.exceptions import RetryableError


def patiently(function, *given, **named):
    # As the delivery worker does: a database may be locked for longer than it waits.
    for _ in range(100):
        try:
            return function(*given, **named)
        except RetryableError:
            time.sleep(0.1)
    raise SystemExit("never")


uri, name, ready, go = sys.argv[1:]
store = open_tracking_store(uri)
store.check()
Path(ready).touch()
while not Path(go).exists():
    time.sleep(0.001)
experiment_id = patiently(ensure_experiment, store, name)
for number in range(5):
    identity = {"inspect.eval_id": f"eval {number}"}
    run, _ = patiently(
        create_run_once,
        store,
        experiment_id,
        identity,
        name="r",
        start_time_ms=1,
        tags={"who": "both"},
    )
    print(run.run_id)
"""


def both_meet(together: threading.Barrier, delete_seconds: float) -> Callable[..., None]:
    """Have two find the run of the other, and take their own back, one later than the other.

    Args:
        together: Lets both create before either looks again, and look before either deletes.
        delete_seconds: How long taking back takes.
    """
    calls: Counter[str] = Counter()

    def wait(name: str, _arguments: tuple[Any, ...]) -> None:
        calls[name] += 1
        if (name, calls[name]) in (("search_runs", 2), ("delete_run", 1)):
            together.wait(timeout=60)
        if name == "delete_run":
            time.sleep(delete_seconds)

    return wait


class TestCreatingRuns:
    def test_a_run_is_created_once(self, store: TrackingStore, experiment_id: str) -> None:
        identity = {"inspect.eval_id": "e1", "inspect.role": "task"}
        options = {"name": "first", "start_time_ms": 5, "tags": {"inspect.task": "t"}}
        run, created = create_run_once(store, experiment_id, identity, **options)  # type: ignore[arg-type]
        again, created_again = create_run_once(
            store, experiment_id, identity, name="second", start_time_ms=6, tags={}
        )
        assert (created, created_again) == (True, False)
        assert again.run_id == run.run_id
        assert (again.name, again.status, again.start_time_ms) == ("first", "RUNNING", 5)
        assert {**identity, "inspect.task": "t"}.items() <= again.tags.items()
        assert again.end_time_ms is None

    def test_threads_that_want_one_run_get_the_same(
        self, store: TrackingStore, experiment_id: str
    ) -> None:
        for attempt in range(5):
            identity = {"inspect.eval_id": f"raced {attempt}"}
            together = threading.Barrier(2)

            def create(
                identity: dict[str, str] = identity, together: threading.Barrier = together
            ) -> tuple[RunRecord, bool]:
                mine = open_tracking_store(store.tracking_uri)
                mine.check()
                together.wait()
                return create_run_once(
                    mine, experiment_id, identity, name="r", start_time_ms=1, tags={}
                )

            with ThreadPoolExecutor(2) as pool:
                first, second = (f.result() for f in [pool.submit(create), pool.submit(create)])
            assert first[0].run_id == second[0].run_id
            assert [first[1], second[1]].count(True) == 1
            assert len(store.search_runs([experiment_id], tag_filter(identity))) == 1

    def test_a_run_that_its_creator_is_about_to_take_back_is_nobodys(
        self, store: TrackingStore, experiment_id: str
    ) -> None:
        identity = {"inspect.eval_id": "taken back"}
        together = threading.Barrier(2)

        def create(delete_seconds: float) -> RunRecord:
            own = open_tracking_store(store.tracking_uri)
            mine: Any = FaultyStore(own, both_meet(together, delete_seconds))
            run, _ = create_run_once(
                mine, experiment_id, identity, name="r", start_time_ms=1, tags={}
            )
            return run

        with ThreadPoolExecutor(2) as pool:
            results = [pool.submit(create, seconds) for seconds in (0.0, 0.6)]
        first, second = (result.result() for result in results)
        assert first.run_id == second.run_id
        found = store.search_runs([experiment_id], tag_filter(identity))
        assert [run.run_id for run in found] == [first.run_id]

    def test_processes_that_want_the_same_runs_get_the_same(
        self, store: TrackingStore, tmp_path: Path
    ) -> None:
        name, go = f"processes {uuid.uuid4()}", tmp_path / "go"
        processes = []
        for number in range(2):
            ready = tmp_path / f"ready {number}"
            command = [sys.executable, "-c", RACE, store.tracking_uri, name, str(ready), str(go)]
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        with ThreadPoolExecutor(1) as pool:
            waited = pool.submit(_wait_for, [tmp_path / "ready 0", tmp_path / "ready 1"])
            waited.result(timeout=60)
        go.touch()
        outputs = [process.communicate(timeout=60)[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0, 0]
        assert outputs[0] == outputs[1]
        assert len(set(outputs[0])) == 5
        found = store.search_runs([ensure_experiment(store, name)], "")
        assert sorted(run.run_id for run in found) == sorted(outputs[0])

    def test_a_run_in_the_trash_does_not_count(
        self, store: TrackingStore, experiment_id: str
    ) -> None:
        identity = {"inspect.eval_id": "trashed"}
        options = {"name": "r", "start_time_ms": 1, "tags": {}}
        first, _ = create_run_once(store, experiment_id, identity, **options)  # type: ignore[arg-type]
        store.delete_run(first.run_id)
        assert find_run(store, experiment_id, identity) is None
        second, created = create_run_once(store, experiment_id, identity, **options)  # type: ignore[arg-type]
        assert created and second.run_id != first.run_id


def _wait_for(paths: list[Path]) -> None:
    while not all(path.exists() for path in paths):
        threading.Event().wait(0.01)


TEXTS = [
    "plain",
    "it's",
    'say "hi"',
    "both ' and \"",
    "'\"'\"",
    "`back`tick",
    "back\\slash",
    "\\'",
    "\\",
    "ends with \\",
    "it's \\",
    "ünï 日本 😀",
    "two\nlines\ttab",
    " space around ",
    "'quoted'",
    '"quoted"',
    "100%",
    "a_b",
    "x' and tags.a = 'b",
    "-- /* ; */",
    "null",
    "1",
    "v" * 4000,
]


class TestFindingRuns:
    def test_by_the_exact_text_of_a_tag(self, store: TrackingStore, experiment_id: str) -> None:
        runs = {text: new_run(store, experiment_id, **{"inspect.eval_id": text}) for text in TEXTS}
        for text, run in runs.items():
            found = find_run(store, experiment_id, {"inspect.eval_id": text})
            assert found is not None, text
            assert found.run_id == run.run_id, text

    def test_a_pattern_finds_nothing_else(self, store: TrackingStore, experiment_id: str) -> None:
        new_run(store, experiment_id, **{"inspect.eval_id": 'a_"b'})
        new_run(store, experiment_id, **{"inspect.eval_id": "a%"})
        assert find_run(store, experiment_id, {"inspect.eval_id": "a'\"b"}) is None
        assert find_run(store, experiment_id, {"inspect.eval_id": "A%"}) is None

    def test_all_tags_must_be_there(self, store: TrackingStore, experiment_id: str) -> None:
        new_run(store, experiment_id, **{"inspect.eval_id": "e", "inspect.role": "parent"})
        task = new_run(store, experiment_id, **{"inspect.eval_id": "e", "inspect.role": "task"})
        found = find_run(store, experiment_id, {"inspect.eval_id": "e", "inspect.role": "task"})
        assert found is not None and found.run_id == task.run_id

    def test_only_in_the_experiment(self, store: TrackingStore, experiment_id: str) -> None:
        new_run(store, experiment_id, **{"inspect.eval_id": "here"})
        elsewhere = ensure_experiment(store, f"elsewhere {uuid.uuid4()}")
        assert find_run(store, elsewhere, {"inspect.eval_id": "here"}) is None

    def test_the_oldest_comes_first(self, store: TrackingStore, experiment_id: str) -> None:
        for start_time_ms in (300, 100, 200):
            store.create_run(experiment_id, name="r", start_time_ms=start_time_ms, tags={"k": "v"})
        found = store.search_runs([experiment_id], tag_filter({"k": "v"}))
        assert [run.start_time_ms for run in found] == [100, 200, 300]
        oldest = find_run(store, experiment_id, {"k": "v"})
        assert oldest is not None and oldest.start_time_ms == 100


class TestWriting:
    def test_more_than_one_request_holds(self, store: TrackingStore, experiment_id: str) -> None:
        run = new_run(store, experiment_id)
        metrics = [
            MetricPoint(f"m {number % 7}", number / 3, 1_000 + number, number)
            for number in range(2_500)
        ]
        params = {f"p {number}": "я" * 6_000 for number in range(250)}
        tags = {f"t {number}": "😀" * 2_400 for number in range(250)}
        store.log_batch(run.run_id, metrics=metrics, params=params, tags=tags)
        stored = store.get_run(run.run_id)
        assert stored.params == params
        assert tags.items() <= stored.tags.items()
        assert stored.metrics == {point.key: point.value for point in metrics}
        history = store.metric_history(run.run_id, "m 3")
        expected = [point for point in metrics if point.key == "m 3"]
        assert sorted(history, key=lambda point: point.step) == expected

    def test_nothing_is_no_request(self, store: TrackingStore) -> None:
        store.log_batch("a run that does not exist")

    def test_the_same_again_changes_nothing(self, store: TrackingStore, experiment_id: str) -> None:
        run = new_run(store, experiment_id)
        points = [MetricPoint("m", 0.1 + 0.2, 5, step) for step in (-3, 0, 2**40)]
        for _ in range(2):
            store.log_batch(run.run_id, metrics=points, params={"p": "1"}, tags={"t": "1"})
        history = store.metric_history(run.run_id, "m")
        assert sorted(history, key=lambda point: point.step) == points

    def test_a_param_does_not_change(self, store: TrackingStore, experiment_id: str) -> None:
        run = new_run(store, experiment_id)
        store.log_batch(run.run_id, params={"p": "1"})
        with pytest.raises(RejectedError) as refused:
            store.log_batch(run.run_id, params={"p": "2"})
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
        assert store.get_run(run.run_id).params == {"p": "1"}

    def test_extreme_numbers_come_back(self, store: TrackingStore, experiment_id: str) -> None:
        run = new_run(store, experiment_id)
        values = [0.0, -0.0, 1e308, -1e308, 5e-324, 1 / 3, float(2**53)]
        points = [MetricPoint("m", value, 0, step) for step, value in enumerate(values)]
        store.log_batch(run.run_id, metrics=points)
        history = sorted(store.metric_history(run.run_id, "m"), key=lambda point: point.step)
        assert [point.value for point in history] == values

    def test_a_history_of_many_pages(self, store: TrackingStore, experiment_id: str) -> None:
        run = new_run(store, experiment_id)
        points = [MetricPoint("m", float(step), step, step) for step in range(26_000)]
        store.log_batch(run.run_id, metrics=points)
        assert len({point.step for point in store.metric_history(run.run_id, "m")}) == 26_000

    def test_a_metric_that_does_not_exist_has_no_history(
        self, store: TrackingStore, experiment_id: str
    ) -> None:
        run = new_run(store, experiment_id)
        assert store.metric_history(run.run_id, "missing") == []

    def test_text_without_a_form_in_utf_8_harms_nothing_else(
        self, store: TrackingStore, experiment_id: str
    ) -> None:
        run = new_run(store, experiment_id)
        # A database refuses it, and a server takes it for something else.
        with contextlib.suppress(DeliveryError):
            store.log_batch(run.run_id, tags={"t": "a\ud800b"})
        store.log_batch(run.run_id, tags={"after": "ü"})
        assert store.get_run(run.run_id).tags["after"] == "ü"

    def test_a_run_that_does_not_exist(self, store: TrackingStore) -> None:
        for call in (
            lambda: store.get_run("0" * 32),
            lambda: store.log_batch("0" * 32, tags={"t": "1"}),
            lambda: store.update_run("0" * 32, status="FINISHED", end_time_ms=1),
        ):
            with pytest.raises(RejectedError) as refused:
                call()
            assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"

    def test_a_dataset(self, store: TrackingStore, experiment_id: str) -> None:
        run = new_run(store, experiment_id)
        dataset = DatasetInput(
            name="d" * 500,
            digest="0123456789abcdef",
            source_type="inspect_ai",
            source='{"location": "ü"}',
            profile='{"num_rows": 3}',
        )
        for _ in range(2):
            store.log_dataset(run.run_id, dataset)
        assert store.get_run(run.run_id).datasets == ((dataset.name, dataset.digest),)

    def test_status_times_and_name(self, store: TrackingStore, experiment_id: str) -> None:
        run = new_run(store, experiment_id)
        store.update_run(run.run_id, status="FINISHED", end_time_ms=2_000, name="renamed ü")
        stored = store.get_run(run.run_id)
        assert (stored.status, stored.end_time_ms, stored.name) == ("FINISHED", 2_000, "renamed ü")
        store.update_run(run.run_id, status="RUNNING", end_time_ms=None)
        stored = store.get_run(run.run_id)
        assert (stored.status, stored.name) == ("RUNNING", "renamed ü")
        store.log_batch(run.run_id, tags={"still": "writable"})
        assert store.get_run(run.run_id).tags["still"] == "writable"


ODD_NAMES = [
    "plain.json",
    "a b.txt",
    "ü.eval",
    "a+b&c=d.txt",
    "a?b;c.txt",
    "a:b'c\".txt",
    "[x]{y}.txt",
    "...txt",
    "a..b",
    ".hidden",
    "~home",
    "100%.txt",
    "a%20b.txt",
    "a#b.txt",
    "a\\b.txt",
    "two\nlines.txt",
    "x" * 240 + ".txt",
    "empty.bin",
]
if find_spec("mlflow.server.fastapi_app") is not None:
    # Older servers take these names, but end the connection when the file is downloaded.
    ODD_NAMES.append("日本.eval")


class TestArtifacts:
    @pytest.mark.parametrize("folder", ["", "inspect", "a b/ü #1/50%"])
    def test_files_with_odd_names_arrive(
        self, store: TrackingStore, experiment_id: str, tmp_path: Path, folder: str
    ) -> None:
        run = new_run(store, experiment_id)
        for name in ODD_NAMES:
            path = tmp_path / name
            path.write_bytes(b"" if name == "empty.bin" else name.encode() * 1_000)
            store.upload_artifact(run, path, folder)
        digests = artifact_digests(store.tracking_uri, run.artifact_uri)
        prefix = {"": "", "inspect": "inspect/"}.get(folder, "a b/ü _x23_1/50_x25_/")
        expected = {
            prefix + self.stored_name(path.name): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in tmp_path.iterdir()
        }
        assert digests == expected

    @staticmethod
    def stored_name(name: str) -> str:
        for character in "#%?\\\n":
            name = name.replace(character, f"_x{ord(character):02x}_")
        return name

    def test_a_file_is_replaced(
        self, store: TrackingStore, experiment_id: str, tmp_path: Path
    ) -> None:
        run = new_run(store, experiment_id)
        path = tmp_path / "f.txt"
        for content in (b"long first content", b"second"):
            path.write_bytes(content)
            store.upload_artifact(run, path, "d")
        digests = artifact_digests(store.tracking_uri, run.artifact_uri)
        assert digests == {"d/f.txt": hashlib.sha256(b"second").hexdigest()}

    def test_a_large_file(self, store: TrackingStore, experiment_id: str, tmp_path: Path) -> None:
        run = new_run(store, experiment_id)
        path = tmp_path / "large.bin"
        path.write_bytes(os.urandom(20_000_000))
        store.upload_artifact(run, path, "d")
        digests = artifact_digests(store.tracking_uri, run.artifact_uri)
        assert digests["d/large.bin"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_global_state_of_mlflow_changes(
    store: TrackingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    directory = tmp_path / "working directory"
    directory.mkdir()
    monkeypatch.chdir(directory)
    environment = dict(os.environ)
    before = (mlflow.get_tracking_uri(), mlflow.active_run(), mlflow.last_active_run())

    experiment_id = ensure_experiment(store, f"global {uuid.uuid4()}")
    identity = {"inspect.eval_id": "e"}
    run, _ = create_run_once(store, experiment_id, identity, name="r", start_time_ms=1, tags={})
    store.log_batch(run.run_id, metrics=[MetricPoint("m", 1.0, 1)], params={"p": "1"})
    (tmp_path / "f.txt").write_text("x")
    store.upload_artifact(run, tmp_path / "f.txt", "d")
    store.update_run(run.run_id, status="FINISHED", end_time_ms=2)
    store.delete_run(run.run_id)

    assert before == (mlflow.get_tracking_uri(), mlflow.active_run(), mlflow.last_active_run())
    assert dict(os.environ) == environment
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("http://host:5000", "http"),
        ("HTTPS://host/prefix", "http"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks"),
        ("sqlite:///mlflow.db", "database"),
        ("postgresql+psycopg2://u:p@h/d", "database"),
        ("mysql+pymysql://h/d", "database"),
        ("./mlruns", "other"),
        ("file:///tmp/mlruns", "other"),
        ("plugin://somewhere", "other"),
    ],
)
def test_the_way_is_chosen_by_the_scheme(uri: str, kind: str) -> None:
    assert tracking_uri_kind(uri) == kind
