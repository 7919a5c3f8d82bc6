"""The connection to one repository on a forge, as an app or with a token."""

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError
from harness.domain.issue import Actor
from harness.forge.app import AppClient, AppKey
from harness.forge.errors import forge_errors
from harness.forge.http_cache import HttpCache
from harness.forge.rate_limiter import RateLimiter, Time, rate_limiter_of

if TYPE_CHECKING:
    from github.Repository import Repository

    from harness.forge.transport import Wire

GITHUB = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class Access:
    """Which repository (`owner/name`) on which forge, as an app or with a token.

    `api` is the REST API's base URL. `cache_file` keeps cached answers; without it they last as
    long as the connection.
    """

    repository: str
    token: str = field(default="", repr=False)
    api: str = GITHUB
    timeout_seconds: int = 20
    app: AppKey | None = None
    cache_file: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is a local forge, which has no rate limits."""
        return urlsplit(self.api).hostname in ("localhost", "127.0.0.1")

    @property
    def account(self) -> str:
        """The account that owns cached answers and limits. It differs for each token, and is no
        secret.
        """
        if self.app is not None:
            return f"app-{self.app.id}/{self.repository}"
        return f"token-{hashlib.sha256(self.token.encode()).hexdigest()[:16]}"


class Connection:
    """PyGithub's objects for one repository. Safe to use from many threads: each has its own."""

    def __init__(
        self, access: Access, *, rate_limiter: RateLimiter | None = None, time: Time | None = None
    ) -> None:
        if bool(access.token) == (access.app is not None) or access.repository.count("/") != 1:
            raise ConfigError(
                "the forge needs a repository as owner/name, and either an app or a token that may"
                " write to it"
            )
        self.access = access
        at_githubs_pace = not access.is_local
        self._rate_limiter = rate_limiter or rate_limiter_of(
            access.api, access.account, at_githubs_pace=at_githubs_pace
        )
        self._cache = HttpCache(access.cache_file)
        self._app: AppClient | None = None
        if access.app is not None:
            self._app = AppClient(
                access.app,
                access.repository,
                api=access.api,
                at_githubs_pace=at_githubs_pace,
                timeout_seconds=access.timeout_seconds,
                time=time,
            )
        # PyGithub keeps the current request in its connection, so threads cannot share one.
        self._threads = threading.local()
        self._me: Actor | None = None

    def token(self) -> str:
        """A token that is valid for some minutes, for git. Raises ForgeError."""
        return self.access.token if self._app is None else self._app.token()

    def account(self) -> Actor:
        """The account that writes what we write. Its number identifies our comments: anybody can
        copy the text. Asked once.
        """
        if self._me is None:
            self._me = self._token_holder() if self._app is None else self._app.account()
        return self._me

    def _token_holder(self) -> Actor:
        with forge_errors("asking whose token this is"):
            _, answer = self.wire.requestJsonAndCheck("GET", "/user")
            return Actor(int(answer["id"]), str(answer["login"]), bot=answer["type"] == "Bot")

    @property
    def wire(self) -> "Wire":
        """This thread's requester."""
        wire: Wire | None = getattr(self._threads, "wire", None)
        if wire is None:
            wire = self._threads.wire = self._connected()
        return wire

    @property
    def repository(self) -> "Repository":
        """This thread's repository object; creating it sends no request."""
        from github.Repository import Repository

        repository: Repository | None = getattr(self._threads, "repository", None)
        if repository is None:
            repository = self._threads.repository = Repository(
                self.wire, url=f"/repos/{self.access.repository}"
            )
        return repository

    def _connected(self) -> "Wire":
        from harness.forge.transport import Bearer, Wire

        auth = (
            Bearer(lambda: self.access.token)
            if self._app is None
            else Bearer(self._app.token, self._app.forget)
        )
        return Wire(
            auth,
            self.access.api,
            account=self.access.account,
            rate_limiter=self._rate_limiter,
            cache=self._cache,
            timeout_seconds=self.access.timeout_seconds,
        )
