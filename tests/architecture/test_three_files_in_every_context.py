"""`mission.md`, `factory_rules.md` and `CLAUDE.md` stand, byte for byte, in the first context of every
role that asks a model.

The roles come from the code: the calls that ask a model or open a session in `harness`, the
programs in `validators/roles` that find a model, the kinds of agent. A new one fails here until the
test has seen what it sends."""

import ast
import importlib
import json
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.agents.cli_agent import CLIS
from harness.domain.model_choice.agents import AgentKind
from harness.factory.pipeline.dry_run import dry_run
from harness.factory.pipeline.tick import current_policy
from harness.factory.settings.model_config import Models
from harness.operations.dry_run import dry_run_services
from harness.programs.agent_clis.cli import CliOrder
from harness.programs.agent_loop.conversation import Conversation
from tests.factory.error_world import ErrorWorld
from tests.factory.players import Players, cast_by
from tests.factory.regressing import regressing
from tests.factory.releasing import releasing
from tests.factory.trusting import trusted
from tests.factory.voters import SCOPE, YES, under
from tests.factory.world import ACCEPT, EXAMPLE, World, fixes
from tests.fakes.people import FakeAgent, FakeBroker
from validators.roles.actor import Actor, ActorBrief
from validators.roles.author import AuthorBrief, author_answer
from validators.roles.contrast import ContrastBrief, Exhibit, ballots

ROOT = Path(__file__).parents[2]
FILES = {
    name: (EXAMPLE / name).read_bytes().decode()
    for name in ("mission.md", "factory_rules.md", "CLAUDE.md")
}
PERSONA = """
[[personas]]
name = "guest"
who = "somebody who has never been here"
goal = "book a walk for two"
promise = "M-BOOK"
shown = ["Name"]
claims = ["The page says for how many the booking is."]
"""
EVERYBODY = """[models]
planner = "gpt-5.5"
diagnoser = "gpt-5.5"
[review]
lenses = ["correctness", "security", "scope", "tests", "companions"]
[limits]
parallel = 1
"""
SPEAKS_THE_WIRE = {
    # Asks one question, runs the built-in agent, and asks from a role's sandbox.
    "harness/agents/model.py",
    "harness/programs/agent_loop/agent.py",
    "validators/roles/model.py",
}

Site = tuple[str, int]
"""A file of the repository, and the line where a call in it begins."""


@cache
def modules(folder: str) -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8")))
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in names:
                yield node


@cache
def asking() -> dict[Site, int]:
    """Every call that asks a model a question with a `system`, and the line where it ends."""
    return {
        (name, call.lineno): call.end_lineno or call.lineno
        for name, tree in modules("harness")
        for call in calls(tree, "answer")
        if "system" in {word.arg for word in call.keywords}
    }


def assigning() -> set[str]:
    """The modules that give an agent its work. The drill's agents are asked nothing, and the loop
    only reads what it was given."""
    return {
        name
        for name, tree in modules("harness")
        for _ in calls(tree, "Assignment")
        if not name.startswith(("harness/operations/drill/", "harness/programs/agent_loop/"))
    }


def opening() -> set[str]:
    """The roles for which the factory opens a session, or asks for an answer."""
    return {
        role
        for name, tree in modules("harness")
        if name.startswith("harness/factory/")
        for call in calls(tree, "session", "first_answer")
        if (role := _role(name, call.args[1]))
    }


def _role(name: str, given: ast.expr) -> str:
    """The role that a call names; empty where `first_answer` opens a session for its own."""
    if isinstance(given, ast.Constant):
        return str(given.value)
    assert isinstance(given, ast.Name)
    module = importlib.import_module(name.removesuffix(".py").replace("/", "."))
    found = getattr(module, given.id, "")
    assert found or (name, given.id) == ("harness/factory/models/selection.py", "role")
    return found


def holds_all(text: str, files: Mapping[str, str] = FILES) -> bool:
    return len(files) == 3 and all(content in text for content in files.values())


def texts(content: str) -> Iterator[str]:
    """A text, and the texts in it where it is a document of JSON or TOML."""
    yield content
    for read in (json.loads, tomllib.loads):
        with suppress(ValueError):
            waiting = [read(content)]
            while waiting:
                match waiting.pop():
                    case str() as text:
                        yield text
                    case dict() as table:
                        waiting += table.values()
                    case list() as listed:
                        waiting += listed


class Asked(Players):
    """Answers everybody, and keeps each `system` by the call that sent it."""

    def __init__(self) -> None:
        super().__init__(voter=YES)
        self.sent: dict[Site, list[str]] = {}
        # Read before the workers ask: CPython 3.11 cannot parse in two threads at once.
        self.sites = asking()

    def answer(self, session: Any, *, system: Any, question: str, schema: Any) -> Any:
        frame = sys._getframe(1)
        name = str(Path(frame.f_code.co_filename).relative_to(ROOT))
        ((site, _),) = [
            (site, end)
            for site, end in self.sites.items()
            if site[0] == name and site[1] <= frame.f_lineno <= end
        ]
        self.sent.setdefault(site, []).append("\n".join(system))
        if set(schema["properties"]) == {"gaps"}:
            return {"gaps": []}
        if "quotes" in schema["properties"] and "answer" in schema["properties"]:
            return YES
        return super().answer(session, system=system, question=question, schema=schema)


@dataclass
class Night:
    """What everybody was sent while issues went all the way, and one was only planned."""

    world: World
    model: Asked

    @property
    def files(self) -> dict[str, str]:
        tip = self.world.remote["main"]
        return {name: self.world.git.read(tip, name).decode() for name in FILES}


@pytest.fixture(scope="module")
def night(tmp_path_factory) -> Night:
    model = Asked()
    world = World(
        tmp_path_factory.mktemp("night"), model=model, agent=FakeAgent(lambda tree: None, fixes)
    )
    # One at a time: of two that are alike, a slow triage of the first would let the second fail and
    # the first land, and then nobody asks why an attempt failed.
    cast_by(world, EVERYBODY)
    toml = world.git.read(world.base, "factory.toml") + PERSONA.encode()
    under(world, SCOPE, **{"factory.toml": toml})
    world.file("Cancelled bookings keep their places", "The places are gone when I cancel my walk.")
    world.file("Cancelled bookings still keep places", "The places are gone when I cancel a walk.")
    world.tick()
    services = world.services()
    shown = services.forge.issue(world.file("The page of walks is slow", "The places are gone."))
    with dry_run_services(services, shown) as (over, _):
        dry_run(over, current_policy(services), shown, run=f"plan-{shown.number}-1")
    return Night(world, model)


def test_every_call_that_asks_a_model_was_seen_and_sends_the_three_files(night) -> None:
    assert set(night.model.sent) == set(asking())
    for site, sent in night.model.sent.items():
        assert all(holds_all(system, night.files) for system in sent), site


def test_every_agent_is_given_the_three_files(night) -> None:
    assert assigning() == {"harness/factory/stages/implement.py"}
    assert night.world.agent.assignments
    for assignment in night.world.agent.assignments:
        assert holds_all("\n".join(assignment.system), night.files)


def test_every_role_that_has_a_model_was_played(night) -> None:
    played = {request.role for request in night.world.broker.opened}
    assert played == opening() == {one.name for one in fields(Models)}


def fixes_what_its_landing_broke(folder: Path) -> World:
    return regressing(folder, "fix")


def mends_what_a_push_broke(folder: Path) -> World:
    return regressing(folder, "push")


def goes_back_for_low_confidence(folder: Path) -> World:
    def anew(worktree: Path) -> None:
        path = worktree / "tidebook" / "store.py"
        path.write_text(path.read_text() + "\n# anew\n")

    world = trusted(World(folder, agent=FakeAgent(anew)), stayed=10, amended=10)
    world.file()
    return world


def answers_errors_of_the_running_app(folder: Path) -> World:
    world = ErrorWorld(folder)
    world.report()
    return world


def answers_a_release_that_turned_red(folder: Path) -> World:
    return releasing(folder, "held")


TRIAGED = {"triage", "author", "implementer"}
RETURNS = {
    fixes_what_its_landing_broke: ({"implementer"}, 2, ""),
    mends_what_a_push_broke: (TRIAGED, 1, "This worked before"),
    goes_back_for_low_confidence: (TRIAGED, 3, ""),
    answers_errors_of_the_running_app: (TRIAGED, 1, ""),
    answers_a_release_that_turned_red: (TRIAGED, 1, "turned red"),
}
"""What comes back to the factory after a landing: who is asked, how many runs of an agent there are
at least, and what its triage quotes."""


@pytest.mark.parametrize("story", RETURNS, ids=lambda story: story.__name__)
def test_what_comes_back_to_the_factory_is_asked_with_the_three_files(tmp_path, story) -> None:
    roles, runs, quote = RETURNS[story]
    world, model = story(tmp_path / "world"), Asked()
    world.model, world.broker = model, FakeBroker()
    if quote:
        model.answers["triage"] = [{**ACCEPT, "quote": quote}]
    for _ in range(4):
        world.ledger.clock.at += timedelta(seconds=61)
        world.tick()
    night = Night(world, model)
    assert {request.role for request in world.broker.opened} == roles
    assert len(world.agent.assignments) >= runs
    sent = [system for systems in model.sent.values() for system in systems]
    sent += ["\n".join(assignment.system) for assignment in world.agent.assignments]
    assert all(holds_all(system, night.files) for system in sent)
    for request in world.validator.requests:
        assert {name: request["governance"]["files"][name] for name in FILES} == night.files


def test_every_kind_of_agent_shows_what_it_is_given() -> None:
    system = tuple(FILES.values())
    shown = Conversation.of_task(system, "Do it.").with_cache_marks()["system"]
    assert holds_all("\n".join(block["text"] for block in shown))
    assert {AgentKind.BUILT_IN, *CLIS} == set(AgentKind)
    for cli in CLIS.values():
        launch = cli.launch(
            CliOrder(
                "\n\n".join(system), "Do it.", "m", cli.wires[0], "http://x", "/h", "/w", 9, 99
            )
        )
        given = (*launch.files.values(), *launch.words, launch.stdin)
        assert any(holds_all(text) for content in given for text in texts(content))


def test_the_sealed_program_is_given_the_three_files_for_each_role_that_it_asks(night) -> None:
    requests = night.world.validator.requests
    asked = [one for one in requests if one.get("broker") or one.get("exploring")]
    assert {role for one in asked for role in _roles(one)} == {"author", "actor", "contrast"}
    for request in asked:
        assert {name: request["governance"]["files"][name] for name in FILES} == night.files


def _roles(request: Mapping[str, Any]) -> Iterator[str]:
    if request.get("broker"):
        yield "author"
    yield from {"actor", "contrast"} & set(request.get("exploring") or ())


def author(ask: Callable[[Any], Any]) -> None:
    brief = AuthorBrief("m", 1, "bug", "T", "B", FILES, "The language.", "Write.")
    author_answer(brief, ask=lambda request: {"content": ask(request)}, check=lambda text: ())


def actor(ask: Callable[[Any], Any]) -> None:
    seen = {"result": "", "view": "a page", "acts_left": 3}
    Actor(ActorBrief("m", "a guest", "book", "Act.", FILES), ask).act(seen)


def contrast(ask: Callable[[Any], Any]) -> None:
    shown = (Exhibit("dom", "candidate", "a page"),)
    list(ballots(ContrastBrief("m", "Judge.", FILES, ("It is there.",), shown), ask))


PLAYED = {"author": author, "actor": actor, "contrast": contrast}


def programs() -> set[str]:
    """The programs of the judge's that find a model."""
    return {
        Path(name).stem for name, tree in modules("validators") for _ in calls(tree, "model_at")
    }


@pytest.mark.parametrize("role", sorted(PLAYED))
def test_every_role_of_the_sealed_program_sends_the_three_files_first(role) -> None:
    sent: list[str] = []

    def ask(request: Mapping[str, Any]) -> list[dict[str, Any]]:
        sent.append("\n".join(block["text"] for block in request["system"]))
        return [{"type": "text", "text": "I cannot."}]

    PLAYED[role](ask)
    assert sent
    assert all(map(holds_all, sent))


def test_nothing_else_speaks_to_a_model() -> None:
    """The broker forwards, and the drill knocks at it; everybody else goes through these."""
    aside = ("harness/programs/broker/", "harness/operations/drill/")
    speaks = {
        name
        for name, tree in (*modules("harness"), *modules("validators"))
        if not name.startswith(aside)
        and any(
            (isinstance(node, ast.Constant) and node.value == "/v1/messages")
            or (isinstance(node, ast.Attribute) and ast.unparse(node).endswith("messages.create"))
            for node in ast.walk(tree)
        )
    }
    assert speaks == SPEAKS_THE_WIRE
    assert json.dumps(sorted(PLAYED)) == json.dumps(sorted(programs()))
