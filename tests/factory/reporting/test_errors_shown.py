"""What people see of the errors of the running app: on the dashboard, in a notice, in `why`, on the
page, in the digest; and that none of it acts."""

from datetime import timedelta

import pytest

from harness.domain.events import NoticeBegan, NoticeSent
from harness.domain.notices import NoticeKind
from harness.factory.records.chain import page_of
from harness.factory.reporting.dashboard import is_dashboard
from harness.factory.reporting.digest_page import markdown, text
from harness.factory.reporting.notices import message, outbox
from harness.factory.reporting.report import chain_of_issue
from harness.operations.daemon.digest import digest_of
from tests.factory.error_world import EARLY, ONLY_TRIAGE, OTHER, ErrorWorld
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger


@pytest.fixture
def app(tmp_path):
    return ErrorWorld(tmp_path)


def dashboard(app):
    app.tick(shows=True)
    (found,) = [one for one in app.forge._issues.values() if is_dashboard(one)]
    return found.body


def test_the_dashboard_names_the_issue_the_release_and_the_landing(app) -> None:
    landed = app.file()
    app.tick()
    commit = app.history(landed).landed.commit
    app.report(release=commit, message="nothing that the mission knows", type="`x` <img> @owner")
    page = dashboard(app)
    (issue,) = app.filed
    assert "## Errors of the running app (1)" in page
    row = next(line for line in page.splitlines() if line.startswith(f"| [#{issue.number}]"))
    assert f"[`{commit[:10]}`]" in page
    assert f"[#{landed}]" in page
    assert "<img>" not in row
    assert "@owner" not in row


def test_an_issue_that_has_ended_is_not_on_the_dashboard(app) -> None:
    app.report()
    assert "## Errors of the running app" not in dashboard(app)


def test_a_notice_is_sent_of_an_issue_that_was_filed_and_of_one_that_came_back(app) -> None:
    app.report(type="@owner secret-words")
    app.tick()
    (issue,) = app.filed
    fix = app.history(issue.number).landed.commit
    app.report(release=fix, at=app.ledger.clock.now() + timedelta(minutes=1))
    app.tick()
    entries = app.ledger.entries()
    now = app.ledger.clock.now()
    # As if notices were on from the beginning.
    book = FakeLedger(FakeClock())
    book.append(NoticeBegan(0), "notice/1")
    book.append(NoticeSent("notice/1", 0, 0), "notice/1/sent")
    for entry in entries:
        book.append(entry.event, entry.key, issue=entry.issue, run=entry.run)
    found = outbox(book.entries(), len(entries) + 2, now, kinds=frozenset({NoticeKind.ERRORS}))
    assert [one.words for one in found.notices] == [
        f"#{issue.number} is filed for errors of the running app",
        f"#{issue.number} came back: its error is seen after its landing",
    ]
    assert "secret-words" not in message(found, "acme/shop", str)[1]


def test_why_begins_with_where_the_issue_came_from(app) -> None:
    landed = app.file()
    app.tick()
    commit = app.history(landed).landed.commit
    app.report(release=commit, count=7, message="The walk is gone")
    app.tick()
    (issue,) = app.filed
    first = chain_of_issue(app.ledger, issue.number).links[0]
    assert first.title == "Filed for errors of the running app"
    assert (
        first.fact
        == f"seen 7 times until then, in release {commit:.10}, which landed for #{landed}"
    )
    assert "Filed for errors" in (app.work / page_of(issue.number)).read_text()
    assert chain_of_issue(app.ledger, landed).links[0].title != first.title


def digest_shown(app, *, since=EARLY) -> tuple[str, str, dict]:
    at = app.ledger.clock.now() + timedelta(days=1)
    found = digest_of(app.work, app.ledger, at=at, since=since)
    return text(found, str), markdown(found, str), found.as_json()


def test_the_digest_lists_what_came_since_with_its_issue_its_release_and_its_landing(app) -> None:
    landed = app.file()
    app.tick()
    commit = app.history(landed).landed.commit
    app.report(release=commit, count=7, at=app.ledger.clock.now())
    app.report(OTHER, type="`x` <img> @owner\x1b[2J", at=app.ledger.clock.now())
    app.tick(**ONLY_TRIAGE)
    issue = next(one for one in app.filed if "ZeroDivisionError" in one.title)
    plain, marked, document = digest_shown(app)
    assert "Errors of the running app" in plain
    assert "ZeroDivisionError in total: 7 times" in plain
    assert f"release {commit}, which landed for #{landed}" in plain
    assert f"issues/{issue.number}" in plain
    assert "\x1b" not in plain
    assert "<img>" not in marked
    assert "@owner" not in marked
    assert {one["count"] for one in document["errors"]} == {1, 7}
    assert document["quiet"], "an issue is filed, and nobody has to do anything"


def test_a_group_without_news_is_in_the_digest_before(app) -> None:
    app.report()
    assert "Errors of the running app" in digest_shown(app, since=EARLY - timedelta(days=1))[0]
    assert "Errors of the running app" not in digest_shown(app)[0]


def test_of_a_flood_ten_are_in_the_digest_and_the_rest_is_counted(app) -> None:
    for number in range(25):
        app.report(f"{number:064x}", at=app.ledger.clock.now())
    plain, _, document = digest_shown(app)
    assert plain.count("ZeroDivisionError") == 10
    assert "and 15 more; `factory errors` lists them" in plain
    assert "no issue is filed for it" in plain
    assert len(document["errors"]) == 25


def test_errors_that_cannot_be_read_keep_no_digest_back(app) -> None:
    (app.work / "errors").mkdir()
    (app.work / "errors" / "spool.db").write_bytes(b"no database" * 99)
    assert "Errors of the running app" not in digest_shown(app)[0]
