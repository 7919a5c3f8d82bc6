"""Who sends a request: what its Authorization header proves, and what that allows.

Three kinds of proof, as on GitHub: an account's token, an installation's token (an hour,
permissions named one by one), and an App's own JSON web token (RS256, at most ten minutes), which
opens nothing but what is about the App."""

import base64
import binascii
import hmac
from collections.abc import Callable

from harness.programs.local_forge.content import apps, branch_rules, people
from harness.programs.local_forge.git.protection import Standing
from harness.programs.local_forge.refused import Refused
from harness.programs.local_forge.storage.records import App, Caller, Repo, Role
from harness.programs.local_forge.transaction import Transaction

LONGEST_SECONDS, DRIFT_SECONDS = 600, 60
MOST_LETTERS = 4_096

Identify = Callable[[Transaction, str | None], Caller]
"""Who sent an Authorization header; raises Refused (401) for one that must not pass."""


def token_of(authorization: str) -> str | None:
    """The token in an Authorization header: `token X`, `Bearer X`, or Basic with the token as the
    password."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() in ("token", "bearer"):
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            login, _, password = (
                base64.b64decode(rest.strip(), validate=True).decode().partition(":")
            )
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return password or login
    return None


def signed_in(tx: Transaction, authorization: str | None) -> Caller:
    """Whose token the header carries; nobody's without a header. Raises Refused (401) for one that
    is not known."""
    token = token_of(authorization) if authorization else None
    if token is None:
        return Caller()
    if token.count(".") == 2:
        return Caller(app=_app_of(tx, token))
    grant = apps.grant_of(tx, token)
    if grant is not None:
        return Caller(
            user=people.users_by_id(tx, [grant.installation.app.id])[grant.installation.app.id],
            grant=grant,
        )
    user = people.holder(tx, token, people.TOKEN)
    if user is None:
        raise Refused(401, "Bad credentials")
    return Caller(user=user)


def administrator(token: str) -> Identify:
    """Lets only the administrator's token pass, compared in constant time; it stands for no
    account."""

    def identify(_tx: Transaction, authorization: str | None) -> Caller:
        given = token_of(authorization) if authorization else None
        if not hmac.compare_digest((given or "").encode(errors="replace"), token.encode()):
            raise Refused(401, "Requires the administrator's token")
        return Caller()

    return identify


def role_of(tx: Transaction, caller: Caller, repo: Repo) -> Role:
    """What a caller may do on a repository, where its request needs no more than its permissions
    name.

    An installation's token is asked for its permissions at the door (`permissions.py`); past it, it
    may do all that the request is, on the repositories it reaches, and read the others, which are
    public."""
    if caller.grant is None:
        return people.role_on(tx, caller.user, repo)
    return Role.ADMIN if caller.grant.reaches(repo) else Role.READ


def standing_of(tx: Transaction, caller: Caller, repo: Repo) -> Standing:
    """The rules about branches that bind a caller. No App is an administrator to them, whatever its
    token names, and what CI runs is changed by an App only with the permission for that."""
    if caller.grant is None:
        return branch_rules.standing(
            tx, repo, caller.user, role=people.role_on(tx, caller.user, repo)
        )
    workflows = caller.grant.allows("workflows", "write")
    return branch_rules.standing(tx, repo, caller.user, role=Role.WRITE, workflows=workflows)


def _app_of(tx: Transaction, token: str) -> App:
    """The App that signed a JSON web token. Raises Refused (401) in GitHub's words."""
    # with the cryptography under it a third of the time to start, for a forge that mostly has no
    # App
    import jwt

    undecodable = Refused(401, "A JSON web token could not be decoded")
    try:
        if len(token) > MOST_LETTERS:
            raise undecodable
        named = jwt.decode(token, options={"verify_signature": False}).get("iss")
        app = apps.issued_to(tx, str(named)) if isinstance(named, str | int) else None
        if app is None or not app.public_key:
            raise Refused(401, "Integration not found")
        claims = jwt.decode(
            token,
            app.public_key,
            algorithms=["RS256"],
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_iss": False,
                "verify_aud": False,
            },
        )
    except (jwt.PyJWTError, ValueError):
        raise undecodable from None
    _check_times(claims.get("iat"), claims.get("exp"), now=tx.now)
    return app


def _check_times(issued: object, ends: object, *, now: int) -> None:
    """Both must be there: a token that says nothing of its end would never have one."""
    if (
        isinstance(issued, bool)
        or not isinstance(issued, int | float)
        or issued > now + DRIFT_SECONDS
    ):
        raise Refused(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion"
            " was issued",
        )
    if isinstance(ends, bool) or not isinstance(ends, int | float) or ends <= now:
        raise Refused(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time"
            " at which the assertion expires",
        )
    if ends > now + LONGEST_SECONDS + DRIFT_SECONDS:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
