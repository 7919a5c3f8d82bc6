"""The protected paths as a CODEOWNERS file: whoever steers is asked before a person changes what
the factory may not.

CODEOWNERS is read like .gitignore, with exceptions (docs.github.com, "About code owners"): `!` does
not negate, `[ ]` is no range, a pattern cannot begin with an escaped `#`, and `docs/*` stays in one
folder where ours would go on beneath it. So a glob is put in another spelling that both read alike,
or it is left out and named."""

import re
from collections.abc import Iterable, Iterator

from harness.domain.errors import ConfigError
from harness.domain.governance import Governance
from harness.governance.export.exported import MADE_BY, Exported, ExportedFile, Omission
from harness.governance.export.protection import LOOK_ALIKES, Protection, protection_of, segments_of

PATH = ".github/CODEOWNERS"
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9-]*(?:/[A-Za-z0-9._-]+)?|[^\s@#]+@[^\s@#]+\.[^\s@#]+")
_READ_OTHERWISE = re.compile(r"[\s\[\]#\\]|^!")


def codeowners(governance: Governance, owners: Iterable[str]) -> Exported:
    """`.github/CODEOWNERS`: each protected path with the owners, and with none what a rule allows
    besides.

    Raises ConfigError without owners, or for one that is no `@name`, `@organisation/team` or
    address."""
    names = _checked(tuple(owners))
    protection = protection_of(governance)
    denied = [(denial, _pattern(denial.glob)) for denial in protection.denied]
    lines = [
        *_allowed(protection, names),
        *_denied(((one.rule, said) for one, said in denied if said), names),
    ]
    unsaid = (
        Omission(one.rule, f"`{one.glob}`", "CODEOWNERS reads a blank, `#` or a bracket otherwise")
        for one, said in denied
        if not said
    )
    left = (*protection.left, *_unsaid_allowance(protection), LOOK_ALIKES, *unsaid)
    text = "\n".join((f"# {MADE_BY.format(format='codeowners')}", *lines)) + "\n"
    return Exported((ExportedFile(PATH, text),), left)


def _checked(owners: tuple[str, ...]) -> tuple[str, ...]:
    if not owners:
        raise ConfigError(
            "CODEOWNERS needs somebody: give --owner @name, or `owners:` in the front matter of"
            " factory_rules.md",
            key="owners",
        )
    for owner in owners:
        if not _OWNER.fullmatch(owner):
            raise ConfigError(
                f"expected `@name`, `@organisation/team` or an address, found {owner[:60]!r}",
                key="owners",
            )
    return tuple(dict.fromkeys(owners))


def _allowed(protection: Protection, owners: tuple[str, ...]) -> Iterator[str]:
    """All paths owned, then the allowed ones by nobody: of the lines that match a path the last one
    counts."""
    patterns = [_pattern(glob) for glob in protection.allowed]
    if patterns and all(patterns):
        yield from (
            "",
            f"# {protection.allowed_by}: all but these",
            f"* {' '.join(owners)}",
            *map(str, patterns),
        )


def _unsaid_allowance(protection: Protection) -> Iterator[Omission]:
    if unsaid := [glob for glob in protection.allowed if not _pattern(glob)]:
        yield Omission(
            protection.allowed_by,
            "the paths that it allows",
            f"CODEOWNERS reads `{unsaid[0]}` otherwise",
        )


def _denied(patterns: Iterable[tuple[str, str]], owners: tuple[str, ...]) -> Iterator[str]:
    above = ""
    for rule, pattern in patterns:
        if rule != above:
            yield from ("", f"# {rule}")
        above = rule
        yield f"{pattern} {' '.join(owners)}"


def _pattern(glob: str) -> str:
    """The glob as CODEOWNERS reads it, with the very same meaning; empty where it has no such
    spelling."""
    segments = segments_of(glob)
    if segments == ("**",):
        return "*"
    at_any_depth = segments[0] == "**"
    text = (
        segments[1]
        if at_any_depth and len(segments) == 2
        else f"{'' if at_any_depth else '/'}{'/'.join(segments)}"
    )
    return "" if _READ_OTHERWISE.search(text) else text
