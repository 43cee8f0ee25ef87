"""Traces of agents that are none of Inspect's: their span tree, and their way into Scout."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_scout import import_mlflow_traces

if TYPE_CHECKING:
    from inspect_ai.event import Event, ModelEvent, ToolEvent
    from inspect_ai.model import ChatMessage
    from inspect_scout import Transcript

MLFLOW_VERSION = tuple(int(number) for number in version("mlflow").split(".")[:2])
QUESTION = [
    {"role": "system", "content": "Use your tools."},
    {"role": "user", "content": "What is the capital of Peru?"},
]


def completion(message: dict[str, Any], finish_reason: str, **usage: int) -> dict[str, Any]:
    """OpenAI's answer to a chat."""
    message = {"role": "assistant", "content": None, **message}
    return {
        "body": {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gpt-4o-2024-08-06",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": usage,
        }
    }


LOOK_UP = completion(
    {
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "capital_of", "arguments": '{"country": "Peru"}'},
            }
        ]
    },
    "tool_calls",
    prompt_tokens=30,
    completion_tokens=10,
    total_tokens=40,
)
ANSWER = completion(
    {"content": "It is Lima."}, "stop", prompt_tokens=50, completion_tokens=5, total_tokens=55
)
GIVE_UP = completion(
    {"content": "I do not know."}, "stop", prompt_tokens=50, completion_tokens=5, total_tokens=55
)
ASKED = [
    {"role": "system", "text": "Use your tools."},
    {"role": "user", "text": "What is the capital of Peru?"},
]
LOOKED_UP = [
    *ASKED,
    {"role": "assistant", "calls": [("call_1", "capital_of", {"country": "Peru"})]},
]
TOOL_ANSWERED = [*LOOKED_UP, {"role": "tool", "text": "Lima", "answers": "call_1"}]


@pytest.fixture(scope="module")
def tracking_uri(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store for all traces of these tests."""
    return copy_store(store_template, tmp_path_factory.mktemp("foreign"))


@pytest.fixture(scope="module", params=["langchain", "langchain and openai"])
def geographer(
    request: pytest.FixtureRequest,
    tracking_uri: str,
    run_program: Callable[[str, dict[str, Any]], dict[str, Any]],
) -> dict[str, Transcript]:
    """Runs of a LangGraph agent, traced by autolog of LangChain, alone or with OpenAI's as well."""
    experiment = str(request.param)
    questions = {
        "answered": {"messages": QUESTION, "capital": "Lima"},
        "failed tool": {"messages": QUESTION, "capital": None},
        "model alone": {"messages": QUESTION, "bare": True},
    }
    job = {
        "tracking_uri": tracking_uri,
        "experiment": experiment,
        "autolog": experiment.split(" and "),
        "model": {"model": "gpt-4o", "temperature": 0.5},
        "questions": list(questions.values()),
        "replies": [LOOK_UP, ANSWER, LOOK_UP, GIVE_UP, ANSWER],
    }
    trace_ids = run_program("run_langgraph_agent.py", job)["trace_ids"]
    return named(dict(zip(questions, trace_ids, strict=True)), experiment, tracking_uri)


def named(trace_ids: dict[str, str], experiment: str, tracking_uri: str) -> dict[str, Transcript]:
    """Import the whole experiment; gives its transcripts by the names of their traces."""

    async def collect() -> list[Transcript]:
        found = import_mlflow_traces(experiment, tracking_uri)
        return [transcript async for transcript in found]

    by_id = {transcript.transcript_id: transcript for transcript in asyncio.run(collect())}
    assert by_id.keys() == set(trace_ids.values())
    return {name: by_id[trace_id] for name, trace_id in trace_ids.items()}


def told(message: ChatMessage) -> dict[str, Any]:
    """What a message says."""
    facts: dict[str, Any] = {"role": message.role, "text": message.text}
    if message.role == "assistant":
        calls = message.tool_calls or []
        facts["calls"] = [(call.id, call.function, call.arguments) for call in calls]
    if message.role == "tool":
        facts["answers"] = message.tool_call_id
    return {name: fact for name, fact in facts.items() if fact}


def model_calls(transcript: Transcript) -> list[ModelEvent]:
    """In order of time."""
    return [event for event in transcript.events if event.event == "model"]


def tool_uses(transcript: Transcript) -> list[ToolEvent]:
    """In order of time."""
    return [event for event in transcript.events if event.event == "tool"]


def above(event: Event, transcript: Transcript) -> list[str]:
    """Names of the spans above an event, the nearest first."""
    begun = {begin.id: begin for begin in transcript.events if begin.event == "span_begin"}
    names = []
    span_id = event.span_id
    while span_id is not None:
        names.append(begun[span_id].name)
        span_id = begun[span_id].parent_id
    return names


def test_conversation_of_an_agent(geographer: dict[str, Transcript]) -> None:
    wanted = [*TOOL_ANSWERED, {"role": "assistant", "text": "It is Lima."}]
    found = geographer["answered"]
    assert [told(message) for message in found.messages] == wanted
    assert found.message_count == len(wanted)


def test_calls_of_an_agent_are_counted_once(geographer: dict[str, Transcript]) -> None:
    found = geographer["answered"]
    first, second = model_calls(found)
    assert [told(message) for message in first.input] == ASKED
    assert told(first.output.message) == LOOKED_UP[-1]
    assert [told(message) for message in second.input] == TOOL_ANSWERED
    assert told(second.output.message) == {"role": "assistant", "text": "It is Lima."}
    assert found.total_tokens == 95


def test_usage_of_an_agent(geographer: dict[str, Transcript]) -> None:
    usages = [event.output.usage for event in model_calls(geographer["answered"])]
    assert [
        (usage.input_tokens, usage.output_tokens, usage.total_tokens) for usage in usages if usage
    ] == [(30, 10, 40), (50, 5, 55)]


def test_definitions_and_parameters_of_an_agent(geographer: dict[str, Transcript]) -> None:
    for event in model_calls(geographer["answered"]):
        (tool,) = event.tools
        assert (tool.name, tool.description) == ("capital_of", "Look up a capital.")
        assert tool.parameters.properties["country"].type == "string"
        assert tool.parameters.required == ["country"]
        assert event.config.temperature == 0.5


def test_stop_reasons_of_an_agent(
    geographer: dict[str, Transcript], request: pytest.FixtureRequest
) -> None:
    reasons = [event.output.stop_reason for event in model_calls(geographer["answered"])]
    # The spans of LangChain itself have none since 3.11, but a call of a tool speaks for itself.
    told = "[langchain and openai]" in request.node.name or MLFLOW_VERSION < (3, 11)
    assert reasons == ["tool_calls", "stop" if told else "unknown"]


def test_tool_use_of_an_agent(geographer: dict[str, Transcript]) -> None:
    (use,) = tool_uses(geographer["answered"])
    assert (use.id, use.function, use.arguments) == ("call_1", "capital_of", {"country": "Peru"})
    assert use.result == "Lima"
    assert use.error is None


def test_failed_tool_of_an_agent(geographer: dict[str, Transcript]) -> None:
    found = geographer["failed tool"]
    (use,) = tool_uses(found)
    assert use.error is not None
    assert use.error.message == "no map of Peru"
    *before, answered, last = [told(message) for message in found.messages]
    assert before == LOOKED_UP
    # The graph tells the model in words of its own.
    assert (answered["role"], answered["answers"]) == ("tool", "call_1")
    assert "no map of Peru" in answered["text"]
    assert last == {"role": "assistant", "text": "I do not know."}
    # The agent coped, so the trace has no error.
    assert not found.error


def test_nodes_of_a_graph_hold_their_calls(geographer: dict[str, Transcript]) -> None:
    found = geographer["answered"]
    for event in model_calls(found):
        assert above(event, found) == ["ask", "geographer"]
    (use,) = tool_uses(found)
    assert above(use, found) == ["tools", "geographer"]


def test_events_are_in_order_of_time(geographer: dict[str, Transcript]) -> None:
    for found in geographer.values():
        times = [event.timestamp for event in found.events]
        assert times == sorted(times)
        calls: list[ModelEvent | ToolEvent] = [*model_calls(found), *tool_uses(found)]
        for event in calls:
            assert event.completed is not None
            assert event.completed > event.timestamp


def test_model_without_an_agent(geographer: dict[str, Transcript]) -> None:
    found = geographer["model alone"]
    (event,) = model_calls(found)
    assert [told(message) for message in event.input] == ASKED
    wanted = [*ASKED, {"role": "assistant", "text": "It is Lima."}]
    assert [told(message) for message in found.messages] == wanted
    assert found.total_tokens == 55


TASKS: dict[str, dict[str, Any]] = {
    "chat": {
        "question": "How old is she?",
        "documents": [{"page_content": "born in 1960", "metadata": {"doc_uri": "births"}}],
        "tool_arguments": {"first": 2025, "second": 1960},
        "tool_result": 65,
        "prompt": [
            {"role": "system", "content": "Count."},
            {"role": "user", "content": "How old is she?"},
        ],
        "completion": "She is 65.",
    },
    "failed tool": {
        "question": {"asked": ["How old?", None]},
        "documents": None,
        "tool_arguments": {"first": 1, "second": 0},
        "tool_error": "cannot divide",
        "prompt": "How old is she?",
        "completion": {"choices": [{"message": {"role": "assistant", "content": "Old."}}]},
    },
    "failed model": {
        "question": 3.5,
        "documents": [],
        "tool_arguments": [1, 2],
        "tool_result": [{"sum": None}],
        "prompt": {"messages": [{"role": "user", "content": "How old is she?"}]},
        "completion": None,
        "completion_error": "the model is away",
    },
    "odd": {
        "question": None,
        "documents": "none",
        "tool_arguments": None,
        "tool_result": None,
        "prompt": 7,
        "completion": [1.5, True],
    },
}


@pytest.fixture(scope="module")
def research(
    tracking_uri: str, run_program: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> dict[str, Transcript]:
    """Runs of functions that their author traces."""
    job = {
        "tracking_uri": tracking_uri,
        "experiment": "research",
        "tasks": list(TASKS.values()),
    }
    trace_ids = run_program("trace_functions.py", job)["trace_ids"]
    return named(dict(zip(TASKS, trace_ids, strict=True)), "research", tracking_uri)


@pytest.mark.parametrize("name", TASKS)
def test_traced_functions_have_their_places(research: dict[str, Transcript], name: str) -> None:
    found = research[name]
    begun = [event for event in found.events if event.event == "span_begin"]
    assert [(begin.name, begin.type) for begin in begun] == [
        ("researcher", "agent"),
        ("retrieve", "retriever"),
    ]
    (call,) = model_calls(found)
    (use,) = tool_uses(found)
    assert above(call, found) == ["researcher"]
    assert above(use, found) == ["researcher"]
    assert use.function == "calculate"
    assert found.agent == "researcher"


def test_conversation_of_a_traced_function(research: dict[str, Transcript]) -> None:
    assert [told(message) for message in research["chat"].messages] == [
        {"role": "system", "text": "Count."},
        {"role": "user", "text": "How old is she?"},
        {"role": "assistant", "text": "She is 65."},
    ]
    assert [told(message) for message in research["failed tool"].messages] == [
        {"role": "user", "text": "How old is she?"},
        {"role": "assistant", "text": "Old."},
    ]


def test_odd_values_become_text(research: dict[str, Transcript]) -> None:
    asked, answered = research["odd"].messages
    assert (asked.role, asked.text) == ("user", "7")
    assert answered.role == "assistant"
    assert json.loads(answered.text) == [1.5, True]


def test_tool_of_a_traced_function(research: dict[str, Transcript]) -> None:
    (use,) = tool_uses(research["chat"])
    assert use.arguments == {"first": 2025, "second": 1960}
    assert use.result in (65, "65")
    (failed,) = tool_uses(research["failed tool"])
    assert failed.arguments == {"first": 1, "second": 0}
    assert failed.error is not None
    assert failed.error.message == "cannot divide"
    (odd,) = tool_uses(research["failed model"])
    assert [1, 2] in odd.arguments.values()
    assert json.loads(str(odd.result)) == [{"sum": None}]


def test_documents_that_a_traced_function_looked_up(research: dict[str, Transcript]) -> None:
    found = research["chat"]
    (told_of,) = [
        event
        for event in found.events
        if event.event == "info" and above(event, found) == ["retrieve", "researcher"]
    ]
    assert "born in 1960" in json.dumps(told_of.data)


def test_failed_model_of_a_traced_function(research: dict[str, Transcript]) -> None:
    found = research["failed model"]
    (call,) = model_calls(found)
    assert call.error is not None
    assert "the model is away" in call.error
    assert found.error is not None
    assert "the model is away" in found.error
    assert [told(message) for message in found.messages] == [
        {"role": "user", "text": "How old is she?"}
    ]


def test_no_tokens_are_made_up(research: dict[str, Transcript]) -> None:
    for found in research.values():
        assert not found.total_tokens


def test_database_gives_back_what_was_imported(
    geographer: dict[str, Transcript],
    research: dict[str, Transcript],
    tracking_uri: str,
    tmp_path: Path,
) -> None:
    for number, imported in enumerate((geographer, research)):
        given = {found.transcript_id: found for found in imported.values()}
        (experiment,) = {found.task_set for found in given.values()}
        kept = through_database(experiment, tracking_uri, tmp_path / str(number))
        assert sorted(found.transcript_id for found in kept) == sorted(given)
        for found in kept:
            assert dumped(found) == dumped(given[found.transcript_id])


def dumped(found: Transcript) -> dict[str, Any]:
    """What a database keeps as it is; of metadata it makes columns."""
    return found.model_dump(exclude={"metadata", "timelines"}, exclude_none=True)


def through_database(
    experiment: str | None, tracking_uri: str, directory: Path
) -> list[Transcript]:
    """Import an experiment into a database of Scout's, twice, and read what is in it."""
    from inspect_scout import TranscriptContent, transcripts_db

    async def insert_and_read() -> list[Transcript]:
        everything = TranscriptContent(messages="all", events="all")
        async with transcripts_db(str(directory)) as database:
            for _ in range(2):
                await database.insert(import_mlflow_traces(experiment, tracking_uri))
            return [await database.read(info, everything) async for info in database.select()]

    return asyncio.run(insert_and_read())


@pytest.mark.parametrize("way", ["events", "timeline"])
def test_scanners_of_models_see_the_conversation(
    geographer: dict[str, Transcript], way: str
) -> None:
    from inspect_ai.event import timeline_build

    found = geographer["answered"]
    if way == "timeline":
        found = found.model_copy(update={"timelines": [timeline_build(found.events)]})
    (segment,) = segments(found)
    # Scout leaves system messages out unless it is asked for them.
    wanted = [*TOOL_ANSWERED[1:], {"role": "assistant", "text": "It is Lima."}]
    assert [told(message) for message in segment] == wanted


def segments(transcript: Transcript) -> list[list[ChatMessage]]:
    """What Scout's scanners that ask a model are given of a transcript."""
    from inspect_ai.model import ModelAPI, get_model, modelapi
    from inspect_scout import message_numbering, transcript_messages

    @modelapi("counting")
    class Counting(ModelAPI):
        """Counts tokens without a tokenizer, which it would have to load from elsewhere."""

        async def count_text_tokens(self, text: str) -> int:
            return len(text)

        async def generate(self, *arguments: Any) -> Any:
            raise NotImplementedError

    model = get_model("counting/letters", memoize=False)
    as_text, _ = message_numbering()

    async def collect() -> list[list[ChatMessage]]:
        found = transcript_messages(
            transcript, messages_as_str=as_text, model=model, context_window=100_000
        )
        return [segment.messages async for segment in found]

    return asyncio.run(collect())
