"""Lint: what can be obeyed and is probably a mistake."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.governance import lint, read_governance
from harness.governance.paths import KnownPaths, glob_fault, matches
from tests.governance.policy_texts import (
    CODE,
    FRONT,
    MISSION,
    files,
    governance,
    rule_text,
)

CASE = "cases: [{given: {changed_lines: 1}, expect: pass}]"
SIZE = f"level: enforced\ncheck: {{changed_lines: {{max: 400}}}}\n{CASE}"
NUMBERS = "merge: 0.95, review: 0.70, retry: 0.40"


def trusting(words, *, rule_id="F-ONE", paths="src/**"):
    return rule_text(
        f'level: enforced\ncheck: {{trust: {{paths: ["{paths}"], {words}}}}}\n'
        "cases: [{given: {files: [src/a.py]}, expect: fail}]",
        rule_id=rule_id,
    )


CLEAN = rule_text(SIZE, prose="A pull request changes at most 400 lines.")


def codes(policy, **known):
    return [finding.code for finding in lint(policy, **known)]


def test_clean_rules_have_no_findings() -> None:
    policy = governance(CLEAN)
    assert lint(policy, known_workflows=["triage"], known_labels=["ready"], paths=[b"a"]) == ()


@pytest.mark.parametrize(
    ("rules", "code", "words"),
    [
        (
            rule_text(SIZE, prose="At most 500 lines change."),
            "prose-number",
            "binds `max: 400`, and its prose names 500",
        ),
        (rule_text(SIZE.replace("400", "3"), prose="Three or 4."), None, ""),
        (rule_text(SIZE.replace("400", "3"), prose="Two, then stop."), "prose-number", "names 2"),
        (rule_text(SIZE.replace("400", "1000"), prose="At most 1,000."), None, ""),
        (rule_text(SIZE, prose="See `max: 500` and section 4.2.1, F-ONE."), None, ""),
        (rule_text(SIZE.replace(CASE, "")), "no-case", "one that must fail and one that must pass"),
        (rule_text(SIZE + "\nstatus: off"), "off", "binds nothing"),
        (CLEAN + "## Manners\nYou MUST be kind.\n", "unenforced", "`Manners` promises with MUST"),
        (CLEAN + "## Manners\nNEVER shout.\n", "unenforced", "`Manners` promises with NEVER"),
        (CLEAN + "## Manners\nYou must be kind, `MUST` is a word.\n", None, ""),
        (
            CLEAN + "## Manners {#F-MANNERS}\nBe kind.\n",
            "no-block",
            "F-MANNERS names a heading without a block",
        ),
        (CLEAN + "## Manners\nSee F-GONE.\n", "dangling", "F-GONE is not stated anywhere"),
        (CLEAN + "## Manners\nSee F-ONE, M-BOOK, LAW-MODES, UTF-8 and X-RAY.\n", None, ""),
        (
            CLEAN + "## Manners\nRun workflows/release.yaml.\n",
            "no-workflow",
            "there is no workflow `release`",
        ),
        (CLEAN + "## Manners\nRun workflows/triage.yaml.\n", None, ""),
        (
            CLEAN + "## Manners\nA pull request of more than 500 lines is split.\n",
            "contradiction",
            "names 500 lines",
        ),
        (CLEAN + "## Manners\nA file has at most 500 lines.\n", None, ""),
        (
            CLEAN + rule_text(SIZE.replace("400", "300"), rule_id="F-TWO"),
            "contradiction",
            "F-TWO and F-ONE limit `changed_lines`",
        ),
        (
            CLEAN
            + rule_text(SIZE.replace("400", "300") + '\nwhen: kind == "bug"', rule_id="F-TWO"),
            None,
            "",
        ),
        (
            CLEAN + rule_text(SIZE.replace("400", "300") + "\napplies: merge", rule_id="F-TWO"),
            None,
            "",
        ),
        (CLEAN + "## Man\u200bners\nBe kind.\n", "invisible", "U+200B"),
        (
            CLEAN
            + rule_text(
                "level: enforced\ncheck: {labels: {deny: [Hold]}}\ncases: [{given: {labels: []},"
                " expect: pass}]",
                rule_id="F-TWO",
            ),
            "no-label",
            "`Hold`, which does not exist",
        ),
        (
            CLEAN
            + rule_text(
                "level: enforced\ncheck: {labels: {deny: [Ready]}}\ncases: [{given: {labels: []},"
                " expect: pass}]",
                rule_id="F-TWO",
            ),
            None,
            "",
        ),
        (
            CLEAN
            + rule_text(
                'level: enforced\ncheck: {paths: {deny: ["deploy/**"]}}\ncases: [{given: {files:'
                " 1}, expect: pass}]",
                rule_id="F-TWO",
            ),
            "no-match",
            "`deploy/**`, which matches no file",
        ),
        (
            CLEAN
            + rule_text(
                'level: enforced\ncheck: {files: {max: 2, exclude: ["*.gone"]}}\n'
                "cases: [{given: {files: 1}, expect: pass}]",
                rule_id="F-TWO",
            ),
            "no-match",
            "`*.gone`",
        ),
        (
            CLEAN
            + rule_text(
                'level: enforced\ncheck: {secrets: {exclude: ["src/**"]}}\ncases: [{given:'
                " {secrets: []}, expect: pass}]",
                rule_id="F-TWO",
            ),
            None,
            "",
        ),
        (
            CLEAN
            + rule_text(
                "level: enforced\ncheck: {exec: {script: tools/gone.py}}\n"
                "cases: [{given: {scripts: {tools/gone.py: 0}}, expect: pass}]",
                rule_id="F-TWO",
            ),
            "no-match",
            "runs `tools/gone.py`, which is no file here",
        ),
        (
            CLEAN + rule_text(SIZE, rule_id="F-TWO", prose="400."),
            "shadowed",
            "F-TWO never matters: F-ONE (factory_rules.md:4)",
        ),
        (
            CLEAN
            + rule_text(SIZE.replace("400", "500") + '\nwhen: kind == "bug"', rule_id="F-TWO"),
            "shadowed",
            "F-ONE",
        ),
        (trusting("level: full"), "trusts-all", "holds nothing back until something breaks"),
        (trusting(f"level: full, {NUMBERS}"), None, ""),
        (trusting("since: 2030-05-04"), "no-grant", "grants no level"),
        (trusting("level: small, since: 2030-05-04"), None, ""),
        (trusting("level: small", paths="lib/**"), "no-match", "`lib/**`"),
        (
            trusting("level: small") + trusting("level: shadow").replace("-ONE", "-TWO"),
            "contradiction",
            "F-TWO and F-ONE trust the same paths differently",
        ),
        (CLEAN + "<!--\n```yaml rule\nid: F-ONE\n```\n-->\n", "left-out", "F-ONE stands in HTML"),
    ],
)
def test_a_likely_mistake_is_found_and_nothing_else(rules, code, words) -> None:
    findings = lint(
        governance(rules),
        known_workflows=["triage", "merge"],
        known_labels=["ready"],
        paths=[b"src/a.py"],
    )
    if code is None:
        assert findings == ()
    else:
        assert [finding.code for finding in findings] == [code], findings
        assert words in findings[0].message
        assert findings[0].file == "factory_rules.md"
        assert findings[0].line >= 4


def test_a_limit_that_another_file_contradicts_is_found_there() -> None:
    policy = read_governance(
        {**files(FRONT + CLEAN), "CLAUDE.md": b"# Code\nKeep a pull request under 500 lines.\n"}
    )
    (finding,) = lint(policy)
    assert (finding.file, finding.line, finding.code) == ("CLAUDE.md", 2, "contradiction")


def test_prose_without_blocks_is_said_to_be_advice() -> None:
    policy = read_governance(
        {"mission.md": b"Be good.", "factory_rules.md": b"Be small.", "CLAUDE.md": CODE}
    )
    assert [(finding.file, finding.code) for finding in lint(policy)] == [
        ("factory_rules.md", "unbound"),
        ("mission.md", "unbound"),
    ]


def test_a_prompt_that_grows_too_large_is_reported() -> None:
    assert codes(governance(CLEAN, mission=MISSION + "word " * 9000)) == ["prompt-size"]


def test_a_promise_is_found_on_its_own_line() -> None:
    (finding,) = lint(governance(CLEAN + "## Manners\nBe kind.\nYou MUST be kind.\n"))
    assert (
        governance(CLEAN + "## Manners\nBe kind.\nYou MUST be kind.\n")
        .document("factory_rules.md")
        .text.split("\n")[finding.line - 1]
        == "You MUST be kind."
    )


def test_what_is_not_asked_about_is_not_complained_of() -> None:
    rules = (
        CLEAN
        + rule_text(
            "level: enforced\ncheck: {labels: {deny: [Hold]}}\ncases: [{given: {labels: []},"
            " expect: pass}]",
            rule_id="F-TWO",
        )
        + "## M\nworkflows/release.yaml\n"
    )
    assert lint(governance(rules)) == ()


@pytest.mark.parametrize(
    ("wide", "narrow", "never_matters"),
    [
        ("paths: {deny: [src/**]}", "paths: {deny: [src/a/**, src/b.py]}", True),
        ("paths: {deny: [src]}", "paths: {deny: [src/a]}", True),
        ("paths: {deny: [src/a/**, src/b/**]}", "paths: {deny: [src/**]}", False),
        ("paths: {deny: [src/**]}", "paths: {deny: [src/a, docs]}", False),
        ("paths: {deny: [/src/**]}", "paths: {deny: [src]}", False),
        ("paths: {deny: [src/**]}", "paths: {deny: [srcs/a]}", False),
        ("paths: {deny: ['s*/**']}", "paths: {deny: [src/a]}", False),
        ("paths: {deny: [src/**]}", "paths: {deny: [src/a], require: [docs]}", False),
        ("paths: {deny: [.github]}", "paths: {deny: [docs]}", False),
        ("added_text: {deny: [TODO, FIXME]}", "added_text: {deny: [FIXME]}", True),
        (
            "added_text: {deny: [TODO, FIXME], paths: [src/**]}",
            "added_text: {deny: [FIXME]}",
            False,
        ),
        ("labels: {deny: [ready]}", "labels: {deny: [ready], require: [hold]}", False),
        ("labels: {deny: [ready], require: [hold]}", "labels: {deny: [ready]}", True),
        ("file_modes: {allow: ['100644']}", "file_modes: {}", True),
        ("file_modes: {}", "file_modes: {allow: ['100644']}", False),
        ("checks_green: {}", "checks_green: {require: [ci]}", False),
        ("checks_green: {require: [ci]}", "checks_green: {}", True),
        ("secrets: {}", "secrets: {exclude: [fakes]}", True),
        ("companions: {of: [a], touch: [b]}", "companions: {of: [a], touch: [b]}", True),
        ("files: {max: 3}", "added_lines: {max: 3}", False),
        ("files: {max: 3, exclude: [a]}", "files: {max: 3}", False),
    ],
)
def test_a_rule_that_never_matters_is_found_where_that_is_certain(
    wide, narrow, never_matters
) -> None:
    policy = governance(
        rule_text(f"level: enforced\ncheck: {{{wide}}}"),
        rule_text(f"level: enforced\ncheck: {{{narrow}}}", rule_id="F-TWO"),
    )
    found = [finding.message for finding in lint(policy) if finding.code == "shadowed"]
    assert any(words.startswith("F-TWO never matters") for words in found) is never_matters


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("on_fail: retry", "on_fail: reject"),
        ("status: shadow", ""),
        ("status: off", ""),
        ("applies: merge", ""),
        ('when: kind == "bug"', ""),
        ('when: kind == "bug"', 'when: kind == "chore"'),
    ],
)
def test_a_rule_that_is_milder_or_asked_elsewhere_shadows_nothing(one, two) -> None:
    policy = governance(
        rule_text(f"level: enforced\ncheck: {{secrets: {{}}}}\n{one}"),
        rule_text(f"level: enforced\ncheck: {{secrets: {{}}}}\n{two}", rule_id="F-TWO"),
    )
    assert not [
        finding.message
        for finding in lint(policy)
        if finding.message.startswith("F-TWO never matters")
    ]


def test_to_say_what_is_built_in_in_ones_own_words_is_no_mistake() -> None:
    policy = governance(
        rule_text(
            "level: enforced\ncheck: {paths: {deny: [.github/workflows, CLAUDE.md]}}\non_fail:"
            " needs-human"
        )
    )
    assert codes(policy) == ["no-case"]


def test_a_nested_file_may_limit_otherwise_and_its_globs_are_tried_below_its_folder() -> None:
    check = 'check: {changed_lines: {max: 900, exclude: ["*.lock", "a/*.sql"]}}'
    nested = rule_text(f"level: enforced\n{check}\n{CASE}", prose="900.")
    policy = read_governance(
        {**files(FRONT + CLEAN), "a/factory_rules.md": (FRONT + nested).encode()}
    )
    assert lint(policy, paths=[b"a/x.sql", b"a/deep/y.lock"]) == ()
    assert [finding.message for finding in lint(policy, paths=[b"x.lock", b"b/x.sql"])] == [
        "F-ONE names `*.lock`, which matches no file here",
        "F-ONE names `a/*.sql`, which matches no file here",
    ]
    alone = read_governance(
        {**files(FRONT + CLEAN), "a/factory_rules.md": b"A pull request has at most 900 lines.\n"}
    )
    assert [(finding.file, finding.code) for finding in lint(alone)] == [
        ("a/factory_rules.md", "contradiction")
    ]


def a_path(text):
    """As git has them: no part of one is empty."""
    return "/".join(filter(None, text.split("/"))) or "a"


@given(
    st.lists(st.text(alphabet="ab/", min_size=1, max_size=6).map(a_path), max_size=6),
    st.text(alphabet="ab/*?", min_size=1, max_size=6).filter(lambda text: glob_fault(text) is None),
    st.sampled_from(["", "a/", "ab/"]),
)
def test_a_glob_is_said_to_match_nothing_exactly_where_it_matches_nothing(
    paths, pattern, below
) -> None:
    known = [path.encode() for path in paths]
    expected = any(matches((pattern,), path) for path in known if path.startswith(below.encode()))
    assert KnownPaths(known).has(pattern, below=below) is expected


def test_what_lint_takes_grows_with_the_rules_and_not_with_their_pairs() -> None:
    text = FRONT + "".join(
        rule_text(
            f"level: enforced\ncheck: {{paths: {{deny: [src/area{at}/**, lib/{at}/x.py]}}}}\n"
            f"cases:\n  - {{given: {{files: [src/area{at}/x]}}, expect: fail}}",
            rule_id=f"F-R{at}",
        )
        for at in range(500)
    )
    paths = [f"src/area{at}/{name}".encode() for at in range(500) for name in "abcd"]
    began = time.process_time()
    found = lint(read_governance(files(text)), paths=paths)
    # bench/governance.py holds it to one second
    assert time.process_time() - began < 10
    assert {finding.code for finding in found} == {"no-match", "prompt-size"}
