"""Attributes with names such as `messages.0.role`, brought back into lists and objects.

OpenTelemetry's attributes hold no lists of objects, so that conventions spread them over many
attributes ("Flattened attributes" in OpenInference's page "Attribute Conventions").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._json_values import as_mapping, decoded

__all__ = ["nested", "nested_items"]

# Real names have about ten steps; a longer one must not exhaust the stack.
_LONGEST_PATH = 32


def nested(attributes: Mapping[str, Any], prefix: str) -> Any:
    """What the attributes below a prefix say together.

    Args:
        attributes: Names and JSON values.
        prefix: The name of the whole, without a dot at its end.

    Returns:
        Lists where all steps of the names are numbers, in the order of these and without gaps;
        objects elsewhere; the value itself of an attribute with the very name, with dotted names
        within it brought into the same form; None when no attribute has the prefix.
    """
    found = {
        name[len(prefix) + 1 :]: value
        for name, value in attributes.items()
        if name.startswith(f"{prefix}.")
    }
    if found:
        return _built(found)
    return _undotted(decoded(attributes.get(prefix)), _LONGEST_PATH)


def nested_items(attributes: Mapping[str, Any], prefix: str) -> list[Mapping[str, Any]]:
    """The objects of a list of objects; empty when there is none.

    Facts about the list as a whole, such as `gen_ai.prompt.prompt_filter_results`, are left out.
    """
    value = nested(attributes, prefix)
    if isinstance(value, Mapping):
        value = _numbered(value) or [value]
    items = value if isinstance(value, list) else []
    return [item for item in map(as_mapping, items) if item]


def _built(values: Mapping[str, Any]) -> Any:
    root: dict[str, Any] = {}
    for name, value in values.items():
        *way, last = name.split(".", _LONGEST_PATH)
        place = root
        for step in way:
            below = place.setdefault(step, {})
            if not isinstance(below, _Branch):
                # A value and values below it: the value keeps a place among them.
                below = place[step] = _Branch({"": below} if below != {} else {})
            place = below
        if isinstance(place.get(last), _Branch):
            place[last][""] = value
        else:
            place[last] = value
    return _listed(root)


class _Branch(dict[str, Any]):
    """Told apart from objects that are themselves values of attributes."""


def _listed(branch: dict[str, Any]) -> Any:
    built = {
        name: _listed(value) if isinstance(value, _Branch) else value
        for name, value in branch.items()
    }
    numbered = _numbered(built)
    return numbered if len(numbered) == len(built) else built


def _numbered(branch: Mapping[str, Any]) -> list[Any]:
    numbers = [name for name in branch if name.isascii() and name.isdigit()]
    return [branch[name] for name in sorted(numbers, key=lambda name: (len(name), name))]


def _undotted(value: Any, depth: int) -> Any:
    if not depth:
        return value
    if isinstance(value, list):
        return [_undotted(item, depth - 1) for item in value]
    if isinstance(value, Mapping) and any("." in name for name in value):
        return _built({name: _undotted(item, depth - 1) for name, item in value.items()})
    return value
