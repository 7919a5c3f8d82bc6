"""The factory as a GitHub App: who it is, where it is installed, and the tokens it is given for an
hour.

Properties: the key signs here and goes nowhere; a token is good for one repository and for what is
needed there, is never written down, and is exchanged well before its end, whoever uses it and for
however long; its hour is told by the forge's own clock, and is counted by one that is not set."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.domain.errors import ConfigError, ForgeError
from harness.domain.issue import Actor
from harness.forge import permissions
from harness.forge.errors import forge_errors
from harness.forge.http_cache import HttpCache
from harness.forge.rate_limiter import Time, rate_limiter_of

if TYPE_CHECKING:
    from github.Auth import Auth

    from harness.forge.transport import Wire

RENEW_SECONDS = 600.0
"""Before its end a token is exchanged: longer than any one push or fetch takes."""
LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class AppKey:
    """An App by its number, and the file with its private key, which only this account may read."""

    id: int
    key_file: Path


@dataclass(frozen=True, slots=True)
class Installation:
    """The App on one account: its number, the account, what it was granted there, and whether it is
    suspended."""

    id: int
    account: str
    granted: Mapping[str, str]
    suspended: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the forge takes the App for: its number, which its checks carry, its `slug`, and its own
    page."""

    id: int
    slug: str
    page: str


class AppAtForge:
    """One App, asked and spoken for at one forge. Safe to use from many threads."""

    def __init__(
        self,
        key: AppKey,
        repository: str,
        *,
        api: str,
        at_githubs_pace: bool,
        timeout_seconds: int = 20,
        time: Time | None = None,
    ) -> None:
        self._key, self._repository, self._api, self._timeout = (
            key,
            repository,
            api,
            timeout_seconds,
        )
        self._time = time or Time()
        self._rate_limiter = rate_limiter_of(api, f"app-{key.id}", at_githubs_pace=at_githubs_pace)
        self._lock = threading.Lock()
        self._token, self._renew_at = "", 0.0

    def token(self) -> str:
        """A token for the repository that is good for another ten minutes at least. Raises
        ForgeError."""
        with self._lock:
            if not self._token or self._time.steady() >= self._renew_at:
                self._token, seconds = self._fresh()
                self._renew_at = self._time.steady() + max(LEAST_SECONDS, seconds - RENEW_SECONDS)
            return self._token

    def forget(self) -> None:
        """The forge does not take the token: the next is a new one."""
        with self._lock:
            self._token = ""

    def installation(self) -> Installation:
        """Where the App reaches the repository. Raises ForgeError; a 404 of it says that it is not
        installed there."""
        with forge_errors(f"asking where app {self._key.id} is installed"):
            told = self._asked(f"/repos/{quote(self._repository)}/installation")
            return Installation(
                int(told["id"]),
                str(told["account"]["login"]),
                dict(told["permissions"]),
                suspended=told.get("suspended_at") is not None,
            )

    def identity(self) -> Identity:
        """Who the App is. Raises ForgeError; a 401 of it says that the key is not the App's."""
        with forge_errors(f"asking who app {self._key.id} is"):
            told = self._asked("/app")
            return Identity(int(told["id"]), str(told["slug"]), str(told["html_url"]))

    def account(self) -> Actor:
        """The account that the App writes as, by what the forge says of it."""
        from harness.forge.transport import Bearer

        login = f"{self.identity().slug}[bot]"
        with forge_errors(f"asking for the account {login}"):
            _, told = self._wire(Bearer(self.token, self.forget)).requestJsonAndCheck(
                "GET", f"/users/{quote(login)}"
            )
            return Actor(int(told["id"]), str(told["login"]), bot=True)

    def _fresh(self) -> tuple[str, float]:
        """A new token, and for how many seconds it is good."""
        installation = self.installation()
        if installation.suspended:
            raise ForgeError(
                f"the app is suspended on {installation.account}: lift that on its page there"
            )
        if lacking := permissions.missing(installation.granted):
            raise ForgeError(
                f"the app on {installation.account} lacks"
                f" {', '.join(need.shown for need in lacking)}: grant it on the app's page, and"
                " accept that where it is installed"
            )
        body = {
            "repositories": [self._repository.partition("/")[2]],
            "permissions": permissions.wanted(),
        }
        with forge_errors(f"asking for a token of app {self._key.id}"):
            headers, told = self._wire().requestJsonAndCheck(
                "POST", f"/app/installations/{installation.id}/access_tokens", input=body
            )
            ends = datetime.fromisoformat(told["expires_at"]).timestamp()
            return str(told["token"]), ends - _moment(
                headers.get("date"), otherwise=self._time.wall()
            )

    def _asked(self, path: str) -> dict[str, Any]:
        _, told = self._wire().requestJsonAndCheck("GET", path)
        return dict(told)

    def _wire(self, auth: "Auth | None" = None) -> "Wire":
        """A line as the App itself, which may do little more than ask for tokens, or as who is
        named."""
        from github.Auth import AppAuth

        from harness.forge.transport import Wire

        return Wire(
            auth or AppAuth(self._key.id, _key_in(self._key.key_file)),
            self._api,
            account=f"app-{self._key.id}",
            rate_limiter=self._rate_limiter,
            kept=HttpCache(),
            timeout_seconds=self._timeout,
            time=self._time,
        )


def _key_in(file: Path) -> str:
    """The private key. Raises ConfigError for what cannot be read or is none, and shows nothing of
    it."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        raw = file.read_bytes()
        load_pem_private_key(raw, password=None)
    except OSError as error:
        raise ConfigError(
            f"the app's private key cannot be read: {error.strerror}", file=str(file)
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigError(
            "is no private key in PEM, as the forge gives it out for an app", file=str(file)
        ) from error
    return raw.decode("ascii")


def _moment(text: str | None, *, otherwise: float) -> float:
    """An HTTP date in seconds since the epoch."""
    try:
        return otherwise if text is None else parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return otherwise
