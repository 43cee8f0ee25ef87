"""Measures how fast traces are written, and how large they are; `--help` says how to read it."""

from __future__ import annotations

import argparse
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from evaluation import Job, evaluate, hide_package
from proxy import CountingProxy, counting_proxy

from inspect_mlflow_core.connection import TraceRecord, open_trace_store
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import copy_store, make_store_template, running_server
from inspect_mlflow_tracing.mapping import TracedTask, sample_trace
from inspect_mlflow_tracing.traces import write_log_traces

TARGET = 0.8
SIZES_IN_TURNS = (10, 100, 1000)

DESCRIPTION = """\
Writes the traces of one eval log into a real MLflow store, by turns with this package (read the
log, map, write) and with a bare loop of the fastest calls that MLflow's client has for complete
traces (start_trace and log_spans of its store), which is given the same spans ready-made.
"""

EPILOG = f"""\
How to read it:
  ratio           traces per second of this package over those of the bare loop; at least {TARGET}.
  requests        per trace, as a proxy before the server counted them.
  kB per turn     should not grow with the number of turns: size is linear in the conversation.

Exit code: 0 when every ratio is at least {TARGET}, 1 otherwise.
"""


@dataclass(frozen=True)
class Rate:
    """Traces per second into one kind of store.

    Args:
        store: What kind.
        ours: Of this package, one figure for each round.
        bare: Of the bare loop, one figure for each round.
        requests: Per trace of this package; None without a server.
        bare_requests: Per trace of the bare loop.
    """

    store: str
    ours: list[float]
    bare: list[float]
    requests: float | None
    bare_requests: float | None

    @property
    def ratio(self) -> float:
        """Median over the rounds."""
        return median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def evaluation_log(directory: Path, samples: int, tool_turns: int) -> str:
    """Run an evaluation that nobody tracks, and return where its log is."""
    job = Job(str(directory), None, samples, tool_turns, model_seconds=0.0, concurrency=20)
    log = evaluate(job, samples, 0.0, directory / "logs")
    return str(log.location)


def traced_task(reader: EvalLogReader, experiment_id: str) -> TracedTask:
    """The log's task as if it were another evaluation, so that none of its traces exist yet."""
    from inspect_mlflow_tracing.mapping import traced_task as of_header

    task = of_header(
        reader.header, experiment_id=experiment_id, run_id=None, location=reader.location
    )
    return replace(task, eval_id=secrets.token_hex(11))


def records(location: str, experiment_id: str = "0") -> Iterator[TraceRecord]:
    """The traces of a log, with ids of their own."""
    with EvalLogReader.open(location) as reader:
        task = traced_task(reader, experiment_id)
        for sample in reader.samples():
            yield sample_trace(sample, task)


def write_ours(location: str, tracking_uri: str) -> float:
    """Write the traces of a log; returns how many per second."""
    store = open_trace_store(tracking_uri)
    store.check()
    started = time.perf_counter()
    with EvalLogReader.open(location) as reader:
        result = write_log_traces(store, reader, traced_task(reader, "0"), shown=False)
    assert not result.problems
    return result.written / (time.perf_counter() - started)


def write_bare(location: str, tracking_uri: str) -> float:
    """Write the same traces with MLflow's own calls; returns how many per second."""
    from mlflow.entities import Span, TraceInfo
    from mlflow.protos.service_pb2 import StartTraceV3
    from mlflow.tracking._tracking_service.utils import _get_store
    from mlflow.utils.proto_json_utils import parse_dict

    from inspect_mlflow_core.connection._trace_encoding import otlp_span
    from inspect_mlflow_core.connection._trace_info import start_trace_body

    prepared = []
    for trace in records(location):
        message = StartTraceV3()
        parse_dict(start_trace_body(trace), message)
        spans = [Span.from_otel_proto(otlp_span(span, as_text=False)) for span in trace.spans]
        prepared.append((TraceInfo.from_proto(message.trace.trace_info), spans))
    store = _get_store(tracking_uri)
    started = time.perf_counter()
    for info, spans in prepared:
        store.start_trace(info)
        store.log_spans("0", spans)
    return len(prepared) / (time.perf_counter() - started)


def rate(kind: str, location: str, uri: str, rounds: int, proxy: CountingProxy | None) -> Rate:
    """Write by turns with both, once beforehand to warm both up."""
    ours: list[float] = []
    bare: list[float] = []
    requests: dict[Callable[[str, str], float], int] = {write_ours: 0, write_bare: 0}
    count = sum(1 for _ in records(location))
    for number in range(rounds + 1):
        # Every other round in reverse order, so that a drift of the machine favours neither.
        pair = [(write_ours, ours), (write_bare, bare)]
        for write, figures in pair if number % 2 else reversed(pair):
            before = proxy.traffic.requests if proxy is not None else 0
            figures.append(write(location, uri))
            requests[write] = (proxy.traffic.requests if proxy is not None else 0) - before
        if number:
            print(f"  {kind} {number}/{rounds}: {ours[-1]:.1f} and {bare[-1]:.1f}", flush=True)
    counted = [requests[write] / count if proxy else None for write in (write_ours, write_bare)]
    return Rate(kind, ours[1:], bare[1:], *counted)


def size_row(directory: Path, turns: int) -> tuple[str, ...]:
    """Size of the trace of one sample with that many model calls."""
    import zipfile

    from inspect_mlflow_core.connection._trace_encoding import otlp_request, otlp_span

    location = evaluation_log(directory, 1, turns - 1)
    (trace,) = records(location)
    sent_bytes = len(otlp_request([otlp_span(span, as_text=False) for span in trace.spans]))
    with zipfile.ZipFile(location) as log:
        members = [info for info in log.infolist() if info.filename.startswith("samples/")]
    logged_bytes = sum(info.file_size for info in members)
    return (
        str(turns),
        str(len(trace.spans)),
        f"{sent_bytes / 1000:.0f}",
        f"{sent_bytes / 1000 / turns:.2f}",
        f"{logged_bytes / 1000:.0f}",
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rate_row(result: Rate) -> tuple[str, ...]:
    """A row for `table`."""
    return (
        result.store,
        f"{median(result.ours):.1f}",
        f"{median(result.bare):.1f}",
        f"{result.ratio:.2f}",
        "ok" if result.ratio >= TARGET else "UNDER",
        "-" if result.requests is None else f"{result.requests:.2f}",
        "-" if result.bare_requests is None else f"{result.bare_requests:.2f}",
    )


def rates(location: str, directory: Path, rounds: int) -> list[Rate]:
    """Through a server, and into a database of this process."""
    template = make_store_template(directory)
    results = []
    with ExitStack() as stack:
        (directory / "server").mkdir()
        copy_store(template, directory / "server")
        database = directory / "server" / "mlflow.db"
        server = stack.enter_context(running_server(database, directory / "server"))
        proxy = stack.enter_context(counting_proxy(server.uri))
        results.append(rate("mlflow server", location, proxy.uri, rounds, proxy))
    (directory / "embedded").mkdir()
    results.append(
        rate("SQLite", location, copy_store(template, directory / "embedded"), rounds, None)
    )
    return results


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--traces", type=int, default=100, help="in each round; default 100")
    parser.add_argument("--rounds", type=int, default=4, help="default 4")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    options = parser.parse_args(arguments)
    if options.traces < 1 or options.rounds < 1:
        parser.error("--traces and --rounds must be at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = parse_arguments(arguments)
    hide_package()
    os.environ["MLFLOW_MODEL_CATALOG_URI"] = ""
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}; {options.traces} traces", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        location = evaluation_log(directory, options.traces, tool_turns=5)
        results = rates(location, directory, options.rounds)
        sizes = [size_row(directory, turns) for turns in SIZES_IN_TURNS]
    print_tables(machine, results, sizes, options.markdown)
    return 0 if all(result.ratio >= TARGET for result in results) else 1


def print_tables(
    machine: str, results: Sequence[Rate], sizes: Sequence[Sequence[str]], path: Path | None
) -> None:
    """Print both tables, and write them to a file when one is given."""
    speed_header = (
        "store",
        "traces/s",
        "bare loop",
        "ratio",
        "verdict",
        "requests",
        "its requests",
    )
    size_header = ("model calls", "spans", "kB sent", "kB per turn", "kB in the log")
    tables = (
        table(speed_header, [rate_row(result) for result in results]),
        table(size_header, sizes),
    )
    text = "\n\n".join(tables)
    print(f"\n{text}\n")
    if path is not None:
        path.write_text(f"{machine}\n\n{text}\n", "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
