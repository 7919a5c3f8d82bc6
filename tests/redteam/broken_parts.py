"""Parts of a factory with a brake taken out, where anybody could."""

import dataclasses

from harness.factory.run.services import Places


class Broken:
    """Something with a brake taken out; all else is its own."""

    def __init__(self, own) -> None:
        self._own = own

    def __getattr__(self, name):
        return getattr(self._own, name)


class Rewriting(Broken):
    """A ledger that shows some entries as others."""

    def entries(self, **asked):
        return tuple(self.shown(entry) for entry in self._own.entries(**asked))


class Deaf(Places):
    """Looks for the owner's stop where nobody puts it."""

    __slots__ = ()

    @property
    def stop_flag(self):
        return self.home / "nowhere" / "STOP"


def with_parts(**parts):
    def broken(drill):
        return dataclasses.replace(
            drill,
            customize=lambda services: dataclasses.replace(
                services, **{name: part(services) for name, part in parts.items()}
            ),
        )

    return broken
