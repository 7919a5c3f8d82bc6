"""A named pipe under a name that the factory reads answers nobody; whoever makes one must not hold
up a command."""

import os
import subprocess
import threading
from contextlib import suppress

import pytest

from harness.domain.errors import FactoryError
from harness.governance import governance_in
from harness.governance.export import ExportedFile
from harness.operations.setup.init import init_repository
from harness.operations.setup.policy_exports import drifted_paths
from harness.operations.setup.prose import contradictions_at

HANGS = 120  # seconds that stand for ever
NAMES = [
    "mission.md",
    "factory_rules.md",
    "CLAUDE.md",
    "AGENTS.md",
    "factory.toml",
    "README.md",
    "pyproject.toml",
    "Makefile",
    ".gitignore",
    ".git",
    "history.json",
]


def look(folder) -> None:
    """What `factory init`, `rules lint`, `rules import` and `rules export --check` read of a
    folder."""
    for one in (
        lambda: init_repository(folder, write=False),
        lambda: contradictions_at(folder),
        lambda: governance_in(folder),
        lambda: drifted_paths(folder, [ExportedFile(path.name, "x") for path in folder.iterdir()]),
    ):
        with suppress(FactoryError):
            one()


@pytest.mark.parametrize("name", NAMES)
def test_a_named_pipe_holds_up_no_command(tmp_path, name) -> None:
    if name != ".git":
        by = ("-c", "user.name=Mara", "-c", "user.email=mara@example.org")
        subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
        subprocess.run(
            ["git", *by, "-C", tmp_path, "commit", "--quiet", "--allow-empty", "-m", "x"],
            check=True,
        )
    os.mkfifo(tmp_path / name)
    looking = threading.Thread(target=look, args=(tmp_path,), daemon=True)
    looking.start()
    looking.join(HANGS)
    assert not looking.is_alive()


def test_what_is_no_plain_file_is_named(tmp_path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "a.py").write_text("")
    by = ("-c", "user.name=Mara", "-c", "user.email=mara@example.org")
    subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
    subprocess.run(["git", *by, "-C", tmp_path, "commit", "--quiet", "-m", "x"], check=True)
    os.mkfifo(tmp_path / "mission.md")
    assert any(
        "mission.md" in note and "plain file" in note
        for note in init_repository(tmp_path, write=False).notes
    )
