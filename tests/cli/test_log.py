"""What a terminal and a daemon's output show of the log."""

import json
from datetime import UTC

from harness.cli.output.journal import Journal
from harness.cli.output.progress import Progress
from harness.log import NODE_ENDED, NODE_STARTED, WARNING, Log

RUN = {"run": "implement-1-1", "issue": 1, "node": "tests"}


def fill(log: Log) -> None:
    log.write(NODE_STARTED, **RUN)
    log.write(NODE_ENDED, "10 tests pass", outcome="produced", **RUN)
    log.write(NODE_ENDED, "nobody plans", outcome="no-change", **RUN)
    log.write(NODE_ENDED, "touches [red]protected[/] paths", outcome="blocked", **RUN)
    log.write("reply-failed", "403 locked", issue=1, level=WARNING)


def test_results_are_printed_and_idle_nodes_are_not(capsys) -> None:
    with Progress() as progress:
        fill(Log(progress))
    printed = capsys.readouterr().err
    assert "10 tests pass" in printed
    assert "touches [red]protected[/] paths" in printed, "a message is not markup"
    assert "nobody plans" not in printed
    assert "issue #1" in printed
    assert "reply-failed" in printed


def test_every_line_of_a_daemon_names_what_it_is_about(capsys) -> None:
    fill(Log(Journal(UTC, as_json=True)))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fields = {"at", "level", "event", "message", "run", "issue", "node", "outcome"}
    assert [set(line) for line in lines] == [fields] * 4, "the start of a node is not written"
    assert [(line["event"], line["issue"], line["level"]) for line in lines] == [
        *[("node-ended", 1, "info")] * 3,
        ("reply-failed", 1, "warning"),
    ]


def test_a_line_for_people_has_the_run_the_node_and_how_it_ended(capsys) -> None:
    fill(Log(Journal(UTC, as_json=False)))
    lines = [line[21:] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "implement-1-1    tests: produced: 10 tests pass",
        "implement-1-1    tests: no-change: nobody plans",
        "implement-1-1    tests: blocked: touches [red]protected[/] paths",
        "reply-failed #1: 403 locked",
    ]


def test_entries_are_counted_by_event_and_nodes_by_outcome() -> None:
    log = Log()
    fill(log)
    assert log.counts == {
        "node-ended:blocked": 1,
        "node-ended:no-change": 1,
        "node-ended:produced": 1,
        "node-started": 1,
        "reply-failed": 1,
    }


def test_two_logs_of_one_process_do_not_mix(capsys) -> None:
    Log().write("up", "elsewhere")
    Log(Journal(UTC, as_json=True)).write("up", "here")
    assert capsys.readouterr().out.count("\n") == 1
