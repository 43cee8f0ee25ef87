"""Which scorers asked a model, from what happened in a sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ScorerRun", "scorer_runs"]


@dataclass(slots=True)
class ScorerRun:
    """What a scorer did in a sample.

    Args:
        span: Inspect's id of its span; None in logs from before there were spans.
        models: The models it asked, in the order of the first call.
    """

    span: str | None
    models: list[str] = field(default_factory=list)


def scorer_runs(events: object) -> dict[str, ScorerRun]:
    """Finds the work of each scorer.

    Args:
        events: Raw JSON of the events of a sample.

    Returns:
        For each scorer that has a span (or step, in old logs) its last run: a sample that was
        scored again has several.
    """
    finder = _Finder()
    for event in events if isinstance(events, Iterable) else ():
        if isinstance(event, Mapping):
            finder.add(event)
    return finder.runs


class _Finder:
    def __init__(self) -> None:
        self.runs: dict[str, ScorerRun] = {}
        self._within: dict[str, ScorerRun | None] = {}
        """For each span the run of the scorer that it is part of."""
        self._step: tuple[str, ScorerRun] | None = None

    def add(self, event: Mapping[str, Any]) -> None:
        kind = event.get("event")
        if kind == "span_begin":
            self._begin(event)
        elif kind == "step" and event.get("type") == "scorer":
            self._mark_step(event)
        elif kind == "model":
            run = self._around(event.get("span_id"))
            model = event.get("model")
            if run is not None and isinstance(model, str) and model not in run.models:
                run.models.append(model)

    def _begin(self, event: Mapping[str, Any]) -> None:
        identifier = _text_id(event.get("id"))
        if identifier is None:
            return
        name = event.get("name")
        if event.get("type") == "scorer" and isinstance(name, str):
            self._within[identifier] = self.runs[name] = ScorerRun(identifier)
        else:
            self._within[identifier] = self._around(event.get("parent_id"))

    def _mark_step(self, event: Mapping[str, Any]) -> None:
        name = event.get("name")
        if event.get("action") == "end":
            if self._step is not None and self._step[0] == name:
                self._step = None
        elif isinstance(name, str):
            self._step = name, self.runs.setdefault(name, ScorerRun(None))

    def _around(self, span_id: object) -> ScorerRun | None:
        identifier = _text_id(span_id)
        if identifier in self._within:
            return self._within[identifier]
        return self._step[1] if self._step is not None else None


def _text_id(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) else None
