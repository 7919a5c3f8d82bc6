"""The loop of a daemon while everything it needs is up: take webhooks, poll, tick, rest. It also
starts what the workflows' schedules name, and watches a release between the ticks."""

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

from harness.domain.errors import Stopped
from harness.domain.events import ScheduleDue, WorkflowSeen
from harness.domain.lifecycle import State
from harness.domain.presence import Doing
from harness.domain.workflow import Workflow
from harness.factory.intake.error_issues import is_error_due
from harness.factory.pipeline.schedule import SCHEDULE, active_states, last_passes, schedules
from harness.factory.pipeline.tick import current_policy, may_go_on, tick
from harness.factory.releases.advance import due_at, finish_rollback, is_due, watch_release
from harness.factory.reporting.dashboard import show_dashboard
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.pause import Pause, last_pause, pause_in_force
from harness.home.webhooks import WebhookQueue
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.digest import link_of, write_digest
from harness.ports.ledger import recorded
from harness.wiring import Works
from harness.workflow.cron import first_after

JITTER = 0.2
LEAST_SECONDS = 1.0
STOPPED_SECONDS = 10.0
FULL_TICK_SECONDS = 3600.0
"""The time between two full ticks. A full tick verifies the whole ledger and compares all issues,
even if nothing seems to have changed."""


class Loop:
    """`on_success` is called after each tick: whatever was down is back. `sweep` deletes what
    nothing needs any more, once a day, and returns a text on what it freed. `mail` are the received
    webhooks, if any are taken."""

    def __init__(
        self,
        context: DaemonContext,
        works: Works,
        *,
        on_success: Callable[[], None],
        sweep: Callable[[], str],
        mail: WebhookQueue | None = None,
    ) -> None:
        self._context, self._works, self._mail = context, works, mail
        self._on_success, self._sweep = on_success, sweep
        self._ledger = works.services.ledger
        self._began = works.services.issue_index.began or context.now()
        # None: the next tick must be a full one.
        self._last_full_tick: datetime | None = None
        self._paused: Pause | None = None
        self._look_at: datetime | None = None

    def work(self) -> None:
        """Work until something fails. Raises Interrupted at a shutdown, PortError for an outage."""
        while True:
            self._pause_while_stopped()
            # First, as it needs nothing of what may be down.
            self._watch_release()
            self._context.signs.looked()
            self._works.check()
            self._report_pauses()
            policy = current_policy(self._works.services)
            workflows, now = policy.workflows, self._context.now()
            self._note_new(policy.own_workflows)
            lines = schedules({**workflows, **policy.own_workflows})
            due = {name: at for name, at in self._next_hours(lines).items() if at <= now}
            states, hints = active_states(workflows, due), self._take_hints()
            if (
                hints
                or self._works.services.watch_list.refresh()
                or due
                or self._is_run_due(now)
                or self._is_full_tick_due(now)
                or self._is_any_left(states)
                or is_error_due(self._works.services, policy)
                or is_due(self._works.services, policy)
            ):
                self._tick(states=states, due=due, hints=hints)
            elif self._context.signs.is_dashboard_due():
                # The owner's stop is seen at the next turn.
                with suppress(Stopped):
                    show_dashboard(self._works.services, policy)
            self._rest(lines)

    def _take_hints(self) -> tuple[int, ...]:
        return self._mail.take_hints(self._works.services.watch_list) if self._mail else ()

    def _is_any_left(self, states: frozenset[State]) -> bool:
        """Whether the last tick left an issue that waits for something outside, such as another
        program's checks."""
        waiting = self._works.services.issue_index.filter(may_go_on)
        return any(history.state in states for history in waiting)

    def _tick(
        self, *, states: frozenset[State], due: Mapping[str, datetime], hints: tuple[int, ...]
    ) -> None:
        began = self._context.now()
        is_full = self._is_full_tick_due(began)
        try:
            moved = tick(
                self._works.services,
                self._works.dispatch,
                states=states,
                whole=is_full,
                shows=True,
                hours=due,
            )
        except Stopped:
            self._last_full_tick = None
            return
        if is_full:
            self._last_full_tick = began
        self._report_pauses(is_after_tick=True)
        # Only now: a webhook whose tick failed is read again.
        if self._mail:
            self._mail.done(hints)
        self._on_success()
        if moved:
            self._context.log.write("pass", f"moved {', '.join(f'#{issue}' for issue in moved)}")
        self._record_schedules(due, moved=bool(moved))
        if due:
            self._daily_work()

    def _record_schedules(self, due: Mapping[str, datetime], *, moved: bool) -> None:
        for name, at in due.items():
            self._ledger.append(
                ScheduleDue(name, at.isoformat()), f"schedule/{name}/{at.isoformat()}"
            )
            self._context.log.write(
                "schedule",
                f"{name} of {at:%H:%M} is done" + ("" if moved else ": there was nothing to do"),
            )

    def _daily_work(self) -> None:
        home, now = self._context.home, self._context.now()
        path = write_digest(home, self._ledger, at=now, link=link_of(home))
        # Without a new digest, today's work was done before.
        if path is None:
            return
        self._context.log.write("digest", str(path))
        self._context.log.write("swept", self._sweep())
        if self._mail:
            self._context.log.write("webhooks", self._mail.forget_old(self._context.now()))

    def _next_hours(self, lines: Mapping[str, str]) -> dict[str, datetime]:
        """When each workflow is due next. One that was missed while no daemon ran is due now."""
        last = {
            entry.event.workflow: entry.moment for entry in recorded(self._ledger, WorkflowSeen)
        } | last_passes(self._ledger.entries(kind=SCHEDULE))
        return {
            name: first_after(line, last.get(name, self._began).astimezone(self._context.zone))
            for name, line in lines.items()
        }

    def _note_new(self, workflows: Mapping[str, Workflow]) -> None:
        """Record each schedule that is seen for the first time: the hours before it are none that
        were missed."""
        for name in schedules(workflows):
            if self._ledger.find(f"{WorkflowSeen.kind}/{name}") is None:
                self._ledger.append(WorkflowSeen(name), f"{WorkflowSeen.kind}/{name}")

    def _is_run_due(self, now: datetime) -> bool:
        """Whether somebody asked for a workflow, or a wait of one is over."""
        at = self._works.services.own_runs.due_at()
        return at is not None and at <= now

    def _is_full_tick_due(self, now: datetime) -> bool:
        last = self._last_full_tick
        return last is None or (now - last).total_seconds() >= FULL_TICK_SECONDS

    def _rest(self, lines: Mapping[str, str]) -> None:
        ends = (self._paused.until,) if self._paused else ()
        over = self._works.services.own_runs.due_at()
        hours = (*self._next_hours(lines).values(), *ends, *((over,) if over else ()))
        hour = min(hours, default=None)
        # Spread out the polls of many daemons. Not a secret, so `random` will do.
        seconds = self._context.interval * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        self._context.signs.rests(Doing.WAITING, seconds=seconds)
        self._works.engine.doze()
        self._look_at = due_at(self._works.services)
        # At least this long even if a webhook comes: one tick then handles a whole burst.
        self._context.rest(min(seconds, LEAST_SECONDS))
        self._context.rest(
            seconds - LEAST_SECONDS,
            until=lambda: (
                self._is_stopped()
                or self._has_webhook()
                or (hour is not None and hour <= self._context.now())
                or self._is_release_ready()
            ),
        )

    def _is_release_ready(self) -> bool:
        """Ask for the health of a release when that is due; a poll is too seldom for that. Returns
        whether a tick has more to do for it."""
        if self._look_at is None or self._context.now() < self._look_at:
            return False
        is_ready = self._watch_release()
        self._look_at = due_at(self._works.services)
        return is_ready

    def _watch_release(self) -> bool:
        # The owner's stop is seen at the next turn.
        with suppress(Stopped):
            return watch_release(self._works.services)
        return True

    def _report_pauses(self, *, is_after_tick: bool = False) -> None:
        """Report once that no model is called, and why; and once that models are called again,
        which only a tick can show. After a pause the next tick is a full one."""
        found, reported = pause_in_force(self._ledger, self._context.now()), self._paused
        if reported and is_after_tick and not found:
            last = last_pause(self._ledger)
            # A pause that began in this tick and ended in it, too, is the same in vain.
            found = last if last and last.since > reported.since else None
        if found:
            if reported is None or (found.cause, found.why) != (reported.cause, reported.why):
                self._context.log.write("paused", f"{found.summary}; then it tries again by itself")
            self._context.notifier.status(f"paused until {found.until:%Y-%m-%d %H:%M} UTC")
            self._paused = found
        elif reported and is_after_tick:
            self._context.log.write("resumed", "models are called again")
            self._context.notifier.status("at work")
            self._paused = None
        elif reported:
            # Nobody knows yet whether it is over: a wrong key may be as wrong as an hour ago.
            self._last_full_tick = None

    def _has_webhook(self) -> bool:
        return self._mail is not None and self._mail.bell.is_set()

    def _pause_while_stopped(self) -> None:
        try:
            raise_if_stopped(self._works.services)
        except Stopped as stop:
            self._context.log.write("paused", str(stop))
            self._context.notifier.status("paused: the owner's stop is set")
            self._context.signs.rests(Doing.STOPPED, seconds=None)
            self._works.engine.doze()
            while self._is_stopped():
                # Half a rollback is worse than all of it, so one that has begun is tried on.
                finish_rollback(self._works.services)
                self._context.rest(STOPPED_SECONDS, until=lambda: not self._is_stopped())
            self._context.log.write("resumed", "the owner's stop is lifted; continuing")
            self._last_full_tick = None
        self._context.notifier.status("at work")

    def _is_stopped(self) -> bool:
        try:
            raise_if_stopped(self._works.services)
        except Stopped:
            return True
        return False
