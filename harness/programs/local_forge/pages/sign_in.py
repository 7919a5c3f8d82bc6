"""Signing in and out, and the author of a posted form."""

import unicodedata

from starlette.responses import Response

from harness.programs.local_forge import fields
from harness.programs.local_forge.content import people, repositories
from harness.programs.local_forge.pages.page_views import PageVisit, local_address, seen_other
from harness.programs.local_forge.refused import Refused, invalid
from harness.programs.local_forge.storage.records import Role, User


def sign_in_form(visit: PageVisit) -> Response:
    """The form to enter a token or, with --pick, to pick a person."""
    return _asked(visit, local_address(visit.query.get("back")))


def sign_in(visit: PageVisit) -> Response:
    """Sign in with a token or as the picked person; sets the session cookie."""
    back = local_address(visit.form.get("back"))
    if "person" in visit.form:
        user = _picked(visit, visit.form["person"])
        problem = "Nobody can be picked here: sign in with a token."
    else:
        user = people.holder(visit.tx, visit.form.get("token", "").strip(), people.TOKEN)
        problem = "That token is not known here. Tokens are made by whoever started this forge."
    if user is None:
        return _asked(visit, back, problem=problem, status=422)
    visit.with_viewer(user)
    return seen_other(back)


def sign_out(visit: PageVisit) -> Response:
    """Sign out."""
    visit.without_viewer()
    return seen_other(local_address(visit.form.get("back")))


def author_of(visit: PageVisit, name: str) -> User:
    """The author of a form: the viewer or, with --open, a new guest under the given name."""
    if visit.viewer is not None:
        return visit.viewer
    if not visit.open_door:
        raise Refused(401, "Sign in first: this forge takes nothing from people it does not know.")
    login = fields.login(_as_login(name))
    if people.find_user(visit.tx, login) is not None:
        raise invalid(
            "User",
            "name",
            f"Somebody here is called {login} already. Choose another name, or sign in.",
        )
    guest = people.create_user(visit.tx, login, role=Role.READ, kind="Guest")
    return visit.with_viewer(guest).viewer or guest


def _asked(visit: PageVisit, back: str, *, problem: str = "", status: int = 200) -> Response:
    to_pick = (
        tuple(filter(_is_person, people.all_of(visit.tx))) if visit.service.settings.pick else ()
    )
    owners = {repo.owner.id for repo in repositories.all_of(visit.tx)} if to_pick else set()
    return visit.page(
        "sign_in.html", status=status, problem=problem, back=back, people=to_pick, owners=owners
    )


def _picked(visit: PageVisit, login: str) -> User | None:
    found = people.find_user(visit.tx, login) if visit.service.settings.pick else None
    return found if found is not None and _is_person(found) else None


def _is_person(user: User) -> bool:
    """Whether the account is a person's. Nobody may pick a bot: bots use tokens."""
    return user.kind in ("User", "Guest")


def _as_login(name: str) -> str:
    """A name as a login: `Ana María` → `Ana-Maria`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "-".join("".join(letter if letter.isalnum() else " " for letter in plain).split())
