"""Connects a home to a repository on another forge, by an app or a token that was checked there."""

import os
import re
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError, FactoryError, ForgeError
from harness.factory.settings.config import read_config
from harness.factory.settings.tables import FILE
from harness.home.credentials import APP_KEY, app_at, lacking, rights_of, token_warning
from harness.home.document import FILE as HOME_FILE
from harness.home.document import HomeFile, read_home, write_home
from harness.home.programs import api_of, keep_token, token_path
from harness.operations.setup.create_home import launcher_key_id

if TYPE_CHECKING:
    from github import Github
    from github.Repository import Repository

TOKEN_BYTES, KEY_BYTES = 4096, 65536
_PART = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_REFUSALS = {
    401: "does not know the token: it is wrong, expired or revoked",
    403: "forbids the token to read {}",
    404: "shows the token no repository {}: the name is wrong, or the token is not for it",
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class AppConnection:
    """What a home serves now, and as which account. `trusts_us` is whether the repository's
    factory.toml pins this home's launcher. `note` is a remark on the credential; may be empty."""

    repository: str
    forge: str
    branch: str
    account: str
    key_id: str
    trusts_us: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """An app's id and the text of its private key."""

    id: int
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Access:
    """What a credential can see: its account, the default branch, and factory.toml there (empty if
    there is none)."""

    account: str
    branch: str
    config: bytes
    note: str


def connect_by_token(
    home: Path,
    repository: str,
    *,
    api: str,
    token_env: str,
    token_file: Path | None = None,
) -> AppConnection:
    """Check the token, then make the home serve the repository. Raises ConfigError, or ForgeError
    if the forge does not answer; the home is then unchanged."""
    owner, name = repository_parts(repository)
    forge = web_of(api)
    document = document_for(home, owner, name, forge)
    secret = _token(token_env, token_file)
    access = _access_by_token(f"{owner}/{name}", api_of(forge), secret)
    key_id = launcher_key_id(home)
    keep_token(token_path(home, document), secret)
    write_home(home, replace(document, app=0))
    return _connection(f"{owner}/{name}", access, forge=forge, key_id=key_id)


def connect_as_app(
    home: Path, repository: str, given: AppCredentials, *, api: str
) -> AppConnection:
    """Check that the app is installed there with all permissions, then make the home serve the
    repository as this app. Raises as `connect_by_token` does, naming each missing permission."""
    owner, name = repository_parts(repository)
    forge = web_of(api)
    document = replace(document_for(home, owner, name, forge), app=given.id)
    with tempfile.TemporaryDirectory(prefix="factory-") as short:
        # Tried from a temporary file, so a wrong key never replaces the one in the home.
        key_file = Path(short) / "app.pem"
        keep_token(key_file, given.key.strip())
        access = _access_as_app(document, api_of(forge), key_file)
    key_id = launcher_key_id(home)
    keep_token(home / APP_KEY, given.key.strip())
    write_home(home, document)
    return _connection(f"{owner}/{name}", access, forge=forge, key_id=key_id)


def _connection(repository: str, access: _Access, *, forge: str, key_id: str) -> AppConnection:
    return AppConnection(
        repository,
        forge,
        access.branch,
        access.account,
        key_id,
        key_id in _trusted(access.config),
        access.note,
    )


def secret_in(file: Path, what: str) -> str:
    """The secret in a file; `what` names it in messages. Raises ConfigError if there is none."""
    try:
        text = file.read_bytes()[:KEY_BYTES].decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise ConfigError(f"{what} cannot be read from {file}: {reason}") from error
    if not text:
        raise ConfigError(f"{file} is empty; expected {what} in it")
    return text


def web_of(api: str) -> str:
    """The web address of the forge with this REST API; a web address is returned as it is. Raises
    ConfigError for an unsafe or invalid address."""
    try:
        parts = urlsplit(api)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"--api is not an address: {error}") from error
    if host is None or not (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    ):
        raise ConfigError(
            "--api expects an https address, or http on this machine: anything else would expose"
            " the token"
        )
    # The address is stored in `home.json` and shown in messages.
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "--api expects an address without a name, secret or query; the token has options of"
            " its own"
        )
    if host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com")):
        return f"https://{host.removeprefix('api.')}"
    where = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/api/v3")
    return f"{parts.scheme}://{where}{f':{port}' if port else ''}{path}"


def repository_parts(repository: str) -> tuple[str, str]:
    """The owner and the name. Raises ConfigError for anything but OWNER/NAME."""
    parts = repository.split("/")
    if len(parts) != 2 or not all(_PART.fullmatch(part) and part.strip(".") for part in parts):
        raise ConfigError(f"expected OWNER/NAME, found {repository[:100]!r}")
    return parts[0], parts[1]


def document_for(home: Path, owner: str, name: str, forge: str) -> HomeFile:
    """The future `home.json`. Raises ConfigError if the home already serves something else."""
    if not (home / HOME_FILE).exists():
        return HomeFile(
            owner=owner,
            name=name,
            forge=forge,
            port=0,
            number=0,
            # The name of a file, not a secret.
            token_file="keys/forge.token",  # noqa: S106
        )
    there = read_home(home)
    # A forge ignores the case of these names.
    if (there.owner.lower(), there.name.lower(), there.forge) != (
        owner.lower(),
        name.lower(),
        forge,
    ):
        where = "its local forge" if there.is_embedded else there.forge
        raise ConfigError(
            f"{home} serves {there.owner}/{there.name} on {where}; set FACTORY_HOME to a folder for"
            f" {owner}/{name}"
        )
    return replace(there, owner=owner, name=name)


def _token(variable: str, file: Path | None) -> str:
    if bool(variable) == (file is not None):
        raise ConfigError("give the token by either --token-env NAME or --token-file FILE")
    place = f"the environment variable {variable}" if file is None else str(file)
    try:
        text = (
            os.environ.get(variable, "")
            if file is None
            else file.read_bytes()[:TOKEN_BYTES].decode("ascii")
        )
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise ConfigError(f"the token cannot be read from {place}: {reason}") from error
    secret = text.strip()
    # Such a text would break the header of each request, or carry a second one.
    if not secret or not secret.isprintable() or " " in secret:
        content = "something other than one token" if secret else "no token"
        raise ConfigError(f"{place} contains {content}")
    return secret


def _access_by_token(repository: str, api: str, secret: str) -> _Access:
    """What a token can see. Raises ConfigError if it may not push."""
    from harness.forge.errors import forge_errors

    try:
        with forge_errors(f"asking {api} for {repository}"):
            hub = _hub(api, secret)
            there = hub.get_repo(repository)
            may_push = there.permissions is not None and there.permissions.push
            branch = there.default_branch
            account, config = hub.get_user().login, _config(there, branch)
    except ForgeError as error:
        if refusal := _REFUSALS.get(error.status or 0):
            raise ConfigError(f"{api} {refusal.format(repository)}") from error
        raise
    if not may_push:
        raise ConfigError(
            f"the token belongs to {account}, who may not push to {repository}; give a token with"
            " write access to contents, issues, pull requests and checks"
        )
    return _Access(account, branch, config, token_warning(api))


def _access_as_app(document: HomeFile, api: str, key_file: Path) -> _Access:
    """What an app can see. Raises ConfigError if it is not installed there or lacks a
    permission."""
    from harness.forge.errors import forge_errors

    repository = f"{document.owner}/{document.name}"
    app = app_at(document, api, key_file=key_file)
    rights = rights_of(app, repository)
    if rights.lacks:
        raise ConfigError(lacking(rights))
    with forge_errors(f"asking {api} for {repository}"):
        there = _hub(api, app.token()).get_repo(repository)
        branch = there.default_branch
        config = _config(there, branch)
    note = ""
    if rights.beyond:
        excess = ", ".join(rights.beyond)
        note = f"it was granted more than is needed: {excess}; its tokens are made without it"
    return _Access(f"{rights.slug}[bot]", branch, config, note)


def _hub(api: str, secret: str) -> "Github":
    from github import Auth, Github

    return Github(
        auth=Auth.Token(secret),
        base_url=api,
        timeout=20,
        # A person waits at the terminal, so the first failure is shown.
        retry=None,
        user_agent="lights-out-factory",
    )


def _config(there: "Repository", branch: str) -> bytes:
    from github import UnknownObjectException

    try:
        found = there.get_contents(FILE, ref=branch)
    except UnknownObjectException:
        return b""
    return b"" if isinstance(found, list) else found.decoded_content


def _trusted(config: bytes) -> tuple[str, ...]:
    try:
        return read_config(config.decode("utf-8")).seal.trusted_keys
    except (FactoryError, UnicodeDecodeError):
        return ()
