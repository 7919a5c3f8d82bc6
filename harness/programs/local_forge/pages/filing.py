"""Filing an issue: choosing a form, filling it in, previewing it, and sending it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from starlette.responses import Response

from harness.programs.local_forge import fields
from harness.programs.local_forge.content import issues, labels
from harness.programs.local_forge.pages import answers
from harness.programs.local_forge.pages.forms import FormField, IssueForm, Templates, templates
from harness.programs.local_forge.pages.page_views import PageVisit, seen_other, values_of
from harness.programs.local_forge.pages.sign_in import author_of
from harness.programs.local_forge.refused import Refused
from harness.programs.local_forge.storage.records import Issue, Repo, Role, User

BLANK = "blank"
"""The value of `?template=` for an issue without a form."""


@dataclass(frozen=True, slots=True)
class IssueDraft:
    """An unsent issue. With a form, `body` is the Markdown of its answers."""

    form: IssueForm | None
    title: str = ""
    body: str = ""
    guest: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)


def new_issue(visit: PageVisit) -> Response:
    """The requested form; without a name, the only form, or a list to choose from."""
    repo = visit.repo
    offered, asked = _templates(visit, repo), visit.query.get("template")
    form = offered.form(asked or "")
    if form is None and asked != BLANK and (offered.forms or offered.contacts):
        # With one way to file there is nothing to choose.
        if asked is not None or len(offered.forms) + len(offered.contacts) + offered.blank > 1:
            return visit.repo_page(
                "choose.html",
                repo,
                tab="issues",
                templates=offered,
                may_mend=visit.role(repo) >= Role.WRITE,
                may_blank=_may_blank(visit, repo, offered),
            )
        form = next(iter(offered.forms), None)
    if form is None and not _may_blank(visit, repo, offered):
        raise Refused(403, "This repository takes issues by its forms only.")
    return _shown(visit, repo, _begun(visit, form))


def file_issue(visit: PageVisit) -> Response:
    """File the issue, or show the form again with its errors or a preview."""
    repo = visit.repo
    offered, asked = _templates(visit, repo), visit.form.get("template", "")
    form = offered.form(asked)
    draft = _written(visit, form)
    if visit.form.get("act") == "preview":
        return _shown(visit, repo, replace(draft, wrong={}), preview=True)
    if form is None and (asked not in ("", BLANK) or not _may_blank(visit, repo, offered)):
        problem = (
            "The form has changed meanwhile. Choose one again; what you wrote is kept here."
            if asked not in ("", BLANK)
            else "This repository takes issues by its forms only."
        )
        return _shown(visit, repo, replace(draft, wrong={"template": problem}), status=422)
    if draft.wrong:
        return _shown(visit, repo, draft, status=422)
    try:
        author = author_of(visit, draft.guest)
    except Refused as refused:
        return _shown(
            visit, repo, replace(draft, wrong={"name": refused.summary}), status=refused.status
        )
    return seen_other(f"/{repo.full_name}/issues/{_filed(visit, repo, draft, author).number}")


def _filed(visit: PageVisit, repo: Repo, draft: IssueDraft, author: User) -> Issue:
    """Create the issue with the form's labels, as far as the repository has them (as on GitHub)."""
    issue = issues.create(visit.tx, repo, title=draft.title.strip(), body=draft.body, author=author)
    wanted = [
        one for one in (draft.form.labels if draft.form else ()) if labels.find(visit.tx, repo, one)
    ]
    return issues.set_labels(visit.tx, repo, issue, wanted, actor=author) if wanted else issue


def _begun(visit: PageVisit, form: IssueForm | None) -> IssueDraft:
    """The form's first state. A link may fill in parts of it; nothing is sent before the
    person presses the button."""
    title, body = visit.query.get("title", form.title if form else ""), visit.query.get("body", "")
    values = answers.at_first(form, lambda name: values_of(visit.asked, name)) if form else {}
    return IssueDraft(form, title[: fields.TITLE_LIMIT], body[: fields.BODY_LIMIT], values=values)


def _written(visit: PageVisit, form: IssueForm | None) -> IssueDraft:
    """The posted draft with all its errors at once."""
    given = answers.answered(form, lambda name: values_of(visit.posted, name)) if form else None
    title, guest = visit.form.get("title", ""), visit.form.get("name", "")
    body = given.body if given else visit.form.get("body", "")
    wrong = dict(given.wrong) if given else {}
    for key, problem in (("title", _title_problem(title)), ("body", _body_problem(body))):
        wrong |= {key: problem} if problem else {}
    return IssueDraft(form, title, body, guest, given.values if given else {}, wrong)


def _title_problem(title: str) -> str:
    try:
        fields.needed_text({"title": title.strip()}, "title", "Issue", limit=fields.TITLE_LIMIT)
    except Refused as refused:
        return (
            f"{refused.summary}."
            if title.strip()
            else "Write a few words that say what this is about."
        )
    return ""


def _body_problem(body: str) -> str:
    try:
        fields.sound_text("Issue", "body", body, limit=fields.BODY_LIMIT)
    except Refused as refused:
        return f"{refused.summary}."
    return ""


def _shown(
    visit: PageVisit, repo: Repo, draft: IssueDraft, *, status: int = 200, preview: bool = False
) -> Response:
    many, form = len(_templates(visit, repo).forms) > 1, draft.form
    called = {
        "title": "Title",
        "body": "The answers together" if form else "Description",
        "name": "Your name",
    }
    called |= {
        one.id: one.label for one in (form.elements if form else ()) if isinstance(one, FormField)
    }
    return visit.repo_page(
        "new_issue.html",
        repo,
        tab="issues",
        status=status,
        draft=draft,
        preview=preview,
        many=many,
        name_of=answers.name_of,
        called=called,
    )


def _may_blank(visit: PageVisit, repo: Repo, offered: Templates) -> bool:
    """Whether an issue may be filed without a form; writers always may, as on GitHub."""
    return offered.blank or visit.role(repo) >= Role.WRITE


def _templates(visit: PageVisit, repo: Repo) -> Templates:
    git = visit.tx.git(repo)
    return templates(git, git.commit_named(repo.default_branch))
