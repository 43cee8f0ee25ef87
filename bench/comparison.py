"""Measures how long a comparison takes and what memory it needs; `--help` says how to read it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median

MOST_RATIO = 1.3
MOST_MEGABYTES = 250
STATISTICS_IDS = 100_000
STATISTICS_MILLISECONDS = {"binary": 50.0, "continuous": 50.0, "5 epochs": 200.0}
TURNS = 9

DESCRIPTION = """\
Compares two eval logs of 5,000 samples with 19 messages each, beside reading the header and the
sample summaries of both with Inspect alone, each in a fresh process, by turns. Then the
statistics alone, for 100,000 sample ids.
"""

EPILOG = f"""\
How to read it:
  ratio     time of compare_evals() over that of reading, imports left out; at most {MOST_RATIO}.
  MB        largest resident size of the process that compares, imports included; at most
            {MOST_MEGABYTES}.
  ms        of paired_inference(), median of five; at most {STATISTICS_MILLISECONDS}.

Exit code: 0 when every limit is kept, 1 otherwise.
"""


def write_log(path: Path, samples: int, seed: int) -> None:
    """Write an eval log with scores, usage and 19 messages a sample."""
    import random

    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalSample,
        EvalSpec,
        write_eval_log,
    )
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput, ModelUsage
    from inspect_ai.scorer import Score

    draw = random.Random(seed)
    usage = ModelUsage(input_tokens=900, output_tokens=300, total_tokens=1200)

    def sample(number: int) -> EvalSample:
        messages: list[ChatMessageUser | ChatMessageAssistant] = []
        for turn in range(TURNS):
            question = f"Question {turn} of item {number}: " + "how many are there? " * 15
            messages += [
                ChatMessageUser(content=question),
                ChatMessageAssistant(content="I count them one by one. " * 30),
            ]
        return EvalSample(
            id=number,
            epoch=1,
            input=f"Item {number}",
            target="42",
            messages=[*messages, ChatMessageUser(content="Thanks.")],
            output=ModelOutput.from_content("mockllm/model", "42"),
            scores={"match": Score(value="C" if draw.random() < 0.7 else "I", answer="42")},
            model_usage={"mockllm/model": usage},
            total_time=draw.random() * 10,
            working_time=draw.random() * 5,
            uuid=f"{seed}-{number}",
        )

    log = EvalLog(
        status="success",
        eval=EvalSpec(
            created="2026-01-01T00:00:00+00:00",
            task="benchmark",
            dataset=EvalDataset(name="items", samples=samples),
            model=f"mockllm/model-{seed}",
            config=EvalConfig(epochs=1),
        ),
        samples=[sample(number) for number in range(samples)],
    )
    write_eval_log(log, str(path))


def read_alone(paths: Sequence[str]) -> None:
    """What a comparison cannot do without."""
    from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries

    for path in paths:
        read_eval_log(path, header_only=True)
        read_eval_log_sample_summaries(path)


def compare(paths: Sequence[str]) -> None:
    """The whole comparison."""
    from inspect_mlflow_compare import compare_evals

    baseline, candidate = paths
    result = compare_evals(baseline, candidate)
    assert result.aligned_count and result.metrics


TIMED: dict[str, Callable[[Sequence[str]], None]] = {"read": read_alone, "compare": compare}


def timed(what: str, paths: Sequence[str]) -> dict[str, float]:
    """In a process of its own: seconds, and the largest resident size."""
    # Imports are not what is measured.
    for name in ("inspect_ai.log", "inspect_mlflow_compare.statistics"):
        import_module(name)
    started = time.perf_counter()
    TIMED[what](paths)
    seconds = time.perf_counter() - started
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "megabytes": peak_bytes / 1e6}


def in_process(what: str, paths: Sequence[str]) -> dict[str, float]:
    """Run `timed` in a fresh process."""
    command = [sys.executable, __file__, "--timed", what, *paths]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def statistics_milliseconds() -> dict[str, float]:
    """Duration of the statistics of one scorer, median of five."""
    import numpy as np

    from inspect_mlflow_compare.statistics import EpochScores, paired_inference

    generator = np.random.default_rng(1)
    one, five = (STATISTICS_IDS, 1), (STATISTICS_IDS, 5)
    cases: dict[str, Callable[[], np.ndarray]] = {
        "binary": lambda: generator.random(one) < 0.7,
        "continuous": lambda: generator.standard_normal(one),
        "5 epochs": lambda: generator.random(five) < 0.7,
    }

    def scores(values: np.ndarray) -> EpochScores:
        counts = np.full(len(values), values.shape[1], dtype=np.int64)
        return EpochScores(values.astype(float).ravel(), counts)

    found = {}
    for name, draw in cases.items():
        durations = []
        for _ in range(5):
            # Always new ones: they remember their means.
            baseline, candidate = scores(draw()), scores(draw())
            started = time.perf_counter()
            paired_inference(baseline, candidate)
            durations.append(time.perf_counter() - started)
        found[name] = 1000 * median(durations)
    return found


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--samples", type=int, default=5000, help="default 5,000")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--timed", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.samples < 1 or options.rounds < 1:
        parser.error("--samples and --rounds must be at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = parse_arguments(arguments)
    if options.timed:
        print(json.dumps(timed(options.timed[0], options.timed[1:])))
        return 0
    if options.write:
        write_log(Path(options.write[0]), int(options.write[1]), int(options.write[2]))
        return 0
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}", flush=True)
    ratios, megabytes = [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        paths = [str(Path(directory, f"{name}.eval")) for name in ("baseline", "candidate")]
        for seed, path in enumerate(paths):
            # Elsewhere: a process that is started inherits the peak of the one that starts it.
            command = [sys.executable, __file__, "--write", path, str(options.samples), str(seed)]
            subprocess.run(command, check=True)
        for number in range(options.rounds):
            order = ("read", "compare") if number % 2 else ("compare", "read")
            found = {what: in_process(what, paths) for what in order}
            ratios.append(found["compare"]["seconds"] / found["read"]["seconds"])
            megabytes.append(found["compare"]["megabytes"])
            print(
                f"  {number + 1}/{options.rounds}: {found['read']['seconds']:.2f} s to read, "
                f"{found['compare']['seconds']:.2f} s to compare, ratio {ratios[-1]:.2f}, "
                f"{found['read']['megabytes']:.0f} and {megabytes[-1]:.0f} MB",
                flush=True,
            )
    return report(median(ratios), max(megabytes), statistics_milliseconds())


def report(ratio: float, megabytes: float, milliseconds: dict[str, float]) -> int:
    """Print what was measured beside the limits, and return the exit code."""
    lines = [
        ("ratio of times", ratio, MOST_RATIO),
        ("peak memory, MB", megabytes, float(MOST_MEGABYTES)),
        *(
            (
                f"statistics of {STATISTICS_IDS:,} ids, {name}, ms",
                found,
                STATISTICS_MILLISECONDS[name],
            )
            for name, found in milliseconds.items()
        ),
    ]
    print("\n| what | measured | limit | verdict |\n|---|---|---|---|")
    for name, found, limit in lines:
        print(f"| {name} | {found:.2f} | {limit:g} | {'ok' if found <= limit else 'OVER'} |")
    return 0 if all(found <= limit for _, found, limit in lines) else 1


if __name__ == "__main__":
    raise SystemExit(main())
