"""Names of span attributes and types, MLflow's (`mlflow.tracing.constant`) and our own."""

from __future__ import annotations

from typing import Final

INPUTS: Final = "mlflow.spanInputs"
OUTPUTS: Final = "mlflow.spanOutputs"
CHAT_MESSAGES: Final = "mlflow.chat.messages"
CHAT_TOOLS: Final = "mlflow.chat.tools"
MESSAGE_FORMAT: Final = "mlflow.message.format"
TOKEN_USAGE: Final = "mlflow.chat.tokenUsage"
COST: Final = "mlflow.llm.cost"
MODEL: Final = "mlflow.llm.model"
PROVIDER: Final = "mlflow.llm.provider"

AGENT: Final = "AGENT"
CHAIN: Final = "CHAIN"
CHAT_MODEL: Final = "CHAT_MODEL"
EVALUATOR: Final = "EVALUATOR"
GUARDRAIL: Final = "GUARDRAIL"
MEMORY: Final = "MEMORY"
TASK: Final = "TASK"
TOOL: Final = "TOOL"

OWN: Final = "inspect."
"""What the names of our own attributes and of notes begin with."""
