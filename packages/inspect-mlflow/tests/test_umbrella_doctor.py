"""`inspect-mlflow doctor`: what it finds, that it says what to do, and that it leaves no trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inspect_mlflow._cli import main
from inspect_mlflow._doctor._check import Check
from inspect_mlflow._doctor._examine import within
from inspect_mlflow_core.testing import MlflowServer, running_server

PASSWORD = "hunter2-is-a-secret"
# What a server says to every request, in one: an experiment and a run.
ANSWERS = json.dumps(
    {
        "experiment_id": "1",
        "experiment": {"experiment_id": "1", "name": "inspect_ai", "lifecycle_stage": "active"},
        "run": {"info": {"run_id": "5f1", "experiment_id": "1", "artifact_uri": "mlflow:/"}},
    }
)


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def checks() -> dict[str, dict[str, Any]]:
    result = doctor("--json")
    document = json.loads(result.stdout)
    assert document["healthy"] == (result.exit_code == 0)
    return {check["name"]: check for check in document["checks"]}


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, store_template: Path
) -> Iterator[MlflowServer]:
    directory = tmp_path_factory.mktemp("doctor-server")
    database = directory / "server.db"
    database.write_bytes(store_template.read_bytes())
    with running_server(database, directory) as running:
        yield running


@contextmanager
def fake_server(version: str, status: int, body: str = "{}") -> Iterator[str]:
    """A server that tells a version and answers everything else with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_version = self.path == "/version"
            content = (version if is_version else body).encode()
            self.send_response(200 if is_version else status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.server_address[1]}"
        finally:
            listening.shutdown()
            thread.join()


def runs_of(uri: str, experiment_name: str) -> list[str]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(experiment_name)
    assert experiment is not None
    return [run.info.run_id for run in client.search_runs([experiment.experiment_id])]


def test_without_a_tracking_uri_it_says_what_to_set() -> None:
    result = doctor()
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("FAIL")]
    assert "tracking_uri" in line
    assert "export MLFLOW_TRACKING_URI=" in line


def test_a_store_that_is_well(store_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    result = doctor()
    assert result.exit_code == 0, result.output
    assert "0 FAIL" in result.output
    assert "(MLFLOW_TRACKING_URI)" in result.output
    assert runs_of(store_uri, "inspect_ai") == []


def test_every_package_setting_and_step_has_its_line(
    store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", store_uri)
    found = checks()
    names = "compare", "core", "scout", "tracing", "tracking"
    packages = {"inspect-mlflow", *(f"inspect-mlflow-{name}" for name in names)}
    settings = {"tracking_uri", "experiment_name", "log_artifacts", "flush_timeout"}
    steps = {"server", "traces", "credentials", "experiment", "runs", "artifacts"}
    others = {
        "python",
        "inspect-ai",
        "inspect-scout",
        "mlflow",
        "hooks tracing",
        "hooks tracking",
        "command scout",
        "command sync",
        "store kind",
    }
    assert packages | settings | steps | others <= set(found)
    assert found["tracking_uri"]["detail"].endswith("(INSPECT_MLFLOW_TRACKING_URI)")
    for name in ("inspect-mlflow-scout", "inspect-scout"):
        assert (found[name]["status"], found[name]["detail"]) == ("ok", version(name))


def test_a_real_server(server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "from the doctor")
    found = checks()
    assert {check["status"] for check in found.values()} <= {"ok", "warn"}
    assert "MLflow 3." in found["server"]["detail"]
    assert "created now" in found["experiment"]["detail"]
    assert "exists" in checks()["experiment"]["detail"]
    assert runs_of(server.uri, "from the doctor") == []


def test_an_experiment_in_the_trash_is_restored(
    store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store_uri)
    client.delete_experiment(client.create_experiment("inspect_ai"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    assert "trash" in checks()["experiment"]["detail"]
    experiment = client.get_experiment_by_name("inspect_ai")
    assert experiment is not None
    assert experiment.lifecycle_stage == "active"


def test_without_artifacts_none_is_uploaded(
    store_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    monkeypatch.setenv("INSPECT_MLFLOW_LOG_ARTIFACTS", "false")
    assert "not tried" in checks()["artifacts"]["detail"]
    assert list(tmp_path.rglob("doctor.txt")) == []
    assert runs_of(store_uri, "inspect_ai") == []


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_server("3.9.0", 200) as address:
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{address}")
    result = doctor()
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("FAIL")]
    assert line.split()[1] == "server"
    assert "cannot be reached" in line
    assert "start the server" in line


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_password_is_told_but_not_shown(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with fake_server("3.9.0", status) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:{PASSWORD}@{address}")
        found = checks()
        shown = doctor().output
    assert found["credentials"]["status"] == "fail"
    assert str(status) in found["credentials"]["detail"]
    assert "MLFLOW_TRACKING_PASSWORD" in found["credentials"]["advice"]
    assert found["store kind"]["status"] == "warn"
    assert PASSWORD not in shown + json.dumps(found)
    assert "runs" not in found


@pytest.mark.parametrize(
    ("version", "status"), [("2.22.0", "fail"), ("3.0.1", "ok"), ("<html>", "warn")]
)
def test_version_of_the_server(monkeypatch: pytest.MonkeyPatch, version: str, status: str) -> None:
    with fake_server(version, 500) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{address}")
        assert checks()["server"]["status"] == status


def test_old_server_cannot_take_the_traces_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fake_server("3.5.1", 200, ANSWERS) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{address}")
        monkeypatch.setenv("INSPECT_MLFLOW_LOG_ARTIFACTS", "false")
        unasked = checks()
        monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
        asked = checks()
    assert unasked["traces"]["status"] == "ok"
    assert "is off anyway" in unasked["traces"]["detail"]
    assert asked["traces"]["status"] == "warn"
    assert "MLflow 3.5.1; traces need 3.6" in asked["traces"]["detail"]
    assert asked["runs"]["status"] == "ok"


def test_tracing_says_which_variable_switches_it(
    store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    off = checks()["tracing_enabled"]
    assert off["detail"] == "False (default): no traces"
    assert "INSPECT_MLFLOW_TRACING_ENABLED=true" in off["advice"]
    monkeypatch.setenv("MLFLOW_INSPECT_TRACING", "true")
    found = checks()
    assert found["tracing_enabled"]["detail"].startswith("True (MLFLOW_INSPECT_TRACING)")
    assert {found[name]["status"] for name in ("tracing_enabled", "hooks tracing")} == {"ok"}
    assert found["traces"] == {
        "name": "traces",
        "status": "ok",
        "detail": "the store can hold them",
        "advice": "",
    }


def test_tracing_that_is_on_but_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    monkeypatch.setattr(
        "inspect_mlflow._doctor._settings.find_spec", lambda name: None if "tracing" in name else ""
    )
    found = checks()["tracing_enabled"]
    assert found["status"] == "warn"
    assert "not installed" in found["detail"]
    assert found["advice"] == "install inspect-mlflow-tracing"


def test_something_that_is_no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_server("<html>", 200, "<html>") as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{address}")
        assert "not an MLflow server" in checks()["credentials"]["detail"]


def test_each_wrong_variable_is_named_and_the_rest_still_checked(
    store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    monkeypatch.setenv("INSPECT_MLFLOW_FLUSH_TIMEOUT", "soon")
    monkeypatch.setenv("MLFLOW_INSPECT_TRACING", "perhaps")
    found = checks()
    failed = {name for name, check in found.items() if check["status"] == "fail"}
    assert failed == {"INSPECT_MLFLOW_FLUSH_TIMEOUT", "MLFLOW_INSPECT_TRACING"}
    assert "'soon'" in found["INSPECT_MLFLOW_FLUSH_TIMEOUT"]["detail"]
    assert found["artifacts"]["status"] == "ok"


def test_a_tracking_uri_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:{PASSWORD}@host:port")
    result = doctor()
    assert result.exit_code == 1
    assert "FAIL  MLFLOW_TRACKING_URI" in result.output
    assert PASSWORD not in result.output


def test_misspelt_variable_and_disabled_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_EXPERIMNT_NAME", "mine")
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "false")
    monkeypatch.setenv("INSPECT_MLFLOW_EXPERIMENT", "mine")
    found = checks()
    assert found["INSPECT_MLFLOW_EXPERIMNT_NAME"]["status"] == "warn"
    assert "INSPECT_MLFLOW_EXPERIMENT_NAME" in found["INSPECT_MLFLOW_EXPERIMNT_NAME"]["advice"]
    assert found["enabled"]["status"] == "warn"
    assert found["experiment_name"]["detail"] == "mine (INSPECT_MLFLOW_EXPERIMENT)"
    assert "INSPECT_MLFLOW_EXPERIMENT" not in found


def test_directory_as_a_store_is_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "mlruns"))
    assert checks()["store kind"]["status"] == "warn"


def test_a_scheme_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"carrier-pigeon://somebody:{PASSWORD}@roof")
    found = checks()
    assert found["server"]["status"] == "fail"
    assert found["server"]["advice"] == "check the tracking URI"
    assert PASSWORD not in json.dumps(found)


def test_setting_from_a_dotenv_file(tmp_path: Path, store_uri: str) -> None:
    (tmp_path / ".env").write_text(f"MLFLOW_TRACKING_URI={store_uri}\n")
    command = [sys.executable, "-c", "from inspect_mlflow._cli import main; main()", "doctor"]
    finished = subprocess.run(
        [*command, "--json"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert finished.returncode == 0, finished.stdout
    found = {check["name"]: check for check in json.loads(finished.stdout)["checks"]}
    assert found["tracking_uri"]["detail"].endswith("(MLFLOW_TRACKING_URI in .env)")


def test_package_whose_requirements_are_not_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    information = tmp_path / "site" / "inspect_mlflow_extra-0.3.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: inspect-mlflow-extra\nVersion: 0.3.0\n"
        "Requires-Dist: inspect-mlflow-core>=99\n"
        "Requires-Dist: a-package-that-nobody-has\n"
        "Requires-Dist: click\n"
        "Requires-Dist: another-one; extra == 'more'\n"
    )
    (information / "entry_points.txt").write_text(
        "[inspect_ai]\ninspect_mlflow_extra = no_module\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    found = checks()
    extra = found["inspect-mlflow-extra"]
    assert extra["status"] == "fail"
    assert "inspect-mlflow-core>=99 (found 0." in extra["detail"]
    assert "a-package-that-nobody-has (not installed)" in extra["detail"]
    assert "another-one" not in extra["detail"]
    assert "click" not in extra["detail"]
    assert found["hooks extra"]["status"] == "fail"
    assert "no_module" in found["hooks extra"]["detail"]


def test_a_check_that_hangs_is_given_up() -> None:
    release = threading.Event()

    def hanging() -> Iterator[Check]:
        yield Check("first", "ok", "fine")
        release.wait(30)

    started = time.monotonic()
    first, last = within(0.2, hanging())
    release.set()
    assert first.name == "first"
    assert last.status == "fail"
    assert "no answer" in last.detail
    assert time.monotonic() - started < 20
