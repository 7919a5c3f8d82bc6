"""Factories with one brake taken out, to see that the killer notices."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness.domain.events import EffectDone, LedgerEvent
from harness.domain.ledger import Entry, Recorded
from harness.factory.run.services import Services
from harness.ports.git import Landing
from tests.fakes.decorated import Decorated


class _NoLook(Decorated):
    """Knows what it has said from its own memory, and does not look what is there."""

    def __init__(self, own: object) -> None:
        super().__init__(own)
        self._said: set[tuple[int, str]] = set()

    def upsert_comment(self, number: int, marker: str, body: str) -> None:
        if (number, marker) in self._said:
            self._own.upsert_comment(number, marker, body)
            return
        self._said.add((number, marker))
        self._own._repository.get_issue(number).create_comment(body)


class _NoTidying(Decorated):
    """Puts a label on, and never takes another off."""

    def set_state_label(self, number: int, label: str, *, among: object) -> None:
        self._own.set_state_label(number, label, among=())


class _NoConfirmation(Decorated):
    """Intends, and never writes down that it was done."""

    def append(self, event: LedgerEvent, key: str, **more: Any) -> Entry:
        if isinstance(event, EffectDone):
            return Recorded(0, "", event.kind, key, None, None, event.document(), "", "", event)
        return self._own.append(event, key, **more)


class _NoMemory(Decorated):
    """Lands without looking whether it has landed already."""

    def land(self, candidate: Any, branch: str, *, base: Any, head: Any, tree: Any) -> Landing:
        trusted = self._own._trusted
        if (tip := trusted.remote.branch_tip(trusted.git, branch)) != base:
            return Landing("base-moved", tip, "somebody else was there")
        return self._own.land(candidate, branch, base=base, head=head, tree=tree)


def _writer(broken: type[Decorated]) -> Callable[[Services], Services]:
    return lambda services: replace(services, writer=broken(services.writer))


BROKEN: Mapping[str, Callable[[Services], Services]] = {
    "a comment without a look": _writer(_NoLook),
    "a label that is not taken off": _writer(_NoTidying),
    "an intent without its confirmation": lambda services: replace(
        services, ledger=_NoConfirmation(services.ledger)
    ),
    "a landing without a look": lambda services: replace(
        services, candidates=_NoMemory(services.candidates)
    ),
}
