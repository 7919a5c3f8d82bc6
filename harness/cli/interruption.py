"""The message to a person who ended a command with Ctrl-C. Two places print it: `run` once the
command has unwound, and the alarm of the process where that takes too long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from harness.domain.errors import Interrupted

AGAIN = "the same command can be given again"

_next_move: ContextVar[Callable[[], str]] = ContextVar("next_move", default=lambda: AGAIN)


def interrupted_words() -> str:
    """The words for the command that runs now."""
    return f"interrupted; {_next_move.get()()}"


@contextmanager
def interruptible(next_move: Callable[[], str]) -> Iterator[None]:
    """Show this next move to a person who interrupts the block. It is asked for at that moment,
    because it depends on how far the block came."""
    token = _next_move.set(next_move)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(interrupted_words()) from None
    finally:
        _next_move.reset(token)
