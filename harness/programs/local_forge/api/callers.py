"""Authentication: what an Authorization header proves, and what that allows.

Three kinds of proof, as on GitHub: an account's token, an installation's token (valid for an hour,
with named permissions), and an App's own JSON web token (RS256, at most ten minutes), which opens
only what is about the App.
"""

import base64
import binascii
import hmac
from collections.abc import Callable

from harness.programs.local_forge.content import apps, branch_rules, people
from harness.programs.local_forge.git.protection import BranchPolicy
from harness.programs.local_forge.refused import Refused
from harness.programs.local_forge.storage.records import App, Caller, Repo, Role
from harness.programs.local_forge.transaction import Transaction

LONGEST_SECONDS, DRIFT_SECONDS = 600, 60
MOST_LETTERS = 4_096

Identify = Callable[[Transaction, str | None], Caller]
"""Authenticates an Authorization header; raises Refused (401) for one that must not pass."""


def token_of(authorization: str) -> str | None:
    """The token in an Authorization header: `token X`, `Bearer X`, or Basic with the
    token as password."""
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
    """The caller that the header proves; nobody without a header. Raises Refused (401)
    for an unknown token."""
    token = token_of(authorization) if authorization else None
    if token is None:
        return Caller()
    # Only a JSON web token has three parts; the forge's own tokens have no dots.
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
    """Accepts only the administrator's token, which stands for no account."""

    def identify(_tx: Transaction, authorization: str | None) -> Caller:
        given = token_of(authorization) if authorization else None
        # Constant time: the response time must not reveal how much of a guess was right.
        if not hmac.compare_digest((given or "").encode(errors="replace"), token.encode()):
            raise Refused(401, "Requires the administrator's token")
        return Caller()

    return identify


def role_of(tx: Transaction, caller: Caller, repo: Repo) -> Role:
    """A caller's role on a repository, after the route's permission check.

    `permissions.py` checks an installation token's permissions at the route. After that check it
    may do anything the request does on the repositories it reaches. It may read the others, which
    are public.
    """
    if caller.grant is None:
        return people.role_on(tx, caller.user, repo)
    return Role.ADMIN if caller.grant.reaches(repo) else Role.READ


def branch_policy_of(tx: Transaction, caller: Caller, repo: Repo) -> BranchPolicy:
    """The branch rules that bind a caller. Apps never count as administrators, and change workflows
    only with that permission."""
    if caller.grant is None:
        return branch_rules.branch_policy(
            tx, repo, caller.user, role=people.role_on(tx, caller.user, repo)
        )
    workflows = caller.grant.allows("workflows", "write")
    return branch_rules.branch_policy(tx, repo, caller.user, role=Role.WRITE, workflows=workflows)


def _app_of(tx: Transaction, token: str) -> App:
    """The App that signed a JSON web token. Raises Refused (401) in GitHub's words."""
    # with the cryptography under it a third of the time to start, for a forge that mostly has no
    # App
    import jwt

    undecodable = Refused(401, "A JSON web token could not be decoded")
    try:
        if len(token) > MOST_LETTERS:
            raise undecodable
        # The claimed issuer selects the public key. Nothing else of the unverified token is used.
        named = jwt.decode(token, options={"verify_signature": False}).get("iss")
        app = apps.issued_to(tx, str(named)) if isinstance(named, str | int) else None
        if app is None or not app.public_key:
            raise Refused(401, "Integration not found")
        claims = jwt.decode(
            token,
            app.public_key,
            algorithms=["RS256"],
            options={
                # _check_times checks the times below, by the forge's clock and with GitHub's
                # messages.
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
    """Check `iat` and `exp`. Both are required: a token without an end would be valid for ever."""
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
