"""Which paths the rules keep from the factory's changes, and which of those rules a static list of
paths can repeat."""

from dataclasses import dataclass

from harness.domain.governance import Applies, Governance, Rule, Status
from harness.governance.checks.paths import Paths
from harness.governance.checks.trust import Trust
from harness.governance.export.exported import Omission
from harness.governance.tool_configs import TOOL_CONFIGS

_PROTECTED_BY = "LAW-PROTECTED"
LOOK_ALIKES = Omission(
    "",
    "look-alike names",
    "the rules also refuse names that differ by case, accents or similar letters; "
    "a pattern here matches what is written",
)


@dataclass(frozen=True, slots=True)
class Denial:
    """One glob that no change may match, with the rule that states it."""

    rule: str
    glob: str


@dataclass(frozen=True, slots=True)
class Protection:
    """What is protected: the denied globs in order; all but the `allowed` ones too, where a rule
    (`allowed_by`) states it; and the rules about paths that hold only sometimes, or ask for
    something else."""

    denied: tuple[Denial, ...]
    allowed: tuple[str, ...]
    allowed_by: str
    left: tuple[Omission, ...]


def protection_of(governance: Governance) -> Protection:
    """The paths that enforced rules protect whatever else is true of a change."""
    rules = [
        (rule, rule.check)
        for rule in governance.rules
        if isinstance(rule.check, Paths)
        and rule.applies is not Applies.ISSUE
        and rule.status is not Status.OFF
    ]
    always = [(rule.id, check) for rule, check in rules if not _sometimes(rule)]
    # Two rules that allow different paths allow what both do, which no list of globs can say.
    lists = {check.allow: rule_id for rule_id, check in reversed(always) if check.allow}
    allowed, allowed_by = next(iter(lists.items())) if len(lists) == 1 else ((), "")
    denied = dict.fromkeys(
        (
            *_as_found(governance),
            *(Denial(rule_id, glob) for rule_id, check in always for glob in check.deny),
        )
    )
    return Protection(
        # the project's own come first
        denied=tuple(sorted(denied, key=is_of_tools)),
        allowed=allowed,
        allowed_by=allowed_by,
        left=(
            *_of_trust(governance),
            *(
                Omission(rule.id, "its paths", _sometimes(rule))
                for rule, _ in rules
                if _sometimes(rule)
            ),
            *(
                Omission(
                    rule_id,
                    "the paths that it requires",
                    "a list of paths cannot demand that a file changes",
                )
                for rule_id, check in always
                if check.require
            ),
            *(
                Omission(
                    rule_id,
                    "the paths that it allows",
                    "several rules allow different paths, and a list states only one",
                )
                for rule_id in lists.values()
                if len(lists) > 1
            ),
        ),
    )


def _of_trust(governance: Governance) -> tuple[Omission, ...]:
    """The rules of trust: what they decide has no counterpart on any forge."""
    return tuple(
        Omission(
            rule.id,
            f"what the factory lands alone in {', '.join(rule.check.paths[:3])}",
            "a forge knows no confidence and no level; the factory asks this rule before it lands",
        )
        for rule in governance.rules
        if isinstance(rule.check, Trust) and rule.status is not Status.OFF
    )


def is_of_tools(denial: Denial) -> bool:
    """Whether it is one of the many that the factory's own list of tools' files has."""
    return denial.rule == _PROTECTED_BY and denial.glob in TOOL_CONFIGS


def _as_found(governance: Governance) -> tuple[Denial, ...]:
    """The governance files under the names that they have here, where these are written in another
    case."""
    return tuple(
        Denial(_PROTECTED_BY, document.file)
        for document in governance.documents
        if document.file != document.name
    )


def _sometimes(rule: Rule) -> str:
    """Why the rule does not hold always; empty when it does."""
    if rule.status is Status.SHADOW:
        return "the rule is in shadow, and refuses nothing"
    if rule.below or rule.outside:
        return f"nested files divide it: {rule.source.file} speaks of a part of the paths alone"
    return "the rule has a `when:`, and a list of paths has no conditions" if rule.when else ""


def segments_of(glob: str) -> tuple[str, ...]:
    """The glob as segments from the root, in one spelling: `**` first where it matches at any
    depth, never twice in a row, and at the end where all beneath a folder is meant by `*` (what
    matches a folder matches all beneath it)."""
    given = glob.strip("/").split("/")
    if len(given) == 1 and not glob.startswith("/"):
        given = ["**", *given]
    found = list[str]()
    for segment in given:
        if segment != "**" or found[-1:] != ["**"]:
            found.append(segment)
    return _with_open_end(found)


def _with_open_end(segments: list[str]) -> tuple[str, ...]:
    """`a/*` means `a/**` in our globs, and `a/**/*` does."""
    *_, last = segments
    if last != "*":
        return tuple(segments)
    head = segments[:-1]
    return tuple(head) if head[-1:] == ["**"] else (*head, "**")
