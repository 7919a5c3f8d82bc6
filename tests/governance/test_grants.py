"""A rule that grants a workflow effects: what it may state, and that it asks nothing of a change."""

import pytest

from harness.domain.errors import GovernanceError
from harness.domain.facts import ChangeFacts
from harness.domain.governance import Applies, Governance
from harness.governance import lint, read_governance
from harness.governance.decide import decide, rules_asked
from harness.governance.past.edits import Edit, edit

RULES = """---
schema: 1
default: {default}
---
# Rules

## What the night may do {{#W-LINKS}}

Dead links are filed.

```yaml rule
id: W-LINKS
{keys}
```
"""
GRANT = "level: enforced\ngrants: {workflow: nightly-links, effects: [issue.file]}"


def governance(keys: str = GRANT, *, default: str = "allow", nested: str = "") -> Governance:
    plain = dict.fromkeys(("mission.md", "CLAUDE.md"), b"# A page\n")
    rules = RULES.format(keys=keys, default=default).encode()
    if not nested:
        return read_governance({**plain, "factory_rules.md": rules})
    own = rules.replace(b"default: allow\n", b"")
    return read_governance({**plain, "factory_rules.md": b"# Rules\n", nested: own})


def test_what_a_rule_grants_is_granted_and_nothing_else() -> None:
    assert governance().grants == {("nightly-links", "issue.file")}
    both = GRANT.replace("[issue.file]", "[issue.file, notice.send]")
    assert governance(both).grants == {
        ("nightly-links", "issue.file"),
        ("nightly-links", "notice.send"),
    }


@pytest.mark.parametrize("status", ["shadow", "off"])
def test_a_rule_that_is_not_enforced_grants_nothing(status) -> None:
    assert governance(f"{GRANT}\nstatus: {status}").grants == frozenset()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (GRANT.replace("issue.file", "merge.land"), "one of issue.file"),
        (GRANT.replace("issue.file", "issue.fil"), "did you mean `issue.file`"),
        (GRANT.replace("enforced", "advisory"), "granted by `level: enforced`"),
        (GRANT.replace(", effects: [issue.file]", ""), "effects"),
        (f"{GRANT}\ncheck: {{changed_lines: {{max: 3}}}}", "means nothing beside `grants`"),
        (f"{GRANT}\non_fail: retry", "means nothing beside `grants`"),
        (f"{GRANT}\nlocked: true", "means nothing beside `grants`"),
    ],
)
def test_what_it_must_not_state_is_refused_with_its_place(keys, message) -> None:
    with pytest.raises(GovernanceError) as refused:
        governance(keys)
    assert message in str(refused.value)
    assert refused.value.file == "factory_rules.md"


def test_a_folders_own_file_grants_nothing() -> None:
    with pytest.raises(GovernanceError, match="stands at the root"):
        governance(nested="docs/factory_rules.md")


def test_a_grant_is_asked_of_no_change_and_speaks_of_none() -> None:
    found = governance(default="needs-human")
    asked = rules_asked(found, ChangeFacts(files=()), applies=Applies.PR)
    assert all(rule.built_in for rule, _ in asked)
    assert not decide(found, ChangeFacts(files=())).allowed
    assert [one.code for one in lint(found) if one.code == "no-case"] == []


def test_more_effects_loosen_and_fewer_tighten() -> None:
    one = governance().rule("W-LINKS")
    two = governance(GRANT.replace("[issue.file]", "[issue.file, notice.send]")).rule("W-LINKS")
    other = governance(GRANT.replace("nightly", "daily")).rule("W-LINKS")
    assert (edit(one, two), edit(two, one), edit(one, other)) == (
        Edit.LOOSENED,
        Edit.TIGHTENED,
        Edit.CHANGED,
    )
