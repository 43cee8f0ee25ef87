"""Tools of the chat form, and the choice among them, as Inspect's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout._memory import remembered

from ._json_schema import tool_params
from ._values import clean_text, value_text
from .dialects._json_values import as_mapping, as_text

if TYPE_CHECKING:
    from inspect_ai.tool import ToolChoice, ToolInfo

__all__ = ["tool_choice", "tool_infos"]


@remembered
def tool_infos(tools: Iterable[Mapping[str, Any]]) -> list[ToolInfo]:
    """The tools that a model was offered; one without a name is none."""
    from inspect_ai.tool import ToolInfo

    found = []
    for tool in tools:
        function = as_mapping(tool.get("function"))
        if name := as_text(function.get("name")):
            description = value_text(function.get("description"))
            parameters = tool_params(function.get("parameters"))
            found.append(
                ToolInfo(name=clean_text(name), description=description, parameters=parameters)
            )
    return found


def tool_choice(choice: Any) -> ToolChoice:
    """Which tool the model had to call; `"auto"` when nothing that is known tells."""
    from inspect_ai.tool import ToolFunction

    match choice:
        case "none":
            return "none"
        case "required" | "any":
            return "any"
        case {"function": {"name": str(name)}} if name:
            return ToolFunction(clean_text(name))
    return "auto"
