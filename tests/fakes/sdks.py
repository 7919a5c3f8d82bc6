"""The providers' own SDKs, each imported when a test first uses it: that takes seconds, and each
worker collects all tests."""

from importlib import import_module
from typing import Any


class Later:
    """A module that is imported when one of its classes is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():  # pytest asks every object for marks
            raise AttributeError(name)
        return getattr(import_module(self._name), name)


anthropic, openai = Later("anthropic"), Later("openai")
