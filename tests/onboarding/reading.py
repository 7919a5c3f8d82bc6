"""Drafts as our own reader sees them."""

from harness.factory.reporting.shown import ALL_LABELS
from harness.factory.run.policy_snapshot import WORKFLOWS
from harness.factory.settings.config import read_config
from harness.governance import lint, read_governance, run_cases
from harness.onboarding import drafts_of

ROOT_FILES = ("mission.md", "factory_rules.md", "CLAUDE.md")


def adopted(survey, **options):
    """The drafts by path, those that stand beside prose put in its place, as their first lines
    say."""
    return {draft.path.replace(".draft.md", ".md"): draft for draft in drafts_of(survey, **options)}


def governance_of(drafts, kept=()):
    """The policy in the drafts, with the existing files."""
    texts = {name: drafts[name].text.encode() for name in ROOT_FILES if name in drafts}
    return read_governance({**dict(kept), **texts})


def is_clean(drafts, paths, kept=()) -> bool:
    """The faults that our reader, our lint and the rules' own cases find."""
    governance = governance_of(drafts, kept)
    there = [*paths, *(path.encode() for path in drafts)]
    found = lint(governance, known_workflows=WORKFLOWS, known_labels=set(ALL_LABELS), paths=there)
    found = [finding for finding in found if finding.file not in dict(kept)]
    assert found == [], found
    for result in run_cases(governance):
        assert result.held, result
    for rule in governance.rules:
        if not rule.built_in:
            assert {case.expect for case in rule.cases} >= {"pass", "fail"}, rule.id
    if "factory.toml" in drafts:
        read_config(drafts["factory.toml"].text)
    return True
