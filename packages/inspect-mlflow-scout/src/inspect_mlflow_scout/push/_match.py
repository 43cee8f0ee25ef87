"""Finds the traces of transcripts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Final

from inspect_mlflow_core.connection import (
    AssessedTrace,
    AssessmentStore,
    Experiment,
    KeptAssessment,
)
from inspect_mlflow_core.sync import with_retries

from ._plan import PREFIX_CHARACTERS
from ._references import TraceIndex
from ._scan import TranscriptKey

__all__ = ["Target", "TraceMatcher"]

_BATCH: Final = 100
_EXPERIMENTS: Final = 100
_IDENTIFIER: Final = re.compile(r"[\w.:/-]{1,50}", re.ASCII)
_SAMPLE_UUID: Final = "inspect.sample_uuid"
_SCOPE: Final = "inspect.trace_scope"
_TASK_FACTS: Final = "inspect.task_facts."
_OWN_NAMES: Final = "scout/"


@dataclass(frozen=True, slots=True)
class Target:
    """A trace that holds a transcript.

    Args:
        trace_id: MLflow's id.
        sample_uuid: Inspect's uuid of the sample that the transcript is; None for a trace of
            another program.
        shared: Whether the trace holds other samples too.
        kept: What scans have said of the trace before, by the beginnings of ids.
    """

    trace_id: str
    sample_uuid: str | None = None
    shared: bool = False
    kept: Mapping[str, Sequence[KeptAssessment]] = field(default_factory=dict)


class TraceMatcher:
    """Finds traces, many at once.

    A transcript from MLflow has the id of its trace. Any other is an Inspect sample with its
    uuid, which its own trace has as client request id and as a tag; where an evaluation was traced
    as a whole, the span of the sample has it.

    Args:
        store: Where to look.
        read_index: Reads the spans of a trace.
        named: The experiments to look in. A transcript that is in several of them has several
            targets.
        others: Where to look for what is in none of these; asked for only then.
    """

    def __init__(
        self,
        store: AssessmentStore,
        read_index: Callable[[str], TraceIndex],
        named: Sequence[Experiment],
        others: Callable[[], Sequence[Experiment]],
    ) -> None:
        self._store = store
        self._read_index = read_index
        self._named = list(named)
        self._others = others
        self._rest: list[Experiment] | None = None
        self._run_traces: dict[bool, dict[str, list[Target]]] = {}

    @property
    def searched(self) -> tuple[str, ...]:
        """Names of the experiments in which traces were looked for so far."""
        return tuple(each.name for each in (*self._named, *(self._rest or ())))

    def match(self, keys: Iterable[TranscriptKey]) -> Iterator[tuple[str, tuple[Target, ...]]]:
        """Find the traces of transcripts.

        Args:
            keys: Transcripts, each once.

        Yields:
            The id of each and its traces; none for one that is nowhere.

        Raises:
            RetryableError: The store cannot be asked now.
            RejectedError: It refuses to tell.
        """
        remaining = iter(keys)
        while batch := list(islice(remaining, _BATCH)):
            found = self._found(batch, self._named, rest=False)
            missing = [key for key in batch if key.transcript_id not in found]
            if missing and self._rest is None:
                names = {each.experiment_id for each in self._named}
                self._rest = [each for each in self._others() if each.experiment_id not in names]
            if missing and self._rest:
                found |= self._found(missing, self._rest, rest=True)
            for key in batch:
                yield key.transcript_id, tuple(found.get(key.transcript_id, ()))

    def _found(
        self, keys: Sequence[TranscriptKey], experiments: Sequence[Experiment], *, rest: bool
    ) -> dict[str, list[Target]]:
        found: defaultdict[str, list[Target]] = defaultdict(list)
        if not experiments:
            return found
        known = {key.transcript_id for key in keys}
        self._by_trace_id(known, experiments, found)
        self._by_uuid(known - found.keys(), experiments, found)
        # A sample may have a trace of its own and be in that of its evaluation as well.
        for key in keys:
            if key.eval_id is not None:
                self._in_run_traces(key, experiments, found, rest=rest)
        return found

    def _by_trace_id(
        self,
        identifiers: set[str],
        experiments: Sequence[Experiment],
        found: defaultdict[str, list[Target]],
    ) -> None:
        for trace in self._search(experiments, "request_id", identifiers):
            found[trace.trace_id].append(_target(trace, trace.tags.get(_SAMPLE_UUID)))

    def _by_uuid(
        self,
        uuids: set[str],
        experiments: Sequence[Experiment],
        found: defaultdict[str, list[Target]],
    ) -> None:
        for trace in self._search(experiments, "client_request_id", uuids):
            uuid = trace.tags.get(_SAMPLE_UUID)
            if uuid in uuids:
                found[uuid].append(_target(trace, uuid))

    def _in_run_traces(
        self,
        key: TranscriptKey,
        experiments: Sequence[Experiment],
        found: defaultdict[str, list[Target]],
        *,
        rest: bool,
    ) -> None:
        for target in self._by_eval(experiments, rest).get(key.eval_id or "", ()):
            if key.transcript_id in self._read_index(target.trace_id).samples:
                found[key.transcript_id].append(replace(target, sample_uuid=key.transcript_id))

    def _by_eval(
        self, experiments: Sequence[Experiment], rest: bool
    ) -> Mapping[str, Sequence[Target]]:
        """Traces of whole evaluations: their tags name them, and there are few."""
        if rest not in self._run_traces:
            by_eval: defaultdict[str, list[Target]] = defaultdict(list)
            for trace in self._pages(experiments, f"tags.`{_SCOPE}` = 'run'"):
                target = _target(trace, None, shared=True)
                for name in trace.tags:
                    if name.startswith(_TASK_FACTS):
                        by_eval[name.removeprefix(_TASK_FACTS)].append(target)
            self._run_traces[rest] = by_eval
        return self._run_traces[rest]

    def _search(
        self, experiments: Sequence[Experiment], attribute: str, values: set[str]
    ) -> Iterator[AssessedTrace]:
        # MLflow's language has no escapes; ids need none.
        usable = sorted(value for value in values if _IDENTIFIER.fullmatch(value))
        if usable:
            listed = ", ".join(f"'{value}'" for value in usable)
            yield from self._pages(experiments, f"{attribute} IN ({listed})")

    def _pages(
        self, experiments: Sequence[Experiment], filter_string: str
    ) -> Iterator[AssessedTrace]:
        identifiers = [each.experiment_id for each in experiments]
        for start in range(0, len(identifiers), _EXPERIMENTS):
            some = identifiers[start : start + _EXPERIMENTS]
            token = ""
            while True:
                page = with_retries(partial(self._store.search_traces, some, filter_string, token))
                yield from page.traces
                token = page.next_token
                if not token:
                    break


def _target(trace: AssessedTrace, sample_uuid: str | None, *, shared: bool = False) -> Target:
    kept: defaultdict[str, list[KeptAssessment]] = defaultdict(list)
    for each in trace.assessments:
        if each.name.startswith(_OWN_NAMES):
            kept[each.assessment_id[:PREFIX_CHARACTERS]].append(each)
    return Target(trace.trace_id, sample_uuid, shared, dict(kept))
