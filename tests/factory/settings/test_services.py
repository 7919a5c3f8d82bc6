"""`[[services]]` of factory.toml: read strictly, and beside whatever runs in the project's
sandboxes."""

import json
import re

import pytest

from harness.domain.errors import ConfigError
from harness.domain.sandbox import MOST_SERVICES, Service
from harness.factory.settings.config import read_config
from harness.factory.stages.validator_request import SERVICES_DATA
from tests.factory.world import World
from tests.fakes.people import FakeSandbox

DB = '[[services]]\nname = "db"\nstart = ["postgres", "-D", "{data}"]\n'


def services(text: str) -> tuple[Service, ...]:
    return read_config(f"schema = 1\n{text}").services


def world_with(tmp_path, text: str, *, start: bytes = b"", **options) -> World:
    world = World(tmp_path, **options)
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    if start:
        tree["factory.toml"] = re.sub(rb"(?m)^start = .*", start, tree["factory.toml"])
    tree["factory.toml"] += f"\n{text}".encode()
    world.remote["main"] = world.base = world.git.commit(world.git.tree(tree), [], message="base")
    return world


def beside(argv) -> tuple[list[str], str, float, list[str]]:
    """Of a command with services: their names, the variable of their folder, the seconds to end
    in, and the command itself."""
    assert list(argv[:4]) == ["python", "-I", "-S", "-c"]
    plan = json.loads(argv[5])
    return [one["name"] for one in plan["services"]], plan["within"], plan["stop"], list(argv[6:])


def test_without_any_nothing_is_started_beside(tmp_path) -> None:
    world = World(tmp_path)
    world.file()
    world.tick()
    start = world.validator.requests[0]["app"]["start"]
    assert list(start[:2]) != ["python", "-I"]
    assert all("-S" not in spec.argv for spec in world.sandbox.ran)


def test_they_stand_beside_the_judged_app_its_seed_the_tests_and_the_implementer(tmp_path) -> None:
    plain = World(tmp_path / "plain")
    plain.file()
    plain.tick()
    world = world_with(tmp_path / "with", DB)
    world.file()
    world.tick()
    before, app = plain.validator.requests[0]["app"], world.validator.requests[0]["app"]
    data = before["data"] or SERVICES_DATA
    assert app["data"] == data
    assert beside(app["start"]) == (["db"], data, 0, list(before["start"]))
    seed = list(before["seed_command"] or ["true"])
    assert beside(app["seed_command"]) == (["db"], data, 20, seed)
    assert world.sandbox.ran
    assert all(beside(spec.argv)[:3] == (["db"], "", 0) for spec in world.sandbox.ran)
    assert [one.name for one in world.agent.assignments[0].services] == ["db"]


def test_a_tool_without_an_app_has_them_beside_its_commands(tmp_path) -> None:
    requests = []
    for name, commands in (("app", ""), ("tool", 'commands = {tool = "python -m tool"}')):
        world = world_with(tmp_path / name, DB)
        tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
        if commands:
            text = tree["factory.toml"].decode()
            started = next(line for line in text.splitlines() if line.startswith("start ="))
            tree["factory.toml"] = text.replace(started, commands, 1).encode()
        world.remote["main"] = world.base = world.git.commit(world.git.tree(tree), [], message="b")
        world.file()
        world.tick()
        requests.append(world.validator.requests[0]["app"])
    app, tool = requests
    assert app["beside"] == []
    assert tool["start"] == []
    assert beside(tool["beside"]) == (["db"], tool["data"], 0, ["true"])


def test_the_tests_and_the_implementer_have_the_environment_that_is_theirs(tmp_path) -> None:
    url = "postgresql://app@127.0.0.1/shop"
    world = world_with(tmp_path, "")
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    own = f'[tests]\nenv = {{ DATABASE_URL = "{url}" }}\n'.encode()
    assert b"[tests]\n" in tree["factory.toml"]
    tree["factory.toml"] = tree["factory.toml"].replace(b"[tests]\n", own, 1)
    world.remote["main"] = world.base = world.git.commit(world.git.tree(tree), [], message="base")
    world.file()
    world.tick()
    ran = [spec for spec in world.sandbox.ran if spec.name == "tests"]
    assert ran
    assert all(spec.env["DATABASE_URL"] == url for spec in ran)
    assert world.agent.assignments[0].env == (("DATABASE_URL", url),)
    assert "DATABASE_URL" not in world.validator.requests[0]["app"]["env"]


@pytest.mark.parametrize("table", ["app", "tests"])
@pytest.mark.parametrize(
    ("env", "key", "words"),
    [
        ('{ "A=B" = "1" }', "env", "expected a variable's name"),
        ('{ "" = "1" }', "env", "expected a variable's name"),
        ('{ URL = "a\\u0000b" }', "env.URL", "expected no NUL"),
    ],
)
def test_what_is_no_environment_is_refused(table, env, key, words) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config(f"schema = 1\n[{table}]\nenv = {env}\n")
    assert refused.value.key == f"{table}.{key}"
    assert words in str(refused.value)


def test_where_sandboxes_share_the_machine_s_network_they_are_refused_by_name(tmp_path) -> None:
    world = world_with(tmp_path, DB, sandbox=FakeSandbox(form="landlock"))
    issue = world.file()
    world.tick()
    reasons = [entry.event.reason for entry in world.history(issue).transitions]
    assert any("`[[services]]` in factory.toml needs sandboxes with" in one for one in reasons)
    assert not world.agent.assignments


@pytest.mark.parametrize(("start", "refused"), [(b"[]", True), (b'["true"]', False)])
def test_where_sandboxes_run_no_commands_a_tool_alone_is_refused_before_anything_is_built(
    tmp_path, start, refused
) -> None:
    tool = b'commands = { walks = "walks" }\nstart = ' + start
    world = world_with(tmp_path, "", start=tool, sandbox=FakeSandbox(form="landlock"))
    issue = world.file()
    world.tick()
    reasons = [entry.event.reason for entry in world.history(issue).transitions]
    named = "`[app] commands` in factory.toml cannot be run in sandboxes of the form landlock"
    assert any(named in one for one in reasons) is refused
    assert bool(world.agent.assignments) is not refused


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("services = 1", "services", "expected tables `[[services]]`"),
        (DB + DB, "services", "two services have the same name"),
        (DB.replace('"db"', '"../db"'), "services.1.name", "small letters, digits and hyphens"),
        (DB + "port = 1", "services.1.port", "no such key"),
        ('[[services]]\nname = "db"', "services.1.start", "expected a command, found none"),
        (DB + "ready_seconds = 0", "services.1.ready_seconds", "expected a number from 1 to"),
        (
            "".join(DB.replace('"db"', f'"db{n}"') for n in range(MOST_SERVICES + 1)),
            "services",
            f"at most {MOST_SERVICES} services",
        ),
    ],
)
def test_what_is_no_service_is_refused_with_what_was_expected(text, key, words) -> None:
    with pytest.raises(ConfigError) as refused:
        services(text)
    assert refused.value.key == key
    assert words in str(refused.value)
