"""The forge in memory: both ports of `harness.ports.forge`, with state, people, and bad days. No
server, no git.

It passes the contract suite that the real adapter passes (tests/adapters/test_contract.py).
Branches are a plain dict of names to shas that a test may share with a fake git; `contains(tip,
commit)` says what is in a branch."""

import re
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import RLock

from harness.domain.checks import ReportedCheck, RequiredCheck
from harness.domain.errors import ForgeError
from harness.domain.issue import (
    MOST_REVIEWS,
    Actor,
    Annotation,
    Comment,
    CommitSha,
    Issue,
    LineComment,
    News,
    Permission,
    PullRequest,
    Review,
)

FACTORY = Actor(1, "factory[bot]", bot=True)
OUR_APP = 4242


@dataclass
class Check:
    """A check run, as it was set last."""

    conclusion: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


@dataclass
class _Pull:
    number: int
    title: str
    branch: str
    head: str
    base: str
    author: Actor
    open: bool = True
    merged: bool = False
    same_repository: bool = True


@dataclass
class _Trouble:
    method: str
    error: ForgeError
    after: bool
    count: int


@dataclass
class FakeForge:
    """Give it issues at the start, or file them; look at `issue(7)`, `labels`, `checks`, `closed`
    and `writes`."""

    branches: dict[str, str] = field(default_factory=lambda: {"main": "0" * 40})
    contains: Callable[[str, str], bool] = lambda tip, commit: tip == commit
    merged: Callable[[str, str], str] = lambda base, head: (
        head
    )  # what a merge by the forge itself makes of the two
    main: str = "main"
    me: Actor = FACTORY
    writes: list[tuple[str, object]] = field(default_factory=list)  # what really changed, in order
    required: dict[str, tuple[RequiredCheck, ...]] = field(
        default_factory=dict
    )  # what each branch demands
    pinned: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._issues: dict[int, Issue] = {}
        self._reasons: dict[int, str] = {}
        self._pulls: dict[int, _Pull] = {}
        self._comments: dict[int, list[Comment]] = {}
        self._edited: set[int] = set()
        self._checks: dict[tuple[str, str], Check] = {}
        self._others_checks: dict[tuple[str, int, str], ReportedCheck] = {}
        self._statuses: dict[tuple[str, str], ReportedCheck] = {}
        self._logs: dict[int, str] = {}  # what the job behind a check run printed
        self._reviews: dict[int, dict[Review, str]] = {}  # with the state of each
        self._lines: dict[int, tuple[LineComment, ...]] = {}
        self._touched: dict[int, str] = {}  # when each pull request changed last
        self._people: dict[str, tuple[Actor, Permission]] = {
            self.me.login: (self.me, Permission.WRITE)
        }
        self._trouble: list[_Trouble] = []
        self.last_id = 100
        self._time = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)
        self._one_by_one = (
            RLock()
        )  # many hands ask, and a forge answers each as if it were alone: no number is given twice

    # The world around it, as a test makes it

    def person(self, login: str, permission: Permission = Permission.READ) -> Actor:
        """An account, made where it is new; its permission becomes what is given."""
        actor = self._people[login][0] if login in self._people else Actor(self._id(), login)
        self._people[login] = (actor, permission)
        return actor

    def file_issue(
        self, title: str, body: str = "", *, author: Actor | str = "ana", labels: Iterable[str] = ()
    ) -> Issue:
        """Somebody files an issue."""
        number, now = self._number(), self._now()
        who = self.person(author) if isinstance(author, str) else author
        insider = (
            self._people[who.login][1] not in (Permission.NONE, Permission.READ)
            if who.login in self._people
            else False
        )
        self._issues[number] = Issue(
            number, title, body, who, True, tuple(sorted(labels)), now, now, insider, 0
        )
        return self._issues[number]

    def say(self, number: int, body: str, *, author: Actor | str = "ana") -> Comment:
        """Somebody comments."""
        who = (
            self.person(author)
            if isinstance(author, str) and author not in self._people
            else author
        )
        actor = self._people[who][0] if isinstance(who, str) else who
        comment = Comment(self._id(), actor, body, self._now())
        self._comments.setdefault(number, []).append(comment)
        if number in self._issues:
            self._issues[number] = replace(
                self._issues[number], comments=len(self._comments[number])
            )
        self._touch(number)
        return comment

    def review(
        self,
        number: int,
        body: str,
        *,
        author: Actor | str = "ana",
        state: str = "CHANGES_REQUESTED",
        head: str = "",
        lines: Iterable[LineComment] = (),
    ) -> Review:
        """Somebody reviews a pull request at its head, or at an older one."""
        who = self.person(author) if isinstance(author, str) else author
        at = CommitSha(head or self._shown(self._pulls[number]).head)
        made = Review(self._id(), who, body, at, self._now())
        self._reviews.setdefault(number, {})[made] = state
        self._lines[made.id] = tuple(lines)
        self._touch(number)
        return made

    def edit_comment(self, number: int, comment: int, body: str, *, at_once: bool = False) -> None:
        """Somebody who may edits a comment; the forge goes on naming its author. `at_once`: within
        the second in which it was said, so that its times do not show it."""
        said = self._comments[number]
        place = next(at for at, one in enumerate(said) if one.id == comment)
        said[place] = replace(said[place], body=body, edited=not at_once)
        self._edited.add(comment)
        self._touch(number)

    def edit_issue(self, number: int, **changes: object) -> None:
        """Somebody edits, closes (`open=False`), reopens or relabels an issue."""
        self._issues[number] = replace(self._issues[number], **changes)
        self._touch(number)

    def propose(
        self, branch: str, *, author: Actor | str = "ana", same_repository: bool = True
    ) -> int:
        """Somebody opens a pull request from a branch."""
        who = self.person(author) if isinstance(author, str) else author
        pull = _Pull(
            self._number(),
            f"What is on {branch}",
            branch,
            self.branches[branch],
            self.main,
            who,
            same_repository=same_repository,
        )
        self._pulls[pull.number] = pull
        self._touch(pull.number)
        return pull.number

    def edit_pull_request(self, number: int, **changes: object) -> None:
        """Somebody closes a pull request (`open=False`), aims it at another `base`, or it was from
        elsewhere after all."""
        self._pulls[number] = replace(self._pulls[number], **changes)
        self._touch(number)

    def pass_(self, duration: timedelta) -> None:
        """The forge's own clock goes on."""
        self._time += duration

    def push(self, branch: str, sha: str) -> None:
        """Somebody pushes; pull requests follow."""
        self.branches[branch] = sha
        for pull in self._pulls.values():
            if pull.branch == branch:
                self._touch(pull.number)

    def report(
        self,
        sha: str,
        name: str,
        conclusion: str | None,
        *,
        app: int = 15368,
        output: str = "",
        log: str = "",
    ) -> None:
        """Another app's check on a commit; without a conclusion it is still under way."""
        run = self._id()
        self._logs[run] = log
        self._others_checks[sha, app, name] = ReportedCheck(
            name, app, conclusion, run=run, output=output
        )

    def state(self, sha: str, context: str, state: str) -> None:
        """Somebody's status on a commit."""
        self._statuses[sha, context] = ReportedCheck(
            context, None, None if state == "pending" else state
        )

    def fail(
        self,
        method: str,
        *,
        after: bool = False,
        retryable: bool = True,
        count: int = 1,
        message: str = "502",
        status: int | None = None,
    ) -> None:
        """The next calls of a method fail; with `after`, what they asked for was done all the
        same."""
        said = f"the forge failed at {method}: {message}"
        error = ForgeError(said, retryable=retryable, status=status)
        self._trouble.append(_Trouble(method, error, after, count))

    @property
    def checks(self) -> dict[tuple[str, str], Check]:
        """What was set, by commit and name."""
        return self._checks

    def reason(self, number: int) -> str | None:
        """Why an issue was closed: completed or not_planned."""
        return self._reasons.get(number)

    def ours(self, number: int) -> tuple[Comment, ...]:
        """The factory's comments."""
        return tuple(one for one in self._comments.get(number, ()) if one.author == self.me)

    # Forge

    def issues(self, *, since: str | None = None) -> tuple[Issue, ...]:
        with self._day("issues"):
            found = [self._issues[number] for number in sorted(self._issues)]
            return tuple(
                one
                for one in found
                if (one.open if since is None else _moment(one.updated_at) >= _moment(since))
            )

    def news(self, cursor: str = "") -> News:
        with self._day("news"):
            changed = [
                one
                for one in self._issues.values()
                if (one.updated_at > cursor if cursor else one.open)
            ]
            pulls = tuple(
                number
                for number, pull in sorted(self._pulls.items())
                if (self._touched[number] > cursor if cursor else self._shown(pull).open)
            )
            moments = (
                cursor,
                *(one.updated_at for one in self._issues.values()),
                *self._touched.values(),
            )
            return News(tuple(sorted(changed, key=lambda one: one.number)), pulls, max(moments))

    def issue(self, number: int) -> Issue:
        with self._day("issue"):
            if number in self._pulls:
                raise ForgeError(f"#{number} is a pull request, not an issue")
            return self._there(number)

    def comments(self, number: int) -> tuple[Comment, ...]:
        with self._day("comments"):
            self._known(number)
            return tuple(self._comments.get(number, ()))

    def is_original(self, comment: Comment) -> bool:
        with self._day("is_original"):
            said = (one for comments in self._comments.values() for one in comments)
            found = next((one for one in said if one.id == comment.id), None)
            is_edited = comment.id in self._edited
            return found is not None and not is_edited and found.body == comment.body

    def change_requests(self, number: int) -> tuple[Review, ...]:
        with self._day("change_requests"):
            states = self._reviews.get(number, {})
            asking = tuple(one for one, state in states.items() if state == "CHANGES_REQUESTED")
            return asking[-MOST_REVIEWS:]

    def change_request_count(self, number: int) -> int:
        with self._day("change_request_count"):
            return [*self._reviews.get(number, {}).values()].count("CHANGES_REQUESTED")

    def line_comments(self, number: int, review: int) -> tuple[LineComment, ...]:
        with self._day("line_comments"):
            return self._lines[review]

    def permission(self, actor: Actor) -> Permission:
        with self._day("permission"):
            known, permission = self._people.get(actor.login, (None, Permission.NONE))
            return permission if known is not None and known.id == actor.id else Permission.NONE

    def account(self) -> Actor:
        with self._day("account"):
            return self.me

    def pull_request(self, number: int) -> PullRequest:
        with self._day("pull_request"):
            if number not in self._pulls:
                raise ForgeError(
                    f"the forge failed at reading pull request #{number}: 404 Not Found"
                )
            return self._shown(self._pulls[number])

    def pull_requests(self) -> tuple[PullRequest, ...]:
        with self._day("pull_requests"):
            shown = (self._shown(self._pulls[number]) for number in sorted(self._pulls))
            return tuple(pull for pull in shown if pull.open)

    def default_branch(self) -> str:
        with self._day("default_branch"):
            return self.main

    def check_runs(self, sha: CommitSha) -> tuple[ReportedCheck, ...]:
        with self._day("check_runs"):
            ours = [
                ReportedCheck(name, OUR_APP, check.conclusion)
                for (of, name), check in self._checks.items()
                if of == sha
            ]
            return (*ours, *(run for (of, _, _), run in self._others_checks.items() if of == sha))

    def check_log(self, run: int) -> str:
        with self._day("check_log"):
            return self._logs[run]

    def statuses(self, sha: CommitSha) -> tuple[ReportedCheck, ...]:
        with self._day("statuses"):
            return tuple(status for (of, _), status in self._statuses.items() if of == sha)

    def required_checks(self, branch: str) -> tuple[RequiredCheck, ...]:
        with self._day("required_checks"):
            return self.required.get(branch, ())

    # ForgeWriter

    def set_state_label(self, number: int, label: str, *, among: Iterable[str]) -> None:
        with self._day("set_state_label"):
            self._known(number)
            worn = self._worn(number)
            wanted = tuple(sorted((set(worn) - set(among)) | {label}))
            if wanted != worn:
                self._wear(number, wanted)
                self.writes.append(("set_state_label", (number, label)))

    def upsert_comment(self, number: int, marker: str, body: str) -> None:
        with self._day("upsert_comment"):
            self._known(number)
            mine = [one for one in self.ours(number) if one.body.startswith(marker)]
            if not mine:
                self.say(number, body, author=self.me)
            elif _plain(mine[0].body) != _plain(body):
                said = self._comments[number]
                said[said.index(mine[0])] = replace(mine[0], body=body)
                self._touch(number)
            else:
                return
            self.writes.append(("upsert_comment", (number, body)))

    def open_pull_request(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        with self._day("open_pull_request"):
            for one in self._pulls.values():
                if (
                    self._shown(one).open
                    and (one.branch, one.base) == (branch, base)
                    and one.same_repository
                ):
                    return self._shown(one)
            missing = next((name for name in (branch, base) if name not in self.branches), None)
            if missing or self.contains(self.branches[base], self.branches[branch]):
                why = (
                    f"no branch {missing}" if missing else f"No commits between {base} and {branch}"
                )
                raise ForgeError(
                    f"the forge failed at opening a pull request from {branch}: 422 {why}"
                )
            pull = _Pull(self._number(), title, branch, self.branches[branch], base, self.me)
            self._pulls[pull.number] = pull
            self._touch(pull.number)
            self.writes.append(("open_pull_request", pull.number))
            return self._shown(pull)

    def merge_pull_request(self, number: int, *, sha: CommitSha) -> CommitSha:
        with self._day("merge_pull_request"):
            pull = self._pulls[number]
            shown = self._shown(pull)
            if shown.merged and shown.head == sha:
                return CommitSha(self.branches[pull.base])
            if not shown.open or shown.head != sha:
                raise ForgeError(
                    f"the forge failed at merging pull request #{number}: 409 Head branch was"
                    " modified"
                )
            merged = self.merged(self.branches[pull.base], pull.head)
            self.branches[pull.base] = merged
            self.writes.append(("merge_pull_request", number))
            return CommitSha(merged)

    def close_issue(self, number: int, *, completed: bool) -> None:
        with self._day("close_issue"):
            if self._there(number).open:
                self.edit_issue(number, open=False)
                self._reasons[number] = "completed" if completed else "not_planned"
                self.writes.append(("close_issue", number))

    def reopen_issue(self, number: int) -> None:
        with self._day("reopen_issue"):
            if not self._there(number).open:
                self.edit_issue(number, open=True)
                self.writes.append(("reopen_issue", number))

    def set_check(
        self,
        sha: CommitSha,
        name: str,
        *,
        conclusion: str,
        title: str,
        summary: str,
        annotations: Iterable[Annotation] = (),
    ) -> None:
        with self._day("set_check"):
            wanted = Check(conclusion, title, summary, tuple(annotations))
            if self._checks.get((sha, name)) != wanted:
                self._checks[sha, name] = wanted
                self.writes.append(("set_check", (sha, name, conclusion)))

    def upsert_issue(self, marker: str, *, title: str, body: str) -> int:
        with self._day("upsert_issue"):
            ours = [
                one
                for one in self._issues.values()
                if one.open and one.author == self.me and one.body.startswith(marker)
            ]
            if not ours:
                number = self.file_issue(title, body, author=self.me).number
            else:
                number = ours[0].number
                for double in ours[1:]:
                    self.edit_issue(double.number, open=False)
                    self._reasons[double.number] = "not_planned"
                if (ours[0].title, _plain(ours[0].body)) == (title, _plain(body)):
                    return number
                self.edit_issue(number, title=title, body=body)
            self.writes.append(("upsert_issue", (number, body)))
            return number

    def pin_issue(self, number: int) -> bool:
        with self._day("pin_issue"):
            self._there(number)
            if number in self.pinned:
                return True
            if len(self.pinned) == 3:
                return False
            self.pinned.append(number)
            self.writes.append(("pin_issue", number))
            return True

    # How it keeps things

    @contextmanager
    def _day(self, method: str):
        """A good day, or a bad one that was asked for."""
        with self._one_by_one:
            bad = next(
                (one for one in self._trouble if one.method == method and one.count > 0), None
            )
            if bad is not None:
                bad.count -= 1
            if bad is not None and not bad.after:
                raise bad.error
            yield
            if bad is not None:
                raise bad.error

    def _shown(self, pull: _Pull) -> PullRequest:
        """A pull request follows its branch, and is merged once its base holds its head."""
        tip, base = self.branches.get(pull.branch, pull.head), self.branches.get(pull.base, "")
        if pull.open:
            pull.merged = bool(base) and self.contains(base, tip)
            pull.head, pull.open = tip, not pull.merged and pull.branch in self.branches
        return PullRequest(
            pull.number,
            pull.title,
            pull.branch,
            CommitSha(pull.head),
            pull.base,
            pull.author,
            pull.open,
            pull.merged,
            pull.same_repository,
        )

    def _there(self, number: int) -> Issue:
        if number not in self._issues:
            raise ForgeError(f"the forge failed at reading issue #{number}: 404 Not Found")
        return self._issues[number]

    def _known(self, number: int) -> None:
        if number not in self._pulls:
            self._there(number)

    def _worn(self, number: int) -> tuple[str, ...]:
        return (
            self._issues[number].labels
            if number in self._issues
            else self._pull_labels.get(number, ())
        )

    def _wear(self, number: int, labels: tuple[str, ...]) -> None:
        if number in self._issues:
            self.edit_issue(number, labels=labels)
        else:
            self._pull_labels[number] = labels

    @property
    def _pull_labels(self) -> dict[int, tuple[str, ...]]:
        return self.__dict__.setdefault("_labels_of_pulls", {})

    def _touch(self, number: int) -> None:
        if number in self._issues:
            self._issues[number] = replace(self._issues[number], updated_at=self._now())
        else:
            self._touched[number] = self._now()

    def _now(self) -> str:
        self._time += timedelta(seconds=1)
        return self._time.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _number(self) -> int:
        return 1 + len(self._issues) + len(self._pulls)

    def _id(self) -> int:
        self.last_id += 1
        return self.last_id


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _plain(text: str) -> str:
    return re.sub(r"\r\n?", "\n", text).strip()
