"""The pages of git content: a repository's front page, folders, files and commits."""

from pathlib import PurePosixPath

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from harness.domain.plain import JsonDict
from harness.programs.local_forge.content import checks, labels
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.commits import TreeEntry
from harness.programs.local_forge.pages import diffs
from harness.programs.local_forge.pages.page_views import PageVisit
from harness.programs.local_forge.refused import not_found
from harness.programs.local_forge.storage.records import Repo

PER_PAGE = 30
MOST_SHOWN_BYTES = 512 * 1024
_PROSE = frozenset({".md", ".markdown"})


def home(visit: PageVisit) -> Response:
    """A repository's front page: its files and its README."""
    repo = visit.repo
    git = visit.tx.git(repo)
    tip = git.commit_named(repo.default_branch)
    if tip is None:
        return visit.repo_page("empty.html", repo, tab="code")
    entries = commits.tree(git, tip)
    readme = next((one for one in entries if one.path.lower() in ("readme.md", "readme")), None)
    return visit.repo_page(
        "repository.html",
        repo,
        tab="code",
        entries=entries,
        commit=commits.commit(git, tip),
        at=repo.default_branch,
        commit_count=commits.count(git, tip),
        readme=_text(visit, repo, readme),
        readme_name=readme and readme.path,
        labels=labels.of_repository(visit.tx, repo),
    )


def commit_list(visit: PageVisit) -> Response:
    """The commits of a branch."""
    repo, page = visit.repo, page_asked(visit)
    git = visit.tx.git(repo)
    tip = git.commit_named(visit.path["ref"])
    if tip is None:
        raise not_found()
    found = commits.commits(git, tip, limit=PER_PAGE + 1, skip=(page - 1) * PER_PAGE)
    return visit.repo_page(
        "commits.html",
        repo,
        tab="code",
        commits=found[:PER_PAGE],
        has_more=len(found) > PER_PAGE,
        page=page,
        at=visit.path["ref"],
    )


def commit(visit: PageVisit) -> Response:
    """One commit and its diff against its first parent."""
    repo = visit.repo
    git = visit.tx.git(repo)
    sha = git.commit_named(visit.path["ref"])
    if sha is None:
        raise not_found()
    found = commits.commit(git, sha)
    changes = commits.changes(git, found.parents[0] if found.parents else None, sha, renames=True)
    checked = checks_of(visit, repo, sha)
    return visit.repo_page(
        "commit.html",
        repo,
        tab="code",
        commit=found,
        checks=checked,
        split=visit.query.get("view") == "split",
        **changed(changes, diffs.notes_of(checked["runs"])),
    )


def tree(visit: PageVisit) -> Response:
    """A folder at a commit or branch."""
    repo, at, path, entry = _entry(visit)
    if entry.kind != "tree":
        return RedirectResponse(f"/{repo.full_name}/blob/{at}/{path}", 302)
    listed = commits.tree(visit.tx.git(repo), entry.sha)
    return visit.repo_page(
        "tree.html", repo, tab="code", at=at, path=path, entries=listed, above=_above(path)
    )


def blob(visit: PageVisit) -> Response:
    """A file at a commit or branch, with line numbers; Markdown is also rendered."""
    repo, at, path, entry = _entry(visit)
    if entry.kind != "blob":
        return RedirectResponse(f"/{repo.full_name}/tree/{at}/{path}", 302)
    text = _text(visit, repo, entry)
    is_prose = (
        text is not None
        and PurePosixPath(path).suffix.lower() in _PROSE
        and "plain" not in visit.query
    )
    front, prose = _front_matter(text or "")
    return visit.repo_page(
        "blob.html",
        repo,
        tab="code",
        at=at,
        path=path,
        entry=entry,
        lines=(text or "").splitlines(),
        text=text,
        above=_above(path),
        is_prose=is_prose,
        front=front,
        prose=prose,
    )


def raw(visit: PageVisit) -> Response:
    """A file's bytes, as plain text or as a download, so that it can never act as a page
    of this forge."""
    repo, _, _, entry = _entry(visit)
    if entry.kind != "blob":
        raise not_found()
    content = visit.tx.git(repo).raw("cat-file", "blob", entry.sha)
    try:
        return PlainTextResponse(content.decode())
    except UnicodeDecodeError:
        return Response(
            content,
            headers={"content-disposition": "attachment"},
            media_type="application/octet-stream",
        )


def checks_of(visit: PageVisit, repo: Repo, sha: str) -> JsonDict:
    """The check runs and statuses of a commit, for the list of checks."""
    latest = checks.statuses_of(visit.tx, repo, sha, latest=True)
    return {"runs": checks.of_commit(visit.tx, repo, sha), "statuses": latest}


def changed(changes: tuple[commits.FileChange, ...], notes: diffs.Notes) -> JsonDict:
    """The template values for a list of changed files."""
    return {
        "files": diffs.shown(changes, notes),
        "additions": sum(one.additions for one in changes),
        "deletions": sum(one.deletions for one in changes),
    }


def _entry(visit: PageVisit) -> tuple[Repo, str, str, TreeEntry]:
    """What `REF/PATH` names. A branch may hold slashes, so the shortest prefix that
    names a ref with that path is used."""
    repo = visit.repo
    git, parts = visit.tx.git(repo), visit.path["rest"].strip("/").split("/")
    for cut in range(1, len(parts) + 1):
        sha = git.commit_named("/".join(parts[:cut]))
        if sha is not None:
            path = "/".join(parts[cut:])
            entry = commits.entry_at(git, sha, path)
            if entry is not None:
                return repo, "/".join(parts[:cut]), path, entry
    raise not_found()


def _text(visit: PageVisit, repo: Repo, entry: TreeEntry | None) -> str | None:
    """A file's text; None for binary files, and for files too long for a page."""
    if entry is None or entry.kind != "blob" or (entry.size or 0) > MOST_SHOWN_BYTES:
        return None
    try:
        content = visit.tx.git(repo).raw("cat-file", "blob", entry.sha).decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in content else content


def _above(path: str) -> tuple[tuple[str, str], ...]:
    """The folders of a path, each with its own path."""
    parts = path.split("/") if path else []
    return tuple((part, "/".join(parts[: place + 1])) for place, part in enumerate(parts))


def page_asked(visit: PageVisit) -> int:
    """The requested page number; 1 where it is invalid."""
    text = visit.query.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else 1


def _front_matter(text: str) -> tuple[str, str]:
    """The front matter between two `---` lines at the very start, and the rest of the text."""
    head, found, rest = text.removeprefix("---\n").partition("\n---\n")
    return (head, rest) if found and text.startswith("---\n") else ("", text)
