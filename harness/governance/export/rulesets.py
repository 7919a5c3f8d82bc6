"""Rulesets, as the forge's REST API takes them: `POST /repos/{owner}/{repo}/rulesets`, one file for
each call.

Several, because who may pass differs. Nobody rewrites the default branch. Changes come through pull
requests, but for the factory's own landing, which pushes the very commit that was judged. Protected
paths are pushed by those who administer or maintain. The branch with the factory's state is the
factory's alone. A push ruleset binds everybody else, people too; the rules bind the factory alone,
so nothing is restricted here that they do not protect, and what it cannot repeat is named."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from harness.domain.errors import ConfigError
from harness.domain.governance import Applies, Governance, Rule, Status
from harness.domain.plain import JsonDict
from harness.governance.checks.gates import ChecksGreen
from harness.governance.checks.size import FileBytes
from harness.governance.export.exported import Exported, ExportedFile, Omission
from harness.governance.export.protection import (
    LOOK_ALIKES,
    Denial,
    is_of_tools,
    protection_of,
    segments_of,
)

FOLDER = ".github/rulesets"
STATE_BRANCH = "factory-state"
MOST_PATHS, LONGEST_PATH = 200, 200
"""Entries of a path restriction, and characters of one: the forge's own limits."""

# ids of the forge's repository roles
_ADMIN, _MAINTAIN = 5, 2
# never more than the forge counts as one, so that no limit here is the stricter
_MEGABYTE = 1_000_000
_MOST_MEGABYTES = 100
_READ_OTHERWISE = re.compile(r"[\[\]{}\\]")
_LANDER = re.compile(r"(?P<kind>app|user):(?P<id>[1-9]\d{0,17})")
_KINDS = {"app": "Integration", "user": "User"}


def rulesets(governance: Governance, *, checks: Sequence[str] = (), lander: str = "") -> Exported:
    """`.github/rulesets/*.json`: history, default branch, what is pushed and, with `lander`, the
    branch with the factory's state.

    `checks` are required by name, besides those that the rules require. `lander` is whom the
    factory pushes as, `app:ID` or `user:ID`. Raises ConfigError for any other."""
    paths, left = _paths(governance)
    size, size_left = _size(governance)
    required = tuple(dict.fromkeys((*_required_checks(governance), *checks)))
    documents = {
        "history": _ruleset(
            "Factory: history stays", "branch", [{"type": "non_fast_forward"}, {"type": "deletion"}]
        ),
        "default-branch": _ruleset(
            "Factory: through pull requests",
            "branch",
            [_through_pull_requests(), *_checks(required)],
            # The factory pushes the judged commit itself: a merge by the forge would be another
            # commit.
            bypass=[*_lander(lander), _role(_ADMIN, "pull_request")],
        ),
        # For nobody else, not even those who administer: an older state would be put back.
        "state": _ruleset(
            "Factory: its state",
            "branch",
            [{"type": kind} for kind in ("creation", "update", "deletion") if lander],
            bypass=[*_lander(lander)],
            branch=f"refs/heads/{STATE_BRANCH}",
        ),
        "pushes": _ruleset(
            "Factory: protected paths",
            "push",
            [*_restricted(paths), *size],
            bypass=[_role(_ADMIN, "always"), _role(_MAINTAIN, "always")],
        ),
    }
    files = tuple(
        ExportedFile(
            f"{FOLDER}/{name}.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        )
        for name, document in documents.items()
        if document["rules"]
    )
    return Exported(files, (*left, *size_left, *_unsaid(required, lander)))


def _ruleset(
    name: str,
    target: str,
    rules: list[JsonDict],
    *,
    bypass: Sequence[JsonDict] = (),
    branch: str = "~DEFAULT_BRANCH",
) -> JsonDict:
    conditions = (
        {"conditions": {"ref_name": {"include": [branch], "exclude": []}}}
        if target == "branch"
        else {}
    )
    return {
        "name": name,
        "target": target,
        "enforcement": "active",
        "bypass_actors": list(bypass),
        **conditions,
        "rules": rules,
    }


def _role(role: int, mode: str) -> JsonDict:
    return {"actor_id": role, "actor_type": "RepositoryRole", "bypass_mode": mode}


def _lander(lander: str) -> Iterator[JsonDict]:
    if lander:
        if not (found := _LANDER.fullmatch(lander)):
            raise ConfigError(
                f"expected `app:ID` or `user:ID`, found {lander[:60]!r}", key="--lands-as"
            )
        yield {
            "actor_id": int(found["id"]),
            "actor_type": _KINDS[found["kind"]],
            "bypass_mode": "always",
        }


def _through_pull_requests() -> JsonDict:
    """Owners are asked for what they own; the factory's own changes touch nothing of it, and wait
    for no approval."""
    return {
        "type": "pull_request",
        "parameters": {
            "dismiss_stale_reviews_on_push": True,
            "require_code_owner_review": True,
            "require_last_push_approval": False,
            "required_approving_review_count": 0,
            "required_review_thread_resolution": False,
        },
    }


def _checks(names: tuple[str, ...]) -> Iterator[JsonDict]:
    if names:
        yield {
            "type": "required_status_checks",
            "parameters": {
                "required_status_checks": [{"context": name} for name in names],
                "strict_required_status_checks_policy": False,
            },
        }


def _required_checks(governance: Governance) -> Iterator[str]:
    for rule in governance.rules:
        if (
            isinstance(rule.check, ChecksGreen)
            and rule.status is Status.ENFORCE
            and rule.when is None
        ):
            yield from rule.check.require


def _restricted(paths: tuple[str, ...]) -> Iterator[JsonDict]:
    if paths:
        yield {
            "type": "file_path_restriction",
            "parameters": {"restricted_file_paths": list(paths)},
        }


def _paths(governance: Governance) -> tuple[tuple[str, ...], tuple[Omission, ...]]:
    protection = protection_of(governance)
    said, left = list[str](), [*protection.left, LOOK_ALIKES]
    if protection.allowed:
        left.append(
            Omission(
                protection.allowed_by,
                "that all other paths are protected",
                "a ruleset restricts named paths alone",
            )
        )
    # `is_of_tools`: files such as Makefile, which people edit every day.
    if any(map(is_of_tools, protection.denied)):
        left.append(
            Omission(
                "LAW-PROTECTED",
                "the files that agents and tools obey",
                "a ruleset has no room for them all, and would stop people at each Makefile",
            )
        )
    for denial in (denial for denial in protection.denied if not is_of_tools(denial)):
        patterns = [pattern for pattern in _patterns(denial.glob) if pattern not in said]
        if because := _unsayable(denial, patterns, room=MOST_PATHS - len(said)):
            left.append(Omission(denial.rule, f"`{denial.glob}`", because))
        else:
            said.extend(patterns)
    return tuple(said), tuple(left)


def _unsayable(denial: Denial, patterns: Iterable[str], *, room: int) -> str:
    """Why these patterns cannot stand in a ruleset; empty when they can."""
    found = list(patterns)
    if _READ_OTHERWISE.search(denial.glob):
        return "a ruleset reads brackets and braces otherwise"
    if any(len(pattern) > LONGEST_PATH for pattern in found):
        return f"a ruleset's path has at most {LONGEST_PATH} characters"
    return f"a ruleset has at most {MOST_PATHS} paths" if len(found) > room else ""


def _patterns(glob: str) -> tuple[str, ...]:
    """The glob in the forge's words (Ruby's fnmatch with FNM_PATHNAME): `**/` is any number of
    folders, and what lies beneath a folder is said apart."""
    path = "/".join(segments_of(glob))
    return (f"{path}/*",) if path.endswith("**") else (path, f"{path}/**/*")


def _size(governance: Governance) -> tuple[list[JsonDict], tuple[Omission, ...]]:
    """The smallest limit for a file, in whole megabytes, rounded up."""
    rules = [(rule, rule.check) for rule in governance.rules if isinstance(rule.check, FileBytes)]
    sayable = {
        # rounded up: a ruleset must never be the stricter of the two
        rule.id: -(-check.max // _MEGABYTE)
        for rule, check in rules
        if not _size_unsayable(rule, check)
    }
    left = [
        Omission(
            rule.id,
            f"at most {check.max} bytes in a file",
            _size_unsayable(rule, check)
            or "a ruleset counts whole megabytes, so it lets a little more through",
        )
        for rule, check in rules
        if _size_unsayable(rule, check) or check.max % _MEGABYTE
    ]
    most = max(1, min(sayable.values())) if sayable else 0
    return [
        {"type": "max_file_size", "parameters": {"max_file_size": most}}
    ] if most else [], tuple(left)


def _size_unsayable(rule: Rule, check: FileBytes) -> str:
    if (
        rule.status is not Status.ENFORCE
        or rule.when
        or rule.below
        or rule.outside
        or rule.applies is Applies.ISSUE
    ):
        return "the rule does not bind every change"
    # Exported without its exceptions the limit would stop what the rule allows.
    if check.exclude:
        return "a ruleset's limit has no exceptions"
    return (
        f"a ruleset's limit is at most {_MOST_MEGABYTES} megabytes"
        if check.max > _MOST_MEGABYTES * _MEGABYTE
        else ""
    )


def _unsaid(required: tuple[str, ...], lander: str) -> Iterator[Omission]:
    yield Omission(
        "",
        "hidden names beneath a folder",
        "the forge does not say whether `*` matches a name that begins with a dot",
    )
    yield Omission(
        "",
        "people without the role `maintain`",
        "a push ruleset stops them at protected paths, too; the rules do not",
    )
    if not required:
        yield Omission(
            "",
            "checks required by name",
            "no rule names one; write `checks_green: {require: [...]}`, or give --require",
        )
    if not lander:
        yield Omission(
            "",
            "the factory's own landing",
            "it pushes the commit that was judged, so name whom it pushes as: "
            "--lands-as app:ID or user:ID",
        )
