"""Prose that binds, read honestly: what fits a check becomes a rule in shadow with its sentence,
the rest is listed."""

import pytest

from harness.domain.governance import Status
from harness.governance.checks.paths import Paths
from harness.governance.checks.size import ChangedLines
from harness.onboarding import drafts_of, survey_of
from harness.onboarding.clauses import clauses_in
from harness.onboarding.rules import unchecked_in
from tests.onboarding.reading import adopted, governance_of, is_clean

FILES = ("src/app.py", "migrations/1.sql", "tests/test_a.py", "poetry.lock", "setup.cfg")
CONTRIBUTING = """# Contributing

## Pull requests

Keep pull requests small: at most 500 lines. A change touches no more than five files.
Never edit `migrations/` or setup.cfg, they are for maintainers.

- Do not add new dependencies.
- Every bug fix must come with a test.
- Never commit secrets.
- Functions should be at most 40 lines.
- Do not delete tests.

Always be kind.

    Never edit src/app.py in a code sample.

<!-- Never edit src/app.py in a comment. -->
"""
MISSION = """# The ferry

It tells when the next ferry leaves. It will never sell tickets.

## Non-goals

- Weather forecasts
- A mobile app

## Care

Times must be right.
"""


def kinds(sentence, *, heading="Pull requests", is_mission=False):
    text = f"# {heading}\n\n{sentence}\n"
    return [
        (str(clause.kind), clause.values)
        for clause in clauses_in("x.md", text, files=FILES, is_mission=is_mission)
    ]


@pytest.fixture
def governed(folder):
    return folder(
        {
            "CONTRIBUTING.md": CONTRIBUTING,
            "mission.md": MISSION,
            "README.md": "# Ferry\n\nWhen does the ferry leave?\n",
            **dict.fromkeys(FILES, ""),
        }
    )


@pytest.mark.parametrize(
    ("sentence", "kind", "values"),
    [
        ("A pull request changes at most 500 lines.", "changed_lines", ("500",)),
        ("PRs of more than 1,000 lines are closed.", "changed_lines", ("1000",)),
        ("Keep it under three hundred.", None, ()),
        ("A change has 400 lines or less.", "changed_lines", ("400",)),
        ("There is a 300-line cap on changes.", "changed_lines", ("300",)),
        ("Touch max 3 files.", "files", ("3",)),
        ("The bot gets up to two attempts.", "attempts", ("2",)),
        ("An issue may cost at most $5.", "spend_usd", ("5",)),
        ("Functions must be at most 50 lines.", "unchecked", ()),
        ("Commit messages have at most 3 lines.", "unchecked", ()),
        ("Do not touch `src/app.py`.", "paths", ("src/app.py",)),
        ("The folder migrations/ is off limits.", "paths", ("migrations/**",)),
        ("Never change *.lock files, nor setup.cfg.", "paths", ("*.lock", "setup.cfg")),
        ("Never edit `nowhere.py`.", "unchecked", ()),
        ("Please edit `src/app.py`.", None, ()),
        ("Don't introduce third-party packages.", "dependencies", ()),
        ("Do not commit passwords.", "secrets", ()),
        ("You must not skip tests.", "tests_kept", ()),
        ("Every fix needs a regression test.", "require", ("bug",)),
        ("All features must have tests.", "require", ("any",)),
        ("We like tea.", None, ()),
        ("Reviews must be friendly.", "unchecked", ()),
    ],
)
def test_a_sentence_becomes_the_clause_it_states(sentence, kind, values) -> None:
    assert kinds(sentence) == ([(kind, values)] if kind else [])


def test_an_item_below_a_heading_that_protects_is_read_as_a_path() -> None:
    assert kinds("- `migrations/` and setup.cfg", heading="Protected files") == [
        ("paths", ("migrations/**", "setup.cfg"))
    ]
    assert kinds("- `setup.cfg` is not protected", heading="Protected files") == []
    assert kinds("- `setup.cfg`", heading="Layout") == []


def test_a_number_that_speaks_of_something_else_limits_nothing() -> None:
    assert kinds("Lines have at most 100 lines.", heading="Style") == [("unchecked", ())]


@pytest.mark.parametrize(
    ("sentence", "heading", "what"),
    [
        ("It will never sell tickets.", "About", "sell tickets"),
        ("We don't accept payments.", "About", "payments"),
        ("A mobile app", "Non-goals", "mobile app"),
        ("Weather forecasts", "What this is not", "Weather forecasts"),
        ("No accounts.", "About", "accounts"),
        ("Multi-tenancy", "Out of scope", "Multi-tenancy"),
        ("It tells the time.", "About", None),
    ],
)
def test_what_a_mission_rules_out(sentence, heading, what) -> None:
    found = kinds(sentence, heading=heading, is_mission=True)
    assert found == ([("out", (what,))] if what else [])


def test_each_rule_out_of_prose_is_in_shadow_and_quotes_its_sentence_with_its_place(
    governed,
) -> None:
    drafts = adopted(survey_of(governed))
    rules = {rule.id: rule for rule in governance_of(drafts).rules}
    assert (rules["F-SIZE"].check, rules["F-SIZE"].status) == (ChangedLines(max=500), Status.SHADOW)
    assert (
        "“Keep pull requests small: at most 500 lines.” (CONTRIBUTING.md:5)"
        in rules["F-SIZE"].prose
    )
    assert (rules["F-FILES"].check.max, rules["F-FILES"].status) == (5, Status.SHADOW)
    assert (rules["F-KEEP-1"].check, rules["F-KEEP-1"].status) == (
        Paths(deny=("migrations/**", "setup.cfg")),
        Status.SHADOW,
    )
    assert "(CONTRIBUTING.md:6)" in rules["F-KEEP-1"].prose
    assert rules["F-REGRESSION"].check == Paths(require=("tests/**",))
    assert rules["F-REGRESSION"].status is Status.SHADOW
    assert "Every bug fix must come with a test." in rules["F-REGRESSION"].prose
    assert "“Do not add new dependencies.” (CONTRIBUTING.md:8)" in rules["F-DEPS"].prose


def test_the_basic_rules_hold_whatever_the_prose_states(governed) -> None:
    rules = governance_of(adopted(survey_of(governed)))
    assert {
        rules.rule(name).status
        for name in ("F-PATHS", "F-DEPS", "F-SECRETS", "F-TESTS", "LAW-MODES")
    } == {Status.ENFORCE}


def test_what_no_check_holds_is_listed_and_not_dropped(governed) -> None:
    survey = survey_of(governed)
    assert [(clause.place, clause.quote) for clause in unchecked_in(survey)] == [
        ("mission.md:12", "Times must be right."),
        ("CONTRIBUTING.md:11", "Functions should be at most 40 lines."),
        ("CONTRIBUTING.md:14", "Always be kind."),
    ]
    text = adopted(survey)["factory_rules.md"].text
    assert "- CONTRIBUTING.md:14: “Always be kind.”" in text
    assert (
        "- CONTRIBUTING.md:11\n" in text
    )  # its number would read as a limit, so only its place stands there
    guesses = "\n".join(guess for draft in drafts_of(survey) for guess in draft.guesses)
    assert "no check: CONTRIBUTING.md:11 reads “Functions should be at most 40 lines.”" in guesses


def test_no_code_sample_and_no_comment_binds(governed) -> None:
    assert "src/app.py" not in {
        value for clause in survey_of(governed).clauses for value in clause.values
    }


def test_a_mission_in_prose_is_drafted_beside_itself_with_what_it_rules_out_first(governed) -> None:
    drafts = {draft.path: draft for draft in drafts_of(survey_of(governed))}
    assert "mission.md" not in drafts
    text = drafts["mission.draft.md"].text
    assert "git mv -f mission.draft.md mission.md" in text
    scope = governance_of(adopted(survey_of(governed))).scope
    ruled_out = [entry.title for entry in scope if entry.kind == "out"]
    assert ruled_out == ["Not sell tickets", "Not Weather forecasts", "Not mobile app"]
    assert "The repository states this itself, at mission.md:3." in text


def test_what_is_drafted_out_of_prose_is_clean(governed) -> None:
    paths = [
        str(path.relative_to(governed)).encode() for path in governed.rglob("*") if path.is_file()
    ]
    assert is_clean(adopted(survey_of(governed)), paths)


def test_of_two_numbers_the_stricter_is_taken_and_the_other_is_listed(folder) -> None:
    survey = survey_of(
        folder(
            {
                "CLAUDE.md": "PRs have at most 300 lines.\n",
                "AGENTS.md": "PRs have at most 200 lines.\n",
            }
        )
    )
    drafts = adopted(survey)
    assert governance_of(drafts, {"CLAUDE.md": b"# x\n"}).rule("F-SIZE").check == ChangedLines(
        max=200
    )
    assert [clause.place for clause in unchecked_in(survey)] == ["CLAUDE.md:1"]


def test_a_hostile_paragraph_costs_no_time(folder) -> None:
    text = "# Pull requests\n\n" + "no " * 60_000 + "\n\n" + "never `a` " * 20_000
    assert survey_of(folder({"CONTRIBUTING.md": text})) is not None
