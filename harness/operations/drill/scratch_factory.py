"""A whole factory on the local forge: real git over HTTP, a real ledger and real signatures, with a
model and an agent that obey whatever they read."""

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.domain.errors import ForgeError
from harness.domain.lifecycle import State
from harness.domain.plain import JsonObject
from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.factory.pipeline.tick import tick
from harness.factory.records.history import History, history_of
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.run.services import Places, Services
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.log import Log
from harness.operations.drill import attacker_git
from harness.operations.drill.shop import project, wanted
from harness.operations.drill.stand_ins import (
    QUOTE,
    FreeBroker,
    ObedientAgent,
    ObedientModel,
    SigningJudge,
)
from harness.operations.setup.pin_key import pinned
from harness.programs.local_forge.seed import Administrator, push_folder
from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from harness.store.clock import SystemClock
from harness.store.in_memory import DirectEngine
from harness.store.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment

_NUMBERS = itertools.count(1)
BEFORE_LANDING = frozenset(State) - {State.APPROVED, State.MERGING}


class ScratchFactory:
    """One repository with its people, and a factory that can be stopped and restarted on the same
    state.

    `owner`, `bot` and `stranger` are accounts on the forge: the repository's owner, the factory's
    own account, and one that may only read."""

    def __init__(self, drill: "DrillEnvironment", name: str, policy: Mapping[str, str]) -> None:
        self.home, self._drill = drill.folder_for(name) / "home", drill
        self.model, self.agent = ObedientModel(), ObedientAgent()
        self.judge = SigningJudge(self.home / "keys" / "validator.key")
        self.done: dict[str, JsonObject] = {}
        self._people(drill, name)
        self.clock = SystemClock()
        self.ledger = SqliteLedger(self.home, self.clock)
        toml = pinned(policy["factory.toml"], self.judge.key_id)
        files = project({**policy, "factory.toml": toml}, tested=False)
        self.base = self.push(files, by=self.owner.token)
        self.services = self._services(lambda services: services)

    def customize(self, replaced: Callable[[Services], Services]) -> None:
        """Replace parts of the factory, such as its writer by one that fails."""
        self.services = self._services(replaced)

    def file(self, text: str = "", *, title: str = "The till is off") -> int:
        """The stranger files an issue. Returns its number."""
        body = {"title": title, "body": f"{QUOTE}\n\n{text}"}
        return int(self.request("POST", "/issues", by=self.stranger.token, json=body)["number"])

    def tick(self, **only: Any) -> tuple[int, ...]:
        """One tick of a factory that has just started."""
        engine = DirectEngine(self.done)
        engine.register(ACTION, node_action(self.services))
        return tick(self.services, Dispatch(self.services, engine), **only)

    def approved_issue(self) -> int:
        """The number of a new issue that is judged and will land at the next tick. Raises
        ForgeError if it is not approved."""
        issue = self.file()
        self.tick(states=BEFORE_LANDING)
        if self.history(issue).state is not State.APPROVED:
            raise ForgeError(f"an honest change was not approved here: {self.status(issue)}")
        return issue

    def history(self, issue: int) -> History:
        """Everything that happened to an issue."""
        return history_of(self.ledger, issue)

    def status(self, issue: int) -> str:
        """The state of an issue, and why it is in it."""
        history = self.history(issue)
        last = (
            history.transitions[-1].event.reason
            if history.transitions
            else "nothing has happened to it"
        )
        return f"{history.state}: {' '.join(last.split())}"

    def tip(self, branch: str = "main") -> str:
        """The commit at the tip of a branch on the forge; empty if there is no such branch."""
        found: str | None = self._remote.branch_tip(self._trusted.git, branch)
        return found or ""

    def message(self, commit: str) -> str:
        """The message of a landed commit."""
        return self._trusted.git.output("log", "-1", "--format=%B", commit).decode(
            "utf-8", "replace"
        )

    def push(self, files: Mapping[str, str], *, branch: str = "main", by: str = "") -> str:
        """Commit these files onto a branch of the forge, as the owner or with the token
        `by`. Returns the commit."""
        folder = self._drill.folder_for(
            f"{self.home.parent.name}/pushed/{branch.replace('/', '-')}"
        )
        for path, content in files.items():
            attacker_git.write(folder, path, content)
        return push_folder(
            folder,
            self._repository.clone_url,
            token=by or self.owner.token,
            branch=branch,
            message="By hand",
        )

    def request(self, method: str, path: str, *, by: str, **more: Any) -> Any:
        """Send a request below the repository's address in the forge's API, with the token `by`.
        Returns the JSON of the answer. Raises ForgeError if the forge refuses it."""
        import httpx

        answer = httpx.request(
            method,
            f"{self._drill.forge.api}/repos/{self._repository.full_name}{path}",
            timeout=30,
            trust_env=False,
            # There is no TLS on the loopback, and reading all certificates takes 30 ms a request.
            verify=not self._drill.forge.api.startswith("http://"),
            headers={"Authorization": f"Bearer {by}"},
            **more,
        )
        if answer.is_error:
            raise ForgeError(f"the forge refuses {method} {path}: {answer.status_code}")
        return answer.json() if answer.content else None

    def _people(self, drill: "DrillEnvironment", name: str) -> None:
        admin = Administrator(drill.forge)
        # All factories of a drill share one forge, so their accounts need unique names.
        unique = f"{name.replace(' ', '-').lower()[:20].strip('-')}-{next(_NUMBERS)}"
        self.owner = admin.create_user(f"{unique}-owner", role="admin")
        self.bot = admin.create_user(f"{unique}-factory", role="write", kind="Bot")
        self.stranger = admin.create_user(f"{unique}-guest", role="read")
        self._repository = admin.create_repository(self.owner.login, "shop")
        self._remote = Remote(self._repository.clone_url, lambda: self.bot.token)
        self._trusted = TrustedRepository(
            self.home / "repositories" / "drill.shop.git", self._remote
        )
        self._hub = GitHubForge(Access(self._repository.full_name, self.bot.token, drill.forge.api))

    def _services(self, replaced: Callable[[Services], Services]) -> Services:
        services = Services(
            places=Places(self.home, "drill.shop"),
            forge=self._hub,
            writer=self._hub,
            repository=self._trusted,
            worktrees=RunWorktrees(self._trusted, self.home / "worktrees"),
            candidates=TrustedCandidates(self._trusted),
            sandbox=self._drill.sandbox,
            agent=self.agent,
            model=self.model,
            broker=FreeBroker(),
            validator=self.judge,
            ledger=self.ledger,
            clock=self.clock,
            wheels=self._drill.wheels,
            sandbox_command=(),
            trusted_keys=frozenset({self.judge.key_id}),
            link=lambda path: f"{self._drill.forge.url}/{path}",
            log=Log(),
        )
        # Last, so that a test can take out also what an attack has put in.
        services = self._drill.customize(replaced(services))
        services.repository.fetch("main")
        # The model must cite an entry of this mission, or its "in" is refused.
        policy = policy_at(services, services.repository.tip("main"))
        self.model.cites = wanted(policy.governance)
        return services
