"""`factory init`: drafts the files that govern a factory, from a git repository.

Properties:
- Nothing that exists is overwritten.
- Nothing is written outside of the worktree or through a link.
- Nothing in the repository is run, not even a hook.
- No history is walked here, so a long one costs nothing."""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError, FactoryError, GovernanceError
from harness.domain.facts import REGULAR
from harness.domain.facts import SYMLINK as LINK
from harness.domain.governance import DOCUMENTS
from harness.factory.reporting.shown import ALL_LABELS
from harness.governance import governing_files, read_governance
from harness.onboarding import (
    Contradiction,
    DraftFile,
    Survey,
    drafts_of,
    gaps_of,
    survey_of,
)
from harness.onboarding.drafts import CONFIG, LABELS, TAKEN
from harness.onboarding.evidence.folder import beginning_of
from harness.onboarding.hosted_runner import runner_of
from harness.onboarding.nevers import Never, nevers_of
from harness.operations.setup.prose import contradictions_at

if TYPE_CHECKING:
    from harness.repository.plumbing import Git

GOVERNANCE_FILES = frozenset(name.casefold() for name in DOCUMENTS)
HEADS, REMOTE_HEADS = "refs/heads/", "refs/remotes/origin/"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A git worktree: its top folder, its branch (empty if HEAD is detached), the default branch,
    and the tracked paths with their modes."""

    top: Path
    branch: str
    default_branch: str
    tracked: Mapping[bytes, str]


@dataclass(frozen=True, slots=True)
class InitResult:
    """What `factory init` found and did. If nothing was to be written, `wrote` are the drafts that
    would have been. `proposals` are those that its mission.md does not contain, by number."""

    top: Path
    survey: Survey
    wrote: tuple[DraftFile, ...]
    kept: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    contradictions: tuple[Contradiction, ...] = ()
    proposals: tuple[tuple[int, Never], ...] = ()
    # The tracked paths.
    tracked: frozenset[bytes] = frozenset()


def init_repository(
    folder: Path,
    *,
    keep: Iterable[int] = (),
    home: Path | None = None,
    write: bool = True,
    runner: str = "",
) -> InitResult:
    """Draft what the repository around `folder` lacks, and write it if `write`. With `runner`,
    OWNER/NAME@COMMIT of the factory, also draft the workflow that runs a tick on a hosted runner.

    Raises ConfigError if there is no usable repository, and GitError if git cannot read it."""
    checkout = checkout_of(folder)
    if write and not checkout.branch:
        raise ConfigError(
            f"HEAD of {checkout.top} is detached, so drafts committed there would belong to no"
            " branch; switch to a branch, or preview with --dry-run"
        )
    wanted = tuple(keep)
    survey = survey_of(checkout.top, tracked=checkout.tracked, branch=checkout.default_branch)
    keys = own_keys(home) if home else ()
    recipe = (runner_of(runner),) if runner else ()
    all_drafts = drafts_of(
        survey, keep=_checked(wanted, survey), trusted_keys=keys, state_labels=ALL_LABELS
    )
    drafts = [draft for draft in (*all_drafts, *recipe) if not _is_there(checkout.top, draft)]
    wrote = [draft for draft in drafts if not write or _written(checkout.top, draft)]
    return InitResult(
        checkout.top,
        survey,
        tuple(wrote),
        tuple(_kept(survey, wrote)),
        gaps_of(survey),
        tuple(_notes_on(checkout, wrote)),
        contradictions_at(checkout.top, tracked=checkout.tracked),
        proposals=tuple(
            (number, never)
            for number, never in enumerate(nevers_of(survey), 1)
            if number not in wanted
            and not never.source
            and any(draft.path.startswith("mission.") for draft in wrote)
        ),
        tracked=frozenset(checkout.tracked),
    )


def _is_there(top: Path, draft: DraftFile) -> bool:
    """Whether something is in the draft's place, tracked or not. Labels may be in several places,
    and one is enough."""
    places = LABELS if draft.path in LABELS else (draft.path,)
    return any(os.path.lexists(top / path) for path in places)


def _checked(keep: Iterable[int], survey: Survey) -> tuple[int, ...]:
    """The numbers. Raises ConfigError if one is not the number of a proposal."""
    numbers, count = tuple(keep), len(nevers_of(survey))
    if unknown := [number for number in numbers if not 1 <= number <= count]:
        raise ConfigError(
            f"there is no proposal {unknown[0]}; proposals have the numbers 1 to {count}",
            key="--keep",
        )
    return numbers


def drafts_for(folder: Path) -> tuple[DraftFile, ...]:
    """The drafts for a folder; nothing is written. Without a repository around it, every file
    counts that no tool has generated."""
    return drafts_of(survey_folder(folder), state_labels=ALL_LABELS)


def survey_folder(folder: Path) -> Survey:
    """The survey of a folder: of what git tracks if it is the top of a worktree, else of all its
    files."""
    if not os.path.lexists(folder / ".git"):
        return survey_of(folder)
    checkout = checkout_of(folder)
    return survey_of(checkout.top, tracked=checkout.tracked, branch=checkout.default_branch)


def own_keys(home: Path) -> tuple[str, ...]:
    """The id of the key of this home's launcher; empty if the home has no key yet."""
    from harness.validator.envelope import key_id

    try:
        return (key_id(home / "keys" / "validator.key.pub"),)
    except FactoryError:
        return ()


def checkout_of(folder: Path) -> Checkout:
    """The worktree around a folder. Raises ConfigError, in one line, if there is no usable one."""
    from harness.repository.plumbing import Git

    top, git_dir = _repository_around(folder)
    git = Git(git_dir)
    if git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}").status:
        raise ConfigError(
            f"{top} has no commit yet, and the factory reads only committed files; commit first"
        )
    return Checkout(
        top,
        _branch(git.run("symbolic-ref", "--quiet", "HEAD").out),
        _default_branch(git),
        _tracked(git, top),
    )


def _repository_around(folder: Path) -> tuple[Path, Path]:
    """The top of the worktree around a folder, and its git folder."""
    start = folder.expanduser().absolute()
    if not start.is_dir():
        raise ConfigError(f"{folder} is not a folder; name the repository's folder")
    for top in (start, *start.parents):
        if (top / ".git").exists():
            return top, _git_dir(top)
        # A bare repository has no folder `.git`, and a worktree further up is not meant.
        if (top / "HEAD").is_file() and (top / "objects").is_dir() and (top / "refs").is_dir():
            raise ConfigError(
                f"{top} is a bare repository without files; clone it, and run this in the clone"
            )
    raise ConfigError(
        f"{folder} is not in a git repository; `git init` and commit first, or name another folder"
    )


def _git_dir(top: Path) -> Path:
    """The folder `.git`, or the folder that the `.git` file of a linked worktree or a submodule
    names."""
    path = top / ".git"
    if path.is_dir():
        return path
    try:
        text = beginning_of(top, path.name).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("cannot be read, so this repository cannot", file=str(path)) from error
    if not text.startswith("gitdir: "):
        raise ConfigError("is neither git's folder nor a file that names it", file=str(path))
    folder = Path(os.path.normpath(top / text.removeprefix("gitdir: ").strip()))
    if not folder.is_dir():
        raise ConfigError(
            f"names {folder}, which does not exist; `git worktree repair` may mend it",
            file=str(path),
        )
    return folder


def _default_branch(git: "Git") -> str:
    """The default branch of the remote, as far as this clone knows it; else a branch with a usual
    name; else the current branch."""
    if remote := _branch(git.run("symbolic-ref", "--quiet", f"{REMOTE_HEADS}HEAD").out):
        return remote
    listed = (
        git.output("for-each-ref", "--count=100", "--format=%(refname)", HEADS)
        .decode("utf-8", "replace")
        .split()
    )
    local = [ref.removeprefix(HEADS) for ref in listed]
    here = _branch(git.run("symbolic-ref", "--quiet", "HEAD").out)
    return next(
        (name for name in ("main", "master", "trunk") if name in local),
        here or next(iter(local), ""),
    )


def _branch(ref: bytes) -> str:
    return (
        ref.decode("utf-8", "backslashreplace")
        .strip()
        .removeprefix(REMOTE_HEADS)
        .removeprefix(HEADS)
    )


def _tracked(git: "Git", top: Path) -> dict[bytes, str]:
    """Every tracked path with its mode, and untracked files at the root under the names of
    drafts."""
    records = git.output("ls-files", "--stage", "-z").split(b"\0")
    tracked = {
        path: facts[:6].decode("ascii")
        for facts, _, path in (record.partition(b"\t") for record in records)
        if path
    }
    # A file that is not committed yet counts too, or a second draft would be made beside it.
    for name in os.listdir(top):
        if name.casefold() in TAKEN and os.fsencode(name) not in tracked:
            tracked[os.fsencode(name)] = LINK if (top / name).is_symlink() else REGULAR
    return tracked


def _written(top: Path, draft: DraftFile) -> bool:
    """Write a draft, whole or not at all. Returns whether it was written: never through a link, and
    never over an existing file."""
    *folders, name = draft.path.split("/")
    try:
        with _opened_folder(top, folders) as folder:
            return _link_into_place(folder, name, draft.text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot be written: {error.strerror}", file=str(top / draft.path)
        ) from error


@contextmanager
def _opened_folder(top: Path, folders: Iterable[str]) -> Iterator[int]:
    """A descriptor of a folder below `top`, created if it is missing. A link on the way is
    refused."""
    with ExitStack() as stack:
        # Each folder is opened from the one before, so none can be exchanged for a link meanwhile.
        at = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, at)
        for name in folders:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=at)
            at = os.open(
                name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at
            )
            stack.callback(os.close, at)
        yield at


def _link_into_place(folder: int, name: str, content: bytes) -> bool:
    """Write a file beside its place and link it there. Returns whether the place was free."""
    # `link` fails if the name exists, where `rename` would overwrite it.
    partial = f".{name}.{secrets.token_hex(4)}"
    file = os.open(
        partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=folder
    )
    try:
        with os.fdopen(file, "wb") as out:
            out.write(content)
        os.link(partial, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    finally:
        os.unlink(partial, dir_fd=folder)
    return True


def _check_governance(top: Path, drafts: Mapping[str, str]) -> None:
    """Read the policy as it will be. Raises GovernanceError if a file that existed before is
    invalid."""
    existing = {
        name
        for name in os.listdir(top)
        if name.casefold() in GOVERNANCE_FILES and not (top / name).is_dir()
    }
    modes = {os.fsencode(name): LINK if (top / name).is_symlink() else REGULAR for name in existing}
    texts = {
        name: text.encode() for name, text in drafts.items() if name.casefold() in GOVERNANCE_FILES
    }
    names = governing_files({**modes, **{name.encode(): REGULAR for name in texts}}).values()
    read_governance(
        {name: texts[name] if name in texts else _governance_file(top, name) for name in names}
    )


def _governance_file(top: Path, name: str) -> bytes:
    try:
        return beginning_of(top, name)
    except OSError as error:
        raise GovernanceError(
            f"cannot be read: {error.strerror or error}; put a plain file there", file=name
        ) from error


def _kept(survey: Survey, wrote: Iterable[DraftFile]) -> Iterator[str]:
    """The files that existed and stay, each with what that means."""
    beside = {draft.path for draft in wrote}
    for one in survey.governing:
        if one.binds:
            yield f"{one.file}: it binds already"
        elif (draft := one.name.replace(".md", ".draft.md")) in beside:
            yield (
                f"{one.file}: it is prose, and {draft} stands beside it; `git mv -f {draft}"
                f" {one.file}` adopts the draft"
            )
        else:
            yield f"{one.file}: it was there"
    yield from (f"{name}: it was there" for name in (CONFIG, *LABELS) if name in survey.present)
    yield from (f"{name}: it was there" for name in survey.issue_forms)


def _notes_on(checkout: Checkout, wrote: Iterable[DraftFile]) -> Iterator[str]:
    try:
        _check_governance(checkout.top, {draft.path: draft.text for draft in wrote})
    except GovernanceError as error:
        yield f"the factory will not start on what is there: {error}"
    if checkout.branch and checkout.branch != checkout.default_branch:
        yield (
            f"you are on {checkout.branch}; the factory reads {checkout.default_branch}, the"
            " default branch, so the drafts bind once they are there"
        )
