"""What the progress display shows while a factory works."""

from harness.cli.output.progress import Progress


def test_results_are_printed_and_idle_nodes_are_not(capsys) -> None:
    with Progress() as progress:
        for words in (
            "",
            "produced: 10 tests pass",
            "no-change: nobody plans",
            "blocked: touches [red]protected[/] paths",
        ):
            progress.tell("implement-1-1", "tests", words)
    printed = capsys.readouterr().err
    assert "10 tests pass" in printed
    assert "touches [red]protected[/] paths" in printed, "a message is not markup"
    assert "nobody plans" not in printed
