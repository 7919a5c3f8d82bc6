"""`factory workflow` on the command line: a working copy, a home at its base, and every kind of
wrong."""

import shutil
from pathlib import Path

import pytest

from harness.home.document import HomeFile, write_home
from tests import warm
from tests.scenarios.conftest import environment, factory
from tests.scenarios.waiting import LONG

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "workflows"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "nobody"


@pytest.fixture
def library(tmp_path):
    return shutil.copytree(EXAMPLES / "library", tmp_path / "library")


@pytest.mark.parametrize("name", ["docs", "library", "two-services"])
def test_an_example_is_clean(home, name) -> None:
    said = factory(home, "workflow", "check", str(EXAMPLES / name))
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("clean: workflows/")
    assert factory(home, "workflow", "check", str(EXAMPLES / name), "--json").json["ok"] is True


def test_every_problem_is_named_with_its_file_and_line_and_the_exit_code_shows_that_there_are_some(
    home, library
) -> None:
    (library / "workflows" / "validate.yaml").write_text(
        "name: validate\nnodes:\n  - {id: candidate, use: validate.candidat}\n  - {id: lint, run:"
        " lint, needs: [candidate]}\n"
    )
    (library / "workflows" / "merge.yml").write_text("name: merge\n")
    said = factory(home, "workflow", "check", str(library))
    assert said.code == 1
    assert said.out.splitlines() == [
        "workflows/merge.yml: is no workflow of the factory; did you mean `workflows/merge.yaml`?",
        (
            "workflows/validate.yaml:3: `use`: there is no action `validate.candidat`; did you mean"
            " `validate.candidate`?"
        ),
        "workflows/validate.yaml:4: `run`: there is no command `lint`; known: tests",
        "3 problems",
    ]
    problems = factory(home, "workflow", "check", str(library), "--json").json["problems"]
    assert [(problem["file"], problem["line"], problem["key"]) for problem in problems] == [
        ("workflows/merge.yml", None, None),
        ("workflows/validate.yaml", 3, "use"),
        ("workflows/validate.yaml", 4, "run"),
    ]


def test_a_folder_without_workflows_is_bound_by_the_built_in_ones(home, tmp_path) -> None:
    said = factory(home, "workflow", "check", str(tmp_path))
    assert (said.code, said.out) == (
        0,
        "clean: no workflow of its own, the built-in ones are in force\n",
    )
    shown = factory(home, "workflow", "show", "--path", str(tmp_path), "--json").json
    assert {one["own"] for one in shown["documents"]} == {False}
    assert shown["digest"] is None


def test_what_binds_is_shown_with_whose_it_is(home, library) -> None:
    said = factory(home, "workflow", "show", "--path", str(library))
    lines = {line.split()[0]: line for line in said.out.splitlines()[1:]}
    assert "its own" in lines["validate"]
    assert "built in" in lines["triage"]
    text = factory(home, "workflow", "show", "validate", "--path", str(library))
    assert text.out == (library / "workflows" / "validate.yaml").read_text("utf-8")
    prompt = factory(
        home, "workflow", "show", "triage.md.j2", "--path", str(library), "--json"
    ).json
    assert prompt["text"] == (ROOT / "workflows" / "prompts" / "triage.md.j2").read_text("utf-8")


def test_without_a_home_the_current_folder_is_looked_at(home, library) -> None:
    asked = ("workflow", "show", "--json")
    done = warm.run(asked, cwd=library, env=environment(home), timeout=LONG)
    assert done.returncode == 0, done.stderr
    assert '"own": true' in done.stdout
    assert not home.exists()


@pytest.mark.parametrize(
    ("form", "begins"),
    [("text", "validate\n"), ("mermaid", "---\ntitle: validate\n"), ("dot", "digraph")],
)
def test_a_picture_is_drawn_in_every_form(home, library, form, begins) -> None:
    said = factory(home, "workflow", "graph", "validate", "--path", str(library), "--format", form)
    assert said.code == 0
    assert said.out.startswith(begins)
    assert "use validate.hand_over" in said.out
    assert "triage" not in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "validat"), "there is no such workflow; did you mean `validate`?"),
        (("graph", "implment"), "did you mean `implement`?"),
        (("graph", "--format", "svg"), "'svg' is not one of"),
        (("check", "nowhere"), "does not exist"),
    ],
)
def test_wrong_input_is_one_clear_line_and_exit_code_2(home, arguments, message) -> None:
    said = factory(home, "workflow", *arguments)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err


def test_what_cannot_be_obeyed_is_not_drawn(home, library) -> None:
    (library / "workflows" / "validate.yaml").write_text(
        "name: validate\nnodes: [{id: a, use: validate.candidate}]\n"
    )
    said = factory(home, "workflow", "graph", "--path", str(library))
    assert said.code == 2
    assert said.err.startswith(
        "factory: workflows/validate.yaml:2: `nodes`: has no `gate: candidate-law`"
    )


def test_at_a_home_the_base_is_shown_with_the_digest_that_the_ledger_has(copy) -> None:
    shown = factory(copy, "workflow", "show", "--json").json
    assert shown["where"].startswith("base ")
    assert {one["own"] for one in shown["documents"]} == {False}
    assert shown["digest"].startswith("sha256:")
    why = factory(copy, "why", "1", "--json").json
    assert shown["digest"] in {step["rules"] for step in why["chain"]}


def test_a_home_that_fetched_no_branch_says_what_does(home) -> None:
    write_home(home, HomeFile("tidehouse", "seaside", "embedded", 0, 1, "token"))
    said = factory(home, "workflow", "show")
    assert (said.code, said.err) == (5, "factory: no branch was fetched yet; `factory tick` does\n")
