"""`factory doctor`: each line does the thing itself, so each is shown a machine or a home where the
thing is not so."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from harness.home.document import read_home, write_home
from harness.operations.doctor.doctor import checks_of, run_check
from harness.operations.doctor.finding import CheckResult
from harness.operations.doctor.forge_checks import forge_findings
from harness.operations.doctor.home_readiness import home_readiness
from harness.operations.doctor.machine_checks import KERNEL, sandbox_fix
from harness.operations.readiness import Answer
from harness.repository.trusted import FETCHED
from harness.store.lock import sole_factory
from tests.fakes.http_server import Request, serving
from tests.sandbox.small_root import NAME, small_root, tar_of
from tests.scenarios.conftest import FACTORY, Said, environment
from tests.scenarios.waiting import LONG

MODELS = 3
"""Models that the example's roles name."""
SECRET = "sk-a-secret-that-nobody-may-see"

MACHINE = ["python", "git", "sandbox", "browser", "wheels", "clock"]
HOME = [
    "home",
    "disk",
    "model",
    "keys",
    "store",
    "database",
    "ledger",
    "factory",
    "governance",
    "author",
    "dependencies",
    "root",
    "agents",
    "errors",
    "forge",
]


@pytest.fixture
def worked(demo, tmp_path):
    """A copy of a home whose factory has worked, to be spoiled."""
    home = tmp_path / "home"
    left_out = shutil.ignore_patterns("*.sock", "layers", "runs", "example")
    shutil.copytree(demo.home, home, symlinks=True, ignore=left_out)
    return home


@pytest.fixture
def endpoint():
    """An endpoint that answers 404 to whoever looks, and keeps what it was asked."""
    asked = []

    def answer(request: Request) -> None:
        if request.command != "HEAD":
            request.send_error(501)
            return
        asked.append(dict(request.headers))
        request.reply(404)

    with serving(answer) as server:
        yield server.url, asked


def doctor(home, *options, **variables):
    done = subprocess.run(
        [FACTORY, "doctor", *options],
        env={**environment(home), **variables},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def line(home, name):
    """The level and the words of one check, run by itself."""
    found = (
        dict(forge_findings(home))[name]
        if name == "forge"
        else run_check(dict(checks_of(home))[name])
    )
    assert (found.level == "ok") == (found.fix == "")
    return found.level, f"{found.message} {found.fix}"


def test_without_a_home_the_machine_alone_is_looked_at(tmp_path) -> None:
    said = doctor(tmp_path / "none", "--json")
    assert [check["name"] for check in said.json["checks"]] == [*MACHINE, "disk", "model"]
    assert said.code == 0
    assert not (tmp_path / "none").exists()
    questions = [one["question"] for one in said.json["readiness"]["abilities"]]
    assert questions == [
        "can triage work",
        "can a change be built",
        "can it be judged",
        "can anything merge here",
    ]


def test_a_home_that_has_worked_is_healthy_and_every_line_names_what_it_proved(worked) -> None:
    before = os.times()
    said = doctor(worked, "--json")
    after = os.times()
    assert (
        after.children_user + after.children_system - before.children_user - before.children_system
        < 10
    ), "seconds"
    checks = {check["name"]: check for check in said.json["checks"]}
    assert list(checks) == [*MACHINE, *HOME]
    assert (said.code, said.json["ok"]) == (0, True)
    assert {check["level"] for check in checks.values()} == {"ok"}
    assert "was made, fetched and verified" in checks["git"]["message"]
    assert "pressed a button" in checks["browser"]["message"]
    assert "chained to the signed head" in checks["ledger"]["message"]
    assert "4 workflows read and lint clean" in checks["governance"]["message"]
    # Recordings answered, so no model did; what was built, judged and landed before was tried.
    table = said.json["readiness"]["abilities"]
    assert {(one["answer"], one["because"]) for one in table} == {
        ("not tried", "no model was called")
    }
    assert "requirements.txt pins every package with a hash" in checks["dependencies"]["message"]


def test_the_lines_for_people_have_a_level_a_name_and_a_fix_and_a_key_is_never_shown(
    worked, endpoint
) -> None:
    """The endpoint answers 404 to whoever looks, and 501 to the call of each model."""
    (worked / "keys" / "ledger.key").chmod(0o644)
    url, asked = endpoint
    write_home(worked, replaced(worked, models="live", upstream=url))
    said = doctor(worked, ANTHROPIC_API_KEY=SECRET)
    assert said.code == 1
    assert "\x1b" not in said.out
    assert "\nfail  keys " in said.out
    assert "→ chmod 600" in said.out
    assert "ANTHROPIC_API_KEY is set" in said.out
    assert SECRET not in said.out + said.err
    assert said.out.startswith("can anything merge here?\n  can triage work         no ")
    assert "does not implement this call (501)" in said.out.partition("\n")[2].partition("\n")[0]
    assert said.out.count("\nfail  model call ") == MODELS
    assert "the next step\n  look whether ANTHROPIC_BASE_URL, or `upstream`" in said.out
    assert asked
    assert SECRET not in json.dumps(asked)


def replaced(home, **changes):
    from dataclasses import replace

    return replace(read_home(home), **changes)


def test_a_live_home_without_a_key_or_with_a_silent_endpoint_fails(worked, monkeypatch) -> None:
    write_home(worked, replaced(worked, models="live"))
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    level, words = line(worked, "model")
    assert level == "fail"
    assert "ANTHROPIC_API_KEY is not set" in words
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    level, words = line(worked, "model")
    assert level == "fail"
    assert "does not answer (ConnectError)" in words


def test_a_ledger_that_was_changed_fails(worked) -> None:
    with sqlite3.connect(worked / "ledger.db") as db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE entries SET kind = 'note' WHERE seq = 2")
    level, words = line(worked, "ledger")
    assert level == "fail"
    assert "not as it was signed" in words


def test_a_store_that_others_may_look_into_fails(worked) -> None:
    (worked / "sealed").chmod(0o755)
    level, words = line(worked, "store")
    assert level == "fail"
    assert "chmod 700" in words


def test_a_home_in_a_checkout_fails(worked, tmp_path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    level, words = line(worked, "store")
    assert level == "fail"
    assert "outside of every checkout" in words


def test_one_factory_at_work_is_no_fault(worked) -> None:
    with sole_factory(worked, command="a test"):
        assert line(worked, "factory") == ("ok", "one factory works here now ")
    (worked / "STOP").write_text("")
    assert "`factory resume` lifts that" in line(worked, "factory")[1]


def test_a_launcher_that_the_repository_does_not_trust_fails(worked) -> None:
    for path in (worked / "keys").glob("validator.key*"):
        path.unlink()
    level, words = line(worked, "governance")
    assert level == "fail"
    assert "does not trust this home's launcher" in words


def test_a_repository_without_an_app_is_told_before_all_else_that_nothing_can_merge(
    worked, tmp_path
) -> None:
    amend(worked, tmp_path, change=('start = ["python"', 'start = [] # ["python"'))
    checks = dict(checks_of(worked))
    found = home_readiness(
        worked,
        [CheckResult(name, run_check(checks[name])) for name in ("model", "governance", "sandbox")],
        here=tmp_path,
    )
    assert found.can_merge is Answer.NO
    assert "`[app] start` in factory.toml is empty" in found.abilities[-1].because
    assert "name in factory.toml, as `[app] start`" in found.next_step


def test_an_agent_that_the_repository_picks_has_to_be_installed(worked, tmp_path) -> None:
    assert line(worked, "agents")[0] == "ok"
    amend(worked, tmp_path, '\n[agents.theirs]\nkind = "codex"\n')
    level, words = line(worked, "agents")
    assert level == "fail"
    assert "`factory agents install codex`" in words


GIT = {"version": "1.0.0", "resolved": "git+ssh://git@host.invalid/moon.git"}


def test_a_lock_is_read_to_its_last_entry_and_what_its_packages_need_is_looked_for(
    worked, tmp_path, monkeypatch
) -> None:
    lock = {"lockfileVersion": 3, "packages": {"node_modules/moon": GIT}}
    amend(worked, tmp_path, npm_lock=json.dumps(lock))
    level, words = line(worked, "dependencies")
    assert level == "fail"
    assert "`node_modules/moon` comes from 'git+ssh" in words
    amend(worked, tmp_path, npm_lock='{"lockfileVersion": 3, "packages": {}}')
    (tmp_path / "npm").write_text('#!/bin/sh\necho \'{"registry": "https://npm.invalid/x"}\'\n')
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    level, words = line(worked, "dependencies")
    assert level == "ok"
    assert "they come from npm.invalid, npm's `registry` here, for /usr/bin/node" in words


def test_a_service_s_programs_are_looked_for_where_sandboxes_look(worked, tmp_path) -> None:
    amend(worked, tmp_path, '\n[[services]]\nname = "db"\nstart = ["sh"]\n')
    level, words = line(worked, "dependencies")
    assert level == "ok"
    assert "services can be started: db" in words
    amend(worked, tmp_path, '\n[[services]]\nname = "cache"\nstart = ["/nowhere/redis"]\n')
    level, words = line(worked, "dependencies")
    assert level == "fail"
    assert "service cache needs /nowhere/redis" in words


def test_a_root_file_system_is_compared_and_a_command_starts_in_it(worked, tmp_path) -> None:
    assert line(worked, "root") == ("ok", "none is named, so sandboxes see this machine's own ")
    content = tar_of(small_root(tmp_path / "source"))
    name = hashlib.sha256(content).hexdigest()
    amend(worked, tmp_path, f'\n[sandbox]\nroot = "sha256:{name}"\n')
    level, words = line(worked, "root")
    assert level == "fail"
    assert f"{worked}/roots/{name}, a tar with its ending" in words
    (worked / "roots").mkdir()
    (worked / "roots" / f"{name}.tar").write_bytes(content)
    level, words = line(worked, "root")
    assert level == "ok", words
    assert f"has its digest, and a command starts in it: {NAME}" in words


def amend(home, folder, more="", *, npm_lock="", change=("", "")) -> None:
    """What was fetched last, as if this were at the end of its factory.toml, with that in place of
    this, and the app had this lock."""
    repository = next((home / "repositories").glob("*.git"))
    around = {
        "PATH": os.environ["PATH"],
        "GIT_DIR": str(repository),
        "GIT_INDEX_FILE": str(folder / "index"),
        **{
            f"GIT_{who}_{what}": "a@localhost"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }

    def git(*words, stdin=None):
        return subprocess.run(
            ["git", *words], env=around, input=stdin, text=True, capture_output=True, check=True
        ).stdout.strip()

    ref = f"{FETCHED}/heads/main"
    git("read-tree", ref)
    config = git("show", f"{ref}:factory.toml").replace(*change, 1) + more
    if npm_lock:
        config = config.replace('lock = "requirements.txt"', 'lock = "package-lock.json"')
    for name, text in (("factory.toml", config), ("package-lock.json", npm_lock)):
        blob = git("hash-object", "-w", "--stdin", stdin=text)
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    git("update-ref", ref, git("commit-tree", "-p", ref, "-m", "another agent", git("write-tree")))


def test_a_token_that_is_gone_fails(worked) -> None:
    (worked / "keys" / "forge.token").unlink()
    level, words = line(worked, "forge")
    assert level == "fail"
    assert "token for the forge cannot be read" in words


def test_a_forge_that_runs_is_asked_what_the_token_may(worked) -> None:
    from harness.home.programs import forge_of

    with forge_of(worked, read_home(worked)):
        level, words = line(worked, "forge")
        assert level == "ok"
        assert "the token may write to it" in words
        (worked / "keys" / "forge.token").write_text("wrong\n")
        assert line(worked, "forge")[0] == "fail"


def test_a_home_of_another_version_fails_by_name(worked) -> None:
    (worked / "home.json").write_text('{"schema": 99}')
    level, words = line(worked, "home")
    assert level == "fail"
    assert "99" in words


def test_a_wheels_cache_that_cannot_be_made_fails(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    level, words = line(tmp_path / "none", "wheels")
    assert level == "fail"
    assert "Not a directory" in words


@pytest.mark.parametrize("number", range(len(KERNEL)))
def test_the_kernels_own_switch_is_named(tmp_path, number) -> None:
    switches = [
        (str(tmp_path / Path(path).name), forbids, allows) for path, forbids, allows in KERNEL
    ]
    path, forbids, allows = switches[number]
    Path(path).write_text(f"{forbids}\n")
    assert sandbox_fix(tuple(switches)).endswith(f"or set `sysctl -w {allows}`")
    Path(path).write_text("7\n")
    assert "bubblewrap" in sandbox_fix(tuple(switches))
