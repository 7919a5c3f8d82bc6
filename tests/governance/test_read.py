"""Reading the three files: what is stated, and every mistake with its file, line, key and what was
expected."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import GovernanceError
from harness.domain.governance import (
    Applies,
    ChangeDefault,
    Expect,
    Level,
    OnFail,
    ScopeDefault,
    ScopeKind,
    Status,
)
from harness.governance import context, governance_in, governing_files, read_governance
from harness.governance.checks.conduct import SpendUsd
from harness.governance.checks.size import ChangedLines
from harness.governance.documents import LARGEST
from tests.governance.policy_texts import (
    CODE,
    FRONT,
    MISSION,
    files,
    governance,
    rule_text,
)

FULL = (
    FRONT
    + """# Rules
## Pull requests stay small {#F-SIZE}
A reviewer has ten minutes, so at most 400 lines.
```yaml rule
id: F-SIZE
applies: merge
level: enforced
status: off
locked: false
when: kind == "bug"
check: {changed_lines: {max: 400, exclude: ["**/*.lock"], binary: ignore}}
on_fail: split
cases:
  - {given: {changed_lines: 401}, expect: fail}
  - {pr: 12, expect: pass}
```
And after the block, too.
## Manners
Be kind.
"""
)


def refused(rules: str | bytes, *, mission: str = MISSION) -> GovernanceError:
    raw = rules if isinstance(rules, bytes) else rules.encode()
    with pytest.raises(GovernanceError) as error:
        read_governance({**files("x", mission=mission), "factory_rules.md": raw})
    return error.value


def test_a_rule_is_read_whole() -> None:
    rule = read_governance(files(FULL)).rule("F-SIZE")
    assert (rule.title, rule.level, rule.status, rule.applies) == (
        "Pull requests stay small",
        Level.ENFORCED,
        Status.OFF,
        Applies.MERGE,
    )
    assert rule.check == ChangedLines(max=400, exclude=("**/*.lock",), binary="ignore")
    assert rule.on_fail is OnFail.SPLIT
    assert rule.when.text == 'kind == "bug"'
    assert (
        rule.prose == "A reviewer has ten minutes, so at most 400 lines.\nAnd after the block, too."
    )
    assert (rule.source.file, rule.source.line, rule.source.end_line) == ("factory_rules.md", 5, 20)
    assert [(case.expect, case.pull_request, case.line) for case in rule.cases] == [
        (Expect.FAIL, None, 17),
        (Expect.PASS, 12, 18),
    ]


def test_what_a_block_does_not_say_has_a_strict_default() -> None:
    rule = governance(rule_text("level: enforced\ncheck: {spend_usd: {max: 2.5}}")).rule("F-ONE")
    assert (rule.applies, rule.status, rule.on_fail, rule.locked) == (
        Applies.PR,
        Status.ENFORCE,
        OnFail.NEEDS_HUMAN,
        False,
    )
    assert rule.check == SpendUsd(max=Decimal("2.5"))


def test_scope_is_read_whole() -> None:
    policy = governance()
    entry = policy.entry("M-NOPAY")
    assert (entry.kind, entry.title, entry.prose) == (
        ScopeKind.OUT,
        "No payments",
        "Guides take cash.",
    )
    assert entry.asks_like == ("stripe", "let people tip the guide")
    assert entry.reply == "Tidebook has no payments on purpose."
    assert [found.kind for found in policy.scope] == [
        ScopeKind.IN,
        ScopeKind.OUT,
        ScopeKind.INVARIANT,
    ]


def test_defaults_come_from_the_front_matter_and_are_strict_for_scope() -> None:
    policy = read_governance(files(FRONT, mission=MISSION))
    assert (policy.change_default, policy.scope_default) == (
        ChangeDefault.ALLOW,
        ScopeDefault.NEEDS_HUMAN,
    )
    policy = read_governance(
        files(
            "---\nschema: 1\ndefault: needs-human\n---\n",
            mission=MISSION.replace("schema: 1", "schema: 1\ndefault: in"),
        )
    )
    assert (policy.change_default, policy.scope_default) == (
        ChangeDefault.NEEDS_HUMAN,
        ScopeDefault.IN,
    )


def test_files_without_blocks_are_advice_under_the_built_in_rules() -> None:
    policy = read_governance(
        {"mission.md": b"Be good.\n", "factory_rules.md": b"# Be small\n", "CLAUDE.md": CODE}
    )
    assert policy.scope == ()
    assert all(rule.built_in for rule in policy.rules)
    assert len(policy.rules) == 3


def test_the_files_are_found_in_any_case_and_named_canonically() -> None:
    given = files(FULL)
    policy = read_governance(
        {
            "MISSION.md": given["mission.md"],
            "Factory_Rules.MD": given["factory_rules.md"],
            "claude.md": CODE,
            "README.md": b"x",
        }
    )
    assert [document.name for document in policy.documents] == [
        "mission.md",
        "factory_rules.md",
        "CLAUDE.md",
    ]
    assert policy.rule("F-SIZE").source.file == "Factory_Rules.MD"
    assert policy.digest == read_governance(given).digest


def test_the_digest_changes_with_any_byte_of_any_file_and_with_where_it_stands() -> None:
    given = files(FULL)
    digests = {read_governance(given).digest}
    for name, content in given.items():
        digests.add(read_governance({**given, name: content + b"\n"}).digest)
    digests.add(
        read_governance({"mission.md": b"a\nb", "factory_rules.md": b"c", "CLAUDE.md": b"d"}).digest
    )
    digests.add(
        read_governance({"mission.md": b"a", "factory_rules.md": b"b\nc", "CLAUDE.md": b"d"}).digest
    )
    assert len(digests) == 6
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in digests)


def test_the_context_has_the_three_files_to_the_byte_in_a_fixed_order() -> None:
    given = {
        name: content.replace(b"\n", b"\r\n") + "Ünïcode\ttail  ".encode()
        for name, content in files(FULL).items()
    }
    policy = read_governance(given)
    prompt = context(policy).encode()
    places = [prompt.index(given[name]) for name in ("mission.md", "factory_rules.md", "CLAUDE.md")]
    assert places == sorted(places)
    assert policy.digest.encode() in prompt
    assert prompt == context(read_governance(dict(reversed(given.items())))).encode()


def test_the_built_in_rules_are_locked_and_first() -> None:
    policy = governance(rule_text("level: advisory"))
    assert [rule.id for rule in policy.rules] == [
        "LAW-PROTECTED",
        "LAW-MODES",
        "LAW-NAMES",
        "F-ONE",
    ]
    assert all(rule.locked for rule in policy.rules if rule.built_in)


BLOCK = "level: enforced\ncheck: {changed_lines: {max: 400}}"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "expected"),
    [
        ("level: enforced", "levle: enforced", 10, "levle", "did you mean `level`?"),
        ("level: enforced", "level: enforce", 10, "level", "did you mean `enforced`?"),
        ("level: enforced", "level: judge", 10, "level", "one of enforced, judged, advisory"),
        ("level: enforced", "level: 3", 10, "level", "found a whole number `3`"),
        ("level: enforced\n", "", 8, "level", "is missing"),
        ("level: enforced", "level: advisory", 10, "level", "an advisory rule is only read"),
        ("status: off", "status: no", 11, "status", "one of enforce, shadow, off"),
        ("locked: false", "locked: true", 10, "level", "a locked rule is enforced"),
        ("locked: false", "locked: off", 12, "locked", "true or false"),
        ("id: F-SIZE", "id: F-SIZ", 8, "id", "the heading names {#F-SIZE}"),
        ("id: F-SIZE", "id: size", 8, "id", "is not an id"),
        ("id: F-SIZE", "id: LAW-SIZE", 8, "id", "the factory's own"),
        ("id: F-SIZE", "id: 7", 8, "id", "a text in quotes"),
        (
            "when: kind",
            "when: kynd",
            13,
            "when",
            "column 1: expected a fact; there is none called `kynd`, did you mean `kind`?",
        ),
        (
            "changed_lines: {max: 400, ",
            "changed_line: {max: 400, ",
            14,
            "changed_line",
            "did you mean `changed_lines`?",
        ),
        (
            "changed_lines: {max: 400, ",
            "zzz: {max: 400, ",
            14,
            "zzz",
            "known: added_lines, added_text",
        ),
        ("max: 400", "mox: 400", 14, "mox", "did you mean `max`?"),
        ("max: 400, ", "", 14, "max", "is missing"),
        ("max: 400", "max: -1", 14, "max", "a whole number, 0 or more"),
        ("max: 400", "max: 4.5", 14, "max", "found a number `4.5`"),
        ("max: 400", 'max: "400"', 14, "max", "found a text `400`"),
        ("max: 400", "max:", 14, "max", "found nothing"),
        ("max: 400", "max: 400, max: 500", 14, "max", "this key stands here twice"),
        ('["**/*.lock"]', '"**/*.lock"', 14, "exclude", "expected a list"),
        ('["**/*.lock"]', '["a**"]', 14, "exclude", "whole folders"),
        ("binary: ignore", "binary: skip", 14, "binary", "one of refuse, ignore"),
        (
            "check: {changed",
            "check: {files: {max: 1}, changed",
            14,
            "check",
            "a rule has one check",
        ),
        (
            'check: {changed_lines: {max: 400, exclude: ["**/*.lock"], binary: ignore}}',
            "check: {paths: {}}",
            14,
            "paths",
            "give `deny`, `allow` or `require`",
        ),
        (
            'check: {changed_lines: {max: 400, exclude: ["**/*.lock"], binary: ignore}}',
            "check: {labels: {}}",
            14,
            "labels",
            "give `require` or `deny`",
        ),
        (
            'check: {changed_lines: {max: 400, exclude: ["**/*.lock"], binary: ignore}}',
            'check: {file_modes: {allow: ["777"]}}',
            14,
            "allow",
            "a git file mode",
        ),
        (
            'check: {changed_lines: {max: 400, exclude: ["**/*.lock"], binary: ignore}}\n',
            "",
            10,
            "level",
            "needs a `check`",
        ),
        ("on_fail: split", "on_fail: splitt", 15, "on_fail", "did you mean `split`?"),
        ("expect: fail", "expect: no", 17, "expect", "one of pass, fail, unknown"),
        (", expect: fail", "", 17, "expect", "is missing"),
        (
            "{pr: 12, ",
            "{pr: 12, given: {files: 1}, ",
            18,
            "cases",
            "either `given:` facts or the `pr:`",
        ),
        (
            "{changed_lines: 401}",
            "{changed_line: 401}",
            17,
            "changed_line",
            "did you mean `changed_lines`?",
        ),
        ("id: F-SIZE", "id: &a F-SIZE", 8, None, "anchors and aliases are not read"),
        ("id: F-SIZE", "id: !!str F-SIZE", 8, None, "tags are not read"),
        ("id: F-SIZE", "id: " + "[" * 40 + "]" * 40, 8, None, "levels of nesting"),
        ("id: F-SIZE", "id: [F-SIZE", 9, None, "not YAML that can be read"),
        ("id: F-SIZE", "id: F-\x07", 8, None, "not YAML"),
        ("id: F-SIZE", "? [a]\n: b\nid: F-SIZE", 8, None, "expected a text"),
        ("```yaml rule", "```yaml rules", 7, None, "did you mean `yaml rule`?"),
        ("```yaml rule", "```YAML rule", 7, None, "did you mean `yaml rule`?"),
        ("```yaml rule", "```yml rule", 7, None, "did you mean `yaml rule`?"),
        ("```yaml rule", "```yaml rule strict", 7, None, "did you mean `yaml rule`?"),
        ("```yaml rule", "```yaml scope", 7, None, "stands in mission.md"),
        (" {#F-SIZE}", "", 5, None, "needs an id"),
        (
            "# Rules\n## Pull requests stay small {#F-SIZE}",
            "Small",
            6,
            None,
            "a block needs a heading with an id above it",
        ),
        ("```\nAnd after", "And after", 7, None, "is never closed"),
        ("schema: 1", "schema: 2", 2, "schema", "expected schema 1"),
        ("schema: 1", "default: allow", 2, "schema", "is missing"),
        ("schema: 1", "schema: 1\ndefault: deny", 3, "default", "one of allow, needs-human"),
        ("schema: 1", "schema: 1\nname: x", 3, "name", "known here: schema, default"),
        ("schema: 1\n---\n", "schema: 1\n", 1, None, "has no closing `---`"),
        ("---\nschema: 1\n---\n", "\n\n\n", 1, None, "begins with `---`"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_was_expected(
    old, new, line, key, expected
) -> None:
    assert FULL.count(old) >= 1
    error = refused(FULL.replace(old, new, 1))
    assert expected in error.message
    assert (error.file, error.line, error.key) == ("factory_rules.md", line, key)
    assert str(error).startswith(f"factory_rules.md:{line}: ")


@pytest.mark.parametrize(
    ("check", "key", "expected"),
    [
        ("added_text: {deny: ['(a']}", "deny", "searched in linear time: unclosed group"),
        (
            "added_text: {deny: ['(?=a)']}",
            "deny",
            "look-around, including look-ahead and look-behind, is not supported",
        ),
        ("added_text: {deny: ['(a)\\1']}", "deny", "backreferences are not supported"),
        ("added_text: {deny: ['(a{999}){999}']}", "deny", "exceeds size limit"),
        ("added_text: {deny: ['a*']}", "deny", "an empty line matches"),
        ("added_text: {deny: ['a\\nb']}", "deny", "within one line"),
        (f"added_text: {{deny: ['{'a' * 501}']}}", "deny", "at most 500 characters"),
        ("added_text: {deny: []}", "added_text", "give `deny`"),
        ("added_text: {deny: TODO}", "deny", "expected a list"),
        ("companions: {of: [a], touch: []}", "companions", "give `of` and `touch`"),
        ("migrations: {paths: []}", "migrations", "give `paths`"),
        ("screenshots: {paths: [web], min: 0}", "screenshots", "a `min` of at least 1"),
        ("exec: {script: /bin/sh}", "script", "a path from the root of the repository"),
        ("exec: {script: a/../../b}", "script", "a path from the root of the repository"),
        ("exec: {script: [a]}", "script", "expected a text"),
        ("exec: {script: a.py, seconds: 0}", "exec", "from 1 to 900"),
        ("exec: {script: a.py, arguments: [1]}", "arguments", "a text in quotes"),
    ],
)
def test_an_argument_that_a_check_cannot_take_is_refused_where_it_stands(
    check, key, expected
) -> None:
    error = refused(FRONT + rule_text(f"level: enforced\ncheck: {{{check}}}"))
    assert expected in error.message
    assert (error.file, error.line, error.key) == ("factory_rules.md", 9, key)


@pytest.mark.parametrize(
    ("given", "key", "expected"),
    [
        ("scripts: {'a \"b': 0}", 'a "b', "quoted as in a shell"),
        ("scripts: {'': 0}", "", "quoted as in a shell"),
        ("scripts: {a: maybe}", "a", "one of stopped"),
        ("api: {a.py: gone}", "a.py", "one of unread"),
        ("added_text: {a: [b]}", "a", "expected a text"),
        ("neighbours: a", "neighbours", "expected a list"),
    ],
)
def test_a_fact_in_shorthand_that_is_none_is_refused_where_it_stands(given, key, expected) -> None:
    cases = f"cases:\n  - {{given: {{{given}}}, expect: fail}}"
    error = refused(FRONT + rule_text(f"level: enforced\ncheck: {{secrets: {{}}}}\n{cases}"))
    assert expected in error.message
    assert (error.line, error.key) == (11, key or None)


def test_the_same_id_twice_is_refused_with_both_places() -> None:
    error = refused(FRONT + rule_text(BLOCK) + rule_text(BLOCK))
    assert error.message == "F-ONE is already stated at factory_rules.md:4"
    error = refused(FRONT + rule_text(BLOCK, rule_id="M-BOOK"))
    assert "M-BOOK is already stated at" in error.message


def test_two_blocks_under_one_heading_are_refused() -> None:
    block = "```yaml rule\nid: F-ONE\nlevel: advisory\n```\n"
    assert "a heading of its own" in refused(FRONT + "## A {#F-ONE}\n" + block + block).message


@pytest.mark.parametrize("indent", ["- ", "> "])
def test_a_block_inside_a_list_or_a_quotation_is_refused(indent) -> None:
    block = "\n".join(
        (indent if at == 0 or indent == "> " else "  ") + line
        for at, line in enumerate(["```yaml rule", "id: F-ONE", "level: advisory", "```"])
    )
    assert "stands by itself" in refused(f"{FRONT}## A {{#F-ONE}}\n{block}\n").message


def test_a_block_in_a_comment_or_in_a_code_sample_is_no_block() -> None:
    text = (
        f"{FRONT}## A {{#F-ONE}}\n<!--\n```yaml rule\nid: nonsense\n```\n-->\n````markdown\n```yaml"
        " rule\nid: x\n```\n````\n"
    )
    assert all(rule.built_in for rule in read_governance(files(text)).rules)


def test_code_is_advice_and_holds_no_blocks() -> None:
    with pytest.raises(GovernanceError, match="holds advice only"):
        read_governance(
            {**files(FULL), "CLAUDE.md": b"## A {#C-ONE}\n```yaml rule\nid: C-ONE\n```\n"}
        )


def test_an_entry_that_refuses_must_do_so_in_words() -> None:
    mission = MISSION.replace('reply: "Tidebook has no payments on purpose."\n', "")
    assert "needs a `reply`" in refused(FULL, mission=mission).message


@pytest.mark.parametrize(
    ("content", "expected", "line"),
    [
        (b"", "is empty", None),
        (b" \n\n", "is empty", None),
        (b"\xef\xbb\xbf# Rules", "byte order mark", 1),
        ("# Rules".encode("utf-16"), "byte order mark", 1),
        (b"# Rules\n\nna\xefve", "not UTF-8", 3),
        (b"# Rules\nx\0y", "NUL", 2),
        (b"# Rules\n" + b"x" * LARGEST, f"at most {LARGEST}", None),
    ],
)
def test_a_file_that_is_not_plain_text_is_refused(content, expected, line) -> None:
    error = refused(content)
    assert expected in error.message
    assert (error.file, error.line) == ("factory_rules.md", line)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(
        GovernanceError, match=r"^CLAUDE\.md: not found as a plain file at the root"
    ):
        read_governance({"mission.md": b"x", "factory_rules.md": b"y"})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MISSION.md", "MISSION.md and mission.md differ only by case"),
        ("F\u0410CTORY_RULES.md", "looks like factory_rules.md and is not"),
        ("claude.md.", "looks like CLAUDE.md and is not"),
    ],
)
def test_two_files_that_could_be_taken_for_one_another_are_refused(name, expected) -> None:
    root = {b"mission.md": "100644", b"factory_rules.md": "100644", b"CLAUDE.md": "100644"}
    assert governing_files(root)["mission.md"] == "mission.md"
    with pytest.raises(GovernanceError) as error:
        governing_files({**root, name.encode(): "100644"})
    assert expected in error.value.message


@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_a_governance_file_that_is_a_link_is_refused(mode) -> None:
    root = {
        b"mission.md": "100644",
        b"factory_rules.md": mode,
        b"CLAUDE.md": "100644",
        b"docs/mission.md": "100644",
    }
    with pytest.raises(GovernanceError, match=f"must be a plain file, and has git mode {mode}"):
        governing_files(root)


def test_a_working_copy_is_read_as_a_commit_would_be(tmp_path) -> None:
    for name, content in files(FULL).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "src").mkdir()
    assert governance_in(tmp_path) == read_governance(files(FULL))
    (tmp_path / "mission.md").unlink()
    (tmp_path / "mission.md").symlink_to("CLAUDE.md")
    with pytest.raises(GovernanceError, match="plain file"):
        governance_in(tmp_path)


FRAGMENTS = st.sampled_from(
    [
        "---\n",
        "schema: 1\n",
        "# T\n",
        "## A {#F-ONE}\n",
        "```yaml rule\n",
        "```\n",
        "id: F-ONE\n",
        "level: enforced\n",
        "level: advisory\n",
        "check: {files: {max: 1}}\n",
        'check: {paths: {deny: ["*"]}}\n',
        'when: kind == "bug"\n',
        "cases:\n  - {given: {files: 2}, expect: fail}\n",
        "\n",
        "prose\n",
        "> ",
        "- ",
        "<!--\n",
        "-->\n",
        "&a ",
        "*a ",
        "\t",
        "]",
        "{",
        "\r",
        "\u2028",
        "```yaml scope\n",
        "~~~yaml rule\n",
        "'",
        '"',
        "default: allow\n",
    ]
)


@given(st.lists(st.one_of(FRAGMENTS, st.text(max_size=8)), max_size=25).map("".join))
def test_any_text_is_read_or_refused_with_its_file(text) -> None:
    content, faults = text.encode("utf-8", "replace"), []
    try:
        assert (
            read_governance({**files("x"), "factory_rules.md": content})
            .document("factory_rules.md")
            .text.encode()
            == content
        )
    except GovernanceError as error:
        faults.append(error.file)
    assert faults in ([], ["factory_rules.md"])


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_a_rule_that_is_plainly_written_is_never_lost_among_other_text(noise) -> None:
    text = FRONT + rule_text(BLOCK) + "\n## Other\n" + noise
    try:
        policy = read_governance(files(text))
    except GovernanceError:
        return
    assert policy.rule("F-ONE") is not None
