"""Nested files of rules: what they see, what they may state again, and that they loosen nothing
else."""

import hashlib

import pytest

from harness.domain.errors import GovernanceError
from harness.domain.facts import (
    AddedContent,
    ApiFacts,
    ApiLoss,
    ChangeFacts,
    DependencyChange,
    DependencyMove,
    SecretFound,
)
from harness.domain.facts import TestFacts as SuiteFacts
from harness.domain.governance import Applies, OnFail
from harness.governance import (
    context,
    decide,
    governance_in,
    governing_files,
    lint,
    read_governance,
    run_cases,
)
from harness.governance.documents import MOST_NESTED
from tests.governance.policy_texts import FRONT, change, files, rule_text, touching

SMALL = "level: enforced\ncheck: {files: {max: 1}}\non_fail: split\n"
WIDE = "level: enforced\ncheck: {files: {max: 3}}\n"
API = "packages/api/factory_rules.md"


def policy(root: str = rule_text(SMALL), front: str = FRONT, **nested: str):
    texts = {
        f"{folder.replace('__', '/')}/factory_rules.md": (FRONT + text).encode()
        for folder, text in nested.items()
    }
    return read_governance({**files(front + root), **texts})


def refusals(governance, *paths: str, **facts) -> list[str]:
    decision = decide(governance, touching(*paths, **facts))
    return [f"{finding.source.file}#{finding.rule}" for finding in decision.refusals]


def refused(**nested: str) -> str:
    with pytest.raises(GovernanceError) as error:
        policy(**nested)
    assert error.value.line
    return str(error.value)


TWO = rule_text(SMALL, rule_id="F-TWO")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["packages/api/a"], []),
        (["packages/api/a", "packages/api/b"], ["factory_rules.md#F-ONE", f"{API}#F-TWO"]),
        (["packages/api/a", "src/b"], ["factory_rules.md#F-ONE"]),
        (["src/a", "src/b"], ["factory_rules.md#F-ONE"]),
        (["packages/apis/a", "packages/apis/b"], ["factory_rules.md#F-ONE"]),
        (["packages/API/a", "packages/\u0430pi/b"], ["factory_rules.md#F-ONE", f"{API}#F-TWO"]),
    ],
)
def test_a_nested_rule_sees_what_is_below_its_folder_and_is_asked_there_only(
    paths, expected
) -> None:
    assert refusals(policy(packages__api=TWO), *paths) == expected


def test_a_rule_that_is_stated_again_holds_there_and_the_roots_sees_the_rest() -> None:
    governance = policy(packages__api=rule_text(WIDE))
    inside, outside = [f"packages/api/{name}" for name in "abcd"], ["src/a", "src/b"]
    assert refusals(governance, *inside[:3]) == []
    assert refusals(governance, *inside) == [f"{API}#F-ONE"]
    assert refusals(governance, *inside[:3], outside[0]) == []
    assert refusals(governance, *inside, *outside) == [f"{API}#F-ONE", "factory_rules.md#F-ONE"]
    assert refusals(governance, "packages/API/a", "packages/API/b") == ["factory_rules.md#F-ONE"]


def test_of_two_files_above_the_nearer_one_gives_way() -> None:
    governance = policy(a=rule_text(WIDE), a__b=rule_text(SMALL))
    assert refusals(governance, "a/b/x", "a/b/y") == ["a/b/factory_rules.md#F-ONE"]
    assert refusals(governance, "a/x", "a/y", "a/b/z") == []
    assert refusals(governance, "x", "y") == ["factory_rules.md#F-ONE"]


@pytest.mark.parametrize(
    ("name", "fact", "check"),
    [
        (
            "dependencies",
            lambda path: (DependencyChange(path, "python", "x", DependencyMove.ADDED, "", ""),),
            "dependencies: {}",
        ),
        ("secrets", lambda path: (SecretFound(path, 1, "x", "x"),), "secrets: {}"),
        ("added", lambda path: (AddedContent(path, b"TODO"),), "added_text: {deny: [TODO]}"),
        (
            "api",
            lambda path: ApiFacts((ApiLoss(path, "f", "is gone"),), (path,)),
            "api_surface: {}",
        ),
        (
            "tests",
            lambda path: SuiteFacts(
                frozenset(), frozenset(), weakened=(f"{path.decode()}::t: emptied",)
            ),
            "tests_weakened: {}",
        ),
    ],
)
def test_what_has_a_path_is_seen_below_it_only(name, fact, check) -> None:
    governance = policy("", packages__api=rule_text(f"level: enforced\ncheck: {{{check}}}"))
    inside, outside = "packages/api/a.py", "src/a.py"
    assert refusals(governance, inside, outside, **{name: fact(inside.encode())}) == [
        f"{API}#F-ONE"
    ]
    assert refusals(governance, inside, outside, **{name: fact(outside.encode())}) == []


def test_what_has_no_path_is_seen_whole_where_the_folder_is_touched() -> None:
    governance = policy("", packages__api=rule_text("level: enforced\ncheck: {attempts: {max: 1}}"))
    assert refusals(governance, "packages/api/a", attempts=2) == [f"{API}#F-ONE"]
    assert refusals(governance, "src/a", attempts=2) == []


def test_where_nobody_knows_what_is_touched_every_rule_is_asked() -> None:
    decision = decide(policy(packages__api=rule_text(WIDE)), ChangeFacts())
    assert {finding.source.file for finding in decision.refusals if finding.rule == "F-ONE"} == {
        "factory_rules.md",
        API,
    }


def test_a_condition_sees_what_its_rule_sees() -> None:
    governance = policy("", packages__api=rule_text(SMALL + "when: files > 2"))
    assert refusals(governance, "packages/api/a", "packages/api/b", "src/c") == []
    assert refusals(governance, "packages/api/a", "packages/api/b", "packages/api/c") == [
        f"{API}#F-ONE"
    ]


def test_a_nested_rule_does_not_speak_for_the_rest_of_the_change() -> None:
    governance = policy(
        "", front="---\nschema: 1\ndefault: needs-human\n---\n", packages__api=rule_text(WIDE)
    )
    assert decide(governance, touching("packages/api/a")).allowed
    decision = decide(governance, touching("packages/api/a", "src/b"))
    assert (decision.action, decision.why) == (
        OnFail.NEEDS_HUMAN,
        ("no rule speaks of this change",),
    )


@pytest.mark.parametrize(
    ("nested", "words"),
    [
        (rule_text(WIDE, rule_id="F-LOCK"), "F-LOCK is locked at factory_rules.md:12"),
        (rule_text("level: advisory", rule_id="F-LOCK"), "F-LOCK is locked at factory_rules.md:12"),
        (rule_text(SMALL + "status: off", rule_id="F-LOCK"), "F-LOCK is locked"),
        (rule_text(WIDE, rule_id="LAW-PROTECTED"), "the factory's own"),
        (rule_text(WIDE, rule_id="M-BOOK"), "M-BOOK is already stated"),
        (rule_text(WIDE + "applies: merge"), "F-ONE is asked at `applies: pr`"),
        (
            rule_text(WIDE + "applies: issue", rule_id="F-TWO"),
            "what is asked of issues stands at the root",
        ),
        (
            rule_text(WIDE, rule_id="F-TWO") * 2,
            "F-TWO is already stated at packages/api/factory_rules.md",
        ),
        (rule_text(WIDE) * 2, "F-ONE is already stated at packages/api/factory_rules.md"),
        ("```yaml scope\nid: F-ONE\nkind: in\n```\n", "stands in mission.md"),
    ],
)
def test_a_nested_file_cannot_loosen_what_is_not_its_to_loosen(nested, words) -> None:
    root = rule_text(SMALL) + rule_text(SMALL + "locked: true", rule_id="F-LOCK")
    with pytest.raises(GovernanceError) as error:
        policy(root, packages__api=nested)
    assert words in error.value.message
    assert (error.value.file, error.value.line is not None) == (API, True)


def test_what_a_nested_file_locks_is_locked_below_it() -> None:
    assert "a/b/factory_rules.md:4: `id`: F-ONE is locked at a/factory_rules.md:4" in refused(
        a=rule_text(SMALL + "locked: true"), a__b=rule_text(WIDE)
    )


def test_a_folder_beside_has_no_say() -> None:
    assert (
        "F-NEW is already stated at a/factory_rules.md:4; only a file above this one may state"
        " it too"
        in refused(a=rule_text(SMALL, rule_id="F-NEW"), b=rule_text(WIDE, rule_id="F-NEW"))
    )


def test_a_nested_file_has_no_default_of_its_own() -> None:
    with pytest.raises(GovernanceError) as error:
        read_governance(
            {**files(FRONT), "a/factory_rules.md": b"---\nschema: 1\ndefault: allow\n---\n# A\n"}
        )
    assert (error.value.file, error.value.line, error.value.key) == (
        "a/factory_rules.md",
        3,
        "default",
    )


ROOT = {b"mission.md": "100644", b"factory_rules.md": "100644", b"CLAUDE.md": "100644"}


def test_nested_files_are_found_at_any_depth_and_in_any_case_those_above_first() -> None:
    found = governing_files(
        {
            **ROOT,
            b"a/b/Factory_Rules.md": "100644",
            b"a/z": "100644",
            b"a/factory_rules.md": "100755",
        }
    )
    assert list(found.items())[3:] == [
        ("a/factory_rules.md", "a/factory_rules.md"),
        ("a/b/factory_rules.md", "a/b/Factory_Rules.md"),
    ]


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ({b"a/factory_rules.md": "120000"}, "must be a plain file, and has git mode 120000"),
        ({b"a/factory_rules.md": "160000"}, "must be a plain file, and has git mode 160000"),
        (
            {b"a/factory_rules.md": "100644", b"a/FACTORY_RULES.md": "100644"},
            "are one file to some file system or eye",
        ),
        (
            {b"a/factory_rules.md": "100644", b"A/factory_rules.md": "100644"},
            "are one file to some file system or eye",
        ),
        ({"a/f\u0430ctory_rules.md".encode(): "100644"}, "looks like factory_rules.md and is not"),
        ({b"a/factory_rules.md.": "100644"}, "looks like factory_rules.md and is not"),
        (
            {f"a{number}/factory_rules.md".encode(): "100644" for number in range(MOST_NESTED + 1)},
            f"at most {MOST_NESTED} are read",
        ),
    ],
)
def test_a_nested_file_that_could_be_taken_for_another_is_refused(paths, words) -> None:
    with pytest.raises(GovernanceError) as error:
        governing_files({**ROOT, **paths})
    assert words in str(error.value)
    assert error.value.file


def test_a_folder_with_a_mission_of_its_own_is_another_project() -> None:
    own = {
        b"examples/x/factory_rules.md": "120000",
        b"examples/x/Mission.md": "100644",
        b"examples/x/y/factory_rules.md": "100644",
    }
    assert list(governing_files({**ROOT, **own})) == ["mission.md", "factory_rules.md", "CLAUDE.md"]
    only_looks = {b"a/factory_rules.md": "100644", b"a/m\xd1\x96ssion.md": "100644"}
    assert "a/factory_rules.md" in governing_files({**ROOT, **only_looks})


def test_the_digest_and_every_context_have_nested_files_and_nothing_else_changes_them() -> None:
    alone, more = policy(), policy(a=TWO)
    plain = hashlib.sha256(
        b"".join(
            f"{name}\0{len(text)}\0".encode() + text
            for name, text in files(FRONT + rule_text(SMALL)).items()
        )
    ).hexdigest()
    assert alone.digest == f"sha256:{plain}"
    assert len({alone.digest, more.digest, policy(b=TWO).digest, policy(a=TWO + "\n").digest}) == 4
    assert context(more).startswith(
        context(alone).removesuffix("\n</governance>").replace(alone.digest, more.digest)
    )
    assert '<document name="a/factory_rules.md">' in context(more)


def test_cases_of_a_nested_rule_speak_of_its_folder() -> None:
    cases = (
        "cases:\n  - {given: {files: 2}, expect: fail}\n  - {given: {files: [src/a, src/b]},"
        " expect: pass}\n  - {given: {files: [a/x, a/y]}, expect: fail}\n  - {given: {files: [a/x,"
        " b]}, expect: pass}\n"
    )
    results = run_cases(policy(a=rule_text(SMALL + cases, rule_id="F-TWO")))
    assert [result.held for result in results] == [True] * 4
    assert results[0].source.file == "a/factory_rules.md"


def test_rules_that_merge_are_narrowed_as_well() -> None:
    governance = policy("", a=rule_text(SMALL + "applies: merge"))
    assert decide(governance, touching("a/x", "a/y"), applies=Applies.MERGE).action is OnFail.SPLIT
    assert decide(governance, touching("a/x", "b"), applies=Applies.MERGE).allowed


def test_a_working_copy_is_read_with_its_nested_files(tmp_path) -> None:
    for name, content in {
        **files(FRONT + rule_text(SMALL)),
        "a/b/factory_rules.md": (FRONT + TWO).encode(),
        "node_modules/x/factory_rules.md": b"",
        ".venv/factory_rules.md": b"",
        ".venv/pyvenv.cfg": b"",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert [document.name for document in governance_in(tmp_path).documents][3:] == [
        "a/b/factory_rules.md"
    ]
    assert [document.name for document in governance_in(tmp_path, paths=[b"a/b/gone"]).documents][
        3:
    ] == []
    tracked = governance_in(tmp_path, paths=[b"a/b/factory_rules.md"])
    assert tracked == governance_in(tmp_path)
    assert {finding.file for finding in lint(tracked)} == {
        "factory_rules.md",
        "a/b/factory_rules.md",
    }
    (tmp_path / "a" / "factory_rules.md").symlink_to("b/factory_rules.md")
    with pytest.raises(GovernanceError, match=r"a/factory_rules\.md: must be a plain file"):
        governance_in(tmp_path)


def test_a_change_by_the_factory_never_touches_a_nested_file() -> None:
    assert refusals(policy(a=TWO), "a/factory_rules.md") == ["(built in)#LAW-PROTECTED"]
    assert change("a/factory_rules.md").name == "a/factory_rules.md"
