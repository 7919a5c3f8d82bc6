"""Can anything merge here? Answers from facts alone, for `factory init` and `factory doctor`.

Properties:
- an answer is yes only where each fact that it rests on was seen; where one was not tried, so is
  the answer; where one is no, it is no;
- the next step is the first thing to mend, and where there is none, the first to try."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError, FactoryError
from harness.domain.facts import REGULAR
from harness.domain.issue import CommitSha
from harness.domain.plain import JsonDict
from harness.domain.sandbox import Form

if TYPE_CHECKING:
    from harness.factory.run.policy_snapshot import PolicySnapshot


class Answer(StrEnum):
    """UNTRIED: nobody did the thing itself yet."""

    YES = "yes"
    NO = "no"
    UNTRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that an answer rests on: what was seen, and the next move where that is not yes."""

    answer: Answer
    message: str
    fix: str = ""


def seen(message: str) -> Fact:
    """It was done, and it works."""
    return Fact(Answer.YES, message)


def lacking(message: str, fix: str) -> Fact:
    """It is not there, or does not work."""
    return Fact(Answer.NO, message, fix)


def untried(message: str, fix: str) -> Fact:
    """Nobody tried it."""
    return Fact(Answer.UNTRIED, message, fix)


@dataclass(frozen=True, slots=True)
class Ability:
    """One question, its answer, and what that rests on."""

    question: str
    answer: Answer
    because: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """The table, and the one next step."""

    abilities: tuple[Ability, ...]
    next_step: str

    @property
    def can_merge(self) -> Answer:
        """The answer that the others lead to."""
        return self.abilities[-1].answer

    def as_json(self) -> JsonDict:
        """`{abilities: [{question, answer, because}], next_step}`."""
        return {**asdict(self), "abilities": [asdict(one) for one in self.abilities]}


POLICY, APP, LOCK, TESTS, SANDBOX, BROWSER = "policy", "app", "lock", "tests", "sandbox", "browser"
TRIAGE, BUILDERS, JUDGES, TRUST, FORGE = "triage", "builders", "judges", "trust", "forge"
FACTS = (POLICY, APP, LOCK, TESTS, SANDBOX, BROWSER, TRIAGE, BUILDERS, JUDGES, TRUST, FORGE)
"""Every fact, what is to be mended first in front: the repository's, the machine's, the models'."""
ROLES = {
    TRIAGE: ("triage",),
    BUILDERS: ("planner", "implementer", "diagnoser"),
    JUDGES: ("author", "reviewer", "actor", "judge"),
}
"""The roles whose models each of these facts is about."""
_QUESTIONS = {
    "can triage work": (POLICY, TRIAGE),
    "can a change be built": (POLICY, LOCK, SANDBOX, BUILDERS),
    "can it be judged": (POLICY, APP, LOCK, TESTS, SANDBOX, BROWSER, JUDGES),
    "can anything merge here": FACTS,
}
READY = "file an issue; `factory up` or `factory tick` does the rest"


_MANIFESTS = (
    "requirements.txt",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "package.json",
    "go.mod",
    "Cargo.toml",
    "Gemfile",
    "composer.json",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
)
"""Files that name packages, without their exact versions."""
_NONE = seen("")


def readiness(facts: Mapping[str, Fact]) -> Readiness:
    """The table for these facts. One that is missing was not tried."""
    given = {name: facts.get(name, untried(f"{name} was not looked at", "")) for name in FACTS}
    in_order = (
        one
        for answer in (Answer.NO, Answer.UNTRIED)
        for one in given.values()
        if one.answer is answer and one.fix
    )
    return Readiness(
        tuple(_ability(question, given, names) for question, names in _QUESTIONS.items()),
        next((one.fix for one in in_order), READY),
    )


def _ability(question: str, facts: Mapping[str, Fact], names: Iterable[str]) -> Ability:
    rests_on = [facts[name] for name in names]
    found = {one.answer for one in rests_on}
    answer = next(one for one in (Answer.NO, Answer.UNTRIED, Answer.YES) if one in found)
    messages = [*dict.fromkeys(one.message for one in rests_on if one.answer is answer)]
    reasons = [message for message in messages if message]
    # A no needs one reason; the others come when that is mended.
    if answer is Answer.NO and len(reasons) > 1:
        reasons = [f"{reasons[0]} (and {len(reasons) - 1} more)"]
    return Ability(question, answer, "; ".join(reasons))


def facts_of_policy(
    policy: "PolicySnapshot", read: Callable[[str], bytes | None]
) -> dict[str, Fact]:
    """What a readable policy shows by itself: whether there is an app to judge, a lock
    that can be installed, a command for the tests, a trusted launcher. `read` gives the bytes of a
    file beside it, None where there is none."""
    config = policy.config
    app = (
        untried(config.app.judged_by, "")
        if config.app.start
        else seen(f"by {config.app.judged_by}")
        if config.app.judged_by
        else lacking(
            "`[app] start` in factory.toml is empty, and so is `commands`: nothing can be judged",
            "name in factory.toml, as `[app] start`, the command that starts the app in the"
            " foreground, or, for a tool or a library, the `commands` that journeys run",
        )
    )
    tests = (
        seen("")
        if config.tests.command
        # Not a fault: the sealed judge stands between a change and the branch alone then.
        else seen("no tests are declared, so the judge alone decides")
    )
    trust = (
        untried("whether the home's launcher is trusted", "run `factory doctor` with a home")
        if config.seal.trusted_keys
        else lacking(
            "`[seal] trusted_keys` in factory.toml is empty, so no verdict merges anything",
            "connect a home with `factory connect`, and pin the key that it names",
        )
    )
    named = tuple(filter(None, (config.dependencies.lock, config.dependencies.tests)))
    lock = _locks(named, read)
    found = {POLICY: seen(""), APP: app, TESTS: tests, TRUST: trust, LOCK: lock}
    # Commands alone are judged without a browser, whether or not there is one.
    commands_alone = config.app.judged_by and not config.app.start
    return found | ({BROWSER: seen("")} if commands_alone else {})


def _locks(named: tuple[str, ...], read: Callable[[str], bytes | None]) -> Fact:
    from harness.programs.sandbox.packages.ecosystems import ecosystem_of, joined

    for name in named:
        content = read(name)
        if content is None:
            return lacking(
                f"factory.toml names the lock {name}, which is not there",
                f"make {name} and commit it, or name the lock that is there as `[dependencies]"
                " lock`",
            )
        try:
            ecosystem_of(name).check(joined(content, name, read), form=Form.BWRAP_USERNS)
        except FactoryError as error:
            return lacking(
                f"nothing can be installed from {about_lock(name, error)}",
                f"make {name} anew with its own tool, so that each package is a registry's and has"
                " its hash, and commit it",
            )
    if named:
        return untried(f"an installation of {' and '.join(named)}", "")
    manifest = next((one for one in _MANIFESTS if read(one) is not None), "")
    return (
        untried(f"whether the app starts without what {manifest} names", "") if manifest else _NONE
    )


def about_lock(name: str, error: FactoryError) -> str:
    """What is wrong with a lock, by the lock's own name and line."""
    if not isinstance(error, ConfigError):
        return f"{name}: {error}"
    return f"{name}:{error.line}: {error.message}" if error.line else f"{name}: {error.message}"


@dataclass(frozen=True, slots=True)
class _FolderFiles:
    """The files of a worktree as if they were committed, and drafts in place of missing ones."""

    top: Path
    paths: frozenset[bytes]
    drafts: Mapping[str, str]

    def files(self, commit: CommitSha) -> Mapping[bytes, str]:
        return dict.fromkeys(self.paths | {name.encode() for name in self.drafts}, REGULAR)

    def read(self, commit: CommitSha, path: str) -> bytes | None:
        from harness.onboarding.evidence.folder import beginning_of

        if path in self.drafts:
            return self.drafts[path].encode()
        # Only what is listed: a name may lead anywhere, and a link out of the folder.
        if path.encode() not in self.paths:
            return None
        try:
            return beginning_of(self.top, path)
        except OSError:
            return None


def facts_of_folder(
    top: Path, paths: Iterable[bytes], drafts: Mapping[str, str]
) -> dict[str, Fact]:
    """What a worktree shows by itself, with these drafts as if they were adopted. No program of it
    runs."""
    from harness.factory.run.policy_snapshot import read_policy
    from harness.factory.settings.tables import FILE

    files = _FolderFiles(top, frozenset(paths), drafts)
    if FILE.encode() not in files.paths and FILE not in drafts:
        return {POLICY: lacking(f"there is no {FILE} here", "run `factory init`")}
    try:
        policy = read_policy(files, CommitSha("0" * 40))
    except FactoryError as error:
        return {POLICY: lacking(f"the factory does not start on {error}", f"mend {error}")}
    return facts_of_policy(policy, lambda path: files.read(policy.base, path))
