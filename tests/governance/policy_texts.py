"""Small governance texts for tests: a mission and rules with the given blocks, and facts in one
line."""

from textwrap import dedent

from harness.domain.facts import NO_FILE, REGULAR, ChangeFacts, ChangeKind, FileChange
from harness.domain.governance import Governance, Status
from harness.governance import read_governance
from harness.governance.past.coverage import Answered

FRONT = "---\nschema: 1\n---\n"
CODE = b"# How code is written here\n"
MISSION = FRONT + dedent("""\
    ## Booking walks {#M-BOOK}
    A visitor books a guided walk.
    ```yaml scope
    id: M-BOOK
    kind: in
    ```
    ## No payments {#M-NOPAY}
    Guides take cash.
    ```yaml scope
    id: M-NOPAY
    kind: out
    asks_like: ["stripe", "let people tip the guide"]
    reply: "Tidebook has no payments on purpose."
    ```
    ## Tides are never guessed {#M-TIDE}
    A wrong tide drowns people.
    ```yaml scope
    id: M-TIDE
    kind: invariant
    reply: "Tide times come from the table only."
    ```
    """)


def rule_text(block: str, *, rule_id: str = "F-ONE", prose: str = "Because.") -> str:
    return (
        f"## A rule {{#{rule_id}}}\n{prose}\n```yaml rule\nid:"
        f" {rule_id}\n{dedent(block).strip()}\n```\n"
    )


def governance(*rules: str, mission: str = MISSION, front: str = FRONT) -> Governance:
    return read_governance(files(front + "".join(rules), mission=mission))


def files(rules: str, *, mission: str = MISSION) -> dict[str, bytes]:
    return {"mission.md": mission.encode(), "factory_rules.md": rules.encode(), "CLAUDE.md": CODE}


def change(
    path: str | bytes, added: int | None = 1, deleted: int | None = 0, **facts: object
) -> FileChange:
    raw = path.encode() if isinstance(path, str) else path
    return FileChange(
        path=raw,
        kind=facts.pop("kind", ChangeKind.ADDED),
        old_mode=facts.pop("old_mode", NO_FILE),
        new_mode=facts.pop("new_mode", REGULAR),
        old_oid=None,
        new_oid="0" * 40,
        added=added,
        deleted=deleted,
        **facts,
    )


def file_change(path: str, before: str | None, after: str | None) -> FileChange:
    """A file with these texts; None where it is not there."""
    return change(
        path,
        old_mode=NO_FILE if before is None else REGULAR,
        new_mode=NO_FILE if after is None else REGULAR,
    )


def touching(*paths: str | bytes, **facts: object) -> ChangeFacts:
    return ChangeFacts(files=tuple(change(path) for path in paths), **facts)


def answered(
    rule="F-ONE",
    *,
    change=1,
    entry=1,
    passed=False,
    status=Status.ENFORCE,
    overridden=None,
    facts=None,
    message="no",
):
    return Answered(
        rule,
        change,
        entry,
        f"2030-05-{entry:02}T00:00:00Z",
        passed,
        status,
        message,
        facts or touching("a", "b"),
        overridden,
    )
