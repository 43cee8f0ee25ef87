"""Measures how fast traces become Scout's transcripts, in how much memory; see `--help`."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from inspect_mlflow_core.connection import SpanRecord, TraceRecord, open_trace_store
from inspect_mlflow_core.testing import copy_store, make_store_template, running_server

RATIO_TARGET = 0.25
GROWTH_TARGET_MIB = 24.0
WARM_TRACES = 100
SPANS = 30
PAGE = 100
EXPERIMENT = "Default"
MEBIBYTE = 1024 * 1024
# 2026-01-01 in UTC.
BEGINNING_NS = 1_767_225_600_000_000_000
SPAN_NS = 500_000_000

DESCRIPTION = f"""\
Fills a real MLflow store with traces of an agent that is none of Inspect's, {SPANS} spans each (an
agent, and by turns a call of a model with the whole conversation so far and a use of a tool), and
reads all of them, by turns, with import_mlflow_traces (read, map to a transcript, drop it), with
MlflowClient.search_traces(include_spans=True), page by page, and with the latter when the values of
the spans are looked at too, which MLflow does not decode before. Straight from the SQLite file, and
through a server on loopback. Every reading has a process of its own.
"""

EPILOG = f"""\
How to read it:
  traces/s       of the import, without starting Python and importing libraries; median of rounds.
  search_traces  the same of MLflow's client alone, which maps nothing and decodes nothing.
  values read    the same when every attribute of every span is looked at.
  ratio          of traces/s to values read, in the median round, at least {RATIO_TARGET}: whoever
                 wants what the spans hold has to decode it. What is missing to 1 is the mapping.
  MiB grown      how much higher the memory of the import's process ever was after its first
                 {WARM_TRACES} traces than until then, the worst round; at most
                 {GROWTH_TARGET_MIB:.0f}, however many traces there are: memory is flat.

Try `--traces 5000 --rounds 1` to see that memory does not depend on the number of traces; times
vary with what else the machine does, the ratio less so.

Exit code: 0 when every figure is within its bounds, 1 otherwise.
"""


@dataclass(frozen=True)
class Reading:
    """What one process measured of itself.

    Args:
        traces: How many it read.
        parts: Events of all transcripts, or spans, or attributes, of all traces.
        seconds: From the first request to the last trace.
        warm_bytes: The most memory that it had until it had read the first traces.
        peak_bytes: The most memory that it ever had.
    """

    traces: int
    parts: int
    seconds: float
    warm_bytes: int
    peak_bytes: int

    @property
    def rate(self) -> float:
        """Traces per second."""
        return self.traces / self.seconds

    @property
    def grown_mib(self) -> float:
        """How much the peak grew after the first traces."""
        return (self.peak_bytes - self.warm_bytes) / MEBIBYTE


@dataclass(frozen=True)
class Comparison:
    """Readings of one store.

    Args:
        store: What kind.
        ours: Of the import, one for each round.
        plain: Of MLflow's client, one for each round.
        decoded: Of MLflow's client with the values of the spans.
    """

    store: str
    ours: list[Reading]
    plain: list[Reading]
    decoded: list[Reading]

    @property
    def ratio(self) -> float:
        """Of the import to MLflow's client with the values of the spans; median over the rounds."""
        pairs = zip(self.ours, self.decoded, strict=True)
        return median(ours.rate / decoded.rate for ours, decoded in pairs)

    @property
    def grown_mib(self) -> float:
        """The worst round's."""
        return max(reading.grown_mib for reading in self.ours)

    @property
    def within_bounds(self) -> bool:
        """Whether the targets are met."""
        return self.ratio >= RATIO_TARGET and self.grown_mib <= GROWTH_TARGET_MIB


def agent_trace(number: int) -> TraceRecord:
    """A trace as MLflow's autolog would make it of an agent that calls OpenAI's models."""
    trace_id = hashlib.md5(f"trace {number}".encode(), usedforsecurity=False).hexdigest()
    # A minute apart, so that their order is known.
    start_ns = BEGINNING_NS + number * 60_000_000_000
    spans = list(agent_spans(trace_id, start_ns))
    return TraceRecord(
        trace_id=trace_id,
        experiment_id="0",
        state="OK",
        request_time_ms=start_ns // 1_000_000,
        execution_duration_ms=SPANS * SPAN_NS // 1_000_000,
        request_preview="Find the cause.",
        response_preview="Found.",
        tags={"mlflow.traceName": "agent"},
        spans=tuple(spans),
    )


def agent_spans(trace_id: str, start_ns: int) -> Iterator[SpanRecord]:
    """Agent, model, tool, model, tool, ..."""

    def span(index: int, name: str, span_type: str, **values: Any) -> SpanRecord:
        begin_ns = start_ns + index * SPAN_NS
        return SpanRecord(
            trace_id=trace_id,
            span_id=f"{index + 1:016x}",
            parent_id=f"{1:016x}" if index else None,
            name=name,
            span_type=span_type,
            start_time_ns=begin_ns,
            end_time_ns=begin_ns + SPAN_NS if index else start_ns + SPANS * SPAN_NS,
            attributes={f"mlflow.{name}": value for name, value in values.items()},
        )

    conversation: list[dict[str, Any]] = [
        {"role": "system", "content": "Look for the cause. " * 20},
        {"role": "user", "content": f"Why did {trace_id} fail?"},
    ]
    yield span(0, "agent", "AGENT", spanInputs=conversation[-1], spanOutputs="Found.")
    for index in range(1, SPANS):
        last = conversation[-1]
        if "tool_calls" in last:
            command = f"cat {trace_id}/{index - 1}.log"
            result = f"{command}: " + "nothing to see here; " * 20
            yield span(index, "bash", "TOOL", spanInputs={"cmd": command}, spanOutputs=result)
            conversation.append(
                {"role": "tool", "tool_call_id": f"call_{index - 1}", "content": result}
            )
            continue
        answer = tool_call(index, f"cat {trace_id}/{index}.log")
        yield span(
            index,
            "Completions",
            "CHAT_MODEL",
            spanInputs={"model": "gpt-4o", "messages": list(conversation), "temperature": 0.5},
            spanOutputs={
                "id": f"chatcmpl-{index}",
                "model": "gpt-4o",
                "choices": [{"index": 0, "message": answer, "finish_reason": "tool_calls"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109},
            },
            **{
                "message.format": "openai",
                "llm.model": "gpt-4o",
                "chat.tokenUsage": {"input_tokens": 100, "output_tokens": 9, "total_tokens": 109},
            },
        )
        conversation.append(answer)


def tool_call(index: int, command: str) -> dict[str, Any]:
    """An answer of OpenAI's that calls a tool."""
    function = {"name": "bash", "arguments": json.dumps({"cmd": command})}
    calls = [{"id": f"call_{index}", "type": "function", "function": function}]
    return {"role": "assistant", "content": "I look at the next log.", "tool_calls": calls}


def fill(tracking_uri: str, traces: int) -> None:
    """Write traces straight into a store."""
    store = open_trace_store(tracking_uri)
    store.check()
    for number in range(traces):
        trace = agent_trace(number)
        store.start_trace(trace)
        store.log_spans(trace)


async def imported(tracking_uri: str, limit: int | None = None) -> AsyncIterator[int]:
    """The number of events of each transcript."""
    from inspect_mlflow_scout import import_mlflow_traces

    async for transcript in import_mlflow_traces(EXPERIMENT, tracking_uri, limit):
        yield len(transcript.events)


async def searched(tracking_uri: str, limit: int | None = None) -> AsyncIterator[int]:
    """The number of spans of each trace."""
    for trace in client_traces(tracking_uri, limit):
        yield len(trace.data.spans)


async def looked_at(tracking_uri: str, limit: int | None = None) -> AsyncIterator[int]:
    """The number of attributes of the spans of each trace."""
    for trace in client_traces(tracking_uri, limit):
        yield sum(len(span.attributes) for span in trace.data.spans)


def client_traces(tracking_uri: str, limit: int | None) -> Iterator[Any]:
    """What MLflow's client gives."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri)
    token: str | None = None
    while True:
        page = client.search_traces(
            locations=["0"], max_results=limit or PAGE, page_token=token, include_spans=True
        )
        yield from page
        token = page.token
        if limit or not token:
            return


WAYS: dict[str, Callable[..., AsyncIterator[int]]] = {
    "ours": imported,
    "plain": searched,
    "decoded": looked_at,
}


async def read(way: str, tracking_uri: str) -> Reading:
    """Read everything in this process."""
    import psutil

    memory = psutil.Process().memory_info
    async for _ in WAYS[way](tracking_uri, 1):
        # Libraries are imported and connections opened now.
        pass
    traces = parts = warm_bytes = peak_bytes = 0
    started = time.perf_counter()
    async for count in WAYS[way](tracking_uri):
        traces += 1
        parts += count
        peak_bytes = max(peak_bytes, memory().rss)
        if traces <= WARM_TRACES:
            warm_bytes = peak_bytes
    return Reading(traces, parts, time.perf_counter() - started, warm_bytes, peak_bytes)


def read_apart(way: str, tracking_uri: str) -> Reading:
    """Read everything in a process of its own."""
    command = [sys.executable, __file__, "--read", way, tracking_uri]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Reading(**json.loads(ended.stdout))


def compare(store: str, tracking_uri: str, traces: int, rounds: int) -> Comparison:
    """Read by turns in all ways."""
    readings: dict[str, list[Reading]] = {way: [] for way in WAYS}
    for number in range(rounds):
        # Every other round in reverse order, so that a drift of the machine favours neither.
        for way in list(WAYS) if number % 2 else reversed(WAYS):
            reading = read_apart(way, tracking_uri)
            if reading.traces != traces:
                raise SystemExit(f"{way} read {reading.traces} of {traces} traces from {store}")
            readings[way].append(reading)
        ours, decoded = readings["ours"][-1], readings["decoded"][-1]
        told = f"{ours.rate:.1f} and {decoded.rate:.1f} traces/s, {ours.grown_mib:+.1f} MiB"
        print(f"  {store} {number + 1}/{rounds}: {told}", flush=True)
    return Comparison(store, **readings)


def comparisons(directory: Path, traces: int, rounds: int) -> list[Comparison]:
    """Straight from the database, and through a server on it."""
    make_store_template(directory)
    uri = copy_store(directory / "template.db", directory)
    started = time.perf_counter()
    fill(uri, traces)
    print(f"  written in {time.perf_counter() - started:.0f} s", flush=True)
    results = [compare("SQLite", uri, traces, rounds)]
    with ExitStack() as stack:
        server = stack.enter_context(running_server(directory / "mlflow.db", directory))
        results.append(compare("mlflow server", server.uri, traces, rounds))
    return results


def table(results: Sequence[Comparison]) -> str:
    """A table in Markdown."""
    header = ["store", "traces/s", "search_traces", "values read", "ratio"]
    header += ["MiB grown", "peak MiB", "verdict"]
    rows = [
        [
            result.store,
            *(
                f"{median(reading.rate for reading in readings):.1f}"
                for readings in (result.ours, result.plain, result.decoded)
            ),
            f"{result.ratio:.2f}",
            f"{result.grown_mib:.1f}",
            f"{max(reading.peak_bytes for reading in result.ours) / MEBIBYTE:.0f}",
            "ok" if result.within_bounds else "OUT OF BOUNDS",
        ]
        for result in results
    ]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--traces", type=int, default=1000, help="default 1000")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.traces <= WARM_TRACES or options.rounds < 1:
        parser.error(f"--traces must be more than {WARM_TRACES}, --rounds at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = parse_arguments(arguments)
    os.environ["MLFLOW_MODEL_CATALOG_URI"] = ""
    if options.read:
        print(json.dumps(asdict(asyncio.run(read(*options.read)))))
        return 0
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}; {options.traces} traces", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        results = comparisons(Path(name), options.traces, options.rounds)
    text = table(results)
    print(f"\n{text}\n")
    if options.markdown is not None:
        options.markdown.write_text(f"{machine}, {options.traces} traces\n\n{text}\n", "utf-8")
    return 0 if all(result.within_bounds for result in results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
