"""The text of the dashboard issue. Apart from the signs of life it contains no time of day, so it
changes only when something happens."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from harness.domain.lifecycle import Event, State
from harness.domain.presence import Presence
from harness.domain.shortened import in_dollars
from harness.domain.shown_states import CONFIRMED
from harness.factory.records.link import UrlFor
from harness.factory.reporting.comments.inert import cell, inline, public_reason, referred, table
from harness.factory.reporting.digest import IssueSummary
from harness.factory.reporting.releases import ReleasesNow
from harness.factory.reporting.times import moment
from harness.factory.reporting.workflow_runs import WorkflowRow

MARKER = "<!-- lights-out-factory:dashboard -->"
TITLE = "What the factory is doing"


@dataclass(frozen=True, slots=True)
class DashboardRow:
    """One issue. `since` is the day of its last transition. `approve` is the commit that an
    approval would name, empty if none would be accepted."""

    summary: IssueSummary
    since: str
    cost: Decimal
    approve: str = ""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """An issue that was filed for errors of the running app and has not ended. `landing` is the
    commit of the release, for the issue `landed`; empty and 0 where it is unknown."""

    row: DashboardRow
    landing: str
    landed: int


@dataclass(frozen=True, slots=True)
class Board:
    """All that the dashboard shows. `frozen` is the reason why merging is frozen, `broken` what of
    landed work is red on the default branch, `paused` why no model is asked, `digest` where the
    last digest is in the home; each is empty where there is none. Money is in dollars, `cap` per
    day. `presence` is the last sign of life of the factory that writes it; None if it leaves
    none. `releases` is None where nothing was ever released; `watched` is what the last look at the
    tip showed, `workflows` are the runs of the project's own."""

    stopped: bool
    frozen: str
    waiting: tuple[DashboardRow, ...]
    under_way: tuple[DashboardRow, ...]
    asked: tuple[DashboardRow, ...]
    landed: tuple[DashboardRow, ...]
    since: date
    spent_today: Decimal
    spent_yesterday: Decimal
    cap: Decimal
    digest: str
    paused: str = ""
    broken: tuple[str, ...] = ()
    presence: Presence | None = None
    errors: tuple[ErrorRow, ...] = ()
    releases: ReleasesNow | None = None
    watched: str = ""
    workflows: tuple[WorkflowRow, ...] = ()


def dashboard_text(board: Board, link: UrlFor) -> str:
    """The body of the issue, with its marker first."""
    return (
        "\n\n".join(
            (
                MARKER,
                *_signs(board),
                *_brakes(board, link),
                *((f"Watched last: {inline(board.watched)}.",) if board.watched else ()),
                *_sections(board, link),
                *_money(board),
                _ending(board),
            )
        )
        + "\n"
    )


def _signs(board: Board) -> Iterator[str]:
    """Who works here. A page cannot tell that its writer is dead, but until when it is written
    again; so its words are true at any time. It names no machine: strangers read it."""
    sign = board.presence
    if sign is None:
        return
    if sign.left:
        yield (
            f"**Nobody is at work here.** The factory left at {moment(sign.left)}: {sign.how}."
            " Nothing happens until `factory up` starts it again."
        )
        return
    looked = f"It looked at the forge at {moment(sign.looked or sign.began)}."
    if sign.is_staying:
        again = moment(sign.beat + timedelta(seconds=2 * sign.page_seconds))
        yield (
            f"**A factory was at work here** at {moment(sign.beat)}, since {moment(sign.began)}."
            f" {looked} It writes this page anew **by {again}**. Where that moment is past, nobody"
            " is at work: the factory has died, or cannot reach the forge."
        )
    else:
        yield f"**The factory makes single passes here.** {looked} Between passes nothing happens."


def _linked(board: Board, words: str, link: UrlFor) -> str:
    """The words, with a link at each number of an issue that the board shows."""
    shown = inline(words)
    for row in (*board.waiting, *board.under_way, *board.asked, *board.landed):
        number = row.summary.issue
        shown = referred(shown, number, link(f"issues/{number}"))
    return shown


def _brakes(board: Board, link: UrlFor) -> Iterator[str]:
    if board.stopped:
        yield (
            "**The whole factory is stopped.** `factory resume`, given where it runs, starts"
            " it again."
        )
    if board.frozen:
        yield (
            f"**Merging is frozen:** {_linked(board, board.frozen, link)}. Look at it first; then"
            " `factory resume`, given where the factory runs, lifts the freeze."
        )
    for words in board.broken:
        yield f"**Broken on the default branch:** {_linked(board, words, link)}."
    yield from _release_brakes(board, link)
    if board.paused:
        yield (
            f"**The factory pauses:** {inline(board.paused)}. It goes on then by itself; no issue"
            " fails for it, and what is approved still lands."
        )
    held = board.releases.held if board.releases else ""
    asks = any(one.is_in_trouble or one.asks_on for one in board.workflows)
    brakes = board.stopped or board.frozen or board.broken or board.paused or held
    if not (brakes or board.waiting or asks):
        yield "Nothing needs a person."


def _release_brakes(board: Board, link: UrlFor) -> Iterator[str]:
    found = board.releases
    if found and found.newest and found.has_failed_rollback:
        yield f"**Release {found.newest.number} is {inline(found.newest.stands)}.** Look at once."
    if found and found.held:
        yield (
            f"**Nothing more is released:** {_linked(board, found.held, link)}. `factory releases"
            " resume`, given where the factory runs, lifts it."
        )


def _sections(board: Board, link: UrlFor) -> Iterator[str]:
    yield from _waiting(board, link)
    yield from _releases(board, link)
    yield from _running(board, link)
    yield from _worked_on(board, link)


def _waiting(board: Board, link: UrlFor) -> Iterator[str]:
    """The issues that wait for a person, suspected attacks first."""
    yield from _section(
        "Suspected attacks",
        ("issue", "since", "what was tried", "where it stood", "to try again all the same"),
        (
            (
                _name(row, link),
                row.since,
                cell("; ".join(found.tried)),
                " · ".join(f"{cell(one.where)}: {cell(one.text)}" for one in found.passages),
                _next_command(row),
            )
            for row in board.waiting
            if (found := row.summary.suspicion)
        ),
    )
    yield from _section(
        "Needs a person",
        ("issue", "state", "since", "why", "what to comment there"),
        (
            (
                _name(row, link),
                row.summary.shown,
                row.since,
                cell(public_reason(row.summary.message)),
                _next_command(row),
            )
            for row in board.waiting
            if not row.summary.suspicion
        ),
    )


def _running(board: Board, link: UrlFor) -> Iterator[str]:
    """What is of no issue's way: the project's own workflows, and the errors of what runs."""
    yield from _section(
        "The project's own workflows",
        ("workflow", "state", "asks on", "why"),
        (
            (
                cell(one.workflow),
                one.shown,
                _numbers((one.asks_on,), link),
                cell(public_reason(one.message)) or "-",
            )
            for one in board.workflows
        ),
    )
    yield from _section(
        "Errors of the running app",
        ("issue", "state", "release", "which landed for"),
        (
            (
                _name(one.row, link),
                one.row.summary.shown,
                f"[`{one.landing:.10}`]({link(f'commit/{one.landing}')})"
                if one.landing
                else "unknown",
                f"[#{one.landed}]({link(f'issues/{one.landed}')})" if one.landed else "",
            )
            for one in board.errors
        ),
    )


def _worked_on(board: Board, link: UrlFor) -> Iterator[str]:
    """The other issues: those under way, those that wait for their filers, those that landed."""
    yield from _section(
        "Under way",
        ("issue", "state", "since"),
        ((_name(row, link), row.summary.shown, row.since) for row in board.under_way),
    )
    yield from _section(
        "Waiting for an answer of its filer",
        ("issue", "since"),
        ((_name(row, link), row.since) for row in board.asked),
    )
    yield from _section(
        f"Landed since {board.since}",
        ("issue", "commit", "evidence", "cost"),
        (
            (_name(row, link), _commit(row, link), _evidence(row, link), f"${row.cost:.4f}")
            for row in board.landed
        ),
    )


def _releases(board: Board, link: UrlFor) -> Iterator[str]:
    """The newest release, and what each environment serves. Days alone: a page that names the
    time would be written again and again."""
    found = board.releases
    if found is None:
        return
    if one := found.newest:
        yield "## Releases"
        filed = f" ({_numbers((one.filed,), link)})" if one.filed else ""
        row = (
            str(one.number),
            f"[`{one.commit:.10}`]({link(f'commit/{one.commit}')})",
            _numbers((*one.issues,), link),
            cell(one.stands),
            f"{one.at:%Y-%m-%d}",
            f"{cell(public_reason(one.fault))}{filed}" if one.fault else "nothing",
        )
        heads = ("release", "commit", "for", "state", "since", "what was wrong")
        yield table(heads, (row,))
    yield from _section(
        "What is served where",
        ("environment", "commit", "release", "landed for", "since"),
        (
            (
                cell(one.environment),
                f"[`{one.commit:.10}`]({link(f'commit/{one.commit}')})",
                (str(one.release) if one.release else "none")
                + (", again after a rollback" if one.is_rollback else ""),
                _numbers((one.issue,), link),
                f"{one.at:%Y-%m-%d}",
            )
            for one in found.live
        ),
    )


def _numbers(issues: tuple[int, ...], link: UrlFor) -> str:
    return ", ".join(f"[#{one}]({link(f'issues/{one}')})" for one in issues if one) or "none"


def _section(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    if shown := tuple(rows):
        yield f"## {title} ({len(shown)})"
        yield table(heads, shown)


def _name(row: DashboardRow, link: UrlFor) -> str:
    return (
        f"[#{row.summary.issue}]({link(f'issues/{row.summary.issue}')}) {cell(row.summary.title)}"
    )


def _next_command(row: DashboardRow) -> str:
    """The commands that would be accepted there now."""
    if row.summary.state == State.PAUSED:
        return "`/factory resume`"
    if row.summary.event == Event.LANDED_TREE_DIFFERS:
        return "look at what landed first"
    approve = (f"`/factory approve {row.approve}`",) if row.approve else ()
    again = f"`/factory retry {CONFIRMED}`" if row.summary.suspicion else "`/factory retry`"
    return " or ".join((again, *approve))


def _commit(row: DashboardRow, link: UrlFor) -> str:
    commit = row.summary.commit
    return f"[`{commit:.10}`]({link(f'commit/{commit}')})" if commit else "merged by a person"


def _evidence(row: DashboardRow, link: UrlFor) -> str:
    """Where to see the verdict: a published page, or else a file in the factory's home."""
    if not row.summary.evidence:
        return "none"
    page = link(row.summary.evidence)
    return (
        f"[{row.summary.verdict}]({page})"
        if page
        else f"{row.summary.verdict}, `{row.summary.evidence.removeprefix('/-/')}`"
    )


def _money(board: Board) -> Iterator[str]:
    yield "## Money"
    yield (
        f"By the models' price list: ${board.spent_today:.4f} today (UTC), of"
        f" {in_dollars(board.cap, places=2)} that a day may cost;"
        f" ${board.spent_yesterday:.4f} yesterday."
    )


def _ending(board: Board) -> str:
    digest = f" The last digest is `{board.digest}` in the factory's home." if board.digest else ""
    return (
        "---\n\nThe factory writes this page and reads nothing here. Give a command as a comment on"
        " the issue that it is about; `/factory help` lists the commands. `factory digest` prints"
        " the same"
        f" on a terminal.{digest}"
    )
