"""JSON Schema as far as Inspect has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ._values import clean_text, plain_json

if TYPE_CHECKING:
    from inspect_ai.tool import ToolParams
    from inspect_ai.util import JSONSchema

__all__ = ["json_schema", "tool_params"]

_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_MAX_DEPTH = 20


def json_schema(schema: Any) -> JSONSchema:
    """A schema in Inspect's form; what that form lacks is left out or brought near.

    References are replaced by what they refer to, `oneOf` becomes `anyOf`, an `allOf` of one
    schema that schema, `const` an `enum` of one; a schema that is none allows everything.
    """
    from inspect_ai.util import JSONSchema

    return JSONSchema(**_fields(schema, _definitions(schema), _MAX_DEPTH))


def tool_params(schema: Any) -> ToolParams:
    """The parameters of a tool; none if the schema is not of an object."""
    from inspect_ai.tool import ToolParams

    fields = _fields(schema, _definitions(schema), _MAX_DEPTH)
    kept = ("properties", "required", "additionalProperties")
    return ToolParams(**{name: fields[name] for name in kept if fields.get(name) is not None})


def _definitions(schema: Any) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for place in ("definitions", "$defs"):
        told = schema.get(place) if isinstance(schema, Mapping) else None
        if isinstance(told, Mapping):
            found |= {f"#/{place}/{name}": definition for name, definition in told.items()}
    return found


def _fields(schema: Any, definitions: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """The fields of Inspect's schema that a schema fills with values of the right types."""
    if not isinstance(schema, Mapping) or depth == 0:
        return {}
    schema = _resolved(schema, definitions)

    def inner(value: Any) -> dict[str, Any]:
        return _fields(value, definitions, depth - 1)

    fields = {name: read(schema.get(name)) for name, read in _PLAIN_FIELDS.items()}
    if "const" in schema and fields["enum"] is None:
        fields["enum"] = [plain_json(schema["const"])]
    if isinstance(properties := schema.get("properties"), Mapping):
        fields["properties"] = {
            clean_text(str(name)): inner(properties[name]) for name in properties
        }
    if isinstance(items := schema.get("items"), Mapping):
        fields["items"] = inner(items)
    additional = schema.get("additionalProperties")
    if isinstance(additional, (bool, Mapping)):
        fields["additionalProperties"] = (
            additional if isinstance(additional, bool) else inner(additional)
        )
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(alternatives, list):
        fields["anyOf"] = [inner(one) for one in alternatives]
    return {name: value for name, value in fields.items() if value is not None}


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    match schema.get("allOf"):
        case [Mapping() as only]:
            schema = {**only, **{name: schema[name] for name in schema if name != "allOf"}}
    referred = schema.get("$ref")
    found = definitions.get(referred) if isinstance(referred, str) else None
    if not isinstance(found, Mapping):
        return schema
    return {**found, **{name: schema[name] for name in schema if name != "$ref"}}


def _type(value: Any) -> Any:
    if isinstance(value, list):
        return [one for one in value if one in _TYPES] or None
    return value if value in _TYPES else None


def _text(value: Any) -> str | None:
    return clean_text(value) if isinstance(value, str) else None


def _texts(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return [clean_text(one) for one in value if isinstance(one, str)]


def _any(value: Any) -> Any:
    return plain_json(value)


def _values(value: Any) -> list[Any] | None:
    return [plain_json(one) for one in value] if isinstance(value, list) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


_PLAIN_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "type": _type,
    "format": _text,
    "description": _text,
    "default": _any,
    "enum": _values,
    "required": _texts,
    "pattern": _text,
    "minLength": _whole,
    "maxLength": _whole,
    "minimum": _number,
    "maximum": _number,
    "examples": _values,
}
