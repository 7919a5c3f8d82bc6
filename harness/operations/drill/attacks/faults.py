"""Faults of the factory's own machine: it crashes between an intent and its act, and
the disk is full."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
from harness.domain.events import Landed
from harness.domain.ledger import of_kind
from harness.domain.lifecycle import State
from harness.domain.sandbox import Bind, SandboxLimits
from harness.operations.drill.attack import Attack, AttackOutcome, held, not_held

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment
    from harness.operations.drill.scratch_factory import ScratchFactory

SUBJECT = "crash and disk"
ACTS = ("push", "open_pull_request", "set_state_label", "upsert_comment", "land")
MOST_STARTS = 24


class SimulatedCrash(BaseException):
    """What a kill looks like from inside: nothing more is done, and nothing is cleaned up. Not an
    Exception, so that no handler of the factory catches it."""


class CrashingPort:
    """A port whose acts crash the factory, each once before it is done and once right after. All
    else is passed on to `inner`."""

    def __init__(self, inner: object, crashes: set[tuple[str, str]]) -> None:
        self._inner, self._crashes = inner, crashes

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._inner, name)
        return self._crashing(name, act) if name in ACTS else act

    def _crashing(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._crash(name, "before")
            done = act(*arguments, **named)
            self._crash(name, "after")
            return done

        return call

    def _crash(self, name: str, when: str) -> None:
        if (name, when) in self._crashes:
            self._crashes.remove((name, when))
            raise SimulatedCrash(f"{when} {name}")


def killed(drill: "DrillEnvironment") -> AttackOutcome:
    """Crash before and after each act on the forge, and restart on the state that is left: the
    change lands, with one of everything."""
    factory = drill.factory("killed")
    crashes = {(act, when) for act in ACTS for when in ("before", "after")}
    planned, starts = len(crashes), 1
    issue = factory.file()
    while starts < MOST_STARTS and not _runs_to_its_end(factory, crashes):
        starts += 1
        # A restarted engine has no memory of its own; only the ledger and the forge remain.
        factory.done.clear()
    # A crash that never came leaves an act untested.
    if crashes:
        missed = ", ".join(sorted(f"{act} {when}" for act, when in crashes))
        return not_held(f"it never came to {missed}, so nothing was proven")
    pulls = factory.request("GET", "/pulls?state=all", by=factory.owner.token)
    comments = [
        one for one in factory.services.forge.comments(issue) if one.author.id == factory.bot.id
    ]
    history = factory.history(issue)
    landings = of_kind(factory.ledger.entries(), Landed)
    is_closed = not factory.services.forge.issue(issue).open
    counted = f"{len(pulls)} pull requests, {len(comments)} comments, {len(landings)} landings"
    if (
        history.state is not State.MERGED
        or not is_closed
        or (len(pulls), len(comments), len(landings)) != (1, 1, 1)
    ):
        return not_held(f"{counted}; {factory.status(issue)}")
    if fault := factory.ledger.fault():
        return not_held(fault.message)
    return held(f"{planned} crashes, {starts} starts; one pull request, comment and landing")


def _runs_to_its_end(factory: "ScratchFactory", crashes: set[tuple[str, str]]) -> bool:
    """Start the factory for one tick. Returns whether it ended without a crash."""
    factory.customize(
        lambda services: replace(
            services,
            writer=CrashingPort(services.writer, crashes),
            candidates=CrashingPort(services.candidates, crashes),
        )
    )
    try:
        factory.tick()
    except SimulatedCrash:
        return False
    return True


LEDGER_ON_A_SMALL_DISK = """\
import json, os
from pathlib import Path
from harness.domain.errors import LedgerError
from harness.domain.events import UnknownEvent
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger

home, ballast, plain = Path("/tmp/home"), Path("/tmp/ballast"), Path("/tmp/plain")
home.mkdir()
plain.write_text("")
ledger = SqliteLedger(home, SystemClock())
ledger.append(UnknownEvent("note", {"text": "x"}), "first")
with ballast.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(65536))
    except OSError:
        os.truncate(ballast, max(0, ballast.stat().st_size - 400_000))
written, refused = 1, ""
line = json.dumps({"text": "x" * 3000}) + "\\n"
for number in range(2000):
    try:
        ledger.append(UnknownEvent("note", {"text": "x" * 3000}), f"note/{number}")
        written += 1
    except LedgerError as error:
        refused = str(error)
        break
torn = False
try:
    with plain.open("a", buffering=1 << 20) as file:
        file.write(line * 4000)
except OSError:
    torn = not plain.read_text().endswith("\\n")
ledger.close()
ballast.unlink()
plain.unlink()
again = SqliteLedger(home, SystemClock())
fault = again.fault()
there = len(again.entries())
again.append(UnknownEvent("note", {"text": "x"}), "last")
print(json.dumps({
    "refused": refused,
    "written": written,
    "there": there,
    "fault": str(fault or ""),
    "torn": torn,
    "goes_on": len(again.entries()) == there + 1,
}))
"""


def full(drill: "DrillEnvironment") -> AttackOutcome:
    """Write to the ledger on a full disk, and as the control to a plain file beside it."""
    # The small disk is the sandbox's own.
    if missing := drill.without_sandbox():
        return missing
    code = Path(harness.__file__).parent
    result = drill.run_sandboxed(
        LEDGER_ON_A_SMALL_DISK,
        env={"PYTHONPATH": "/opt/code"},
        binds=(Bind(str(code), "/opt/code/harness"),),
        distributions=("sqlalchemy", "cryptography"),
        limits=SandboxLimits(wall_seconds=300, disk_mb=8),
    )
    if not result.ok:
        return not_held(
            f"the ledger's program ended with {result.exit_code}: {_tail(result.stderr)}"
        )
    report = json.loads(result.stdout.splitlines()[-1])
    if not report["refused"] or not report["torn"]:
        return not_held("the disk was never full, so nothing was proven")
    counts = f"{report['there']} of {report['written']} entries"
    if report["written"] != report["there"] or report["fault"] or not report["goes_on"]:
        return not_held(f"{counts} are there: {report['fault']}")
    return held(f"refused; {counts} are sound, while a plain file beside it was torn")


def _tail(output: bytes) -> str:
    return " ".join(output.decode("utf-8", "replace").split())[-160:]


ATTACKS = (
    Attack(
        "killed at every act",
        SUBJECT,
        (99,),
        "intent, act, confirm",
        "crashes the factory before and after each act",
        killed,
    ),
    Attack(
        "a full disk", SUBJECT, (107,), "the ledger", "leaves the ledger no byte to write", full
    ),
)
