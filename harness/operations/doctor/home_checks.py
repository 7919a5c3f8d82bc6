"""The checks of `factory doctor` on a home. They change nothing in it."""

import fcntl
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import FactoryError
from harness.factory.run.effects import is_flagged
from harness.factory.run.services import Places
from harness.home.document import FILE, HomeFile, read_home
from harness.home.programs import BASE_URL, PROVIDER
from harness.home.providers import KEY, endpoint
from harness.operations.doctor.finding import HealthFinding, Severity, fail, ok, warn
from harness.operations.doctor.machine_checks import sandbox_report

if TYPE_CHECKING:
    from harness.factory.run.policy_snapshot import PolicySnapshot
    from harness.factory.settings.config import Config
    from harness.repository.trusted import TrustedRepository

SECONDS = 3.0


def home_file(home: Path) -> HealthFinding:
    """Read `home.json`, and check that the form of sandbox that it demands works."""
    document = read_home(home)
    where = "its local forge" if document.is_embedded else document.forge
    serves = f"{home} serves {document.owner}/{document.name} on {where}"
    if document.sandbox == "auto":
        return ok(serves)
    demanded = next(form for form in sandbox_report()["forms"] if form["form"] == document.sandbox)
    if demanded["works"]:
        return ok(f"{serves}, in sandboxes of the form {document.sandbox} and no other")
    return fail(
        f"{serves} and demands sandboxes of the form {document.sandbox}, which do not hold here:"
        f" {demanded['why']}",
        f'make that form work, or write "box": "auto" in {FILE}',
    )


def model(home: Path) -> HealthFinding:
    """Whether there are models to call: each provider has a key and an endpoint that answers. Of a
    key only its source is shown."""
    document = read_home(home) if (home / FILE).exists() else None
    if document and document.models == "replay":
        return ok("answers come from recordings; no model is called")
    others = _others(home, document) if document else ()
    chosen = (document.upstream if document else "") or os.environ.get(BASE_URL, "")
    needs_default = chosen or os.environ.get(KEY) or not others
    default = (_default_provider(document, chosen),) if needs_default else ()
    findings = (*default, *others)
    return next(
        (finding for finding in findings if finding.level is not Severity.OK),
        ok("; ".join(finding.message for finding in findings)),
    )


def _others(home: Path, document: HomeFile) -> tuple[HealthFinding, ...]:
    """A finding for each provider in `home.json`. Raises ConfigError if a key cannot be read."""
    from harness.home.providers import provider_keys

    with provider_keys(home, document):
        return tuple(
            _reached(
                each.base_url,
                f"{each.name} has {each.key_from}"
                if each.key_env or each.key_file
                else f"{each.name} is called without a key",
            )
            for each in document.providers
        )


def _default_provider(document: HomeFile | None, chosen: str) -> HealthFinding:
    has_key = bool(os.environ.get(KEY))
    if not chosen and not has_key:
        message = f"{KEY} is not set"
        fix = (
            f"set it, or {BASE_URL} for another endpoint of that protocol; without a model only"
            " recordings are replayed"
        )
        # Without a home this is no fault yet: `factory init` and the demo need no model.
        return fail(message, fix) if document else warn(message, fix)
    key = f"{KEY} is set" if has_key else f"{KEY} is not set, and the endpoint may need none"
    return _reached(endpoint(chosen or PROVIDER), key)


def _reached(url: str, key: str) -> HealthFinding:
    """Whether the endpoint answers at all. The key is not sent; the first call shows whether it
    works."""
    import httpx

    try:
        answer = httpx.head(url, timeout=SECONDS)
    except httpx.HTTPError as error:
        return fail(
            f"{key}; {url} does not answer ({type(error).__name__})",
            "look at the address, the network and HTTPS_PROXY",
        )
    return ok(f"{key}; something answers at {url} ({answer.status_code})")


def keys(home: Path) -> HealthFinding:
    """Check that nobody else can read the secrets."""
    secrets = [path for path in sorted((home / "keys").glob("*")) if path.suffix != ".pub"]
    for path in secrets:
        if not _is_private(path, is_kind=stat.S_ISREG):
            return fail(
                f"{path} has mode {_mode(path)}, so others may have read it",
                f"chmod 600 {path}, and replace what is in it",
            )
    if not secrets:
        return warn(f"no key is in {home / 'keys'} yet", "the first tick creates them")
    return ok(f"{len(secrets)} keys and tokens are this account's own, with mode 0600")


def store(home: Path) -> HealthFinding:
    """Check that the store of sealed journeys is private and outside of every checkout."""
    place = home / "sealed"
    # Resolved first: a link may lead from a harmless place into a checkout.
    for folder in (place.resolve(), *place.resolve().parents):
        if (folder / ".git").exists():
            return fail(
                f"the store {place} lies in the git checkout {folder}",
                "set FACTORY_HOME to a place outside of every checkout",
            )
    if not place.exists():
        return ok("no journey is sealed yet; the store is created with the first")
    if not _is_private(place, is_kind=stat.S_ISDIR):
        return fail(
            f"{place} has mode {_mode(place)}, so others may look into it", f"chmod 700 {place}"
        )
    return ok(f"{place} is this account's own, with mode 0700, in no checkout")


def _is_private(path: Path, *, is_kind: Callable[[int], bool]) -> bool:
    # Not stat: a link could lead to a file that somebody else can change.
    facts = path.lstat()
    return is_kind(facts.st_mode) and not facts.st_mode & 0o077 and facts.st_uid == os.geteuid()


def _mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.lstat().st_mode):04o}"


def database(home: Path) -> HealthFinding:
    """Where the state is. A PostgreSQL must hold a lock from one statement to the next, and lose it
    with the session: the lease of the factory depends on it."""
    from harness.home.document import BRANCH
    from harness.home.state import database_of
    from harness.store.database import shown
    from harness.store.lease import AdvisoryLock

    document = read_home(home)
    if document.database == BRANCH:
        return ok("the state is on a branch of the repository; `forge state` looks at it")
    address = database_of(home, document)
    if not address:
        return ok("the state is in SQLite, in the home")
    # A name of its own, so the lease of a factory at work is not touched.
    mine, another = (
        AdvisoryLock(address, "factory doctor", holder="factory doctor") for _ in range(2)
    )
    try:
        if not mine.take():
            return warn(
                f"another `factory doctor` checks {shown(address)} now",
                "wait for it, and look again",
            )
        # A pool such as PgBouncer gives each statement another session.
        if not mine.is_held() or another.take():
            return fail(
                f"{shown(address)} forgets a lock from one statement to the next",
                "connect to the server itself, not through a pool that shares sessions: two"
                " factories would work at once",
            )
        return ok(f"{shown(address)} answers, and keeps a lock as long as its session")
    finally:
        mine.release()
        another.release()


def ledger(home: Path) -> HealthFinding:
    """Verify the whole chain against its signed head."""
    from harness.home.state import open_ledger

    with open_ledger(home) as found:
        if fault := found.fault():
            return fail(
                f"entry {fault.seq} of the ledger is not as it was signed: {fault.message}",
                "restore the home from a backup; `factory audit` names every fault",
            )
        return ok(f"{len(found.entries())} entries, chained to the signed head")


def factory(home: Path) -> HealthFinding:
    """Whether a factory works here now: the kernel's lock tells."""
    lock = home / "lock"
    if not lock.exists():
        return ok("no factory has worked here yet")
    with lock.open("rb") as file:
        try:
            # Shared, so that two doctors do not take each other for a factory.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return ok("one factory works here now")
    # Where nobody can see whether the flag is there, the factory counts as stopped.
    is_stopped = is_flagged(home / "STOP") is not False
    note = "; it is stopped, and `factory resume` lifts that" if is_stopped else ""
    return ok(f"no factory works here now{note}")


def governance(home: Path) -> HealthFinding:
    """The policy at the base that was fetched last: it can be read, passes the lint, and trusts
    this home's launcher."""
    from harness.factory.run.policy_snapshot import read_policy
    from harness.repository.trusted import fetched_branch

    repository = fetched_repository(home)
    branch = fetched_branch(repository) if repository else ""
    if repository is None or not branch:
        return ok("nothing was fetched yet; the first tick does")
    base = repository.fetched(branch)
    try:
        policy = read_policy(repository, base)
    except FactoryError as error:
        return fail(
            f"{branch} at {base:.10}: {error}", "correct it there; the factory does not start on it"
        )
    return _trusting(home, policy, branch) or _linted(policy, repository.files(base), branch)


def author(home: Path) -> HealthFinding:
    """Whether the sealed journeys' author is of another model family than every implementer."""
    policy = policy_of(home)
    if policy is None:
        return ok("not looked at: factory.toml was not fetched, or `governance` names its fault")
    return author_finding(policy.config)


def author_finding(config: "Config") -> HealthFinding:
    """The families of author and implementers; a warning where the author's is one of theirs."""
    from harness.domain.model_choice.roles import family_of, others

    own = dict(config.families)
    writers = [tier.model for tier in config.models.implementer]
    family = family_of(config.models.author[0].model, own=own)
    families = ", ".join(dict.fromkeys(family_of(model, own=own) for model in writers))
    if others(config.models.author, writers, own=own):
        return ok(f"{family} (implementer: {families})")
    return warn(
        f"{family} (implementer: {families}): no model of another family is configured, so journeys"
        " and changes may share a mistake",
        "name a model of another family as `author` under `[models]` in factory.toml",
    )


def policy_of(home: Path) -> "PolicySnapshot | None":
    """The policy at the base that was fetched last; None if nothing was fetched or it cannot be
    read."""
    from harness.factory.run.policy_snapshot import read_policy
    from harness.repository.trusted import fetched_branch

    if not (home / FILE).exists() or (repository := fetched_repository(home)) is None:
        return None
    if not (branch := fetched_branch(repository)):
        return None
    try:
        return read_policy(repository, repository.fetched(branch))
    except FactoryError:
        return None


def fetched_repository(home: Path) -> "TrustedRepository | None":
    """The trusted repository of a home, without its forge; None if nothing was fetched yet."""
    from harness.home.programs import offline_address
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository

    document = read_home(home)
    places = Places(home, document.repository_id)
    if not places.trusted.exists():
        return None
    return TrustedRepository(places.trusted, Remote(offline_address(home, document, places)))


def _trusting(home: Path, policy: "PolicySnapshot", branch: str) -> HealthFinding | None:
    """A failure if the policy does not trust the verdicts of this home's launcher; None if it
    does."""
    from harness.operations.setup.init import own_keys

    own = own_keys(home)
    if set(own) & set(policy.config.seal.trusted_keys):
        return None
    return fail(
        f"factory.toml on {branch} does not trust this home's launcher, so none of its verdicts"
        " merges anything",
        "add to `[seal] trusted_keys`:"
        f" {', '.join(own) or 'its key, which `factory connect` makes'}",
    )


def _linted(policy: "PolicySnapshot", paths: Iterable[bytes], branch: str) -> HealthFinding:
    from harness.factory.reporting.shown import ALL_LABELS
    from harness.factory.run.policy_snapshot import WORKFLOWS
    from harness.governance import lint

    found = lint(
        policy.governance, known_workflows=WORKFLOWS, known_labels=set(ALL_LABELS), paths=paths
    )
    where = f"{branch} at {policy.base:.10}"
    if found:
        first = f"{found[0].file}:{found[0].line}: {found[0].code}"
        return warn(
            f"{where}: {len(found)} lint findings, the first at {first}",
            "`factory rules lint` shows them all",
        )
    return ok(
        f"{where}: three files, factory.toml and {len(policy.workflows)} workflows read and lint"
        " clean"
    )
