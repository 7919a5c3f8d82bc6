"""Repositories as folders of files, and the drafts put where a maintainer would put them."""

import shutil
from pathlib import Path

import pytest

APPS = Path(__file__).with_name("apps")
TIDEBOOK = Path(__file__).resolve().parents[2] / "examples" / "tidebook"
GOVERNED = ("mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml")
collect_ignore = ["apps", "public-factory-prose"]


@pytest.fixture
def folder(tmp_path):
    """Makes a folder of these files, by name and text."""

    def made(files):
        for name, text in files.items():
            path = tmp_path / "repository" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
            )
        (tmp_path / "repository").mkdir(exist_ok=True)
        return tmp_path / "repository"

    return made


@pytest.fixture
def app(tmp_path):
    """Copies one of the apps of this folder, or Tidebook without what governs it."""

    def copied(name):
        there = tmp_path / name
        if name == "tidebook":
            return shutil.copytree(
                TIDEBOOK, there, ignore=shutil.ignore_patterns(*GOVERNED, "__pycache__", "data")
            )
        return shutil.copytree(APPS / name, there, ignore=shutil.ignore_patterns("__pycache__"))

    return copied
