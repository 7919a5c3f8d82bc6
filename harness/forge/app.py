"""The factory as a GitHub App: its identity, its installation, and its one-hour tokens.

Properties:
- The private key only signs here; it is never sent.
- A token is valid for one repository and for the needed permissions, and is never stored. It is
  renewed well before it expires, whatever uses it and for however long.
- The forge's own clock sets the expiry, and a steady clock counts down to it.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.domain.errors import ConfigError, ForgeError
from harness.domain.issue import Actor
from harness.domain.plain import JsonDict
from harness.forge import permissions
from harness.forge.errors import forge_errors
from harness.forge.http_cache import HttpCache
from harness.forge.rate_limiter import Time, rate_limiter_of

if TYPE_CHECKING:
    from github.Auth import Auth

    from harness.forge.transport import Wire

RENEW_SECONDS = 600.0
"""How long before its expiry a token is renewed: longer than any one push or fetch takes."""
LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class AppKey:
    """An app by its number, and the file with its private key, which only this account may read."""

    id: int
    key_file: Path


@dataclass(frozen=True, slots=True)
class Installation:
    """The app on one account: its number, the account, the permissions granted there, and whether
    it is suspended."""

    id: int
    account: str
    granted: Mapping[str, str]
    suspended: bool


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """The app as the forge knows it: its number, which its checks carry, its `slug`, and its
    page."""

    id: int
    slug: str
    page: str


class AppClient:
    """A client for one app at one forge. Safe to use from many threads."""

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
        self._key, self._repository = key, repository
        self._api, self._timeout = api, timeout_seconds
        self._time = time or Time()
        self._rate_limiter = rate_limiter_of(api, f"app-{key.id}", at_githubs_pace=at_githubs_pace)
        self._lock = threading.Lock()
        self._token, self._renew_at = "", 0.0

    def token(self) -> str:
        """A token for the repository that is valid for at least another ten minutes. Raises
        ForgeError."""
        # Under the lock, so that many threads do not request a token each.
        with self._lock:
            if not self._token or self._time.steady() >= self._renew_at:
                self._token, seconds = self._fresh()
                # Without a least time, a short-lived token would be renewed at every request.
                self._renew_at = self._time.steady() + max(LEAST_SECONDS, seconds - RENEW_SECONDS)
            return self._token

    def forget(self) -> None:
        """Forget the token, which the forge rejected; the next one is new."""
        with self._lock:
            self._token = ""

    def installation(self) -> Installation:
        """The app's installation for the repository. Raises ForgeError; with status 404 it is not
        installed there."""
        with forge_errors(f"asking where app {self._key.id} is installed"):
            answer = self._get(f"/repos/{quote(self._repository)}/installation")
            return Installation(
                int(answer["id"]),
                str(answer["account"]["login"]),
                dict(answer["permissions"]),
                suspended=answer.get("suspended_at") is not None,
            )

    def identity(self) -> AppIdentity:
        """Who the app is. Raises ForgeError; with status 401 the key is not the app's."""
        with forge_errors(f"asking who app {self._key.id} is"):
            answer = self._get("/app")
            return AppIdentity(int(answer["id"]), str(answer["slug"]), str(answer["html_url"]))

    def account(self) -> Actor:
        """The account that the app writes as, as the forge reports it."""
        from harness.forge.transport import Bearer

        # GitHub calls an app's account so.
        login = f"{self.identity().slug}[bot]"
        with forge_errors(f"asking for the account {login}"):
            wire = self._wire(Bearer(self.token, self.forget))
            _, answer = wire.requestJsonAndCheck("GET", f"/users/{quote(login)}")
            return Actor(int(answer["id"]), str(answer["login"]), bot=True)

    def _fresh(self) -> tuple[str, float]:
        """A new token, and for how many seconds it is valid."""
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
            headers, answer = self._wire().requestJsonAndCheck(
                "POST", f"/app/installations/{installation.id}/access_tokens", input=body
            )
            ends = datetime.fromisoformat(answer["expires_at"]).timestamp()
            # The difference of two moments of the forge's clock: ours may be wrong.
            seconds = ends - _moment(headers.get("date"), otherwise=self._time.wall())
            return str(answer["token"]), seconds

    def _get(self, path: str) -> JsonDict:
        _, answer = self._wire().requestJsonAndCheck("GET", path)
        return dict(answer)

    def _wire(self, auth: "Auth | None" = None) -> "Wire":
        """A connection as `auth` or, by default, as the app itself, which can do little but request
        tokens."""
        from github.Auth import AppAuth

        from harness.forge.transport import Wire

        return Wire(
            auth or AppAuth(self._key.id, _key_in(self._key.key_file)),
            self._api,
            account=f"app-{self._key.id}",
            rate_limiter=self._rate_limiter,
            cache=HttpCache(),
            timeout_seconds=self._timeout,
            time=self._time,
        )


def _key_in(file: Path) -> str:
    """The private key. Raises ConfigError if it cannot be read or is not a key, and shows none of
    it."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        raw = file.read_bytes()
        # Only to notice a wrong file here, with a message of ours.
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
