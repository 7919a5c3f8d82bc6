"""From an agent's files to a tree: byte for byte, without git where the agent was, and nothing odd
let in."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.domain.errors import GitError
from harness.repository.walk import Unfit, WalkLimits, found_in
from harness.repository.worktrees.ignored import Ignored
from harness.repository.worktrees.snapshot import snapshot
from tests.repository.naive import Author, blob, bytes_below, git
from tests.tiers import share

# names that a careless file system, shell or reader would confuse; none of them is .git by another
# spelling
names = st.sampled_from(
    [
        b"a",
        b"A",
        b"b.py",
        b"two\nlines",
        b'"q"',
        b"'",
        b"\xff",
        "é".encode(),
        "e\u0301".encode(),
        "а".encode(),
        b"x ",
        b"x.",
        b"-f",
        b"..x",
        b"git",
        b".gitx",
        b"\\",
        b"*",
        b"\x1b[0m",
        b":",
        b".gitattributes",
    ]
)
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map(b"/".join),
    st.tuples(st.booleans(), st.binary(max_size=40)),
    max_size=8,
).map(
    lambda files: {
        path: content
        for path, content in files.items()
        if not any(other.startswith(path + b"/") for other in files)
    }
)


@settings(
    max_examples=share(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(trees)
def test_any_folder_goes_round_through_snapshot_and_export(town, files) -> None:
    base = town.author.commit()
    town.trusted.fetch("main")
    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place, "source"), Path(place, "target")
        for path, (executable, data) in files.items():
            where = os.path.join(os.fsencode(source), path)
            os.makedirs(os.path.dirname(where), exist_ok=True)
            with open(where, "wb") as file:
                file.write(data)
            os.chmod(where, 0o755 if executable else 0o644)
        source.mkdir(exist_ok=True)
        tree = snapshot(town.trusted, source, base)
        town.worktrees.export(tree, target)
        assert bytes_below(target) == bytes_below(source)
        assert snapshot(town.trusted, target, base) == tree


def test_an_untouched_worktree_is_the_bases_own_tree(town) -> None:
    base = town.started({"a": "1", "run.sh": "x", "d/e/f": b"\r\n\0"})
    assert town.worktrees.snapshot(town.worktrees.open("r1", base), base) == town.trusted.tree_of(
        base
    )


def test_changes_additions_deletions_and_permissions_arrive_and_the_rest_keeps_its_objects(
    town,
) -> None:
    base = town.started({"kept": "1\n", "gone": "x\n", "d/gone": "y\n", "tool": "t\n"})
    worktree = town.worktrees.open("r1", base)
    (worktree / "gone").unlink()
    (worktree / "d" / "gone").unlink()
    (worktree / "tool").chmod(0o700)
    (worktree / "new").write_bytes(b"a\r\nb")
    (worktree / "empty").mkdir()
    listed = (
        git(town.trusted.git_dir, "ls-tree", "-r", town.worktrees.snapshot(worktree, base))
        .decode()
        .splitlines()
    )
    author = town.author.folder
    assert listed == [
        f"100644 blob {blob(author, b'1' + chr(10).encode())}\tkept",
        f"100644 blob {blob(author, bytes([97, 13, 10, 98]))}\tnew",
        f"100755 blob {blob(author, b't' + chr(10).encode())}\ttool",
    ]


# what cannot be part of a change


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's address holds 108 bytes
        server.bind(path.name)
        os.chdir(here)


def link_out(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def link_in(path: Path) -> None:
    path.symlink_to("app.py")


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (pipe, "is a pipe"),
        (listening_socket, "is a socket"),
        (link_out, "is a symbolic link"),
        (link_in, "is a symbolic link"),
        (link_to_nothing, "is a symbolic link"),
        (link_to_itself, "is a symbolic link"),
    ],
)
def test_what_is_not_a_plain_file_is_refused_by_name(town, make, message) -> None:
    base = town.started()
    worktree = town.worktrees.open("r1", base)
    (worktree / "d").mkdir()
    make(worktree / "d" / "odd")
    with pytest.raises(GitError, match=f"'d/odd' {message}") as refused:
        town.worktrees.snapshot(worktree, base)
    assert not refused.value.retryable
    assert "root:" not in str(refused.value)


def test_a_device_is_refused_without_being_opened() -> None:
    found = found_in(
        Path("/dev"), leaves_out=lambda path, is_folder: path != b"zero", limits=WalkLimits()
    )
    assert list(found) == [Unfit("'zero' is a device")]


def test_a_link_in_place_of_a_folder_leads_nowhere(town) -> None:
    base = town.started({"d/f": "x\n"})
    worktree = town.worktrees.open("r1", base)
    (worktree / "d" / "f").unlink()
    (worktree / "d").rmdir()
    outside = town.home / "outside"
    outside.mkdir()
    (outside / "f").write_text("from outside")
    (worktree / "d").symlink_to(outside)
    with pytest.raises(GitError, match="'d' is a symbolic link"):
        town.worktrees.snapshot(worktree, base)


def test_a_link_in_place_of_the_whole_worktree_leads_nowhere(town) -> None:
    base = town.started()
    worktree = town.worktrees.open("r1", base)
    worktree.rename(town.home / "outside")
    worktree.symlink_to(town.home / "outside")
    with pytest.raises(GitError, match="could not be read"):
        town.worktrees.snapshot(worktree, base)


def test_the_bases_own_links_stay_while_they_are_what_they_were(town) -> None:
    (town.author.folder / "AGENTS.md").symlink_to("CLAUDE.md")
    base = town.started({"CLAUDE.md": "x\n"})
    worktree = town.worktrees.open("r1", base)
    assert (worktree / "AGENTS.md").readlink() == Path("CLAUDE.md")
    assert town.worktrees.snapshot(worktree, base) == town.trusted.tree_of(base)
    (worktree / "AGENTS.md").unlink()
    (worktree / "AGENTS.md").symlink_to("/etc/passwd")
    with pytest.raises(
        GitError, match=r"'AGENTS\.md' is a symbolic link that the base does not have"
    ):
        town.worktrees.snapshot(worktree, base)


@pytest.mark.parametrize(
    "name",
    [".git", ".GIT", ".git ", ".git.", "git~1", ".g\u200cit", ".git::$INDEX_ALLOCATION", "．git"],
)
def test_a_repository_within_the_repository_is_refused_in_every_spelling(town, name) -> None:
    base = town.started()
    worktree = town.worktrees.open("r1", base)
    (worktree / "vendor" / name).mkdir(parents=True)
    with pytest.raises(GitError, match="repository within the repository"):
        town.worktrees.snapshot(worktree, base)


def test_the_bases_submodule_stays_and_nothing_is_put_in_its_place(town) -> None:
    first = town.author.commit()
    entry = (
        f"160000 commit {'a' * 40}\tvendor\0".encode()
        + f"100644 blob {blob(town.author.folder, b'x')}\ta\0".encode()
    )
    base = town.author.commit_tree(entry, branch="main", parent=first, missing=True)
    town.trusted.fetch("main")
    worktree = town.worktrees.open("r1", base)
    assert town.worktrees.snapshot(worktree, base) == town.trusted.tree_of(base)
    (worktree / "vendor" / "evil.py").write_text("x")
    with pytest.raises(GitError, match="where the base has a submodule"):
        town.worktrees.snapshot(worktree, base)


def test_everything_that_is_wrong_is_named_up_to_ten(town) -> None:
    base = town.started()
    worktree = town.worktrees.open("r1", base)
    for number in range(13):
        (worktree / f"l{number:02}").symlink_to("x")
    with pytest.raises(GitError, match=r"'l00'.*'l09'.*; and 3 more$"):
        town.worktrees.snapshot(worktree, base)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (WalkLimits(files=3), "more than 3 files"),
        (WalkLimits(depth=2), "more than 2 folders deep"),
        (WalkLimits(file_bytes=999), "'d/e/f/big' has 1000 bytes"),
        (WalkLimits(total_bytes=1001), "more than 1001 bytes in all"),
    ],
)
def test_every_limit_is_named_when_it_is_passed(town, limits, message) -> None:
    base = town.started({"a": "1"})
    worktree = town.worktrees.open("r1", base)
    (worktree / "d" / "e" / "f").mkdir(parents=True)
    (worktree / "d" / "e" / "f" / "big").write_bytes(b"x" * 1000)
    (worktree / "b").write_text("2")
    (worktree / "c").write_text("3")
    with pytest.raises(GitError, match=message):
        snapshot(town.trusted, worktree, base, limits=limits)
    snapshot(
        town.trusted,
        worktree,
        base,
        limits=WalkLimits(files=4, depth=3, file_bytes=1000, total_bytes=1003),
    )


def test_a_sparse_giant_is_refused_before_it_is_read(town) -> None:
    base = town.started()
    worktree = town.worktrees.open("r1", base)
    with (worktree / "giant").open("wb") as giant:
        giant.truncate(1 << 40)
    with pytest.raises(GitError, match="'giant' has 1099511627776 bytes"):
        town.worktrees.snapshot(worktree, base)


def test_a_large_file_of_the_bases_own_may_stay(town) -> None:
    base = town.started({"asset": b"x" * 2000})
    worktree = town.worktrees.open("r1", base)
    assert snapshot(
        town.trusted, worktree, base, limits=WalkLimits(file_bytes=1000)
    ) == town.trusted.tree_of(base)


def test_what_cannot_be_read_is_refused_and_not_left_out(tmp_path_factory) -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    (folder / "file").write_text("x")
    (folder / "file").chmod(0)
    (folder / "folder").mkdir(mode=0)
    me = os.geteuid()
    try:
        if me == 0:
            os.seteuid(65534)
        found = list(
            found_in(folder, leaves_out=lambda path, is_folder: False, limits=WalkLimits())
        )
    finally:
        os.seteuid(me)
        (folder / "folder").rmdir()
        (folder / "file").unlink()
        folder.rmdir()
    assert found == [
        Unfit("'file' cannot be read"),
        Unfit("'folder' is a folder that cannot be read"),
    ]


# what stays behind


def test_caches_stay_behind_wherever_they_are(town) -> None:
    base = town.started()
    worktree = town.worktrees.open("r1", base)
    for name in (
        "__pycache__/x.pyc",
        "src/__pycache__/y",
        ".pytest_cache/v",
        "deep/.mypy_cache/z",
        "old.pyc",
    ):
        (worktree / name).parent.mkdir(parents=True, exist_ok=True)
        (worktree / name).write_text("x")
    assert town.worktrees.snapshot(worktree, base) == town.trusted.tree_of(base)


def test_the_ignore_file_that_counts_is_the_bases_and_not_the_agents(town) -> None:
    base = town.started({".gitignore": "*.log\nbuild/\n"})
    worktree = town.worktrees.open("r1", base)
    (worktree / ".gitignore").write_text("evil.py\n")
    (worktree / "evil.py").write_text("x")
    (worktree / "x.log").write_text("x")
    (worktree / "build").mkdir()
    (worktree / "build" / "link").symlink_to("/etc/passwd")
    listed = git(
        town.trusted.git_dir,
        "ls-tree",
        "-r",
        "--name-only",
        town.worktrees.snapshot(worktree, base),
    )
    assert listed.split() == [b".gitignore", b"evil.py"]


def test_what_lies_in_an_ignored_folder_cannot_be_called_back_from_within_it(town) -> None:
    base = town.started(
        {".gitignore": "logs/\n", "logs/.gitignore": "!new.log\n", "__pycache__/kept": "x"}
    )
    worktree = town.worktrees.open("r1", base)
    (worktree / "logs" / "new.log").write_text("new")
    (worktree / "__pycache__" / "new").write_text("new")
    assert b"new.log" not in git(worktree, "status", "--porcelain")
    assert town.worktrees.snapshot(worktree, base) == town.trusted.tree_of(base)


def test_a_path_that_the_base_has_is_never_left_out(town) -> None:
    base = town.started({".gitignore": "*\n", "__pycache__/kept.pyc": "x", "logs/kept.log": "y"})
    worktree = town.worktrees.open("r1", base)
    (worktree / "logs" / "kept.log").write_text("changed")
    (worktree / "logs" / "new.log").write_text("new")
    listed = git(
        town.trusted.git_dir,
        "ls-tree",
        "-r",
        "--name-only",
        town.worktrees.snapshot(worktree, base),
    ).split()
    assert listed == [b".gitignore", b"__pycache__/kept.pyc", b"logs/kept.log"]
    change = town.candidates.commit(
        town.worktrees.snapshot(worktree, base), [base], message="x", at="2026-01-01T00:00:00+00:00"
    )
    assert [file.path for file in town.trusted.diff(base, change).files] == [b"logs/kept.log"]


RULES = {
    b"": (
        b"*.log\n!keep.log\n/root-only\nbuild/\ndocs/*.tmp\n**/deep\n\\#hash\n# comment\ntrailing"
        b" \\ \na/**/z\nfo?[0-9]\n"
    ),
    b"sub": b"!*.log\n*.md\n",
    b"sub/inner": b"/x\n!y.md\n",
}
PATHS = [
    "x.log",
    "keep.log",
    "root-only",
    "sub/root-only",
    "build/x",
    "sub/build/y",
    "docs/a.tmp",
    "docs/d/a.tmp",
    "q/deep",
    "deep/w",
    "#hash",
    "a/z",
    "a/b/c/z",
    "foo1",
    "fox9/k",
    "foo",
    "sub/x.log",
    "sub/m.md",
    "sub/inner/x",
    "sub/inner/y.md",
    "sub/inner/w/x",
    "sub/inner/k.log",
    "plain",
    "build.txt",
    "x.log/inner",
]


def test_what_is_ignored_is_what_git_ignores(tmp_path) -> None:
    author = Author(tmp_path / "a", tmp_path)
    author.write(
        {os.path.join(os.fsdecode(folder), ".gitignore"): text for folder, text in RULES.items()}
    )
    for path in PATHS:
        if path != "x.log":
            author.write({path: "x"})
    printed = git(author.folder, "check-ignore", "-z", "--stdin", stdin="\0".join(PATHS).encode())
    ignored = Ignored(RULES, frozenset())
    ours = {path for path in PATHS if any(_left_out(ignored, path))}
    assert ours == set(printed.decode().split("\0")) - {""}


def _left_out(ignored: Ignored, path: str) -> Iterator[bool]:
    parts = path.encode().split(b"/")
    for count in range(1, len(parts) + 1):
        yield ignored.leaves_out(b"/".join(parts[:count]), count < len(parts))
