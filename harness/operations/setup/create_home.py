"""Creates a home that serves a repository on the local forge: its people, its code, and its issues
over HTTP.

A home exists once its `home.json` does, which is written last. A failure before that leaves
nothing."""

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
"""Pushes the code to the forge. Called with the repository's git address and a maintainer's
token."""


@dataclass(frozen=True, slots=True)
class HomePlan:
    """What a home will serve. `document` has everything except the forge's port and the
    repository's number; `push` pushes the code."""

    document: HomeFile
    description: str
    maintainer: str
    push: Push
    issues: tuple[IssueText, ...]
    branch: str = "main"
    recordings: Path | None = None


def create_home(home: Path, plan: HomePlan, *, tell: Callable[[str], None]) -> HomeFile:
    """Create the home. Raises ConfigError or ForgeError, and then leaves the home as empty as it
    was."""
    from harness.programs.local_forge.seed import Administrator

    # Before anything is created, because the forge would refuse them only at the end.
    _require_free_logins(plan)
    document = plan.document
    with whole_or_nothing(home), embedded_forge(home, document) as forge:
        admin = Administrator(forge)
        tokens = {
            # The forge ignores the case of logins, so one person gets one account.
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
    """Create the folder if it does not exist. If the block fails, the folder is again as it was:
    empty or absent."""
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


def _require_free_logins(plan: HomePlan) -> None:
    from harness.programs.local_forge.fields import RESERVED

    for issue in plan.issues:
        if issue.author.lower() in RESERVED | {FACTORY_LOGIN}:
            raise ConfigError(
                f"`{issue.author}` is reserved for the forge itself; name another author",
                file=issue.source,
                key="author",
            )


def launcher_key_id(home: Path) -> str:
    """The id of the launcher's key in this home. The launcher creates the key if there is none."""
    key = home / "keys" / "validator.key"
    done = subprocess.run(
        [sys.executable, "-I", "-m", "validators", "key", "--signing-key", str(key)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        start_new_session=True,
    )
    if done.returncode != 0:
        raise ValidatorError(f"the launcher created no key: {done.stderr.strip()}")
    return done.stdout.strip()


def _copy_recordings(source: Path, home: Path, sealed: Path) -> None:
    """Copy recordings of the roles that judge to the sealed side, and the others to the home."""
    sealed.mkdir(mode=0o700, parents=True, exist_ok=True)
    # `parents=True` gives the outer folders the mode of the umask.
    sealed.parent.chmod(0o700)
    for folder, target in (
        (source, home / "recordings"),
        (source / "sealed", sealed / "recordings"),
    ):
        target.mkdir()
        # Nothing else is copied: the folder may contain anything, even this home.
        for issue in folder.glob("issue-*"):
            shutil.copytree(issue, target / issue.name)


def _file(address: str, token: str, issue: IssueText) -> int:
    """File an issue as its author would, by one POST to the forge. Returns its number."""
    import httpx

    try:
        answer = httpx.post(
            address,
            json={"title": issue.title, "body": issue.body},
            timeout=30,
            # A proxy of the environment could not reach this machine's own forge.
            trust_env=False,
            # There is no TLS on plain HTTP, and reading all certificates takes 30 ms a request.
            verify=not address.startswith("http://"),
            headers={"Authorization": f"Bearer {token}"},
        )
    except httpx.HTTPError as error:
        raise ForgeError(
            f"the forge did not take the issue “{issue.title[:60]}”: {error}", retryable=True
        ) from error
    document = answer.json()
    if answer.is_error:
        errors = [str(one.get("message") or one.get("code")) for one in document.get("errors", ())]
        reasons = "; ".join(errors) or document.get("message")
        raise ConfigError(
            f"the forge refused the issue “{issue.title[:60]}”: {reasons}", file=issue.source
        )
    return int(document["number"])
