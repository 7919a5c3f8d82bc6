"""The factory's own bad days: it dies between an intent and its act, and the disk is full."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
from harness.domain.events import Landed
from harness.domain.ledger import of_kind
from harness.domain.lifecycle import State
from harness.domain.sandbox import Bind, Form, Limits
from harness.operations.drill.attack import Attack, Seen, held, open_
from harness.operations.drill.sandbox import FIX, boxed

if TYPE_CHECKING:
    from harness.operations.drill.pipeline import Lap
    from harness.operations.drill.scene import Ground

SUBJECT = "crash and disk"
ACTS = ("push", "open_pull_request", "set_state_label", "upsert_comment", "land")
MOST_LIVES = 24


class Died(BaseException):
    """What a kill looks like from inside: nothing more is done, and nobody cleans up."""


class Mortal:
    """A port whose acts end the factory, each once before it is done and once right after. All else
    is its own."""

    def __init__(self, own: object, deaths: set[tuple[str, str]]) -> None:
        self._own, self._deaths = own, deaths

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._own, name)
        return self._deadly(name, act) if name in ACTS else act

    def _deadly(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._die(name, "before")
            done = act(*arguments, **named)
            self._die(name, "after")
            return done

        return call

    def _die(self, name: str, when: str) -> None:
        if (name, when) in self._deaths:
            self._deaths.remove((name, when))
            raise Died(f"{when} {name}")


def killed(ground: "Ground") -> Seen:
    """Ended before and after each act on the world, and started again on what is there: one of
    each, and it lands."""
    lap = ground.lap("killed")
    deaths = {(act, when) for act in ACTS for when in ("before", "after")}
    planned, lives = len(deaths), 1
    issue = lap.file()
    while lives < MOST_LIVES and not _lives(lap, deaths):
        lives += 1
        lap.done.clear()
    if deaths:
        return open_(
            f"it never came to {', '.join(sorted(' '.join(death) for death in deaths))}, so nothing"
            " was shown"
        )
    pulls = lap.ask("GET", "/pulls?state=all", by=lap.owner.token)
    comments = [
        one for one in lap.services.forge.comments(issue) if one.author.id == lap.factory.id
    ]
    history = lap.history(issue)
    landings = of_kind(lap.ledger.entries(), Landed)
    is_closed = not lap.services.forge.issue(issue).open
    counted = f"{len(pulls)} pull requests, {len(comments)} comments, {len(landings)} landings"
    if (
        history.state is not State.MERGED
        or not is_closed
        or (len(pulls), len(comments), len(landings)) != (1, 1, 1)
    ):
        return open_(f"{counted}; {lap.last_words(issue)}")
    fault = lap.ledger.fault()
    return (
        open_(fault.says)
        if fault
        else held(f"{planned} ends, {lives} lives; one pull request, comment and landing")
    )


def _lives(lap: "Lap", deaths: set[tuple[str, str]]) -> bool:
    """One life of a factory, to its end; whether it ended by itself."""
    lap.equip(
        lambda services: replace(
            services,
            writer=Mortal(services.writer, deaths),
            candidates=Mortal(services.candidates, deaths),
        )
    )
    try:
        lap.tick()
    except Died:
        return False
    return True


LEDGER_ON_A_SMALL_DISK = """\
import json, os
from pathlib import Path
from harness.domain.errors import LedgerError
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger

home, ballast, plain = Path("/tmp/home"), Path("/tmp/ballast"), Path("/tmp/plain")
home.mkdir()
plain.write_text("")
ledger = SqliteLedger(home, SystemClock())
ledger.append(Unknown("note", {"text": "x"}), "first")
with ballast.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(65536))
    except OSError:
        os.truncate(ballast, max(0, ballast.stat().st_size - 400_000))
kept, refused = 1, ""
line = json.dumps({"text": "x" * 3000}) + "\\n"
for number in range(2000):
    try:
        ledger.append(Unknown("note", {"text": "x" * 3000}), f"note/{number}")
        kept += 1
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
again.append("note", "last", data={"text": "x"})
print(json.dumps({"refused": refused, "kept": kept, "there": there, "fault": fault and fault.says, "torn": torn,
                  "goes_on": len(again.entries()) == there + 1}))
"""


def full(ground: "Ground") -> Seen:
    """The ledger on a disk without a byte left, and as the control a plain file beside it."""
    if ground.sandbox.form() == Form.UNSEALED:
        return open_("no box holds on this machine, and so there is no small disk", FIX)
    code = Path(harness.__file__).parent
    result = boxed(
        ground,
        LEDGER_ON_A_SMALL_DISK,
        env={"PYTHONPATH": "/opt/code"},
        binds=(Bind(str(code), "/opt/code/harness"),),
        distributions=("sqlalchemy", "cryptography"),
        limits=Limits(wall_seconds=300, disk_mb=8),
    )
    if not result.ok:
        return open_(f"the ledger's program ended with {result.exit_code}: {_tail(result.stderr)}")
    told = json.loads(result.stdout.splitlines()[-1])
    if not told["refused"] or not told["torn"]:
        return open_("the disk never was full, so nothing was shown")
    if told["kept"] != told["there"] or told["fault"] or not told["goes_on"]:
        return open_(
            f"{told['kept']} entries were kept and {told['there']} are there: {told['fault']}"
        )
    return held(
        f"refused; {told['there']} of {told['kept']} entries sound, a plain file beside it was torn"
    )


def _tail(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())[-160:]


ATTACKS = (
    Attack(
        "killed at every act",
        SUBJECT,
        (99,),
        "intent, act, confirm",
        "ends the factory before and after each act",
        killed,
    ),
    Attack(
        "a full disk", SUBJECT, (107,), "the ledger", "leaves the ledger no byte to write", full
    ),
)
