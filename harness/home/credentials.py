"""As whom a home speaks to its forge: as an app, with the key in `keys/`, or with a token, which is
for trial."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError, ForgeError
from harness.home.document import HomeFile
from harness.home.programs import token

if TYPE_CHECKING:
    from harness.forge.app import AppAtForge
    from harness.forge.github import Access, GitHubForge

APP_KEY = "keys/app.pem"
HTTP_CACHE = "cache/forge.sqlite"
SECONDS = 20
TRIAL = (
    "a token is for trial: it acts as the person it belongs to, it may do more than is needed, and"
    " it does not end by itself{}; `factory init --github OWNER/NAME` makes an app"
)
NO_CHECKS = (
    "; github.com and Enterprise servers let only apps write check runs, so no gate can be shown"
    " there"
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rights:
    """An app on a repository: who it is, on which account it is installed, what it lacks there and
    what it has beyond what is needed, one line each."""

    slug: str
    page: str
    account: str
    lacks: tuple[str, ...]
    beyond: tuple[str, ...]


def access_of(home: Path, document: HomeFile, api: str) -> "Access":
    """How the home's adapter reaches its repository. Raises ConfigError where neither key nor token
    is there."""
    from harness.forge.app import AppKey
    from harness.forge.github import Access

    name, kept = f"{document.owner}/{document.name}", home / HTTP_CACHE
    if document.app:
        return Access(name, api=api, app=AppKey(document.app, home / APP_KEY), kept=kept)
    return Access(name, token(home, document), api, kept=kept)


def git_token_of(home: Path, document: HomeFile, hub: "GitHubForge") -> Callable[[], str]:
    """What git shows the forge, asked for at each use: the app's present token, or the file's."""
    return hub.token if document.app else lambda: token(home, document)


def says_of_token(api: str) -> str:
    """What a token is good for at that forge, as a sentence."""
    return TRIAL.format("" if is_local(api) else NO_CHECKS)


def is_local(api: str) -> bool:
    """Whether it is a forge on this machine, which asks nobody to go slowly and lets a token do
    all."""
    return urlsplit(api).hostname in ("localhost", "127.0.0.1")


def app_at(document: HomeFile, api: str, *, key_file: Path) -> "AppAtForge":
    """The home's app at its forge."""
    from harness.forge.app import AppAtForge, AppKey

    return AppAtForge(
        AppKey(document.app, key_file),
        f"{document.owner}/{document.name}",
        api=api,
        at_githubs_pace=not is_local(api),
        timeout_seconds=SECONDS,
    )


def rights_of(app: "AppAtForge", repository: str) -> Rights:
    """What the app may do there. Raises ConfigError where the key is not its own, it is not
    installed there, or suspended, and ForgeError when the forge does not answer."""
    from harness.forge import permissions

    identity = _told(
        app.identity,
        {401: "the forge does not take the key for that app: the number or the key is another's"},
    )
    not_there = (
        f"the app {identity.slug} is not installed on {repository}: install it at"
        f" {identity.page}/installations/new"
    )
    found = _told(app.installation, {404: not_there})
    if found.suspended:
        raise ConfigError(
            f"the app {identity.slug} is suspended on {found.account}: lift that on the"
            " installation's page"
        )
    return Rights(
        identity.slug,
        identity.page,
        found.account,
        tuple(need.shown for need in permissions.missing(found.granted)),
        permissions.beyond(found.granted),
    )


def lacking(rights: Rights) -> str:
    """The one sentence on what is missing, each permission by its name and its reason."""
    return (
        f"the app {rights.slug} lacks on {rights.account}: {'; '.join(rights.lacks)}. Grant it at"
        f" {rights.page}, and accept that where the app is installed"
    )


def _told(ask: Callable[[], T], refusals: dict[int, str]) -> T:
    try:
        return ask()
    except ForgeError as error:
        if error.status in refusals:
            raise ConfigError(refusals[error.status]) from error
        raise
