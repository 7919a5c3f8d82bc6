"""Accounts, repositories, and roles."""

from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.paging import page_of
from harness.programs.local_forge.content import issues, people, repositories
from harness.programs.local_forge.content.issues import Search
from harness.programs.local_forge.content.people import users_by_id
from harness.programs.local_forge.rate_limits import RequestAllowance
from harness.programs.local_forge.refused import Refused, forbidden, invalid, not_found
from harness.programs.local_forge.shapes import people as shapes
from harness.programs.local_forge.shapes.common import Json
from harness.programs.local_forge.storage.records import ROLE_WORDS, Repo, Role

_SEARCH = "?q={query}{&page,per_page,sort,order}"
# Everything that GitHub's root lists, whether it is served here or not: clients expect the keys.
_PLACES = {
    "current_user": "user",
    "current_user_authorizations_html": "settings/connections/applications{/client_id}",
    "authorizations": "authorizations",
    "code_search": f"search/code{_SEARCH}",
    "commit_search": f"search/commits{_SEARCH}",
    "emails": "user/emails",
    "emojis": "emojis",
    "events": "events",
    "feeds": "feeds",
    "followers": "user/followers",
    "following": "user/following{/target}",
    "gists": "gists{/gist_id}",
    "issue_search": f"search/issues{_SEARCH}",
    "issues": "issues",
    "keys": "user/keys",
    "label_search": "search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    "notifications": "notifications",
    "organization": "orgs/{org}",
    "organization_teams": "orgs/{org}/teams",
    "organization_repositories": "orgs/{org}/repos{?type,page,per_page,sort}",
    "public_gists": "gists/public",
    "rate_limit": "rate_limit",
    "repository": "repos/{owner}/{repo}",
    "repository_search": f"search/repositories{_SEARCH}",
    "current_user_repositories": "user/repos{?type,page,per_page,sort}",
    "starred": "user/starred{/owner}{/repo}",
    "starred_gists": "gists/starred",
    "user": "users/{user}",
    "user_organizations": "user/orgs",
    "user_repositories": "users/{user}/repos{?type,page,per_page,sort}",
    "user_search": f"search/users{_SEARCH}",
}


def root(call: ApiCall) -> ApiResponse:
    """The addresses of the API."""
    return ApiResponse(
        {f"{name}_url": f"{call.tx.links.api}/{path}" for name, path in _PLACES.items()}
    )


def rate_limit(call: ApiCall) -> ApiResponse:
    """What is left of the hour. Asking is free."""
    account = str(call.actor.id) if call.actor else "nobody"
    # This request was counted on its way in; give it back.
    left: RequestAllowance = call.service.limits.spend(account, call.tx.now, requests=-1)
    limits = {
        "limit": left.limit,
        "remaining": left.remaining,
        "used": left.used,
        "reset": left.reset,
    }
    return ApiResponse(
        {"resources": {"core": limits, "search": limits, "graphql": limits}, "rate": limits},
        lasting=False,
    )


def me(call: ApiCall) -> ApiResponse:
    """The calling account."""
    return ApiResponse(shapes.profile(call.tx.links, call.person))


def user(call: ApiCall) -> ApiResponse:
    """An account by its login."""
    return ApiResponse(
        shapes.profile(call.tx.links, people.user_named(call.tx, call.path["login"]))
    )


def user_by_number(call: ApiCall) -> ApiResponse:
    """An account by its number, which never changes."""
    found = users_by_id(call.tx, [call.number]).get(call.number)
    if found is None:
        raise not_found()
    return ApiResponse(shapes.profile(call.tx.links, found))


def repository(call: ApiCall) -> ApiResponse:
    """One repository."""
    return ApiResponse(_repository(call, call.repo))


def my_repositories(call: ApiCall) -> ApiResponse:
    """The caller's repositories."""
    return page_of(
        call,
        repositories.all_of(call.tx, call.person.login),
        shape=lambda repo: _repository(call, repo),
    )


def repositories_of(call: ApiCall) -> ApiResponse:
    """The repositories of an account."""
    owner = people.user_named(call.tx, call.path["login"])
    return page_of(
        call, repositories.all_of(call.tx, owner.login), shape=lambda repo: _repository(call, repo)
    )


def create_repository(call: ApiCall) -> ApiResponse:
    """Create an empty repository for the caller, who needs the write role."""
    if call.person.role < Role.WRITE:
        raise forbidden(Role.WRITE.word)
    repo = repositories.create(
        call.tx,
        call.person,
        fields.repository_name(call.body.get("name")),
        description=fields.text(call.body, "description", "Repository", limit=350) or "",
        default_branch="main",
    )
    return ApiResponse(_repository(call, repo), 201, {"location": call.tx.links.repo(repo)})


def fork(call: ApiCall) -> ApiResponse:
    """Fork a repository for the caller, or return the caller's existing fork. It is
    complete when this returns."""
    repo, owner = call.repo, call.person
    if repo.owner.id == owner.id:
        raise Refused(403, "You cannot fork a repository of your own")
    name = fields.repository_name(call.body.get("name") or repo.name)
    return ApiResponse(_repository(call, repositories.fork(call.tx, repo, owner, name=name)), 202)


def fork_list(call: ApiCall) -> ApiResponse:
    """The forks."""
    return page_of(
        call, repositories.forks_of(call.tx, call.repo), shape=lambda repo: _repository(call, repo)
    )


def remove_repository(call: ApiCall) -> ApiResponse:
    """Delete a repository. Pull requests from it stay where they were opened."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    repositories.remove(call.tx, repo)
    return ApiResponse(status=204)


def permission(call: ApiCall) -> ApiResponse:
    """An account's role on a repository. Asking needs the triage role (GitHub requires push)."""
    repo = call.repo
    # Anybody may ask about themselves.
    if call.person.login.lower() != call.path["login"].lower():
        call.need(repo, Role.TRIAGE)
    about = people.user_named(call.tx, call.path["login"])
    return ApiResponse(
        shapes.permission(call.tx.links, about, people.role_on(call.tx, about, repo))
    )


def is_collaborator(call: ApiCall) -> ApiResponse:
    """204 for an account with more than the read role."""
    about = people.user_named(call.tx, call.path["login"])
    if people.role_on(call.tx, about, call.repo) < Role.TRIAGE:
        raise not_found()
    return ApiResponse(status=204)


def add_collaborator(call: ApiCall) -> ApiResponse:
    """Give an account a role on the repository, effective at once."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    word = fields.text(call.body, "permission", "Repository") or "push"
    if word not in ROLE_WORDS:
        raise invalid(
            "Repository", "permission", f"permission must be one of {', '.join(ROLE_WORDS)}"
        )
    people.grant(
        call.tx, people.user_named(call.tx, call.path["login"]), repo, role=ROLE_WORDS[word]
    )
    return ApiResponse(status=204)


def remove_collaborator(call: ApiCall) -> ApiResponse:
    """Remove an account's role on this repository."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    people.grant(call.tx, people.user_named(call.tx, call.path["login"]), repo, role=Role.NONE)
    return ApiResponse(status=204)


def _repository(call: ApiCall, repo: Repo) -> Json:
    parent = repositories.by_id(call.tx, [repo.source_id]).get(repo.source_id or 0)
    return shapes.repository(
        call.tx.links,
        repo,
        role=call.role(repo),
        open_issues=issues.count(call.tx, repo, Search()),
        parent=parent,
        forks=len(repositories.forks_of(call.tx, repo)),
    )


ROUTES = (
    ("GET", "/", root),
    ("GET", "/rate_limit", rate_limit),
    ("GET", "/user", me),
    ("GET", "/user/repos", my_repositories),
    ("POST", "/user/repos", create_repository),
    ("GET", "/user/{number:int}", user_by_number),
    ("GET", "/users/{login}", user),
    ("GET", "/users/{login}/repos", repositories_of),
    ("GET", "/repos/{owner}/{repo}", repository),
    ("DELETE", "/repos/{owner}/{repo}", remove_repository),
    ("GET", "/repos/{owner}/{repo}/forks", fork_list),
    ("POST", "/repos/{owner}/{repo}/forks", fork),
    ("GET", "/repos/{owner}/{repo}/collaborators/{login}", is_collaborator),
    ("PUT", "/repos/{owner}/{repo}/collaborators/{login}", add_collaborator),
    ("DELETE", "/repos/{owner}/{repo}/collaborators/{login}", remove_collaborator),
    ("GET", "/repos/{owner}/{repo}/collaborators/{login}/permission", permission),
)
