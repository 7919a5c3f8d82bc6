"""The local forge of `tests/forge`, for what the adapter does at it."""

from tests.forge.conftest import client, forge, place, template

__all__ = ("client", "forge", "place", "template")
