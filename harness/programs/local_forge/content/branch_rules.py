"""Branch protection and rulesets: stored as they were sent, and reduced to what
binds one account."""

import json
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from harness.domain.plain import JsonObject
from harness.programs.local_forge.git.protection import (
    PROTECTION,
    REPORTS,
    RULESET,
    BranchPolicy,
    Move,
    Report,
    RequiredCheck,
    Rules,
    refusals,
)
from harness.programs.local_forge.refused import Refused, invalid, not_found
from harness.programs.local_forge.storage.records import Repo, Role, StoredRule, User
from harness.programs.local_forge.storage.tables import rules
from harness.programs.local_forge.transaction import Transaction

Body = JsonObject


def protect(tx: Transaction, repo: Repo, branch: str, *, body: Body) -> StoredRule:
    """Protect a branch; replaces its earlier protection."""
    row = {
        "repository_id": repo.id,
        "kind": PROTECTION,
        "name": branch,
        "body": json.dumps(body),
        "updated_at": tx.now,
    }
    tx.db.execute(
        upsert(rules)
        .values(created_at=tx.now, **row)
        .on_conflict_do_update(
            index_elements=["repository_id", "kind", "name"],
            set_={"body": row["body"], "updated_at": tx.now},
        )
    )
    return protection(tx, repo, branch)


def protection(tx: Transaction, repo: Repo, branch: str) -> StoredRule:
    """A branch's protection. Raises Refused (404, in GitHub's words) where there is none."""
    found = find_protection(tx, repo, branch)
    if found is None:
        raise Refused(404, "Branch not protected")
    return found


def find_protection(tx: Transaction, repo: Repo, branch: str) -> StoredRule | None:
    """A branch's protection; None where there is none."""
    found = _ruled(tx, repo, rules.c.kind == PROTECTION, rules.c.name == branch)
    return found[0] if found else None


def add_ruleset(tx: Transaction, repo: Repo, name: str, *, body: Body) -> StoredRule:
    """Create a ruleset. Raises Refused (422) where the name is taken."""
    if _ruled(tx, repo, rules.c.kind == RULESET, rules.c.name == name):
        raise invalid(
            "Ruleset", "name", f"Name {name} has already been taken", code="already_exists"
        )
    number = tx.db.execute(
        insert(rules)
        .values(
            repository_id=repo.id,
            kind=RULESET,
            name=name,
            body=json.dumps(body),
            created_at=tx.now,
            updated_at=tx.now,
        )
        .returning(rules.c.id)
    ).scalar_one()
    return ruleset(tx, repo, number)


def change_ruleset(tx: Transaction, found: StoredRule, *, name: str, body: Body) -> None:
    """Replace a ruleset's name and document."""
    tx.db.execute(
        update(rules)
        .where(rules.c.id == found.id)
        .values(name=name, body=json.dumps(body), updated_at=tx.now)
    )


def ruleset(tx: Transaction, repo: Repo, number: int) -> StoredRule:
    """One ruleset. Raises Refused (404)."""
    found = _ruled(tx, repo, rules.c.kind == RULESET, rules.c.id == number)
    if not found:
        raise not_found()
    return found[0]


def rulesets(tx: Transaction, repo: Repo) -> tuple[StoredRule, ...]:
    """Every ruleset, oldest first."""
    return _ruled(tx, repo, rules.c.kind == RULESET)


def remove(tx: Transaction, found: StoredRule) -> None:
    """Delete a protection or a ruleset."""
    tx.db.execute(delete(rules).where(rules.c.id == found.id))


def is_protected(tx: Transaction, repo: Repo, branch: str) -> bool:
    """Whether any rule covers a branch. The default branch always counts: it moves only forward."""
    everybody = branch_policy(tx, repo, None, role=Role.WRITE).rules
    return branch == repo.default_branch or any(
        one.covers(f"refs/heads/{branch}") for one in everybody
    )


def branch_policy(
    tx: Transaction, repo: Repo, actor: User | None, *, role: Role, workflows: bool = True
) -> BranchPolicy:
    """The rules that bind an account here. `workflows`: whether it may change workflow files."""
    found = (_rules_for(one, repo, actor, role=role) for one in _ruled(tx, repo))
    return BranchPolicy(
        repo.id, f"refs/heads/{repo.default_branch}", tuple(one for one in found if one), workflows
    )


def reports(tx: Transaction, repo: Repo, sha: str) -> tuple[Report, ...]:
    """The results of a commit's checks and statuses."""
    return tuple(
        Report(*row) for row in tx.db.exec_driver_sql(REPORTS, {"repository": repo.id, "sha": sha})
    )


def check_move(
    tx: Transaction,
    repo: Repo,
    ref: str,
    *,
    old: str | None,
    new: str | None,
    judged: str | None = None,
    policy: BranchPolicy,
) -> None:
    """Check a move of a ref through the API. Raises Refused (422, or 405 for a merge) with the
    reasons against it.

    `judged` is the commit whose checks count, where that is not `new`: a pull request's head when
    it is merged.
    """
    forward = new is not None and (old is None or tx.git(repo).is_ancestor(old, new))
    results = () if new is None else reports(tx, repo, judged or new)
    move = Move(
        ref,
        created=old is None,
        deleted=new is None,
        forward=forward,
        reports=results,
        merged=judged is not None,
    )
    if against := refusals(policy, move):
        raise Refused(405 if judged else 422, " ".join(against[1:]))


def named_refs(found: StoredRule, repo: Repo) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ref patterns that a ruleset includes, and those it excludes."""
    names = {"~DEFAULT_BRANCH": f"refs/heads/{repo.default_branch}"}
    sides = found.body["conditions"]["ref_name"]
    return tuple(names.get(one, one) for one in sides["include"]), tuple(
        names.get(one, one) for one in sides["exclude"]
    )


def _rules_for(found: StoredRule, repo: Repo, actor: User | None, *, role: Role) -> Rules | None:
    """What a protection or ruleset requires of an account; None where it requires nothing."""
    return (
        _of_protection(found, actor, role=role)
        if found.kind == PROTECTION
        else _of_ruleset(found, repo, actor, role=role)
    )


def _of_protection(found: StoredRule, actor: User | None, *, role: Role) -> Rules:
    """As on GitHub, checks and restrictions bind an administrator only with `enforce_admins`."""
    body = found.body
    is_free = role >= Role.ADMIN and not body["enforce_admins"]
    allowed = body["restrictions"]
    may_update = (
        is_free
        or allowed is None
        or (actor is not None and actor.id in {*allowed["users"], *allowed["apps"]})
    )
    required = (
        ()
        if is_free or body["required_status_checks"] is None
        else body["required_status_checks"]["checks"]
    )
    return Rules(
        PROTECTION,
        (f"refs/heads/{found.name}",),
        checks=tuple(RequiredCheck(one["context"], one["app_id"]) for one in required),
        may_update=may_update,
        may_force=body["allow_force_pushes"],
        may_delete=body["allow_deletions"],
        may_create=may_update,
        by_pull_request=body["required_pull_request_reviews"] is not None and not is_free,
    )


def _of_ruleset(found: StoredRule, repo: Repo, actor: User | None, *, role: Role) -> Rules | None:
    body = found.body
    if body["enforcement"] != "active" or any(
        _bypasses(one, actor, role=role) for one in body["bypass_actors"]
    ):
        return None
    include, exclude = named_refs(found, repo)
    rule_types = {one["type"]: one.get("parameters", {}) for one in body["rules"]}
    required = rule_types.get("required_status_checks", {}).get("required_status_checks", ())
    return Rules(
        RULESET,
        include,
        exclude,
        tuple(RequiredCheck(one["context"], one.get("integration_id")) for one in required),
        may_update="update" not in rule_types,
        may_force="non_fast_forward" not in rule_types,
        may_delete="deletion" not in rule_types,
        may_create="creation" not in rule_types,
        by_pull_request="pull_request" in rule_types,
    )


def _bypasses(one: Body, actor: User | None, *, role: Role) -> bool:
    """Whether an actor bypasses a ruleset. GitHub numbers the roles: 2 maintain, 4
    write, 5 admin."""
    if one["actor_type"] == "RepositoryRole":
        return role >= {2: Role.MAINTAIN, 4: Role.WRITE}.get(one["actor_id"], Role.ADMIN)
    return (
        actor is not None
        and one["actor_type"] in ("Integration", "User")
        and one["actor_id"] == actor.id
    )


def _ruled(tx: Transaction, repo: Repo, *where: Any) -> tuple[StoredRule, ...]:
    rows = tx.db.execute(
        select(rules).where(rules.c.repository_id == repo.id, *where).order_by(rules.c.id)
    )
    return tuple(
        StoredRule(row.id, row.kind, row.name, json.loads(row.body), row.created_at, row.updated_at)
        for row in rows
    )
