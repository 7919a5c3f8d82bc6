"""Whose law is drilled: the documents of a repository at the tip of its default branch. Read, and
never written."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.issue import CommitSha
from harness.factory.settings.tables import FILE as TOML
from harness.governance import governing_files
from harness.shipped import shipped

EXAMPLE = "tidebook"


@dataclass(frozen=True, slots=True)
class Law:
    """The three files, nested ones too, and `factory.toml`, by their paths; `origin` says in words
    whose they are."""

    origin: str
    files: dict[str, str]


def law_of(source: str | None, *, home: Path, here: Path) -> Law:
    """The law of the repository at `source`; without one, of what the home serves, as it was
    fetched last, or of the repository that `here` is in. Raises ConfigError where there is none, or
    it cannot be read."""
    if source is not None:
        return _of_repository(source, here=here)
    if (home / "home.json").exists():
        return _of_home(home)
    top = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)
    if top is None:
        raise ConfigError(
            f"there is no factory at {home} and no repository here; name one, or drill the example"
            " with --example"
        )
    return _of_repository(str(top), here=here)


def law_of_example() -> Law:
    """The law of the project that ships with the factory."""
    folder = shipped("examples") / EXAMPLE
    return _checked(
        f"the example, {EXAMPLE}",
        {
            str(path.relative_to(folder)): path.read_text("utf-8")
            for path in folder.glob("*")
            if path.suffix in (".md", ".toml")
        },
    )


def _of_repository(source: str, *, here: Path) -> Law:
    from harness.repository.original import fetch_original
    from harness.repository.original_address import address_of
    from harness.repository.plumbing import Git

    with tempfile.TemporaryDirectory(prefix="factory-drill-") as folder:
        store, address = Path(folder, "original.git"), address_of(source, here=here)
        original = fetch_original(address, store)
        paths = dict.fromkeys(original.paths, "100644")
        return _checked(
            f"{address.shown} at {original.commit:.10}",
            _named(
                paths, lambda path: Git(store).output("cat-file", "blob", f"{original.tree}:{path}")
            ),
        )


def _of_home(home: Path) -> Law:
    from harness.factory.run.services import Places
    from harness.home.document import read_home
    from harness.home.programs import offline_address
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository, fetched_branch

    document = read_home(home)
    places = Places(home, document.repository_id)
    if not places.trusted.exists():
        raise ConfigError(
            f"the factory at {home} has fetched nothing yet; the first tick does, or name a"
            " repository"
        )
    trusted = TrustedRepository(places.trusted, Remote(offline_address(home, document, places)))
    if not (branch := fetched_branch(trusted)):
        raise ConfigError(
            f"the factory at {home} has fetched nothing yet; the first tick does, or name a"
            " repository"
        )
    base = CommitSha(trusted.fetched(branch))
    return _checked(
        f"{document.owner}/{document.name}, {branch} at {base:.10}",
        _named(dict(trusted.files(base)), lambda path: trusted.read(base, path) or b""),
    )


def _named(paths: dict[bytes, str], read: Callable[[str], bytes]) -> dict[str, str]:
    found = [*governing_files(paths).values(), *([TOML] if TOML.encode() in paths else [])]
    return {path: read(path).decode("utf-8") for path in found}


def _checked(origin: str, files: dict[str, str]) -> Law:
    """A law that a factory would start on. Raises GovernanceError or ConfigError naming file, line
    and key."""
    from harness.factory.settings.config import read_config
    from harness.governance import read_governance

    if TOML not in files:
        raise ConfigError(f"not found in {origin}; `factory init` drafts one", file=TOML)
    files = {
        path: text
        for path, text in files.items()
        if path == TOML
        or path in governing_files({name.encode(): "100644" for name in files}).values()
    }
    read_config(files[TOML])
    read_governance({path: text.encode() for path, text in files.items() if path != TOML})
    return Law(origin, files)
