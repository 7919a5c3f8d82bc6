"""The programs beside the factory, the forge and the broker: found running, or started for a
while."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError, ForgeError
from harness.factory.run.services import Places
from harness.home.document import HomeFile, write_home
from harness.home.providers import KEY, NO_KEY, endpoint, write_providers
from harness.programs.local_forge.start import RunningForge, running, start

BASE_URL = "ANTHROPIC_BASE_URL"
PROVIDER = "https://api.anthropic.com"
SOCKET = "control.sock"
SOCKET_PATH_BYTES = 107
"""The limit of Linux for a unix socket's path, without the final zero (unix(7): sun_path)."""
THREE_WAYS = (
    f"no model to ask: set {KEY}, or give --endpoint URL (or {BASE_URL}) for another endpoint of"
    " that API, or --replay DIR with recorded exchanges"
)


@dataclass(frozen=True, slots=True)
class ForgeAddress:
    """Where a forge is: its pages at `url`, and its REST API (PyGithub's base URL) at `api`."""

    url: str
    api: str


@contextmanager
def forge_of(home: Path, document: HomeFile) -> Iterator[ForgeAddress]:
    """The home's forge: the local one, started if it does not run yet, or another one at its own
    address."""
    if not document.is_embedded:
        yield ForgeAddress(document.forge, api_of(document.forge))
        return
    with embedded_forge(home, document) as forge:
        yield ForgeAddress(forge.url, forge.api)


def api_of(web: str) -> str:
    """The REST API of the forge with its pages at `web`: github.com, a *.ghe.com, an Enterprise
    server, or a local forge."""
    parts = urlsplit(web)
    host = parts.hostname or ""
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"{parts.scheme}://api.{host}"
    return f"{web}/api/v3"


def offline_address(home: Path, document: HomeFile, places: Places) -> str:
    """Where git finds the forge's repository on this machine: the local forge's folder. For another
    forge there is only what was fetched last, in our own repository, where none of it is shown as
    the forge's."""
    embedded = home / "forge" / "repositories" / f"{document.number}.git"
    return (embedded if document.is_embedded else places.trusted).as_uri()


@contextmanager
def embedded_forge(home: Path, document: HomeFile) -> Iterator[RunningForge]:
    """The home's local forge: the one that is listening, or one that is started and stopped with
    the block.

    It uses its previous port. If another program has taken that port, it gets a free one.
    """
    folder = home / "forge"
    # Not stopped at the end: other programs may be using it.
    if there := running(folder):
        yield there
        return
    forge = _start(folder, document, home)
    # While a home is being created it has no document yet, and must not get half a one here.
    if forge.port != document.port and (home / "home.json").exists():
        write_home(home, replace(document, port=forge.port))
    try:
        yield forge
    finally:
        forge.stop()


def _start(folder: Path, document: HomeFile, home: Path) -> RunningForge:
    try:
        return start(folder, port=document.port, open_door=True, evidence=home / "evidence")
    except ForgeError:
        # The usual reason is that another program took the port in the meantime.
        if document.port == 0:
            raise
        return start(folder, port=0, open_door=True, evidence=home / "evidence")


@contextmanager
def model_key() -> Iterator[str]:
    """The model key, removed from our own environment while the block lasts, because GitPython
    passes all of it to each git it starts. Only the broker receives the key."""
    key = os.environ.pop(KEY, "")
    try:
        yield key
    finally:
        if key:
            os.environ[KEY] = key


@contextmanager
def broker_of(
    home: Path,
    document: HomeFile,
    places: Places,
    *,
    key: str = "",
    keys: Mapping[str, str] | None = None,
    database: str = "",
) -> Iterator[Path]:
    """The model broker while the block lasts; yields the path of its control socket. It ends with
    this process.

    `key` is the default provider's key, which may be missing if there are other providers; `keys`
    are theirs, by name. Raises ConfigError if models are to be asked and there is no key for them.
    """
    from harness.agents.start import start as start_broker
    from harness.programs.broker.options import Options

    folder = home / "broker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = Options(home=folder, control=folder / SOCKET, sealed_log=places.sealed / "wire")
    if document.models == "replay":
        # A replay gets no key at all, so it cannot call a provider by mistake.
        recordings, sealed = home / document.replay, places.sealed / "recordings"
        options, key = replace(options, replay=recordings, replay_sealed=sealed), ""
    else:
        if document.providers:
            options = replace(
                options, providers=write_providers(folder / "providers.json", document.providers)
            )
        # With other providers the default one is optional, and must not be asked for a key.
        if key or document.upstream or os.environ.get(BASE_URL) or not document.providers:
            upstream, key = provider(document.upstream, key)
            options = replace(options, upstream=upstream)
    with (
        _short_folder(folder) as short,
        start_broker(
            replace(options, control=short / SOCKET), key=key, keys=keys, database=database
        ) as broker,
    ):
        yield broker.control


@contextmanager
def _short_folder(folder: Path) -> Iterator[Path]:
    """The folder or, if its path is too long for a socket in it, a private temporary one."""
    if len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH_BYTES:
        yield folder
        return
    # Not $TMPDIR, whose own path may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="factory-", dir="/tmp") as short:
        yield Path(short)


def provider(upstream: str, key: str) -> tuple[str, str]:
    """The endpoint to ask, and its key: `upstream`, else the environment's, else Anthropic's own.

    Raises ConfigError that names the three ways to have a model if there is none. Anthropic's own
    endpoint needs a key.
    """
    chosen = upstream or os.environ.get(BASE_URL, "")
    # Another endpoint may need no key; Anthropic's own does.
    if not chosen and not key:
        raise ConfigError(THREE_WAYS)
    return endpoint(chosen or PROVIDER), key or NO_KEY


def token_path(home: Path, document: HomeFile) -> Path:
    """The file with the factory's own token for the forge."""
    return home / document.token_file


def token(home: Path, document: HomeFile) -> str:
    """The factory's token. Raises ConfigError if there is none."""
    try:
        return token_path(home, document).read_text("ascii").strip()
    except OSError as error:
        raise ConfigError(
            f"the factory's token for the forge cannot be read: {error.strerror}",
            file=str(token_path(home, document)),
        ) from error


def keep_token(path: Path, secret: str) -> None:
    """Write a token where only this account can read it, whole or not at all. It replaces an older
    one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    # Created with its mode, so that nobody can open the file before a chmod.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    os.replace(partial, path)
