"""Taking somebody's repository: what comes, what is said of it, and that nothing at the original is
run or changed."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError, GitError
from harness.repository.export import export
from harness.repository.original.address import RepositoryAddress, address_of
from harness.repository.original.fetch import FetchLimits, fetch_original, refusal_of
from harness.repository.plumbing import Git, GitResult
from harness.repository.tree_edits import changed_tree, committed
from harness.repository.walk import WalkLimits
from tests.fakes.http_server import Request, serving
from tests.fakes.original import everything, git, repository_of

HERE = Path("/")


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").write_text("print(1)\n")
    (folder / "docs").mkdir()
    (folder / "docs" / "a.md").write_text("words\n")
    repository_of(folder)
    return folder


def take(folder, tmp_path, **limits):
    return fetch_original(address_of(str(folder), here=HERE), tmp_path / "store.git", **limits)


def listed(tmp_path, tree):
    return (
        Git(tmp_path / "store.git")
        .output("ls-tree", "-r", "-z", "--name-only", tree)
        .split(b"\0")[:-1]
    )


def test_the_files_of_the_tip_come_without_their_history(app, tmp_path) -> None:
    for number in range(3):
        (app / "app.py").write_text(f"print({number})\n")
        git(app, "commit", "--quiet", "--all", "--message", f"{number}")
    found = take(app, tmp_path)
    assert (found.commit, found.branch, found.notes) == (git(app, "rev-parse", "HEAD"), "main", ())
    assert found.tree == git(app, "rev-parse", "HEAD^{tree}")
    assert found.paths == {b"app.py", b"docs/a.md"}


def test_what_comes_does_not_grow_with_the_history(app, tmp_path) -> None:
    stream = b"".join(
        b"blob\nmark :%d\ndata 4096\n%b\ncommit refs/heads/main\ncommitter K <k@e.org> %d"
        b" +0000\ndata 1\nx\n%bM 100644 :%d old.bin\n"
        % (
            number,
            os.urandom(4096),
            1_700_000_000 + number,
            b"from refs/heads/main^0\n" if number == 1 else b"",
            number,
        )
        for number in range(1, 501)
    )
    git(app, "fast-import", "--quiet", "--force", given=stream)
    take(app, tmp_path)
    counted = dict(
        line.split(": ") for line in git(tmp_path / "store.git", "count-objects", "-v").splitlines()
    )
    assert (
        int(counted["count"]) + int(counted["in-pack"]) == 6
    )  # one commit, two trees, three files
    assert int(counted["size-pack"]) < 16


MARK = "#!/bin/sh\ntouch {ran}\ncat\n"


def test_a_hostile_original_runs_nothing_and_nothing_of_it_changes(app, tmp_path) -> None:
    ran = tmp_path / "ran"
    trap = tmp_path / "trap.sh"
    trap.write_text(MARK.format(ran=ran))
    trap.chmod(0o755)
    (app / ".gitattributes").write_text("* filter=trap diff=trap\n")
    git(app, "add", "--all")
    git(app, "commit", "--quiet", "--message", "filters")
    hooks = app / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "post-checkout",
        "post-upload-pack",
        "pre-auto-gc",
        "reference-transaction",
        "post-index-change",
        "fsmonitor-watchman",
        "pre-commit",
        "proc-receive",
        "update",
        "pre-receive",
    ):
        (hooks / name).write_text(trap.read_text())
        (hooks / name).chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "uploadpack.packObjectsHook",
        "filter.trap.smudge",
        "filter.trap.clean",
        "filter.trap.process",
        "diff.trap.command",
        "diff.external",
        "credential.helper",
        "remote.origin.uploadpack",
        "gpg.program",
    ):
        git(app, "config", key, f"!{trap}" if key == "credential.helper" else str(trap))
    git(app, "config", "remote.origin.url", f"ext::{trap}")
    git(app, "config", "remote.origin.promisor", "true")
    git(app, "config", "extensions.partialClone", "origin")
    git(app, "update-index", "--no-fsmonitor")
    ran.unlink(missing_ok=True)  # our own preparations may have sprung it
    before = everything(app)
    found = take(app, tmp_path)
    export(Git(tmp_path / "store.git"), found.tree, tmp_path / "out")
    assert not ran.exists()
    assert everything(app) == before
    assert (tmp_path / "out" / "app.py").read_text() == "print(1)\n"


def test_a_detached_head_is_taken_and_said(app, tmp_path) -> None:
    old = git(app, "rev-parse", "HEAD")
    git(app, "commit", "--quiet", "--allow-empty", "--message", "newer")
    git(app, "checkout", "--quiet", "--detach", old)
    found = take(app, tmp_path)
    assert (found.commit, found.branch) == (old, "main")
    assert found.notes == (f"its head is detached at {old:.10}; the copy has that commit on main",)


def test_another_default_branch_is_kept(app, tmp_path) -> None:
    git(app, "checkout", "--quiet", "-b", "release/2.x")
    assert take(app, tmp_path).branch == "release/2.x"


def test_a_branch_that_no_forge_would_take_gets_the_usual_name(app, tmp_path) -> None:
    git(app, "symbolic-ref", "HEAD", "refs/heads/a/-b")
    (app / ".git" / "refs" / "heads" / "a").mkdir()
    (app / ".git" / "refs" / "heads" / "a" / "-b").write_text(git(app, "rev-parse", "main") + "\n")
    found = take(app, tmp_path)
    assert (found.branch, found.notes) == (
        "main",
        ("its default branch is called main in the copy",),
    )


def test_a_linked_worktree_is_taken_at_its_own_head(app, tmp_path) -> None:
    git(app, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    assert take(tmp_path / "side", tmp_path).branch == "side"


def test_submodules_are_left_out_and_said(app, tmp_path) -> None:
    (app / "docs" / "a.md").unlink()
    git(app, "rm", "--quiet", "--cached", "docs/a.md")
    git(app, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},docs/theme")
    git(app, "update-index", "--add", "--cacheinfo", f"160000,{'2' * 40},vendored")
    git(app, "commit", "--quiet", "--message", "submodules")
    found = take(app, tmp_path)
    assert found.notes == ("2 submodules were left out: 'docs/theme', 'vendored'",)
    assert listed(tmp_path, found.tree) == [b"app.py"]


def test_lfs_pointers_stay_pointers_and_are_said(app, tmp_path) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 123456\n"
    (app / "big.bin").write_text(pointer)
    git(app, "add", "--all")
    (app / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    git(app, "add", "--all")
    git(app, "commit", "--quiet", "--message", "large")
    git(app, "config", "filter.lfs.smudge", "false")
    git(app, "config", "filter.lfs.required", "true")
    found = take(app, tmp_path)
    export(Git(tmp_path / "store.git"), found.tree, tmp_path / "out")
    assert found.notes == (
        "1 files are LFS pointers and stay so; what they point to is not fetched",
    )
    assert (tmp_path / "out" / "big.bin").read_text() == pointer


def test_names_that_are_not_utf8_and_names_that_differ_in_case_alone_are_kept_and_said(
    app, tmp_path
) -> None:
    for name in (b"caf\xe9.txt", b"README", b"readme"):
        (Path(os.fsdecode(os.fsencode(app) + b"/" + name))).write_text("x")
    git(app, "add", "--all")
    git(app, "commit", "--quiet", "--message", "odd names")
    found = take(app, tmp_path)
    assert {b"caf\xe9.txt", b"README", b"readme"} <= set(listed(tmp_path, found.tree))
    assert found.notes == (
        "1 paths differ from another in the case of letters alone; kept as they are",
        "1 file names are not UTF-8; kept as they are",
    )


def test_what_is_not_committed_does_not_come(app, tmp_path) -> None:
    (app / "new.py").write_text("x")
    (app / "app.py").write_text("changed\n")
    assert take(app, tmp_path).paths == {b"app.py", b"docs/a.md"}


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "is not a git repository"),
        (lambda folder: git(folder, "init", "--quiet"), "has no commit yet"),
        (
            lambda folder: (
                repository_of(folder, branch="side"),
                git(folder, "symbolic-ref", "HEAD", "refs/heads/gone"),
            ),
            "the default branch of",
        ),
    ],
    ids=["no-repository", "no-commit", "unborn"],
)
def test_what_cannot_be_taken_is_named(tmp_path, prepare, message) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "a").write_text("a")
    prepare(folder)
    with pytest.raises(ConfigError) as refused:
        take(folder, tmp_path)
    assert message in str(refused.value)
    assert str(folder) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"walk": WalkLimits(files=1)}, "has 2 files; the factory works on at most 1"),
        ({"walk": WalkLimits(file_bytes=8)}, "'app.py' has 0 MB"),
        ({"walk": WalkLimits(total_bytes=10)}, "MB of files"),
        ({"limits": FetchLimits(pack_bytes=4096)}, "packed; that is more than is accepted"),
    ],
)
def test_more_than_the_factory_works_on_is_refused_before_it_is_on_disk(
    app, tmp_path, limits, message
) -> None:
    (app / "large.bin").write_bytes(b"")
    git(app, "rm", "--quiet", "--cached", "docs/a.md")
    (app / "docs" / "a.md").unlink()
    (app / "large.bin").write_bytes(os.urandom(1 << 16) if "limits" in limits else b"tiny")
    git(app, "add", "--all")
    git(app, "commit", "--quiet", "--message", "large")
    with pytest.raises(ConfigError) as refused:
        take(app, tmp_path, **limits)
    assert message in str(refused.value)


def test_a_tree_that_lists_more_than_fits_is_refused(app, tmp_path) -> None:
    """Ten levels of ten times the same folder: ten milliards of files in a few hundred bytes."""
    blob = git(app, "hash-object", "-w", "--stdin", given=b"x")
    tree = git(
        app,
        "mktree",
        given="".join(f"100644 blob {blob}\tf{number}\n" for number in range(10)).encode(),
    )
    for _ in range(9):
        tree = git(
            app,
            "mktree",
            given="".join(f"040000 tree {tree}\td{number}\n" for number in range(10)).encode(),
        )
    git(app, "update-ref", "refs/heads/main", git(app, "commit-tree", tree, "-m", "bomb"))
    with pytest.raises(ConfigError, match="lists more than the factory works on"):
        take(app, tmp_path, limits=FetchLimits(pack_bytes=4 << 20))


@dataclass
class Host:
    """A host that asks for a name and a secret first, and knows no repository."""

    seconds: float = 0
    port: int = 0
    asked: list[str | None] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> None:
        self.asked.append(request.headers.get("authorization"))
        self.release.wait(self.seconds)
        request.send_error(401 if "authorization" not in request.headers else 404)


@pytest.fixture
def host():
    host = Host()
    with serving(host.answer) as server:
        host.port = server.server_port
        yield host
        host.release.set()


def test_a_name_and_a_secret_in_an_address_reach_the_server_and_no_message_argument_or_file(
    host, tmp_path
) -> None:
    address = address_of(f"http://kim:sk-secret@127.0.0.1:{host.port}/o/n.git", here=HERE)
    assert "kim" not in address.url + address.shown
    assert address.shown == "127.0.0.1/o/n"
    with pytest.raises(GitError) as refused:
        fetch_original(address, tmp_path / "store.git")
    assert host.asked[0] == "Basic a2ltOnNrLXNlY3JldA=="
    assert "secret" not in str(refused.value)
    assert not [
        path for path in tmp_path.rglob("*") if path.is_file() and b"sk-secret" in path.read_bytes()
    ]


def test_a_server_that_does_not_answer_is_given_up(host, tmp_path) -> None:
    host.seconds = 30
    with pytest.raises(GitError, match=r"took more than 0\.5 s") as late:
        fetch_original(
            address_of(f"http://127.0.0.1:{host.port}/o/n.git", here=HERE),
            tmp_path / "store.git",
            limits=FetchLimits(seconds=0.5),
        )
    assert late.value.retryable


@pytest.mark.parametrize(
    ("source", "url", "shown"),
    [
        ("https://example.org/o/n.git", "https://example.org/o/n.git", "example.org/o/n"),
        ("https://tok@example.org/o/n", "https://example.org/o/n", "example.org/o/n"),
        ("ssh://git@example.org:2222/o/n.git", "ssh://example.org:2222/o/n.git", "example.org/o/n"),
        ("git@example.org:o/n.git", "ssh://example.org/o/n.git", "example.org/o/n"),
        ("git://example.org/o/n", "git://example.org/o/n", "example.org/o/n"),
    ],
)
def test_addresses(source, url, shown) -> None:
    address = address_of(source, here=HERE)
    assert (address.url, address.shown) == (url, shown)


def test_ssh_asks_nobody_and_knows_the_account() -> None:
    settings = dict(address_of("git@example.org:o/n.git", here=HERE).settings)
    assert settings["core.sshCommand"] == "ssh -oBatchMode=yes -oConnectTimeout=20 -l git"


@pytest.mark.parametrize(
    "source",
    [
        "http://example.org/o/n",
        "ext::sh -c id",
        "ftp://example.org/n",
        "https://",
        "https://example.org/n?token=sk-secret",
        "ssh://git:sk-secret@example.org/n",
        "ssh://-oProxyCommand=id@example.org/n",
        "https://[::1/n",
        "https://example.org:x/n",
        "/nowhere/at/all",
        "-oProxyCommand=id:n",
    ],
)
def test_other_addresses_are_refused_without_repeating_a_secret(source) -> None:
    with pytest.raises(ConfigError) as refused:
        address_of(source, here=HERE)
    assert "sk-secret" not in str(refused.value)


def test_a_tree_is_changed_at_the_named_paths_and_nowhere_else(app, tmp_path) -> None:
    found = take(app, tmp_path)
    store = Git(tmp_path / "store.git")
    tree = changed_tree(
        store,
        found.tree,
        {
            b"mission.md": b"new",
            b".github/a/b.yml": b"deep",
            b"docs/a.md": None,
            b"app.py": b"print(2)\n",
        },
    )
    assert listed(tmp_path, tree) == [b".github/a/b.yml", b"app.py", b"mission.md"]
    assert store.output("cat-file", "blob", f"{tree}:app.py") == b"print(2)\n"
    commit = committed(
        store,
        tree,
        parents=(),
        message="m\n",
        author="Kim <k@e.org>",
        at="2030-05-04T09:00:00+00:00",
    )
    assert (
        store.output("show", "-s", "--format=%an %ae %cI %P", commit)
        == b"Kim k@e.org 2030-05-04T09:00:00+00:00 \n"
    )


def test_a_repository_of_another_account_is_named() -> None:
    said = GitResult(
        128,
        b"",
        "fatal: detected dubious ownership in repository at '/srv/app/.git'\nTo add an exception,"
        " call",
    )
    refused = refusal_of(said, RepositoryAddress("file:///srv/app", "/srv/app"))
    assert isinstance(refused, ConfigError)
    assert "/srv/app belongs to another account" in str(refused)
