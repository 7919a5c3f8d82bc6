"""What a git of ours inherits (nothing), how a token travels, and how a call ends that would
not."""

import base64
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.domain.errors import GitError
from harness.repository.environment import environment
from harness.repository.plumbing import Git
from harness.repository.remote import Remote
from tests.fakes.http_server import Request, serving
from tests.repository.naive import git

GITS_OWN = {
    "GIT_DIR",
    "GIT_PREFIX",
    "GIT_EXEC_PATH",
    "GIT_CONFIG_PARAMETERS",
    "PWD",
    "SHLVL",
    "_",
    "OLDPWD",
}


def seen_by_git(git: Git) -> dict[str, str]:
    """The environment of a command that git starts, by way of an alias."""
    printed = git.output("-c", "alias.environment=!env -0", "environment").decode()
    return dict(line.split("=", 1) for line in printed.split("\0") if line)


def test_git_sees_the_closed_environment_and_nothing_of_ours(town, monkeypatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/tmp/evil")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.fsmonitor=/tmp/evil'")
    monkeypatch.setenv("GIT_TRACE", "/tmp/evil")
    monkeypatch.setenv("https_proxy", "http://evil")
    seen = seen_by_git(town.trusted.git)
    expected = environment()
    assert {
        name: value for name, value in seen.items() if name not in GITS_OWN and name != "PATH"
    } == {name: value for name, value in expected.items() if name != "PATH"}
    assert seen["PATH"].endswith(expected["PATH"])  # git puts its own folder before it
    assert "evil" not in str(seen)


def test_a_variable_that_turns_plain_git_elsewhere_turns_nothing_here(town, monkeypatch) -> None:
    """A factory that is started from a hook inherits GIT_DIR."""
    base = town.started()
    elsewhere = {"GIT_DIR": str(town.forge)}
    assert git(town.author.folder, "rev-parse", "--is-bare-repository") == b"false\n"
    assert git(town.author.folder, "rev-parse", "--is-bare-repository", env=elsewhere) == b"true\n"
    monkeypatch.setenv("GIT_DIR", str(town.forge))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nonexistent")
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    assert town.trusted.read(base, "app.py") == b"print('hello')\n"
    assert town.trusted.tip("main") == base


def test_what_a_repositorys_own_config_plants_is_overruled(town) -> None:
    """The guard refuses such a config before git starts; this is what holds where something slips
    past the guard."""
    base, marker = town.started(), town.home / "ran"
    evil = town.home / "evil.sh"
    evil.write_text(f"#!/bin/sh\necho ran >> {marker}\n")
    evil.chmod(0o755)
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.alternateRefsCommand"):
        git(town.author.folder, "config", key, str(evil))
    theirs = Git(town.author.folder / ".git")
    theirs.output("-c", f"core.worktree={town.author.folder}", "status")
    assert not marker.exists()
    git(town.author.folder, "status")
    assert marker.exists()
    assert theirs.line("rev-parse", "HEAD") == base


@pytest.mark.parametrize("url", ["ssh://host/x", "git://127.0.0.1/x", "ext::true"])
def test_a_transport_that_we_do_not_use_is_not_there(town, url) -> None:
    assert (
        f"transport '{url.split(':')[0]}' not allowed" in town.trusted.git.run("ls-remote", url).err
    )


class Gatekeeper:
    """An HTTP server that answers everything with one status, and keeps what it was shown."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.status, self.headers, self.url = status, headers, ""
        self.shown: list[str | None] = []
        self.argument_lists: list[bytes] = []

    def answer(self, request: Request) -> None:
        self.argument_lists.append(b"\n".join(command_lines()))
        self.shown.append(request.headers.get("Authorization"))
        request.reply(self.status, headers=self.headers)


def command_lines() -> list[bytes]:
    """The argument list of every process that runs now."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes())
        except OSError:
            continue
    return found


@pytest.fixture
def gatekeeper():
    with ExitStack() as stack:

        def make(status: int, headers: dict[str, str] | None = None) -> Gatekeeper:
            keeper = Gatekeeper(status, headers)
            keeper.url = f"{stack.enter_context(serving(keeper.answer)).url}/a/b.git"
            return keeper

        yield make


def test_the_token_is_shown_to_the_forge_and_to_no_argument_list(town, gatekeeper) -> None:
    forge = gatekeeper(403)
    with pytest.raises(
        GitError, match=r"the token is missing, expired or not allowed to: .*403"
    ) as refused:
        Remote(forge.url, lambda: "tell-nobody").branch_tip(town.trusted.git, "main")
    header = base64.b64encode(b"x-access-token:tell-nobody").decode()
    assert forge.shown == [f"Basic {header}"]
    assert b"ls-remote" in forge.argument_lists[0]  # the git that asked was seen at work
    for secret in (b"tell-nobody", header.encode()):
        assert secret not in forge.argument_lists[0]
    assert "tell-nobody" not in str(refused.value)
    assert header not in str(refused.value)
    assert not refused.value.retryable


def test_the_token_does_not_follow_a_redirect(town, gatekeeper) -> None:
    elsewhere = gatekeeper(200)
    forge = gatekeeper(302, {"Location": elsewhere.url + "/info/refs?service=git-upload-pack"})
    with pytest.raises(GitError):
        Remote(forge.url, lambda: "tell-nobody").branch_tip(town.trusted.git, "main")
    assert len(forge.shown) == 1
    assert elsewhere.shown == []


def test_without_a_token_none_is_sent_and_nobody_is_asked(town, gatekeeper) -> None:
    forge = gatekeeper(401, {"WWW-Authenticate": "Basic realm=x"})
    with pytest.raises(GitError, match="the token is missing") as refused:
        Remote(forge.url).branch_tip(town.trusted.git, "main")
    assert forge.shown == [None]
    assert not refused.value.retryable


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_forge_that_stumbles_may_be_asked_again(town, gatekeeper, status) -> None:
    with pytest.raises(GitError) as stumbled:
        Remote(gatekeeper(status).url).branch_tip(town.trusted.git, "main")
    assert stumbled.value.retryable


def test_a_forge_that_nobody_answers_for_may_be_asked_again(town) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/x.git"
        with pytest.raises(GitError) as refused:
            Remote(url).branch_tip(town.trusted.git, "main")
    assert refused.value.retryable


def test_a_call_that_hangs_is_ended_with_everything_it_started(town) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x.git"
        with pytest.raises(GitError, match=r"took more than 0\.5 s") as late:
            town.trusted.git.run("ls-remote", url, seconds=0.5)
    assert late.value.retryable
    until = time.monotonic() + 60  # a signal is sent at once, and heard when its process has a turn
    while any(url.encode() in line for line in command_lines()):
        assert time.monotonic() < until, "what it had started goes on"
        time.sleep(0.01)
