"""Prints the editors' JSON schema of a workflow, from the language's table (`python -m
harness.workflow.schema`).

It knows one document's form. What a name stands for (ids, templates, declared fields, circles) only
the reader knows."""

from __future__ import annotations

import json

from harness.domain.plain import JsonDict
from harness.workflow.language import INPUT, KEYS, KINDS, REQUIRED, TRIGGERS, keys_of


def workflow_schema() -> JsonDict:
    """JSON schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A workflow of lights-out-factory",
        "type": "object",
        "required": ["name", "nodes"],
        "additionalProperties": False,
        "properties": {
            "name": {**KEYS["id"], "description": "The workflow's name."},
            "on": TRIGGERS,
            "input": INPUT,
            "nodes": {
                "type": "array",
                "minItems": 1,
                "items": {"oneOf": [_node(kind) for kind in KINDS]},
            },
        },
    }


def _node(kind: str) -> JsonDict:
    return {
        "title": f"{kind} node",
        "type": "object",
        "required": ["id", kind, *REQUIRED.get(kind, ())],
        "additionalProperties": False,
        "properties": {key: KEYS[key] for key in keys_of(kind)},
    }


def schema_text() -> str:
    """The file `workflows/schema.json`, byte for byte."""
    return json.dumps(workflow_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
