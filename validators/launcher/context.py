"""What the launcher works with, opened and checked before anything runs: store, key, repository,
boxes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import validators
from validators.app.git import Repository, commit_facts
from validators.app.instances import Start
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

HOSTNAME = "app.localhost"


@dataclass(frozen=True, slots=True)
class Context:
    """One request and the opened things that answer it. `now` gives the time in UTC, `phases` where
    it has gone."""

    request: Request
    journey_store: JourneyStore
    notary: Notary
    signer: str
    now: Callable[[], datetime]
    deadline: Deadline
    phases: Phases = field(default_factory=Phases)

    @property
    def key_id(self) -> str:
        """The id of the key that verdicts and entries are signed with."""
        return str(self.notary.signer.public_key.keyid)

    @property
    def stores(self) -> LayerStores:
        """Where dependency layers are kept."""
        return LayerStores(Path(self.request.layers), Path(self.request.wheels))

    def sandboxes(self, folder: Path) -> Sandboxes:
        """Boxes of the form that the request asks for, with their papers in `folder`."""
        folder.mkdir()
        asked = self.request.sandbox
        return Sandboxes(asked.command, asked.form, folder, asked.other_form)

    def start(self) -> Start:
        """How each instance of the app is started and known to be ready."""
        app, limits = self.request.app, self.request.limits
        wall = app.ready_seconds + limits.wall_seconds
        return Start(
            app.start,
            app.port_env,
            app.ready,
            app.ready_seconds,
            wall,
            HOSTNAME,
            app.clock_env or "",
        )


def opened_context(request: Request, *, caller: Path, now: Callable[[], datetime]) -> Context:
    """The desk, or UsageError when the store is somewhere it can be reached or has leaked, or the
    key is not safe."""
    phases = Phases()
    phases("store and repository")
    key = Path(request.signing_key)
    store = opened_place(Path(request.sealed), bound=_bound(request))
    notary = Notary(signer_at(key))
    journey_store = JourneyStore(store, notary)
    refuse_leaked(store, Repository(Path(request.git_dir)), canaries=journey_store.canaries())
    refuse_named(journey_store, _texts(request))
    deadline = Deadline(request.limits.wall_seconds)
    return Context(
        request, journey_store, notary, signer_kind(key, caller=caller), now, deadline, phases
    )


def refuse_named(journey_store: JourneyStore, texts: Iterator[str]) -> None:
    """Raises UsageError when a text that is on its way in or out carries the canary of a sealed
    journey."""
    canaries = journey_store.canaries()
    for text in texts:
        if any(canary in text for canary in canaries):
            raise UsageError(
                "a sealed journey's canary occurs in a text outside the store: retire it and seal a"
                " new one"
            )


def checked_candidate(request: Request) -> Revision:
    """The candidate, once its commit is what the verdict will say of it. Raises Inconclusive or
    UsageError."""
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
    """The base, once its commit has the tree that the request names. Raises Inconclusive."""
    tree, _ = commit_facts(Path(request.git_dir), request.base.commit)
    if tree != request.base.tree:
        raise Inconclusive(f"commit {request.base.commit} has tree {tree}, not {request.base.tree}")
    return request.base


def _bound(request: Request) -> Iterator[Path]:
    """Every prefix that a box may be shown: the repository, layers, wheels, this program,
    interpreters, the system."""
    yield from (Path(request.git_dir), Path(request.layers), Path(request.wheels))
    yield from (Path(validators.__file__).parent, Path(sys.prefix), Path(sys.base_prefix))
    yield Path(request.sandbox.command[0]).parent.parent
    yield from (Path("/usr"), Path("/etc"), Path("/opt"))


def _texts(request: Request) -> Iterator[str]:
    yield request.issue.title
    yield request.issue.body
    yield from request.governance.files.values()
