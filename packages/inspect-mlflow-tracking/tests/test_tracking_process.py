"""Evaluations whose process is unusual: no end of the run, trio, a very large log."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, read_eval_log

from inspect_mlflow_core.testing import (
    clean_environment,
    copy_store,
    store_contents,
)
from inspect_mlflow_tracking import sync

PROGRAM = """
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import match


    def answer(messages, tools, tool_choice, config):
        output = ModelOutput.from_content("mockllm/model", "2")
        output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
        return output


    def main():
        samples = [Sample(id=i, input="1+1", target="2") for i in range(1, 4)]
        model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
        (log,) = eval(
            Task(name="sums", dataset=samples, scorer=match()),
            model=model,
            log_dir="logs",
            display="none",
        )
        print("LOG", log.location)
"""


def run_program(directory: Path, uri: str, ending: str, **environment: str) -> str:
    program = directory / "program.py"
    program.write_text(textwrap.dedent(PROGRAM) + textwrap.dedent(ending))
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=directory,
        env={
            **clean_environment(),
            "INSPECT_MLFLOW_TRACKING_URI": uri,
            "INSPECT_MLFLOW_AUTOLOG_ENABLED": "false",
            "XDG_DATA_HOME": str(directory / "data"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def tasks(uri: str) -> list[dict[str, Any]]:
    return [run for name, run in store_contents(uri).items() if name.startswith("task ")]


def test_the_exit_of_the_process_ends_what_is_open(tmp_path: Path, store_template: Path) -> None:
    uri = copy_store(store_template, tmp_path)
    ending = """
        from inspect_mlflow_tracking import MlflowTrackingHooks


        async def silent(self, data):
            return None


        MlflowTrackingHooks.on_task_end = silent
        MlflowTrackingHooks.on_run_end = silent
        if __name__ == "__main__":
            main()
    """
    run_program(tmp_path, uri, ending)
    (task,) = tasks(uri)
    assert task["status"] == "FINISHED"
    assert task["latest"]["match/accuracy"] == 1.0
    assert {run["status"] for run in store_contents(uri).values()} == {"FINISHED"}


def test_trio(tmp_path: Path, store_template: Path) -> None:
    uri = copy_store(store_template, tmp_path)
    ending = """
        if __name__ == "__main__":
            main()
    """
    run_program(tmp_path, uri, ending, INSPECT_ASYNC_BACKEND="trio")
    (tmp_path / "synced").mkdir()
    synced_uri = copy_store(store_template, tmp_path / "synced")
    assert sync(tmp_path / "logs", tracking_uri=synced_uri).complete
    assert store_contents(uri) == store_contents(synced_uri)
    assert len(tasks(uri)) == 1


def test_evaluation_inside_a_running_loop(tmp_path: Path, store_template: Path) -> None:
    uri = copy_store(store_template, tmp_path)
    ending = """
        import asyncio
        from inspect_ai import eval_async


        async def notebook():
            samples = [Sample(id=1, input="1+1", target="2")]
            model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
            await eval_async(
                Task(name="sums", dataset=samples, scorer=match()), model=model, log_dir="logs"
            )


        if __name__ == "__main__":
            asyncio.run(notebook())
    """
    run_program(tmp_path, uri, ending, INSPECT_DISPLAY="none")
    (task,) = tasks(uri)
    assert task["status"] == "FINISHED"


TRACKED_ELSEWHERE = """
    import os
    import sys
    from contextlib import suppress

    import anyio
    from inspect_ai.solver import generate, solver

    from inspect_mlflow_core.background_process import BackgroundProcess, BackgroundProcessError

    written, processes = [], set()
    call = BackgroundProcess.call


    def noted(self, function, *arguments):
        result = call(self, function, *arguments)
        processes.add(self)
        if function.__name__ == "call_store":
            written.extend(arguments[-1].get("metrics", ()))
        return result


    BackgroundProcess.call = noted


    def end_processes():
        for process in processes:
            with suppress(BackgroundProcessError):
                call(process, os._exit, 3)


    @solver
    def waits():
        async def solve(state, generate):
            if state.sample_id == 3:
                with anyio.fail_after(60):
                    while not written:
                        await anyio.sleep(0.05)
                last_sample()
            return state

        return solve


    def evaluate():
        samples = [Sample(id=i, input="1+1", target="2") for i in range(1, 4)]
        model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
        eval(
            Task(name="sums", dataset=samples, solver=[waits(), generate()], scorer=match()),
            model=model,
            log_dir="logs",
            display="none",
            max_samples=1,
        )
"""


def run_tracked_elsewhere(directory: Path, uri: str, ending: str) -> str:
    start = textwrap.dedent(TRACKED_ELSEWHERE)
    return run_program(directory, uri, start + textwrap.dedent(ending))


def assert_tracked_as_synced(directory: Path, uri: str, store_template: Path) -> None:
    (directory / "synced").mkdir()
    synced_uri = copy_store(store_template, directory / "synced")
    assert sync(directory / "logs", tracking_uri=synced_uri).complete
    (synced_run,) = tasks(synced_uri)
    tracked = {run["tags"]["inspect.eval_id"]: run for run in tasks(uri)}
    assert tracked[synced_run["tags"]["inspect.eval_id"]] == synced_run


def test_what_speaks_to_a_server_is_not_imported_beside_the_samples(
    tmp_path: Path, server_uri: str, store_template: Path
) -> None:
    ending = """
        imported = []


        def last_sample():
            imported.append("requests" in sys.modules)


        if __name__ == "__main__":
            evaluate()
            print("BESIDE", *imported)
            print("AFTERWARDS", "requests" in sys.modules)
    """
    lines = run_tracked_elsewhere(tmp_path, server_uri, ending).splitlines()
    assert "BESIDE False" in lines
    assert "AFTERWARDS True" in lines
    assert_tracked_as_synced(tmp_path, server_uri, store_template)


def test_a_run_survives_the_process_that_wrote_it(
    tmp_path: Path, server_uri: str, store_template: Path
) -> None:
    ending = """
        def last_sample():
            end_processes()


        if __name__ == "__main__":
            evaluate()
            print("AVAILABLE", *(process.available for process in processes))
    """
    assert "AVAILABLE False" in run_tracked_elsewhere(tmp_path, server_uri, ending).splitlines()
    assert_tracked_as_synced(tmp_path, server_uri, store_template)


def enlarged(log_path: Path, target: Path, samples: int, megabytes: int) -> EvalLog:
    """Write a log of many large samples by repeating one sample of a real log."""
    import json

    filler = "x" * (megabytes << 20)
    with zipfile.ZipFile(log_path) as source, zipfile.ZipFile(target, "w", 8) as out:
        for name in ("header.json", "_journal/start.json"):
            out.writestr(name, source.read(name))
        sample = json.loads(source.read("samples/1_epoch_1.json"))
        for number in range(1, samples + 1):
            sample |= {"id": number, "uuid": f"uuid-{number}", "metadata": {"filler": filler}}
            out.writestr(f"samples/{number}_epoch_1.json", json.dumps(sample))
    return read_eval_log(str(target), header_only=True)


def test_memory_does_not_grow_with_the_log(tmp_path: Path, store_template: Path) -> None:
    output = run_program(
        tmp_path, "", "\nif __name__ == '__main__':\n    main()\n", INSPECT_MLFLOW_ENABLED="false"
    )
    log_path = Path(output.split("LOG ")[1].strip().removeprefix("file://"))
    large = tmp_path / "large.eval"
    enlarged(log_path, large, samples=120, megabytes=1)
    uri = copy_store(store_template, tmp_path)
    sync(log_path, tracking_uri=uri)  # loads MLflow, which must not count
    tracemalloc.start()
    try:
        (result,) = sync(large, tracking_uri=uri).results
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (result.action, result.samples) == ("updated", 120)
    assert peak_bytes < 30 << 20
