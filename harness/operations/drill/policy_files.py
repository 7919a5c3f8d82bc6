"""Reads the policy to drill: the documents of a repository at the tip of its default
branch. It writes nothing there."""

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
class PolicyFiles:
    """The three governance files, nested ones too, and `factory.toml`, by path. `origin` is a text
    for people: whose files these are."""

    origin: str
    files: dict[str, str]


def policy_files_of(source: str | None, *, home: Path, here: Path) -> PolicyFiles:
    """The policy of the repository at `source`. Without a source: of the repository that the home
    serves, as last fetched, or of the one that `here` is in. Raises ConfigError if there is none or
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


def example_policy_files() -> PolicyFiles:
    """The policy of the example project that ships with the factory."""
    folder = shipped("examples") / EXAMPLE
    return _checked(
        f"the example, {EXAMPLE}",
        {
            str(path.relative_to(folder)): path.read_text("utf-8")
            for path in folder.glob("*")
            if path.suffix in (".md", ".toml")
        },
    )


def _of_repository(source: str, *, here: Path) -> PolicyFiles:
    from harness.repository.original.address import address_of
    from harness.repository.original.fetch import fetch_original
    from harness.repository.plumbing import Git

    with tempfile.TemporaryDirectory(prefix="factory-drill-") as folder:
        store, address = Path(folder, "original.git"), address_of(source, here=here)
        original = fetch_original(address, store)
        paths = dict.fromkeys(original.paths, "100644")

        def read(path: str) -> bytes:
            return Git(store).output("cat-file", "blob", f"{original.tree}:{path}")

        return _checked(f"{address.shown} at {original.commit:.10}", _policy_texts(paths, read))


def _of_home(home: Path) -> PolicyFiles:
    from harness.factory.run.services import Places
    from harness.home.document import read_home
    from harness.home.programs import offline_address
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository, fetched_branch

    nothing_fetched = ConfigError(
        f"the factory at {home} has fetched nothing yet; the first tick does, or name a repository"
    )
    document = read_home(home)
    places = Places(home, document.repository_id)
    if not places.trusted.exists():
        raise nothing_fetched
    # What was fetched last is read; the drill sends nothing to the forge.
    trusted = TrustedRepository(places.trusted, Remote(offline_address(home, document, places)))
    if not (branch := fetched_branch(trusted)):
        raise nothing_fetched
    base = CommitSha(trusted.fetched(branch))
    return _checked(
        f"{document.owner}/{document.name}, {branch} at {base:.10}",
        _policy_texts(dict(trusted.files(base)), lambda path: trusted.read(base, path) or b""),
    )


def _policy_texts(paths: dict[bytes, str], read: Callable[[str], bytes]) -> dict[str, str]:
    """The text of each policy file among `paths`, by path."""
    found = [*governing_files(paths).values(), *([TOML] if TOML.encode() in paths else [])]
    return {path: read(path).decode("utf-8") for path in found}


def _checked(origin: str, files: dict[str, str]) -> PolicyFiles:
    """A policy on which a factory would start. Raises GovernanceError or ConfigError
    naming file, line and key."""
    from harness.factory.settings.config import read_config
    from harness.governance import read_governance

    if TOML not in files:
        raise ConfigError(f"not found in {origin}; `factory init` drafts one", file=TOML)
    governing = governing_files({path.encode(): "100644" for path in files}).values()
    files = {path: text for path, text in files.items() if path == TOML or path in governing}
    read_config(files[TOML])
    read_governance({path: text.encode() for path, text in files.items() if path != TOML})
    return PolicyFiles(origin, files)
