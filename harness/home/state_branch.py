"""A home's state on a branch of its own repository, for hosted runners without a database.

Properties:
- The state is fetched before a factory works, and is on the branch before each of its effects on
  the world. So what a killed runner did is what the next one finds intended, and each effect looks
  before it acts.
- The branch moves by compare-and-swap. Whoever was overtaken does nothing more to the world; its
  own state is dropped.
- What somebody else wrote to the branch is refused, and so is an older state, where this home or
  the default branch has seen a newer one.
"""

import json
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.domain.errors import ConfigError, LedgerError, RemoteError
from harness.domain.events import StateSealed
from harness.domain.issue import CommitSha
from harness.factory.reporting.anchors import Anchors
from harness.factory.run.services import Places
from harness.home.document import FILE, HomeFile, read_home
from harness.home.state import STATE, STATE_TOKEN, secret_in_environment
from harness.repository.names import is_sha
from harness.repository.own_objects import OwnObjects, own_objects, take_objects
from harness.repository.remote import Remote
from harness.repository.state_branch import BRANCH, BranchMoved, StateBranch, StoredState
from harness.repository.trusted import TrustedRepository
from harness.store.clock import SystemClock
from harness.store.files import replace as write
from harness.store.ledger.sqlite import SqliteLedger
from harness.store.state_file import PackedState, StatePlaces, packed, unpack
from harness.store.state_key import StateKey

EVERY_SECONDS = 120.0
"""How often the state is stored while only time passes: what a killed runner has spent since then
is not counted."""
_SEEN, _FOLDER = ".state", "state.git"
_MESSAGE = re.compile(r"State (?P<generation>[1-9]\d{0,11})\n\nmac: (?P<mac>[0-9a-f]{64})\n")
_REPOSITORY = re.compile(r"https?://[^\s@?#]+/([A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100})")
_FIRST = f"{StateSealed.kind}/0"
_PACK, _REFS, _NO_REFS = "repository.pack", "repository.json", b'{"tip": "", "refs": ""}'


NamedRemote = tuple[str, Remote]


@dataclass(frozen=True, slots=True)
class _Seen:
    """The newest state that this home read or wrote: its number, and its commit on the branch."""

    generation: int = 0
    commit: CommitSha | None = None


@dataclass(frozen=True, slots=True)
class _Connection:
    """The repository with the branch: its name, and how git and we reach it."""

    name: str
    remote: Remote
    branch: StateBranch


class BranchBackup:
    """The state of `home` on its branch, encrypted with `key`.

    Raises ConfigError if the repository is not known, LedgerError for a state that is not ours or
    not the newest, and GitError if the forge does not answer.
    """

    def __init__(
        self,
        home: Path,
        key: StateKey,
        places: StatePlaces,
        *,
        repository: Callable[[Path], NamedRemote] = lambda home: repository_of(home),
        every: float = EVERY_SECONDS,
    ) -> None:
        self._home, self._key, self._places, self._every = home, key, places, every
        self._repository_of = repository
        self._seen, self._digest, self._overtaken = _seen(home), "", ""
        self._last = self._seen.generation
        self._stored_at, self._entries = float("-inf"), 0
        self._lock = threading.Lock()
        self._connection: _Connection | None = None

    def fetch(self) -> bool:
        """Make the home equal what is on the branch. Returns whether there is anything."""
        with self._lock:
            found = self._connected().branch.read(self._seen.commit)
            if found is None:
                if self._seen.generation:
                    raise LedgerError(
                        f"the forge has no branch {BRANCH} any more, and this home has seen state"
                        f" {self._seen.generation} there; to store this home's own as the first,"
                        f" remove {self._home / _SEEN} and run `factory home backup`"
                    )
                return False
            if found.commit != self._seen.commit:
                self._take(found)
            self._digest = self._packed().digest
            self._entries = self._ledger_entries()
            return True

    def keep(self, *, all_is_over: bool = False) -> None:
        """Store the home, if anything changed. Raises LedgerError if another factory has stored a
        newer state; then nothing was stored, and never will be by this process."""
        with self._lock:
            self.held()
            self._begin_ledger()
            entries = self._ledger_entries()
            now = self._packed()
            if now.digest != self._digest:
                self._store(now)
            self._stored_at, self._entries = time.monotonic(), entries

    def before_effect(self) -> None:
        """Store the home unless the branch has all of its ledger: an effect must not be on the
        world before its intent is there."""
        self.held()
        if self._ledger_entries() != self._entries:
            self.keep()

    def check(self) -> None:
        """Raise LedgerError if another factory has overtaken this one. From time to time, store the
        home."""
        self.held()
        if time.monotonic() - self._stored_at >= self._every:
            # The next effect needs the forge anyway, and waits for it.
            with suppress(RemoteError):
                self.keep()

    @property
    def is_overtaken(self) -> bool:
        """Whether another factory has stored a newer state."""
        return bool(self._overtaken)

    def held(self) -> None:
        """Raise LedgerError if another factory has overtaken this one."""
        if self._overtaken:
            raise LedgerError(self._overtaken, retryable=True)

    def remove(self) -> None:
        """Delete the branch, if it has the state that this home has seen last."""
        if self._seen.commit:
            self._connected().branch.remove(expected=self._seen.commit)
        (self._home / _SEEN).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing stays open."""

    def _store(self, now: PackedState) -> None:
        # A number is used once, also if nobody knows whether its push arrived.
        self._last = generation = self._last + 1
        sealed = self._key.sealed(now.content)
        mac = self._key.mac(f"{self._connected().name} {generation}", sealed)
        try:
            commit = self._connected().branch.write(
                sealed,
                message=f"State {generation}\n\nmac: {mac}\n",
                at=SystemClock().now().isoformat(),
                expected=self._seen.commit,
            )
        except BranchMoved as moved:
            self._overtaken = (
                f"another factory has stored a newer state ({moved}); this one does nothing more,"
                " and its own state since then is dropped: what it did at the forge is found there"
            )
            raise LedgerError(self._overtaken, retryable=True) from moved
        self._mark(_Seen(generation, commit))
        self._digest = now.digest

    def _take(self, found: StoredState) -> None:
        said = _MESSAGE.fullmatch(found.message)
        name = f"{self._connected().name} {said['generation']}" if said else ""
        if said is None or not self._key.made(said["mac"], name, found.content):
            raise LedgerError(
                f"the branch {BRANCH} at {found.commit:.12} was not written with this home's key:"
                " FACTORY_HOME_KEY is another one, or somebody else pushed there"
            )
        generation = int(said["generation"])
        if generation <= self._seen.generation:
            raise LedgerError(
                f"the branch {BRANCH} has state {generation}, and this home has seen"
                f" {self._seen.generation}: somebody put an older one back"
            )
        # Until all of it is here, this home is at no state. What it has seen stays seen.
        self._mark(replace(self._seen, commit=None))
        (self._home / FILE).unlink(missing_ok=True)
        beside = unpack(self._home, self._places, self._key.opened(found.content))
        # From here on by the home's own credentials.
        self._connection = None
        self._take_repository(beside)
        self._mark(_Seen(generation, found.commit))

    def _take_repository(self, beside: dict[str, bytes]) -> None:
        """Bring the repository up, and compare the ledger with the landings that the forge shows:
        each was stored before it was made, so one that the ledger lacks proves an older state."""
        trusted = self._trusted(read_home(self._home))
        # A state from before the first fetch names no branch; the forge does.
        branch = trusted.remote.default_branch(trusted.git)
        kept = json.loads(beside.get(_REFS, _NO_REFS))
        take_objects(trusted, OwnObjects(branch, **kept, pack=beside.get(_PACK, b"")))
        with closing(SqliteLedger(self._home, SystemClock())) as ledger:
            fault = Anchors(ledger, trusted, branch).fault()
        if fault:
            raise LedgerError(f"the branch {BRANCH} has an older state: {fault[1]}")

    def _packed(self) -> PackedState:
        document = read_home(self._home)
        beside: dict[str, bytes] = {}
        places = Places(self._home, document.repository_id)
        if places.trusted.exists():
            with closing(SqliteLedger(self._home, SystemClock())) as ledger:
                named = [str(dict(entry.data)) for entry in ledger.entries()]
            own = own_objects(self._trusted(document), named)
            refs = {"tip": own.tip, "refs": own.refs}
            beside = {_REFS: json.dumps(refs).encode(), _PACK: own.pack}
        return packed(self._home, self._places, beside=beside)

    def _trusted(self, document: HomeFile) -> TrustedRepository:
        folder = Places(self._home, document.repository_id).trusted
        return TrustedRepository(folder, self._connected().remote)

    def _connected(self) -> _Connection:
        if self._connection is None:
            name, remote = self._repository_of(self._home)
            branch = StateBranch(self._home / _FOLDER, remote)
            self._connection = _Connection(name.lower(), remote, branch)
        return self._connection

    def _begin_ledger(self) -> None:
        """Create the ledger's key, so that the first state has it: all signed landings are then by
        one key."""
        with closing(SqliteLedger(self._home, SystemClock())) as ledger:
            if ledger.find(_FIRST) is None and not ledger.entries():
                ledger.append(StateSealed(0, ""), _FIRST)

    def _ledger_entries(self) -> int:
        """How many entries the ledger has. Its end is read, and not what is stored already."""
        stored = self._entries
        with closing(SqliteLedger(self._home, SystemClock())) as ledger:
            return stored + len(ledger.entries(after=stored))

    def _mark(self, seen: _Seen) -> None:
        self._seen, self._last = seen, max(self._last, seen.generation)
        write(self._home / _SEEN, f"{seen.generation} {seen.commit}\n".encode(), mode=0o600)


def _seen(home: Path) -> _Seen:
    try:
        generation, commit = (home / _SEEN).read_text("ascii").split()
        return _Seen(int(generation), CommitSha(commit) if is_sha(commit) else None)
    except (FileNotFoundError, ValueError):
        return _Seen()


def repository_of(home: Path) -> NamedRemote:
    """The repository that has the branch, as OWNER/NAME and as git reaches it: by
    the home's own credentials or, where no home is yet, by what the environment names."""
    if not (home / FILE).exists():
        return _named_repository()
    from harness.forge.github import GitHubForge
    from harness.home.credentials import access_of, git_token_of
    from harness.home.programs import api_of

    document = read_home(home)
    if document.is_embedded:
        raise ConfigError(
            f"{home} contains its forge, and a branch there would be no other place: a home that"
            " moves between machines serves a repository on a forge elsewhere"
        )
    hub = GitHubForge(access_of(home, document, api_of(document.forge)))
    name = f"{document.owner}/{document.name}"
    url = f"{document.forge}/{name}.git"
    return name, Remote(url, git_token_of(home, document, hub))


def _named_repository() -> NamedRemote:
    given = os.environ.get(STATE, "").rstrip("/")
    found = _REPOSITORY.fullmatch(given)
    if found is None:
        raise ConfigError(
            f"expected the address of a repository, such as https://github.com/OWNER/NAME, found"
            f" {given[:120]!r}",
            key=STATE,
        )
    secret = secret_in_environment(STATE_TOKEN)
    token: Callable[[], str | None] = lambda: secret or None  # noqa: E731
    return found[1], Remote(f"{given}.git", token)
