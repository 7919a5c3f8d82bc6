"""Notices at a home: whom they go to, and when. Off where no address is named.

An address holds a password or a token. So it is no part of `factory.toml`, which everybody reads:
it stands in `keys/notices`, mode 0600, or in the environment variable FACTORY_NOTICES. `home.json`
has what is no secret: the kinds and the quiet hours.
"""

import re
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

from harness.domain.errors import ConfigError
from harness.domain.notices import NoticeKind, QuietHours
from harness.domain.plain import JsonDict
from harness.private_text import private_text

ADDRESSES = "keys/notices"
VARIABLE = "FACTORY_NOTICES"
MOST_ADDRESSES = 20
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """Which notices are sent, and the hours in which none is."""

    kinds: frozenset[NoticeKind] = frozenset(NoticeKind)
    quiet: QuietHours | None = None

    def document(self) -> JsonDict:
        """The object that `home.json` has under `notices`."""
        kinds = {"kinds": sorted(self.kinds)} if self.kinds != frozenset(NoticeKind) else {}
        hours = self.quiet and f"{self.quiet.begin:%H:%M}-{self.quiet.end:%H:%M}"
        return {**kinds, **({"quiet": hours} if hours else {})}


def settings_in(document: Any, *, file: str) -> NoticeSettings:
    """`notices` of a home's document, such as `{"kinds": ["left"], "quiet": "22:00-07:00"}`. Raises
    ConfigError that names what was expected."""
    if not isinstance(document, dict) or not set(document) <= {"kinds", "quiet"}:
        raise _unfit("an object with `kinds` and `quiet`, or some of them", document, file)
    kinds = document.get("kinds", [kind.value for kind in NoticeKind])
    names = {kind.value for kind in NoticeKind}
    if not isinstance(kinds, list) or not all(
        isinstance(one, str) and one in names for one in kinds
    ):
        raise _unfit(f"a list of {', '.join(sorted(names))} under `kinds`", kinds, file)
    quiet = _quiet(document.get("quiet", ""), file)
    return NoticeSettings(frozenset(map(NoticeKind, kinds)), quiet)


def _quiet(text: Any, file: str) -> QuietHours | None:
    if text == "":
        return None
    found = _HOURS.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise _unfit("hours such as 22:00-07:00 under `quiet`", text, file)
    first, second, third, fourth = map(int, found.groups())
    return QuietHours(time(first, second), time(third, fourth))


def _unfit(expected: str, found: Any, file: str) -> ConfigError:
    return ConfigError(f"expected {expected}, found {found!r:.80}", file=file, key="notices")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where notices go: Apprise URLs. No representation shows them."""

    urls: tuple[str, ...] = field(default=(), repr=False)


def addresses_of(home: Path, named: str = "") -> Addresses:
    """The addresses in `named` (the variable's value), or else in the home's file: one a line, `#`
    begins a comment. None: notices are off. Raises ConfigError, which shows no address."""
    path = home / ADDRESSES
    if named:
        return _addresses(named, VARIABLE)
    return _addresses(private_text(path, what="the addresses of notices") or "", str(path))


def _addresses(text: str, where: str) -> Addresses:
    lines = [line.strip() for line in text.splitlines()]
    urls = tuple(line for line in lines if line and not line.startswith("#"))
    for number, url in enumerate(urls, start=1):
        # Apprise takes several in one line, or a file of more; here a line is one address.
        if "://" not in url or any(char.isspace() or char == "," for char in url):
            raise ConfigError(
                f"address {number} is none: expected one Apprise URL a line, such as"
                " mailtos://USER:PASSWORD@example.org",
                file=where,
            )
    if len(urls) > MOST_ADDRESSES:
        raise ConfigError(
            f"expected at most {MOST_ADDRESSES} addresses, found {len(urls)}", file=where
        )
    return Addresses(urls)
