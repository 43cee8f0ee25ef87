"""Call models through their makers' real clients, with MLflow's autolog on.

Reads a job from standard input:
`{"tracking_uri", "experiment", "autolog": [<MLflow's names of libraries>],
"calls": [{"client", "request": <arguments of the client>, "reply": <see fake_provider>}]}`;
prints `{"trace_ids": [...], "errors": [<class name or null>]}`, one for each call.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

import mlflow
from fake_provider import serving


def openai_chat(url: str, request: dict[str, Any]) -> None:
    """Call OpenAI's chat completions."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    exhaust(client.chat.completions.create(**request))


def openai_responses(url: str, request: dict[str, Any]) -> None:
    """Call OpenAI's responses."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    exhaust(client.responses.create(**request))


def anthropic_messages(url: str, request: dict[str, Any]) -> None:
    """Call Anthropic's messages."""
    from anthropic import Anthropic

    client = Anthropic(base_url=url, api_key="none", max_retries=0)
    exhaust(client.messages.create(**request))


def exhaust(answer: Any) -> None:
    """Read a stream to its end; an answer that is there already is left alone."""
    if hasattr(answer, "__next__"):
        for _ in answer:
            pass


CLIENTS: dict[str, Callable[[str, dict[str, Any]], None]] = {
    "openai.chat": openai_chat,
    "openai.responses": openai_responses,
    "anthropic.messages": anthropic_messages,
}


def attempt(call: dict[str, Any], url: str) -> str | None:
    """Call once; returns the class of the provider's error."""
    try:
        CLIENTS[call["client"]](url, call["request"])
    except Exception as error:
        if not hasattr(error, "status_code"):
            raise
        return type(error).__name__
    return None


def main() -> None:
    """Do the job."""
    job = json.load(sys.stdin)
    mlflow.set_tracking_uri(job["tracking_uri"])
    mlflow.set_experiment(job["experiment"])
    for library in job["autolog"]:
        importlib.import_module(f"mlflow.{library}").autolog()
    trace_ids, errors = [], []
    with serving([call["reply"] for call in job["calls"]]) as provider:
        for call in job["calls"]:
            errors.append(attempt(call, provider.url))
            trace_ids.append(mlflow.get_last_active_trace_id())
    mlflow.flush_trace_async_logging()
    print(json.dumps({"trace_ids": trace_ids, "errors": errors}))


if __name__ == "__main__":
    main()
