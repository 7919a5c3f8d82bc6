"""What a stranger may push or write costs a bounded time and a bounded room, whatever it holds:
each reader is given inputs that were once dear, at a length and at twice that length.

Processor seconds of this thread are measured, not seconds of a clock, and the bound is far above
what is needed: a reader whose time grows with the square of its input took minutes on each of
these."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import ParseError

import pytest

from harness.domain.errors import FactoryError, GitError, GovernanceError
from harness.domain.governance import RULES, Document
from harness.factory.project.config_names import named_by_config
from harness.factory.project.run_result import cases_in
from harness.governance.facts.dependencies.manifest import Unparsed
from harness.governance.facts.dependencies.requirements import read as pip_requirements
from harness.governance.facts.dependencies.yamltext import yaml_text as lock
from harness.governance.facts.surface import names_in
from harness.governance.language.given import facts_given
from harness.governance.language.markdown import Block, page_of
from harness.governance.language.yamlblock import read_block
from harness.governance.past.history import read_history as json_history
from harness.governance.text.likeness import likeness
from harness.governance.text.normalise import normalise
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.objects import BareRepository
from harness.programs.local_forge.refused import Refused
from harness.programs.sandbox.packages.yarn_lock import entries_of
from harness.repository.diff import MOST_PATHS
from harness.repository.lines import line_change
from harness.repository.objects import TreeEntry, written_tree
from harness.repository.plumbing import Bounds, Git
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.workflow.document import document
from validators.browser.network.http1 import Head, Incoming, WireBroken
from validators.domain.errors import JourneyInvalid
from validators.language.tree import tree as journey

MOST_SECONDS = 1.0
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
AT = "2026-05-01T12:00:00+00:00"


# git trees: seven objects can hold ten million paths


def tree_of_trees(git: Git, *, depth: int, empty: bool = False) -> str:
    """A tree with ten to the power of `depth` paths, all of them one file; or `empty`, with as many
    folders and no file."""
    blob = git.line("hash-object", "-w", "--stdin", stdin=b"x\n")
    files = b"".join(b"100644 blob %b\t%d\n" % (blob.encode(), at) for at in range(10))
    inner = git.line("mktree", stdin=b"" if empty else files)
    for _ in range(depth - 1):
        inner = git.line(
            "mktree",
            stdin=b"".join(b"040000 tree %b\t%d\n" % (inner.encode(), at) for at in range(10)),
        )
    return inner


def committed(git: Git, tree: str, *parents: str) -> str:
    who = {
        f"GIT_{role}_{what}": said
        for role in ("AUTHOR", "COMMITTER")
        for what, said in (("NAME", "x"), ("EMAIL", "x@example.org"), ("DATE", AT))
    }
    return git.line(
        "commit-tree",
        tree,
        *(word for one in parents for word in ("-p", one)),
        stdin=b"x\n",
        more=who,
    )


@pytest.fixture
def trusted(tmp_path: Path) -> TrustedRepository:
    return TrustedRepository(tmp_path / "app.git", Remote(str(tmp_path / "nowhere.git")))


@pytest.mark.parametrize("empty", [False, True])
def test_a_tree_of_trees_is_refused_before_it_is_listed(trusted, empty) -> None:
    base = committed(trusted.git, tree_of_trees(trusted.git, depth=1))
    head = committed(trusted.git, tree_of_trees(trusted.git, depth=9, empty=empty), base)
    began = time.process_time()
    with pytest.raises(GitError, match=f"more than {MOST_PATHS:,} paths") as refused:
        trusted.changed(base, head)
    assert not refused.value.retryable
    assert time.process_time() - began < MOST_SECONDS


def test_a_tree_of_trees_without_breadth_is_refused_too(trusted) -> None:
    git = trusted.git
    base = committed(git, tree_of_trees(git, depth=1))
    file = TreeEntry(
        "100644", git.line("hash-object", "-w", "--stdin", stdin=b"x\n"), b"d/" * 130 + b"f"
    )
    head = committed(git, written_tree(git, [file], str(trusted.git_dir / "index.test")), base)
    with pytest.raises(GitError, match="folders deep"):
        trusted.changed(base, head)


@pytest.mark.parametrize("empty", [False, True])
def test_the_local_forge_shows_nothing_of_a_tree_of_trees(trusted, empty) -> None:
    """It counted the files of a pull request for a minute when it was opened, and then took no
    other."""
    base = committed(trusted.git, tree_of_trees(trusted.git, depth=1))
    head = committed(trusted.git, tree_of_trees(trusted.git, depth=9, empty=empty), base)
    shown, began = BareRepository(trusted.git_dir), time.process_time()
    for ask in (
        partial(commits.changes, shown, base, head),
        partial(commits.changes, shown, head, base),
        partial(commits.patch, shown, base, head),
        partial(commits.tree, shown, head, recursive=True),
    ):
        with pytest.raises(Refused, match="too many files"):
            ask()
    assert shown.merged_tree(base, head) is None
    assert time.process_time() - began < MOST_SECONDS
    assert len(commits.changes(shown, base, base)) == 0
    assert shown.is_readable(base)
    assert not shown.is_readable("0" * 40)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (Bounds(records=1_000), "more than 1,000 entries"),
        (Bounds(output=10_000), "more than 10,000 bytes"),
        (Bounds(memory=4 * 1024**2), "ut of memory"),
        (Bounds(processor_seconds=1), "more than 1 s of a processor"),
    ],
)
def test_git_is_ended_where_it_takes_more_than_it_may(trusted, bounds, message) -> None:
    """`diff-tree` prints only when it knows all; `ls-tree` prints as it goes."""
    git = trusted.git
    tree = tree_of_trees(
        git, depth=10 if "processor" in message else 5, empty="processor" in message
    )
    listing = (
        ("diff-tree", "-r", EMPTY, tree) if "memory" in message else ("ls-tree", "-r", "-z", tree)
    )
    with pytest.raises(GitError, match=message) as refused:
        replace(git, bounds=bounds).output(*listing)
    assert not refused.value.retryable


def test_git_writes_no_larger_file_than_it_may(trusted) -> None:
    with pytest.raises(GitError):
        replace(trusted.git, bounds=Bounds(file=4096)).output(
            "hash-object", "-w", "--stdin", stdin=os.urandom(100_000)
        )
    assert replace(trusted.git, bounds=Bounds(file=4096)).output(
        "hash-object", "-w", "--stdin", stdin=b"x"
    )


def test_a_pull_requests_head_is_fetched_within_bounds_and_a_branch_as_it_is(tmp_path) -> None:
    remote = Recorded()
    trusted = TrustedRepository(tmp_path / "app.git", remote)
    trusted.fetch("refs/pull/7/head")
    trusted.fetch("main")
    first, second = remote.used
    assert first.bounds is not None
    assert first.bounds.file
    assert second.bounds is None


class Recorded(Remote):
    """A forge that is asked nothing: which git would have asked it."""

    def __init__(self) -> None:
        super().__init__("https://forge.example/app.git")
        object.__setattr__(self, "used", [])

    def output(self, git: Git, command: str, *arguments: str) -> bytes:
        self.used.append(git)
        return b""


# texts: each of these took a reader seconds, or time that grew with the square of its length


def page(text: str) -> None:
    page_of(Document(RULES, RULES, text, "sha256:0"))


def strays(text: str) -> None:
    page(f"x\n\n{text}")


def block(text: str) -> None:
    facts_given(read_block(Block(text, 1), RULES))


def workflow(text: str) -> None:
    document(text, file="workflows/triage.yaml").plain()


def report(text: str) -> None:
    json_history(text, file="history.json")


def junit(text: str) -> None:
    cases_in(text.encode())


def normalised(text: str) -> None:
    likeness(normalise(text).text, text)


def lines(text: str) -> None:
    line_change(text.encode(), text[::-1].encode())


def module(text: str) -> None:
    names_in(text.encode(), "a.py")


def runner(text: str) -> None:
    """The same text as the configuration of three test runners."""
    files = dict.fromkeys(("vite.config.ts", "jest.config.js", "pytest.ini"), text.encode())
    named_by_config(files, files.get, command=(), env={"NODE_OPTIONS": text, "SPEC_OPTS": text})


def requirements(text: str) -> None:
    tuple(pip_requirements(text))


def yarn(text: str) -> None:
    entries_of(b"# yarn lockfile v1\n\n" + text.encode())


def http(text: str) -> None:
    async def visited() -> None:
        stream = asyncio.StreamReader()
        stream.feed_data(text.encode("latin-1"))
        stream.feed_eof()
        asked = Head("GET", "/", "HTTP/1.1", ())
        message = Incoming(stream, asked if text.startswith("HTTP/") else None)
        while head := await message.head():
            head.without("a").having("B", "c").encoded()
            async for _ in message.body():
                pass

    asyncio.run(visited())


CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WIRE = {
    "headers": "a:b\r\n",
    "a head without an end": "a",
    "heads": "GET / HTTP/1.1\r\n\r\n",
    "numbers that are none": "\u00b2",
    "answers with a length that is none": "HTTP/1.1 \u00b2 OK\r\ncontent-length: \u00b2\r\n\r\n",
}
CHUNKS = {
    "chunks": "1\r\na\r\n",
    "digits": "0",
    "negative sizes": "-1\r\n",
    "trailers": "0\r\na:b\r\n",
}


def chunked(text: str) -> None:
    http(CHUNKED + text)


PAGES = {
    "ids that never close": "{#a",
    "blanks before an id": " {#",
    "ids": "{#a} ",
    "closed ids": "{#a}x",
}
STRAYS = {"ids in prose": "id: F-A\n"}
BLOCKS = {
    "html": "<div>\nid: F-A\n\n",
    "fences": "~~~ ya\n~~~\n",
    "references": "[a]: <\n",
    "quotes": "> ",
}
YAMLS = {
    "lists": "[",
    "mappings": "{",
    "lists with closers in quotes": '["]", ',
    "keys": "? ",
    "dashes": "- ",
    "anchors": "&a ",
    "items": "[a],",
    "comments": "[ #]\n",
    "quotation marks": '"',
    "colons": ":",
}
MARKUP = {
    "images": "![",
    "links": "](a (",
    "tags": "<a ",
    "comments": "<!--",
    "code": "` ",
    "references": '[a]: b "',
    "cells": "|-",
}
RUNNERS = {
    "blocks": "test: {",
    "quotes of an app's value": 'coverage: "\\"',
    "quotes": '\\"',
    "lists": "pythonpath = [\n",
    "plugins": "plugins = [\n",
    "options": "-p a -r b -I c:d --require e ",
    "words": "a/b ",
}
CODE = {"calls": "a(", "lambdas": "lambda:", "comparisons": "a<", "stars": "from a import *\n"}
READERS: dict[Callable[[str], None], tuple[int, str, dict[str, str]]] = {
    page: (32_000, "# ", PAGES | BLOCKS),
    strays: (128_000, "", STRAYS),
    block: (16_000, "", YAMLS),
    workflow: (16_000, "", YAMLS),
    journey: (16_000, "", YAMLS),
    lock: (64_000, "", YAMLS),
    report: (64_000, "", {"lists": "[", "objects": '{"a":', "digits": "1", "pairs": '"a\\u0000'}),
    junit: (
        256_000,
        "",
        {"tags": "<a>", "cases": "<testcase>", "attributes": "<a b='", "comments": "<!--"},
    ),
    http: (128_000, "", WIRE),
    chunked: (128_000, "", CHUNKS),
    normalised: (8_000, "", MARKUP),
    lines: (32_000, "", {"a tangle": "a\nb\na\nc\n"}),
    module: (16_000, "", CODE),
    runner: (64_000, "coverage: ", RUNNERS),
    yarn: (64_000, "", {"quotes": '"\\', "words": 'a, "b" '}),
    requirements: (64_000, "a", {"blanks": " ", "blanks before no option": " " * 8_000 + "b"}),
}


@pytest.mark.parametrize(
    ("read", "what"),
    [
        pytest.param(read, what, id=f"{read.__name__}: {what}")
        for read, (_, _, inputs) in READERS.items()
        for what in inputs
    ],
)
def test_a_text_costs_about_as_much_as_it_is_long(read, what) -> None:
    length, begin, inputs = READERS[read]
    once, twice = (
        spent(read, begin + inputs[what] * (size // len(inputs[what])))
        for size in (length, 2 * length)
    )
    assert twice < MOST_SECONDS
    assert twice < 4 * once + MOST_SECONDS / 4


def spent(read: Callable[[str], None], text: str) -> float:
    """Processor seconds, whether it is read or refused."""
    began = time.thread_time()
    with suppress(FactoryError, JourneyInvalid, Unparsed, ParseError, WireBroken):
        read(text)
    return time.thread_time() - began


def test_a_report_that_nests_without_end_is_none() -> None:
    """A tree of 16 MB of opening tags took 1.6 GB."""
    with pytest.raises(ParseError, match="nested more deeply"):
        junit("<a>" * 100)


@pytest.mark.parametrize("given", ["files: 100000000000", "files: 999999999999999999"])
def test_an_example_of_a_rule_has_no_more_files_than_anybody_reads(given) -> None:
    with pytest.raises(GovernanceError, match="at most 10,000 files"):
        block(given)
