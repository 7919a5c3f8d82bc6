"""One local forge for the whole room, and a fresh repository in it for each test."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from harness.programs.local_forge.seed import Account, Administrator, SeededRepository, push_folder
from harness.programs.local_forge.start import RunningForge
from tests.fakes.faulty_forge import start_faulty
from tests.forge.gitclient import done, git
from tests.forge.waiting import SECONDS, start

FILES = {"README.md": "# Tidebook\n", "app.py": "print('low tide')\n"}
_NUMBERS = itertools.count(1)


@dataclass
class Place:
    """A repository with its people: an owner, the factory's account, and strangers as
    they are asked for."""

    forge: RunningForge
    admin: Administrator
    repository: SeededRepository
    owner: Account
    factory: Account
    folder: Path
    prefix: str
    client: httpx.Client
    strangers: dict[str, Account] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.repository.full_name

    def person(self, name: str, *, role: str = "read") -> Account:
        if name not in self.strangers:
            self.strangers[name] = self.admin.create_user(f"{self.prefix}-{name}", role=role)
        return self.strangers[name]

    def push(
        self,
        files: dict[str, str],
        *,
        branch: str = "main",
        message: str = "Work",
        token: str | None = None,
    ) -> str:
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        return push_folder(
            self.folder,
            self.repository.clone_url,
            token=token or self.factory.token,
            branch=branch,
            message=message,
        )

    def api(self, method: str, path: str, *, by: Account | None = None, **more) -> httpx.Response:
        """A request below the repository's address in the API."""
        return self.ask(method, f"/api/v3/repos/{self.name}{path}", by=by, **more)

    def ask(self, method: str, path: str, *, by: Account | None = None, **more) -> httpx.Response:
        headers = more.pop("headers", {}) | ({"Authorization": f"token {by.token}"} if by else {})
        return self.client.request(method, path, headers=headers, **more)

    def file(self, title: str, body: str = "", *, by: str = "ana") -> int:
        answer = self.api(
            "POST", "/issues", by=self.person(by), json={"title": title, "body": body}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["number"]


@pytest.fixture(scope="session")
def forge(tmp_path_factory):
    running = start_faulty(tmp_path_factory.mktemp("forge"), open_door=True)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """A forge as it is without being asked for anything: no open door, no faults; but
    with evidence to show."""
    under = tmp_path_factory.mktemp("plain")
    running = start(under / "home", evidence=under / "evidence")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(forge):
    """Of the module's own forge, where it has one."""
    with httpx.Client(base_url=forge.url, timeout=SECONDS, trust_env=False, verify=False) as made:
        yield made


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    """The first commit of every place, made once."""
    folder = tmp_path_factory.mktemp("template")
    for path, text in FILES.items():
        (folder / path).write_text(text)
    done(git("init", "--quiet", "--initial-branch=main", cwd=folder))
    done(git("add", "--all", cwd=folder))
    done(git("commit", "--quiet", "-m", "Import", cwd=folder))
    return folder


@pytest.fixture
def place(forge, client, template, tmp_path) -> Place:
    """A repository of the test's own."""
    return a_place(forge, client, template, tmp_path)


@pytest.fixture(scope="module")
def museum(forge, client, template, tmp_path_factory) -> Place:
    """A repository that many tests look at and none can change."""
    return a_place(forge, client, template, tmp_path_factory.mktemp("museum"))


def a_place(forge: RunningForge, client: httpx.Client, template: Path, under: Path) -> Place:
    number = next(_NUMBERS)
    admin = Administrator(forge)
    owner = admin.create_user(f"owner-{number}")
    factory = admin.create_user(f"factory-{number}[bot]", role="write", kind="Bot")
    repository = admin.create_repository(
        owner.login, "tidebook", description="Walks around the tides"
    )
    folder = under / "work"
    folder.mkdir()
    for path, text in FILES.items():
        (folder / path).write_text(text)
    done(git("push", "--quiet", repository.clone_url, "main", cwd=template, token=factory.token))
    return Place(forge, admin, repository, owner, factory, folder, f"p{number}", client)
