"""The same world twice: the local forge through the real adapter, and the fake. The contract is
asked of both."""

from harness.domain.issue import Actor, LineComment
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.programs.local_forge.content.reviews import STATES
from tests.fakes.faulty_forge import inject
from tests.fakes.forge import FakeForge


class FakeWorld:
    def __init__(self) -> None:
        self.forge = FakeForge(contains=lambda tip, commit: commit in tip)

    def file(self, title, body="", *, labels=()):
        return self.forge.file_issue(title, body, labels=labels).number

    def say(self, number, body):
        return self.forge.say(number, body, author="ben").author

    def edit_comment(self, number, comment, body) -> None:
        self.forge.edit_comment(number, comment, body)

    def review(self, number, event, body, line=None):
        remarks = [LineComment("app.py", line, f"About line {line}.")] if line else []
        state = STATES[event]
        return self.forge.review(number, body, author="ben", state=state, lines=remarks).author

    def close(self, number) -> None:
        self.forge.edit_issue(number, open=False)

    def reason(self, number):
        return self.forge.reason(number)

    def tip(self):
        return self.forge.branches["main"]

    def push(self, branch):
        self.forge.push(
            branch,
            f"{len(self.forge.branches)}{len(self.forge.writes)}{branch}"[:12].ljust(40, "f"),
        )
        return self.forge.branches[branch]

    def land(self, branch) -> None:
        self.forge.branches["main"] += self.forge.branches[branch]

    def person(self, name, permission):
        return self.forge.person(name, permission)

    def checks(self, sha):
        return {
            name: check.conclusion for (of, name), check in self.forge.checks.items() if of == sha
        }

    def marks(self):
        return list(self.forge.writes)

    def fail_after(self, method) -> None:
        self.forge.fail(method, after=True)

    def fail_before(self, method) -> None:
        self.forge.fail(method)


_PATHS = {
    "upsert_comment": ("POST", r".*/comments"),
    "open_pull_request": ("POST", r".*/pulls"),
    "set_check": ("POST", r".*/check-runs"),
    "set_state_label": ("POST", r".*/issues/\d+/labels"),
    "close_issue": ("PATCH", r".*/issues/\d+"),
    "reopen_issue": ("PATCH", r".*/issues/\d+"),
}


class RealWorld:
    def __init__(self, place) -> None:
        self.place = place
        self.forge = GitHubForge(Access(place.name, place.factory.token, place.forge.api))
        self.pushes = 0

    def file(self, title, body="", *, labels=()):
        number = self.place.file(title, body)
        if labels:
            self.place.api(
                "POST",
                f"/issues/{number}/labels",
                by=self.place.owner,
                json={"labels": list(labels)},
            )
        return number

    def say(self, number, body):
        ben = self.place.person("ben")
        assert (
            self.place.api(
                "POST", f"/issues/{number}/comments", by=ben, json={"body": body}
            ).status_code
            == 201
        )
        return Actor(ben.id, ben.login)

    def edit_comment(self, number, comment, body) -> None:
        path, by = f"/issues/comments/{comment}", self.place.owner
        edited = self.place.api("PATCH", path, by=by, json={"body": body})
        assert edited.status_code == 200, edited.text

    def review(self, number, event, body, line=None):
        ben = self.place.person("ben")
        remarks = [{"path": "app.py", "line": line, "body": f"About line {line}."}] if line else []
        made = self.place.api(
            "POST",
            f"/pulls/{number}/reviews",
            by=ben,
            json={"event": event, "body": body, "comments": remarks},
        )
        assert made.status_code == 200, made.text
        return Actor(ben.id, ben.login)

    def close(self, number) -> None:
        self.place.api("PATCH", f"/issues/{number}", by=self.place.owner, json={"state": "closed"})

    def reason(self, number):
        return self.place.api("GET", f"/issues/{number}").json()["state_reason"]

    def tip(self):
        return self.place.api("GET", "/branches/main").json()["commit"]["sha"]

    def push(self, branch):
        self.pushes += 1
        if self.place.api("GET", f"/branches/{branch}").status_code == 404:
            made = {"ref": f"refs/heads/{branch}", "sha": self.tip()}
            self.place.api("POST", "/git/refs", by=self.place.factory, json=made)
        return self.place.push({"app.py": f"print({self.pushes})\n"}, branch=branch)

    def land(self, branch) -> None:
        sha = self.place.api("GET", f"/branches/{branch}").json()["commit"]["sha"]
        moved = self.place.api(
            "PATCH", "/git/refs/heads/main", by=self.place.factory, json={"sha": sha}
        )
        assert moved.status_code == 200, moved.text

    def person(self, name, permission):
        account = self.place.person(name, role=permission.value)
        return Actor(account.id, account.login)

    def checks(self, sha):
        runs = self.place.api("GET", f"/commits/{sha}/check-runs").json()["check_runs"]
        return {run["name"]: run["conclusion"] for run in runs}

    def marks(self):
        """All that a write would leave: events, comments, check runs, pull requests and their
        times."""
        issues = self.place.api("GET", "/issues?state=all&per_page=100").json()
        comments = [
            self.place.api("GET", f"/issues/{one['number']}/comments").json() for one in issues
        ]
        events = self.place.api("GET", "/issues/events?per_page=100").json()
        branches = self.place.api("GET", "/branches").json()
        checks = [
            self.place.api("GET", f"/commits/{one['commit']['sha']}/check-runs?filter=all").json()
            for one in branches
        ]
        return issues, comments, events, checks

    def fail_after(self, method) -> None:
        self._fail(method, "error-after")

    def fail_before(self, method) -> None:
        self._fail(method, "error-before")

    def _fail(self, method, kind) -> None:
        verb, path = _PATHS[method]
        inject(self.place.forge, kind, method=verb, path=path)
