"""What is measured, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Server = Literal["real", "closed", "silent"]

REAL_MODEL_SECONDS: Final = 0.2
_DISTANT: Final = {"delay_seconds": 0.1}


@dataclass(frozen=True)
class Scenario:
    """One comparison of an evaluation without and with the package.

    Args:
        letter: By which `--only` chooses it.
        title: What is special about it.
        server: A real `mlflow server`, a port on which nothing listens (`closed`), or one that
            accepts and never answers (`silent`).
        model_seconds: How long the mock model takes for an answer.
        target: Largest acceptable ratio of durations.
        repeats: Pairs of evaluations when nothing else is asked for; short ones need more.
        delay_seconds: How long every response of the server is held back.
        traced: Whether tracing is on besides tracking.
        elsewhere: Whether the server's work on traces costs this machine nothing: the proxy takes
            them and answers for it.
    """

    letter: str
    title: str
    server: Server
    model_seconds: float
    target: float
    repeats: int
    delay_seconds: float = 0.0
    traced: bool = False
    elsewhere: bool = False

    @property
    def has_server(self) -> bool:
        """Whether an MLflow server answers, so that everything has to arrive."""
        return self.server == "real"


def _answering(letter: str, title: str, **changes: Any) -> Scenario:
    """A real server, and a model that takes its time."""
    return Scenario(letter, title, "real", REAL_MODEL_SECONDS, 1.03, 5, **changes)


SCENARIOS = (
    _answering("a", "server on loopback"),
    _answering("b", "100 ms more per response", **_DISTANT),
    Scenario("c", "nothing listens", "closed", REAL_MODEL_SECONDS, 1.03, 3),
    Scenario("c", "port never answers", "silent", REAL_MODEL_SECONDS, 1.03, 3),
    Scenario("d", "stress: model answers at once", "real", 0.0, 1.15, 9),
    _answering("e", "tracing too, loopback", traced=True),
    _answering("f", "tracing too, 100 ms more", traced=True, **_DISTANT),
    _answering("h", "tracing too, server elsewhere", traced=True, elsewhere=True),
    _answering("i", "the same, 100 ms more", traced=True, elsewhere=True, **_DISTANT),
    Scenario("g", "stress with tracing too", "real", 0.0, 1.35, 9, traced=True),
)
