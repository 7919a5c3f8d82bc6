"""What is told while a factory works."""

from harness.cli.output.progress import Progress


def test_what_was_done_is_told_and_what_had_nothing_to_do_is_not(capsys) -> None:
    with Progress() as progress:
        for words in (
            "",
            "produced: 10 tests pass",
            "no-change: nobody plans",
            "blocked: touches [red]protected[/] paths",
        ):
            progress.tell("implement-1-1", "tests", words)
    told = capsys.readouterr().err
    assert "10 tests pass" in told
    assert "touches [red]protected[/] paths" in told, "what was said is no markup"
    assert "nobody plans" not in told
