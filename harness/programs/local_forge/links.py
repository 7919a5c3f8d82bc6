"""Every address of the forge. PyGithub requires that returned addresses are on the
host it called."""

from dataclasses import dataclass
from urllib.parse import quote

from harness.programs.local_forge.storage.records import Issue, Repo, User


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses under `web`, such as `http://localhost:8300` (no trailing slash)."""

    web: str

    @property
    def api(self) -> str:
        """The base address of the REST API."""
        return f"{self.web}/api/v3"

    def user(self, user: User) -> str:
        """The API address of an account."""
        return f"{self.api}/users/{quote(user.login)}"

    def repo(self, repo: Repo) -> str:
        """The API address of a repository."""
        return f"{self.api}/repos/{quote(repo.full_name)}"

    def page(self, repo: Repo, *parts: str | int) -> str:
        """The page of a repository, or of something in it."""
        return "/".join((self.web, quote(repo.full_name), *(quote(str(part)) for part in parts)))

    def clone(self, repo: Repo) -> str:
        """The address to clone from."""
        return f"{self.web}/{quote(repo.full_name)}.git"

    def app_page(self, slug: str) -> str:
        """The page of an App."""
        return f"{self.web}/apps/{quote(slug)}"

    def issue(self, repo: Repo, number: int) -> str:
        """The API address of an issue, or of the issue half of a pull request."""
        return f"{self.repo(repo)}/issues/{number}"

    def pull(self, repo: Repo, number: int) -> str:
        """The API address of a pull request."""
        return f"{self.repo(repo)}/pulls/{number}"

    def issue_page(self, repo: Repo, issue: Issue) -> str:
        """The page of an issue or pull request."""
        return self.page(repo, "pull" if issue.is_pull else "issues", issue.number)
