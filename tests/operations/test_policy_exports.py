"""`factory rules export` and `import` as they are typed: what is written, what drifts, what is
refused."""

import json
import re
import shutil
from pathlib import Path

import pytest

from harness.cli.main import run
from harness.cli.rules import export as rules_export
from harness.onboarding.contradictions import ContradictionKind
from harness.operations.setup.policy_exports import FORMATS

ROOT = Path(__file__).resolve().parents[2]
PROSE = ROOT / "tests" / "onboarding" / "public-factory-prose"
PAGE = (ROOT / "docs" / "maintainer.md").read_text()


@pytest.fixture
def folder(tmp_path):
    """The policy of Tidebook, by itself, with somebody who owns it."""
    for name in ("mission.md", "factory_rules.md", "CLAUDE.md"):
        shutil.copy(ROOT / "examples" / "tidebook" / name, tmp_path)
    rules = tmp_path / "factory_rules.md"
    rules.write_text(
        rules.read_text().replace("default: allow", 'default: allow\nowners: ["@mara"]')
    )
    return tmp_path


@pytest.fixture
def export(folder, capsys):
    def typed(*words):
        code = run(["rules", "export", words[0], str(folder), *words[1:]])
        return code, *capsys.readouterr()

    return typed


@pytest.mark.parametrize("format_", rules_export.FORMATS)
def test_what_is_written_does_not_differ_until_it_is_edited(export, folder, format_) -> None:
    assert export(format_, "--check")[0] == 1
    code, out, _ = export(format_, "--out", str(folder))
    wrote = re.findall(r"^wrote  (.+)$", out, re.MULTILINE)
    assert (code, bool(wrote)) == (0, True)
    assert export(format_, "--check")[:2] == (0, "nothing differs\n")
    assert "wrote" not in export(format_, "--out", str(folder))[1]
    (folder / wrote[-1]).write_text("edited by hand\n")
    code, out, _ = export(format_, "--check")
    assert (code, out.startswith(f"{wrote[-1]} differs from the governance files")) == (1, True)


def test_an_edit_of_the_policy_is_a_drift_of_what_was_exported(export, folder) -> None:
    export("codeowners", "--out", str(folder))
    rules = folder / "factory_rules.md"
    rules.write_text(
        rules.read_text().replace('allow: ["tidebook/**", "tests/**"]', 'allow: ["tidebook/**"]')
    )
    assert export("codeowners", "--check")[0] == 1


def test_a_check_writes_nothing(export, folder) -> None:
    before = sorted(folder.rglob("*"))
    export("labels", "--check")
    export("ruleset")
    assert sorted(folder.rglob("*")) == before


def test_owners_are_those_of_the_front_matter_unless_others_are_named(export) -> None:
    assert "/factory.toml @mara\n" in export("codeowners")[1]
    assert (
        "/factory.toml @jo @x/rules\n"
        in export("codeowners", "--owner", "@jo", "--owner", "@x/rules")[1]
    )


def test_what_is_not_exported_is_reported_apart(export) -> None:
    _, out, err = export("ruleset")
    assert "not exported: F-PATHS: that all other paths are protected" in err
    assert "not said" not in out
    document = json.loads(export("ruleset", "--json")[1])
    assert {left["rule"] for left in document["left"]} == {"", "F-PATHS", "LAW-PROTECTED"}
    restricted = str(document["files"])
    assert "Makefile" not in restricted  # a push ruleset stops people, too
    assert "mission.md" in restricted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("codeowners", "--owner", "mara"), "expected `@name`"),
        (("ruleset", "--lands-as", "me"), "expected `app:ID`"),
        (("labels", "--check", "--out", "."), "give one of the two"),
        (("gitlab",), "is not one of"),
    ],
)
def test_what_cannot_be_exported_is_refused(export, words, message) -> None:
    code, _, err = export(*words)
    assert (code, message in err) == (2, True)


def test_nobody_owns_what_has_no_owner(export, folder) -> None:
    rules = folder / "factory_rules.md"
    rules.write_text(rules.read_text().replace('owners: ["@mara"]\n', ""))
    code, _, err = export("codeowners")
    assert (code, "give --owner @name" in err) == (2, True)


def test_nothing_is_written_through_a_link(export, folder, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (folder / ".github").symlink_to(outside)
    code, _, err = export("labels", "--out", str(folder))
    assert (code, "a link is in the way" in err, list(outside.iterdir())) == (2, True, [])


def test_the_formats_that_can_be_typed_are_those_that_there_are() -> None:
    assert set(rules_export.FORMATS) == set(FORMATS)
    rows = PAGE.split("## Export")[1].split("\n## ")[0]
    assert set(re.findall(r"^- `([\w-]+)`: ", rows, re.MULTILINE)) == set(FORMATS)


def test_the_page_has_every_kind_of_contradiction() -> None:
    rows = PAGE.split("## Import")[1].split("\n## ")[0]
    assert re.findall(r"^- `([\w-]+)`: ", rows, re.MULTILINE) == [
        kind.value for kind in ContradictionKind
    ]


def test_prose_is_reported_with_what_contradicts_it(capsys) -> None:
    assert run(["rules", "import", str(PROSE)]) == 1
    out = capsys.readouterr().out
    assert (
        'F-KEEP-2 {paths: {deny: ["app/auth/**"]}}, because of FACTORY_RULES.md:42: “`app/auth/`”'
        in out
    )
    assert (
        "CLAUDE.md:5 “An issue gets at most two attempts.”: the limit is 2 attempts here and 3"
        " there" in out
    )
    assert out.endswith("9 contradictions\n")
    assert run(["rules", "import", str(PROSE), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["contradictions"]
    assert {one["kind"] for one in found} == set(ContradictionKind)
    assert found[-1]["there"] == {
        "file": "MISSION.md",
        "line": 21,
        "quote": "An issue gets at most 3 attempts, and then the label `factory:needs-human`.",
    }


def test_lint_tells_the_contradictions_of_prose(folder, capsys) -> None:
    def reported():
        run(["rules", "lint", str(folder), "--json"])
        found = json.loads(capsys.readouterr().out)["findings"]
        return [
            (one["file"], one["line"], one["code"])
            for one in found
            if one["code"] in set(ContradictionKind)
        ]

    assert reported() == []
    (folder / "AGENTS.md").write_text(
        "# Agents\n\nA change has at most 900 lines.\n\nNever edit `tidebook/gone.py`.\n"
    )
    (folder / "CONTRIBUTING.md").write_text("A pull request has at most 700 lines.\n")
    assert run(["rules", "lint", str(folder)]) == 1
    capsys.readouterr()
    assert reported() == [
        ("AGENTS.md", 3, "limits-differ"),
        ("AGENTS.md", 5, "path-missing"),
        ("CONTRIBUTING.md", 1, "limits-differ"),
    ]
