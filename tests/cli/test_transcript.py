"""`factory logs RUN --transcript`, in a home made by hand: a ledger, a wire log and a note of who
spoke."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.inspect.look import logs
from harness.cli.inspect.transcript import show
from harness.domain.errors import ConfigError
from harness.domain.events import NodeEnded
from harness.domain.workflow import NodeResult, Outcome
from harness.home.document import HomeFile, write_home
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from tests.events import event_of

SESSION, SEALED = "a" * 16, "b" * 16
RUN = "implement-7-1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_home(
        tmp_path,
        HomeFile(
            owner="o", name="n", forge="embedded", port=0, number=1, token_file="keys/forge.token"
        ),
    )
    monkeypatch.setenv("FACTORY_HOME", str(tmp_path))
    ledger = SqliteLedger(tmp_path, SystemClock())
    ledger.append(
        event_of("run", {"workflow": "implement", "base": "f" * 40, "number": 1}),
        f"{RUN}/began",
        issue=7,
        run=RUN,
    )
    for role, session in (("author", SEALED), ("implementer", SESSION)):
        ledger.append(
            event_of(
                "usage",
                {
                    "role": role,
                    "model": "m",
                    "calls": 2,
                    "input_tokens": 1,
                    "output_tokens": 1,
                    "cost_usd": "0.01",
                },
            ),
            f"usage/{session}",
            issue=7,
            run=RUN,
        )
    ledger.close()
    note = {
        "session": SESSION,
        "run": RUN,
        "role": "implementer",
        "issue": 7,
        "attempt": 1,
        "model": "m",
        "opened": "2026-11-22T14:00:00+00:00",
        "closed": "2026-11-22T14:00:09+00:00",
        "cost_usd": "0.01",
        "price": None,
    }
    log = {
        "call": 1,
        "at": "2026-11-22T14:00:03+00:00",
        "seconds": 1.0,
        "request": {"kept": 0, "messages": [{"role": "user", "content": "Make it work."}]},
        "response": {
            "content": [{"type": "text", "text": "I look.\x1b[2J"}],
            "usage": {"input_tokens": 5},
        },
    }
    put(tmp_path / "runs" / RUN / "sessions" / f"{SESSION}.json", note)
    put(tmp_path / "broker" / "wire" / f"{SESSION}.jsonl", log)
    put(tmp_path / "sealed" / "o.n" / "wire" / f"{SEALED}.jsonl", {"words": "of a journey"})
    return tmp_path


def put(file: Path, document: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document) + "\n")


def ended(home: Path) -> None:
    ledger = SqliteLedger(home, SystemClock())
    ledger.append(event_of("run-ended", {"status": "succeeded"}), f"{RUN}/ended", issue=7, run=RUN)
    ledger.close()


def asked(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(logs, arguments, catch_exceptions=True)
    if isinstance(found.exception, ConfigError):
        return 2, str(found.exception)
    return found.exit_code, found.output


def test_it_tells_what_was_said_and_where_the_judges_words_are(home: Path) -> None:
    code, said = asked(RUN, "--transcript")
    assert code == 0
    assert "# implementer, attempt 1, for issue #7" in said
    assert "> I look.\N{REPLACEMENT CHARACTER}" in said
    assert "\x1b" not in said
    assert (
        "author: 2 calls of m. It judges, so its transcript is sealed:"
        f" {home}/sealed/o.n/wire/{SEALED}.jsonl" in said
    )
    assert "of a journey" not in said


def test_following_prints_each_thing_once_when_it_is_said_and_ends_with_the_run(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wire = home / "broker" / "wire" / f"{SESSION}.jsonl"
    said, later = (
        wire.read_text(),
        wire.read_text().replace("I look.", "I go on.").replace('"call": 1', '"call": 2'),
    )
    note = home / "runs" / RUN / "sessions" / f"{SESSION}.json"
    wire.write_text("")
    put(note, json.loads(note.read_text()) | {"closed": None})
    happens = iter(
        (lambda: wire.write_text(said), lambda: wire.write_text(said + later), lambda: ended(home))
    )
    seen: list[str] = []

    def wait(seconds: float) -> None:
        seen.append(capsys.readouterr().out)
        next(happens)()

    show(home, RUN, follow=True, as_json=False, wait=wait)
    seen.append(capsys.readouterr().out)
    assert [
        ("# implementer" in part, "I look." in part, "I go on." in part, "cut off" in part)
        for part in seen
    ] == [
        (False, False, False, False),
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, True),
    ]


def test_following_a_run_that_is_over_tells_all_of_it(home: Path) -> None:
    ended(home)
    assert asked(RUN, "--transcript", "--follow") == asked(RUN, "--transcript")


def test_as_json_it_is_one_object(home: Path) -> None:
    code, said = asked(RUN, "--transcript", "--json")
    found = json.loads(said)
    assert (code, found["run"], found["over"], len(found["sections"]), len(found["sealed"])) == (
        0,
        RUN,
        False,
        3,
        1,
    )


def test_a_run_that_asked_no_model_reports_that(home: Path) -> None:
    ledger = SqliteLedger(home, SystemClock())
    ledger.append(
        event_of("run", {"workflow": "merge", "base": "f" * 40, "number": 1}),
        "merge-7-1/began",
        issue=7,
        run="merge-7-1",
    )
    ledger.close()
    assert asked("merge-7-1", "--transcript") == (0, "No model was asked in merge-7-1 yet.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--transcript"], "needs a RUN"),
        ([RUN, "--follow"], "--follow needs --transcript"),
        ([RUN, "--transcript", "--follow", "--json"], "and no --json"),
        (["implement-9-9", "--transcript"], "there is no run"),
    ],
)
def test_an_unusable_request_names_the_next_step(
    home: Path, arguments: list[str], words: str
) -> None:
    code, said = asked(*arguments)
    assert code == 2
    assert words in said


def test_the_log_of_a_run_controls_no_terminal_whatever_a_project_s_tests_printed(home) -> None:
    """The message of a node has the last words of the project's own tests."""
    words = "1 failed \x1b[2J\u202e\n00:00:00  [   1] tests pass"
    ended = NodeEnded("tests", 1, NodeResult(Outcome.FAILED, message=words))
    ledger = SqliteLedger(home, SystemClock())
    ledger.append(ended, f"{RUN}/tests", issue=7, run=RUN)
    ledger.close()
    lines = CliRunner().invoke(logs, [RUN], color=True).output.splitlines()
    assert [line for line in lines if not line.isprintable()] == []
    assert lines[-1].endswith("1 failed \ufffd[2J\ufffd 00:00:00 [ 1] tests pass")
