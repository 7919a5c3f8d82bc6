"""Connecting a home to a repository on a forge elsewhere: its address, and a token that was seen to be good for it."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError, FactoryError, ForgeError
from harness.factory.config import FILE, read_config
from harness.wiring.founding import launcher_key_id
from harness.wiring.home import FILE as HOME_FILE
from harness.wiring.home import HomeFile, read_home, write_home
from harness.wiring.services import api_of, keep_token, token_path

GITHUB = "https://api.github.com"
TOKEN_BYTES = 4096
_PART = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_REFUSALS = {401: "does not know the token: it is wrong, expired or revoked", 403: "forbids the token to read {}",
             404: "shows the token no repository {}: the name is wrong, or the token is not for it"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Connected:
    """What a home serves now. `trusts_us`: whether the repository's factory.toml pins this home's launcher."""

    repository: str
    forge: str
    branch: str
    account: str
    key_id: str
    trusts_us: bool


def connected(home: Path, repository: str, *, api: str = GITHUB, token_env: str = "",
              token_file: Path | None = None) -> Connected:
    """Check the token, then make the home serve the repository. Raises ConfigError, or ForgeError when the forge does not
    answer; the home is then as it was."""
    owner, name = _parts(repository)
    forge = web_of(api)
    document = _document(home, owner, name, forge)
    secret = _token(token_env, token_file)
    account, branch, config = _asked(f"{owner}/{name}", api_of(forge), secret)
    key_id = launcher_key_id(home)
    keep_token(token_path(home, document), secret)
    write_home(home, document)
    return Connected(f"{owner}/{name}", forge, branch, account, key_id, key_id in _trusted(config))


def web_of(api: str) -> str:
    """The web address of the forge with this REST API; a web address is its own. Raises ConfigError for a bad one."""
    try:
        parts = urlsplit(api)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"--api is no address: {error}") from error
    if host is None or not (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        raise ConfigError("--api wants an https address, or http on this machine: anything else would show the token")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError("--api wants an address without a name, secret or query; the token has options of its own")
    if host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com")):
        return f"https://{host.removeprefix('api.')}"
    where = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/api/v3")
    return f"{parts.scheme}://{where}{f':{port}' if port else ''}{path}"


def _parts(repository: str) -> tuple[str, str]:
    parts = repository.split("/")
    if len(parts) != 2 or not all(_PART.fullmatch(part) and part.strip(".") for part in parts):
        raise ConfigError(f"expected OWNER/NAME, found {repository[:100]!r}")
    return parts[0], parts[1]


def _document(home: Path, owner: str, name: str, forge: str) -> HomeFile:
    """The home's document as it will be. Raises ConfigError where the home serves something else already."""
    if not (home / HOME_FILE).exists():
        return HomeFile(owner=owner, name=name, forge=forge, port=0, number=0,
                        token_file="keys/forge.token")  # noqa: S106 - the name of a file
    there = read_home(home)
    if (there.owner.lower(), there.name.lower(), there.forge) != (owner.lower(), name.lower(), forge):
        where = "its embedded forge" if there.is_embedded else there.forge
        raise ConfigError(f"{home} serves {there.owner}/{there.name} on {where}; set FACTORY_HOME to a folder for {owner}/{name}")
    return replace(there, owner=owner, name=name)


def _token(variable: str, file: Path | None) -> str:
    if bool(variable) == (file is not None):
        raise ConfigError("give the token by --token-env NAME or by --token-file FILE: one of them")
    place = f"the environment variable {variable}" if file is None else str(file)
    try:
        text = os.environ.get(variable, "") if file is None else file.read_bytes()[:TOKEN_BYTES].decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise ConfigError(f"the token cannot be read from {place}: {reason}") from error
    secret = text.strip()
    if not secret or not secret.isprintable() or " " in secret:
        raise ConfigError(f"{place} holds no token" if not secret else f"{place} holds something other than one token")
    return secret


def _asked(repository: str, api: str, secret: str) -> tuple[str, str, bytes]:
    """The account, the default branch, and factory.toml there (empty where there is none)."""
    from github import Auth, Github, UnknownObjectException

    from harness.forge.errors import forge_errors

    hub = Github(auth=Auth.Token(secret), base_url=api, timeout=20, retry=None, user_agent="lights-out-factory")
    try:
        with forge_errors(f"asking {api} for {repository}"):
            there = hub.get_repo(repository)
            may_push, branch = there.permissions is not None and there.permissions.push, there.default_branch
            account = hub.get_user().login
            try:
                config = there.get_contents(FILE, ref=branch)
            except UnknownObjectException:
                config = []
    except ForgeError as error:
        if refusal := _REFUSALS.get(getattr(error.__cause__, "status", 0)):
            raise ConfigError(f"{api} {refusal.format(repository)}") from error
        raise
    if not may_push:
        raise ConfigError(f"the token belongs to {account}, who may not push to {repository}; give one with write access to its "
                          "contents, issues, pull requests and checks")
    return account, branch, b"" if isinstance(config, list) else config.decoded_content


def _trusted(config: bytes) -> tuple[str, ...]:
    try:
        return read_config(config.decode("utf-8")).seal.trusted_keys
    except (FactoryError, UnicodeDecodeError):
        return ()
