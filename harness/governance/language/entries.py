"""Rules and scope entries from their blocks. Every key is typed; what cannot be obeyed is refused
with its place."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from harness.domain.facts import ChangeFacts
from harness.domain.governance import (
    GRANTABLE,
    Applies,
    Case,
    Check,
    Condition,
    Expect,
    Grant,
    Level,
    OnFail,
    Rule,
    ScopeEntry,
    ScopeKind,
    Source,
    Status,
)
from harness.domain.trust.levels import moment_of
from harness.governance.built_in import PREFIX
from harness.governance.checks import CHECKS
from harness.governance.checks.arguments import GLOB, MODE, MOMENT, NAME, PATH, PATTERN
from harness.governance.checks.trust import Trust
from harness.governance.language.given import facts_given
from harness.governance.language.markdown import Section
from harness.governance.language.question import KEYS, case_fault, question_in, votes_in
from harness.governance.language.when import WhenError, read_when
from harness.governance.language.yamlblock import Value
from harness.governance.paths import glob_fault
from harness.governance.patterns import pattern_fault

_ID = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+\Z")
_MODE = re.compile(r"[0-7]{6}\Z")
_ASKS = ("applies", "check", "on_fail", "when", "locked", "cases", *KEYS)
_RULE = ("id", "level", "status", "grants", *_ASKS)
_SCOPE = ("id", "kind", "asks_like", "reply")


def rule_in(section: Section, block: Value, *, below: str = "") -> Rule:
    """The rule that a section's block states, in a file that speaks of what is `below`. Raises
    GovernanceError."""
    given = block.fields(_RULE, required=("id", "level"))
    rule = Rule(
        id=_id(given["id"], section),
        title=section.title,
        prose=section.prose,
        source=_source(section, block),
        level=given["level"].choice(Level),
        applies=_applies(given),
        status=given["status"].choice(Status) if "status" in given else Status.ENFORCE,
        check=_check(given["check"]) if "check" in given else None,
        grant=_grant(given, below) if "grants" in given else None,
        question=question_in(given, given["level"].choice(Level)),
        when=_when(given["when"]) if "when" in given else None,
        on_fail=given["on_fail"].choice(OnFail) if "on_fail" in given else OnFail.NEEDS_HUMAN,
        locked=given["locked"].flag() if "locked" in given else False,
        cases=given["cases"].listed(lambda case: _case(case, below)) if "cases" in given else (),
        below=below,
    )
    _check_rule(rule, given["level"])
    if isinstance(rule.check, Trust):
        _check_trust(given, below)
    # An issue has no path, so such a rule would never be asked, in silence.
    if below and rule.applies is Applies.ISSUE:
        given["applies"].fault(
            "an issue touches no folder; what is asked of issues stands at the root"
        )
    for item, case in zip(given["cases"].items() if rule.cases else (), rule.cases, strict=True):
        if fault := case_fault(case, rule.question):
            item.fault(fault)
    return rule


def _check_rule(rule: Rule, level: Value) -> None:
    if rule.level is Level.ENFORCED and rule.check is None and rule.grant is None:
        level.fault(
            "an enforced rule needs a `check`; a rule that is only read is `level: advisory`"
        )
    if rule.level is Level.ADVISORY and (rule.check or rule.cases or rule.when):
        level.fault(
            "an advisory rule is only read; with a check, try `level: enforced` and `status:"
            " shadow`"
        )
    # Locked advice would look like protection and protect nothing.
    if rule.locked and (rule.status is not Status.ENFORCE or rule.level is Level.ADVISORY):
        level.fault("a locked rule is enforced or judged, neither advice nor in shadow nor off")


def _applies(given: Mapping[str, Value]) -> Applies:
    """What the block states; a rule of trust is asked before a landing, and there alone."""
    if "applies" in given:
        return given["applies"].choice(Applies)
    trusts = "check" in given and "trust" in given["check"].mapping()
    return Applies.MERGE if trusts else Applies.PR


def _check_trust(given: Mapping[str, Value], below: str) -> None:
    """Refuse what a rule of trust cannot mean: its thresholds state what follows, a person always
    may look, and whoever may edit a folder's rules must not raise what the owner grants."""
    if _applies(given) is not Applies.MERGE:
        given["applies"].fault("trust is asked before a landing: leave it out, or `applies: merge`")
    for name in (name for name in ("on_fail", "locked") if name in given):
        given[name].fault("means nothing beside `trust`, whose thresholds state what follows")
    if below:
        given["check"].fault("`trust` stands at the root: it is the owner's to give")


def _grant(given: Mapping[str, Value], below: str) -> Grant:
    """What a rule lets a workflow do. Such a rule has nothing else to ask or to do."""
    value = given["grants"]
    for name in (name for name in _ASKS if name in given):
        given[name].fault("means nothing beside `grants`; state it in a rule of its own")
    if given["level"].choice(Level) is not Level.ENFORCED:
        given["level"].fault("what a workflow may do is granted by `level: enforced`")
    # Whoever may edit a folder's rules must not let workflows act on all of the project.
    if below:
        value.fault("stands at the root: a workflow acts on the whole project")
    found = value.fields(("workflow", "effects"), required=("workflow", "effects"))
    effects = found["effects"].listed(lambda item: item.word(GRANTABLE))
    return Grant(found["workflow"].text(), effects)


def scope_entry_in(section: Section, block: Value) -> ScopeEntry:
    """The scope entry that a section's block states. Raises GovernanceError."""
    given = block.fields(_SCOPE, required=("id", "kind"))
    kind = given["kind"].choice(ScopeKind)
    # A refusal without a reason is the one thing that a stranger must not get.
    if kind is ScopeKind.OUT and "reply" not in given:
        given["kind"].fault("an entry that refuses needs a `reply`: what the filer reads")
    return ScopeEntry(
        id=_id(given["id"], section),
        title=section.title,
        kind=kind,
        source=_source(section, block),
        prose=section.prose,
        asks_like=given["asks_like"].texts() if "asks_like" in given else (),
        reply=given["reply"].text() if "reply" in given else "",
    )


def _source(section: Section, block: Value) -> Source:
    return Source(block.file, section.line, section.end_line)


def _id(value: Value, section: Section) -> str:
    found = value.text()
    if not _ID.match(found):
        value.fault(f"`{found}` is not an id; write capitals, digits and hyphens, such as F-SIZE")
    if found.startswith(PREFIX):
        value.fault(
            f"ids that begin with {PREFIX} are the factory's own, and no document can change those"
            " rules"
        )
    # The heading's id is what people link to: a second one would lead them astray.
    if found != section.id:
        value.fault(
            f"the heading names {{#{section.id}}} and the block names {found}; make them one"
        )
    return found


def _when(value: Value) -> Condition:
    try:
        return read_when(value.text())
    except WhenError as error:
        value.fault(str(error))


def _case(value: Value, below: str) -> Case:
    given = value.fields(("given", "pr", "votes", "expect"), required=("expect",))
    expect = given["expect"].choice(Expect)
    if "votes" in given and "pr" not in given:
        facts = facts_given(given["given"], below=below) if "given" in given else ChangeFacts()
        return Case(expect, value.line, given=facts, votes=votes_in(given["votes"]))
    if "votes" in given or ("given" in given) == ("pr" in given):
        value.fault(
            "a case has either `given:` facts or the `pr:` number of a recorded pull request"
        )
    if "pr" in given:
        return Case(expect, value.line, pull_request=given["pr"].whole())
    return Case(expect, value.line, given=facts_given(given["given"], below=below))


def _check(value: Value) -> Check:
    found = value.mapping()
    # Two checks in one rule would leave open whether both or either must hold.
    if len(found) != 1:
        value.fault(
            "a rule has one check, such as `check: {changed_lines: {max: 400}}`; found"
            f" {len(found)}"
        )
    ((name, arguments),) = found.items()
    if name not in CHECKS:
        near = difflib.get_close_matches(name, CHECKS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(CHECKS)}"
        arguments.fault(f"no such check; {hint}")
    return _built(CHECKS[name], arguments)


def _built(kind: type, arguments: Value) -> Check:
    """The check with its arguments, each read as its field's type asks."""
    known = {field.name: field.default is MISSING for field in fields(kind)}
    given = arguments.fields(known, required=(name for name, needed in known.items() if needed))
    # A check's field types are its argument schema, so the two cannot drift apart.
    hints = get_type_hints(kind, include_extras=True)
    try:
        check: Check = kind(
            **{name: _argument(hints[name], value) for name, value in given.items()}
        )
    except ValueError as error:
        arguments.fault(str(error))
    return check


def _argument(kind: Any, value: Value) -> Any:
    if kind is int:
        return value.whole()
    if kind is bool:
        return value.flag()
    if get_origin(kind) is Annotated:
        (what,) = kind.__metadata__
        return (
            _worded(what, value)
            if get_args(kind)[0] is str
            else value.listed(lambda item: _worded(what, item))
        )
    return value.word(get_args(kind)) if get_args(kind) else value.money()


def _worded(what: str, value: Value) -> str:
    text = value.text()
    fault = _FAULTS[what](text)
    if fault:
        value.fault(fault)
    return text


def _mode_fault(text: str) -> str | None:
    return None if _MODE.match(text) else f"expected {MODE}, found `{text}`"


def _path_fault(text: str) -> str | None:
    plain = (
        text.isprintable()
        and "\\" not in text
        and all(part not in ("", ".", "..") for part in text.split("/"))
    )
    return None if plain else f"expected {PATH}, without `.` and `..`, found `{text}`"


_FAULTS: Mapping[str, Callable[[str], str | None]] = {
    GLOB: glob_fault,
    MODE: _mode_fault,
    MOMENT: lambda text: None if moment_of(text) else f"expected {MOMENT}, found `{text}`",
    NAME: lambda text: None,
    PATH: _path_fault,
    PATTERN: pattern_fault,
}
"""Why a text is not what an argument takes, by the kind of argument."""
