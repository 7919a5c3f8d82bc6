"""Whatever a repository holds, the drafts are valid by our own reader."""

import json
import re
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.domain.budget import Caps
from harness.domain.governance import Status
from harness.factory.reporting.shown import ALL_LABELS
from harness.factory.settings.config import read_config
from harness.factory.settings.model_config import Models
from harness.governance.export import issue_forms, labels
from harness.onboarding import drafts_of, survey_of
from harness.onboarding.nevers import SEVEN, catalogue, nevers_of
from harness.onboarding.survey import Product, Survey
from tests.onboarding.reading import adopted, governance_of, is_clean
from tests.onboarding.texts import TEXT
from tests.tiers import share

NAMES = st.sampled_from(
    (
        "a.py",
        "src/app.py",
        "a b.py",
        "-x.md",
        "!x.md",
        "[x].py",
        "a**b.py",
        "x*.py",
        "q?.js",
        "ü/ä.py",
        "tests/test_a.py",
        "tests/a'b.py",
        'tests/"q".py',
        "{x}.md",
        "#.md",
        "x/workflows/a.py",
        "F-1/a.py",
        "docs/index.md",
        "LINK.md",
    )
)
GOVERNING = st.sampled_from(
    (
        "mission.md",
        "Factory_Rules.md",
        "CLAUDE.md",
        "AGENTS.md",
        "CONTRIBUTING.md",
        "README.md",
        "package.json",
        "pyproject.toml",
        "Procfile",
        "requirements.txt",
        "app.py",
        "Makefile",
        "Dockerfile",
    )
)
OWN_MISSION = """---
schema: 1
---
# Ferry

## No tickets {#M-FERRY}
The ferry is free.
```yaml scope
id: M-FERRY
kind: out
reply: "The ferry is free: nothing is sold."
```
"""
KINDS = (
    {},
    {"README.md": "# x\n\nA small thing for people.\n"},
    {"a.md": "# prose"},
    {"main.go": "package main"},
)


@settings(max_examples=share(60), deadline=None)
@given(files=st.dictionaries(NAMES | GOVERNING, TEXT, max_size=7))
def test_whatever_the_files_say_the_drafts_are_clean(files) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8", newline="")
        survey = survey_of(folder)
        assume(
            not any(one.binds for one in survey.governing)
        )  # blocks of their own, good or bad, are left alone
        kept = {"CLAUDE.md": b"# Kept\n"} if "CLAUDE.md" in files else {}
        assert is_clean(adopted(survey), [name.encode() for name in files], kept)


@pytest.mark.parametrize("name", ["tidebook", "blog", "express", "library", "handbook"])
def test_the_drafts_of_each_kind_of_repository_are_clean(app, name) -> None:
    folder = app(name)
    paths = [str(path.relative_to(folder)).encode() for path in folder.rglob("*") if path.is_file()]
    drafts = adopted(survey_of(folder))
    assert is_clean(drafts, paths)
    assert set(drafts) == {
        "mission.md",
        "factory_rules.md",
        "CLAUDE.md",
        "factory.toml",
        ".github/ISSUE_TEMPLATE/bug.yml",
        ".github/ISSUE_TEMPLATE/feature.yml",
        ".github/ISSUE_TEMPLATE/config.yml",
    }


@pytest.mark.parametrize("files", KINDS, ids=["nothing", "readme", "prose", "other-language"])
def test_little_is_enough(folder, files) -> None:
    assert is_clean(adopted(survey_of(folder(files))), [name.encode() for name in files])


@pytest.mark.parametrize("product", list(Product))
def test_seven_things_are_proposed_to_every_kind_of_product(product) -> None:
    assert len(nevers_of(Survey("x", product=product))) == SEVEN


def test_each_proposal_has_words_for_whoever_asks_and_an_id_of_its_own() -> None:
    ids = [never.id for never in catalogue()]
    assert len(ids) == len(set(ids))
    for never in catalogue():
        assert never.asks_like, never.id
        assert never.reply.endswith("."), never.id
        assert never.of <= set(Product), never.id


def test_a_shop_gets_no_proposal_against_payments(folder) -> None:
    shop = {
        "requirements.txt": "flask\nstripe\n",
        "app.py": "from flask import Flask\napp = Flask(__name__)\n",
    }
    titles = [never.title for never in nevers_of(survey_of(folder(shop)))]
    assert "No payments" not in titles
    assert "No accounts" in titles


def test_an_address_that_would_read_as_a_rule_is_left_out(folder) -> None:
    app = (
        'from flask import Flask\napp = Flask(__name__)\n@app.route("/M-1/x")\ndef x():'
        ' ...\n@app.get("/MUST")\ndef y(): ...\n'
    )
    drafts = adopted(survey_of(folder({"app.py": app})))
    assert is_clean(drafts, [b"app.py"])


def test_what_is_kept_is_written_and_nothing_else(app) -> None:
    survey = survey_of(app("tidebook"))
    titles = [never.title for never in nevers_of(survey)]
    drafts = adopted(survey, keep=(2, 5))
    scope = governance_of(drafts).scope
    assert [entry.title for entry in scope if entry.kind != "in"] == [titles[1], titles[4]]


def test_a_proposal_that_nobody_kept_is_in_no_file(app) -> None:
    survey = survey_of(app("library"))
    drafts = adopted(survey)
    assert {entry.kind for entry in governance_of(drafts).scope} == {"in"}
    assert is_clean(drafts, [b"src/tally/__init__.py", b"README.md", b"tests/test_tally.py"])
    texts = "".join(draft.text for draft in drafts.values())
    assert not [never.title for never in nevers_of(survey) if never.title in texts]


def test_a_site_gets_no_proposal_against_pages(folder) -> None:
    """Seen on a server with a plugin system that was taken for a command."""
    setup = (
        'from setuptools import setup\nsetup(name="x", install_requires=["uvicorn", "pluggy"])\n'
    )
    survey = survey_of(
        folder({"setup.py": setup, "x/cli.py": 'if __name__ == "__main__":\n    pass\n'})
    )
    titles = {never.title for never in nevers_of(survey)}
    assert titles.isdisjoint({"No graphical interface", "No plugins"})


def test_a_summary_that_cannot_stand_there_is_not_said_to_be_guessed(folder) -> None:
    badges = "# x\n\n[![CI](https://x/y.svg)](https://x)\n"
    (mission,) = (
        one
        for one in drafts_of(survey_of(folder({"README.md": badges})))
        if one.path == "mission.md"
    )
    assert mission.guesses[0].startswith("what the product is: the name alone: README.md has no")


@pytest.mark.parametrize(
    "readme",
    [
        "# x\n\n[![CI](https://x/y.svg)](https://x)\n\n*A tool* for tables and their people.\n",
        "x\n=\n\n.. image:: https://x/y.svg\n\n*A tool* for tables and their people.\n",
    ],
)
def test_the_first_words_of_a_readme_stand_behind_its_badges(readme, folder) -> None:
    name = "README.rst" if ".. " in readme else "README.md"
    drafts = adopted(survey_of(folder({name: readme})))
    assert "*A tool* for tables and their people." in drafts["mission.md"].text
    assert is_clean(drafts, [name.encode()])


def test_the_labels_are_those_that_the_factory_projects(app) -> None:
    drafts = adopted(survey_of(app("blog")), state_labels=ALL_LABELS)
    labels = {label["name"]: label for label in json.loads(drafts[".github/labels.json"].text)}
    assert {name for name in labels if ":" in name} == set(ALL_LABELS)
    for form in ("bug", "feature"):
        document = yaml.safe_load(drafts[f".github/ISSUE_TEMPLATE/{form}.yml"].text)
        assert set(document["labels"]) <= set(labels)
        assert all(
            field["validations"]["required"]
            for field in document["body"]
            if field["type"] != "markdown"
        )


@pytest.mark.parametrize(
    "kept",
    [{}, {"mission.md": OWN_MISSION}, {"mission.md": "# Prose\n\nWe will never sell tickets.\n"}],
    ids=["none", "binding", "prose"],
)
def test_forms_and_labels_are_what_an_export_of_the_drafts_would_be(folder, kept) -> None:
    drafts = adopted(survey_of(folder(kept)), state_labels=ALL_LABELS, keep=(1, 3, 4))
    policy = governance_of(drafts, {name: text.encode() for name, text in kept.items()})
    for file in (*issue_forms(policy.scope).files, *labels(ALL_LABELS).files):
        assert drafts[file.path].text == file.text
    titles = [entry.title for entry in policy.scope if entry.kind == "out"]
    assert titles
    assert all(title in drafts[".github/ISSUE_TEMPLATE/feature.yml"].text for title in titles)


@pytest.mark.parametrize(
    "name", [".github/labels.json", ".github/labels.yml", ".github/labels.yaml"]
)
def test_labels_that_a_repository_keeps_are_left_alone(folder, name) -> None:
    assert ".github/labels.json" not in adopted(
        survey_of(folder({name: "[]"})), state_labels=ALL_LABELS
    )


def test_a_key_is_pinned_where_there_is_one(app) -> None:
    survey = survey_of(app("library"))
    assert read_config(adopted(survey)["factory.toml"].text).seal.trusted_keys == ()
    assert read_config(
        adopted(survey, trusted_keys=["ab12"])["factory.toml"].text
    ).seal.trusted_keys == ("ab12",)


def test_without_tests_the_rule_that_keeps_them_is_in_shadow(app) -> None:
    assert (
        governance_of(adopted(survey_of(app("handbook")))).rule("F-TESTS").status is Status.SHADOW
    )
    assert governance_of(adopted(survey_of(app("blog")))).rule("F-TESTS").status is Status.ENFORCE


def test_no_cap_drafted_allows_more_than_holds_without_a_draft(app) -> None:
    drafted = asdict(read_config(adopted(survey_of(app("blog")))["factory.toml"].text).caps)
    usual = asdict(Caps())
    assert {name for name, cap in drafted.items() if cap > usual[name]} == set()
    assert drafted["usd_per_day"] == usual["usd_per_day"], "one number, wherever it is shown"


def test_what_is_off_is_drafted_as_comments_that_can_be_taken_away(app) -> None:
    """Each line beside its cost; a name that the reader does not know would mislead."""
    text = adopted(survey_of(app("blog")))["factory.toml"].text
    assert read_config(text).models == Models()
    off = text[text.index("# What exists and is off") : text.index("[budget]")]
    keys = re.findall(r"^# (\[?\w+\]?(?: = .+)?)$", off, re.MULTILINE)
    config = read_config(text.replace(off, "\n".join(keys) + "\n"))
    assert (len(config.models.implementer), len(config.models.reviewer)) == (2, 1)
    assert config.models.diagnoser
    assert config.models.planner
    assert config.review.lenses
    assert len(re.findall(r"\$\d+\.\d\d", off)) == 4


def test_what_binds_already_is_left_alone(folder) -> None:
    mission = "---\nschema: 1\n---\n# M {#M-A}\nx\n```yaml scope\nid: M-A\nkind: in\n```\n"
    governed = {"mission.md": mission, "CLAUDE.md": "# Code\n"}
    paths = {draft.path for draft in drafts_of(survey_of(folder(governed)))}
    assert not {"mission.md", "mission.draft.md", "CLAUDE.md"} & paths
    assert "factory_rules.md" in paths


def test_drafts_depend_on_the_survey_alone(app) -> None:
    survey = survey_of(app("express"))
    assert drafts_of(survey) == drafts_of(survey)
