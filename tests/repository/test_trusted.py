"""The factory's own repository: what it fetches, what it refuses, and that nobody else steers
it."""

import zlib

import pytest

from harness.domain.errors import GitError
from harness.repository.objects import TreeEntry, written_tree
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from tests.repository.naive import blob, git, word


def test_what_was_fetched_is_read_back_from_objects(town) -> None:
    base = town.started(
        {"mission.md": "# Mission\r\n", "src/app.py": "x\n", "run.sh": "#!/bin/sh\n"}
    )
    assert town.trusted.tip("main") == town.trusted.fetched("main") == base
    assert town.trusted.read(base, "mission.md") == b"# Mission\r\n"
    assert town.trusted.files(base) == {
        b"mission.md": "100644",
        b"run.sh": "100644",
        b"src/app.py": "100644",
    }
    assert town.trusted.tree_of(base) == word(town.author.folder, "rev-parse", "HEAD^{tree}")


def test_what_is_not_a_file_at_that_very_path_is_none(town) -> None:
    base = town.started({"src/app.py": "x\n", "app.py": "y\n"})
    for path in (
        "nothing",
        "src",
        "src/",
        "./app.py",
        "../app.py",
        "/app.py",
        "src/*.py",
        "",
        "src//app.py",
        "app.py/x",
    ):
        assert town.trusted.read(base, path) is None, path


def test_a_symlink_named_like_a_governance_file_has_no_text(town) -> None:
    (town.author.folder / "mission.md").symlink_to("README.md")
    base = town.started({"README.md": "hello\n"})
    assert town.trusted.read(base, "mission.md") is None
    assert town.trusted.files(base)[b"mission.md"] == "120000"


def test_a_branch_and_a_full_ref_and_a_commit_can_be_fetched(town) -> None:
    base = town.started()
    head = town.author.commit({"x": "1"}, branch="work")
    git(town.forge, "update-ref", "refs/pull/7/head", head)
    town.trusted.fetch("refs/pull/7/head")
    town.trusted.fetch(base, head)
    assert town.trusted.contains(head, base)
    assert not town.trusted.contains(base, head)


def test_the_tip_is_asked_for_by_its_whole_name(town) -> None:
    base = town.started()
    other = town.author.commit({"x": "1"}, branch="decoy/refs/heads/main")
    assert other != base
    assert town.trusted.tip("main") == base


def test_a_branch_that_is_not_there_is_named_and_final(town) -> None:
    town.started()
    with pytest.raises(GitError, match="no branch 'nowhere'"):
        town.trusted.tip("nowhere")
    with pytest.raises(GitError) as missing:
        town.trusted.fetch("nowhere")
    assert not missing.value.retryable


def test_a_force_pushed_branch_is_followed(town) -> None:
    base = town.started()
    town.change({"a": "1"}, start=base)
    second = town.change({"b": "2"}, start=base)
    assert town.trusted.fetched("work") == second


def test_a_forge_that_is_gone_is_an_error_with_gits_words(town) -> None:
    town.forge.rename(town.forge.with_name("moved.git"))
    with pytest.raises(GitError, match="does not appear to be a git repository"):
        town.trusted.tip("main")


# a tree that no honest tool would write is not let in


def test_fsck_keeps_out_a_tree_that_a_plain_fetch_takes(town) -> None:
    base, evil = town.started(), blob(town.author.folder, b"evil\n").encode()
    naive = town.home / "naive"
    naive.mkdir()
    git(naive, "init", "--quiet")
    for name in (b".git", b".GIT", b"..", b"git~1", ".g\u200cit".encode()):
        head = town.author.commit_tree(
            b"100644 blob %b\t%b\0" % (evil, name), branch="evil", parent=base
        )
        git(naive, "fetch", "--quiet", str(town.forge), "evil")
        assert word(naive, "rev-parse", "FETCH_HEAD") == head

        with pytest.raises(GitError) as refused:
            town.trusted.fetch("evil")
        assert not refused.value.retryable
        with pytest.raises(GitError):
            town.trusted.tree_of(head)


@pytest.mark.parametrize(
    "path",
    [b".git/config", b".GIT/config", b"git~1/x", ".g\u200cit/x".encode(), b"a/../b", b"a//b"],
)
def test_no_tree_of_ours_can_hold_a_path_that_another_system_takes_for_gits_own(town, path) -> None:
    oid = blob(town.trusted.git_dir, b"x")
    with pytest.raises(GitError, match="git will not hold"):
        written_tree(town.trusted.git, [TreeEntry("100644", oid, path)], str(town.home / "index"))


def test_replace_refs_change_what_plain_git_shows_and_not_what_we_read(town) -> None:
    base = town.started({"law": "at most 400 lines\n"})
    other = blob(town.author.folder, b"no limit\n")
    git(town.author.folder, "replace", blob(town.author.folder, b"at most 400 lines\n"), other)
    assert git(town.author.folder, "show", "HEAD:law") == b"no limit\n"

    git(town.author.folder, "push", "--quiet", "origin", "refs/replace/*:refs/replace/*")
    git(town.trusted.git_dir, "fetch", "--quiet", str(town.forge), "refs/replace/*:refs/replace/*")
    assert git(town.trusted.git_dir, "show", f"{base}:law") == b"no limit\n"
    assert town.trusted.read(base, "law") == b"at most 400 lines\n"


# nobody else has a say in how git behaves


@pytest.mark.parametrize(
    "extra",
    [
        "[core]\n\tfsmonitor = /tmp/x\n",
        "[include]\n\tpath = /tmp/x\n",
        '[includeIf "gitdir:/"]\n\tpath = /tmp/x\n',
        "[core]\n\tsshCommand = x\n",
        '[filter "x"]\n\tclean = x\n',
        '[merge "x"]\n\tdriver = x\n',
        "[alias]\n\tfetch = !x\n",
        '[url "/tmp/evil"]\n\tinsteadOf = /\n',
        "[extensions]\n\tworktreeConfig = true\n",
    ],
)
def test_a_setting_that_the_factory_did_not_write_stops_everything(town, extra) -> None:
    with (town.trusted.git_dir / "config").open("a") as config:
        config.write(extra)
    for use in (
        lambda: town.trusted.read("a" * 40, "app.py"),
        lambda: town.trusted.tip("main"),
        lambda: TrustedRepository(town.trusted.git_dir, town.trusted.remote),
    ):
        with pytest.raises(GitError, match="another config than the factory's, first at line 10"):
            use()


@pytest.mark.parametrize(
    "place",
    [
        "info/attributes",
        "info/grafts",
        "objects/info/alternates",
        "config.worktree",
        "shallow",
        "hooks/post-checkout",
        "worktrees/x/HEAD",
        "commondir",
    ],
)
def test_a_file_that_steers_git_from_elsewhere_stops_everything(town, place) -> None:
    path = town.trusted.git_dir / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("* merge=union\n")
    with pytest.raises(
        GitError, match=f"holds {place.split('/x')[0].removesuffix('/post-checkout')}"
    ):
        town.trusted.tree_of("a" * 40)


@pytest.mark.parametrize("folder", ["info", "objects/info"])
def test_a_place_that_nobody_can_look_into_stops_everything(town, folder) -> None:
    path = town.trusted.git_dir / folder
    path.rmdir() if path.exists() else None
    path.symlink_to(path.name)
    with pytest.raises(GitError, match="nobody can look"):
        town.trusted.tree_of("a" * 40)


@pytest.mark.parametrize("place", ["config", "objects", "refs", "HEAD"])
def test_a_link_in_place_of_what_we_made_stops_everything(town, place) -> None:
    path = town.trusted.git_dir / place
    moved = town.home / "elsewhere"
    path.rename(moved)
    path.symlink_to(moved)
    with pytest.raises(GitError, match=f"symbolic link for {place}"):
        town.trusted.tip("main")


def test_a_making_that_was_killed_is_begun_again(town) -> None:
    place = town.home / "repositories" / "other.git"
    half = place.with_name("other.git.making")
    half.mkdir()
    (half / "config").write_text("half a config")
    assert TrustedRepository(place, Remote(str(town.forge))).git_dir == place
    assert not half.exists()


# objects are what their names say


def _loose(town, oid):
    """The file of an object that is stored by itself; a pack is taken apart first."""
    for pack in (town.trusted.git_dir / "objects" / "pack").glob("*.pack"):
        aside = town.home / pack.name
        pack.rename(aside)
        pack.with_suffix(".idx").unlink()
        git(town.trusted.git_dir, "unpack-objects", "-q", stdin=aside.read_bytes())
    return town.trusted.git_dir / "objects" / oid[:2] / oid[2:]


def _rewritten(town, oid, change) -> None:
    path = _loose(town, oid)
    data = zlib.decompress(path.read_bytes())
    path.chmod(0o644)
    path.write_bytes(zlib.compress(change(data)))


def test_a_commit_with_everything_in_place_is_verified(town) -> None:
    base = town.started({"a": "1\n", "d/b": "2\n"})
    town.trusted.verify(base)


@pytest.mark.parametrize("kind", ["blob", "tree", "commit"])
def test_one_changed_byte_is_found_by_name_although_git_reads_it_without_a_word(town, kind) -> None:
    base = town.started({"a": "at most 400 lines\n", "b": "x\n"})
    oid = {
        "blob": blob(town.author.folder, b"at most 400 lines\n"),
        "tree": town.trusted.tree_of(base),
        "commit": base,
    }[kind]
    change = {
        "blob": lambda data: data.replace(b"400", b"900"),
        "tree": lambda data: data.replace(b"a\0", b"c\0"),
        "commit": lambda data: data.replace(b"Ada", b"Eve"),
    }[kind]
    _rewritten(town, oid, change)
    if kind == "blob":
        assert git(town.trusted.git_dir, "cat-file", "blob", oid) == b"at most 900 lines\n"
    with pytest.raises(GitError, match=oid):
        town.trusted.verify(base)


def test_a_missing_object_is_found_by_name(town) -> None:
    base = town.started({"a": "1\n"})
    oid = blob(town.author.folder, b"1\n")
    _loose(town, oid).unlink()
    with pytest.raises(GitError, match=oid):
        town.trusted.verify(base)
