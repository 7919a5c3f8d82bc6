"""Errors of the app where it runs, grouped: all that are alike, of one release.

Every text in it is a stranger's: cut to a length, on one line, and nothing else is known of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One call on the stack. `line` is 0 where it is not known."""

    file: str
    function: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class ErrorSample:
    """The first error of a group: the exception's type, its message, and the calls that led to it,
    the innermost last. `source` is ours: the DSN or the webhook that it came by."""

    type: str
    message: str
    source: str
    place: str = ""
    frames: tuple[Frame, ...] = ()
    environment: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The errors with one fingerprint (`group`, 64 hexadecimal digits) of one release, which is
    what the app calls its version, or empty. The times are the intake's, ISO 8601, UTC.
    `by_secret`: how many of them came by whoever has a secret; the others by a DSN, which a page
    shows to everybody."""

    group: str
    release: str
    count: int
    first_at: str
    last_at: str
    by_secret: int = 0
