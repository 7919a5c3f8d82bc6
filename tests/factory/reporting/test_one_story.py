"""One story everywhere: whatever becomes of an issue, every surface shows it in the words of the one
table of states. Every way into every state is enumerated."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from harness.cli.output.chain_lines import show
from harness.cli.output.outcomes import outcomes
from harness.cli.output.printable_console import PrintableConsole
from harness.domain.lifecycle import TABLE, Event, State, next_state
from harness.domain.shown_states import LABELS, SHOWN
from harness.factory.records.history import History
from harness.factory.reporting.chain_page import html
from harness.factory.reporting.comments.dashboard import Board, DashboardRow, dashboard_text
from harness.factory.reporting.comments.issue import headline, issue_comment
from harness.factory.reporting.comments.replies import why
from harness.factory.reporting.dashboard import (
    has_landed,
    needs_a_person,
    waits_for_its_filer,
)
from harness.factory.reporting.digest import digest, is_under_way, issue_summary
from harness.factory.reporting.digest_page import markdown, text
from harness.factory.reporting.report import issue_line, shown_chain
from harness.factory.reporting.shown import shown
from harness.programs.local_forge.pages.words import progress, state_words
from harness.programs.local_forge.storage.records import Label
from tests.events import entry_of

AT = "2030-05-04T02:00:00+00:00"
SUSPICION = {"tried": ["F-PATHS: touches factory_rules.md"], "passages": []}


def link(path: str) -> str:
    return f"http://forge/{path}"


def paths() -> dict[State, tuple[Event, ...]]:
    """The shortest way into each state."""
    found: dict[State, tuple[Event, ...]] = {State.UNTRIAGED: ()}
    waiting = [State.UNTRIAGED]
    for state in waiting:
        for (before, event), after in TABLE.items():
            if before is state and after not in found:
                found[after] = (*found[state], event)
                waiting.append(after)
    return found


def history(
    events: tuple[Event, ...], *, queued: bool = False, reason: str = "it is so"
) -> History:
    """An issue to which these events happened, one after the other."""
    seen = entry_of(1, AT, "issue", "issue/7", 7, None, {"title": "Pay by card"})
    entries, state = [seen], State.UNTRIAGED
    for event in events:
        after = next_state(state, event)
        data = {"event": event, "from": state, "to": after, "says": reason}
        if event is Event.TRIAGE_DUPLICATE:
            data["duplicate_of"] = 1
        if event is Event.ATTACK_SUSPECTED:
            data["suspicion"] = SUSPICION
        seq = len(entries) + 1
        entries.append(entry_of(seq, AT, "transition", f"transition/{seq}", 7, None, data))
        state = after
    if queued:
        waits = {"says": "there are many"}
        entries.append(entry_of(2, AT, "waiting", "waiting/7", 7, None, waits))
    return History(7, tuple(entries))


def ways() -> dict[str, History]:
    to = paths()
    found = {
        f"{before.value}: {event.value}": history((*to[before], event)) for before, event in TABLE
    }
    held = (Event.TRIAGE_ACCEPTED, Event.OWNER_HOLD)
    return {
        "filed": history(()),
        "waits": history((), queued=True),
        "held": history(held),
        **found,
    }


WAYS = ways()


def board_with(one: History) -> Board:
    row = (DashboardRow(issue_summary(one), "2030-05-04", Decimal(0)),)

    def where(is_so: object) -> tuple[DashboardRow, ...]:
        return row if callable(is_so) and is_so(one) else ()

    return Board(
        stopped=False,
        frozen="",
        waiting=where(needs_a_person),
        under_way=where(is_under_way),
        asked=where(waits_for_its_filer),
        landed=where(has_landed),
        since=date(2030, 5, 3),
        spent_today=Decimal(0),
        spent_yesterday=Decimal(0),
        cap=Decimal(20),
        digest="",
    )


def test_the_ways_reach_every_row_of_the_table() -> None:
    assert {shown(one).phrase for one in WAYS.values()} == {row.phrase for row in SHOWN}


def test_the_page_for_users_explains_every_label() -> None:
    page = (Path(__file__).parents[3] / "docs" / "user.md").read_text("utf-8")
    assert [name for name in LABELS if f"- `{name}`: " not in page] == []


@pytest.mark.parametrize("one", WAYS.values(), ids=WAYS)
def test_a_terminal_shows_the_words_of_the_table(one, capsys) -> None:
    row = shown(one)
    line, found = issue_line(one), shown_chain(one, {})
    assert (line["shown"], line["outcome"]) == (row.phrase, row.outcome)
    assert (found.as_json()["shown"], found.as_json()["outcome"]) == (row.phrase, row.outcome)
    show(found, address=link, home=Path("/"), page="")
    assert capsys.readouterr().out.splitlines()[1].startswith(f"   {row.phrase},")
    table = PrintableConsole(file=io.StringIO(), width=200)
    table.print(outcomes([line]))
    assert row.phrase in table.file.getvalue()


@pytest.mark.parametrize("one", WAYS.values(), ids=WAYS)
def test_pages_and_labels_show_the_words_of_the_table(one) -> None:
    row = shown(one)
    assert f'<p class="tag">{row.phrase}</p>' in html(shown_chain(one, {}), link)
    label = row.label
    assert LABELS[label.name] == label
    assert progress((Label(1, label.name, label.color, ""),)) is not None
    assert state_words(label.name) != label.word, "a word of ours, not a name for programs"


@pytest.mark.parametrize("one", WAYS.values(), ids=WAYS)
def test_comment_digest_and_dashboard_show_the_words_of_the_table(one) -> None:
    row = shown(one)
    assert headline(one)
    assert headline(one) in issue_comment(one, link)
    since, at = datetime(2030, 5, 3, tzinfo=UTC), datetime(2030, 5, 5, tzinfo=UTC)
    found = digest(one.entries, since=since, at=at, stopped=False, frozen="")
    for words in (text(found, link), markdown(found, link)):
        assert row.phrase in words.lower()
    if row.outcome not in ("rejected", "duplicate"):
        assert row.phrase.removeprefix("a ") in dashboard_text(board_with(one), link).lower()


def test_strangers_never_read_the_words_of_a_models_provider() -> None:
    error = "invalid_request_error: organisation acme-7 has no credit; see api.example/acme-7"
    one = history((Event.TRIAGE_UNSURE,), reason=error)
    public = (issue_comment(one, link), why(one, link), dashboard_text(board_with(one), link))
    for words in public:
        assert "acme-7" not in words
        assert "a model's provider refused the request" in words
    assert error in shown_chain(one, {}).links[-1].fact, "its operator reads them"


def test_two_passages_of_an_attack_stand_apart_without_a_tag_of_html() -> None:
    """A forge that shows all tags as text shows this page as well."""
    passages = [{"where": "here", "text": "edit the rules"}, {"where": "there", "text": "merge"}]
    one = WAYS["implementing: attack-suspected"]
    data = {
        "event": Event.ATTACK_SUSPECTED,
        "from": State.IMPLEMENTING,
        "to": State.NEEDS_HUMAN,
        "says": "it is so",
        "suspicion": {**SUSPICION, "passages": passages},
    }
    seq = len(one.entries)
    last = entry_of(seq, AT, "transition", f"transition/{seq}", 7, None, data)
    entries = (*one.entries[:-1], last)
    words = dashboard_text(board_with(History(7, entries)), link)
    assert "here: edit the rules · there: merge" in words
    assert "<br>" not in words


def test_the_outcomes_are_the_five_of_the_contract() -> None:
    assert {shown(one).outcome for one in WAYS.values()} == {
        "merged",
        "rejected",
        "duplicate",
        "needs-human",
        "open",
    }
