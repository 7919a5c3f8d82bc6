"""Slash commands as text and as a table: what is one, and who may give it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.issue import Permission
from harness.factory.reporting.comments.replies import who_may
from harness.factory.reporting.slash_commands import COMMANDS, ParsedCommand, commands_in, may_give

DOCS = Path(__file__).parents[3] / "docs" / "user.md"

HEARD = {
    "/factory retry": [("retry", "")],
    "/factory": [("help", "")],
    "  /FACTORY Retry now, please": [("retry", "now, please")],
    "Thank you.\n\n/factory hold\n/factory why": [("hold", ""), ("why", "")],
    "/factory approve  0123456789ab ": [("approve", "0123456789ab")],
    "/factory fly": [("fly", "")],
    "/factory revise Call it\nplaces.\n> no\n\n/factory why\nThanks": [
        ("revise", "Call it\nplaces."),
        ("why", ""),
    ],
    "> somebody wrote this\n\n/factory retry": [("retry", "")],
    "```\nquoted code\n```\n/factory retry": [("retry", "")],
}
NOT_HEARD = [
    "",
    "retry",
    "please /factory retry",
    "/factoryretry",
    "`/factory retry`",
    "- /factory retry",
    "# /factory retry",
    "> /factory retry",
    "> somebody wrote this\n/factory retry",
    ">> /factory retry",
    "```\n/factory retry\n```",
    "~~~~\n```\n/factory retry\n~~~~",
    "````\n```\n/factory retry\n````",
    "```\n/factory retry",
    "    /factory retry",
    "\t/factory retry",
    "<!--\n/factory retry\n-->",
    "<!-- /factory retry -->",
    "<details>\n\n/factory retry\n\n</details>",
    "<pre>\n/factory retry\n</pre>",
    "<blockquote>\n\n/factory retry\n</blockquote>",
    "/fac\u200btory retry",
    "/fаctory retry",
]


@pytest.mark.parametrize("body", HEARD)
def test_a_command_stands_on_a_line_of_its_own(body) -> None:
    assert commands_in(body) == tuple(
        ParsedCommand(word, argument) for word, argument in HEARD[body]
    )


@pytest.mark.parametrize("body", NOT_HEARD)
def test_what_is_quoted_hidden_or_code_is_no_command(body) -> None:
    assert commands_in(body) == ()


def test_only_the_first_few_of_a_comment_are_heard() -> None:
    assert len(commands_in("/factory why\n" * 40)) == 5


@given(st.text(max_size=300))
def test_nothing_that_is_quoted_is_ever_a_command(text) -> None:
    quoted = "\n".join(f"> {line}" for line in f"{text}\n/factory retry".splitlines())
    assert commands_in(quoted) == ()


NOBODY, FILER, TRIAGE, WRITE, MAINTAIN, ADMIN = (
    "nobody",
    "filer",
    "triage",
    "write",
    "maintain",
    "admin",
)
WHO = {
    "help": {NOBODY, FILER, TRIAGE, WRITE, MAINTAIN, ADMIN},
    "why": {NOBODY, FILER, TRIAGE, WRITE, MAINTAIN, ADMIN},
    "rules": {NOBODY, FILER, TRIAGE, WRITE, MAINTAIN, ADMIN},
    "cost": {NOBODY, FILER, TRIAGE, WRITE, MAINTAIN, ADMIN},
    "appeal": {FILER, TRIAGE, WRITE, MAINTAIN, ADMIN},
    "hold": {TRIAGE, WRITE, MAINTAIN, ADMIN},
    "resume": {WRITE, MAINTAIN, ADMIN},
    "retry": {WRITE, MAINTAIN, ADMIN},
    "revise": {WRITE, MAINTAIN, ADMIN},
    "stop": {WRITE, MAINTAIN, ADMIN},
    "approve": {MAINTAIN, ADMIN},
}
ROLES = {
    NOBODY: (Permission.READ, False),
    FILER: (Permission.READ, True),
    TRIAGE: (Permission.TRIAGE, False),
    WRITE: (Permission.WRITE, False),
    MAINTAIN: (Permission.MAINTAIN, False),
    ADMIN: (Permission.ADMIN, False),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("word", COMMANDS)
def test_who_may_give_what(word, role) -> None:
    permission, is_filer = ROLES[role]
    assert may_give(COMMANDS[word], permission, is_filer=is_filer) is (role in WHO[word])


def test_every_command_has_its_line_in_the_table_of_rights_and_in_the_documents() -> None:
    assert set(WHO) == set(COMMANDS)
    lines = DOCS.read_text("utf-8").splitlines()
    for command in COMMANDS.values():
        assert f"| `{command.shown}` | {command.does} | {who_may(command)} |" in lines
