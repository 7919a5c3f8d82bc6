"""One request to the forge at a time, for `factory doctor`: each way in which it can go wrong has a
name and a next move.

Nothing here waits or tries again, as the adapter does: whoever looks for what is wrong wants to be
told, not spared."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.forge.limits import limit_of
from harness.operations.doctor.finding import Finding, fail

if TYPE_CHECKING:
    import httpx

SECONDS = 7.0
AGENT = "lights-out-factory"
LATER = "wait, and look again; `factory up` waits by itself and goes on"


class Unwell(Exception):
    """The forge did not give a usable answer: `finding` says what it did instead; `status` is 0
    where it gave none."""

    def __init__(self, finding: Finding, *, status: int = 0) -> None:
        super().__init__(finding.says)
        self.finding, self.status = finding, status


@dataclass(frozen=True, slots=True)
class Answer:
    """What the forge said: its status, headers with lower-case names, its JSON (None where there is
    none), and when, by our clock."""

    status: int
    headers: dict[str, str]
    document: Any
    at: float

    @property
    def message(self) -> str:
        """Its own words on a refusal."""
        return str(self.document.get("message", "")) if isinstance(self.document, dict) else ""


@dataclass(frozen=True, slots=True)
class ForgeLine:
    """The way to one repository: the REST API at `api`, pages and git at `web`, as whoever `secret`
    is: an app, whose rights its installation tells, or somebody with a token, whose rights the
    repository does."""

    api: str
    web: str
    repository: str
    secret: str = field(repr=False)
    is_app: bool = False

    def get(self, path: str, *, may: tuple[int, ...] = ()) -> Answer:
        """An answer of 200, or one of `may`, from below the repository's address. Raises Unwell for
        any other."""
        return self.ask("GET", f"/repos/{self.repository}{path}", may=(200, *may))

    def ask(
        self, method: str, path: str, *, may: tuple[int, ...], json: dict[str, Any] | None = None
    ) -> Answer:
        """An answer with one of these states. Raises Unwell."""
        answered = self.send(
            method,
            f"{self.api}{path}",
            json=json,
            headers={
                "authorization": f"Bearer {self.secret}",
                "accept": "application/vnd.github+json",
            },
        )
        document = _json(answered)
        found = Answer(answered.status_code, dict(answered.headers.items()), document, time.time())
        if found.status not in may or (found.status < 300 and document is None):
            raise Unwell(self._refusal(method, path, found, answered.text), status=found.status)
        return found

    def send(self, method: str, url: str, **more: Any) -> "httpx.Response":
        """Any request of this repository, also git's. Raises Unwell where nothing whole comes
        back."""
        import httpx

        local = urlsplit(url).hostname in ("localhost", "127.0.0.1")
        more["headers"] = {"user-agent": AGENT, **more.get("headers", {})}
        try:
            return httpx.request(method, url, timeout=SECONDS, trust_env=not local, **more)
        except httpx.TimeoutException:
            raise Unwell(
                fail(
                    f"{url} was too slow: {method} timed out after {SECONDS:g} seconds",
                    "look at the network and the forge's status page; " + LATER,
                )
            ) from None
        except httpx.ConnectError as error:
            raise Unwell(
                fail(
                    f"{url} does not answer: {error}",
                    "look at the address, the network and HTTPS_PROXY",
                )
            ) from None
        except httpx.HTTPError as error:
            raise Unwell(
                fail(
                    f"{url}: the connection ended in the middle of an answer ({error})",
                    "look at what is between here and the forge, a proxy first; " + LATER,
                )
            ) from None

    def _refusal(self, method: str, path: str, found: Answer, text: str) -> Finding:
        where, words = f"{method} {path}", f": {found.message}" if found.message else ""
        if limit := limit_of(found.status, found.headers, text, now=found.at):
            until = datetime.fromtimestamp(found.at + limit.seconds, UTC)
            return fail(
                f"the forge's {limit.name} is reached ({found.status} at {where}); it answers again"
                f" in {limit.seconds:.0f} s, so wait until {until:%H:%M:%S} UTC",
                LATER + ", or connect as an app, which has more",
            )
        match found.status:
            case 401:
                return fail(
                    f"the forge does not know the token (401 at {where}{words}): it is wrong,"
                    " expired or revoked",
                    "`factory connect` takes a new one",
                )
            case 403:
                return fail(
                    f"the forge forbids {where} (403{words})",
                    "give the app or the token that right; `factory connect` looks again",
                )
            case 404:
                there = path.removeprefix("/repos/")
                return fail(
                    f"the forge shows no {there} (404): the name is wrong, or the token is not"
                    " for it",
                    "look at the name, and where the app is installed; `factory connect` takes"
                    " another",
                )
            case status if status >= 500:
                return fail(
                    f"the forge answers {status} at {where}{words}",
                    "look at the forge's status page; " + LATER,
                )
            case status if status < 300:
                return fail(
                    f"what is answered at {where} is not the API, but a page or half of one"
                    f" ({status})",
                    "look at the address, and at what is between here and the forge",
                )
        return fail(
            f"the forge answers {found.status} at {where}{words}",
            "look at the address and the version of the forge",
        )


def _json(answered: "httpx.Response") -> Any:
    try:
        return answered.json()
    except ValueError:
        return None
