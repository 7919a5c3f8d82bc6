"""The engine without a disk: work is done when it is started, once for each key."""

import json
import time


class FakeEngine:
    def __init__(self, done=None) -> None:
        self.actions = {}
        self.done = (
            done if done is not None else {}
        )  # shared between two engines: what a restart finds

    def register(self, name, action) -> None:
        self.actions[name] = action

    def launch(self) -> None:
        """Nothing was left by a dead process that `start` would not do again."""

    def start(self, key, name, payload) -> None:
        if key not in self.done:
            self.done[key] = json.loads(
                json.dumps(self.actions[name](json.loads(json.dumps(payload))))
            )

    def wait_any(self, keys, *, seconds):
        ready = sorted(key for key in keys if key in self.done)
        if not ready:
            time.sleep(seconds)  # nothing runs here meanwhile: whoever asks at once spins
            return None
        return ready[0], self.done[ready[0]]

    def cancel(self, key) -> None:
        self.done.setdefault(
            key,
            {
                "outcome": "cancelled",
                "output": {},
                "message": "cancelled",
                "event": None,
                "retryable": False,
            },
        )

    def doze(self) -> None:
        """There is nothing to let go of."""

    def close(self) -> None:
        """There is nothing to let go of."""
