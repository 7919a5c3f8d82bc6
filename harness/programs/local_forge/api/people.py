"""Accounts, repositories, and who may do what."""

from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import Answer, Call
from harness.programs.local_forge.api.paging import page_of
from harness.programs.local_forge.content import issues, people, repositories
from harness.programs.local_forge.content.issues import Search
from harness.programs.local_forge.content.people import users_by_id
from harness.programs.local_forge.rate_limits import Allowance
from harness.programs.local_forge.refused import Refused, forbidden, invalid, not_found
from harness.programs.local_forge.shapes import people as shapes
from harness.programs.local_forge.shapes.common import Json
from harness.programs.local_forge.storage.records import ROLE_WORDS, Repo, Role

_SEARCH = "?q={query}{&page,per_page,sort,order}"
# all that GitHub's root names, whether it is served here or not: clients take it to be there
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


def root(call: Call) -> Answer:
    """Where things are."""
    return Answer({f"{name}_url": f"{call.tx.links.api}/{path}" for name, path in _PLACES.items()})


def rate_limit(call: Call) -> Answer:
    """What is left of the hour. Asking is free."""
    account = str(call.actor.id) if call.actor else "nobody"
    left: Allowance = call.service.limits.spend(account, call.tx.now, requests=-1)
    told = {
        "limit": left.limit,
        "remaining": left.remaining,
        "used": left.used,
        "reset": left.reset,
    }
    return Answer(
        {"resources": {"core": told, "search": told, "graphql": told}, "rate": told}, lasting=False
    )


def me(call: Call) -> Answer:
    """Who asks."""
    return Answer(shapes.profile(call.tx.links, call.person))


def user(call: Call) -> Answer:
    """An account by its login."""
    return Answer(shapes.profile(call.tx.links, people.user_named(call.tx, call.path["login"])))


def user_by_number(call: Call) -> Answer:
    """An account by its number, which outlives its login."""
    found = users_by_id(call.tx, [call.number]).get(call.number)
    if found is None:
        raise not_found()
    return Answer(shapes.profile(call.tx.links, found))


def repository(call: Call) -> Answer:
    """One repository."""
    return Answer(_repository(call, call.repo))


def my_repositories(call: Call) -> Answer:
    """The repositories of who asks."""
    return page_of(
        call,
        repositories.all_of(call.tx, call.person.login),
        shape=lambda repo: _repository(call, repo),
    )


def repositories_of(call: Call) -> Answer:
    """The repositories of an account."""
    owner = people.user_named(call.tx, call.path["login"])
    return page_of(
        call, repositories.all_of(call.tx, owner.login), shape=lambda repo: _repository(call, repo)
    )


def create_repository(call: Call) -> Answer:
    """A new, empty repository of who asks, who must be more than a visitor."""
    if call.person.role < Role.WRITE:
        raise forbidden(Role.WRITE.word)
    repo = repositories.create(
        call.tx,
        call.person,
        fields.repository_name(call.body.get("name")),
        description=fields.text(call.body, "description", "Repository", limit=350) or "",
        default_branch="main",
    )
    return Answer(_repository(call, repo), 201, {"location": call.tx.links.repo(repo)})


def fork(call: Call) -> Answer:
    """A copy for who asks; the one they have already, where there is one. It is there when this
    answers."""
    repo, owner = call.repo, call.person
    if repo.owner.id == owner.id:
        raise Refused(403, "You cannot fork a repository of your own")
    name = fields.repository_name(call.body.get("name") or repo.name)
    return Answer(_repository(call, repositories.fork(call.tx, repo, owner, name=name)), 202)


def fork_list(call: Call) -> Answer:
    """The forks."""
    return page_of(
        call, repositories.forks_of(call.tx, call.repo), shape=lambda repo: _repository(call, repo)
    )


def remove_repository(call: Call) -> Answer:
    """Take a repository away for ever. Pull requests from it stay where they were opened."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    repositories.remove(call.tx, repo)
    return Answer(status=204)


def permission(call: Call) -> Answer:
    """What an account may do on a repository. Asking needs the triage role, as GitHub asks for
    push."""
    repo = call.repo
    if call.person.login.lower() != call.path["login"].lower():
        call.need(repo, Role.TRIAGE)
    about = people.user_named(call.tx, call.path["login"])
    return Answer(shapes.permission(call.tx.links, about, people.role_on(call.tx, about, repo)))


def is_collaborator(call: Call) -> Answer:
    """204 for one who may do more than read."""
    about = people.user_named(call.tx, call.path["login"])
    if people.role_on(call.tx, about, call.repo) < Role.TRIAGE:
        raise not_found()
    return Answer(status=204)


def add_collaborator(call: Call) -> Answer:
    """Give an account a role on the repository; it holds at once."""
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
    return Answer(status=204)


def remove_collaborator(call: Call) -> Answer:
    """Take back what was given on this repository."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    people.grant(call.tx, people.user_named(call.tx, call.path["login"]), repo, role=Role.NONE)
    return Answer(status=204)


def _repository(call: Call, repo: Repo) -> Json:
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
