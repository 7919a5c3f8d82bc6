"""Where a drill deploys to: places that serve what is ordered, in memory, and lie when they
are asked to. And a forge that knows deployments and nothing else."""

import json
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harness.domain.deployment import Deployed, DeployOrder, Environment, Health, Running
from harness.domain.facts import Maybe
from harness.domain.issue import CommitSha
from harness.domain.plain import JsonDict


@dataclass
class DrillPlaces:
    """The ports `Deployer` and `HealthReader` over places in memory. `switched` has each place and
    commit that was switched to. With `is_lying` a switch does nothing and is said to be done;
    `names` are what places call themselves, where that is another name; `ill` are places and
    commits that are not well there; `also` has the place that a switch of another one changes.
    `prepares`, `before` and `after` are called with each order that is prepared, and around each
    switch."""

    served: dict[str, str] = field(default_factory=dict)
    ordered: dict[str, str] = field(default_factory=dict)
    switched: list[tuple[str, str]] = field(default_factory=list)
    is_lying: bool = False
    names: dict[str, str] = field(default_factory=dict)
    ill: set[tuple[str, str]] = field(default_factory=set)
    also: dict[str, str] = field(default_factory=dict)
    prepares: Callable[[DeployOrder], object] = lambda order: None
    before: Callable[[DeployOrder], object] = lambda order: None
    after: Callable[[DeployOrder], object] = lambda order: None

    def prepare(self, order: DeployOrder) -> Deployed:
        """See the port."""
        self.prepares(order)
        return Deployed(order.commit)

    def switch(self, order: DeployOrder) -> Deployed:
        """See the port."""
        name = order.environment.name
        self.ordered[name] = order.commit
        self.before(order)
        if not self.is_lying:
            self.switched.append((name, order.commit))
            self.served[name] = order.commit
            if name in self.also:
                self.served[self.also[name]] = order.commit
        self.after(order)
        return Deployed(order.commit, "done")

    def running(self, environment: Environment) -> Maybe[Running | None]:
        """See the port."""
        commit = self.served.get(environment.name)
        return Running(CommitSha(commit)) if commit else None

    def retire(self, environment: Environment, keep: Collection[CommitSha]) -> None:
        """See the port. Nothing is kept beside what is served."""

    def health(self, environment: Environment) -> Health:
        """See the port."""
        name = environment.name
        commit = self.served.get(name, "")
        is_ok = bool(commit) and (name, commit) not in self.ill
        message = "" if is_ok else "500 Internal Server Error"
        return Health(is_ok, message, self.names.get(name, name), commit)


@dataclass
class Deployments:
    """The deployments of a forge, and their statuses: each an account's login and its words, the
    newest first."""

    made: list[JsonDict] = field(default_factory=list)
    statuses: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def report(self, state: str, *, by: str) -> None:
        """Post a status of the newest one."""
        self.statuses.setdefault(len(self.made), []).insert(0, (by, state))

    def create(self, asked: JsonDict, url: str) -> JsonDict:
        """Keep a new one, and return it as the forge does."""
        number = len(self.made) + 1
        document = {
            "id": number,
            "sha": asked["ref"],
            "environment": asked["environment"],
            "payload": asked["payload"],
            "url": f"{url}/repos/drill/shop/deployments/{number}",
        }
        self.made.append(document)
        return document

    def answer(self, path: str) -> list[JsonDict]:
        """What the forge answers below this path."""
        url = urlsplit(path)
        if not url.path.endswith("/statuses"):
            asked = parse_qs(url.query).get("environment", [])
            return [one for one in reversed(self.made) if one["environment"] in asked]
        posted = self.statuses.get(int(url.path.split("/")[-2]), [])
        return [{"id": 1, "state": state, "creator": {"login": login}} for login, state in posted]


@contextmanager
def forge_of_deployments(deployments: Deployments) -> Iterator[str]:
    """The address of such a forge, on loopback while the block lasts."""

    class Forge(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(200, deployments.answer(self.path))

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.reply(201, deployments.create(asked, f"http://{self.headers['Host']}"))

        def reply(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Write no log: nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Forge) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
