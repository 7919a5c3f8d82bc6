"""A daemon at work, for as long as nothing it stands on is down: look, pass, rest; and the hours that schedules name."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime

from harness.domain.errors import Stopped
from harness.domain.lifecycle import State
from harness.engine.schedule import first_after
from harness.factory.effects import stop_if_told
from harness.factory.rota import SCHEDULE, Watch, last_passes, schedules, states_at_work
from harness.factory.tick import current_steering, tick
from harness.wiring.digest import link_of, write_digest
from harness.wiring.duty import Duty
from harness.wiring.open import Works

JITTER = 0.2
LOOK_AT_ALL_SECONDS = 3600.0
"""How long until everything is looked at, whatever seems to have changed: a forge's moments are whole seconds, and two
changes may share one."""


class Shift:
    """`well` is called after each pass: whatever was down is back. `sweep` frees what nothing needs any more, once a day,
    and says what it freed."""

    def __init__(self, duty: Duty, works: Works, *, well: Callable[[], None], sweep: Callable[[], str]) -> None:
        self._duty, self._works, self._well, self._sweep = duty, works, well, sweep
        self._ledger = works.plant.ledger
        self._watch = Watch(works.plant.forge)
        self._began = _first_known(works) or duty.now()
        self._all_seen: datetime | None = None   # None: everything is to be looked at

    def work(self) -> None:
        """Until something fails. Raises Interrupted once told to go, PortError for what is down."""
        while True:
            self._pause_while_stopped()
            self._works.check()
            workflows = current_steering(self._works.plant).workflows
            lines, now = schedules(workflows), self._duty.now()
            due = {name: at for name, at in self._next_hours(lines).items() if at <= now}
            if self._watch.news() or due or self._is_all_due(now):
                self._pass(states=states_at_work(workflows, due), due=due)
            self._rest(lines)

    def _pass(self, *, states: frozenset[State], due: Mapping[str, datetime]) -> None:
        began = self._duty.now()
        try:
            moved = tick(self._works.plant, self._works.dispatch, states=states)
        except Stopped:
            self._all_seen = None
            return
        self._all_seen = began
        self._well()
        if moved:
            self._duty.say("pass", f"moved {', '.join(f'#{issue}' for issue in moved)}")
        for name, at in due.items():
            self._ledger.append(SCHEDULE, f"schedule/{name}/{at.isoformat()}", data={"workflow": name, "due": at.isoformat()})
            self._duty.say("schedule", f"{name} of {at:%H:%M} is done" + ("" if moved else ": there was nothing to do"))
        if due and (path := write_digest(self._duty.home, self._ledger, at=self._duty.now(), link=link_of(self._duty.home))):
            self._duty.say("digest", str(path))
            self._duty.say("swept", self._sweep())

    def _next_hours(self, lines: Mapping[str, str]) -> dict[str, datetime]:
        """When each workflow is due next: one that was missed, because nobody was up, is due now."""
        last = last_passes(self._ledger.entries(kind=SCHEDULE))
        return {name: first_after(line, last.get(name, self._began).astimezone(self._duty.zone))
                for name, line in lines.items()}

    def _is_all_due(self, now: datetime) -> bool:
        return self._all_seen is None or (now - self._all_seen).total_seconds() >= LOOK_AT_ALL_SECONDS

    def _rest(self, lines: Mapping[str, str]) -> None:
        hour = min(self._next_hours(lines).values(), default=None)
        seconds = self._duty.interval * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - not a secret
        self._duty.rest(seconds, until=lambda: self._is_stopped() or (hour is not None and hour <= self._duty.now()))

    def _pause_while_stopped(self) -> None:
        try:
            stop_if_told(self._works.plant)
        except Stopped as stop:
            self._duty.say("paused", str(stop))
            self._duty.notifier.status("paused: the owner's stop is set")
            self._duty.rest(float("inf"), until=lambda: not self._is_stopped())
            self._duty.say("resumed", "the owner's stop is lifted; going on")
            self._all_seen = None
        self._duty.notifier.status("at work")

    def _is_stopped(self) -> bool:
        try:
            stop_if_told(self._works.plant)
        except Stopped:
            return True
        return False


def _first_known(works: Works) -> datetime | None:
    known = works.plant.ledger.entries(kind="issue")
    return datetime.fromisoformat(known[0].at) if known else None
