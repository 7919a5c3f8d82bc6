"""`$FACTORY_HOME/home.json`: which repository this home serves, and where its forge is. It contains
no secret.

An older document is migrated when it is first read: step by step, all or nothing, with a copy of
the old one beside it. A newer document is refused, because this version cannot know what it means.
"""

import difflib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonDict, JsonObject
from harness.domain.sandbox import Form
from harness.domain.setting import expected_words, missing_words
from harness.home.notices import NoticeSettings, settings_in
from harness.home.providers import Endpoint, endpoints_in

FILE = "home.json"
SCHEMA = 2
EMBEDDED = "embedded"
MODELS = ("live", "replay")
SQLITE, POSTGRESQL, BRANCH = "sqlite", "postgresql", "branch"
DATABASES = (SQLITE, POSTGRESQL, BRANCH)
EVIDENCE = "/-/evidence/"
SANDBOXES = ("auto", *(form.value for form in Form if form.sealed))
_AS_IT_WAS = "put back the file that the factory wrote, from a copy of the home"
_STORED_AS = {"sandbox": "box", "other_sandbox": "other_box"}
"""Fields whose key in `home.json` is an older word; homes in use have it."""


@dataclass(frozen=True, slots=True)
class HomeFile:
    """The configuration of a home. `forge` is `embedded`, with its state in the home, or the web
    address of another forge."""

    owner: str
    name: str
    forge: str
    port: int
    """The local forge's port; 0 for another forge."""
    number: int
    """The repository's number on the forge. The local forge names its bare folder by it."""
    token_file: str
    """The file with the token, below the home."""
    models: str = "live"
    """`live`: the broker calls a provider. `replay`: it answers from recordings."""
    replay: str = "recordings"
    """The folder with recorded exchanges, below the home."""
    upstream: str = ""
    """The provider's address. If empty, the environment's or Anthropic's own."""
    origin: str = ""
    """Where a trial's repository came from, without names and secrets."""
    app: int = 0
    """The GitHub App that the factory acts as, with its key in `keys/`; 0: it uses the token."""
    sandbox: str = "auto"
    """The form of sandbox: `auto` for the best that works here, or exactly one."""
    other_sandbox: str = ""
    """The form for the app that the judge's masked visitor uses; empty: the same."""
    database: str = SQLITE
    """Where ledger, engine and meter are: in the home; in a PostgreSQL named elsewhere; or, between
    two passes, on a branch of the repository."""
    evidence_url: str = ""
    """Where this home's folder `evidence` is published for people; empty: nowhere."""
    providers: tuple[Endpoint, ...] = ()
    """Model providers beside the default one."""
    notices: NoticeSettings = field(default_factory=NoticeSettings)
    """Which notices are sent, and when none is; the addresses are elsewhere."""
    errors: str = ""
    """Where the intake for errors of the running app listens, `[HOST:]PORT`; empty: nowhere."""
    errors_url: str = ""
    """Where apps reach that intake, if that is another address."""
    recordings_days: int = 0
    """For how many days a finished run can be replayed; 0: for ever."""

    @property
    def repository_id(self) -> str:
        return f"{self.owner}.{self.name}"

    @property
    def is_embedded(self) -> bool:
        """Whether the forge is the local one, which the factory starts itself."""
        return self.forge == EMBEDDED

    @property
    def web(self) -> str:
        """The forge's web address. That of the local one, which may not run now, is its last."""
        return f"http://localhost:{self.port}" if self.is_embedded else self.forge

    def address(self, web: str, path: str) -> str:
        """The web address of a path within the repository or, if it begins with a slash, of the
        forge itself. Only the local forge shows evidence. With another forge the address is where
        the evidence is published, or "" if it is not."""
        if path.startswith(EVIDENCE) and self.evidence_url:
            return f"{self.evidence_url.rstrip('/')}/{path.removeprefix(EVIDENCE)}"
        if path.startswith("/"):
            return f"{web}{path}" if self.is_embedded else ""
        return f"{web}/{self.owner}/{self.name}/{path}"


def read_home(home: Path) -> HomeFile:
    """The home's document, migrated if it is an older one. Raises ConfigError that names what is
    missing, unknown or of another version, and the next step."""
    path = home / FILE
    try:
        document: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no factory at {home}: set FACTORY_HOME to the one you mean, or make one by"
            " `factory connect OWNER/NAME` (`factory demo --home DIR`: one to try)"
        ) from None
    except OSError as error:
        words = f"cannot be read: {error.strerror}; it has to be a file that this account may read"
        raise ConfigError(words, file=str(path)) from error
    except ValueError as error:
        raise ConfigError(f"is not JSON: {error}; {_AS_IT_WAS}", file=str(path)) from error
    if not isinstance(document, dict):
        raise ConfigError(f"expected one JSON object; {_AS_IT_WAS}", file=str(path))
    schema = document.pop("schema", None)
    if schema == SCHEMA:
        return _home_file(document, path)
    return _migrated(document, path, schema)


def write_home(home: Path, document: HomeFile) -> None:
    """Write the document, whole or not at all."""
    home.mkdir(parents=True, exist_ok=True)
    partial = home / f".{FILE}.{os.getpid()}"
    stored = {_STORED_AS.get(name, name): value for name, value in asdict(document).items()} | {
        "providers": {each.name: each.document() for each in document.providers},
        "notices": document.notices.document(),
    }
    partial.write_text(json.dumps({"schema": SCHEMA, **stored}, indent=1) + "\n", "utf-8")
    os.replace(partial, home / FILE)


def _migrated(document: JsonDict, path: Path, schema: Any) -> HomeFile:
    """Migrate an older document in memory, and write it only when all of it is valid."""
    # Not isinstance: JSON's true is an int in Python, and equal to schema 1.
    if type(schema) is not int or schema not in _STEPS:
        raise ConfigError(
            f"has schema {json.dumps(schema)}, this version of the factory reads schema {SCHEMA}:"
            " use the version that wrote it, or a newer one",
            file=str(path),
        )
    for step in range(schema, SCHEMA):
        document = _STEPS[step](document)
    found = _home_file(document, path)
    try:
        copy = path.with_name(f"{FILE}.schema-{schema}")
        # A migration that was killed left the same copy already, and linking again would fail.
        if not copy.exists():
            # A hard link is enough: `write_home` replaces the file and does not write into it.
            os.link(path, copy)
        write_home(path.parent, found)
    except OSError as error:
        words = f"has schema {schema} and could not be brought up to {SCHEMA}: {error.strerror}"
        raise ConfigError(words, file=str(path)) from error
    return found


def _from_1(document: JsonDict) -> JsonDict:
    """Schema 1 stored the provider's default address. An empty one now leaves it to the
    environment."""
    usual = document.get("upstream") == "https://api.anthropic.com"
    return {**document, "upstream": ""} if usual else document


_STEPS: Mapping[int, Callable[[JsonDict], JsonDict]] = {1: _from_1}


def _home_file(document: JsonObject, path: Path) -> HomeFile:
    types = {_STORED_AS.get(field.name, field.name): field.type for field in fields(HomeFile)}
    for key, value in document.items():
        if key not in types:
            nearest = difflib.get_close_matches(key, types, n=1)
            hint = f"did you mean `{nearest[0]}`?" if nearest else f"known here: {', '.join(types)}"
            raise ConfigError(f"no such key; {hint}", file=str(path), key=key)
        # Not isinstance: JSON's true would pass for a number.
        if key not in ("providers", "notices") and type(value) is not types[key]:
            raise ConfigError(
                f"expected {expected_words(types[key])}, found {value!r:.80}",
                file=str(path),
                key=key,
            )
    names = {stored: name for name, stored in _STORED_AS.items()}
    given = {names.get(key, key): value for key, value in document.items()}
    given["providers"] = endpoints_in(document.get("providers", {}), file=str(path))
    given["notices"] = settings_in(document.get("notices", {}), file=str(path))
    if lacking := missing_words(HomeFile, given):
        raise ConfigError(f"{lacking}; {_AS_IT_WAS}", file=str(path))
    found = HomeFile(**given)
    if problem := _problem(found):
        key, message = problem
        raise ConfigError(message, file=str(path), key=key)
    return found


def _problem(found: HomeFile) -> tuple[str, str] | None:
    """The first key whose value is not allowed, with what was expected there; None if all are."""
    choices = (
        ("models", found.models, MODELS),
        ("database", found.database, DATABASES),
        ("box", found.sandbox, SANDBOXES),
    )
    for key, value, allowed in choices:
        if value not in allowed:
            return key, f"expected {' or '.join(allowed)}, found {value!r:.80}"
    forms, other = SANDBOXES[1:], found.other_sandbox
    if other not in ("", *forms):
        return "other_box", f"expected {' or '.join(forms)}, or nothing, found {other!r:.80}"
    if found.recordings_days < 0:
        return "recordings_days", (
            f"expected a number of days, or 0 to keep them for ever, found {found.recordings_days}"
        )
    if found.errors_url and not found.errors_url.startswith(("https://", "http://")):
        return "errors_url", (
            "expected an address such as https://errors.example.org, found"
            f" {found.errors_url!r:.80}"
        )
    if found.evidence_url and not found.evidence_url.startswith(("https://", "http://")):
        return "evidence_url", (
            "expected an address such as https://evidence.example.org, found"
            f" {found.evidence_url!r:.80}"
        )
    return None


def wheels_folder() -> Path:
    """Where wheels are kept for all homes: the account's cache folder (XDG)."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "lights-out-factory" / "wheels"
