"""Check runs and statuses. On GitHub only Apps write checks; here every writer may."""

from harness.forge.embedded import checks, fields
from harness.forge.embedded.api.calls import Answer, Call
from harness.forge.embedded.api.git import named_commit
from harness.forge.embedded.api.paging import links, page_of, window
from harness.forge.embedded.checks import Outcome
from harness.forge.embedded.objects import SHA
from harness.forge.embedded.records import Repo, Role
from harness.forge.embedded.refused import Refused
from harness.forge.embedded.shapes import checks as shapes


def create(call: Call) -> Answer:
    """A new check run on a commit that is there."""
    repo = call.repo
    creator = call.need(repo, Role.WRITE)
    sha = _sha(call, repo, fields.needed_text(call.body, "head_sha", "CheckRun", limit=40))
    fields.needed_text(call.body, "name", "CheckRun", limit=200)
    check = checks.create(call.tx, repo, sha, _outcome(call), creator=creator)
    return Answer(shapes.check_run(call.tx.links, repo, check), 201)


def one(call: Call) -> Answer:
    """One check run."""
    repo = call.repo
    return Answer(shapes.check_run(call.tx.links, repo, checks.numbered(call.tx, repo, call.number)))


def change(call: Call) -> Answer:
    """What is new about a check run."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    changed = checks.change(call.tx, repo, checks.numbered(call.tx, repo, call.number), _outcome(call))
    return Answer(shapes.check_run(call.tx.links, repo, changed))


def of_commit(call: Call) -> Answer:
    """The check runs of a commit: the latest of each name, or with `filter=all` every one."""
    repo = call.repo
    every = call.query.get("filter") == "all"
    found = checks.of_commit(call.tx, repo, named_commit(call, repo), name=call.query.get("check_name"), every=every)
    asked = call.query.get("status")
    found = tuple(one for one in found if asked in (None, one.status))
    size, skip = window(call)
    shown = found[skip:skip + size]
    return Answer(shapes.check_runs(call.tx.links, repo, shown, total=len(found)), headers=links(call, len(found)))


def create_status(call: Call) -> Answer:
    """A new status on a commit that is there."""
    repo = call.repo
    creator = call.need(repo, Role.WRITE)
    fields.needed_text(call.body, "state", "Status")
    status = checks.create_status(
        call.tx, repo, _sha(call, repo, call.path["sha"]), creator=creator,
        state=fields.choice(call.body, "state", "Status", among=checks.STATES),
        context=fields.text(call.body, "context", "Status", limit=200) or "default",
        description=fields.text(call.body, "description", "Status", limit=140),
        target_url=fields.web_address(call.body, "target_url", "Status"),
    )
    return Answer(shapes.status(call.tx.links, repo, status), 201)


def status_list(call: Call) -> Answer:
    """Every status of a commit, newest first."""
    repo = call.repo
    found = checks.statuses_of(call.tx, repo, named_commit(call, repo))
    return page_of(call, found, shape=lambda item: shapes.status(call.tx.links, repo, item))


def combined(call: Call) -> Answer:
    """The newest status of each context, and what they come to."""
    repo = call.repo
    sha = named_commit(call, repo)
    found = checks.statuses_of(call.tx, repo, sha, latest=True)
    return Answer(shapes.combined(call.tx.links, repo, sha, found))


def _sha(call: Call, repo: Repo, sha: str) -> str:
    if not SHA.fullmatch(sha) or call.tx.git(repo).kind(sha) != "commit":
        raise Refused(422, f"No commit found for SHA: {sha}")
    return sha


def _outcome(call: Call) -> Outcome:
    output = call.body.get("output")
    said = output if isinstance(output, dict) else {}
    return Outcome(
        name=fields.text(call.body, "name", "CheckRun", limit=200),
        status=fields.choice(call.body, "status", "CheckRun", among=checks.STATUSES),
        conclusion=fields.choice(call.body, "conclusion", "CheckRun", among=checks.CONCLUSIONS),
        details_url=fields.web_address(call.body, "details_url", "CheckRun"),
        external_id=fields.text(call.body, "external_id", "CheckRun", limit=200),
        title=fields.text(said, "title", "CheckRun", limit=250), summary=fields.text(said, "summary", "CheckRun"),
        text=fields.text(said, "text", "CheckRun"),
    )


_REPO = "/repos/{owner}/{repo}"
ROUTES = (
    ("POST", f"{_REPO}/check-runs", create),
    ("GET", f"{_REPO}/check-runs/{{number:int}}", one),
    ("PATCH", f"{_REPO}/check-runs/{{number:int}}", change),
    ("POST", f"{_REPO}/statuses/{{sha}}", create_status),
    ("GET", f"{_REPO}/commits/{{ref:path}}/check-runs", of_commit),
    ("GET", f"{_REPO}/commits/{{ref:path}}/statuses", status_list),
    ("GET", f"{_REPO}/commits/{{ref:path}}/status", combined),
)
