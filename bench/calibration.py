"""Simulates evaluations to see how often tests err and intervals miss; `--help` says more."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics import EpochScores, paired_inference

SIGNIFICANCE = 0.05
MOST_FALSE_POSITIVES = 0.06
LEAST_COVERAGE = 0.935
SHIFT = 0.4
SIMULATIONS_IN_A_TASK = 250

Scores = NDArray[np.float64]

DESCRIPTION = """\
Draws pairs of evaluations again and again, each from two models that do better on different
questions, and counts how often the package's default analysis errs:

  false positives   how often the 5 % test finds a difference although the models are equally good
  coverage          how often the 95 % interval holds the true difference, without and with one

Beside it: a naive test that takes every (id, epoch) pair for an independent one, the McNemar test
with its continuity correction and a Wald interval for binary scores, else a paired t test.
"""

EPILOG = f"""\
The models: every question has a difficulty (logistic scale, standard deviation 1.5) and suits each
model more or less (standard deviation 1.2, independent). Continuous scores: normal, standard
deviation 1 between questions, 0.8 by model, 0.5 between epochs; Likert scores are such numbers
cut into 1 to 5. In "clusters" 2, 5 or 10 questions share a text, which suits the models, too.

Limits: at most {MOST_FALSE_POSITIVES:.0%} false positives and at least {LEAST_COVERAGE:.1%}
coverage, simulation error included. Exit code: 1 when a cell that is not a named exception is
beyond them, else 0.
"""


@dataclass(frozen=True)
class Cell:
    """One kind of evaluation.

    Args:
        scenario: Name of the kind of scores.
        ids: Sample ids.
        epochs: Epochs of each on both sides.
    """

    scenario: str
    ids: int
    epochs: int


@dataclass(frozen=True)
class Counts:
    """What was counted in simulations of one cell.

    Args:
        simulations: Without a difference, and as many with one.
        false_positives: Tests that found a difference where there is none.
        covered: Intervals without a difference that held zero.
        covered_shift: Intervals with a difference that held it.
        naive_false_positives: The same of the naive test.
        naive_covered: The same of its interval.
    """

    simulations: int
    false_positives: int
    covered: int
    covered_shift: int
    naive_false_positives: int
    naive_covered: int

    def __add__(self, other: Counts) -> Counts:
        """Add up what was counted in two tasks."""
        return Counts(
            self.simulations + other.simulations,
            self.false_positives + other.false_positives,
            self.covered + other.covered,
            self.covered_shift + other.covered_shift,
            self.naive_false_positives + other.naive_false_positives,
            self.naive_covered + other.naive_covered,
        )


@dataclass(frozen=True)
class Drawn:
    """One pair of evaluations.

    Args:
        baseline: Scores, shape (ids, epochs).
        candidate: Scores, shape (ids, epochs).
        clusters: Cluster of each id, shape (ids,); None without.
    """

    baseline: Scores
    candidate: Scores
    clusters: NDArray[np.int64] | None = None


def logistic(values: Scores) -> Scores:
    """Turn log odds into probabilities."""
    return 1.0 / (1.0 + np.exp(-values))


@cache
def log_odds_for(accuracy: float, spread: float = math.hypot(1.5, 1.2)) -> float:
    """Mean log odds at which a model with that spread over questions is right so often."""
    lower, upper = -10.0, 10.0
    for _ in range(60):
        middle = (lower + upper) / 2
        lower, upper = (
            (middle, upper) if mean_accuracy(middle, spread) < accuracy else (lower, middle)
        )
    return (lower + upper) / 2


@cache
def mean_accuracy(mean_log_odds: float, spread: float = math.hypot(1.5, 1.2)) -> float:
    """Share of right answers over all questions, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    probabilities = logistic(mean_log_odds + spread * nodes)
    return float(np.dot(weights, probabilities) / weights.sum())


def draw_binary(accuracy: float, generator: np.random.Generator, cell: Cell, shift: float) -> Drawn:
    """Draw answers that are right or wrong."""
    difficulty = log_odds_for(accuracy) + 1.5 * generator.standard_normal(cell.ids)
    sides = []
    for moved in (0.0, shift):
        ability = difficulty + 1.2 * generator.standard_normal(cell.ids) + moved
        uniform = generator.random((cell.ids, cell.epochs))
        sides.append((uniform < logistic(ability)[:, None]).astype(float))
    return Drawn(sides[0], sides[1])


def draw_cold(generator: np.random.Generator, cell: Cell, shift: float) -> Drawn:
    """Draw binary answers of models that always answer the same."""
    drawn = draw_binary(0.71, generator, Cell(cell.scenario, cell.ids, 1), shift)
    repeat = np.ones((1, cell.epochs))
    return Drawn(drawn.baseline * repeat, drawn.candidate * repeat)


def draw_continuous(generator: np.random.Generator, cell: Cell, shift: float) -> Drawn:
    """Draw scores of any size."""
    quality = generator.standard_normal(cell.ids)
    sides = []
    for moved in (0.0, shift):
        suits = quality + 0.8 * generator.standard_normal(cell.ids) + moved
        noise = 0.5 * generator.standard_normal((cell.ids, cell.epochs))
        sides.append(suits[:, None] + noise)
    return Drawn(sides[0], sides[1])


def draw_likert(generator: np.random.Generator, cell: Cell, shift: float) -> Drawn:
    """Draw marks from 1 to 5."""
    drawn = draw_continuous(generator, cell, shift)
    cut = [np.clip(np.rint(3.5 + side), 1, 5) for side in (drawn.baseline, drawn.candidate)]
    return Drawn(cut[0], cut[1])


def draw_clusters(generator: np.random.Generator, cell: Cell, shift: float) -> Drawn:
    """Draw continuous scores of questions that share texts."""
    size = {20: 2, 100: 5}.get(cell.ids, 10)
    clusters = np.arange(cell.ids) // size
    drawn = draw_continuous(generator, cell, shift)
    sides = [
        side + 0.8 * generator.standard_normal(clusters[-1] + 1)[clusters][:, None]
        for side in (drawn.baseline, drawn.candidate)
    ]
    return Drawn(sides[0], sides[1], clusters)


@cache
def likert_mean(shift: float) -> float:
    """Mean mark of a model that is better by `shift`."""
    spread = math.sqrt(1 + 0.8**2 + 0.5**2)
    edges = (np.arange(1.5, 5) - 3.5 - shift) / spread
    above = [0.5 * math.erfc(edge / math.sqrt(2)) for edge in edges]
    return 1 + sum(above)


def binary_difference(accuracy: float, shift: float) -> float:
    """True difference of two models of which one has the higher log odds."""
    return mean_accuracy(log_odds_for(accuracy) + shift) - mean_accuracy(log_odds_for(accuracy))


Draw = Callable[[np.random.Generator, Cell, float], Drawn]

SCENARIOS: dict[str, tuple[Draw, Callable[[float], float], bool]] = {
    "binary .71": (
        lambda *given: draw_binary(0.71, *given),
        lambda shift: binary_difference(0.71, shift),
        True,
    ),
    "binary .95": (
        lambda *given: draw_binary(0.95, *given),
        lambda shift: binary_difference(0.95, shift),
        True,
    ),
    "temperature 0": (draw_cold, lambda shift: binary_difference(0.71, shift), True),
    "Likert 1-5": (draw_likert, lambda shift: likert_mean(shift) - likert_mean(0.0), False),
    "continuous": (draw_continuous, lambda shift: shift, False),
    "clusters": (draw_clusters, lambda shift: shift, False),
}

EXCEPTIONS: dict[Cell, str] = {}
"""Cells that no method brings within the limits, with the reason."""


def analyse(drawn: Drawn, difference: float) -> tuple[bool, bool]:
    """Return whether the package finds a difference, and whether its interval holds the true one.

    Without an interval nothing is claimed, so nothing is missed.
    """
    baseline, candidate = (
        EpochScores(side.ravel(), np.full(len(side), side.shape[1], dtype=np.int64))
        for side in (drawn.baseline, drawn.candidate)
    )
    found = paired_inference(
        baseline, candidate, significance=SIGNIFICANCE, clusters=drawn.clusters
    )
    significant = found.p_value is not None and found.p_value < SIGNIFICANCE
    if found.ci_lower is None or found.ci_upper is None:
        return significant, True
    return significant, found.ci_lower <= difference <= found.ci_upper


def analyse_naively(drawn: Drawn, *, binary: bool) -> tuple[bool, bool]:
    """Return the same for a test that takes all pairs of id and epoch for independent."""
    pairs = (drawn.candidate - drawn.baseline).ravel()
    mean, error = pairs.mean(), pairs.std(ddof=1) / math.sqrt(pairs.size)
    covered = abs(mean) <= 1.959964 * error
    if not binary:
        return not covered, bool(covered)
    discordant = int(np.count_nonzero(pairs))
    corrected = max(0.0, abs(pairs.sum()) - 1) ** 2 / discordant if discordant else 0.0
    return bool(corrected > 3.841459), bool(covered)


def simulate(cell: Cell, seeds: Sequence[np.random.SeedSequence]) -> Counts:
    """Draw and analyse once for each seed, without and with a difference."""
    draw, true_difference, binary = SCENARIOS[cell.scenario]
    difference = true_difference(SHIFT)
    counted = np.zeros(5, dtype=np.int64)
    for seed in seeds:
        generator = np.random.default_rng(seed)
        equal = draw(generator, cell, 0.0)
        significant, covered = analyse(equal, 0.0)
        naive_significant, naive_covered = analyse_naively(equal, binary=binary)
        _, covered_shift = analyse(draw(generator, cell, SHIFT), difference)
        counted += (significant, covered, covered_shift, naive_significant, naive_covered)
    return Counts(len(seeds), *map(int, counted))


def cells() -> Iterator[Cell]:
    """Every kind of evaluation that is simulated."""
    for scenario in SCENARIOS:
        for ids in (20, 100, 1000):
            for epochs in (1, 5):
                if (scenario, epochs) != ("temperature 0", 1):  # The same as binary with one epoch
                    yield Cell(scenario, ids, epochs)


def tasks(cell: Cell, simulations: int, seed: int) -> Iterator[list[np.random.SeedSequence]]:
    """Cut a cell's simulations into pieces of work, each with its own random numbers."""
    entropy = [seed, sorted(SCENARIOS).index(cell.scenario), cell.ids, cell.epochs]
    seeds = np.random.SeedSequence(entropy).spawn(simulations)
    for first in range(0, simulations, SIMULATIONS_IN_A_TASK):
        yield seeds[first : first + SIMULATIONS_IN_A_TASK]


def verdict(cell: Cell, counts: Counts) -> str:
    """Return `"ok"`, or what is wrong."""
    problems = []
    if counts.false_positives / counts.simulations > MOST_FALSE_POSITIVES:
        problems.append("false positives")
    coverage = min(counts.covered, counts.covered_shift) / counts.simulations
    if coverage < LEAST_COVERAGE:
        problems.append("coverage")
    if not problems:
        return "ok"
    return " and ".join(problems) + (": exception" if cell in EXCEPTIONS else " BEYOND")


def row(cell: Cell, counts: Counts) -> list[str]:
    """A line of the table."""
    rates = (
        counts.false_positives,
        counts.covered,
        counts.covered_shift,
        counts.naive_false_positives,
        counts.naive_covered,
    )
    shares = [f"{100 * rate / counts.simulations:.1f} %" for rate in rates]
    return [cell.scenario, str(cell.ids), str(cell.epochs), *shares, verdict(cell, counts)]


HEADER = [
    "scores",
    "ids",
    "epochs",
    "false positives",
    "coverage",
    "with a difference",
    "naive: false positives",
    "naive: coverage",
    "verdict",
]


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--simulations", type=int, default=10_000, help="of each; default 10,000")
    parser.add_argument("--seed", type=int, default=20260101, help="default 20260101")
    parser.add_argument("--only", metavar="SCORES", help="only this kind, such as 'continuous'")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="default: all cores")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there too")
    options = parser.parse_args(arguments)
    if options.only is not None and options.only not in SCENARIOS:
        parser.error(f"--only takes one of: {', '.join(SCENARIOS)}")
    if options.simulations < 1:
        parser.error("--simulations must be at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print, and return the exit code."""
    options = parse_arguments(arguments)
    chosen = [cell for cell in cells() if options.only in (None, cell.scenario)]
    error = 100 * math.sqrt(SIGNIFICANCE * (1 - SIGNIFICANCE) / options.simulations)
    print(f"{options.simulations} simulations of each, seed {options.seed}; their standard error")
    print(f"at 5 % is {error:.2f} percentage points.\n", flush=True)
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    print("\n".join(lines), flush=True)
    beyond = 0
    started = time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool:
        for cell in chosen:
            pieces = tasks(cell, options.simulations, options.seed)
            done = [pool.submit(simulate, cell, piece) for piece in pieces]
            counts = done[0].result()
            for future in done[1:]:
                counts += future.result()
            lines.append("| " + " | ".join(row(cell, counts)) + " |")
            beyond += verdict(cell, counts).endswith("BEYOND")
            print(lines[-1], flush=True)
    print(f"\n{time.monotonic() - started:.0f} s; {beyond} beyond the limits")
    for cell, reason in EXCEPTIONS.items():
        print(f"Exception: {cell.scenario}, {cell.ids} ids, {cell.epochs} epochs: {reason}")
    if options.markdown is not None:
        options.markdown.write_text("\n".join(lines) + "\n", "utf-8")
    return 1 if beyond else 0


if __name__ == "__main__":
    raise SystemExit(main())
