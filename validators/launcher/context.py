"""The context of one request: store, key, repository and sandboxes, opened and checked before
anything runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import validators
from validators.app.git import Repository, commit_facts
from validators.app.sandboxes import Sandboxes
from validators.app.side import LayerStores
from validators.domain.stops import Inconclusive, UsageError
from validators.launcher.phases import Deadline, Phases
from validators.launcher.request import Request, Revision
from validators.signing.key import signer_at, signer_kind
from validators.signing.notary import Notary
from validators.store.journeys import JourneyStore
from validators.store.leaks import refuse_leaked
from validators.store.place import opened_place

if TYPE_CHECKING:
    from validators.app.instances import Start

HOSTNAME = "app.localhost"


@dataclass(frozen=True, slots=True)
class Context:
    """One request, and what is needed to answer it. `now` returns the time in UTC. `phases` records
    how long each phase takes."""

    request: Request
    journey_store: JourneyStore
    notary: Notary
    signer: str
    now: Callable[[], datetime]
    deadline: Deadline
    phases: Phases = field(default_factory=Phases)

    @property
    def key_id(self) -> str:
        """The id of the key that signs verdicts and entries."""
        return str(self.notary.signer.public_key.keyid)

    @property
    def stores(self) -> LayerStores:
        """The folders of dependency layers and wheels."""
        return LayerStores(Path(self.request.layers), Path(self.request.wheels))

    def sandboxes(self, folder: Path) -> Sandboxes:
        """Sandboxes of the form that the request asks for. Their specifications go to the new
        `folder`."""
        folder.mkdir()
        asked = self.request.sandbox
        return Sandboxes(asked.command, asked.form, folder, asked.other_form, asked.root)

    def start(self) -> Start:
        """How each instance of the app is started."""
        from validators.app.instances import Start

        app, limits = self.request.app, self.request.limits
        wall = app.ready_seconds + limits.wall_seconds
        return Start(
            argv=app.start,
            port_env=app.port_env,
            ready=app.ready,
            ready_seconds=app.ready_seconds,
            wall_seconds=wall,
            hostname=HOSTNAME,
            clock_env=app.clock_env or "",
            commands={name: tuple(shlex.split(line)) for name, line in app.commands.items()},
            beside=app.beside,
        )


def opened_context(request: Request, *, caller: Path, now: Callable[[], datetime]) -> Context:
    """The context of a request. Raises UsageError when the store is in reach of others or has
    leaked, or when the key is not safe.

    `caller` is a file of the account that asks: the verdict records whether it can read the key."""
    phases = Phases()
    phases("store and repository")
    key = Path(request.signing_key)
    store = opened_place(Path(request.sealed), bound=_bound(request))
    notary = Notary(signer_at(key))
    journey_store = JourneyStore(store, notary)
    # Before any journey is performed: a change could have been fitted to a leaked one.
    refuse_leaked(store, Repository(Path(request.git_dir)), canaries=journey_store.canaries())
    refuse_named(journey_store, _texts(request))
    # It begins here: the search for leaks is not part of the request's time.
    deadline = Deadline(request.limits.wall_seconds)
    return Context(
        request, journey_store, notary, signer_kind(key, caller=caller), now, deadline, phases
    )


def refuse_named(journey_store: JourneyStore, texts: Iterator[str]) -> None:
    """Raises UsageError when one of the texts contains the canary of a sealed journey."""
    canaries = journey_store.canaries()
    for text in texts:
        if any(canary in text for canary in canaries):
            raise UsageError(
                "a sealed journey's canary occurs in a text outside the store: retire it and seal a"
                " new one"
            )


def checked_candidate(request: Request) -> Revision:
    """The candidate, after a check that it is the merge of base and head, with the named tree.
    Raises Inconclusive or UsageError."""
    if request.head is None or request.candidate is None:
        raise UsageError("request: head and candidate are missing; a judgement needs both")
    tree, parents = commit_facts(Path(request.git_dir), request.candidate.commit)
    if tree != request.candidate.tree:
        raise Inconclusive(
            f"commit {request.candidate.commit} has tree {tree}, not {request.candidate.tree}"
        )
    if parents != (request.base.commit, request.head.commit):
        raise Inconclusive(
            "the candidate is not the merge of this base and this head: make it again"
        )
    checked_base(request)
    return request.candidate


def checked_base(request: Request) -> Revision:
    """The base, after a check that its commit has the tree that the request names. Raises
    Inconclusive."""
    tree, _ = commit_facts(Path(request.git_dir), request.base.commit)
    if tree != request.base.tree:
        raise Inconclusive(f"commit {request.base.commit} has tree {tree}, not {request.base.tree}")
    return request.base


def _bound(request: Request) -> Iterator[Path]:
    """Every path that a sandbox may be shown: the repository, layers, wheels, this program,
    interpreters, the system."""
    yield from (Path(request.git_dir), Path(request.layers), Path(request.wheels))
    yield from (Path(validators.__file__).parent, Path(sys.prefix), Path(sys.base_prefix))
    yield Path(request.sandbox.command[0]).parent.parent
    yield from (Path("/usr"), Path("/etc"), Path("/opt"))


def _texts(request: Request) -> Iterator[str]:
    yield request.issue.title
    yield request.issue.body
    yield from request.governance.files.values()
