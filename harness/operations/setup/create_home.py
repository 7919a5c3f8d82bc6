"""One way to make a home that serves a repository on the embedded forge: its people, its code, its
issues over HTTP.

A home is there when its `home.json` is, and that is written when all else stands; what fails before
leaves nothing."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.domain.errors import ConfigError, ForgeError, ValidatorError
from harness.home.document import HomeFile, write_home
from harness.home.programs import embedded_forge, keep_token, token_path
from harness.operations.setup.issue_files import IssueText

FACTORY_LOGIN = "lights-out"
Push = Callable[[str, str], None]
"""Puts the code on the forge: the repository's address for git, and a maintainer's token."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a home is to serve. `document` says all but where its forge will be; `push` brings the
    code."""

    document: HomeFile
    description: str
    maintainer: str
    push: Push
    issues: tuple[IssueText, ...]
    branch: str = "main"
    recordings: Path | None = None


def found(home: Path, plan: Plan, *, tell: Callable[[str], None]) -> HomeFile:
    """Make the home. Raises ConfigError or ForgeError, and leaves the home as empty as it was."""
    from harness.programs.local_forge.seed import Administrator

    _require_free_logins(plan)
    document = plan.document
    with whole_or_nothing(home), embedded_forge(home, document) as forge:
        admin = Administrator(forge)
        tokens = {
            login.lower(): admin.create_user(login, role="admin").token
            for login in (document.owner, plan.maintainer)
        }
        keep_token(
            token_path(home, document),
            admin.create_user(FACTORY_LOGIN, role="write", kind="Bot").token,
        )
        repository = admin.create_repository(
            document.owner, document.name, description=plan.description, default_branch=plan.branch
        )
        tell(f"a forge at {forge.url}")
        plan.push(repository.clone_url, tokens[plan.maintainer.lower()])
        if plan.recordings is not None:
            _copy_recordings(plan.recordings, home, home / "sealed" / document.repository_id)
        for issue in plan.issues:
            if issue.author.lower() not in tokens:
                tokens[issue.author.lower()] = admin.create_user(issue.author, role="read").token
            number = _file(
                f"{forge.api}/repos/{repository.full_name}/issues",
                tokens[issue.author.lower()],
                issue,
            )
            tell(f"issue #{number} by {issue.author}: {issue.title}")
        document = replace(document, port=forge.port, number=repository.id)
        write_home(home, document)
    return document


@contextmanager
def whole_or_nothing(home: Path) -> Iterator[None]:
    """The folder, made where there is none; whatever ends the block before its end leaves the
    folder as it was: empty, or not there."""
    was_there = home.is_dir()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as undone:
        undone.callback(_empty, home, keep=was_there)
        yield
        undone.pop_all()


def _empty(folder: Path, *, keep: bool) -> None:
    for item in tuple(folder.iterdir()):
        shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
    if not keep:
        folder.rmdir()


def _require_free_logins(plan: Plan) -> None:
    from harness.programs.local_forge.fields import RESERVED

    for issue in plan.issues:
        if issue.author.lower() in RESERVED | {FACTORY_LOGIN}:
            raise ConfigError(
                f"nobody but the forge itself can be `{issue.author}`; name another author",
                file=issue.source,
                key="author",
            )


def launcher_key_id(home: Path) -> str:
    """The id of the launcher's key in this home; the launcher makes the key where there is none,
    and keeps it."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-m",
            "validators",
            "key",
            "--signing-key",
            str(home / "keys" / "validator.key"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        start_new_session=True,
    )
    if done.returncode != 0:
        raise ValidatorError(f"the launcher made no key: {done.stderr.strip()}")
    return done.stdout.strip()


def _copy_recordings(source: Path, home: Path, sealed: Path) -> None:
    """Recordings of the roles that judge go to the sealed side, the others to the home."""
    sealed.mkdir(mode=0o700, parents=True, exist_ok=True)
    sealed.parent.chmod(0o700)
    for folder, target in (
        (source, home / "recordings"),
        (source / "sealed", sealed / "recordings"),
    ):
        target.mkdir()
        for issue in folder.glob(
            "issue-*"
        ):  # and nothing else: the folder may hold anything, even this home
            shutil.copytree(issue, target / issue.name)


def _file(address: str, token: str, issue: IssueText) -> int:
    """File an issue as its author would: one POST to the forge."""
    import httpx

    try:
        answer = httpx.post(
            address,
            json={"title": issue.title, "body": issue.body},
            timeout=30,
            trust_env=False,
            headers={"Authorization": f"Bearer {token}"},
        )
    except httpx.HTTPError as error:
        raise ForgeError(
            f"the forge did not take the issue “{issue.title[:60]}”: {error}", retryable=True
        ) from error
    told = answer.json()
    if answer.is_error:
        reasons = "; ".join(
            str(one.get("message") or one.get("code")) for one in told.get("errors", ())
        ) or told.get("message")
        raise ConfigError(
            f"the forge refused the issue “{issue.title[:60]}”: {reasons}", file=issue.source
        )
    return int(told["number"])
