"""Prints the editors' JSON schema of a workflow, from the language's table (`python -m
harness.workflow.schema`).

It knows one document's form. What a name stands for (ids, templates, declared fields, circles) only
the reader knows."""

from __future__ import annotations

import json

from harness.domain.plain import JsonDict
from harness.workflow.language import COMMON, KEYS, KINDS, TRIGGERS


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
            "nodes": {
                "type": "array",
                "minItems": 1,
                "items": {"oneOf": [_node(kind) for kind in KINDS]},
            },
        },
    }


def _node(kind: str) -> JsonDict:
    keys = ("id", kind, *(key for key in COMMON if key != "id"), *KINDS[kind])
    return {
        "title": f"{kind} node",
        "type": "object",
        "required": ["id", kind],
        "additionalProperties": False,
        "properties": {key: KEYS[key] for key in keys},
    }


def schema_text() -> str:
    """The file `workflows/schema.json`, byte for byte."""
    return json.dumps(workflow_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
