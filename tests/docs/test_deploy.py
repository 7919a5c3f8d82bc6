"""What is offered for production names only what exists. `test_image` builds it."""

import json
import re
import shlex
import tomllib

from tests.docs.dockerfile import DEPLOY, apt_packages, environment, instructions, last
from tests.docs.pages import ROOT
from tests.docs.program import refuse_unknown

SETUP = (ROOT / ".ci" / "setup").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
KNOWN = {
    "FROM",
    "RUN",
    "COPY",
    "ENV",
    "USER",
    "WORKDIR",
    "VOLUME",
    "HEALTHCHECK",
    "ENTRYPOINT",
    "CMD",
}


def pip():
    return [
        command
        for word, rest in instructions()
        if word == "RUN"
        for command in rest.split("&&")
        if "/pip " in command
    ]


def test_every_instruction_is_one_that_exists() -> None:
    assert {word for word, _ in instructions()} <= KNOWN


def test_what_is_copied_is_there_and_is_all_that_the_build_sees() -> None:
    copied = {
        name
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for name in rest.split()[:-1]
    }
    assert {name for name in copied if not (ROOT / name).exists()} == set()
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == copied


def test_the_packages_are_those_of_set_up() -> None:
    always = re.search(r"^lack (.+?) +#", SETUP, re.MULTILINE)[1].split()
    on_debian = re.search(r"then lack ([\w-]+)$", SETUP, re.MULTILINE)[1].split()
    assert {"bubblewrap", "chromium-headless-shell"} <= {*always, *on_debian}
    assert {*always, *on_debian, "git", "python3", "ca-certificates"} == apt_packages(1)


def test_what_is_installed_is_locked_by_hash() -> None:
    installs = [command for command in pip() if "pip install" in command]
    assert installs
    for command in installs:
        assert {"--require-hashes", "-r"} <= set(command.split()) or {
            "--no-index",
            "--no-deps",
        } <= set(command.split())


def test_the_tools_of_development_go_and_what_the_factory_needs_stays() -> None:
    (uninstall,) = [command for command in pip() if "uninstall" in command]
    gone = {word.lower() for word in uninstall.split()[3:]}
    assert gone == {_name(need) for need in PROJECT["optional-dependencies"]["dev"]} - {
        _name(n) for n in PROJECT["dependencies"]
    }


def test_it_does_not_run_as_root_and_keeps_its_state_in_one_volume() -> None:
    assert last("USER") == "factory"
    env = environment(last("ENV"))
    assert env["FACTORY_HOME"].startswith(last("VOLUME") + "/")
    assert not env["XDG_CACHE_HOME"].startswith(env["FACTORY_HOME"]), (
        "wheels are shown to boxes, the store must not be"
    )


def test_every_command_of_the_program_exists() -> None:
    entry = json.loads(last("ENTRYPOINT"))
    refuse_unknown((*entry, *json.loads(last("CMD"))))
    refuse_unknown(tuple(json.loads(last("HEALTHCHECK").partition("CMD ")[2])))
    for unit in DEPLOY.glob("*.service"):
        for line in re.findall(r"^Exec\w+=[-@:+!|]*(.+)$", unit.read_text("utf-8"), re.MULTILINE):
            refuse_unknown(tuple(shlex.split(line)))


def _name(requirement):
    return re.split(r"[<>=!~\[ ;]", requirement)[0].lower()
