"""The intake's keys: one file, one key a line, mode 0600. `#` begins a comment.

dsn PROJECT KEY             an app that reports by itself; PROJECT is a number from 1
sentry SECRET               signs Sentry's webhooks
glitchtip SECRET            stands in the address that GlitchTip calls, which signs nothing
bugsink SECRET              the same for Bugsink
"""

import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.private_text import private_text

MOST_KEYS, MOST_BYTES = 20, 20_000
_LINE = re.compile(r"dsn ([1-9]\d{0,3}) ([0-9a-f]{32})|(sentry|glitchtip|bugsink) ([!-~]{16,200})")


class Service(StrEnum):
    """A service that watches for errors and calls us."""

    SENTRY = "sentry"
    GLITCHTIP = "glitchtip"
    BUGSINK = "bugsink"


@dataclass(frozen=True, slots=True)
class Keys:
    """What may report: DSNs as project and key, and the secrets of services."""

    dsns: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[tuple[Service, str], ...] = field(default=(), repr=False)

    def is_dsn(self, project: str, key: str) -> bool:
        """Whether this is the key of the project. All are compared, in constant time."""
        given = f"{project} {key}".encode("utf-8", "replace")
        return sum(_same(f"{one} {own}".encode(), given) for one, own in self.dsns) > 0

    def of(self, service: Service) -> tuple[bytes, ...]:
        """The secrets of a service."""
        return tuple(secret.encode() for one, secret in self.secrets if one is service)

    def is_secret(self, service: Service, given: str) -> bool:
        """Whether this is a secret of the service. All are compared, in constant time."""
        text = given.encode("utf-8", "replace")
        return sum(_same(secret, text) for secret in self.of(service)) > 0


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def keys_in(file: Path) -> Keys:
    """The keys of a file; none where there is no file. Raises ConfigError, which shows no key, for
    a file that others may read or that cannot be understood."""
    # Whoever reads a key can report errors, and with that file issues.
    return _keys(private_text(file, what="the keys of the error intake") or "", file)


def _keys(text: str, file: Path) -> Keys:
    dsns, secrets = [], []
    for number, written in enumerate(text.splitlines(), start=1):
        words = " ".join(written.split())
        if not words or words.startswith("#"):
            continue
        found = _LINE.fullmatch(words)
        if found is None:
            raise ConfigError(
                "expected `dsn PROJECT KEY`, or `sentry`, `glitchtip` or `bugsink` with a secret of"
                " at least 16 characters; `factory errors` writes such lines",
                file=str(file),
                line=number,
            )
        if found[1]:
            dsns.append((found[1], found[2]))
        else:
            secrets.append((Service(found[3]), found[4]))
    if len(dsns) + len(secrets) > MOST_KEYS or len(text) > MOST_BYTES:
        raise ConfigError(f"expected at most {MOST_KEYS} keys", file=str(file))
    return Keys(tuple(dsns), tuple(secrets))
