"""The inbox in memory: the same folding of doubles, no disk."""

from threading import Lock

from harness.ports.inbox import Delivery
from tests.fakes.clock import FakeClock


class FakeInbox:
    def __init__(self, clock=None) -> None:
        self.clock = clock or FakeClock()
        self._rows: dict[int, tuple[Delivery, object, bool]] = {}
        self._next = 1
        self._putting = Lock()  # deliveries come on threads of their own

    def put(self, delivery) -> bool:
        with self._putting:
            if any(
                delivery.id == one.id or delivery.digest == one.digest
                for one, _, _ in self._rows.values()
            ):
                return False
            self._rows[self._next] = delivery, self.clock.now(), False
            self._next += 1
            return True

    def waiting(self):
        return tuple(
            (place, delivery)
            for place, (delivery, _, is_settled) in self._rows.items()
            if not is_settled
        )

    def settle(self, places) -> None:
        for place in places:
            delivery, came, _ = self._rows[place]
            self._rows[place] = delivery, came, True

    def forget(self, before) -> None:
        self._rows = {
            place: row for place, row in self._rows.items() if not (row[2] and row[1] < before)
        }
