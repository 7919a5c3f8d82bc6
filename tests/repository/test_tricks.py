"""Each trick of the design's list: first seen to work on plain git, then seen to fail on us."""

import os
from pathlib import Path

import pytest

from harness.domain.errors import GitError
from harness.domain.facts import UNKNOWN
from harness.ports.git import Conflict
from tests.repository.conftest import NOON
from tests.repository.naive import blob, bytes_below, git, word


def changes(town, base: str, head: str):
    return {change.path: change for change in town.trusted.diff(base, head).files}


def trap(marker: Path) -> str:
    """A command that tells on whoever runs it."""
    script = marker.with_suffix(".sh")
    script.write_text(f"#!/bin/sh\necho ran >> {marker}\n")
    script.chmod(0o755)
    return str(script)


def test_row_32_attributes_hide_thousands_of_lines_from_numstat(town) -> None:
    base = town.started({"app.py": "1\n"})
    head = town.change(
        {".gitattributes": "*.py binary\n", "app.py": "".join(f"{n}\n" for n in range(1, 4951))},
        start=base,
    )
    for option in ("--numstat", "--text"):
        assert b"-\t-\tapp.py" in git(town.author.folder, "diff", "--numstat", option, base, head)
    assert changes(town, base, head)[b"app.py"].lines == 4949


def test_row_32_one_nul_byte_makes_git_count_nothing(town) -> None:
    base = town.started({"app.js": "1\n"})
    head = town.change({"app.js": b"1\n//\0\n" + b"steal()\n" * 500}, start=base)
    assert git(town.trusted.git_dir, "diff", "--numstat", "--text", base, head).startswith(b"-\t-")
    change = changes(town, base, head)[b"app.js"]
    assert change.binary
    assert change.lines is UNKNOWN  # which a size rule takes for no


def test_row_32_carriage_returns_pack_a_program_into_one_line_of_gits(town) -> None:
    base = town.started({"app.py": "x = 0\n"})
    program = "\r".join(f"x += {n}" for n in range(900)) + "\n"
    head = town.change({"app.py": program}, start=base)
    seen: dict[str, int] = {}
    exec(compile("x = 0\r" + program, "app.py", "exec"), seen)  # Python does read it as 900 lines
    assert seen["x"] == sum(range(900))
    assert git(town.author.folder, "diff", "--numstat", base, head).startswith(b"1\t1\t")
    assert changes(town, base, head)[b"app.py"].added == 900


def test_row_70_a_plain_edit_of_the_rules_is_a_path_among_others_and_shown(town) -> None:
    base = town.started({"factory_rules.md": "max 400\n"})
    head = town.change({"factory_rules.md": "max 9999\n"}, start=base)
    assert set(changes(town, base, head)) == {b"factory_rules.md"}


def test_row_71_a_homoglyph_is_quoted_for_whoever_matches_names_and_raw_for_us(town) -> None:
    base = town.started()
    name = "FАCTORY_RULES.md"
    head = town.change({name: "x\n"}, start=base)
    assert (
        git(town.author.folder, "diff", "--name-only", base, head)
        == b'"F\\320\\220CTORY_RULES.md"\n'
    )
    assert set(changes(town, base, head)) == {name.encode()}


def test_row_72_a_rename_hides_the_protected_file(town) -> None:
    law = "".join(f"rule {n}\n" for n in range(50))
    base = town.started({"factory_rules.md": law})
    town.author.switch("work", start=base)
    git(town.author.folder, "mv", "factory_rules.md", "notes.md")
    head = town.change({}, start=base)
    assert git(town.author.folder, "diff", "--name-only", base, head) == b"notes.md\n"
    assert set(changes(town, base, head)) == {b"factory_rules.md", b"notes.md"}


def test_row_74_a_nested_repository_becomes_a_gitlink_for_add_and_is_refused_by_us(town) -> None:
    base = town.started()
    worktree = town.worktrees.open("r1", base)
    nested = worktree / "vendor"
    nested.mkdir()
    git(nested, "init", "--quiet")
    git(nested, "commit", "--quiet", "--allow-empty", "-m", "x")
    git(worktree, "add", "--all")
    assert git(worktree, "ls-files", "--stage", "vendor").startswith(b"160000 ")
    with pytest.raises(
        GitError, match=r"'vendor/\.git' would be a repository within the repository"
    ):
        town.worktrees.snapshot(worktree, base)


def test_row_77_a_monitor_planted_through_a_linked_worktree_runs_in_the_trusted_checkout(
    town,
) -> None:
    base = town.started()
    shared, agents = town.home / "checkout", town.home / "agents"
    git(town.home, "clone", "--quiet", str(town.forge), str(shared))
    git(shared, "worktree", "add", "--quiet", str(agents), "-b", "agent")
    shared_marker = town.home / "shared-ran"
    git(agents, "config", "core.fsmonitor", trap(shared_marker))
    git(shared, "status")
    assert shared_marker.exists()

    worktree = town.worktrees.open("r1", base)
    marker = town.home / "ours-ran"
    git(worktree, "config", "core.fsmonitor", trap(marker))
    (worktree / "app.py").write_text("changed\n")
    tree = town.worktrees.snapshot(worktree, base)
    town.candidates.merge(
        base, town.candidates.commit(tree, [base], message="x", at=NOON), message="M", at=NOON
    )
    assert not marker.exists()
    git(worktree, "status")
    assert marker.exists()  # the trap was armed all along


def test_row_78_a_hook_written_through_the_common_folder_runs_in_the_trusted_checkout(town) -> None:
    base = town.started()
    shared, agents = town.home / "checkout", town.home / "agents"
    git(town.home, "clone", "--quiet", str(town.forge), str(shared))
    git(shared, "worktree", "add", "--quiet", str(agents), "-b", "agent")
    marker = town.home / "shared-ran"
    services(
        Path(word(agents, "rev-parse", "--path-format=absolute", "--git-common-dir")) / "hooks",
        marker,
    )
    git(shared, "checkout", "--quiet", "--detach")
    assert marker.exists()

    worktree = town.worktrees.open("r1", base)
    marker = town.home / "ours-ran"
    services(
        Path(word(worktree, "rev-parse", "--path-format=absolute", "--git-common-dir")) / "hooks",
        marker,
    )
    (worktree / "app.py").write_text("changed\n")
    commit = town.candidates.commit(
        town.worktrees.snapshot(worktree, base), [base], message="x", at=NOON
    )
    town.candidates.push(commit, "factory/issue-1", expected=None)
    town.worktrees.open("r1", commit)
    assert not marker.exists()


def services(hooks: Path, marker: Path) -> None:
    hooks.mkdir(exist_ok=True)
    for name in (
        "post-checkout",
        "pre-commit",
        "post-index-change",
        "reference-transaction",
        "pre-push",
        "post-commit",
        "update",
        "pre-receive",
        "post-receive",
        "fsmonitor-watchman",
    ):
        (hooks / name).symlink_to(trap(marker))


def test_hooks_in_the_trusted_folder_itself_would_not_run_and_are_not_tolerated(town) -> None:
    base = town.started()
    marker = town.home / "ran"
    git_of_ours = town.trusted.git
    services(town.trusted.git_dir / "hooks", marker)
    git_of_ours.output("update-ref", "refs/factory/x", base)
    assert not marker.exists()
    git(town.trusted.git_dir, "update-ref", "refs/factory/y", base)
    assert marker.exists()
    with pytest.raises(GitError, match="holds hooks"):
        town.trusted.tree_of(base)


def _as_file(worktree: Path, evil: Path) -> None:
    (worktree / ".git").unlink()
    (worktree / ".git").write_text(f"gitdir: {evil / '.git'}\n")


def _as_folder(worktree: Path, evil: Path) -> None:
    (worktree / ".git").unlink()
    (evil / ".git").rename(worktree / ".git")


def _as_link(worktree: Path, evil: Path) -> None:
    (worktree / ".git").unlink()
    (worktree / ".git").symlink_to(evil / ".git")


@pytest.mark.parametrize("replaced", [_as_file, _as_folder, _as_link])
def test_a_replaced_dot_git_runs_code_for_a_plain_status_and_is_never_resolved_by_us(
    town, replaced
) -> None:
    base = town.started()
    worktree, evil, marker = town.worktrees.open("r1", base), town.home / "evil", town.home / "ran"
    evil.mkdir()
    git(evil, "init", "--quiet")
    git(evil, "config", "core.fsmonitor", trap(marker))
    replaced(worktree, evil)
    assert town.worktrees.snapshot(worktree, base) == town.trusted.tree_of(base)
    assert not marker.exists()
    git(worktree, "status")
    assert marker.exists()


def test_row_80_export_ignore_drops_a_file_from_the_archive_and_not_from_what_we_build(
    town,
) -> None:
    base = town.started(
        {
            ".gitattributes": "evil.py export-ignore\nv.txt export-subst\n",
            "evil.py": "x\n",
            "v.txt": "$Format:%H$\n",
        }
    )
    archive = git(town.author.folder, "archive", "--format=tar", base)
    assert b"evil.py\0" not in archive
    assert b"$Format" not in archive
    town.worktrees.export(town.trusted.tree_of(base), town.home / "out")
    assert {name: data for name, (_, data) in bytes_below(town.home / "out").items()} == {
        b".gitattributes": b"evil.py export-ignore\nv.txt export-subst\n",
        b"evil.py": b"x\n",
        b"v.txt": b"$Format:%H$\n",
    }


@pytest.mark.parametrize("driver", ["union", "binary", "ours"])
def test_row_82_a_branch_cannot_choose_how_its_conflicts_are_merged(town, driver) -> None:
    first = town.started({"price.txt": "10\n"})
    head = town.change(
        {".gitattributes": f"price.txt merge={driver}\n", "price.txt": "20\n"}, start=first
    )
    base = town.change({"price.txt": "30\n"}, start=first, branch="main")
    if driver == "union":
        git(town.author.folder, "checkout", "--quiet", head)
        git(town.author.folder, "merge", "--quiet", "-m", "swallowed", base)
        assert (town.author.folder / "price.txt").read_text() == "20\n30\n"
    merged = town.candidates.merge(base, head, message="M", at=NOON)
    assert merged == Conflict((b"price.txt",))


def test_row_82_attributes_already_on_the_base_do_not_swallow_one_either(town) -> None:
    first = town.started({".gitattributes": "* merge=union\n", "price.txt": "10\n"})
    head = town.change({"price.txt": "20\n"}, start=first)
    base = town.change({"price.txt": "30\n"}, start=first, branch="main")
    assert town.candidates.merge(base, head, message="M", at=NOON) == Conflict((b"price.txt",))


def test_add_rewrites_line_ends_drops_ignored_files_and_we_take_bytes(town) -> None:
    base = town.started({".gitattributes": "* text=auto\n", "notes.txt": "a\n"})
    worktree = town.worktrees.open("r1", base)
    (worktree / "notes.txt").write_bytes(b"a\r\nb\r\n")
    (worktree / ".gitignore").write_text("evil.py\n")
    (worktree / "evil.py").write_text("x\n")
    git(worktree, "add", "--all")
    assert git(worktree, "cat-file", "blob", ":notes.txt") == b"a\nb\n"
    assert b"evil.py" not in git(worktree, "ls-files")

    commit = town.candidates.commit(
        town.worktrees.snapshot(worktree, base), [base], message="x", at=NOON
    )
    assert town.trusted.read(commit, "notes.txt") == b"a\r\nb\r\n"
    assert town.trusted.read(commit, "evil.py") == b"x\n"


def test_a_clean_filter_of_the_agents_own_is_run_by_add_and_not_by_us(town) -> None:
    base = town.started()
    worktree, marker = town.worktrees.open("r1", base), town.home / "ran"
    git(worktree, "config", "filter.evil.clean", trap(marker))
    (worktree / ".gitattributes").write_text("*.py filter=evil\n")
    (worktree / "app.py").write_text("changed\n")
    commit = town.candidates.commit(
        town.worktrees.snapshot(worktree, base), [base], message="x", at=NOON
    )
    assert town.trusted.read(commit, "app.py") == b"changed\n"
    assert not marker.exists()
    git(worktree, "add", "--all")
    assert marker.exists()


def test_commits_refs_and_config_of_the_agents_own_never_come_home(town) -> None:
    base = town.started()
    worktree = town.worktrees.open("r1", base)
    (worktree / "app.py").write_text("mine\n")
    git(worktree, "commit", "--quiet", "--all", "-m", "approved by a maintainer")
    git(worktree, "tag", "v9")
    mine = word(worktree, "rev-parse", "HEAD")
    before = git(town.trusted.git_dir, "for-each-ref")
    tree = town.worktrees.snapshot(worktree, base)
    assert git(town.trusted.git_dir, "for-each-ref") == before
    assert git(town.trusted.git_dir, "cat-file", "-t", mine, check=False) == b""
    assert tree == word(worktree, "rev-parse", "HEAD^{tree}")


def test_row_24_an_option_for_a_ref_runs_a_command_and_ours_names_it(town) -> None:
    base = town.started()
    marker = town.home / "ran"
    option = f"--upload-pack={trap(marker)}"
    git(town.author.folder, "fetch", str(town.forge), option, check=False)
    assert marker.exists()
    marker.unlink()
    for use in (
        lambda: town.trusted.fetch(option),
        lambda: town.trusted.tip(option),
        lambda: town.trusted.read(option, "x"),
        lambda: town.candidates.push(base, option, expected=None),
        lambda: town.worktrees.open(option, base),
    ):
        with pytest.raises(GitError):
            use()
    assert not marker.exists()


def test_row_62_the_past_is_in_a_plain_worktree_and_not_in_ours(town) -> None:
    town.author.commit({"journey.yaml": "canary\n"})
    (town.author.folder / "journey.yaml").unlink()
    base = town.started({"app.py": "x\n"})
    plain = town.home / "plain"
    git(
        town.author.folder,
        "worktree",
        "add",
        "--quiet",
        "--no-checkout",
        "--detach",
        str(plain),
        base,
    )
    assert git(plain, "show", "HEAD~1:journey.yaml") == b"canary\n"
    worktree = town.worktrees.open("r1", base)
    assert git(worktree, "show", "HEAD~1:journey.yaml", check=False) == b""
    assert (
        git(worktree, "cat-file", "-t", blob(town.author.folder, b"canary\n"), check=False) == b""
    )


def test_row_96_each_is_green_alone_and_the_candidate_shows_both(town) -> None:
    first = town.started({"lib.py": "def old(): ...\n", "use.py": "\n"})
    head = town.change({"use.py": "from lib import old\n"}, start=first)
    base = town.change({"lib.py": "def new(): ...\n"}, start=first, branch="main")
    candidate = town.merged(base, head)
    town.worktrees.export(town.trusted.tree_of(candidate), town.home / "out")
    found = bytes_below(town.home / "out")
    assert (found[b"lib.py"][1], found[b"use.py"][1]) == (
        b"def new(): ...\n",
        b"from lib import old\n",
    )
    assert not os.path.lexists(town.home / "out" / ".git")
