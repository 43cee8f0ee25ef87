"""Measures what tracking and tracing cost an evaluation; `--help` says how to read it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evaluation import Job, Measurement
from priority import give_way
from processors import measure_processors
from proxy import CountingProxy, closed_port, counting_proxy, silent_port
from results import Pair, Result, Trial, markdown_table
from scenarios import SCENARIOS, Scenario

from inspect_mlflow_core.testing import (
    clean_environment,
    copy_store,
    make_store_template,
    running_server,
)

HERE = Path(__file__).resolve().parent
PROCESS_SECONDS = 900
# Multiples of it, modulo 1, fill the interval evenly (Weyl's additive recurrence).
GOLDEN_RATIO = (1 + 5**0.5) / 2

DESCRIPTION = """\
Runs the same evaluation without the package and with it, in turns, each in a fresh process, and
prints the ratio of the durations of eval(): the median over the pairs, the smallest and largest.

An evaluation has 200 samples of 5 tool turns (6 model calls), 20 at a time, on a mock model:
  a  model answers after 0.2 s; a real `mlflow server` (SQLite) on loopback
  b  the same, every response of the server held back by 100 ms
  c  the same, nothing listening on the port; and a port that accepts and never answers
  d  stress: a model that answers at once, which no real model does; server on loopback
and with tracing on besides tracking:
  e  as a
  f  as b
  h  as a, but nothing on this machine works on the traces: what the evaluation itself pays
  i  the same, every response held back by 100 ms
  g  as d
"""

EPILOG = """\
How to read it:
  ratio           of the evaluation's own time: eval() but for the wait for delivery after its
                  last task. Targets: 1.03 where the model takes its time, 1.15 for d, 1.35 for g.
  95 % interval   of that median. The verdict goes by the median alone; where the interval holds
                  the target, this many pairs on this machine cannot tell.
  with the flush  the same with that wait, as the caller of eval() feels it.
  fixed work      what a loop takes, before each pair. Where it varies, other tenants of the machine
                  do: compare pairs of the same speed.
  beside a busy process
                  how many times longer it takes then: 1.0 on processors of their own. Near 2 they
                  are threads of one core: then a, b, e and f also measure the server, whose work
                  slows the evaluation wherever it runs.
  without         Inspect does not see the package at all, not even its entry point.
  full collections
                  of Python's garbage collector, which stop an evaluation of 15 s four or five
                  times for 0.2 s. Both of a pair begin at the same distance from the next one, each
                  pair at another, so that it is not the same one in every pair that falls just
                  inside the evaluation or just outside. The table has the means.
  flush at end    how long eval() waited for delivery after the last task had ended.
  whole process   the same ratio for the process: imports, a warm-up evaluation of 2 samples
                  without tracking, eval(), exit.
  CPU             ratio of the CPU time of eval(), all threads, without its children.
  tracking CPU    of the thread that delivers runs; `tracing CPU` of the one that delivers traces.
  child CPU       of the processes that eval() started. Once an evaluation takes longer than a
                  second, its traces are made in one.
  requests, kB    as a proxy before the server counted them.
  traces          complete ones, as a search past the proxy finds them.
Server and evaluation share this machine. The server, and the proxy before it, give way to the
evaluation, as a machine and a network of their own would not be felt; what they cost caches, memory
and the flush remains, and is large with traces: compare e with h, and f with i, where a proxy takes
the traces in the server's place. A busy machine makes every ratio worse: the load is printed, and
--repeats narrows the noise.

Examples:
  python bench/run.py                      everything, about 40 minutes
  python bench/run.py --quick              one pair each (two for d and g), about 6 minutes
  python bench/run.py --only d,g --repeats 5
  python bench/run.py --markdown bench.md

Exit code: 0 when every target is met and everything arrived, 1 otherwise.
"""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few pairs: a first impression")
    parser.add_argument("--only", metavar="a,b,…", help="only these scenarios")
    parser.add_argument("--repeats", type=int, metavar="N", help="pairs for each scenario")
    parser.add_argument("--samples", type=int, default=200, help="default 200, as in the targets")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--verbose", action="store_true", help="print requests by endpoint")
    options = parser.parse_args(arguments)
    known = {scenario.letter for scenario in SCENARIOS}
    options.letters = set(options.only.replace(",", "")) if options.only else known
    if not options.letters <= known:
        parser.error(f"--only takes letters of {','.join(sorted(known))}")
    if options.samples < 1 or (options.repeats is not None and options.repeats < 1):
        parser.error("--samples and --repeats must be at least 1")
    return options


@dataclass(frozen=True)
class Bench:
    """Everything that the scenarios share.

    Args:
        directory: Scratch space.
        server_uri: The real `mlflow server`.
        samples: Samples of each evaluation.
        verbose: Print requests by endpoint.
    """

    directory: Path
    server_uri: str
    samples: int
    verbose: bool

    def result(self, scenario: Scenario, repeats: int) -> Result:
        """Measure one scenario, printing each pair as it is done."""
        print(f"\n({scenario.letter}) {scenario.title}, target {scenario.target}", flush=True)
        pairs = []
        for number in range(repeats):
            pairs.append(self._pair(scenario, number))
            print(f"  {number + 1}/{repeats}  {_pair_line(pairs[-1])}", flush=True)
        return Result(scenario, self.samples, pairs)

    def _pair(self, scenario: Scenario, number: int) -> Pair:
        processors = measure_processors()
        # The same phase for both, and all phases alike over the pairs, however many there are.
        phase = number * GOLDEN_RATIO % 1
        # Every other pair in reverse order, so that a drift of the machine favours neither.
        if number % 2 == 1:
            tracked = self._tracked(scenario, phase)
            return Pair(self._trial(scenario, None, phase), tracked, processors)
        without = self._trial(scenario, None, phase)
        return Pair(without, self._tracked(scenario, phase), processors)

    def _tracked(self, scenario: Scenario, phase: float) -> Trial:
        if not scenario.has_server:
            with closed_port() if scenario.server == "closed" else silent_port() as uri:
                return self._trial(scenario, uri, phase)
        delay_seconds, elsewhere = scenario.delay_seconds, scenario.elsewhere
        with counting_proxy(
            self.server_uri, delay_seconds, takes_traces=elsewhere, gives_way=True
        ) as proxy:
            trial = self._counted(self._trial(scenario, proxy.uri, phase), proxy)
        if not elsewhere:
            return trial
        return replace(trial, traces=proxy.traffic.endpoints.get("POST /api/3.0/mlflow/traces", 0))

    def _counted(self, trial: Trial, proxy: CountingProxy) -> Trial:
        if self.verbose:
            for endpoint, count in sorted(proxy.traffic.endpoints.items()):
                print(f"        {count:4d} {endpoint}")
        eval_id = trial.measurement.eval_id
        return replace(
            trial,
            requests=proxy.traffic.requests,
            sent_bytes=proxy.traffic.sent_bytes,
            run_status=_run_status(self.server_uri, eval_id),
            traces=_complete_traces(self.server_uri, eval_id),
        )

    def _trial(self, scenario: Scenario, tracking_uri: str | None, phase: float) -> Trial:
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            job = Job(
                directory=directory,
                tracking_uri=tracking_uri,
                samples=self.samples,
                tool_turns=5,
                model_seconds=scenario.model_seconds,
                concurrency=20,
                collector_phase=phase,
                traced=scenario.traced,
            )
            started = time.perf_counter()
            _run_process([sys.executable, str(HERE / "evaluation.py"), json.dumps(asdict(job))])
            process_seconds = time.perf_counter() - started
            result = json.loads(Path(directory, "result.json").read_text(encoding="utf-8"))
            return Trial(Measurement(**result), process_seconds)


def _run_process(command: list[str]) -> None:
    # Without byte code, every process would compile what was edited last before it begins.
    environment = {**clean_environment(), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"The evaluation failed:\n{done.stdout}{done.stderr}")


def _run_status(server_uri: str, eval_id: str) -> str:
    """Ask the server, past the proxy, how the run of an evaluation stands."""
    ids = _experiment_ids(server_uri)
    body = {"experiment_ids": ids, "filter": f"tags.`inspect.eval_id` = '{eval_id}'"}
    runs = _post(f"{server_uri}/api/2.0/mlflow/runs/search", body).get("runs", [])
    return str(runs[0]["info"]["status"]) if runs else "missing"


def _complete_traces(server_uri: str, eval_id: str) -> int:
    """Ask the server, past the proxy, how many traces of an evaluation are there completely.

    The digest is the last that is written of a trace.
    """
    filters = (
        f"tags.`inspect.eval_id` = '{eval_id}'",
        "tags.`inspect.trace_digest` LIKE '%'",
        "status = 'OK'",
    )
    body = {
        "locations": [
            {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": identifier}}
            for identifier in _experiment_ids(server_uri)
        ],
        "filter": " AND ".join(filters),
        "max_results": 500,
    }
    count, token = 0, ""
    while True:
        page = {**body, "page_token": token} if token else body
        found = _post(f"{server_uri}/api/3.0/mlflow/traces/search", page)
        count, token = count + len(found.get("traces", [])), found.get("next_page_token", "")
        if not token:
            return count


def _experiment_ids(server_uri: str) -> list[str]:
    found = _post(f"{server_uri}/api/2.0/mlflow/experiments/search", {"max_results": 100})
    return [experiment["experiment_id"] for experiment in found["experiments"]]


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    content = json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def _pair_line(pair: Pair) -> str:
    without, tracked = pair.without.measurement, pair.tracked.measurement
    return (
        f"{without.evaluation_seconds:.2f} s without, {tracked.evaluation_seconds:.2f} s with "
        f"(flush {tracked.flush_seconds:.2f} s): ratio {pair.own_ratio:.3f}, with the flush "
        f"{pair.evaluation_ratio:.3f}, process {pair.process_ratio:.3f}; full collections "
        f"{without.full_collections} and {tracked.full_collections}; fixed work "
        f"{pair.processors.work_seconds:.2f} s, {pair.processors.slowed:.2f} times that beside a "
        f"busy process; load {os.getloadavg()[0]:.1f}"
    )


@contextmanager
def _bench(options: argparse.Namespace) -> Iterator[Bench]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        copy_store(make_store_template(directory), directory)
        server = stack.enter_context(running_server(directory / "mlflow.db", directory))
        give_way(server.process.pid)
        yield Bench(directory, server.uri, options.samples, options.verbose)


def _repeats(scenario: Scenario, options: argparse.Namespace) -> int:
    if options.repeats is not None:
        return int(options.repeats)
    return (scenario.repeats + 2) // 4 if options.quick else scenario.repeats


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = parse_arguments(arguments)
    # The end of a time limit ends the servers and evaluations that were started here, too.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    chosen = [scenario for scenario in SCENARIOS if scenario.letter in options.letters]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}; {options.samples} samples", flush=True)
    with _bench(options) as bench:
        results = [bench.result(scenario, _repeats(scenario, options)) for scenario in chosen]
    table = markdown_table(results)
    print(f"\n{table}\n")
    if options.markdown is not None:
        options.markdown.write_text(f"{machine}, {options.samples} samples\n\n{table}\n", "utf-8")
    problems = [
        f"({result.scenario.letter}) {result.scenario.title}: {problem}"
        for result in results
        for problem in result.problems
    ]
    print("\n".join(problems) or "Every target is met, and everything arrived.")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
