"""Creates the home of a trial: a copy of somebody's repository on a local forge, with issues and
with drafts of what it lacks.

The original is read once and never written (`harness.repository.original.fetch`). The copy has two
commits: the original's files, and then the drafts and the pinned key of the launcher, by a
maintainer of the copy."""

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
    HomePlan,
    create_home,
    launcher_key_id,
    whole_or_nothing,
)
from harness.operations.setup.issue_files import IssueText, issues_in
from harness.operations.setup.pin_key import pinned

if TYPE_CHECKING:
    from harness.onboarding import DraftFile
    from harness.repository.original.address import RepositoryAddress
    from harness.repository.original.fetch import Original
    from harness.repository.plumbing import Git

MAINTAINER = "maintainer"
_AUTHOR = "Maintainer of the trial <maintainer@localhost>"
_IMPORTER = "factory try <factory@localhost>"
_FALLBACK_OWNER, _FALLBACK_NAME = "trial", "repository"


@dataclass(frozen=True, slots=True)
class Trial:
    """What to try: a repository by folder or address, issues in Markdown, and where the model's
    answers come from."""

    source: str
    issues: Path
    endpoint: str = ""
    replay: Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was created for a trial: the home's document, the drafts, and remarks on the original
    for a person."""

    document: HomeFile
    drafts: "tuple[DraftFile, ...]"
    notes: tuple[str, ...]


def create_trial(
    home: Path, trial: Trial, *, here: Path, key: str, tell: Callable[[str], None]
) -> Prepared:
    """Create a home for a trial. A relative source is relative to `here`. `key` is the model key;
    it is only checked.

    Raises ConfigError or GitError, and then leaves nothing behind.
    """
    from harness.repository.original.address import address_of
    from harness.repository.original.fetch import fetch_original
    from harness.repository.plumbing import Git

    issues = issues_in(trial.issues)
    document = _document(trial, key)
    address = address_of(trial.source, here=here)
    _require_apart(home, address)
    with whole_or_nothing(home):
        store = home / "original.git"
        original = fetch_original(address, store)
        tell(
            f"copied from {address.shown} at {original.commit:.10}, branch {original.branch},"
            f" {len(original.paths)} files"
        )
        drafts, remarks = _drafts(Git(store), original, home / "original")
        owner, name = _name_after(address)
        document = replace(document, owner=owner, name=name, origin=address.shown)
        _create_home(home, trial, document, original, drafts=drafts, issues=issues, tell=tell)
    return Prepared(document, drafts, (*original.notes, *remarks))


def _document(trial: Trial, key: str) -> HomeFile:
    """The home's document, without what is not known yet. Raises ConfigError if there is no model
    to call."""
    document = HomeFile(
        owner="",
        name="",
        forge=EMBEDDED,
        port=0,
        number=0,
        # The name of a file, not a secret.
        token_file="keys/forge.token",  # noqa: S106
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
    # Asked for its error alone: a trial without a model ends before anything is copied.
    provider(trial.endpoint, key)
    return replace(document, upstream=endpoint(trial.endpoint) if trial.endpoint else "")


def _require_apart(home: Path, address: "RepositoryAddress") -> None:
    if address.is_local and home.resolve().is_relative_to(address.shown):
        raise ConfigError(
            f"the home {home} is inside of the original, which must not change; name another with"
            " --home"
        )


def _drafts(
    git: "Git", original: "Original", folder: Path
) -> "tuple[tuple[DraftFile, ...], tuple[str, ...]]":
    """Drafts of what the repository lacks, and remarks. Existing files stay, whatever the case of
    their names; but the draft of a file of mere prose replaces it in the copy."""
    import shutil

    from harness.onboarding import DraftFile
    from harness.operations.setup.init import drafts_for, survey_folder
    from harness.operations.setup.lock_dependencies import missing_locks
    from harness.repository.export import export

    try:
        export(git, original.tree, folder)
    except GitError as error:
        # Such an error means nothing for the repository, and may pass.
        if error.retryable:
            raise
        raise ConfigError(f"no run can work on this repository: {error}") from error
    existing = {path.lower(): path for path in original.paths}
    drafts = [
        draft for draft in drafts_for(folder) if draft.path.lower().encode("utf-8") not in existing
    ]
    locks = (
        tuple(missing_locks(folder, survey_folder(folder)))
        if any(draft.path == FILE for draft in drafts)
        else ()
    )
    # It was exported for the drafts; the copy itself is made from git's objects.
    shutil.rmtree(folder)
    drafts += [lock for lock in locks if isinstance(lock, DraftFile)]
    remarks = tuple(lock for lock in locks if isinstance(lock, str))
    return tuple(
        replace(draft, path=_stands_for(draft.path, existing)) for draft in drafts
    ), remarks


def _stands_for(path: str, existing: Mapping[bytes, bytes]) -> str:
    """The path that a draft gets: `mission.draft.md` replaces `mission.md`, whatever the case of
    its name."""
    prose = path.replace(".draft.md", ".md")
    return os.fsdecode(existing.get(prose.lower().encode("utf-8"), path.encode("utf-8")))


def _create_home(
    home: Path,
    trial: Trial,
    document: HomeFile,
    original: "Original",
    *,
    drafts: "tuple[DraftFile, ...]",
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

    create_home(
        home,
        HomePlan(
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
    home: Path, git: "Git", original: "Original", drafts: "tuple[DraftFile, ...]"
) -> Mapping[bytes, bytes]:
    """What the maintainer of the copy commits, by path: the drafts, and the configuration with the
    pinned key."""
    texts = {draft.path: draft.text for draft in drafts}
    existing = FILE.encode("ascii") in original.paths
    config = (
        git.output("cat-file", "blob", f"{original.tree}:{FILE}").decode("utf-8")
        if existing
        else texts[FILE]
    )
    texts[FILE] = pinned(config, launcher_key_id(home))
    return {path.encode("utf-8"): text.encode("utf-8") for path, text in texts.items()}


def _commits(
    git: "Git", original: "Original", changes: Mapping[bytes, bytes], *, shown: str
) -> str:
    """Make two commits: the original's files, and what the copy's maintainer adds. Returns the
    second."""
    from harness.repository.tree_edits import changed_tree, committed

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


def _name_after(address: "RepositoryAddress") -> tuple[str, str]:
    """An owner and a name that every forge accepts, from the last two parts of the address."""
    from harness.programs.local_forge.fields import LOGIN, REPOSITORY_NAME, RESERVED

    *above, last = [part for part in address.shown.split("/") if part] or [""]
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", last).strip("-.")[:100].removesuffix(".git")
    owner = "" if address.is_local else above[-1] if len(above) > 1 else ""
    usable = LOGIN.fullmatch(owner) and owner.lower() not in RESERVED | {MAINTAINER, FACTORY_LOGIN}
    is_name = REPOSITORY_NAME.fullmatch(name)
    return owner if usable else _FALLBACK_OWNER, name if is_name else _FALLBACK_NAME
