"""What is measured, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Server = Literal["near", "distant", "elsewhere", "closed", "silent"]

REAL_MODEL_SECONDS = 0.2
DISTANT_SECONDS = 0.1


@dataclass(frozen=True)
class Scenario:
    """One comparison of an evaluation without and with the package.

    Args:
        letter: By which `--only` chooses it.
        title: What is special about it.
        server: `near` and `distant` are a real `mlflow server`, the latter with its responses
            held back. `elsewhere` is one whose work on traces costs this machine nothing: the
            proxy takes them and answers for it. `closed` is a port on which nothing listens,
            `silent` one that accepts and never answers.
        model_seconds: How long the mock model takes for an answer.
        target: Largest acceptable ratio of durations.
        repeats: Pairs of evaluations when nothing else is asked for; short ones need more.
        traced: Whether tracing is on besides tracking.
    """

    letter: str
    title: str
    server: Server
    model_seconds: float
    target: float
    repeats: int
    traced: bool = False

    @property
    def has_server(self) -> bool:
        """Whether an MLflow server answers, so that everything has to arrive."""
        return self.server in ("near", "distant", "elsewhere")


SCENARIOS = (
    Scenario("a", "server on loopback", "near", REAL_MODEL_SECONDS, 1.03, 5),
    Scenario("b", "100 ms more per response", "distant", REAL_MODEL_SECONDS, 1.03, 5),
    Scenario("c", "nothing listens", "closed", REAL_MODEL_SECONDS, 1.03, 3),
    Scenario("c", "port never answers", "silent", REAL_MODEL_SECONDS, 1.03, 3),
    Scenario("d", "stress: model answers at once", "near", 0.0, 1.15, 9),
    Scenario("e", "tracing too, loopback", "near", REAL_MODEL_SECONDS, 1.03, 5, traced=True),
    Scenario("f", "tracing too, 100 ms more", "distant", REAL_MODEL_SECONDS, 1.03, 5, traced=True),
    Scenario(
        "h", "tracing too, server elsewhere", "elsewhere", REAL_MODEL_SECONDS, 1.03, 5, traced=True
    ),
    Scenario("g", "stress with tracing too", "near", 0.0, 1.35, 9, traced=True),
)
