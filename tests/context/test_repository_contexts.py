"""Contexts when something is wrong: a broken cache, no sandbox, a file that ends its sandbox; and
the real parser."""

import json
from pathlib import Path

import pytest

from harness.context.repository_contexts import INDEX, IndexedContexts
from harness.context.sandboxed_outlines import NOTHING, SandboxedOutlines
from harness.domain.errors import GitError, SandboxError
from harness.domain.repository_context import ContextRequest
from harness.domain.sandbox import SandboxResult
from harness.programs.context_indexer.reading import outline
from harness.programs.sandbox.client import SandboxSupervisor
from tests.context.trees import SHOP, Trees, outlines

ASKED = ContextRequest(
    base="one", heading="The total is wrong", question="of a basket", tokens=3000, files=4
)


class Parser:
    """A sandbox that runs the parser here, and is killed by a file with the text `KILLS`."""

    def __init__(self) -> None:
        self.asked = []

    def form(self):
        return "bwrap-root"

    def run(self, spec, *, stdin=b""):
        files = [json.loads(line) for line in stdin.splitlines()]
        self.asked.append(len(files))
        killed = any("KILLS" in one["text"] for one in files)
        outlines = "\n".join(
            json.dumps(outline(one["path"], one["text"].encode())) for one in files
        )
        return SandboxResult(
            form="bwrap-root",
            unheld=(),
            exit_code=137 if killed else 0,
            signal=None,
            killed_by="memory" if killed else None,
            seconds=0.1,
            peak_memory_mb=1,
            stdout=outlines.encode(),
        )


class NoSandbox:
    def form(self):
        return "bwrap-root"

    def run(self, spec, *, stdin=b""):
        raise SandboxError("no sandbox could be made")


def test_a_file_that_ends_its_sandbox_has_no_outline_and_the_others_have_theirs() -> None:
    files = [(f"f{number}.py", f"def f{number}(): pass") for number in range(6)]
    files[3] = ("f3.py", "KILLS")
    found = SandboxedOutlines(Parser())(files)
    assert [bool(one["definitions"]) for one in found] == [True, True, True, False, True, True]
    assert found[3] == NOTHING


@pytest.mark.parametrize(
    "said",
    [b"", b"{}\n", b"[1]\n", b"not json\n", b'{"definitions": 1, "imports": []}\n', b"\xff\n"],
)
def test_a_parsers_output_is_used_only_in_its_own_form(said) -> None:
    class Liar(Parser):
        def run(self, spec, *, stdin=b""):
            return SandboxResult(
                form="bwrap-root",
                unheld=(),
                exit_code=0,
                signal=None,
                killed_by=None,
                seconds=0,
                peak_memory_mb=1,
                stdout=said,
            )

    assert SandboxedOutlines(Liar())([("a.py", "def f(): pass")]) == (NOTHING,)


def test_a_broken_cache_is_made_anew(tmp_path) -> None:
    contexts = IndexedContexts(Trees(one=SHOP), tmp_path, outlines=outlines)
    first = contexts.context(ASKED)
    (tmp_path / INDEX).write_bytes(b"this is no database" * 1000)
    assert contexts.context(ASKED) == first


def test_without_a_sandbox_the_context_has_a_fault_and_the_next_one_has_not(
    tmp_path,
) -> None:
    trees = Trees(one=SHOP)
    context = IndexedContexts(trees, tmp_path, outlines=SandboxedOutlines(NoSandbox())).context(
        ASKED
    )
    assert context.text == ""
    assert [one.note for one in context.manifest.left_out] == [
        "the repository could not be read for it: no sandbox could be made"
    ]
    assert IndexedContexts(trees, tmp_path, outlines=outlines).context(ASKED).text != ""


def test_a_place_that_cannot_be_written_leaves_the_repository_out(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    context = IndexedContexts(Trees(one=SHOP), tmp_path / "file", outlines=outlines).context(ASKED)
    assert context.text == ""
    assert context.manifest.left_out[0].note.startswith("the repository could not be read for it: ")


def test_a_commit_that_is_not_there_is_an_error(tmp_path) -> None:
    class Empty(Trees):
        def tree_of(self, commit):
            raise GitError("object one is not here")

    with pytest.raises(GitError):
        IndexedContexts(Empty(), tmp_path, outlines=outlines).context(ASKED)


def test_the_parser_works_in_a_sandbox_and_sees_nothing_but_what_it_is_given(tmp_path) -> None:
    sandboxed = SandboxedOutlines(SandboxSupervisor(tmp_path / "layers"))
    assert sandboxed.spec().dial == ()
    assert all(
        bind.mode == "ro" and Path(bind.source).name == "context_indexer"
        for bind in sandboxed.spec().binds
    )
    files = [("a.py", "class Till:\n    pass\n"), ("b.rb", "require 'till'\n")]
    assert sandboxed(files) == tuple(outline(path, text.encode()) for path, text in files)
