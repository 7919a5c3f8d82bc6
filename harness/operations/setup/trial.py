"""A trial: somebody's repository on the embedded forge of a new home, with drafts of what it lacks,
and its issues.

The original is read once and never written: see `harness.repository.original`. The copy begins with
one commit that holds the original's files; a second one, by a maintainer of the copy, adds the
drafts and pins the launcher's key."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError, GitError
from harness.factory.settings.tables import FILE
from harness.home.document import EMBEDDED, HomeFile
from harness.home.programs import provider
from harness.home.providers import endpoint
from harness.operations.setup.create_home import (
    FACTORY_LOGIN,
    Plan,
    found,
    launcher_key_id,
    whole_or_nothing,
)
from harness.operations.setup.issue_files import IssueText, issues_in
from harness.operations.setup.pin_key import pinned

if TYPE_CHECKING:
    from harness.onboarding import Draft
    from harness.repository.original import Address, Original
    from harness.repository.plumbing import Git

MAINTAINER = "maintainer"
_AUTHOR = "Maintainer of the trial <maintainer@localhost>"
_IMPORTER = "factory try <factory@localhost>"
_FALLBACK_OWNER, _FALLBACK_NAME = "trial", "repository"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be tried: a repository by folder or address, issues in Markdown, and where answers
    come from."""

    source: str
    issues: Path
    endpoint: str = ""
    replay: Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made for a trial: the home's document, what was drafted, and what a person should
    know of the original."""

    document: HomeFile
    drafts: "tuple[Draft, ...]"
    notes: tuple[str, ...]


def create_trial(
    home: Path, trial: Trial, *, here: Path, key: str, tell: Callable[[str], None]
) -> Prepared:
    """Make a home for a trial; a relative source is one from `here`, `key` the model key, which is
    only looked at.

    Raises ConfigError or GitError, and leaves nothing of it.
    """
    from harness.repository.original import address_of, fetch_original
    from harness.repository.plumbing import Git

    issues = issues_in(trial.issues)
    document = _document(trial, key)
    address = address_of(trial.source, here=here)
    _require_apart(home, address)
    with whole_or_nothing(home):
        store = home / "original.git"
        original = fetch_original(address, store)
        tell(
            f"taken from {address.shown} at {original.commit:.10}, branch {original.branch},"
            f" {len(original.paths)} files"
        )
        drafts, remarks = _drafts(Git(store), original, home / "original")
        owner, name = _named(address)
        document = replace(document, owner=owner, name=name, origin=address.shown)
        _found(home, trial, document, original, drafts=drafts, issues=issues, tell=tell)
    return Prepared(document, drafts, (*original.notes, *remarks))


def _document(trial: Trial, key: str) -> HomeFile:
    """The home's document, less what is not known yet. Raises ConfigError where there is no model
    to ask."""
    document = HomeFile(
        owner="",
        name="",
        forge=EMBEDDED,
        port=0,
        number=0,
        token_file="keys/forge.token",  # noqa: S106 - the name of a file
    )
    if trial.replay is not None:
        if trial.endpoint:
            raise ConfigError(
                "--endpoint and --replay exclude each other: answers come from a model, or from"
                " recordings"
            )
        if not trial.replay.is_dir():
            raise ConfigError(
                f"{trial.replay} is not a folder with recorded exchanges"
                " (issue-N/ROLE-ATTEMPT.json)"
            )
        return replace(document, models="replay")
    provider(trial.endpoint, key)
    return replace(document, upstream=endpoint(trial.endpoint) if trial.endpoint else "")


def _require_apart(home: Path, address: "Address") -> None:
    if address.is_local and home.resolve().is_relative_to(address.shown):
        raise ConfigError(
            f"the home {home} lies in the original, which is not to be touched; name another with"
            " --home"
        )


def _drafts(
    git: "Git", original: "Original", folder: Path
) -> "tuple[tuple[Draft, ...], tuple[str, ...]]":
    """Drafts of what the repository lacks. What is there is kept, in whatever case of letters it is
    written; but where it is prose that cannot bind, its draft takes its place in the copy."""
    import shutil

    from harness.onboarding import Draft
    from harness.operations.setup.init import drafted, surveyed
    from harness.operations.setup.lock_dependencies import missing_locks
    from harness.repository.export import export

    try:
        export(git, original.tree, folder)
    except GitError as error:
        if error.retryable:
            raise
        raise ConfigError(f"no run could work on this repository: {error}") from error
    there = {path.lower(): path for path in original.paths}
    drafts = [draft for draft in drafted(folder) if draft.path.lower().encode("utf-8") not in there]
    locks = (
        tuple(missing_locks(folder, surveyed(folder)))
        if any(draft.path == FILE for draft in drafts)
        else ()
    )
    shutil.rmtree(folder)
    drafts += [lock for lock in locks if isinstance(lock, Draft)]
    remarks = tuple(lock for lock in locks if isinstance(lock, str))
    return tuple(replace(draft, path=_stands_for(draft.path, there)) for draft in drafts), remarks


def _stands_for(path: str, there: Mapping[bytes, bytes]) -> str:
    """`mission.draft.md` stands beside prose of the name `mission.md`, however that is written."""
    prose = path.replace(".draft.md", ".md")
    return os.fsdecode(there.get(prose.lower().encode("utf-8"), path.encode("utf-8")))


def _found(
    home: Path,
    trial: Trial,
    document: HomeFile,
    original: "Original",
    *,
    drafts: "tuple[Draft, ...]",
    issues: tuple[IssueText, ...],
    tell: Callable[[str], None],
) -> None:
    import shutil

    from harness.repository.plumbing import Git
    from harness.repository.remote import Remote

    git = Git(home / "original.git")
    tip = _commits(git, original, _changes(home, git, original, drafts), shown=document.origin)

    def push(clone_url: str, token: str) -> None:
        Remote(clone_url, lambda: token).output(
            git, "push", "--quiet", clone_url, f"{tip}:refs/heads/{original.branch}"
        )
        shutil.rmtree(git.git_dir)

    found(
        home,
        Plan(
            document,
            f"A copy of {document.origin}, to be tried",
            MAINTAINER,
            push,
            issues,
            original.branch,
            trial.replay,
        ),
        tell=tell,
    )


def _changes(
    home: Path, git: "Git", original: "Original", drafts: "tuple[Draft, ...]"
) -> Mapping[bytes, bytes]:
    """Path by path what the maintainer of the copy commits: the drafts, and the configuration with
    the key pinned."""
    texts = {draft.path: draft.text for draft in drafts}
    there = FILE.encode("ascii") in original.paths
    config = (
        git.output("cat-file", "blob", f"{original.tree}:{FILE}").decode("utf-8")
        if there
        else texts[FILE]
    )
    texts[FILE] = pinned(config, launcher_key_id(home))
    return {path.encode("utf-8"): text.encode("utf-8") for path, text in texts.items()}


def _commits(
    git: "Git", original: "Original", changes: Mapping[bytes, bytes], *, shown: str
) -> str:
    """Two commits: the original's files, and what the copy's maintainer adds; the name of the
    second."""
    from harness.repository.original import changed_tree, committed

    now = datetime.now(UTC).isoformat(timespec="seconds")
    first = committed(
        git,
        original.tree,
        parents=(),
        author=_IMPORTER,
        at=now,
        message=f"The files of {shown} at {original.commit}\n",
    )
    names = "\n".join(sorted(f"- {path.decode('utf-8')}" for path in changes))
    return committed(
        git,
        changed_tree(git, original.tree, dict(changes)),
        parents=(first,),
        author=_AUTHOR,
        at=now,
        message=f"Govern the trial\n\nDrafted or changed, for this copy alone:\n\n{names}\n",
    )


def _named(address: "Address") -> tuple[str, str]:
    """A name that every forge takes, after the last two parts of the address."""
    from harness.programs.local_forge.fields import LOGIN, REPOSITORY_NAME, RESERVED

    *above, last = [part for part in address.shown.split("/") if part] or [""]
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", last).strip("-.")[:100].removesuffix(".git")
    owner = "" if address.is_local else above[-1] if len(above) > 1 else ""
    usable = LOGIN.fullmatch(owner) and owner.lower() not in RESERVED | {MAINTAINER, FACTORY_LOGIN}
    return owner if usable else _FALLBACK_OWNER, name if REPOSITORY_NAME.fullmatch(
        name
    ) else _FALLBACK_NAME
