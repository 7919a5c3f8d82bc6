"""A whole factory on the embedded forge: real git over HTTP, a real ledger, real signatures; who
thinks in it obeys."""

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.domain.errors import ForgeError
from harness.domain.lifecycle import State
from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.factory.pipeline.tick import tick
from harness.factory.records.history import History, history_of
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.run.services import Places, Services
from harness.forge.github import Access, GitHubForge
from harness.operations.drill import git_hand
from harness.operations.drill.players import (
    QUOTE,
    ObeyingAgent,
    ObeyingModel,
    OpenTill,
    PlainEngine,
    SigningJudge,
)
from harness.operations.drill.shop import project, wanted
from harness.operations.setup.pin_key import pinned
from harness.programs.local_forge.seed import Administrator, push_folder
from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from harness.operations.drill.scene import Ground

_NUMBERS = itertools.count(1)
BEFORE_LANDING = frozenset(State) - {State.APPROVED, State.MERGING}


class Lap:
    """One repository with its people, and a factory that may be ended and started anew on the same
    state.

    `owner`, `factory` and `stranger` are accounts of the forge: one that owns it, the factory's,
    and one that may read."""

    def __init__(self, ground: "Ground", name: str, law: Mapping[str, str]) -> None:
        self.home, self._ground = ground.apart(name) / "home", ground
        self.model, self.agent = ObeyingModel(), ObeyingAgent()
        self.judge = SigningJudge(self.home / "keys" / "validator.key")
        self.done: dict[str, Mapping[str, Any]] = {}
        self._people(ground, name)
        self.clock = SystemClock()
        self.ledger = SqliteLedger(self.home, self.clock)
        trusted = {**law, "factory.toml": pinned(law["factory.toml"], self.judge.key_id)}
        self.base = self.push(project(trusted, tested=False), by=self.owner.token)
        self.services = self._services(lambda services: services)

    def equip(self, equipped: Callable[[Services], Services]) -> None:
        """Exchange parts of the factory, such as an agent that something happens under."""
        self.services = self._services(equipped)

    def file(self, words: str = "", *, title: str = "The till is off") -> int:
        """The stranger files an issue; its number."""
        body = {"title": title, "body": f"{QUOTE}\n\n{words}"}
        return int(self.ask("POST", "/issues", by=self.stranger.token, json=body)["number"])

    def tick(self, **only: Any) -> tuple[int, ...]:
        """One pass of a factory that has just been started."""
        engine = PlainEngine(self.done)
        engine.register(ACTION, node_action(self.services))
        return tick(self.services, Dispatch(self.services, engine), **only)

    def until_approved(self) -> int:
        """An issue that is judged, and lands at the next tick; its number. Raises ForgeError where
        it does not get there."""
        issue = self.file()
        self.tick(states=BEFORE_LANDING)
        if self.history(issue).state is not State.APPROVED:
            raise ForgeError(f"an honest change was not approved here: {self.last_words(issue)}")
        return issue

    def history(self, issue: int) -> History:
        """Everything that happened to it."""
        return history_of(self.ledger, issue)

    def last_words(self, issue: int) -> str:
        """Where it stands, and why."""
        history = self.history(issue)
        last = (
            history.transitions[-1].event.says
            if history.transitions
            else "nothing has happened to it"
        )
        return f"{history.state}: {' '.join(last.split())}"

    def tip(self, branch: str = "main") -> str:
        """Where a branch is on the forge; empty where there is none."""
        found: str | None = self._remote.branch_tip(self._trusted.git, branch)
        return found or ""

    def message(self, commit: str) -> str:
        """The message of a commit that was landed."""
        return self._trusted.git.output("log", "-1", "--format=%B", commit).decode(
            "utf-8", "replace"
        )

    def push(self, files: Mapping[str, str], *, branch: str = "main", by: str = "") -> str:
        """Somebody commits these files onto a branch of the forge; the commit."""
        folder = self._ground.apart(f"{self.home.parent.name}/pushed/{branch.replace('/', '-')}")
        for path, content in files.items():
            git_hand.write(folder, path, content)
        return push_folder(
            folder,
            self._repository.clone_url,
            token=by or self.owner.token,
            branch=branch,
            message="By hand",
        )

    def ask(self, method: str, path: str, *, by: str, **more: Any) -> Any:
        """A request below the repository's address in the forge's API. Raises ForgeError where it
        is refused."""
        import httpx

        answer = httpx.request(
            method,
            f"{self._ground.forge.api}/repos/{self._repository.full_name}{path}",
            timeout=30,
            trust_env=False,
            headers={"Authorization": f"Bearer {by}"},
            **more,
        )
        if answer.is_error:
            raise ForgeError(f"the forge refuses {method} {path}: {answer.status_code}")
        return answer.json() if answer.content else None

    def _people(self, ground: "Ground", name: str) -> None:
        admin, unique = (
            Administrator(ground.forge),
            f"{name.replace(' ', '-').lower()[:20].strip('-')}-{next(_NUMBERS)}",
        )
        self.owner = admin.create_user(f"{unique}-owner", role="admin")
        self.factory = admin.create_user(f"{unique}-factory", role="write", kind="Bot")
        self.stranger = admin.create_user(f"{unique}-guest", role="read")
        self._repository = admin.create_repository(self.owner.login, "shop")
        self._remote = Remote(self._repository.clone_url, lambda: self.factory.token)
        self._trusted = TrustedRepository(
            self.home / "repositories" / "drill.shop.git", self._remote
        )
        self._hub = GitHubForge(
            Access(self._repository.full_name, self.factory.token, ground.forge.api)
        )

    def _services(self, equipped: Callable[[Services], Services]) -> Services:
        whole = Services(
            places=Places(self.home, "drill.shop"),
            forge=self._hub,
            writer=self._hub,
            repository=self._trusted,
            worktrees=RunWorktrees(self._trusted, self.home / "worktrees"),
            candidates=TrustedCandidates(self._trusted),
            sandbox=self._ground.sandbox,
            agent=self.agent,
            model=self.model,
            broker=OpenTill(),
            validator=self.judge,
            ledger=self.ledger,
            clock=self.clock,
            wheels=self._ground.wheels,
            sandbox_command=(),
            trusted_keys=frozenset({self.judge.key_id}),
            link=lambda path: f"{self._ground.forge.url}/{path}",
            tell=lambda *said: None,
        )
        made = equipped(self._ground.equipped(whole))
        made.repository.fetch("main")
        self.model.cites = wanted(policy_at(made, made.repository.tip("main")).governance)
        return made
