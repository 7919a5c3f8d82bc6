"""git over HTTP: a bridge to `git http-backend`, the CGI program that git ships.

Request bodies and the responses to fetches are streamed. The response to a push waits until the
database has followed the branches, so that the client finds pull requests and issues up to date.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from harness.programs.local_forge.api.callers import branch_policy_of, role_of, signed_in
from harness.programs.local_forge.content import repositories
from harness.programs.local_forge.git.objects import environment
from harness.programs.local_forge.git.pre_receive import BRANCH_POLICY, DATABASE, PYTHON
from harness.programs.local_forge.git.protection import BranchPolicy, to_json
from harness.programs.local_forge.refused import Refused, forbidden, not_for_apps, unauthenticated
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.storage.records import Caller, Repo, Role, User
from harness.programs.local_forge.transaction import Transaction

SERVICES = ("git-upload-pack", "git-receive-pack")
CHUNK = 64 * 1024
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class GitRequest:
    """One request of a git client: the repository, the account, and the part of the path
    that git reads."""

    repo: Repo
    actor: User | None
    tail: str
    branch_policy: BranchPolicy

    @property
    def pushes(self) -> bool:
        """Whether branches may move."""
        return self.tail == "git-receive-pack"


class GitHttpBackend:
    """Answers at /OWNER/NAME.git/…. Pushes to one repository run one after another."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._pushing: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        try:
            git_request = await run_in_threadpool(self._git_request, request)
        except Refused as refused:
            return PlainTextResponse(
                f"{refused.message}\n", refused.status, headers=dict(refused.headers)
            )
        if not git_request.pushes:
            return await _run(request, self._environment(request, git_request))
        async with self._pushing[git_request.repo.id]:
            return await self._push(request, git_request)

    async def _push(self, request: Request, git_request: GitRequest) -> Response:
        """Run the push, then sync the database."""
        before = await run_in_threadpool(self._branches, git_request.repo)
        try:
            return await _run(request, self._environment(request, git_request), hold=True)
        finally:
            if git_request.actor is not None:
                # Branches may have moved even if the client hung up, so the sync must not be
                # cancelled with it.
                await asyncio.shield(
                    run_in_threadpool(
                        self._service.after_push, git_request.repo, git_request.actor, before
                    )
                )

    def _git_request(self, request: Request) -> GitRequest:
        """Authorize a request. Raises Refused: 401 makes git ask for a token, 403 and 404
        end it."""
        tail, service = request.path_params["tail"], request.query_params.get("service")
        # git's older protocol reads plain files, which no policy could check.
        if tail not in SERVICES and not (tail == "info/refs" and service in SERVICES):
            raise Refused(404, "Only git's smart protocol is spoken here")
        with self._service.transaction(write=False) as tx:
            repo = repositories.named(tx, request.path_params["owner"], request.path_params["repo"])
            caller = _signed_in(tx, request)
            role, actor = role_of(tx, caller, repo), caller.user
            branch_policy = branch_policy_of(tx, caller, repo)
        if "git-receive-pack" in (tail, service):
            _check_push(caller, repo, role)
        if role < Role.READ or (
            caller.grant
            and caller.grant.reaches(repo)
            and not caller.grant.allows("contents", "read")
        ):
            raise Refused(404, "Not Found")
        return GitRequest(repo, actor, tail, branch_policy)

    def _branches(self, repo: Repo) -> dict[str, str]:
        with self._service.transaction(write=False) as tx:
            return dict(tx.git(repo).refs())

    def _environment(self, request: Request, git_request: GitRequest) -> dict[str, str]:
        """The CGI environment (RFC 3875, git-http-backend(1))."""
        sent = {
            "CONTENT_TYPE": "content-type",
            "CONTENT_LENGTH": "content-length",
            "GIT_PROTOCOL": "git-protocol",
            "HTTP_CONTENT_ENCODING": "content-encoding",
        }
        return environment(
            **{
                name: value
                for name, header in sent.items()
                if (value := request.headers.get(header)) is not None
            },
            GIT_PROJECT_ROOT=str(self._service.settings.repositories),
            GIT_HTTP_EXPORT_ALL="1",
            # Only the number goes into a path: a name in it could lead out of the folder.
            PATH_INFO=f"/{git_request.repo.id}.git/{git_request.tail}",
            QUERY_STRING=request.url.query,
            REQUEST_METHOD=request.method,
            REMOTE_ADDR="127.0.0.1",
            REMOTE_USER=git_request.actor.login if git_request.actor else "",
            **{
                BRANCH_POLICY: json.dumps(to_json(git_request.branch_policy)),
                DATABASE: str(self._service.settings.database),
                PYTHON: sys.executable,
            },
        )


def _signed_in(tx: Transaction, request: Request) -> Caller:
    """Authenticate as the API does, with the header that makes git ask for another token."""
    try:
        caller = signed_in(tx, request.headers.get("authorization"))
    except Refused as refused:
        # Without WWW-Authenticate, git gives up instead of asking for credentials.
        raise Refused(refused.status, refused.message, headers=unauthenticated().headers) from None
    if caller.app is not None:
        raise not_for_apps()
    return caller


def _check_push(caller: Caller, repo: Repo, role: Role) -> None:
    if caller.user is None:
        raise unauthenticated()
    if caller.grant is not None and not (
        caller.grant.reaches(repo) and caller.grant.allows("contents", "write")
    ):
        raise not_for_apps()
    if role < Role.WRITE:
        raise forbidden(Role.WRITE.word)


async def _run(request: Request, env: dict[str, str], *, hold: bool = False) -> Response:
    """Start git, send it the request and return its response; with `hold`, only after
    git has ended."""
    # In a session of its own, so that _kill also reaches git's children.
    process = await asyncio.create_subprocess_exec(
        _backend(),
        env=env,
        start_new_session=True,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    body = _body(process, asyncio.create_task(_feed(request, process)))
    try:
        status, headers = await _head(process)
        if hold:
            return Response(b"".join([chunk async for chunk in body]), status, headers=headers)
    except asyncio.CancelledError:
        await body.aclose()
        _kill(process)
        raise
    return StreamingResponse(body, status, headers=headers)


@cache
def _backend() -> str:
    """The program that `git http-backend` starts and waits for."""
    folder = subprocess.run(
        ("git", "--exec-path"), env=environment(), capture_output=True, text=True, check=True
    )
    return f"{folder.stdout.strip()}/git-http-backend"


async def _feed(request: Request, process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, ClientDisconnect):
        async for chunk in request.stream():
            process.stdin.write(chunk)
            await process.stdin.drain()
    # git waits for the end of its input, also when the client left in the middle.
    process.stdin.close()


async def _head(process: asyncio.subprocess.Process) -> tuple[int, dict[str, str]]:
    """The status and headers that git writes first; 500 when it wrote none."""
    assert process.stdout is not None
    status, headers = 200, dict[str, str]()
    while (line := await process.stdout.readline()).strip():
        name, _, value = line.decode("latin-1").strip().partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name.lower()] = value.strip()
    return (status, headers) if headers else (500, headers)


async def _body(
    process: asyncio.subprocess.Process, feeding: asyncio.Task[None]
) -> AsyncGenerator[bytes, None]:
    """Yield git's output. git is killed when the client leaves, or after SECONDS."""
    assert process.stdout is not None
    deadline = asyncio.get_running_loop().call_later(SECONDS, _kill, process)
    try:
        while chunk := await process.stdout.read(CHUNK):
            yield chunk
        await process.wait()
    finally:
        deadline.cancel()
        feeding.cancel()
        _kill(process)


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill git and its children; asyncio reaps it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
