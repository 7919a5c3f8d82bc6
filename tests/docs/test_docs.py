"""Pages fail the build when they lie: what they name exists, what they link to is there, what they
tell to type parses."""

import json
import re
import tomllib
from urllib.parse import unquote

import click
import pytest

from harness.domain.budget import Caps
from harness.factory.settings.tables import read
from harness.home.document import HomeFile, write_home
from tests.docs.pages import (
    PAGES,
    ROOT,
    anchors,
    blocks,
    code_spans,
    commands,
    links,
    mentions,
    simple_commands,
)
from tests.docs.program import refuse_unknown

PATH = re.compile(r"(?:\.ci|bench|docs|examples|harness|tests|validators|workflows)/[\w.*/-]*")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_a_page_exists_and_takes_what_it_is_given(page) -> None:
    told = [(command, True) for command in commands(page)] + [
        (command, False) for command in mentions(page)
    ]
    for command, whole in told:
        try:
            refuse_unknown(command, whole=whole)
        except (click.UsageError, LookupError) as error:
            pytest.fail(f"{page}: `{' '.join(command)}`: {error}")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_on_a_page_is_there(page) -> None:
    named = {span for span in code_spans(page) if PATH.fullmatch(span)}
    assert {path for path in named if not list(ROOT.glob(path.rstrip("/")))} == set()


def test_every_test_that_sees_a_guard_is_there() -> None:
    named = re.findall(
        r"([\w/]+\.py)::(test_\w+)", (ROOT / "tests" / "guards.md").read_text("utf-8")
    )
    texts = {file: (ROOT / "tests" / file).read_text("utf-8") for file, _ in named}
    assert len(named) > 100
    assert [(file, name) for file, name in named if f"def {name}(" not in texts[file]] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_on_a_page_leads_somewhere(page) -> None:
    folder = (ROOT / page).parent
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (folder / path).resolve() if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target.relative_to(ROOT).as_posix()), f"{page}: {link}"


@pytest.mark.parametrize("page", PAGES)
def test_a_block_says_what_language_it_is_in(page) -> None:
    """An unknown word after a fence would be a block that no test looks at."""
    known = {
        "",
        "sh",
        "sh run",
        "console",
        "text",
        "yaml",
        "yaml rule",
        "yaml scope",
        "toml",
        "json",
        "markdown",
        "ini",
    }
    assert {block.info for block in blocks(page)} <= known


def test_the_caps_on_a_page_are_the_defaults() -> None:
    (shown,) = (
        block.text for block in blocks("docs/operator.md") if block.text.startswith("[budget]")
    )
    assert read(Caps, tomllib.loads(shown)["budget"], "budget") == Caps()


def test_every_key_of_a_home_is_on_the_page_with_its_default(tmp_path) -> None:
    write_home(tmp_path, HomeFile("ana", "walks", "embedded", 0, 1, "token"))
    written = json.loads((tmp_path / "home.json").read_text())
    needed = {"owner", "name", "forge", "port", "number", "token_file"}
    _, _, section = (ROOT / "docs/operator.md").read_text("utf-8").partition("\n## The file home")
    shown = {}
    for line in section.partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if line.startswith("| `"):
            shown |= dict.fromkeys(re.findall(r"`(\w+)`", cells[1]), cells[2].strip("`"))
    assert shown == {
        key: "needed" if key in needed else json.dumps(value) for key, value in written.items()
    }


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("factory frobnicate", "No such command"),
        ("factory tick --jsno", "No such option"),
        ("factory why", "Missing"),
        ("factory why seven", "expected an issue's number"),
        ("factory rules lint a b", "does not take b"),
        ("factory rules polish", "polish"),
        ("FACTORY_HOME=/srv/x .venv/bin/factory completion tcsh", "tcsh"),
        ("python -m harness statsu", "No such command"),
        ("python -m validators.nothing", "no program"),
        ("python bench/none.py", "no file"),
        ("echo yes | make frobnicate", "no target"),
    ],
)
def test_a_lie_is_found(command, says) -> None:
    lie = tuple(simple_commands(command))[-1]
    with pytest.raises((click.UsageError, LookupError), match=says):
        refuse_unknown(lie)


@pytest.mark.parametrize(
    "command",
    [
        "$ factory why ISSUE",
        "factory why 2 --json | jq .outcome",
        "factory logs [RUN]  # one, node by node",
        "cd x && make test",
    ],
)
def test_what_is_true_passes(command) -> None:
    for simple in simple_commands(command):
        refuse_unknown(simple)
