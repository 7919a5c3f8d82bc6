"""Lint: what can be obeyed and is probably a mistake."""

import pytest

from harness.governance import lint, read_governance
from tests.governance.law import CODE, FRONT, MISSION, files, governance, rule_text

CASE = "cases: [{given: {changed_lines: 1}, expect: pass}]"
SIZE = f"level: enforced\ncheck: {{changed_lines: {{max: 400}}}}\n{CASE}"
CLEAN = rule_text(SIZE, prose="A pull request changes at most 400 lines.")


def codes(law, **known):
    return [finding.code for finding in lint(law, **known)]


def test_a_clean_law_has_no_findings():
    law = governance(CLEAN)
    assert lint(law, known_workflows=["triage"], known_labels=["ready"], paths=[b"a"]) == ()


@pytest.mark.parametrize(("rules", "code", "says"), [
    (rule_text(SIZE, prose="At most 500 lines change."), "prose-number", "binds `max: 400`, and its prose says 500"),
    (rule_text(SIZE.replace("400", "3"), prose="Three or 4."), None, ""),
    (rule_text(SIZE.replace("400", "3"), prose="Two, then stop."), "prose-number", "says 2"),
    (rule_text(SIZE.replace("400", "1000"), prose="At most 1,000."), None, ""),
    (rule_text(SIZE, prose="See `max: 500` and section 4.2.1, F-ONE."), None, ""),
    (rule_text(SIZE.replace(CASE, "")), "no-case", "one that must fail and one that must pass"),
    (rule_text(SIZE + "\nstatus: off"), "off", "binds nothing"),
    (CLEAN + "## Manners\nYou MUST be kind.\n", "unenforced", "`Manners` says MUST"),
    (CLEAN + "## Manners\nNEVER shout.\n", "unenforced", "`Manners` says NEVER"),
    (CLEAN + "## Manners\nYou must be kind, `MUST` is a word.\n", None, ""),
    (CLEAN + "## Manners {#F-MANNERS}\nBe kind.\n", "no-block", "F-MANNERS names a heading without a block"),
    (CLEAN + "## Manners\nSee F-GONE.\n", "dangling", "F-GONE is not stated anywhere"),
    (CLEAN + "## Manners\nSee F-ONE, M-BOOK, LAW-MODES, UTF-8 and X-RAY.\n", None, ""),
    (CLEAN + "## Manners\nRun workflows/release.yaml.\n", "no-workflow", "there is no workflow `release`"),
    (CLEAN + "## Manners\nRun workflows/triage.yaml.\n", None, ""),
    (CLEAN + "## Manners\nA pull request of more than 500 lines is split.\n", "contradiction", "says 500 lines"),
    (CLEAN + "## Manners\nA file has at most 500 lines.\n", None, ""),
    (CLEAN + rule_text(SIZE.replace("400", "300"), rule_id="F-TWO"), "contradiction", "F-TWO and F-ONE limit `changed_lines`"),
    (CLEAN + rule_text(SIZE.replace("400", "300") + "\nwhen: kind == \"bug\"", rule_id="F-TWO"), None, ""),
    (CLEAN + rule_text(SIZE.replace("400", "300") + "\napplies: merge", rule_id="F-TWO"), None, ""),
    (CLEAN + "## Man\u200bners\nBe kind.\n", "invisible", "U+200B"),
    (CLEAN + rule_text('level: enforced\ncheck: {labels: {deny: [Hold]}}\ncases: [{given: {labels: []}, expect: pass}]',
                       rule_id="F-TWO"), "no-label", "`Hold`, which does not exist"),
    (CLEAN + rule_text('level: enforced\ncheck: {labels: {deny: [Ready]}}\ncases: [{given: {labels: []}, expect: pass}]',
                       rule_id="F-TWO"), None, ""),
    (CLEAN + rule_text('level: enforced\ncheck: {paths: {deny: ["deploy/**"]}}\ncases: [{given: {files: 1}, expect: pass}]',
                       rule_id="F-TWO"), "no-match", "`deploy/**`, which matches no file"),
    (CLEAN + rule_text('level: enforced\ncheck: {files: {max: 2, exclude: ["*.gone"]}}\n'
                       "cases: [{given: {files: 1}, expect: pass}]", rule_id="F-TWO"), "no-match", "`*.gone`"),
    (CLEAN + rule_text('level: enforced\ncheck: {secrets: {exclude: ["src/**"]}}\ncases: [{given: {secrets: []}, expect: pass}]',
                       rule_id="F-TWO"), None, ""),
])
def test_a_likely_mistake_is_found_and_nothing_else(rules, code, says):
    findings = lint(governance(rules), known_workflows=["triage", "merge"], known_labels=["ready"], paths=[b"src/a.py"])
    if code is None:
        assert findings == ()
    else:
        assert [finding.code for finding in findings] == [code], findings
        assert says in findings[0].says
        assert findings[0].file == "factory_rules.md"
        assert findings[0].line >= 4


def test_a_limit_that_another_file_contradicts_is_found_there():
    law = read_governance({**files(FRONT + CLEAN), "CLAUDE.md": b"# Code\nKeep a pull request under 500 lines.\n"})
    (finding,) = lint(law)
    assert (finding.file, finding.line, finding.code) == ("CLAUDE.md", 2, "contradiction")


def test_prose_without_blocks_is_said_to_be_advice():
    law = read_governance({"mission.md": b"Be good.", "factory_rules.md": b"Be small.", "CLAUDE.md": CODE})
    assert [(finding.file, finding.code) for finding in lint(law)] == [
        ("factory_rules.md", "unbound"), ("mission.md", "unbound")]


def test_a_prompt_that_grows_too_large_is_told():
    assert codes(governance(CLEAN, mission=MISSION + "word " * 9000)) == ["prompt-size"]


def test_a_promise_is_found_on_its_own_line():
    (finding,) = lint(governance(CLEAN + "## Manners\nBe kind.\nYou MUST be kind.\n"))
    assert governance(CLEAN + "## Manners\nBe kind.\nYou MUST be kind.\n").document("factory_rules.md").text.split(
        "\n")[finding.line - 1] == "You MUST be kind."


def test_what_is_not_asked_about_is_not_complained_of():
    rules = CLEAN + rule_text('level: enforced\ncheck: {labels: {deny: [Hold]}}\ncases: [{given: {labels: []}, expect: pass}]',
                              rule_id="F-TWO") + "## M\nworkflows/release.yaml\n"
    assert lint(governance(rules)) == ()
