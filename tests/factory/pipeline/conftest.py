"""Real git, as `tests/repository` has it, for what a run does with it."""

from tests.repository.conftest import town

__all__ = ("town",)
