"""A port, or a fake of one, of which a test gives some methods."""

from collections.abc import Callable
from typing import Any


class Decorated:
    """A decorator: the methods that are given, or that a subclass has; all else is what `own` has.

    What `own` calls of itself stays its own."""

    def __init__(self, own: Any, **methods: Callable[..., Any]) -> None:
        self._own = own
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)
