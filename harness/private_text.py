"""Files that hold secrets: only the account that owns one may read it."""

import os
import stat
from pathlib import Path

from harness.domain.errors import ConfigError

MOST_BYTES = 64 * 1024


def private_text(path: Path, *, what: str) -> str | None:
    """The text of a file that no other account may read; None where there is none. `what` is what
    messages call that which it holds. Raises ConfigError, which shows nothing of it, if others may
    read it, or if it cannot be read, is not UTF-8, or is longer than MOST_BYTES."""
    try:
        with path.open("rb") as file:
            # Of the opened file: a path may lead elsewhere a moment later.
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MOST_BYTES + 1)
        text = content.decode()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        # Without the error's own words: those of a wrong character quote the secret.
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"{what} cannot be read: {reason}", file=str(path)) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(
            f"others may read it, and it holds {what}: `chmod 600` it, and replace what it holds",
            file=str(path),
        )
    if len(content) > MOST_BYTES:
        raise ConfigError(
            f"{what} cannot be read: expected at most {MOST_BYTES:,} bytes", file=str(path)
        )
    return text
