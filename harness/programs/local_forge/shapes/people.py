"""The JSON of accounts and repositories."""

from harness.programs.local_forge.links import Links
from harness.programs.local_forge.shapes.common import Json, moment, node_id
from harness.programs.local_forge.storage.records import Repo, Role, User

_USER_PARTS = ("followers", "subscriptions", "repos", "received_events")
_REPO_PARTS = {
    "archive": "{archive_format}{/ref}",
    "assignees": "assignees{/user}",
    "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}",
    "collaborators": "collaborators{/collaborator}",
    "comments": "comments{/number}",
    "commits": "commits{/sha}",
    "compare": "compare/{base}...{head}",
    "contents": "contents/{+path}",
    "contributors": "contributors",
    "deployments": "deployments",
    "downloads": "downloads",
    "events": "events",
    "forks": "forks",
    "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}",
    "git_tags": "git/tags{/sha}",
    "hooks": "hooks",
    "issue_comment": "issues/comments{/number}",
    "issue_events": "issues/events{/number}",
    "issues": "issues{/number}",
    "keys": "keys{/key_id}",
    "labels": "labels{/name}",
    "languages": "languages",
    "merges": "merges",
    "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}",
    "pulls": "pulls{/number}",
    "releases": "releases{/id}",
    "stargazers": "stargazers",
    "statuses": "statuses/{sha}",
    "subscribers": "subscribers",
    "subscription": "subscription",
    "tags": "tags",
    "teams": "teams",
    "trees": "git/trees{/sha}",
}
# What is the same for every repository here: this forge has neither stars nor wikis.
_REPO_CONSTANTS: Json = {
    "mirror_url": None,
    "watchers": 0,
    "watchers_count": 0,
    "stargazers_count": 0,
    "size": 0,
    "network_count": 0,
    "subscribers_count": 0,
    "has_issues": True,
    "has_projects": False,
    "has_wiki": False,
    "has_pages": False,
    "has_downloads": False,
    "has_discussions": False,
    "archived": False,
    "disabled": False,
    "is_template": False,
    "allow_merge_commit": True,
    "allow_squash_merge": False,
    "allow_rebase_merge": False,
    "allow_auto_merge": False,
    "allow_forking": True,
    "delete_branch_on_merge": False,
    "web_commit_signoff_required": False,
    "private": False,
    "visibility": "public",
    "homepage": None,
    "language": None,
    "license": None,
    "topics": [],
}


def account(links: Links, user: User) -> Json:
    """GitHub's `simple-user`."""
    here = links.user(user)
    return {
        "login": user.login,
        "id": user.id,
        "node_id": node_id("User", user.id),
        "gravatar_id": "",
        "avatar_url": f"{links.web}/-/mark.svg",
        "url": here,
        "html_url": f"{links.web}/{user.login}",
        "type": "Bot" if user.kind == "Bot" else "User",
        "user_view_type": "public",
        "site_admin": False,
        "gists_url": f"{here}/gists{{/gist_id}}",
        "following_url": f"{here}/following{{/other_user}}",
        "starred_url": f"{here}/starred{{/owner}}{{/repo}}",
        "events_url": f"{here}/events{{/privacy}}",
        "organizations_url": f"{here}/orgs",
        **{f"{part}_url": f"{here}/{part}" for part in _USER_PARTS},
    }


def profile(links: Links, user: User) -> Json:
    """GitHub's `public-user`."""
    nothing = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username"))
    return (
        account(links, user)
        | nothing
        | {
            "name": user.login,
            "blog": "",
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": moment(user.created_at),
            "updated_at": moment(user.created_at),
        }
    )


def permissions(role: Role) -> Json:
    """A role as GitHub's separate flags."""
    return {
        "admin": role >= Role.ADMIN,
        "maintain": role >= Role.MAINTAIN,
        "push": role >= Role.WRITE,
        "triage": role >= Role.TRIAGE,
        "pull": role >= Role.READ,
    }


def permission(links: Links, user: User, role: Role) -> Json:
    """GitHub's `repository-collaborator-permission`. The older `permission` has no triage and no
    maintain; `role_name` has."""
    older = {Role.TRIAGE: Role.READ, Role.MAINTAIN: Role.WRITE}.get(role, role)
    return {
        "permission": older.word,
        "role_name": role.word,
        "user": account(links, user) | {"permissions": permissions(role), "role_name": role.word},
    }


def repository(
    links: Links,
    repo: Repo,
    *,
    role: Role = Role.READ,
    open_issues: int = 0,
    parent: Repo | None = None,
    forks: int = 0,
) -> Json:
    """GitHub's `full-repository`. `parent` is the repository that a fork was made from."""
    above = (
        {} if parent is None else {name: repository(links, parent) for name in ("parent", "source")}
    )
    here, when = links.repo(repo), moment(repo.created_at)
    return {
        **_REPO_CONSTANTS,
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "owner": account(links, repo.owner),
        "fork": repo.source_id is not None,
        "description": repo.description or None,
        "html_url": links.page(repo),
        "url": here,
        "clone_url": links.clone(repo),
        "git_url": links.clone(repo),
        "ssh_url": links.clone(repo),
        "svn_url": links.page(repo),
        "default_branch": repo.default_branch,
        "created_at": when,
        "updated_at": when,
        "pushed_at": when,
        "forks": forks,
        "forks_count": forks,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "permissions": permissions(role),
        **{f"{part}_url": f"{here}/{rest}" for part, rest in _REPO_PARTS.items()},
        **above,
    }
