"""The output that a node declares, as a closed JSON schema, and the check of what it gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.domain.plain import JsonObject
from harness.workflow.document import DocumentValue, nearest
from harness.workflow.language import FIELD

_TEXT: JsonObject = {"type": "string"}
_COUNT: JsonObject = {"type": "integer"}
# What code itself adds to a node's output, by the key that asks for it.
_ADDED: Mapping[str, JsonObject] = {
    "approve": {"by": _TEXT},
    "each": {"count": _COUNT},
    "files": {"head": _TEXT, "changed": _COUNT},
}


def output_of(item: DocumentValue) -> JsonObject | None:
    """The schema of a node's output: what it declares, and what code adds; None where there is
    neither."""
    keys = item.mapping()
    declared = output_schema(keys["output"]) if "output" in keys else None
    added = {name: one for key in keys if key in _ADDED for name, one in _ADDED[key].items()}
    if not added:
        return declared
    own = declared["properties"] if declared else {}
    if taken := next((name for name in own if name in added), None):
        raise keys["output"].error(f"`{taken}` is set by code here; choose another name")
    required = [*(declared["required"] if declared else ()), *added]
    return {
        "type": "object",
        "properties": {**own, **added},
        "required": required,
        "additionalProperties": False,
    }


def output_schema(value: DocumentValue) -> JsonObject:
    """The schema of an `output:` key: exactly the fields that are named, of which those ending in
    `?` may be absent."""
    fields = value.mapping()
    if not fields:
        raise value.error("expected at least one field")
    for name, field in fields.items():
        if not FIELD.fullmatch(name):
            raise field.error(
                "is no name for a field: lower case, digits and `_`; `?` at the end where it is"
                " optional"
            )
        _check_schema(field)
    return {
        "type": "object",
        "properties": {name.rstrip("?"): field.plain() for name, field in fields.items()},
        "required": [name for name in fields if not name.endswith("?")],
        "additionalProperties": False,
    }


def misfit(schema: JsonObject, output: JsonObject) -> str | None:
    """Where and why `output` does not fit the schema; None when it is."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(output))
    if error is None:
        return None
    place = ".".join(str(part) for part in error.absolute_path)
    return f"{f'`{place}`: ' if place else ''}{error.message[:300]}"


def declared_field(
    value: DocumentValue, schema: JsonObject | None, *, node: str, path: Sequence[str]
) -> JsonObject:
    """The schema of a field of `node`'s output. Raises ConfigError, at `value`, for one that is not
    declared."""
    found: Any = schema
    for name in path:
        properties = found.get("properties", {}) if isinstance(found, Mapping) else {}
        if name not in properties:
            raise value.error(
                f"`{node}` declares no output field `{'.'.join(path)}`; {nearest(name, properties)}"
            )
        found = properties[name]
    return found if isinstance(found, Mapping) else {}


def _check_schema(field: DocumentValue) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    schema = field.plain()
    # A reference could lead to another document, or around in a circle.
    if "$ref" in _keys(schema):
        raise field.error("has a `$ref`; write it out, so that the document holds all there is")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise field.error(f"is no JSON schema: {error.message[:300]}") from error


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from value
        for inner in value.values():
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)
