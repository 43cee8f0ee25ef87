"""Run a LangGraph agent that has one tool and one LangChain model, with MLflow's autolog on.

Reads a job from standard input:
`{"tracking_uri", "experiment", "autolog": [...], "model": <arguments of ChatOpenAI>,
"replies": [<see fake_provider>], "questions": [{"messages": [...], "capital": <what the tool
answers, null for an error>, "bare": <whether the model alone answers>}]}`;
prints `{"trace_ids": [...]}`, one for each question.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import mlflow
from fake_provider import serving
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import SecretStr


def agent(model: ChatOpenAI, answer: str | None) -> Any:
    """Return a graph that calls the model until it calls no tool."""

    @tool
    def capital_of(country: str) -> str:
        """Look up a capital."""
        if answer is None:
            raise ValueError(f"no map of {country}")
        return answer

    able = model.bind_tools([capital_of])
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": [able.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([capital_of], handle_tool_errors=True))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    return graph.compile(name="geographer")


def main() -> None:
    """Do the job."""
    job = json.load(sys.stdin)
    mlflow.set_tracking_uri(job["tracking_uri"])
    mlflow.set_experiment(job["experiment"])
    for library in job["autolog"]:
        importlib.import_module(f"mlflow.{library}").autolog()
    trace_ids = []
    with serving(job["replies"]) as provider:
        model = ChatOpenAI(
            base_url=f"{provider.url}/v1", api_key=SecretStr("none"), max_retries=0, **job["model"]
        )
        for question in job["questions"]:
            if question.get("bare"):
                model.invoke(question["messages"])
            else:
                agent(model, question["capital"]).invoke({"messages": question["messages"]})
            trace_ids.append(mlflow.get_last_active_trace_id())
    mlflow.flush_trace_async_logging()
    print(json.dumps({"trace_ids": trace_ids}))


if __name__ == "__main__":
    main()
