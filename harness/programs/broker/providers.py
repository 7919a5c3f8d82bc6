"""The providers: each one's name, wire and address. Their keys are not here; see `__main__.py`."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANTHROPIC, OPENAI = "anthropic", "openai"
DEFAULT_PROVIDER = "anthropic"
"""The provider of a model whose name names none."""
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
    """A list of providers that cannot be read. The message names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One endpoint.

    `base_url` is what the official SDK of its wire takes: with `/v1` for the OpenAI wire, without
    it for Anthropic's. `key_from` describes where its key comes from, for messages.
    """

    name: str
    wire: str
    base_url: str
    key_from: str = ""


def read_providers(file: Path) -> dict[str, Provider]:
    """Read `{"NAME": {"wire": "anthropic" | "openai", "base_url": "https://…", "key_from":
    "…"}}`. Raises ProvidersError."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        document: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ProvidersError(f"{file}: {error}") from error
    if wrong := best_match(Draft202012Validator(_SCHEMA).iter_errors(document)):
        raise ProvidersError(f"{file}: {wrong.json_path}: {wrong.message[:200]}")
    return {name: Provider(name, **entry) for name, entry in document.items()}


def provider_and_model(name: str, names: Collection[str]) -> tuple[str, str]:
    """The provider of a model's name, and the provider's own name for the model.

    `openrouter/qwen/qwen3` is `qwen/qwen3` of `openrouter` when that is one of `names`. Any other
    name is the default provider's, whole.
    """
    first, slash, rest = name.partition("/")
    return (first, rest) if slash and rest and first in names else (DEFAULT_PROVIDER, name)
