"""Connecting a home to a repository on a forge elsewhere: its address, and an app or a token that
was seen to be good for it."""

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

GITHUB = "https://api.github.com"
TOKEN_BYTES, KEY_BYTES = 4096, 65536
_PART = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_REFUSALS = {
    401: "does not know the token: it is wrong, expired or revoked",
    403: "forbids the token to read {}",
    404: "shows the token no repository {}: the name is wrong, or the token is not for it",
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Connected:
    """What a home serves now, and as whom. `trusts_us`: whether the repository's factory.toml pins
    this home's launcher. `note` is what there is to say of the credential, and may be empty."""

    repository: str
    forge: str
    branch: str
    account: str
    key_id: str
    trusts_us: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class AppGiven:
    """An app as somebody names it: its number, and the text of its private key."""

    id: int
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the forge shows the credential: the account, the default branch, and factory.toml there
    (empty where there is none)."""

    account: str
    branch: str
    config: bytes
    note: str


def connected(
    home: Path,
    repository: str,
    *,
    api: str = GITHUB,
    token_env: str = "",
    token_file: Path | None = None,
) -> Connected:
    """Check the token, then make the home serve the repository. Raises ConfigError, or ForgeError
    when the forge does not answer; the home is then as it was."""
    owner, name = repository_parts(repository)
    forge = web_of(api)
    document = document_for(home, owner, name, forge)
    secret = _token(token_env, token_file)
    seen = _asked(f"{owner}/{name}", api_of(forge), secret)
    key_id = launcher_key_id(home)
    keep_token(token_path(home, document), secret)
    write_home(home, replace(document, app=0))
    return Connected(
        f"{owner}/{name}",
        forge,
        seen.branch,
        seen.account,
        key_id,
        key_id in _trusted(seen.config),
        seen.note,
    )


def connected_as_app(
    home: Path, repository: str, given: AppGiven, *, api: str = GITHUB
) -> Connected:
    """Check that the app is installed there with all that is needed, then make the home serve the
    repository as it. Raises as `connected` does; each permission that is missing is named."""
    owner, name = repository_parts(repository)
    forge = web_of(api)
    document = replace(document_for(home, owner, name, forge), app=given.id)
    with tempfile.TemporaryDirectory(prefix="factory-") as short:
        key_file = Path(short) / "app.pem"
        keep_token(key_file, given.key.strip())
        seen = _asked_as_app(document, api_of(forge), key_file)
    key_id = launcher_key_id(home)
    keep_token(home / APP_KEY, given.key.strip())
    write_home(home, document)
    return Connected(
        f"{owner}/{name}",
        forge,
        seen.branch,
        seen.account,
        key_id,
        key_id in _trusted(seen.config),
        seen.note,
    )


def secret_in(file: Path, what: str) -> str:
    """A secret from a file, for which `what` is its name. Raises ConfigError where there is
    none."""
    try:
        text = file.read_bytes()[:KEY_BYTES].decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise ConfigError(f"{what} cannot be read from {file}: {reason}") from error
    if not text:
        raise ConfigError(f"{file} is empty, and is to hold {what}")
    return text


def web_of(api: str) -> str:
    """The web address of the forge with this REST API; a web address is its own. Raises ConfigError
    for a bad one."""
    try:
        parts = urlsplit(api)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"--api is no address: {error}") from error
    if host is None or not (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    ):
        raise ConfigError(
            "--api wants an https address, or http on this machine: anything else would show the"
            " token"
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "--api wants an address without a name, secret or query; the token has options of"
            " its own"
        )
    if host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com")):
        return f"https://{host.removeprefix('api.')}"
    where = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/api/v3")
    return f"{parts.scheme}://{where}{f':{port}' if port else ''}{path}"


def repository_parts(repository: str) -> tuple[str, str]:
    """Owner and name. Raises ConfigError for what is not one of each."""
    parts = repository.split("/")
    if len(parts) != 2 or not all(_PART.fullmatch(part) and part.strip(".") for part in parts):
        raise ConfigError(f"expected OWNER/NAME, found {repository[:100]!r}")
    return parts[0], parts[1]


def document_for(home: Path, owner: str, name: str, forge: str) -> HomeFile:
    """The home's document as it will be. Raises ConfigError where the home serves something else
    already."""
    if not (home / HOME_FILE).exists():
        return HomeFile(
            owner=owner,
            name=name,
            forge=forge,
            port=0,
            number=0,
            token_file="keys/forge.token",  # noqa: S106 - the name of a file
        )
    there = read_home(home)
    if (there.owner.lower(), there.name.lower(), there.forge) != (
        owner.lower(),
        name.lower(),
        forge,
    ):
        where = "its embedded forge" if there.is_embedded else there.forge
        raise ConfigError(
            f"{home} serves {there.owner}/{there.name} on {where}; set FACTORY_HOME to a folder for"
            f" {owner}/{name}"
        )
    return replace(there, owner=owner, name=name)


def _token(variable: str, file: Path | None) -> str:
    if bool(variable) == (file is not None):
        raise ConfigError("give the token by --token-env NAME or by --token-file FILE: one of them")
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
    if not secret or not secret.isprintable() or " " in secret:
        raise ConfigError(
            f"{place} holds no token"
            if not secret
            else f"{place} holds something other than one token"
        )
    return secret


def _asked(repository: str, api: str, secret: str) -> _Seen:
    """What the forge shows a token. Raises ConfigError for one that may not push."""
    from harness.forge.errors import forge_errors

    try:
        with forge_errors(f"asking {api} for {repository}"):
            hub = _hub(api, secret)
            there = hub.get_repo(repository)
            may_push, branch = (
                there.permissions is not None and there.permissions.push,
                there.default_branch,
            )
            account, config = hub.get_user().login, _config(there, branch)
    except ForgeError as error:
        if refusal := _REFUSALS.get(error.status or 0):
            raise ConfigError(f"{api} {refusal.format(repository)}") from error
        raise
    if not may_push:
        raise ConfigError(
            f"the token belongs to {account}, who may not push to {repository}; give one with write"
            " access to its contents, issues, pull requests and checks"
        )
    return _Seen(account, branch, config, token_warning(api))


def _asked_as_app(document: HomeFile, api: str, key_file: Path) -> _Seen:
    """What the forge shows the app. Raises ConfigError where it is not installed there, or lacks
    anything."""
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
    note = (
        f"it was granted more than is needed: {', '.join(rights.beyond)}; its tokens are made"
        " without"
        if rights.beyond
        else ""
    )
    return _Seen(f"{rights.slug}[bot]", branch, config, note)


def _hub(api: str, secret: str) -> "Github":
    from github import Auth, Github

    return Github(
        auth=Auth.Token(secret),
        base_url=api,
        timeout=20,
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
