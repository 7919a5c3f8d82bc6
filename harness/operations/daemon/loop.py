"""A daemon at work, for as long as nothing it stands on is down: hear, look, pass, rest; and the
hours that schedules name."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime

from harness.domain.errors import Stopped
from harness.domain.events import ScheduleDue
from harness.domain.lifecycle import State
from harness.factory.pipeline.schedule import SCHEDULE, last_passes, schedules, states_at_work
from harness.factory.pipeline.tick import current_policy, may_go_on, tick
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.pause import Pause, pause_in_force
from harness.home.webhooks import Mail
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.digest import link_of, write_digest
from harness.store.cron import first_after
from harness.wiring import Works

JITTER = 0.2
LEAST_SECONDS = 1.0
LOOK_AT_ALL_SECONDS = 3600.0
"""How long until the whole ledger is verified again and the whole list compared, whatever seems to
have changed."""


class Loop:
    """`well` is called after each pass: whatever was down is back. `sweep` frees what nothing needs
    any more, once a day, and says what it freed. `mail` is what webhooks told, where there are
    any."""

    def __init__(
        self,
        context: DaemonContext,
        works: Works,
        *,
        well: Callable[[], None],
        sweep: Callable[[], str],
        mail: Mail | None = None,
    ) -> None:
        self._context, self._works, self._well, self._sweep, self._mail = (
            context,
            works,
            well,
            sweep,
            mail,
        )
        self._ledger = works.services.ledger
        self._began = works.services.known.began or context.now()
        self._all_seen: datetime | None = None  # None: everything is to be looked at
        self._paused: Pause | None = None

    def work(self) -> None:
        """Until something fails. Raises Interrupted once told to go, PortError for what is down."""
        while True:
            self._pause_while_stopped()
            self._works.check()
            self._tell_of_pauses()
            workflows = current_policy(self._works.services).workflows
            lines, now = schedules(workflows), self._context.now()
            due = {name: at for name, at in self._next_hours(lines).items() if at <= now}
            states, heard = states_at_work(workflows, due), self._hear()
            if (
                heard
                or self._works.services.watch_list.look()
                or due
                or self._is_all_due(now)
                or self._is_any_left(states)
            ):
                self._pass(states=states, due=due, heard=heard)
            self._rest(lines)

    def _hear(self) -> tuple[int, ...]:
        return self._mail.hear(self._works.services.watch_list) if self._mail else ()

    def _is_any_left(self, states: frozenset[State]) -> bool:
        """Whether the last pass left anything that waits for something outside, such as another
        program's checks."""
        return any(told.state in states for told in self._works.services.known.those(may_go_on))

    def _pass(
        self, *, states: frozenset[State], due: Mapping[str, datetime], heard: tuple[int, ...]
    ) -> None:
        began = self._context.now()
        try:
            moved = tick(
                self._works.services,
                self._works.dispatch,
                states=states,
                whole=self._is_all_due(began),
                shows=True,
            )
        except Stopped:
            self._all_seen = None
            return
        self._tell_of_pauses()
        self._all_seen = began if self._is_all_due(began) else self._all_seen
        if self._mail:
            self._mail.done(heard)
        self._well()
        if moved:
            self._context.say("pass", f"moved {', '.join(f'#{issue}' for issue in moved)}")
        for name, at in due.items():
            self._ledger.append(
                ScheduleDue(name, at.isoformat()), f"schedule/{name}/{at.isoformat()}"
            )
            self._context.say(
                "schedule",
                f"{name} of {at:%H:%M} is done" + ("" if moved else ": there was nothing to do"),
            )
        if due and (
            path := write_digest(
                self._context.home,
                self._ledger,
                at=self._context.now(),
                link=link_of(self._context.home),
            )
        ):
            self._context.say("digest", str(path))
            self._context.say("swept", self._sweep())
            if self._mail:
                self._context.say("webhooks", self._mail.sweep(self._context.now()))

    def _next_hours(self, lines: Mapping[str, str]) -> dict[str, datetime]:
        """When each workflow is due next: one that was missed, because nobody was up, is due
        now."""
        last = last_passes(self._ledger.entries(kind=SCHEDULE))
        return {
            name: first_after(line, last.get(name, self._began).astimezone(self._context.zone))
            for name, line in lines.items()
        }

    def _is_all_due(self, now: datetime) -> bool:
        return (
            self._all_seen is None or (now - self._all_seen).total_seconds() >= LOOK_AT_ALL_SECONDS
        )

    def _rest(self, lines: Mapping[str, str]) -> None:
        ends = (self._paused.until,) if self._paused else ()
        hour = min((*self._next_hours(lines).values(), *ends), default=None)
        seconds = self._context.interval * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - not a secret
        self._works.engine.doze()
        self._context.rest(
            min(seconds, LEAST_SECONDS)
        )  # what comes in a burst is looked at together
        self._context.rest(
            seconds - LEAST_SECONDS,
            until=lambda: (
                self._is_stopped()
                or self._is_rung()
                or (hour is not None and hour <= self._context.now())
            ),
        )

    def _tell_of_pauses(self) -> None:
        """Say once that no model is asked, and until when; and once that one is again. Then
        everything is looked at."""
        found = pause_in_force(self._ledger, self._context.now())
        if found and (self._paused is None or found.until != self._paused.until):
            self._context.say("paused", f"{found.says}; it goes on then by itself")
            self._context.notifier.status(f"paused until {found.until:%Y-%m-%d %H:%M} UTC")
        if self._paused and not found:
            self._context.say("resumed", "models are asked again")
            self._context.notifier.status("at work")
            self._all_seen = None
        self._paused = found

    def _is_rung(self) -> bool:
        return self._mail is not None and self._mail.bell.is_set()

    def _pause_while_stopped(self) -> None:
        try:
            raise_if_stopped(self._works.services)
        except Stopped as stop:
            self._context.say("paused", str(stop))
            self._context.notifier.status("paused: the owner's stop is set")
            self._works.engine.doze()
            self._context.rest(float("inf"), until=lambda: not self._is_stopped())
            self._context.say("resumed", "the owner's stop is lifted; going on")
            self._all_seen = None
        self._context.notifier.status("at work")

    def _is_stopped(self) -> bool:
        try:
            raise_if_stopped(self._works.services)
        except Stopped:
            return True
        return False
