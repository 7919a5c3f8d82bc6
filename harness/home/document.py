"""`$FACTORY_HOME/home.json`: which repository this home serves, and where its forge is. No secret
is in it.

A document of an earlier version is brought up to this one when it is first read: step by step,
whole or not at all, with a copy of what it was beside it. One of a later version is refused: what
it says, this version cannot know."""

import difflib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from harness.domain.errors import ConfigError
from harness.domain.sandbox import Form
from harness.home.providers import Endpoint, endpoints_in

FILE = "home.json"
SCHEMA = 2
EMBEDDED = "embedded"
MODELS = ("live", "replay")
SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASES = (SQLITE, POSTGRESQL)
EVIDENCE = "/-/evidence/"
SANDBOXES = ("auto", *(form.value for form in Form if form.sealed))


@dataclass(frozen=True, slots=True)
class HomeFile:
    """What a home is for. `forge` is `embedded`, with its state in the home, or the web address of
    a forge."""

    owner: str
    name: str
    forge: str
    port: int  # of the embedded forge; 0 where it is another
    number: int  # the repository's number on the forge; embedded, its bare folder is named so
    token_file: str  # below the home
    # `live`: the broker calls a provider; `replay`: it answers from recordings
    models: str = "live"
    replay: str = "recordings"  # the folder with recorded exchanges, below the home
    upstream: str = ""  # the provider's address; where empty, the environment's or Anthropic's own
    origin: str = ""  # where a trial's repository came from, without names and secrets
    app: int = 0  # the GitHub App it speaks as, whose key is in `keys/`; 0: with the token
    box: str = "auto"  # the form of box: the best that holds here, or one and no other
    # the form for the app that the judge's masked visitor meets; empty: as `box`
    other_box: str = ""
    # where ledger, engine and meter are: in the home, or in a PostgreSQL named elsewhere
    database: str = SQLITE

    # where this home's folder `evidence` is published, for people to look at; empty: nowhere
    evidence_url: str = ""
    providers: tuple[Endpoint, ...] = ()  # of models, beside the usual one
    recordings_days: int = 0  # how long a run that is over can be replayed; 0: for ever

    @property
    def repository_id(self) -> str:
        return f"{self.owner}.{self.name}"

    @property
    def is_embedded(self) -> bool:
        """Whether the forge is the one in the box, which the factory starts itself."""
        return self.forge == EMBEDDED

    def address(self, web: str, path: str) -> str:
        """A path within the repository, or, when it begins with a slash, of the forge itself, below
        the forge's address. Another forge shows no evidence: that is where it is published, and
        without such a place there is no address."""
        if path.startswith(EVIDENCE) and self.evidence_url:
            return f"{self.evidence_url.rstrip('/')}/{path.removeprefix(EVIDENCE)}"
        if path.startswith("/"):
            return f"{web}{path}" if self.is_embedded else ""
        return f"{web}/{self.owner}/{self.name}/{path}"


def read_home(home: Path) -> HomeFile:
    """The home's document, migrated where it is an older one. Raises ConfigError naming what is
    missing, unknown or of another version, and the next move."""
    path = home / FILE
    try:
        document: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no factory at {home}; `factory demo --home DIR` makes one, and FACTORY_HOME "
            "names it"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", file=str(path)) from error
    if not isinstance(document, dict):
        raise ConfigError("expected one JSON object", file=str(path))
    schema = document.pop("schema", None)
    if schema == SCHEMA:
        return _home_file(document, path)
    return _migrated(document, path, schema)


def write_home(home: Path, document: HomeFile) -> None:
    """Write it whole or not at all."""
    home.mkdir(parents=True, exist_ok=True)
    partial = home / f".{FILE}.{os.getpid()}"
    told = asdict(document) | {
        "providers": {each.name: each.document() for each in document.providers}
    }
    partial.write_text(json.dumps({"schema": SCHEMA, **told}, indent=1) + "\n", "utf-8")
    os.replace(partial, home / FILE)


def _migrated(document: dict[str, Any], path: Path, schema: Any) -> HomeFile:
    """Bring an older document up to date, in memory first: it is written only when all of it is
    understood."""
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
        kept = path.with_name(f"{FILE}.schema-{schema}")
        if not kept.exists():
            os.link(path, kept)  # the very file: `write_home` puts another in its place
        write_home(path.parent, found)
    except OSError as error:
        words = f"has schema {schema} and could not be brought up to {SCHEMA}: {error.strerror}"
        raise ConfigError(words, file=str(path)) from error
    return found


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    """Schema 1 wrote the provider's usual address out; now an empty one leaves it to the
    environment."""
    usual = document.get("upstream") == "https://api.anthropic.com"
    return {**document, "upstream": ""} if usual else document


_STEPS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}


def _home_file(document: Mapping[str, Any], path: Path) -> HomeFile:
    known = {field.name: field for field in fields(HomeFile)}
    for key, value in document.items():
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean `{nearest[0]}`?" if nearest else f"known here: {', '.join(known)}"
            raise ConfigError(f"no such key; {hint}", file=str(path), key=key)
        if key != "providers" and type(value) is not known[key].type:
            wanted = getattr(known[key].type, "__name__", "")
            raise ConfigError(f"expected {wanted}, found {value!r:.80}", file=str(path), key=key)
    providers = endpoints_in(document.get("providers", {}), file=str(path))
    try:
        found = HomeFile(**{**document, "providers": providers})
    except TypeError as error:
        raise ConfigError(str(error).split(") ", 1)[-1], file=str(path)) from error
    if found.models not in MODELS:
        raise ConfigError(
            f"expected {' or '.join(MODELS)}, found {found.models!r:.80}",
            file=str(path),
            key="models",
        )
    if found.database not in DATABASES:
        raise ConfigError(
            f"expected {' or '.join(DATABASES)}, found {found.database!r:.80}",
            file=str(path),
            key="database",
        )
    if found.recordings_days < 0:
        raise ConfigError(
            f"expected a number of days, or 0 to keep them for ever, found {found.recordings_days}",
            file=str(path),
            key="recordings_days",
        )
    if found.evidence_url and not found.evidence_url.startswith(("https://", "http://")):
        raise ConfigError(
            "expected an address such as https://evidence.example.org, found"
            f" {found.evidence_url!r:.80}",
            file=str(path),
            key="evidence_url",
        )
    if found.box not in SANDBOXES:
        raise ConfigError(
            f"expected {' or '.join(SANDBOXES)}, found {found.box!r:.80}", file=str(path), key="box"
        )
    if found.other_box not in ("", *SANDBOXES[1:]):
        raise ConfigError(
            f"expected {' or '.join(SANDBOXES[1:])}, or nothing, found {found.other_box!r:.80}",
            file=str(path),
            key="other_box",
        )
    return found


def wheels_folder() -> Path:
    """Where wheels are kept between homes: the account's cache folder (XDG)."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "lights-out-factory" / "wheels"
