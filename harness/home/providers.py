"""Model providers beside the default one: `home.json` names them, and their keys are elsewhere.

They belong to the operator, not to a repository: whoever could write an address into `factory.toml`
could have the key sent there. A repository refers to a provider only by name, as in `implementer =
"openrouter/qwen/qwen3-coder"`.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError
from harness.private_text import private_text
from harness.programs.broker.providers import ANTHROPIC, DEFAULT_PROVIDER, NAME, OPENAI

if TYPE_CHECKING:
    from harness.home.document import HomeFile
    from harness.programs.agent_clis.cli import CliWire

KEY = "ANTHROPIC_API_KEY"
NO_KEY = "none"
"""Sent to an endpoint that needs no key."""
_KEYS = ("wire", "base_url", "key_env", "key_file")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}\Z")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider: its API, its address as the SDK of that API takes it, and its key, which is in
    the environment variable `key_env` or in `key_file` below the home. An endpoint without a key
    has neither."""

    name: str
    wire: str
    base_url: str
    key_env: str = ""
    key_file: str = ""

    @property
    def key_from(self) -> str:
        """Where its key is, in words for the operator."""
        return self.key_env or self.key_file or "its key"

    def document(self) -> dict[str, str]:
        """The object that `home.json` has under its name."""
        return {key: value for key in _KEYS if (value := getattr(self, key))}


def endpoints_in(document: Any, *, file: str) -> tuple[Endpoint, ...]:
    """The `providers` of a home's document. Raises ConfigError that names the key and what was
    expected there."""
    if not isinstance(document, dict):
        raise ConfigError(
            f"expected an object of a provider for each name, found {document!r:.80}",
            file=file,
            key="providers",
        )
    return tuple(_endpoint(name, entry, file) for name, entry in document.items())


def _endpoint(name: str, entry: Any, file: str) -> Endpoint:
    def wrong(words: str, key: str = "") -> ConfigError:
        return ConfigError(words, file=file, key=f"providers.{name}{key}")

    if not re.match(NAME, name) or name == DEFAULT_PROVIDER:
        raise wrong(
            "expected a name of small letters, digits and dashes, and not"
            f" `{DEFAULT_PROVIDER}`, which is the default one's"
        )
    if not isinstance(entry, dict) or not all(
        key in _KEYS and isinstance(value, str) for key, value in entry.items()
    ):
        raise wrong(f"expected an object with some of {', '.join(_KEYS)}, each a text")
    if entry.get("wire") not in (ANTHROPIC, OPENAI):
        raise wrong(f"expected {ANTHROPIC} or {OPENAI}, found {entry.get('wire')!r:.80}", ".wire")
    if "key_env" in entry and not _VARIABLE.match(entry["key_env"]):
        raise wrong(
            "expected the name of an environment variable, such as OPENROUTER_API_KEY; the key"
            " itself does not belong here",
            ".key_env",
        )
    if "key_file" in entry and (
        # Outside of the home, any file of this account could be sent to a provider as a key.
        Path(entry["key_file"]).is_absolute() or ".." in Path(entry["key_file"]).parts
    ):
        raise wrong("expected a file below the home, such as keys/openrouter.key", ".key_file")
    if "key_env" in entry and "key_file" in entry:
        raise wrong("expected `key_env` or `key_file`, not both")
    try:
        address = endpoint(entry.get("base_url", ""))
    except ConfigError as error:
        raise wrong(error.message, ".base_url") from error
    return Endpoint(name, **entry | {"base_url": address})


@contextmanager
def provider_keys(home: Path, document: "HomeFile") -> Iterator[Mapping[str, str]]:
    """The providers' keys by name, removed from our own environment while the block lasts, so that
    no program we start inherits one. Only the broker receives them. Raises ConfigError if one
    cannot be read."""
    if document.models != "live":
        yield {}
        return
    variables = {each.key_env for each in document.providers if each.key_env}
    removed = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield {each.name: _key(home, each, removed) for each in document.providers}
    finally:
        os.environ.update(removed)


def _key(home: Path, endpoint: Endpoint, environment: Mapping[str, str]) -> str:
    if endpoint.key_env:
        if found := environment.get(endpoint.key_env, "").strip():
            return found
        raise ConfigError(
            f"the provider {endpoint.name} needs a key: set {endpoint.key_env}, or take the"
            " provider out of home.json"
        )
    if not endpoint.key_file:
        return NO_KEY
    path, what = home / endpoint.key_file, f"the key of the provider {endpoint.name}"
    if found := (private_text(path, what=what) or "").strip():
        return found
    raise ConfigError(f"{what} is expected here, and nothing is", file=str(path))


def endpoint(url: str) -> str:
    """The address of an endpoint of the Messages API, without a final slash. Raises ConfigError
    unless it is https, or http on this machine, with no name, secret or query in it."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts.hostname is None or not (parts.scheme == "https" or local):
        raise ConfigError(
            "a model endpoint is an https address, or http on this machine: anything else would"
            " show the key to the network"
        )
    # A name or a secret in the address would show up in messages and logs.
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            f"a model endpoint's address holds no name, secret or query; the key is read from {KEY}"
        )
    return url.rstrip("/")


def write_providers(path: Path, endpoints: tuple[Endpoint, ...]) -> Path:
    """Write the list that the broker reads, and return its path. It contains no key."""
    listed = {
        each.name: {"wire": each.wire, "base_url": each.base_url, "key_from": each.key_from}
        for each in endpoints
    }
    path.write_text(json.dumps(listed, indent=1) + "\n", "utf-8")
    return path


def wires_of(document: "HomeFile") -> "Mapping[str, CliWire] | None":
    """The API of each provider by name; the default provider has the empty name. None if the broker
    replays, because it then supports every API."""
    from harness.programs.agent_clis.cli import CliWire

    if document.models == "replay":
        return None
    return {"": CliWire.ANTHROPIC, **{each.name: CliWire(each.wire) for each in document.providers}}
