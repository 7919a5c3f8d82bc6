"""What landed before there was a factory: one change for each commit of the first-parent line."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError
from harness.domain.facts import UNKNOWN, ChangeKind
from harness.repository.original.past_changes import past_changes

ENV = {
    **os.environ,
    "GIT_AUTHOR_NAME": "n",
    "GIT_AUTHOR_EMAIL": "n@example.org",
    "GIT_COMMITTER_NAME": "n",
    "GIT_COMMITTER_EMAIL": "n@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", folder, *arguments], env=ENV, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder: Path, subject: str, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", subject)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "Begin", {"api.py": "def book(a, b):\n    pass\n", "requirements.txt": ""})
    commit(tmp_path, "fix(api): a name", {"api.py": "def book(a):\n    pass\n"})
    git(tmp_path, "checkout", "-qb", "topic")
    commit(tmp_path, "one", {"docs/x.md": "x\n"})
    commit(tmp_path, "two", {"requirements.txt": "flask==3.0\n"})
    git(tmp_path, "checkout", "-q", "main")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "Merge pull request #7 from topic", "topic")
    return tmp_path


def test_a_merge_is_one_change_with_all_that_it_brought(clone) -> None:
    plain, merge = past_changes(clone)
    assert (plain.number, merge.number) == (1, 2)
    head = git(clone, "rev-parse", "HEAD")
    assert merge.title == f"{head[:9]} Merge pull request #7 from topic"
    assert [(file.name, file.kind) for file in merge.facts.files] == [
        ("docs/x.md", ChangeKind.ADDED),
        ("requirements.txt", ChangeKind.MODIFIED),
    ]
    assert [one.name for one in merge.facts.dependencies] == ["flask"]
    assert merge.merged_at[:2] == "20"


def test_what_the_files_show_is_known_and_what_history_does_not_say_is_not(clone) -> None:
    facts = past_changes(clone)[0].facts
    assert facts.kind == "bug"
    assert [(loss.name, loss.path) for loss in facts.api.lost] == [("book", b"api.py")]
    assert facts.neighbours == (b"api.py", b"requirements.txt")
    unknown = (facts.tests, facts.labels, facts.author, facts.attempts, facts.spend_usd)
    assert all(fact is UNKNOWN for fact in unknown)


def test_only_the_newest_are_looked_at(clone) -> None:
    (newest,) = past_changes(clone, most=1)
    assert newest.title.endswith("Merge pull request #7 from topic")
    assert past_changes(clone, ref="HEAD~2") == ()


def test_a_change_that_is_too_large_to_read_has_its_kind_alone(clone) -> None:
    commit(clone, "feat: much", {f"many/{number}.txt": "x" for number in range(1_001)})
    facts = past_changes(clone, most=1)[0].facts
    assert (facts.kind, facts.files, facts.secrets) == ("feature", UNKNOWN, UNKNOWN)


def test_a_name_that_is_no_commit_is_refused(clone, tmp_path) -> None:
    with pytest.raises(ConfigError, match="names no commit"):
        past_changes(clone, ref="nowhere")
