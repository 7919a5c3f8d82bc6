"""The rules the factory is built with. No document can loosen them, and no document may use their
names.

They protect what steers the factory, the agents and git itself, at any depth, from the factory's
own changes: a person may edit these files, a change that the factory proposes may not."""

from harness.domain.governance import DOCUMENTS, Level, OnFail, Rule, Source
from harness.governance.checks.paths import FileModes, PathNames, Paths
from harness.governance.tool_configs import TOOL_CONFIGS

PREFIX = "LAW-"
"""Ids that begin so are the factory's own."""

PROTECTED: tuple[str, ...] = (
    *DOCUMENTS,
    ".github",
    ".gitattributes",
    ".gitmodules",
    ".env*",
    "/factory.toml",
    "/workflows",
    *TOOL_CONFIGS,
)

_SOURCE = Source("(built in)", 1, 1)

BUILT_IN: tuple[Rule, ...] = (
    Rule(
        id="LAW-PROTECTED",
        title="The factory does not edit what steers it",
        level=Level.ENFORCED,
        source=_SOURCE,
        check=Paths(deny=PROTECTED),
        on_fail=OnFail.NEEDS_HUMAN,
        locked=True,
        built_in=True,
    ),
    Rule(
        id="LAW-MODES",
        title="A change holds files, not links or repositories",
        level=Level.ENFORCED,
        source=_SOURCE,
        check=FileModes(),
        on_fail=OnFail.NEEDS_HUMAN,
        locked=True,
        built_in=True,
    ),
    Rule(
        id="LAW-NAMES",
        title="File names say what they are",
        level=Level.ENFORCED,
        source=_SOURCE,
        check=PathNames(),
        on_fail=OnFail.NEEDS_HUMAN,
        locked=True,
        built_in=True,
    ),
)
