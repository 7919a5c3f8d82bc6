"""`--since`: one grammar for every command that has it."""

from datetime import UTC, datetime, timedelta, timezone

import click
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.cli.options import moment_of

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("36h", NOW - timedelta(hours=36)),
        ("7d", NOW - timedelta(days=7)),
        ("4w", NOW - timedelta(weeks=4)),
        ("1y", NOW - timedelta(days=365)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=NOW.tzinfo)),
        ("2026-11-20T18:00", datetime(2026, 11, 20, 18, tzinfo=NOW.tzinfo)),
        ("2026-11-20T18:00Z", datetime(2026, 11, 20, 18, tzinfo=UTC)),
    ],
)
def test_a_span_a_day_and_a_moment_name_a_time(text, moment) -> None:
    found = moment_of(text, NOW)
    assert (found, found.utcoffset()) == (moment, moment.utcoffset())


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7m", "2026-13-01", "-3d", "9999y", "٣d"])
def test_another_text_is_refused_with_the_grammar(text) -> None:
    with pytest.raises(click.BadParameter, match="36h, 7d, 4w, 1y"):
        moment_of(text, NOW)


@pytest.mark.parametrize("command", ["digest", "cost", "rules impact"])
def test_every_command_refuses_it_with_the_option(command) -> None:
    found = CliRunner().invoke(cli, [*command.split(), "--since", "soon"])
    assert found.exit_code == 2
    assert "Invalid value for '--since': 'soon' is no time" in found.output
