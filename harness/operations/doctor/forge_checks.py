"""The checks of `factory doctor` on the forge. Each right is proved by a request that needs it and
changes nothing, a check run by one that appears, and a push by one that moves nothing.

The only thing written is one check run, `factory/doctor`, on the tip of the default branch. It is
the same one every time."""

import secrets
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from harness.domain.errors import FactoryError
from harness.home.document import BRANCH, HomeFile, read_home
from harness.home.programs import api_of, token
from harness.operations.doctor.finding import HealthFinding, Severity, fail, ok, warn
from harness.operations.doctor.forge_requests import CheckFailed, ForgeConnection
from harness.operations.doctor.push_check import push_finding
from harness.repository.state_branch import BRANCH as STATE_BRANCH

CHECK = "factory/doctor"
APPEARS_SECONDS, LOOK_SECONDS = 10.0, 0.3
MOST_SKEW_SECONDS = 60.0
"""GitHub refuses an app's token from a clock that is further off than this."""

SCARCE = 0.2
NEW_CREDENTIAL = "`factory connect` sets up the home's access to its forge again"
NOT_RUNNING = "the local forge is not running; the factory starts it when it works"


def forge_findings(home: Path) -> Iterator[tuple[str, HealthFinding]]:
    """The findings of all checks of the forge, by name, in order. If it cannot be reached at all,
    that is the only one."""
    document = read_home(home)
    try:
        if (found := trial(document)) is not None:
            yield "forge token", found
        forge = connection_of(home, document)
    except FactoryError as error:
        yield "forge", fail(str(error), NEW_CREDENTIAL)
        return
    if forge is None:
        yield "forge", ok(NOT_RUNNING)
        return
    first = _found(reached, forge)
    yield "forge", first
    # All others need the same connection, and would only repeat this failure.
    if first.level is Severity.FAIL:
        return
    if document.app:
        yield "forge permissions", permissions(home)
    for name, check in CHECKS:
        yield f"forge {name}", _found(check, forge)
    if document.database == BRANCH:
        yield "forge state", _found(state, forge)


def connection_of(home: Path, document: HomeFile) -> ForgeConnection | None:
    """The connection to the home's repository; None if its local forge is not running. Raises
    ConfigError or ForgeError if the home has no working credential."""
    from harness.home.credentials import APP_KEY, app_at
    from harness.programs.local_forge.start import running

    name = f"{document.owner}/{document.name}"
    if document.is_embedded:
        there, secret = running(home / "forge"), token(home, document)
        return ForgeConnection(there.api, there.url, name, secret) if there else None
    api = api_of(document.forge)
    secret = (
        app_at(document, api, key_file=home / APP_KEY).token()
        if document.app
        else token(home, document)
    )
    return ForgeConnection(api, document.forge, name, secret, is_app=bool(document.app))


def trial(document: HomeFile) -> HealthFinding | None:
    """A token is for trial; None of an app, and of a token on this machine's own forge, which asks
    for no more."""
    from harness.home.credentials import is_local, token_warning

    if document.app or document.is_embedded or is_local(api := api_of(document.forge)):
        return None
    return warn(
        token_warning(api),
        "a GitHub App is what serves nightly: `factory init --github OWNER/NAME` makes one",
    )


def permissions(home: Path) -> HealthFinding:
    """Compare what the app was granted on this repository with what is needed."""
    from harness.home.credentials import APP_KEY, app_at, lacking, rights_of

    document = read_home(home)
    try:
        rights = rights_of(
            app_at(document, api_of(document.forge), key_file=home / APP_KEY),
            f"{document.owner}/{document.name}",
        )
    except FactoryError as error:
        return fail(str(error), NEW_CREDENTIAL)
    if rights.lacks:
        return fail(lacking(rights), "grant what is named, and run `factory doctor` again")
    if rights.beyond:
        return warn(
            f"the app {rights.slug} was granted more than is needed: {', '.join(rights.beyond)}",
            f"revoke it at {rights.page}; the factory's tokens are made without it",
        )
    return ok(f"the app {rights.slug} has on {rights.account} what is needed, and no more")


def reached(forge: ForgeConnection) -> HealthFinding:
    """Read the repository through the API, and check that this credential may write to it."""
    found = forge.get("")
    # For an installation's token the repository does not list the rights; `permissions` does.
    if forge.is_app:
        return ok(f"{forge.api} shows {forge.repository} to the app")
    rights = found.document.get("permissions") or {}
    if not rights.get("push"):
        return fail(
            f"the token may read {forge.repository} but not write to it",
            "give it write access to contents, issues, pull requests and checks; `factory connect`"
            " takes a new one",
        )
    if rights.get("admin"):
        return warn(
            f"the token may administer {forge.repository}",
            "write access is enough: use a token with fewer rights",
        )
    return ok(f"{forge.api} shows {forge.repository}, and the token may write to it")


def clock(forge: ForgeConnection) -> HealthFinding:
    """Compare this machine's clock with the forge's."""
    found = forge.get("")
    try:
        skew = found.at - parsedate_to_datetime(found.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return warn(
            "the forge's answer has no date",
            "look at what is between here and the forge: a proxy removed it",
        )
    if abs(skew) > MOST_SKEW_SECONDS:
        return fail(
            f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the"
            " forge's",
            "set the clock, and keep it right by NTP: the forge refuses an app's key from another"
            " time",
        )
    return ok(f"this machine's clock and the forge's are {abs(skew):.0f} s apart")


def limit(forge: ForgeConnection) -> HealthFinding:
    """How many requests are left in this hour."""
    headers = forge.get("").headers
    try:
        left, most = int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-limit"])
        again = time.strftime("%H:%M", time.gmtime(int(headers["x-ratelimit-reset"])))
    except (KeyError, ValueError):
        # An Enterprise server has limits only if somebody set them, and a local forge has none.
        return ok("the forge names no rate limit")
    message = f"{left} of {most} requests are left until {again} UTC"
    if left < most * SCARCE:
        return warn(
            f"the rate limit is nearly reached: {message}",
            "poll less often (`factory up --interval`), or connect as an app",
        )
    return ok(message)


def branch(forge: ForgeConnection) -> HealthFinding:
    """The branch that production follows."""
    name = _default_branch(forge)
    found = forge.get(f"/branches/{quote(name, safe='')}", may=(404,))
    if found.status == 404:
        return fail(
            f"the default branch {name} has no commit",
            "push one: the factory reads its policy there",
        )
    return ok(f"the default branch is {name}, at {found.document['commit']['sha']:.10}")


def issues(forge: ForgeConnection) -> HealthFinding:
    """The right to write issues. An issue without a title is refused for that if the right is
    there."""
    return _try_to_write(
        forge, "issues", "/issues", "an issue without a title was refused for its missing title"
    )


def state(forge: ForgeConnection) -> HealthFinding:
    """The branch with the home's state: this account may write it, and a ruleset keeps others from
    it."""
    where = quote(STATE_BRANCH, safe="")
    found = forge.get(f"/branches/{where}", may=(404,))
    if found.status == 404:
        return fail(
            f"there is no branch {STATE_BRANCH}, so a hosted runner finds no state",
            "`factory home backup` stores this home's",
        )
    pushed = push_finding(forge, STATE_BRANCH, head=str(found.document["commit"]["sha"]), before="")
    if pushed.level is not Severity.OK:
        return pushed
    # A forge or a plan without rulesets refuses to list them.
    rules = forge.get(f"/rules/branches/{where}", may=(403, 404))
    kinds = {rule.get("type") for rule in rules.document} if rules.status == 200 else set()
    if lacking := sorted({"update", "deletion"} - kinds):
        return warn(
            f"whoever may push to {forge.repository} may put back an older state on {STATE_BRANCH}:"
            f" no ruleset restricts {' and '.join(lacking)}",
            "`factory rules export ruleset --lands-as app:ID` writes state.json, which does",
        )
    return ok(f"a ruleset keeps others from {STATE_BRANCH}, and lets the factory write it")


def pulls(forge: ForgeConnection) -> HealthFinding:
    """The right to open pull requests, in the same way."""
    return _try_to_write(
        forge,
        "pull requests (pull_requests: write)",
        "/pulls",
        "an empty pull request was refused for being empty",
    )


def checks(forge: ForgeConnection) -> HealthFinding:
    """Write a check run, and wait until the list of check runs shows it."""
    sha = str(forge.get(f"/commits/{quote(_default_branch(forge), safe='')}").document["sha"])
    runs = f"/commits/{sha}/check-runs?check_name={quote(CHECK, safe='')}"
    # A new mark each time shows that the list has this write, and not an older one.
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
    existing = [run["id"] for run in forge.get(runs).document["check_runs"]]
    where = f"/repos/{forge.repository}/check-runs"
    try:
        # An old run is written again: each new one would stay on the commit for ever.
        if existing:
            forge.request("PATCH", f"{where}/{existing[0]}", json=body, may=(200,))
        else:
            forge.request("POST", where, json={**body, "head_sha": sha}, may=(201,))
    except CheckFailed as failed:
        fix = (
            "only apps may, on github.com: `factory init --github` makes one; grant it checks:"
            " write"
        )
        return fail(
            f"checks cannot be written: {failed.finding.message}",
            fix if failed.status == 403 else failed.finding.fix,
        )
    return _appeared(forge, runs, mark, sha)


def _appeared(forge: ForgeConnection, runs: str, mark: str, sha: str) -> HealthFinding:
    deadline = time.monotonic() + APPEARS_SECONDS
    while time.monotonic() < deadline:
        if any(run.get("external_id") == mark for run in forge.get(runs).document["check_runs"]):
            return ok(f"the check {CHECK} was written to {sha:.10}, and appeared")
        time.sleep(LOOK_SECONDS)
    return fail(
        f"the check {CHECK} was written to {sha:.10} and did not appear within"
        f" {APPEARS_SECONDS:g} s",
        "the forge's lists lag behind, so required checks come too late; look at its status page,"
        " and at proxies that cache answers",
    )


def _try_to_write(forge: ForgeConnection, right: str, path: str, proved: str) -> HealthFinding:
    """Send an empty document. A refusal of its content proves the right to write."""
    try:
        # A forge looks at the right before the content, so an empty document creates nothing.
        forge.request("POST", f"/repos/{forge.repository}{path}", json={}, may=(400, 422))
    except CheckFailed as failed:
        return fail(f"{right} cannot be written: {failed.finding.message}", failed.finding.fix)
    return ok(f"{right} can be written: {proved}")


def push(forge: ForgeConnection) -> HealthFinding:
    """The right to move the default branch, which every landing needs."""
    name = _default_branch(forge)
    head = forge.get(f"/commits/{quote(name, safe='')}").document
    parents = [str(parent["sha"]) for parent in head.get("parents", ())]
    return push_finding(forge, name, head=str(head["sha"]), before=parents[0] if parents else "")


def _default_branch(forge: ForgeConnection) -> str:
    return str(forge.get("").document["default_branch"])


def _found(
    check: Callable[[ForgeConnection], HealthFinding], forge: ForgeConnection
) -> HealthFinding:
    try:
        return check(forge)
    except CheckFailed as failed:
        return failed.finding
    # A proxy or a login page may answer 200 with JSON of another shape.
    except (KeyError, TypeError, AttributeError) as error:
        return fail(
            f"the answer of {forge.api} is not from the API: {error!r}",
            "look at the address, and at what is between here and the forge",
        )


CHECKS: tuple[tuple[str, Callable[[ForgeConnection], HealthFinding]], ...] = (
    ("clock", clock),
    ("limit", limit),
    ("branch", branch),
    ("issues", issues),
    ("pulls", pulls),
    ("checks", checks),
    ("push", push),
)
