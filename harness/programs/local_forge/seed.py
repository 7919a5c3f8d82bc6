"""The administrator's client: create accounts, repositories, webhooks and first
commits on a forge."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.domain.errors import ForgeError
from harness.domain.plain import JsonDict, JsonObject
from harness.programs.local_forge.start import RunningForge

SECONDS, REQUEST_SECONDS = 120, 30
_LEFT_OUT = ("__pycache__/", "*.pyc", ".venv/", ".pytest_cache/", ".git/")
_DATE = "2026-01-05T09:00:00Z"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the forge, with a token that is shown only when it is made."""

    id: int
    login: str
    token: str


@dataclass(frozen=True, slots=True)
class SeededRepository:
    """A repository of the forge, as its clients name it."""

    id: int
    full_name: str
    clone_url: str
    html_url: str


class Administrator:
    """Calls that need `home/admin.token`. Every method raises ForgeError."""

    def __init__(self, forge: RunningForge) -> None:
        self._forge = forge

    def create_user(self, login: str, *, role: str = "read", kind: str = "User") -> Account:
        """Create an account. `role` holds on every repository: none, read, triage, write,
        maintain or admin."""
        answer = self._post("/users", login=login, role=role, kind=kind)
        return Account(answer["id"], answer["login"], answer["token"])

    def create_token(self, login: str) -> Account:
        """Create another token for an existing account."""
        answer = self._post(f"/users/{quote(login)}/tokens")
        return Account(answer["id"], answer["login"], answer["token"])

    def users(self) -> list[JsonDict]:
        """Every account as `{id, login, kind, role}`, the highest role first."""
        return list(self._send("GET", "/users"))

    def set_role(self, login: str, role: str) -> None:
        """Set an account's role on every repository."""
        self._send("PATCH", f"/users/{quote(login)}", role=role)

    def revoke_tokens(self, login: str) -> int:
        """Revoke every token and session of an account; returns how many there were."""
        return int(self._send("DELETE", f"/users/{quote(login)}/tokens")["revoked"])

    def rename_user(self, login: str, new: str) -> None:
        """Rename an account; the old login becomes free."""
        self._send("PUT", f"/users/{quote(login)}/login", login=new)

    def create_repository(
        self,
        owner: str,
        name: str,
        *,
        description: str = "",
        default_branch: str = "main",
        incoming: str | None = None,
    ) -> SeededRepository:
        """Create a repository: empty or, with `incoming`, with the content of the store of
        that name in `home/incoming`."""
        held = {} if incoming is None else {"incoming": incoming}
        answer = self._post(
            "/repos",
            owner=owner,
            name=name,
            description=description,
            default_branch=default_branch,
            **held,
        )
        return SeededRepository(
            answer["id"], answer["full_name"], answer["clone_url"], answer["html_url"]
        )

    def create_app(self, owner: str, manifest: JsonObject) -> JsonDict:
        """Create a GitHub App from its manifest: `id`, `slug`, `client_id`, `pem`,
        `webhook_secret` and more."""
        return self._post("/apps", owner=owner, manifest=dict(manifest))

    def create_manifest_code(self, owner: str, manifest: JsonObject) -> str:
        """The code of an approved manifest; `/app-manifests/{code}/conversions` takes it
        once within an hour."""
        return str(self._post("/app-codes", owner=owner, manifest=dict(manifest))["code"])

    def install_app(
        self, slug: str, account: str, *, repositories: Iterable[str] | None = None
    ) -> int:
        """Install an App on an account's repositories, by name (None: all); returns the
        installation's number."""
        chosen = {} if repositories is None else {"repositories": list(repositories)}
        return int(self._post(f"/apps/{slug}/installations", account=account, **chosen)["id"])

    def file_issues(self, full_name: str, count: int, *, body_length: int = 1_500) -> range:
        """File `count` open issues at once (at most 100,000) in `OWNER/NAME`, a minute apart, the
        last one now.

        Returns their numbers. Sends no webhooks. Ten thousand take about a second.
        """
        answer = self._post(f"/repos/{full_name}/issues", count=count, body_length=body_length)
        return range(answer["first"], answer["last"] + 1)

    def create_hook(self, url: str, secret: str, *, events: Iterable[str] = ("*",)) -> int:
        """Create a webhook that is signed with `secret`; returns its number."""
        return int(self._post("/hooks", url=url, secret=secret, events=list(events))["id"])

    def _post(self, path: str, /, **body: Any) -> JsonDict:
        answer: JsonDict = self._send("POST", path, **body)
        return answer

    def _send(self, method: str, path: str, /, **body: Any) -> Any:
        headers = {
            "Authorization": f"Bearer {self._forge.admin_token.read_text(encoding='ascii').strip()}"
        }
        connection = HTTPConnection("127.0.0.1", self._forge.port, timeout=REQUEST_SECONDS)
        try:
            connection.request(method, f"/admin{path}", json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise ForgeError(
                f"{self._forge.url} did not answer {path}: {error}", retryable=True
            ) from error
        finally:
            connection.close()
        if response.status >= 400:
            why = next((error["message"] for error in answer.get("errors", [])), answer["message"])
            raise ForgeError(f"the forge refused {path}: {why}")
        return answer


def push_folder(
    folder: Path,
    clone_url: str,
    *,
    token: str,
    branch: str = "main",
    message: str = "Import",
    author: str = "Tidebook <tidebook@example.org>",
) -> str:
    """Commit what `folder` holds on top of the forge's branch (or as its first commit), push it,
    and return the sha.

    The folder's own .gitignore applies, caches are left out, and bytes are stored unchanged. The
    same folder, branch tip, message and author (`Name <email>`) give the same sha.
    Raises ForgeError with git's message.
    """
    name, _, email = author.rstrip(">").partition(" <")
    scratch = Path(tempfile.mkdtemp(prefix=f"factory-seed-{os.getpid()}-"))
    env = _environment(token) | {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", email), ("DATE", _DATE))
    }
    try:
        store = scratch / "store.git"
        _git(env, "init", "--quiet", "--bare", "--template=", str(store))
        (store / "info").mkdir()
        (store / "info" / "exclude").write_text("\n".join(_LEFT_OUT) + "\n", encoding="ascii")
        here = (
            f"--git-dir={store}",
            f"--work-tree={folder}",
            "-c",
            "core.autocrlf=false",
            "-c",
            "core.bare=false",
        )
        tip = _git(env, *here, "ls-remote", clone_url, f"refs/heads/{branch}").split("\t")[0]
        if tip:
            # Depth 1 is enough: the new commit needs only its parent.
            _git(env, *here, "fetch", "--quiet", "--depth=1", clone_url, f"refs/heads/{branch}")
        # From the folder itself, so that its own .gitignore applies.
        _git(env, *here, "add", "--all", "--", ".", cwd=folder)
        tree = _git(env, *here, "write-tree").strip()
        parent = ("-p", tip) if tip else ()
        made = _git(env, *here, "commit-tree", tree, *parent, "-m", message).strip()
        _git(env, *here, "push", "--quiet", clone_url, f"{made}:refs/heads/{branch}")
        return made
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _environment(token: str) -> dict[str, str]:
    """git's environment. The token is passed here, because every process on the machine
    can read arguments."""
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def _git(env: dict[str, str], *arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        start_new_session=True,
    )
    if done.returncode != 0:
        raise ForgeError(
            f"git could not seed the forge: {done.stderr.decode(errors='replace').strip()}"
        )
    return done.stdout.decode(errors="replace")
