"""Check runs and statuses.

Only Apps write checks, as on GitHub: an installation's token, or an account of the kind Bot, which
stands for an App of the same number. With `--people-write-checks` every writer may.
"""

from harness.domain.plain import JsonDict
from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.git import named_commit
from harness.programs.local_forge.api.paging import links, page_of, window
from harness.programs.local_forge.content import checks
from harness.programs.local_forge.content.checks import CheckUpdate
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.objects import SHA
from harness.programs.local_forge.refused import Refused, invalid
from harness.programs.local_forge.shapes import checks as shapes
from harness.programs.local_forge.storage.records import Repo, Role, User


def create(call: ApiCall) -> ApiResponse:
    """Create a check run on an existing commit."""
    repo = call.repo
    creator = _writer(call, repo)
    sha = _sha(call, repo, fields.needed_text(call.body, "head_sha", "CheckRun", limit=40))
    fields.needed_text(call.body, "name", "CheckRun", limit=200)
    check = checks.create(call.tx, repo, sha, _check_update(call), creator=creator)
    return ApiResponse(shapes.check_run(call.tx.links, repo, check), 201)


def one(call: ApiCall) -> ApiResponse:
    """One check run."""
    repo = call.repo
    return ApiResponse(
        shapes.check_run(call.tx.links, repo, checks.numbered(call.tx, repo, call.number))
    )


def change(call: ApiCall) -> ApiResponse:
    """Update a check run. Only the App that created it may."""
    repo = call.repo
    writer, check = _writer(call, repo), checks.numbered(call.tx, repo, call.number)
    if check.creator.id != writer.id:
        raise Refused(
            403,
            f"Invalid app_id `{writer.id}` - check run can only be modified by the GitHub App that"
            " created it.",
        )
    return ApiResponse(
        shapes.check_run(
            call.tx.links, repo, checks.change(call.tx, repo, check, _check_update(call))
        )
    )


def annotations(call: ApiCall) -> ApiResponse:
    """A check run's annotations, in the order they were added."""
    repo = call.repo
    found = checks.numbered(call.tx, repo, call.number)
    return page_of(
        call,
        found.annotations,
        shape=lambda one: shapes.annotation(call.tx.links, repo, found, one),
    )


def suites(call: ApiCall) -> ApiResponse:
    """The check suites of a commit: one for each App that wrote checks on it."""
    repo = call.repo
    found = checks.suites_of(call.tx, repo, named_commit(call, repo))
    asked = call.query.get("app_id")
    found = tuple(one for one in found if asked in (None, str(one.creator.id)))
    size, skip = window(call)
    sha = found[0].head_sha if found else ""
    tip = commits.commit(call.tx.git(repo), sha) if found else None
    shown = [
        shapes.suite(call.tx.links, repo, one, tip) for one in found[skip : skip + size] if tip
    ]
    return ApiResponse(
        {"total_count": len(found), "check_suites": shown}, headers=links(call, len(found))
    )


def of_commit(call: ApiCall) -> ApiResponse:
    """The check runs of a commit: the latest of each name, or with `filter=all` every one."""
    repo = call.repo
    every = call.query.get("filter") == "all"
    app = call.query.get("app_id")
    if app is not None and not (app.isascii() and app.isdigit() and len(app) < 12):
        raise invalid("CheckRun", "app_id", "app_id must be the number of an App")
    found = checks.of_commit(
        call.tx,
        repo,
        named_commit(call, repo),
        name=call.query.get("check_name"),
        every=every,
        app=None if app is None else int(app),
    )
    asked = call.query.get("status")
    found = tuple(one for one in found if asked in (None, one.status))
    size, skip = window(call)
    shown = found[skip : skip + size]
    return ApiResponse(
        shapes.check_runs(call.tx.links, repo, shown, total=len(found)),
        headers=links(call, len(found)),
    )


def create_status(call: ApiCall) -> ApiResponse:
    """A new status on a commit that is there."""
    repo = call.repo
    creator = call.need(repo, Role.WRITE)
    fields.needed_text(call.body, "state", "Status")
    status = checks.create_status(
        call.tx,
        repo,
        _sha(call, repo, call.path["sha"]),
        creator=creator,
        state=fields.choice(call.body, "state", "Status", among=checks.STATES),
        context=fields.text(call.body, "context", "Status", limit=200) or "default",
        description=fields.text(call.body, "description", "Status", limit=140),
        target_url=fields.web_address(call.body, "target_url", "Status"),
    )
    return ApiResponse(shapes.status(call.tx.links, repo, status), 201)


def status_list(call: ApiCall) -> ApiResponse:
    """Every status of a commit, newest first."""
    repo = call.repo
    found = checks.statuses_of(call.tx, repo, named_commit(call, repo))
    return page_of(call, found, shape=lambda item: shapes.status(call.tx.links, repo, item))


def combined(call: ApiCall) -> ApiResponse:
    """The newest status of each context, and their combined state."""
    repo = call.repo
    sha = named_commit(call, repo)
    found = checks.statuses_of(call.tx, repo, sha, latest=True)
    return ApiResponse(shapes.combined(call.tx.links, repo, sha, found))


def _writer(call: ApiCall, repo: Repo) -> User:
    """The caller, who may write checks. Raises Refused (401, 403)."""
    writer = call.need(repo, Role.WRITE)
    if writer.kind != "Bot" and not call.service.settings.people_write_checks:
        raise Refused(403, "You must authenticate via a GitHub App.")
    return writer


def _sha(call: ApiCall, repo: Repo, sha: str) -> str:
    # The pattern comes first: git would also resolve names and expressions.
    if not SHA.fullmatch(sha) or call.tx.git(repo).kind(sha) != "commit":
        raise Refused(422, f"No commit found for SHA: {sha}")
    return sha


def _check_update(call: ApiCall) -> CheckUpdate:
    output = call.body.get("output")
    given = output if isinstance(output, dict) else {}
    return CheckUpdate(
        name=fields.text(call.body, "name", "CheckRun", limit=200),
        status=fields.choice(call.body, "status", "CheckRun", among=checks.STATUSES),
        conclusion=fields.choice(call.body, "conclusion", "CheckRun", among=checks.CONCLUSIONS),
        details_url=fields.web_address(call.body, "details_url", "CheckRun"),
        external_id=fields.text(call.body, "external_id", "CheckRun", limit=200),
        title=fields.text(given, "title", "CheckRun", limit=250),
        summary=fields.text(given, "summary", "CheckRun"),
        text=fields.text(given, "text", "CheckRun"),
        annotations=_annotations(given.get("annotations", [])),
    )


def _annotations(sent: object) -> tuple[JsonDict, ...]:
    if (
        not isinstance(sent, list)
        or len(sent) > MOST_ANNOTATIONS
        or not all(isinstance(one, dict) for one in sent)
    ):
        raise invalid(
            "CheckRun",
            "annotations",
            f"annotations must be a list of at most {MOST_ANNOTATIONS} objects",
        )
    return tuple(_annotation(one) for one in sent)


def _annotation(sent: JsonDict) -> JsonDict:
    """One annotation of lines in a file. Columns are allowed for a single line only, as
    on GitHub."""
    level = fields.choice(sent, "annotation_level", "CheckRun", among=checks.LEVELS)
    if level is None:
        raise invalid(
            "CheckRun",
            "annotation_level",
            f"annotation_level must be one of {', '.join(sorted(checks.LEVELS))}",
        )
    lines = {
        name: fields.number(sent, name, "CheckRun", among=range(1, 2**31))
        for name in ("start_line", "end_line")
    }
    columns = {
        name: None
        if sent.get(name) is None
        else fields.number(sent, name, "CheckRun", among=range(1, 2**31))
        for name in ("start_column", "end_column")
    }
    if lines["end_line"] < lines["start_line"] or (
        any(columns.values()) and lines["end_line"] != lines["start_line"]
    ):
        raise invalid(
            "CheckRun",
            "end_line",
            "end_line must not be before start_line, and columns are for one line only",
        )
    return {
        "path": fields.needed_text(sent, "path", "CheckRun", limit=4_096),
        "annotation_level": level,
        "message": fields.needed_text(sent, "message", "CheckRun"),
        "title": fields.text(sent, "title", "CheckRun", limit=255),
        "raw_details": fields.text(sent, "raw_details", "CheckRun"),
        **lines,
        **columns,
    }


# In one request, as on GitHub.
MOST_ANNOTATIONS = 50
_REPO = "/repos/{owner}/{repo}"
ROUTES = (
    ("POST", f"{_REPO}/check-runs", create),
    ("GET", f"{_REPO}/check-runs/{{number:int}}", one),
    ("PATCH", f"{_REPO}/check-runs/{{number:int}}", change),
    ("GET", f"{_REPO}/check-runs/{{number:int}}/annotations", annotations),
    ("POST", f"{_REPO}/statuses/{{sha}}", create_status),
    ("GET", f"{_REPO}/commits/{{ref:path}}/check-runs", of_commit),
    ("GET", f"{_REPO}/commits/{{ref:path}}/check-suites", suites),
    ("GET", f"{_REPO}/commits/{{ref:path}}/statuses", status_list),
    ("GET", f"{_REPO}/commits/{{ref:path}}/status", combined),
)
