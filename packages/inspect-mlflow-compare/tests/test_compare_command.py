from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from inspect_mlflow_compare._command import compare_command, main

_COMMAND = "from inspect_mlflow_compare._command import main; raise SystemExit(main())"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLUMNS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def logs(make_log, written) -> dict[str, str]:
    """Logs of forty questions."""
    ids = range(40)
    return {
        name: str(written(make_log(values, model=f"openai/{name}"), f"{name}.eval"))
        for name, values in {
            "old": {n: "C" if n % 4 else "I" for n in ids},
            "same": {n: "C" if n % 4 != 1 else "I" for n in ids},
            "worse": {n: "C" if n % 4 == 2 else "I" for n in ids},
            "unscored": dict.fromkeys(ids),
        }.items()
    }


def test_pass(logs, capsys) -> None:
    assert main([logs["old"], logs["same"]]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("PASS  match shows no detectable change (MDE ")
    assert err == ""


def test_fail(logs, capsys) -> None:
    assert main([logs["old"], logs["worse"]]) == 1
    assert capsys.readouterr().out.startswith("FAIL  match regressed, -50.0 pp")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--strict-exit"], 3),
        (["--fail-on", "inconclusive"], 1),
        (["--fail-on", "inconclusive", "--strict-exit"], 3),
        (["--fail-on", "never", "--strict-exit"], 0),
    ],
)
def test_inconclusive(logs, capsys, options: list[str], code: int) -> None:
    assert main([logs["old"], logs["unscored"], *options]) == code
    out = capsys.readouterr().out
    assert out.startswith("INCONCLUSIVE  no score could be tested: the candidate is unscored")


def test_never_fails_on_request(logs, capsys) -> None:
    assert main([logs["old"], logs["worse"], "--fail-on", "never"]) == 0
    assert capsys.readouterr().out.startswith("FAIL")


def test_the_worst_candidate_decides(logs, capsys) -> None:
    assert main([logs["old"], logs["same"], logs["worse"]]) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAIL  2 candidates: 1 PASS, 1 FAIL")
    assert "ranking by match (40 ids" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'BASELINE'"),
        (["old.eval"], "Missing argument 'CANDIDATE...'"),
        (["a.eval", "b.eval", "--significance", "1"], "--significance"),
        (["a.eval", "b.eval", "--threshold", "-1"], "--threshold"),
        (["a.eval", "b.eval", "--margin", "x"], "'x' is not a loss such as 0.02 or SCORER=0.02"),
        (["a.eval", "b.eval", "--margin", "-0.1"], "is not a loss"),
        (["a.eval", "b.eval", "--margin", "nan"], "is not a loss"),
        (["a.eval", "b.eval", "--margin", "=0.1"], "names no scorer"),
        (["a.eval", "b.eval", "--margin", "1", "--margin", "2"], "given twice for '*'"),
        (["a.eval", "b.eval", "--metric-direction", "lower"], "is not SCORER=lower"),
        (["a.eval", "b.eval", "--metric-direction", "m=down"], "is not SCORER=lower"),
        (["a.eval", "b.eval", "--max-missing", "5"], "is not a share such as 0.05 or 5%"),
        (["a.eval", "b.eval", "--max-error-rate", "x%"], "is not a share such as 0.05 or 5%"),
        (["a.eval", "b.eval", "--format", "pdf"], "'pdf' is not one of"),
        (["a.eval", "b.eval", "--colour"], "No such option"),
    ],
)
def test_wrong_usage(capsys, arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in " ".join(err.split())


@pytest.mark.parametrize("name", ["missing.eval", "text.eval", "data.csv", ""])
def test_unreadable_logs_are_one_line(logs, tmp_path: Path, capsys, name: str) -> None:
    (tmp_path / "text.eval").write_text("no log")
    assert main([logs["old"], str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"inspect-mlflow-compare: .*\n", err)


def test_unknown_scorer_is_one_line(logs, capsys) -> None:
    assert main([logs["old"], logs["same"], "--scorer", "judge"]) == 2
    assert capsys.readouterr().err == (
        "inspect-mlflow-compare: neither log has a scorer called 'judge'; there are 'match'\n"
    )


def test_strict_refuses(make_log, written, capsys) -> None:
    paths = [str(written(make_log({1: "C"}, task=task))) for task in ("one", "other")]
    assert main(paths) == 0
    assert main([*paths, "--strict"]) == 2
    assert "not comparable" in capsys.readouterr().err


def test_options_reach_the_comparison(evaluated, capsys) -> None:
    paths = [log.location for log in evaluated]
    options = ["--scorer", "match", "--scorer", "grades", "--correction", "bh"]
    options += ["--significance", "0.1", "--threshold", "0.25", "--missing", "worst"]
    options += [
        "--metric-direction",
        "grades.tone=lower",
        "--margin",
        "grades=2",
        "--margin",
        "0.5",
    ]
    options += ["--max-error-rate", "50%", "--max-missing", "0.5", "--max-cost-ratio", "9"]
    options += ["--max-p95-latency-ratio", "9999", "--format", "json"]
    main([*paths, *options])
    document = json.loads(capsys.readouterr().out)
    metrics = {metric["scorer"]: metric for metric in document["metrics"]}
    assert set(metrics) == {"match", "grades.tone", "grades.style"}
    assert metrics["grades.tone"]["better"] == "lower"
    assert metrics["grades.tone"]["non_inferiority"]["margin"] == 2
    assert metrics["match"]["non_inferiority"]["margin"] == 0.5
    assert document["correction"] == "bh"
    assert document["significance"] == 0.1
    assert document["regression_threshold"] == 0.25
    names = [check["name"] for check in document["gate"]["checks"]]
    assert names[-4:] == ["error_rate", "missing_share", "cost_ratio", "p95_latency_ratio"]


def test_clusters(make_log, make_sample, written, capsys) -> None:
    def path(value: str) -> str:
        samples = [make_sample(n, value, metadata={"topic": n % 7}) for n in range(21)]
        return str(written(make_log(samples)))

    main([path("C"), path("I"), "--cluster", "topic", "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert document["metrics"][0]["clusters"] == 7
    assert document["cluster"] == "topic"


def test_scorers_with_an_equals_sign_in_their_name(make_log, written, capsys) -> None:
    path = str(written(make_log({1: "C", 2: "I"}, scorer="a=b")))
    main([path, path, "--margin", "a=b=0.5", "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert document["metrics"][0]["non_inferiority"]["margin"] == 0.5


@pytest.mark.parametrize(
    ("form", "check"),
    [
        ("text", lambda text: text.startswith("PASS")),
        ("markdown", lambda text: text.startswith("<!-- inspect-mlflow-compare:task -->\n")),
        ("json", lambda text: json.loads(text)["schema_version"] == 1),
        ("html", lambda text: text.startswith("<!DOCTYPE html>")),
        ("junit", lambda text: ET.fromstring(text).get("failures") == "0"),
        ("github", lambda text: text.startswith("::notice title=PASS")),
    ],
)
def test_formats(logs, capsys, tmp_path: Path, form: str, check: Callable[[str], bool]) -> None:
    assert main([logs["old"], logs["same"], "--format", form]) == 0
    printed = capsys.readouterr().out
    assert check(printed)
    output = tmp_path / "report"
    assert main([logs["old"], logs["same"], "--format", form, "--output", str(output)]) == 0
    assert output.read_text(encoding="utf-8") == printed
    assert capsys.readouterr().out.startswith("PASS  match")


def test_output_that_cannot_be_written(logs, capsys, tmp_path: Path) -> None:
    assert main([logs["old"], logs["same"], "--output", str(tmp_path / "no" / "report")]) == 2
    assert re.fullmatch(r".*report cannot be written: .*\n", capsys.readouterr().err)


def test_summary_of_a_job(logs, capsys, tmp_path: Path, monkeypatch) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main([logs["old"], logs["worse"], "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error title=FAIL")
    assert summary.read_text().startswith("# Before\n\n<!-- inspect-mlflow-compare:task -->\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "summary"))
    assert main([logs["old"], logs["worse"], "--format", "github"]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_color_is_for_terminals(logs, capsys) -> None:
    main([logs["old"], logs["same"]])
    assert "\x1b" not in capsys.readouterr().out
    main([logs["old"], logs["same"], "--color"])
    assert "\x1b[32mPASS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variables", "options", "colored"),
    [
        ({"TERM": "xterm"}, [], True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, [], False),
        ({"TERM": "xterm", "NO_COLOR": ""}, [], True),
        ({"TERM": "dumb"}, [], False),
        ({"TERM": "xterm"}, ["--no-color"], False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, ["--color"], True),
    ],
)
def test_color_of_terminals(
    logs, capsys, monkeypatch, variables: dict[str, str], options: list[str], colored: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    main([logs["old"], logs["same"], *options])
    assert ("\x1b[32mPASS" in capsys.readouterr().out) is colored


def test_a_terminal_sees_progress(logs) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, logs["old"], logs["same"]],
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(follower)
    received = b""
    # Linux reports the end of a terminal as an error.
    with suppress(OSError):
        while chunk := os.read(leader, 65536):
            received += chunk
    os.close(leader)
    assert process.wait() == 0
    assert b"\rreading old.eval" in received.replace(b"\x1b[K", b"")
    assert received.index(b"reading same.eval") < received.index(b"\x1b[32mPASS")


def test_terminal_that_knows_only_ascii(make_log, written) -> None:
    path = str(written(make_log({"naïve – ☃": "C"}, model="openai/é")))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    arguments = [sys.executable, "-c", _COMMAND, path, path]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "openai/?" in done.stdout
    assert "Traceback" not in done.stderr


def test_reader_that_has_read_enough(logs) -> None:
    arguments = [sys.executable, "-c", _COMMAND, logs["old"], logs["same"], "--format", "html"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert b"Traceback" not in process.stderr.read()
    process.wait()


def test_help_teaches_and_is_cheap() -> None:
    code = (
        "import sys\n"
        "from inspect_mlflow_compare._command import main\n"
        "assert main(['--help']) == 0\n"
        "assert main(['--version']) == 0\n"
        "heavy = {'numpy', 'inspect_ai', 'mlflow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for said in ("Examples:", "Exit codes:", "--margin", "inspect-mlflow-compare 0."):
        assert said in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_interruption_is_no_verdict(logs, monkeypatch, capsys) -> None:
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("inspect_mlflow_compare._run_command.compare_many", interrupted)
    assert main([logs["old"], logs["same"]]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_command_is_part_of_the_umbrella() -> None:
    from importlib.metadata import entry_points

    [point] = entry_points(group="inspect_mlflow.commands", name="compare")
    assert point.load() is compare_command
    assert compare_command.name == "compare"
