"""The rules in the forge's own formats: valid by the schemas that exist, and with the same answer for
each path as the rules."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pathspec import GitIgnoreSpec

from harness.domain.errors import ConfigError
from harness.domain.governance import (
    Governance,
    Level,
    Rule,
    ScopeEntry,
    ScopeKind,
    Source,
    Status,
)
from harness.factory.reporting.shown import ALL_LABELS
from harness.governance import governance_in
from harness.governance.checks.gates import ChecksGreen
from harness.governance.checks.paths import Paths
from harness.governance.checks.size import FileBytes
from harness.governance.checks.trust import Trust
from harness.governance.export import codeowners, issue_forms, labels, rulesets
from harness.governance.language.when import read_when
from harness.governance.paths import glob_fault, matches
from harness.repository.state_branch import BRANCH
from tests.governance.ours import OURS, ROOT
from tests.tiers import share

SCHEMAS = Path(__file__).with_name("schemas")
REST = json.loads((SCHEMAS / "rest-fragment.json").read_text())
HERE = Source("factory_rules.md", 1, 2)
POLICY = next(rule for rule in OURS.rules if rule.id == "LAW-PROTECTED").check.deny

SEGMENTS = st.sampled_from(
    (
        "a",
        "b",
        "*",
        "**",
        "?",
        "a*",
        "*.b",
        ".x",
        "é",
        "a?b",
        "*a*",
        "[a]",
        "#a",
        "a b",
        "!a",
        "{a}",
    )
)
GLOBS = st.builds(
    "{}{}{}".format,
    st.sampled_from(("", "/")),
    st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join),
    st.sampled_from(("", "/")),
).filter(lambda glob: not glob_fault(glob))
NAMES = st.sampled_from(("a", "b", "ab", "x.b", ".x", "é", "acb", "aa", "[a]", "c"))
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)


def policy(*rules):
    return Governance(documents=(), rules=rules, scope=(), digest="sha256:0")


def rule(check, **values):
    return Rule(
        **{
            "id": "F-X",
            "title": "x",
            "level": Level.ENFORCED,
            "source": HERE,
            "check": check,
            **values,
        }
    )


def entry(title, reply, kind=ScopeKind.OUT):
    return ScopeEntry(id="M-X", title=title, kind=kind, source=HERE, reply=reply)


def owners_of(text, path):
    """Whom CODEOWNERS asks about a path: read like .gitignore, the last line that matches counts,
    and one without owners takes them away. Of what it reads otherwise (negation, ranges, escapes, a
    folder's `/*`), nothing may be there."""
    found = ()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pattern, *owners = line.split()
            assert not re.search(r"^!|[\[\]#\\]", pattern), pattern
            assert not pattern.endswith("/*"), pattern
            if GitIgnoreSpec.from_lines([pattern]).match_file(path):
                found = tuple(owners)
    return found


def restricts(patterns, path, *, dots):
    """Whether one of a ruleset's patterns is fnmatch's for the path, `/` being special; `dots`: `*`
    matches hidden names."""
    return any(re.fullmatch(fnmatch(pattern, dots=dots), path) for pattern in patterns)


def fnmatch(pattern, *, dots):
    """Ruby's File.fnmatch with FNM_PATHNAME as a regular expression, with FNM_DOTMATCH or
    without."""
    found, begins = "", True
    for part in re.findall(r"\*\*/|[*?/]|[^*?/]+", pattern):
        shown = "" if dots or not begins else r"(?!\.)"
        found += {"**/": f"(?:{shown}[^/]+/)*", "*": f"{shown}[^/]*", "?": f"{shown}[^/]"}.get(
            part, re.escape(part)
        )
        begins = part in ("/", "**/")
    return found


def left_globs(exported):
    return {left.what.strip("`") for left in exported.left if left.what.startswith("`")}


def ruleset(exported, name):
    return next(
        json.loads(file.text)
        for file in exported.files
        if file.path == f".github/rulesets/{name}.json"
    )


def valid(document, schema) -> bool:
    whole = {**REST[schema], "components": REST["components"]}
    Draft7Validator.check_schema(whole)
    Draft7Validator(whole).validate(document)
    return True


@settings(max_examples=share(300), deadline=None)
@given(globs=st.lists(GLOBS, min_size=1, max_size=4), path=PATHS)
def test_a_path_has_owners_when_and_only_when_the_rules_deny_it(globs, path) -> None:
    exported = codeowners(policy(rule(Paths(deny=tuple(globs)))), ["@mara"])
    said = tuple(glob for glob in globs if glob not in left_globs(exported))
    assert bool(owners_of(exported.files[0].text, path)) == matches(said, path.encode())


@settings(max_examples=share(200), deadline=None)
@given(
    allowed=st.lists(GLOBS, min_size=1, max_size=3), denied=st.lists(GLOBS, max_size=2), path=PATHS
)
def test_what_a_rule_allows_is_owned_by_nobody_and_all_else_is_owned(allowed, denied, path) -> None:
    check = Paths(allow=tuple(allowed), deny=tuple(denied))
    exported = codeowners(policy(rule(check)), ["@mara"])
    said = tuple(glob for glob in denied if glob not in left_globs(exported))
    outside = not matches(check.allow, path.encode()) and "the paths that it allows" not in {
        left.what for left in exported.left
    }
    assert bool(owners_of(exported.files[0].text, path)) == (
        outside or matches(said, path.encode())
    )


@settings(max_examples=share(300), deadline=None)
@given(globs=st.lists(GLOBS, min_size=1, max_size=4), path=PATHS)
def test_a_ruleset_restricts_what_the_rules_deny_and_never_more(globs, path) -> None:
    exported = rulesets(policy(rule(Paths(deny=tuple(globs)))))
    said = tuple(glob for glob in globs if glob not in left_globs(exported))
    if not said:
        assert all(file.path != ".github/rulesets/pushes.json" for file in exported.files)
        return
    patterns = ruleset(exported, "pushes")["rules"][0]["parameters"]["restricted_file_paths"]
    assert restricts(patterns, path, dots=True) == matches(said, path.encode())
    assert not restricts(patterns, path, dots=False) or matches(said, path.encode())


@pytest.mark.parametrize(
    ("path", "dots", "is_restricted"),
    [
        ("a/b", False, True),
        ("a/b/c", False, True),
        ("a/.b", False, False),
        ("a/.b/c", False, False),
        ("a/.b/c", True, True),
        ("a", True, False),
        ("b/a/c", True, False),
    ],
)
def test_a_rulesets_pattern_is_read_as_ruby_reads_it(path, dots, is_restricted) -> None:
    assert restricts(("a/**/*",), path, dots=dots) is is_restricted


@pytest.mark.parametrize(
    "path",
    [
        "mission.md",
        "docs/CLAUDE.md",
        ".github/workflows/ci.yml",
        "workflows/x.yaml",
        "a/.env.local",
    ],
)
def test_what_every_factory_protects_is_owned_in_ours(path) -> None:
    assert matches(POLICY, path.encode())
    assert owners_of(codeowners(OURS, ["@mara", "@x/rules"]).files[0].text, path) == (
        "@mara",
        "@x/rules",
    )


def test_what_the_factory_may_change_here_is_owned_by_nobody() -> None:
    assert owners_of(codeowners(OURS, ["@mara"]).files[0].text, "harness/cli/inspect/look.py") == ()


def test_a_governance_file_in_capitals_is_owned_as_it_is_written() -> None:
    documents = tuple(
        replace(one, file=one.file.upper()) if one.name == "mission.md" else one
        for one in OURS.documents
    )
    assert owners_of(
        codeowners(replace(OURS, documents=documents), ["@mara"]).files[0].text, "MISSION.MD"
    ) == ("@mara",)


@pytest.mark.parametrize(
    ("built", "because"),
    [
        (rule(Paths(deny=("a",)), status=Status.SHADOW), "in shadow"),
        (rule(Paths(deny=("a",)), when=read_when('kind == "bug"')), "no conditions"),
        (rule(Paths(require=("a",))), "cannot demand"),
    ],
    ids=["shadow", "when", "require"],
)
def test_a_rule_that_a_list_cannot_repeat_is_left_out_and_named(built, because) -> None:
    exported = codeowners(policy(built), ["@mara"])
    assert "@mara" not in exported.files[0].text
    assert [because in str(left) for left in exported.left if left.rule == "F-X"] == [True]


def test_what_a_rule_of_trust_lands_alone_is_named_as_no_forges_business() -> None:
    trusted = policy(rule(Trust(("app/**",), "full")))
    named = "F-X: what the factory lands alone in app/**: a forge knows no confidence"
    for exported in (codeowners(trusted, ["@maya"]), rulesets(trusted)):
        assert any(str(left).startswith(named) for left in exported.left)
    is_off = policy(rule(Trust(("app/**",), "full"), status=Status.OFF))
    assert not any("confidence" in str(left) for left in rulesets(is_off).left)


def test_a_rule_that_is_off_is_not_spoken_of() -> None:
    exported = codeowners(policy(rule(Paths(deny=("a",)), status=Status.OFF)), ["@mara"])
    assert ("@mara" in exported.files[0].text, [left for left in exported.left if left.rule]) == (
        False,
        [],
    )


def test_two_rules_that_allow_different_paths_are_not_made_one() -> None:
    exported = codeowners(
        policy(rule(Paths(allow=("a/**",))), rule(Paths(allow=("b/**",)), id="F-Y")), ["@mara"]
    )
    assert "@mara" not in exported.files[0].text
    assert {left.rule for left in exported.left if left.rule} == {"F-X", "F-Y"}


@pytest.mark.parametrize(
    "owners", [(), ("mara",), ("@mara @jo",), ("@",), ("@a/b/c",), ("# x",), ("@mara\n* @eve",)]
)
def test_an_owner_is_a_name_a_team_or_an_address(owners) -> None:
    with pytest.raises(ConfigError, match="owners"):
        codeowners(OURS, owners)


@pytest.mark.parametrize(
    "governance", [OURS, governance_in(ROOT / "examples" / "tidebook")], ids=["ours", "tidebook"]
)
def test_each_ruleset_is_what_the_rest_api_takes(governance) -> None:
    exported = rulesets(governance, checks=("ci",), lander="app:7")
    for file in exported.files:
        document = json.loads(file.text)
        assert valid(document, "ruleset")
        for one in document["rules"]:
            schema = REST["components"]["schemas"][
                f"repository-rule-{one['type'].replace('_', '-')}"
            ]
            assert set(one) <= set(schema["properties"]), one
            known = schema["properties"].get("parameters", {}).get("properties", {})
            assert set(one.get("parameters", {})) <= set(known), one


def test_a_ruleset_that_the_api_would_refuse_is_seen() -> None:
    document = ruleset(rulesets(OURS), "pushes")
    document["rules"].append({"type": "max_file_size", "parameters": {"max_file_size": 0}})
    with pytest.raises(Exception, match="not valid under any of the given schemas"):
        valid(document, "ruleset")


def test_nobody_rewrites_history_and_only_the_lander_pushes_past_a_pull_request() -> None:
    exported = rulesets(OURS, lander="user:31")
    assert ruleset(exported, "history")["bypass_actors"] == []
    assert {one["type"] for one in ruleset(exported, "history")["rules"]} == {
        "non_fast_forward",
        "deletion",
    }
    always = [
        one
        for one in ruleset(exported, "default-branch")["bypass_actors"]
        if one["bypass_mode"] == "always"
    ]
    assert always == [{"actor_id": 31, "actor_type": "User", "bypass_mode": "always"}]
    assert not any("landing" in left.what for left in exported.left)
    assert any("landing" in left.what for left in rulesets(OURS).left)


def test_the_branch_with_the_state_is_the_landers_alone() -> None:
    state = ruleset(rulesets(OURS, lander="app:7"), "state")
    assert state["conditions"]["ref_name"] == {"include": [f"refs/heads/{BRANCH}"], "exclude": []}
    assert [one["type"] for one in state["rules"]] == ["creation", "update", "deletion"]
    assert [one["actor_id"] for one in state["bypass_actors"]] == [7]
    names = [Path(file.path).stem for file in rulesets(OURS).files]
    assert "state" not in names, "without a lander nobody at all could write it"


@pytest.mark.parametrize("lander", ["7", "app:", "app:0", "team:7", "app:7 ", "user:x"])
def test_a_lander_is_an_app_or_a_user_by_number(lander) -> None:
    with pytest.raises(ConfigError, match="lands-as"):
        rulesets(OURS, lander=lander)


def test_checks_that_rules_require_are_required_by_name() -> None:
    governance = policy(
        rule(ChecksGreen(require=("ci", "docs"))),
        rule(ChecksGreen(require=("maybe",)), status=Status.SHADOW),
    )
    required = ruleset(rulesets(governance, checks=("ci", "lint")), "default-branch")["rules"][1][
        "parameters"
    ]
    assert [one["context"] for one in required["required_status_checks"]] == ["ci", "docs", "lint"]


@pytest.mark.parametrize(
    ("rules", "megabytes", "left"),
    [
        ([FileBytes(max=5_000_000)], 5, 0),
        ([FileBytes(max=300_000)], 1, 1),
        ([FileBytes(max=1_000_001)], 2, 1),
        ([FileBytes(max=9_000_000), FileBytes(max=4_000_000)], 4, 0),
        ([FileBytes(max=5_000_000, exclude=("a",))], None, 1),
        ([FileBytes(max=200_000_000)], None, 1),
        ([FileBytes(max=0)], 1, 0),
        ([], None, 0),
    ],
)
def test_the_size_of_a_file_is_never_limited_below_the_rules(rules, megabytes, left) -> None:
    exported = rulesets(
        policy(*(rule(check, id=f"F-{number}") for number, check in enumerate(rules)))
    )
    found = [
        json.loads(file.text)["rules"]
        for file in exported.files
        if file.path.endswith("pushes.json")
    ]
    assert found == (
        [[{"type": "max_file_size", "parameters": {"max_file_size": megabytes}}]]
        if megabytes
        else []
    )
    assert len([one for one in exported.left if "bytes in a file" in one.what]) == left


def test_paths_beyond_the_forges_limit_are_left_out_and_named() -> None:
    many, long = Paths(deny=tuple(f"/p{number}" for number in range(120))), Paths(deny=("x" * 201,))
    exported = rulesets(policy(rule(many), rule(long, id="F-Y")))
    assert (
        len(ruleset(exported, "pushes")["rules"][0]["parameters"]["restricted_file_paths"]) == 200
    )
    assert left_globs(exported) == {*(f"/p{number}" for number in range(100, 120)), "x" * 201}


@pytest.mark.parametrize("scope", [OURS.scope, ()], ids=["ours", "none"])
def test_the_forms_are_valid_and_their_labels_exist(scope) -> None:
    forms = {
        file.path.rpartition("/")[2]: yaml.safe_load(file.text) for file in issue_forms(scope).files
    }
    for name, schema in (("bug.yml", "forms"), ("feature.yml", "forms"), ("config.yml", "config")):
        Draft7Validator(json.loads((SCHEMAS / f"github-issue-{schema}.json").read_text())).validate(
            forms[name]
        )
    known = {label["name"] for label in json.loads(labels(()).files[0].text)}
    assert {*forms["bug.yml"]["labels"], *forms["feature.yml"]["labels"]} <= known


@settings(max_examples=share(100), deadline=None)
@given(title=st.text(min_size=1), reply=st.text())
def test_a_feature_form_shows_what_is_left_out_word_for_word(title, reply) -> None:
    scope = (entry(title, reply), entry("wanted", "yes", ScopeKind.IN))
    form = next(file.text for file in issue_forms(scope).files if file.path.endswith("feature.yml"))
    shown = yaml.safe_load(form)["body"][0]["attributes"]["value"]
    assert " ".join(title.split()) in shown
    assert " ".join(reply.split()) in shown
    assert "wanted" not in shown


def test_every_label_of_the_factory_has_a_colour_and_words_of_its_own() -> None:
    found = json.loads(labels(ALL_LABELS).files[0].text)
    assert {label["name"] for label in found} == {*ALL_LABELS, "bug", "enhancement"}
    for label in found:
        assert valid(label, "label")
        assert re.fullmatch("[0-9a-f]{6}", label["color"])
        assert 0 < len(label["description"]) <= 100, label
    assert len({label["color"] for label in found}) == len(found)


def test_a_label_that_nobody_described_is_exported_all_the_same() -> None:
    assert {"name": "factory:new", "color": "ededed", "description": ""} in json.loads(
        labels(("factory:new",)).files[0].text
    )
