"""The workflow language in one table: which keys there are, on which kinds of node, and what each
may hold.

The reader obeys this table and the editors' schema is generated from it, so the two cannot drift
apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.domain.plain import JsonDict, JsonObject

ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
ACTION = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
TEMPLATE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.j2")
DURATION = re.compile(r"[1-9][0-9]{0,5}[smh]")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FIELD = re.compile(r"[a-z][a-z0-9_]*\??")
NAME = re.compile(r"[a-z][a-z0-9_]*")
REFERENCE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[a-z][a-z0-9_]*)+")
WHEN = re.compile(
    r"(?P<node>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)"
    r"\.(?P<path>[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)"
    r"(?: *(?P<comparison>==|!=|<=|>=|<|>)"
    r" *(?P<value>\"[^\"]*\"|-?[0-9]+(?:\.[0-9]+)?|true|false|null))?"
)
CRON = re.compile(r"[-0-9*/,]+( [-0-9*/,]+){4}")
TOOL = re.compile(r"[a-z][a-z0-9_]*")
PATH = re.compile(r"(?!\.{1,2}(/|$))[\w.@+-]+(/(?!\.{1,2}(/|$))[\w.@+-]+)*")
EVENT = re.compile(r"[a-z]+(_[a-z]+)*")

PERMISSIONS = ("triage", "write", "admin")
JOURNEYS = ("sealed",)
SECONDS = {"s": 1, "m": 60, "h": 3600}
MOST_ATTEMPTS = 10

MOST_ITEMS = 50
"""How many runs one `each` may start."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "use": ("with",),
    "run": ("env", "files"),
    "agent": ("role", "tools", "prompt", "budget"),
    "gate": (),
    "validate": ("budget",),
    "approve": ("shows", "expires", "revises"),
    "wait": (),
    "call": ("with",),
    "each": ("do", "limit"),
}
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "approve": ("shows", "expires"),
    "each": ("do", "limit"),
}
COMMON = ("id", "needs", "when", "retry", "timeout", "output")
# Nobody works on these, so there are no attempts, and code sets their output.
_PATIENT = ("id", "needs", "when")
_COMMON_OF = {
    "approve": _PATIENT,
    "wait": _PATIENT,
    "each": _PATIENT,
    "call": (*_PATIENT, "output"),
}


def keys_of(kind: str) -> tuple[str, ...]:
    """Every key that a node of this kind may have, the kind's own name second."""
    common = _COMMON_OF.get(kind, COMMON)
    return (common[0], kind, *common[1:], *KINDS[kind])


def _text(pattern: re.Pattern[str]) -> JsonDict:
    return {"type": "string", "pattern": f"^(?:{_portable(pattern.pattern)})$"}


def _portable(pattern: str) -> str:
    """Editors read JavaScript's regular expressions, which have no `(?P<name>`."""
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def _list(items: JsonObject, *, least: int) -> JsonDict:
    return {"type": "array", "items": dict(items), "minItems": least, "uniqueItems": True}


def _object(properties: JsonObject, **more: Any) -> JsonDict:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}


_GIVEN: JsonObject = {
    "oneOf": [{"type": "string"}, _object({"from": _text(REFERENCE)}, required=["from"])]
}
_FIELDS: JsonObject = {
    "type": "object",
    "propertyNames": _text(FIELD),
    "additionalProperties": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    "minProperties": 1,
}

KEYS: Mapping[str, JsonObject] = {
    "id": {**_text(ID), "description": "The node's name, unique in the workflow."},
    "use": {**_text(ACTION), "description": "A named action in code, as `room.action`."},
    "run": {
        "oneOf": [_text(ID), {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        "description": (
            "A command in a sandbox: `tests`, as `factory.toml` names it, or a list of arguments."
            " No shell."
        ),
    },
    "agent": {**_text(ID), "description": "A prompt to a model, named for its role."},
    "gate": {
        "oneOf": [_text(ID), _list(_text(ID), least=1)],
        "description": "Named checks, all of which must pass.",
    },
    "validate": {
        "enum": list(JOURNEYS),
        "description": "The sealed judge, over journeys of this kind.",
    },
    "approve": {
        "enum": list(PERMISSIONS),
        "description": "A wait for a person with this permission.",
    },
    "wait": {
        "oneOf": [_text(DURATION), _object({"until": _text(CRON)}, required=["until"])],
        "description": 'A wait: `90s`, `10m`, `1h`, or `{until: "0 9 * * 1"}`, a cron line.',
    },
    "call": {**_text(ID), "description": "Another workflow of yours, run to its end."},
    "each": {
        **_text(REFERENCE),
        "description": "A list, as `node.field`: the workflow in `do` runs once for each item.",
    },
    "needs": {
        **_list(_text(ID), least=1),
        "description": "The nodes that must be settled before this one.",
    },
    "when": {
        **_text(WHEN),
        "description": (
            "`node.succeeded`, `node.failed`, or a comparison of a field that the node's `output`"
            " declares."
        ),
    },
    "retry": {
        **_object(
            {
                "attempts": {"type": "integer", "minimum": 2, "maximum": MOST_ATTEMPTS},
                "wait": _text(DURATION),
                "factor": {"type": "number", "minimum": 1, "maximum": 10},
            },
            required=["attempts"],
        ),
        "description": (
            "Attempts in all; the wait before the second, and what each later wait is"
            " multiplied by."
        ),
    },
    "timeout": {
        **_text(DURATION),
        "description": "How long one attempt may take: `90s`, `10m`, `1h`.",
    },
    "env": {
        "type": "object",
        "propertyNames": _text(VARIABLE),
        "additionalProperties": _GIVEN,
        "description": "The command's environment: text, or `{from: node.field}`.",
    },
    "with": {
        "type": "object",
        "propertyNames": _text(NAME),
        "additionalProperties": _GIVEN,
        "description": "What it is given: text, or `{from: node.field}`.",
    },
    "files": {
        **_list(_text(PATH), least=1),
        "description": "The files whose new content is kept, as a commit that can be proposed.",
    },
    "shows": {**_GIVEN, "description": "What the person is shown: text, or `{from: node.field}`."},
    "expires": {**_text(DURATION), "description": "How long the question stands. Then it is a no."},
    "revises": {
        **_text(ID),
        "description": "The node that is made again where the person sends it back.",
    },
    "do": {**_text(ID), "description": "The workflow that runs for each item."},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST_ITEMS,
        "description": "How many items there may be; more are a failure.",
    },
    "output": {
        **_FIELDS,
        "description": (
            "The fields the node must give, each a JSON schema; a name that ends in `?` may be"
            " absent."
        ),
    },
    "budget": {
        **_object(
            {
                "calls": {"type": "integer", "minimum": 1, "maximum": 1000},
                "usd": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
            },
            minProperties=1,
        ),
        "description": "What one attempt may spend on models.",
    },
    "role": {
        **_text(ID),
        "description": "Who plays it: a key of `[models]` in `factory.toml`. By default the agent.",
    },
    "tools": {
        **_list(_text(TOOL), least=0),
        "description": "The tools it is given. By default none.",
    },
    "prompt": {**_text(TEMPLATE), "description": "The template. By default `<agent>.md.j2`."},
}
TRIGGERS: JsonObject = _object(
    {"schedule": _text(CRON), "event": _list(_text(EVENT), least=1)},
    minProperties=1,
    description=(
        "When it starts by itself: a cron line of five fields (local time, or TZ), events of the"
        " forge."
    ),
)
INPUT: JsonObject = {
    **_FIELDS,
    "description": "What whoever calls it has to give; nodes read it as `{from: input.field}`.",
}
