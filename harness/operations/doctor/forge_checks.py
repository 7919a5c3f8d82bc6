"""What `factory doctor` proves against the forge, by doing it: each right by a request that would
need it and changes nothing, a check by one that appears, a push by one that moves nothing.

What it writes is the same every time: one check run, `factory/doctor`, on the tip of the default
branch."""

import secrets
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from harness.domain.errors import FactoryError
from harness.home.document import HomeFile, read_home
from harness.home.programs import api_of, token
from harness.operations.doctor.finding import Finding, Level, fail, ok, warn
from harness.operations.doctor.forge_requests import ForgeLine, Unwell
from harness.operations.doctor.push_check import push_finding

CHECK = "factory/doctor"
APPEARS_SECONDS, LOOK_SECONDS = 10.0, 0.3
MOST_SKEW_SECONDS = 60.0
"""An app's key is good for minutes, and GitHub takes no token from a clock further off than
that."""

SCARCE = 0.2
NOT_RUNNING = "the embedded forge is not running; the factory starts it when it works"


def forge_findings(home: Path) -> Iterator[tuple[str, Finding]]:
    """Every check of the forge by name, in order. Where it cannot be reached at all, that is the
    only one."""
    document = read_home(home)
    try:
        if (found := trial(document)) is not None:
            yield "forge token", found
        line = line_of(home, document)
    except FactoryError as error:
        yield "forge", fail(str(error), "`factory connect` makes the home's way to its forge anew")
        return
    if line is None:
        yield "forge", ok(NOT_RUNNING)
        return
    first = _found(reached, line)
    yield "forge", first
    if first.level is Level.FAIL:
        return
    if document.app:
        yield "forge permissions", permissions(home)
    for name, check in CHECKS:
        yield f"forge {name}", _found(check, line)


def line_of(home: Path, document: HomeFile) -> ForgeLine | None:
    """The way to the home's repository; None where its embedded forge does not run. Raises
    ConfigError or ForgeError where the home has no credential that works."""
    from harness.home.credentials import APP_KEY, app_at
    from harness.programs.local_forge.start import running

    name = f"{document.owner}/{document.name}"
    if document.is_embedded:
        there, secret = running(home / "forge"), token(home, document)
        return ForgeLine(there.api, there.url, name, secret) if there else None
    api = api_of(document.forge)
    secret = (
        app_at(document, api, key_file=home / APP_KEY).token()
        if document.app
        else token(home, document)
    )
    return ForgeLine(api, document.forge, name, secret, is_app=bool(document.app))


def trial(document: HomeFile) -> Finding | None:
    """A token is for trial; None of an app, and of a token on this machine's own forge, which asks
    for no more."""
    from harness.home.credentials import is_local, token_warning

    if document.app or document.is_embedded or is_local(api := api_of(document.forge)):
        return None
    return warn(
        token_warning(api),
        "a GitHub App is what serves nightly: `factory init --github OWNER/NAME` makes one",
    )


def permissions(home: Path) -> Finding:
    """What the app was granted on this repository, one by one, against what is needed."""
    from harness.home.credentials import APP_KEY, app_at, lacking, rights_of

    document = read_home(home)
    try:
        rights = rights_of(
            app_at(document, api_of(document.forge), key_file=home / APP_KEY),
            f"{document.owner}/{document.name}",
        )
    except FactoryError as error:
        return fail(str(error), "`factory connect` makes the home's way to its forge anew")
    if rights.lacks:
        return fail(lacking(rights), "grant what is named, and run `factory doctor` again")
    if rights.beyond:
        return warn(
            f"the app {rights.slug} was granted more than is needed: {', '.join(rights.beyond)}",
            f"take it back at {rights.page}; the factory's tokens are made without it",
        )
    return ok(f"the app {rights.slug} has on {rights.account} what is needed, and no more")


def reached(line: ForgeLine) -> Finding:
    """The repository, by the API, and whether this credential may write to it at all."""
    found = line.get("")
    if line.is_app:  # of an installation's token the repository does not say what it may
        return ok(f"{line.api} shows {line.repository} to the app")
    rights = found.document.get("permissions") or {}
    if not rights.get("push"):
        return fail(
            f"the token may read {line.repository} and not write to it",
            "give it write access to contents, issues, pull requests and checks; `factory connect`"
            " takes a new one",
        )
    if rights.get("admin"):
        return warn(
            f"the token may administer {line.repository}",
            "write access is enough: take a token that may do less",
        )
    return ok(f"{line.api} shows {line.repository}, and the token may write to it")


def clock(line: ForgeLine) -> Finding:
    """This machine's clock against the forge's."""
    found = line.get("")
    try:
        skew = found.at - parsedate_to_datetime(found.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return warn(
            "the forge does not say what time it is",
            "look at what is between here and the forge: a proxy took it out",
        )
    if abs(skew) > MOST_SKEW_SECONDS:
        return fail(
            f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the"
            " forge's",
            "set the clock, and keep it by NTP: the forge takes no app's key from another time",
        )
    return ok(f"this machine's clock and the forge's are {abs(skew):.0f} s apart")


def limit(line: ForgeLine) -> Finding:
    """How many requests are left of this hour."""
    headers = line.get("").headers
    try:
        left, most = int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-limit"])
        again = time.strftime("%H:%M", time.gmtime(int(headers["x-ratelimit-reset"])))
    except (KeyError, ValueError):
        return ok("the forge names no rate limit")
    says = f"{left} of {most} requests are left until {again} UTC"
    if left < most * SCARCE:
        return warn(
            f"the rate limit is nearly reached: {says}",
            "look less often (`factory up --interval`), or connect as an app",
        )
    return ok(says)


def branch(line: ForgeLine) -> Finding:
    """The branch that production follows."""
    name = _default_branch(line)
    found = line.get(f"/branches/{quote(name, safe='')}", may=(404,))
    if found.status == 404:
        return fail(
            f"the default branch {name} has no commit", "push one: the factory reads its law there"
        )
    return ok(f"the default branch is {name}, at {found.document['commit']['sha']:.10}")


def issues(line: ForgeLine) -> Finding:
    """The right to write issues: one without a title is turned down for that, or for want of the
    right."""
    return _tried(
        line,
        "issues",
        "/issues",
        {},
        "an issue without a title was turned down for its want of one",
    )


def pulls(line: ForgeLine) -> Finding:
    """The right to open pull requests, in the same way."""
    return _tried(
        line,
        "pull requests (pull_requests: write)",
        "/pulls",
        {},
        "a pull request of nothing was turned down for being one",
    )


def checks(line: ForgeLine) -> Finding:
    """A check run, written and waited for until it is seen by whoever reads them."""
    sha = str(line.get(f"/commits/{quote(_default_branch(line), safe='')}").document["sha"])
    runs = f"/commits/{sha}/check-runs?check_name={quote(CHECK, safe='')}"
    mark = secrets.token_hex(8)
    body = {
        "name": CHECK,
        "status": "completed",
        "conclusion": "success",
        "external_id": mark,
        "output": {
            "title": "factory doctor can write checks",
            "summary": f"Written by `factory doctor`; {mark}.",
        },
    }
    known = [run["id"] for run in line.get(runs).document["check_runs"]]
    where = f"/repos/{line.repository}/check-runs"
    try:
        if known:
            line.ask("PATCH", f"{where}/{known[0]}", json=body, may=(200,))
        else:
            line.ask("POST", where, json={**body, "head_sha": sha}, may=(201,))
    except Unwell as unwell:
        fix = (
            "only apps may, on github.com: `factory init --github` makes one; grant it checks:"
            " write"
        )
        return fail(
            f"checks cannot be written: {unwell.finding.says}",
            fix if unwell.status == 403 else unwell.finding.fix,
        )
    return _appeared(line, runs, mark, sha)


def _appeared(line: ForgeLine, runs: str, mark: str, sha: str) -> Finding:
    deadline = time.monotonic() + APPEARS_SECONDS
    while time.monotonic() < deadline:
        if any(run.get("external_id") == mark for run in line.get(runs).document["check_runs"]):
            return ok(f"the check {CHECK} was written to {sha:.10}, and appeared")
        time.sleep(LOOK_SECONDS)
    return fail(
        f"the check {CHECK} was written to {sha:.10} and did not appear within"
        f" {APPEARS_SECONDS:g} s",
        "the forge's lists lag behind: no required check will be seen in time; look at its status"
        " page, and at proxies that keep answers",
    )


def _tried(line: ForgeLine, right: str, path: str, body: dict[str, object], proved: str) -> Finding:
    try:
        line.ask("POST", f"/repos/{line.repository}{path}", json=dict(body), may=(400, 422))
    except Unwell as unwell:
        return fail(f"{right} cannot be written: {unwell.finding.says}", unwell.finding.fix)
    return ok(f"{right} can be written: {proved}")


def push(line: ForgeLine) -> Finding:
    """The right to move the default branch, which landing is."""
    name = _default_branch(line)
    head = line.get(f"/commits/{quote(name, safe='')}").document
    parents = [str(parent["sha"]) for parent in head.get("parents", ())]
    return push_finding(line, name, head=str(head["sha"]), before=parents[0] if parents else "")


def _default_branch(line: ForgeLine) -> str:
    return str(line.get("").document["default_branch"])


def _found(check: Callable[[ForgeLine], Finding], line: ForgeLine) -> Finding:
    try:
        return check(line)
    except Unwell as unwell:
        return unwell.finding
    except (KeyError, TypeError, AttributeError) as error:
        return fail(
            f"what {line.api} answered is not the API: {error!r}",
            "look at the address, and at what is between",
        )


CHECKS: tuple[tuple[str, Callable[[ForgeLine], Finding]], ...] = (
    ("clock", clock),
    ("limit", limit),
    ("branch", branch),
    ("issues", issues),
    ("pulls", pulls),
    ("checks", checks),
    ("push", push),
)
