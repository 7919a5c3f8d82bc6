"""`factory init` on real repositories: what it writes, what it leaves alone, and what it says where
it cannot."""

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.domain.sandbox import Bind, SandboxLimits, SandboxSpec
from harness.factory.settings.config import read_config
from harness.home.document import wheels_folder
from harness.operations.setup.init import drafts_for, init_repository
from harness.programs.sandbox.client import SandboxSupervisor
from tests.scenarios.conftest import FACTORY, environment, factory
from tests.scenarios.waiting import LONG

ROOT = Path(__file__).resolve().parents[3]
APPS = ROOT / "tests" / "onboarding" / "apps"
TIDEBOOK = ROOT / "examples" / "tidebook"
GOVERNED = ("mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml")
WRITTEN = [
    *GOVERNED,
    *(f".github/ISSUE_TEMPLATE/{name}.yml" for name in ("bug", "feature", "config")),
    ".github/labels.json",
]
VISIT = """
import json, os, subprocess, sys, time, urllib.request
start, port_env, ready, seed = json.loads(sys.argv[1])
environment = {**os.environ, port_env: "8123"}
if seed:
    subprocess.run(seed, env=environment, check=True, stdout=subprocess.DEVNULL)
app = subprocess.Popen(start, env=environment)
until = time.monotonic() + 300
while app.poll() is None and time.monotonic() < until:
    try:
        print(urllib.request.urlopen(f"http://127.0.0.1:8123{ready}", timeout=60).status)
        break
    except OSError:
        time.sleep(0.1)
app.kill()
"""


def git(folder, *arguments):
    variables = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    author = (
        "-c",
        "user.name=Mara",
        "-c",
        "user.email=mara@example.org",
        "-c",
        "protocol.file.allow=always",
    )
    done = subprocess.run(
        ["git", *author, "-C", str(folder), *arguments],
        env=variables,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode("utf-8", "replace").strip()


def repository(folder, *, branch="main"):
    folder.mkdir(exist_ok=True)
    git(folder, "init", "--quiet", f"--initial-branch={branch}")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    return folder


@pytest.fixture
def app(tmp_path):
    """A repository with one of the apps, or with Tidebook less what governs it."""

    def copied(name):
        source = TIDEBOOK if name == "tidebook" else APPS / name
        shutil.copytree(
            source, tmp_path / name, ignore=shutil.ignore_patterns(*GOVERNED, "__pycache__", "data")
        )
        return repository(tmp_path / name)

    return copied


@pytest.fixture
def init(tmp_path):
    return lambda folder, *options: factory(tmp_path / "home", "init", str(folder), *options)


def commit_all(folder) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Drafts")


def answered(folder, layers):
    """The status with which the app answers in a sandbox, started as its factory.toml says, as the
    judge does."""
    config = read_config((folder / "factory.toml").read_text())
    sandboxes = SandboxSupervisor(layers)
    layer = sandboxes.layer(
        (folder / config.dependencies.lock).read_bytes(),
        name=config.dependencies.lock,
        wheels=wheels_folder(),
    )
    data = layers.with_name("data")
    data.mkdir()
    asked = json.dumps(
        [config.app.start, config.app.port_env, config.app.ready, config.app.seed_command]
    )
    env = {
        "PYTHONPATH": "/opt/packages",
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict(config.app.env),
        config.app.data: "/data",
    }
    binds = (
        Bind(str(folder), "/app"),
        layer.bind("/app", apart="/opt/packages"),
        Bind(str(data), "/data", "rw"),
    )
    result = sandboxes.run(
        SandboxSpec(
            "app",
            ("python", "-c", VISIT, asked),
            cwd="/app",
            env=env,
            limits=SandboxLimits(wall_seconds=600),
            binds=binds,
        )
    )
    return result.stdout.decode().strip().rpartition("\n")[2] or result.stderr.decode()[-500:]


def report_of(folder, layers):
    """What the tests' report says, run in a sandbox as factory.toml has them."""
    config = read_config((folder / "factory.toml").read_text())
    sandboxes, out = SandboxSupervisor(layers), layers.with_name("out")
    out.mkdir()
    layer = sandboxes.layer(
        (folder / config.dependencies.tests).read_bytes(),
        name=config.dependencies.tests,
        wheels=wheels_folder(),
    )
    sandboxes.run(
        SandboxSpec(
            "tests",
            config.tests.command,
            cwd="/app",
            limits=SandboxLimits(wall_seconds=600),
            binds=(
                Bind(str(folder), "/app"),
                layer.bind("/app", apart="/layer"),
                Bind(str(out), str(Path(config.tests.report).parent), "rw"),
            ),
            env={"PYTHONPATH": "/layer", "PYTHONDONTWRITEBYTECODE": "1"},
        )
    )
    return (out / Path(config.tests.report).name).read_text()


def test_tidebook_without_its_files_gets_them_back_so_well_that_it_starts(
    app, init, tmp_path
) -> None:
    folder = app("tidebook")
    said = init(folder, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["written"] == WRITTEN
    assert said.json["missing"] == []
    ours, theirs = (
        read_config((place / "factory.toml").read_text()) for place in (folder, TIDEBOOK)
    )
    assert (ours.app, ours.dependencies) == (theirs.app, theirs.dependencies)
    assert answered(folder, tmp_path / "layers") == "200"
    assert 'tests="9" ' in report_of(folder, tmp_path / "layers")
    assert factory(tmp_path, "rules", "lint", str(folder)).out == "clean\n"
    assert factory(tmp_path, "rules", "test", str(folder)).code == 0


def test_the_blog_starts_once_it_has_the_lock_it_was_asked_to_make(app, init, tmp_path) -> None:
    folder = app("blog")
    said = init(folder)
    assert said.code == 0
    assert (
        "start: `python -m flask --app blog run` with its port in $FLASK_RUN_PORT, because"
        " blog/__init__.py:10" in said.out
    )
    assert (
        "make it with `uv pip compile --generate-hashes requirements.txt -o requirements.lock`, and"
        " commit it" in said.out
    )
    shutil.copy(TIDEBOOK / "requirements.txt", folder / "requirements.lock")
    assert answered(folder, tmp_path / "layers") == "200"


@pytest.mark.parametrize("name", ["blog", "express", "library", "handbook"])
def test_what_is_drafted_lints_clean_before_and_after_the_commit(app, init, tmp_path, name) -> None:
    folder = app(name)
    assert init(folder).code == 0
    assert factory(tmp_path, "rules", "lint", str(folder)).out == "clean\n"
    commit_all(folder)
    assert factory(tmp_path, "rules", "lint", str(folder)).out == "clean\n"
    again = init(folder)
    assert again.code == 0
    assert "Nothing to draft" in again.out
    assert git(folder, "status", "--porcelain") == ""


def test_a_repository_that_is_governed_already_keeps_every_byte(init, tmp_path) -> None:
    folder = tmp_path / "ours"
    git(tmp_path, "clone", "--quiet", "--depth=1", ROOT.as_uri(), str(folder))
    # A runner's checkout is on no branch, and so is its clone.
    git(folder, "switch", "--quiet", "-C", "ours")
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    said = init(folder, "--json")
    assert said.code == 0
    assert not set(said.json["written"]) & {"mission.md", "factory_rules.md", "CLAUDE.md"}
    kept = {
        "mission.md: it binds already",
        "factory_rules.md: it binds already",
        "CLAUDE.md: it was there",
    }
    assert kept <= set(said.json["kept"])
    assert git(folder, "diff", "--stat", tree) == ""


def test_prose_is_left_where_it_is_and_its_draft_stands_beside_it(app, init, tmp_path) -> None:
    folder = app("library")
    (folder / "mission.md").write_text("# Tally\n\nIt will never phone home.\n")
    (folder / "Factory_Rules.md").write_text("A change must have at most 150 lines.\n")
    commit_all(folder)
    said = init(folder)
    assert (folder / "mission.md").read_text() == "# Tally\n\nIt will never phone home.\n"
    assert "`git mv -f mission.draft.md mission.md` adopts the draft" in said.out
    assert (
        "F-SIZE in shadow, because Factory_Rules.md:1 reads “A change must have at most 150 lines.”"
        in said.out
    )
    assert "max: 150" in (folder / "factory_rules.draft.md").read_text()
    commit_all(folder)
    git(folder, "mv", "-f", "mission.draft.md", "mission.md")
    git(folder, "mv", "-f", "factory_rules.draft.md", "Factory_Rules.md")
    assert factory(tmp_path, "rules", "lint", str(folder)).out == "clean\n"


def test_prose_that_contradicts_itself_is_reported_before_it_is_adopted(init, tmp_path) -> None:
    shutil.copytree(ROOT / "tests" / "onboarding" / "public-factory-prose", tmp_path / "lanternbox")
    folder = repository(tmp_path / "lanternbox")
    said = init(folder, "--dry-run").out
    assert (
        "\ncontradictions in the prose\n  MISSION.md:21 “An issue gets at most 3 attempts" in said
    )
    found = init(folder, "--json").json
    assert len(found["contradictions"]) == 9
    assert {"factory_rules.draft.md", "mission.draft.md"} <= set(found["written"])
    assert "status: shadow" in (folder / "factory_rules.draft.md").read_text()
    commit_all(folder)
    git(folder, "mv", "-f", "mission.draft.md", "MISSION.md")
    for format_ in ("issue-forms", "labels"):
        assert (
            factory(tmp_path, "rules", "export", format_, str(folder), "--check").out
            == "nothing differs\n"
        )


def test_its_last_lines_say_whether_anything_can_merge_and_the_one_next_step(
    init, tmp_path, monkeypatch
) -> None:
    """Documents alone have nothing to judge, which a key would not mend."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    folder = tmp_path / "tides"
    folder.mkdir()
    (folder / "README.md").write_text("# Tides\n\nWhen the water is high.\n")
    repository(folder)
    said = init(folder, "--yes").out.splitlines()
    begins = said.index("can anything merge here?")
    triage, _, judge, merge = said[begins + 1 : begins + 5]
    assert triage.split("  no  ")[1].strip() == "no key: ANTHROPIC_API_KEY is not set"
    assert "`[app] start` in factory.toml is empty" in judge
    assert merge.startswith("  can anything merge here no ")
    assert said[-2] == "the next step"
    assert said[-1].startswith("  name in factory.toml, as `[app] start`, the command that starts")
    found = init(folder, "--json").json["readiness"]
    assert [one["answer"] for one in found["abilities"]] == ["no"] * 4
    assert found["next_step"] == said[-1].strip()


def test_a_dry_run_prints_and_writes_nothing(app, init) -> None:
    folder = app("blog")
    said = init(folder, "--dry-run")
    assert said.code == 0
    assert "--- mission.md" in said.out
    assert "id: M-WORKS" in said.out
    assert git(folder, "status", "--porcelain") == ""
    (folder / ".github").mkdir()
    (folder / ".github" / "labels.yml").write_text("[]\n")
    found = init(folder, "--dry-run", "--json").json
    assert found["written"] == []
    assert [draft["path"] for draft in found["drafts"]] == WRITTEN[:-1]


def test_a_maintainer_keeps_proposals_by_number(app, init) -> None:
    folder = app("library")
    proposals = init(folder, "--dry-run", "--json").json["proposals"]
    done = init(folder, "--keep", "1,3", "--json").json
    text = (folder / "mission.md").read_text()
    assert {number for number, title in proposals.items() if title in text} == {"1", "3"}
    assert set(done["proposals"]) == set(proposals) - {"1", "3"}


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("8", "no proposal 8"),
        ("0", "no proposal 0"),
        ("two", "expected the numbers"),
        ("-1", "expected the numbers"),
    ],
)
def test_what_cannot_be_kept_is_refused(app, init, keep, message) -> None:
    folder = app("library")
    said = init(folder, f"--keep={keep}")
    assert said.code == 2
    assert message in said.err
    assert not (folder / "mission.md").exists()


def test_on_a_terminal_the_maintainer_is_asked(app, tmp_path) -> None:
    folder = app("library")
    above, below = pty.openpty()
    asked = subprocess.Popen(
        [FACTORY, "init", str(folder)],
        stdin=below,
        stdout=below,
        stderr=below,
        start_new_session=True,
        env=environment(tmp_path / "home"),
    )
    os.close(below)
    said = b""
    while b"Write which" not in said:
        said += os.read(above, 4096)
    os.write(above, b"2\n")
    deadline = time.monotonic() + LONG
    while asked.poll() is None and time.monotonic() < deadline:
        try:
            os.read(above, 4096)
        except OSError:
            break
    assert asked.wait(LONG) == 0
    os.close(above)
    assert b"  2  No telemetry" in said
    text = (folder / "mission.md").read_text()
    assert ("No telemetry" in text, "No graphical interface" in text) == (True, False)


def bare(folder) -> None:
    folder.mkdir()
    git(folder, "init", "--quiet", "--bare")


def without_commits(folder) -> None:
    folder.mkdir()
    git(folder, "init", "--quiet")


def detached(folder) -> None:
    repository(folder)
    git(folder, "checkout", "--quiet", "--detach")


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (Path.mkdir, 2, "is not in a git repository"),
        (lambda folder: None, 2, "is not a folder"),
        (without_commits, 2, "has no commit yet"),
        (bare, 2, "is a bare repository"),
        (detached, 2, "is detached"),
        (
            lambda folder: (folder.mkdir(), (folder / ".git").write_text("nonsense")),
            2,
            "neither git's folder nor a file",
        ),
        (
            lambda folder: (folder.mkdir(), (folder / ".git").write_text("gitdir: ../gone")),
            2,
            "which does not exist",
        ),
    ],
    ids=[
        "no-repository",
        "no-folder",
        "no-commits",
        "bare",
        "detached",
        "odd-git-file",
        "lost-git-folder",
    ],
)
def test_where_there_is_nothing_to_work_on_one_line_names_it(
    init, tmp_path, make, code, message
) -> None:
    make(tmp_path / "there")
    said = init(tmp_path / "there")
    assert (said.code, said.out) == (code, "")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert init(tmp_path / "there", "--json").json["ok"] is False


def test_a_detached_checkout_may_be_looked_at(init, tmp_path) -> None:
    detached(tmp_path / "there")
    assert init(tmp_path / "there", "--dry-run").code == 0


def test_another_branch_and_another_default_branch_are_named(app, init, tmp_path) -> None:
    origin = repository(tmp_path / "origin", branch="trunk")
    git(tmp_path, "clone", "--quiet", str(origin), str(tmp_path / "clone"))
    git(tmp_path / "clone", "switch", "--quiet", "--create", "idea")
    said = init(tmp_path / "clone", "--json")
    assert said.json["default_branch"] == "trunk"
    assert said.json["notes"] == [
        "you are on idea; the factory reads trunk, the default branch, so the drafts bind once they"
        " are there"
    ]


def test_a_folder_within_leads_to_the_top_and_a_linked_worktree_is_one(app, init, tmp_path) -> None:
    folder = app("library")
    assert init(folder / "src", "--json").json["folder"] == str(folder)
    git(folder, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    assert init(tmp_path / "linked").code == 0
    assert (tmp_path / "linked" / "factory.toml").exists()


def test_submodules_large_files_links_and_odd_names_are_named(init, tmp_path) -> None:
    inner, folder = repository(tmp_path / "inner"), tmp_path / "outer"
    folder.mkdir()
    (folder / ".gitattributes").write_text("*.png filter=lfs\n")
    (folder / "a.png").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 3\n"
    )
    (folder / "out").symlink_to(tmp_path)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.py")).write_text("")
    (folder / "gone.py").write_text("")
    repository(folder)
    git(folder, "submodule", "--quiet", "add", str(inner), "vendored")
    (folder / "gone.py").unlink()
    said = init(folder)
    assert said.code == 0
    for words in (
        "submodules: vendored;",
        "Git LFS pointers: a.png;",
        "links that lead out: out;",
        "'caf\\udce9.py'",
        "tracked files that cannot be read: gone.py;",
    ):
        assert words in said.out


@pytest.mark.parametrize("name", ["mission.md", ".github"])
def test_nothing_is_written_through_a_link(init, tmp_path, name) -> None:
    folder, outside = repository(tmp_path / "there"), tmp_path / "outside"
    outside.mkdir()
    (folder / name).symlink_to(outside if name == ".github" else outside / "mission.md")
    said = init(folder)
    assert list(outside.iterdir()) == []
    if name == ".github":
        assert said.code == 2
        assert ".github" in said.err
    else:
        assert "mission.md" in said.out


def test_two_at_once_write_each_file_once(tmp_path) -> None:
    for number in range(10):
        folder = repository(tmp_path / str(number))
        with ThreadPoolExecutor(2) as two:
            wrote = [
                draft.path
                for found in two.map(init_repository, [folder, folder])
                for draft in found.wrote
            ]
        assert sorted(wrote) == sorted(WRITTEN)


def test_a_hook_and_a_filter_of_the_repository_do_not_run(init, tmp_path) -> None:
    folder = repository(tmp_path / "there")
    mark = tmp_path / "ran"
    script = folder / "evil"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.alternateRefsCommand",
        "filter.x.smudge",
    ):
        git(folder, "config", key, str(script))
    shutil.copy(script, folder / ".git" / "hooks" / "post-index-change")
    assert init(folder).code == 0
    assert not mark.exists()


def test_a_history_that_cannot_be_read_stops_no_draft(init, tmp_path) -> None:
    """The parent of the only commit does not exist: whoever needs it fails."""
    folder = repository(tmp_path / "there")
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    commit = (
        f"tree {tree}\nparent {'1' * 40}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n"
    )
    (tmp_path / "commit").write_text(commit)
    lonely = git(folder, "hash-object", "-t", "commit", "-w", str(tmp_path / "commit"))
    git(folder, "update-ref", "refs/heads/main", lonely)
    assert init(folder).code == 0


@pytest.mark.soak("30,000 commits; the test above sees whoever walks a history")
def test_a_long_history_costs_nothing(tmp_path) -> None:
    short, long = repository(tmp_path / "short"), repository(tmp_path / "long")
    head = git(long, "rev-parse", "HEAD")
    stream = "".join(
        f"commit refs/heads/main\ncommitter a <a@b> {number} +0000\ndata 1\nx\n"
        f"{f'from {head}' if number == 1 else ''}\n"
        for number in range(1, 30_001)
    )
    subprocess.run(
        ["git", "-C", str(long), "fast-import", "--quiet"], input=stream.encode(), check=True
    )
    assert int(git(long, "rev-list", "--count", "HEAD")) > 30_000

    def seconds(folder):
        """Of a processor, ours and those of the git that we start: the clock says how busy the
        machine is."""
        before = os.times()
        assert drafts_for(folder)
        return sum(os.times()[:4]) - sum(before[:4])

    assert min(seconds(long) for _ in range(3)) < 0.1 + 2 * min(seconds(short) for _ in range(3))


def test_no_colour_is_sent_where_none_is_wanted(app, init) -> None:
    assert "\x1b" not in init(app("handbook")).out


def test_the_drafts_of_a_plain_folder_are_those_of_the_repository(app) -> None:
    folder = app("blog")
    with_git = drafts_for(folder)
    shutil.rmtree(folder / ".git")
    assert drafts_for(folder) == with_git


def test_the_program_is_found_by_its_module_too(app) -> None:
    command = [sys.executable, "-m", "harness", "init", str(app("express")), "--json"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=LONG,
        stdin=subprocess.DEVNULL,
    )
    assert json.loads(done.stdout)["ok"] is True
