"""The credentials of a home at its forge: an app with the key in `keys/`, or a token, for
trials."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError, ForgeError
from harness.home.document import HomeFile
from harness.home.programs import token

if TYPE_CHECKING:
    from harness.forge.app import AppClient
    from harness.forge.connection import Access
    from harness.forge.github import GitHubForge

APP_KEY = "keys/app.pem"
HTTP_CACHE = "cache/forge.sqlite"
SECONDS = 20
TRIAL = (
    "a token is for trials: it acts as its owner, it may do more than is needed, and it does not"
    " expire by itself{}; `factory init --github OWNER/NAME` creates an app"
)
NO_CHECKS = (
    "; github.com and Enterprise servers let only apps write check runs, so no gate can be shown"
    " there"
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TokenRights:
    """An app on a repository: who it is, the account it is installed on, the permissions it lacks
    and those it does not need, one line each."""

    slug: str
    page: str
    account: str
    lacks: tuple[str, ...]
    beyond: tuple[str, ...]


def access_of(home: Path, document: HomeFile, api: str) -> "Access":
    """How the home's forge adapter reaches its repository. Raises ConfigError if there is neither
    key nor token."""
    from harness.forge.app import AppKey
    from harness.forge.connection import Access

    name, cache_file = f"{document.owner}/{document.name}", home / HTTP_CACHE
    if document.app:
        return Access(
            name, api=api, app=AppKey(document.app, home / APP_KEY), cache_file=cache_file
        )
    return Access(name, token(home, document), api, cache_file=cache_file)


def git_token_of(home: Path, document: HomeFile, hub: "GitHubForge") -> Callable[[], str]:
    """Returns the token that git shows to the forge, at each use: the app's current token, or the
    one in the file."""
    return hub.token if document.app else lambda: token(home, document)


def token_warning(api: str) -> str:
    """A sentence on the limits of a token at that forge."""
    return TRIAL.format("" if is_local(api) else NO_CHECKS)


def is_local(api: str) -> bool:
    """Whether the forge is on this machine. Such a forge has no rate limits and lets a token do
    everything."""
    return urlsplit(api).hostname in ("localhost", "127.0.0.1")


def app_at(document: HomeFile, api: str, *, key_file: Path) -> "AppClient":
    """A client for the home's app at its forge."""
    from harness.forge.app import AppClient, AppKey

    return AppClient(
        AppKey(document.app, key_file),
        f"{document.owner}/{document.name}",
        api=api,
        at_githubs_pace=not is_local(api),
        timeout_seconds=SECONDS,
    )


def rights_of(app: "AppClient", repository: str) -> TokenRights:
    """What the app may do on the repository.

    Raises ConfigError if the key is not the app's, or if the app is not installed there or is
    suspended. Raises ForgeError if the forge does not answer.
    """
    from harness.forge import permissions

    wrong_key = "the forge rejects the key for that app: the number or the key belongs to another"
    # Asked first, to tell a wrong key from an app that is only not installed here.
    identity = _answer(app.identity, {401: wrong_key})
    not_there = (
        f"the app {identity.slug} is not installed on {repository}: install it at"
        f" {identity.page}/installations/new"
    )
    found = _answer(app.installation, {404: not_there})
    # A suspended app is still listed as installed, and every token that it asks for is refused.
    if found.suspended:
        raise ConfigError(
            f"the app {identity.slug} is suspended on {found.account}: lift that on the"
            " installation's page"
        )
    return TokenRights(
        identity.slug,
        identity.page,
        found.account,
        tuple(need.shown for need in permissions.missing(found.granted)),
        permissions.beyond(found.granted),
    )


def lacking(rights: TokenRights) -> str:
    """One sentence that names each missing permission with its reason."""
    return (
        f"the app {rights.slug} lacks on {rights.account}: {'; '.join(rights.lacks)}. Grant it at"
        f" {rights.page}, and accept that where the app is installed"
    )


def _answer(ask: Callable[[], T], refusals: dict[int, str]) -> T:
    try:
        return ask()
    except ForgeError as error:
        if error.status in refusals:
            raise ConfigError(refusals[error.status]) from error
        raise
