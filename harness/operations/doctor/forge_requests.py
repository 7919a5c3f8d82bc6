"""Requests to the forge for `factory doctor`: each way in which one can fail has a name and a next
move.

Unlike the adapter, nothing here waits or retries: a doctor must see every failure."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.domain.plain import JsonDict
from harness.forge.limits import limit_of
from harness.operations.doctor.finding import HealthFinding, fail

if TYPE_CHECKING:
    import httpx

SECONDS = 7.0
AGENT = "lights-out-factory"
LATER = "wait, and look again; `factory up` waits by itself and continues"


class CheckFailed(Exception):
    """The forge gave no usable answer. `finding` describes what it did instead; `status` is its
    HTTP status, 0 if there was no answer."""

    def __init__(self, finding: HealthFinding, *, status: int = 0) -> None:
        super().__init__(finding.message)
        self.finding, self.status = finding, status


@dataclass(frozen=True, slots=True)
class ForgeAnswer:
    """An answer of the forge: its status, its headers by lower-case names, its JSON (None if it has
    none), and when it came, in seconds by our clock."""

    status: int
    headers: dict[str, str]
    document: Any
    at: float

    @property
    def message(self) -> str:
        """The forge's own message on a refusal."""
        return str(self.document.get("message", "")) if isinstance(self.document, dict) else ""


@dataclass(frozen=True, slots=True)
class ForgeConnection:
    """The connection to one repository: the REST API at `api`, pages and git at `web`. `secret`
    belongs to an app, whose installation lists its rights, or is a token, whose rights the
    repository lists."""

    api: str
    web: str
    repository: str
    secret: str = field(repr=False)
    is_app: bool = False

    def get(self, path: str, *, may: tuple[int, ...] = ()) -> ForgeAnswer:
        """GET a path below the repository's address. Raises CheckFailed unless the status is 200 or
        one of `may`."""
        return self.request("GET", f"/repos/{self.repository}{path}", may=(200, *may))

    def request(
        self, method: str, path: str, *, may: tuple[int, ...], json: JsonDict | None = None
    ) -> ForgeAnswer:
        """Send a request to the API. Raises CheckFailed unless the status is one of `may`."""
        response = self.send(
            method,
            f"{self.api}{path}",
            json=json,
            headers={
                "authorization": f"Bearer {self.secret}",
                "accept": "application/vnd.github+json",
            },
        )
        answer = ForgeAnswer(
            response.status_code, dict(response.headers.items()), _json(response), time.time()
        )
        # A success without JSON is a page of something in between.
        if answer.status not in may or (answer.status < 300 and answer.document is None):
            refusal = self._refusal(method, path, answer, response.text)
            raise CheckFailed(refusal, status=answer.status)
        return answer

    def send(self, method: str, url: str, **more: Any) -> "httpx.Response":
        """Send any request, also one of git's. Raises CheckFailed if no complete answer comes
        back."""
        import httpx

        # A proxy of the environment has no way to the loopback of this machine.
        local = urlsplit(url).hostname in ("localhost", "127.0.0.1")
        more["headers"] = {"user-agent": AGENT, **more.get("headers", {})}
        try:
            return httpx.request(
                method,
                url,
                timeout=SECONDS,
                trust_env=not local,
                # There is no TLS on plain HTTP, and reading all certificates takes 30 ms a request.
                verify=not (local and url.startswith("http://")),
                **more,
            )
        except httpx.TimeoutException:
            raise CheckFailed(
                fail(
                    f"{url} was too slow: {method} timed out after {SECONDS:g} seconds",
                    "look at the network and the forge's status page; " + LATER,
                )
            ) from None
        except httpx.ConnectError as error:
            raise CheckFailed(
                fail(
                    f"{url} does not answer: {error}",
                    "look at the address, the network and HTTPS_PROXY",
                )
            ) from None
        except httpx.HTTPError as error:
            raise CheckFailed(
                fail(
                    f"{url}: the connection ended in the middle of an answer ({error})",
                    "look at what is between here and the forge, a proxy first; " + LATER,
                )
            ) from None

    def _refusal(self, method: str, path: str, answer: ForgeAnswer, text: str) -> HealthFinding:
        where, detail = f"{method} {path}", f": {answer.message}" if answer.message else ""
        # First, because a rate limit comes with several statuses, 403 among them.
        if limit := limit_of(answer.status, answer.headers, text, now=answer.at):
            until = datetime.fromtimestamp(answer.at + limit.seconds, UTC)
            return fail(
                f"the forge's {limit.name} is reached ({answer.status} at {where}); it answers"
                f" again in {limit.seconds:.0f} s, so wait until {until:%H:%M:%S} UTC",
                LATER + ", or connect as an app, which has more",
            )
        match answer.status:
            case 401:
                return fail(
                    f"the forge does not know the token (401 at {where}{detail}): it is wrong,"
                    " expired or revoked",
                    "`factory connect` takes a new one",
                )
            case 403:
                return fail(
                    f"the forge forbids {where} (403{detail})",
                    "give the app or the token that right; `factory connect` looks again",
                )
            case 404:
                name = path.removeprefix("/repos/")
                return fail(
                    f"the forge shows no {name} (404): the name is wrong, or the token is not for"
                    " it",
                    "look at the name, and where the app is installed; `factory connect` takes"
                    " another",
                )
            case status if status >= 500:
                return fail(
                    f"the forge answers {status} at {where}{detail}",
                    "look at the forge's status page; " + LATER,
                )
            case status if status < 300:
                return fail(
                    f"the answer at {where} is not from the API, but a page or half of one"
                    f" ({status})",
                    "look at the address, and at what is between here and the forge",
                )
        return fail(
            f"the forge answers {answer.status} at {where}{detail}",
            "look at the address and the version of the forge",
        )


def _json(response: "httpx.Response") -> Any:
    try:
        return response.json()
    except ValueError:
        return None
