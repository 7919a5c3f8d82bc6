"""Worlds in which deployers work: what each brings somewhere, and how one looks there."""

import http.client
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harness.deployers.command import CommandDeployer
from harness.deployers.local import LocalDeployer
from harness.deployers.operator import OperatorCommand
from harness.domain.deployment import DeployKind, DeployOrder, Environment
from harness.domain.judge_request import AppStart, SandboxChoice
from harness.forge.connection import Access, Connection
from harness.forge.deployments import GitHubDeployer
from harness.programs.sandbox.client import COMMAND
from tests.fakes.deployer import FakeDeployer
from tests.fakes.http_server import Request, serving
from tests.fakes.ports import free_port

FIRST, SECOND, THIRD = ("a" * 40, "b" * 40, "c" * 40)

APP = """
import http.server, json, os, socket, uuid
BOOT = str(uuid.uuid4())
DATA = os.path.join(os.environ["DATA"], "visits")
class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        with open(DATA, "a") as file:
            file.write("x")
        reached = "no"
        if self.path == "/out":
            try:
                with socket.create_connection(("127.0.0.1", int(os.environ["OUT"])), 5) as line:
                    reached = line.recv(100).decode()
            except OSError as error:
                reached = repr(error)
        body = json.dumps({"commit": os.environ["FACTORY_COMMIT"], "boot": BOOT,
            "environment": os.environ["FACTORY_ENVIRONMENT"], "version": VERSION,
            "visits": os.path.getsize(DATA), "env": dict(os.environ), "reached": reached}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), App).serve_forever()
"""
ENDS = "raise SystemExit('the tide is out')\n"

OPERATOR = """
import json, os, sys
order = json.load(sys.stdin)
world = os.environ["WORLD"]
if order["do"] == "switch":
    with open(world, "w") as file:
        file.write(order["commit"])
with open(world + ".acts", "a") as file:
    file.write(json.dumps(order) + "\\n")
"""
SHOWS = """
import os
world = os.environ["WORLD"]
print(open(world).read() if os.path.exists(world) else "none")
"""


def environment(name: str = "staging", *, port: int = 0) -> Environment:
    return Environment(name, DeployKind.LOCAL, f"http://localhost:{port or free_port()}")


def order(place: Environment, commit: str, *, folder: Path, key: str = "", **app: Any) -> Any:
    start = AppStart(
        **{
            "start": ("python", "app.py"),
            "port_env": "PORT",
            "ready": "/",
            "ready_seconds": 60,
            "env": {},
            "lock": None,
            "data": "DATA",
            "seed_command": None,
            "clock_env": None,
            "commands": {},
            "beside": (),
            **app,
        }
    )
    return DeployOrder(
        key=key or f"{place.name}/{commit}",
        environment=place,
        commit=commit,
        tree=commit,
        seconds=120,
        app=start,
        layers=str(folder / "layers"),
        wheels=str(folder / "wheels"),
        sandbox=SandboxChoice(COMMAND, "auto", "", ""),
    )


@dataclass
class Trees:
    """Exports a tree: the app that a test names for it."""

    sources: dict[str, str] = field(default_factory=dict)
    exported: list[str] = field(default_factory=list)

    def export(self, tree: str, folder: Path) -> None:
        self.exported.append(tree)
        file = folder / "app.py"
        file.write_text(f"VERSION = {tree[:1]!r}\n{self.sources.get(tree, APP)}")
        file.chmod(0o644)


@dataclass
class DeployWorld:
    """A deployer, a place, and the orders for it. `count` tells how much was made in the world."""

    deployer: Any
    place: Environment
    folder: Path
    count: Any

    def order(self, commit: str, **more: Any) -> Any:
        return order(self.place, commit, folder=self.folder, **more)

    def commit(self) -> str | None:
        found = self.deployer.running(self.place)
        return found and found.commit


@contextmanager
def local_world(folder: Path, *, trees: Trees | None = None, **more: Any) -> Iterator[DeployWorld]:
    trees, place = trees or Trees(), environment()
    deployer = LocalDeployer(folder / "places", trees.export, **more)
    try:
        yield DeployWorld(deployer, place, folder, lambda: len(trees.exported))
    finally:
        deployer.stop(place.name)


def operator(folder: Path, source: str = OPERATOR, **env: str) -> OperatorCommand:
    (folder / "deploy.py").write_text(source)
    (folder / "shows.py").write_text(SHOWS)
    python = os.path.realpath(sys.executable)
    return OperatorCommand(
        (python, str(folder / "deploy.py")),
        (python, str(folder / "shows.py")),
        env={"WORLD": str(folder / "world"), **env},
    )


@contextmanager
def command_world(folder: Path) -> Iterator[DeployWorld]:
    acts, place = folder / "world.acts", environment()

    def switches() -> int:
        lines = acts.read_text().splitlines() if acts.exists() else []
        return sum(json.loads(line)["do"] == "switch" for line in lines)

    yield DeployWorld(CommandDeployer({"staging": operator(folder)}), place, folder, switches)


@contextmanager
def fake_world(folder: Path) -> Iterator[DeployWorld]:
    """What most tests of releases deploy to."""
    deployer = FakeDeployer()
    yield DeployWorld(deployer, environment(), folder, lambda: len(deployer.acts))


APP_LOGIN = "deploy-app[bot]"


@dataclass
class Deployments:
    """GitHub's deployments, kept. A workflow ends a new one at once with `ends`, by `by`; nobody
    does where it is empty. The answers to the first `loses` new ones are lost on their way."""

    ends: str = "success"
    by: str = APP_LOGIN
    loses: int = 0
    made: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    url: str = ""

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        number = len(self.made) + 1
        self.made.append(
            {
                "id": number,
                "sha": asked["ref"],
                "environment": asked["environment"],
                "payload": asked["payload"],
            }
        )
        if self.ends:
            self.report(number, self.ends, by=self.by)
        return self.shown(self.made[-1])

    def shown(self, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "url": f"{self.url}/repos/o/r/deployments/{one['id']}"}

    def report(self, number: int, state: str, *, by: str) -> None:
        status = {"id": 1, "state": state, "creator": {"login": by, "type": "Bot", "id": 7}}
        self.statuses.setdefault(number, []).insert(0, status)

    def answer(self, path: str) -> Any:
        url = urlsplit(path)
        if url.path.endswith("/statuses"):
            return self.statuses.get(int(url.path.split("/")[-2]), [])
        asked = parse_qs(url.query).get("environment", [""])[0]
        return [self.shown(one) for one in reversed(self.made) if one["environment"] == asked]


@contextmanager
def github_world(
    folder: Path, deployments: Deployments | None = None, **more: Any
) -> Iterator[DeployWorld]:
    world = deployments or Deployments()

    def answer(request: Request) -> None:
        if request.command == "GET":
            reply(request, 200, world.answer(request.path))
            return
        created = world.create(json.loads(request.content()))
        if len(world.made) > world.loses:
            reply(request, 201, created)

    def reply(request: Request, status: int, document: Any) -> None:
        request.reply(status, json.dumps(document).encode(), {"Content-Type": "application/json"})

    with serving(answer) as server:
        world.url = f"http://localhost:{server.server_port}"
        connection = Connection(Access("o/r", token="t", api=world.url))
        deployer = GitHubDeployer(connection, APP_LOGIN, **more)
        yield DeployWorld(deployer, environment(), folder, lambda: len(world.made))


def ask(place: Environment, path: str = "/") -> dict[str, Any]:
    """What a visitor of the place is answered, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(place.url).port or 0, timeout=20)
    connection.request("GET", path, headers={"Connection": "close"})
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found
