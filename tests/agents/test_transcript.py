"""The transcript of a run, made of the wire: what it tells, that it stays as it is, and that
nothing in it acts."""

import functools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.agents.transcript.page import SessionNote, sections
from harness.agents.transcript.transcribing import PAGE, TranscribingBroker, parts, sessions
from harness.agents.transcript.turns import turns
from harness.domain.budget import Usage
from harness.domain.errors import ModelError
from harness.ports.model import Session, SessionRequest
from harness.programs.agent_loop import agent
from harness.programs.agent_loop.shell import Shell
from harness.programs.agent_loop.tools import Tools
from harness.programs.broker.prices import Tokens
from tests.agents.conftest import MODEL, Broker, request, text

if TYPE_CHECKING:
    from anthropic import Anthropic

AT = datetime(2026, 11, 22, 14, 2, 11, tzinfo=UTC)
NOTE = SessionNote(
    session="8f3c",
    run="implement-7-1",
    role="implementer",
    issue=7,
    attempt=1,
    model=MODEL,
    opened=AT,
    closed=AT + timedelta(seconds=9),
    cost_usd=Decimal("0.0123"),
)


def price(tokens: Tokens, at: datetime) -> int:
    return 1000 * tokens.whole_input + 10_000 * tokens.output


def line(
    call: int,
    *,
    user_texts: list[dict[str, Any]],
    texts: list[dict[str, Any]],
    kept: int = 0,
    **more: Any,
) -> bytes:
    usage = {
        "input_tokens": 1000,
        "output_tokens": 50,
        "cache_read_input_tokens": 3000 if call > 1 else 0,
    }
    answer = {"content": texts, "stop_reason": "tool_use", "usage": usage}
    found = {
        "call": call,
        "at": (AT + timedelta(seconds=3 * call)).isoformat(),
        "seconds": 1.25,
        "response": answer,
        "request": {"kept": kept, "messages": [{"role": "user", "content": user_texts}]},
    }
    return json.dumps(found | more).encode()


def call(id: str, name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def result(id: str, texts: Any, *, failed: bool = False) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": texts, "is_error": failed}


LOG = [
    line(
        1,
        user_texts=[text("Make it work.")],
        texts=[
            text("I look at `store.py`."),
            call("a", "run", command="ls"),
            call("b", "read", path="none"),
        ],
    ),
    line(
        2,
        kept=1,
        user_texts=[
            result("a", "\n".join(f"file {number}" for number in range(40))),
            result("b", "No such file", failed=True),
        ],
        texts=[call("c", "edit", path="a.py", old="1\n", new="2\n")],
    ),
    line(
        3,
        kept=3,
        user_texts=[result("c", [text("changed a.py")]), text("That leads nowhere.")],
        texts=[call("d", "finish", summary="It works.")],
    ),
]


def whole(log: list[bytes], note: SessionNote = NOTE) -> str:
    return "".join(sections(note, turns(log, price), over=note.closed is not None))


def test_it_reads_as_a_conversation() -> None:
    assert whole(LOG) == (Path(__file__).parents[1] / "golden" / "transcript.md").read_text("utf-8")


def test_the_same_log_is_the_same_transcript() -> None:
    assert whole(LOG) == whole(list(LOG))


def test_results_stand_with_their_calls_and_failures_are_called_so() -> None:
    first, second, last = turns(LOG, price)
    assert [(called.name, called.failed) for called in first.calls] == [
        ("run", False),
        ("read", True),
    ]
    assert first.calls[1].result == "No such file"
    assert second.calls[0].result == "changed a.py"
    assert last.calls[0].result is None
    assert (last.user_texts, second.user_texts) == (("That leads nowhere.",), ())


def test_tokens_and_cents_are_those_of_the_wire() -> None:
    first, second, _ = turns(LOG, price)
    assert (first.tokens, first.nanodollars) == (Tokens(input=1000, output=50), 1_500_000)
    assert second.tokens.cache_read == 3000
    assert "4,000 tokens read (3,000 from the cache), 50 written · 0.45 ¢" in whole(LOG)


def test_a_shortened_conversation_is_noted() -> None:
    log = [*LOG[:2], line(3, kept=1, user_texts=[text("x")], texts=[])]
    assert [turn.shortened for turn in turns(log, price)] == [False, False, True]
    assert "so the provider's cache serves less of it" in whole(log)
    assert "; shortened 1 time; over at" in whole(log)
    assert "shortened" not in whole(LOG)


def test_a_call_without_an_answer_tells_why() -> None:
    log = [
        *LOG[:1],
        line(
            2,
            kept=1,
            user_texts=[result("a", "x")],
            texts=[],
            response=None,
            error="overloaded_error: Overloaded",
        ),
    ]
    assert "**No answer:**\n\n```text\noverloaded_error: Overloaded\n```" in whole(log)


@pytest.mark.parametrize(
    "broken",
    [b"", b"{", b"[]", b"null", b'{"at": 7}', b'{"at": "2026-11-22"}', b"\xff", LOG[2][:-9]],
)
def test_a_line_that_is_none_of_a_log_is_left_out(broken: bytes) -> None:
    assert [turn.number for turn in turns([*LOG[:2], broken], price)] == [1, 2]


def test_sections_that_were_there_stay_and_more_come_after_them() -> None:
    """So that they can be printed while an agent works."""
    running = replace(NOTE, closed=None)
    seen: list[str] = []
    for count in range(len(LOG) + 1):
        now = list(sections(running, turns(LOG[:count], price), over=False))
        assert now[: len(seen)] == seen
        seen = now
    assert list(sections(NOTE, turns(LOG, price), over=True))[: len(seen)] == seen
    # the head, and the turns whose results are known
    assert len(seen) == 3


HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "\u202etxt.exe",
    "a\rb",
    "\x00\x08",
    "zero\u200bwidth",
    "\u2028# Heading",
    "# Heading",
    "## 9 · 00:00:00 · 1.0 s",
    "---",
    "===",
    "> quoted",
    "[link](http://evil.example/?d=1)",
    "![pixel](http://evil.example/p)",
    "<script>alert(1)</script>",
    "<!-- hidden",
    "<https://evil.example>",
    "https://evil.example/?d=secret",
    "www.evil.example",
    "[x]: http://evil.example",
    "```\n# out of the fence\n````",
    "~~~",
    "| a | b |\n|---|---|",
    "&lt;b&gt;",
    "a@evil.example",
    "x\n===\ny",
    "text\n---\n",
    "    indented",
    "1. one",
    "* star",
    "`unclosed",
    "``` a",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_that_was_said_acts_on_a_terminal_or_on_a_page(words: str) -> None:
    log = [
        line(
            1,
            user_texts=[text(words)],
            texts=[
                text(words),
                call("a", words, **{words: words, "path": words}),
                call("b", "edit", path=words, old=words, new=words),
            ],
        ),
        line(
            2,
            kept=1,
            user_texts=[
                result("a", words),
                result("b", f"{words}\n{words}", failed=True),
                text(words),
            ],
            texts=[text(words)],
            error=words,
        ),
    ]
    page = whole(log)
    assert_inert(page)
    assert page.startswith("# implementer, attempt 1, for issue #7\n")


@given(st.text(max_size=60), st.text(max_size=20))
def test_no_words_at_all_act(words: str, name: str) -> None:
    log = [
        line(1, user_texts=[text(words)], texts=[text(words), call("a", name, path=words)]),
        line(2, kept=1, user_texts=[result("a", words), text(words)], texts=[text(words)]),
    ]
    assert_inert(whole(log))


def assert_inert(page: str) -> None:
    """Every character prints, the headings are ours, and there is no link, no picture and no HTML
    by the rules of CommonMark; nor what forges make a link of by themselves."""
    assert all(letter == "\n" or letter.isprintable() for letter in page)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page)
    headings = [
        tokens[number + 1].content
        for number, token in enumerate(tokens)
        if token.type == "heading_open"
    ]
    assert all(
        re.fullmatch(r"implementer, attempt 1, for issue #7|\d · \d\d:\d\d:\d\d · 1\.2 s", words)
        for words in headings
    )
    assert len(headings) == 3
    inner = [child.type for token in tokens for child in token.children or ()]
    assert not {"link_open", "image", "html_inline"} & set(inner)
    assert not {"html_block", "table_open"} & {token.type for token in tokens}
    for token in tokens:
        code = [child.content for child in token.children or () if child.type == "code_inline"]
        prose = functools.reduce(
            lambda words, span: words.replace(span, ""),
            code,
            token.content if token.children else "",
        )
        assert "://" not in prose
        assert "www." not in prose.lower()


@pytest.fixture
def kept(tmp_path: Path, replaying: Broker) -> TranscribingBroker:
    return TranscribingBroker(
        replaying.client,
        wire=replaying.options.home / "wire",
        folder_of=lambda run: tmp_path / run,
        clock=lambda: AT,
    )


def test_a_session_leaves_its_transcript_in_its_runs_folder(
    kept: TranscribingBroker,
    replaying: Broker,
    tmp_path: Path,
    sdk: Callable[[Session], "Anthropic"],
) -> None:
    usage = {"input_tokens": 2100, "output_tokens": 85}
    replaying.record(
        {
            "exchanges": [
                {
                    "response": {
                        "content": [
                            text("I look."),
                            {"type": "tool_use", "name": "run", "input": {"command": "echo hello"}},
                        ],
                        "usage": usage,
                    }
                },
                {
                    "response": {
                        "content": [
                            {
                                "type": "tool_use",
                                "name": "finish",
                                "input": {"summary": "It works."},
                            }
                        ],
                        "usage": usage,
                    }
                },
            ]
        },
        issue=4001,
    )
    tools = Tools(
        Shell(tmp_path, {"PATH": "/usr/bin:/bin"}, outputs=tmp_path / "outputs", seconds=300),
        output=1000,
    )
    with kept.open(request(issue=4001)) as session:
        assert sessions(tmp_path / "run-1")[0].closed is None
        agent.work(
            agent.Assignment(["The rules."], "Make it work.", MODEL, "unused"),
            sdk(session),
            tools,
            lambda texts: None,
        )
        assert not (tmp_path / "run-1" / PAGE).exists()
    page = (tmp_path / "run-1" / PAGE).read_text("utf-8")
    for words in (
        "> I look.",
        "**run** `echo hello`\n\n```text\nhello\n[exit 0]\n```",
        "**finish** summary `It works.`",
        "2,100 tokens read, 85 written",
        (
            "2 turns, 2 calls of tools, 4,200 tokens read, 170 written, $0.0101; over at 2026-11-22"
            " 14:02:11 UTC."
        ),
    ):
        assert words in page


def test_two_sessions_of_a_run_stand_one_after_the_other(tmp_path: Path) -> None:
    wire = tmp_path / "wire"
    wire.mkdir()
    for name in ("early", "late"):
        (wire / f"{name}.jsonl").write_bytes(b"\n".join(LOG[:1]) + b"\n")
    clock = iter(AT + timedelta(seconds=number) for number in range(9))
    broker = TranscribingBroker(
        Till(), wire=wire, folder_of=lambda run: tmp_path / run, clock=lambda: next(clock)
    )
    with (
        broker.open(request(role="reviewer", run="early")),
        broker.open(request(run="early", role="implementer", attempt=2)),
    ):
        assert [part.split("\n")[0] for part in parts(tmp_path / "early", wire)] == [
            "# reviewer, attempt 1, for issue #1"
        ]
    page = (tmp_path / "early" / PAGE).read_text("utf-8")
    assert re.findall(r"^# (\w+)", page, re.MULTILINE) == ["reviewer", "implementer"]


@pytest.mark.parametrize("role", ["author", "judge", "actor"])
def test_no_transcript_has_a_judges_words(tmp_path: Path, role: str) -> None:
    broker = TranscribingBroker(Till(), wire=tmp_path, folder_of=lambda run: tmp_path / run)
    with broker.open(request(role=role)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_transcript_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "run-1").write_text("in the way")
    broker = TranscribingBroker(Till(), wire=tmp_path, folder_of=lambda run: tmp_path / run)
    with broker.open(request()) as session:
        assert broker.usage(session).calls == 1


def test_an_error_of_the_session_is_not_hidden(tmp_path: Path) -> None:
    broker = TranscribingBroker(Till(), wire=tmp_path, folder_of=lambda run: tmp_path / run)
    with pytest.raises(ModelError, match="left its script"), broker.open(request()):
        raise ModelError("left its script")
    assert sessions(tmp_path / "run-1")[0].closed is not None


@pytest.mark.parametrize("note", ["", "{", "[]", "{}", '{"opened": 7}'])
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, note: str) -> None:
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "x.json").write_text(note)
    assert sessions(tmp_path) == []


class Till:
    """A broker that opens whatever it is asked for, named for its run and role."""

    @contextmanager
    def open(self, request: SessionRequest) -> Iterator[Session]:
        yield Session(
            "early" if request.role == "reviewer" else "late", Path("nowhere.sock"), request.model
        )

    def usage(self, session: Session) -> Usage:
        return Usage(calls=1)
