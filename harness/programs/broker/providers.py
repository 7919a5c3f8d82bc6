"""Who is asked: each provider's name, wire and address. Its key is not here; see `__main__.py`."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANTHROPIC, OPENAI = "anthropic", "openai"
USUAL = "anthropic"
"""The provider that is asked where a model's name says nothing of one."""
NAME = r"^[a-z][a-z0-9-]{0,39}\Z"
_ENTRY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["wire", "base_url"],
    "properties": {
        "wire": {"enum": [ANTHROPIC, OPENAI]},
        "base_url": {"type": "string", "pattern": "^https?://"},
        "key_from": {"type": "string"},
    },
}
_SCHEMA = {"type": "object", "additionalProperties": _ENTRY, "propertyNames": {"pattern": NAME}}


class ProvidersError(ValueError):
    """A list of providers that cannot be read; the message names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One endpoint. `base_url` is what the official SDK of its wire would be given: with `/v1` for
    the OpenAI wire, without it for Anthropic's. `key_from` says in words where its key comes
    from."""

    name: str
    wire: str
    base_url: str
    key_from: str = ""


def read_providers(file: Path) -> dict[str, Provider]:
    """Read `{"NAME": {"wire": "anthropic" | "openai", "base_url": "https://…", "key_from": "…"}}`.
    Raises ProvidersError."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        document: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ProvidersError(f"{file}: {error}") from error
    if wrong := best_match(Draft202012Validator(_SCHEMA).iter_errors(document)):
        raise ProvidersError(f"{file}: {wrong.json_path}: {wrong.message[:200]}")
    return {name: Provider(name, **entry) for name, entry in document.items()}


def provider_and_model(name: str, known: Collection[str]) -> tuple[str, str]:
    """Of a model's name, the provider and the provider's own name for it: `openrouter/qwen/qwen3`
    is `qwen/qwen3` of `openrouter`, where that is known; any other name is the usual provider's,
    whole."""
    first, slash, rest = name.partition("/")
    return (first, rest) if slash and rest and first in known else (USUAL, name)
