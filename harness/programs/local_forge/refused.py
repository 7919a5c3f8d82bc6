"""The one exception for every request that the forge refuses, in GitHub's words and
status codes."""


class Refused(Exception):
    """A response of 400 or more. `errors` is GitHub's list of {resource, field, code, message}."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: tuple[dict[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers

    @property
    def summary(self) -> str:
        """One line for a person: the first reason, or else the message."""
        return next(
            (reason for error in self.errors if (reason := error.get("message"))), self.message
        )


def not_found() -> Refused:
    """404. A private thing and a missing thing look the same."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str, message: str, *, code: str = "custom") -> Refused:
    """422. `message` names the field and the expected value."""
    return Refused(
        422,
        "Validation Failed",
        errors=({"resource": resource, "field": field, "code": code, "message": message},),
    )


def forbidden(needed: str) -> Refused:
    """403: the account is known but lacks the role."""
    return Refused(403, f"Resource not accessible: this needs the {needed} role")


def not_for_apps() -> Refused:
    """403: the App's token lacks the permission or the repository. The words are GitHub's."""
    return Refused(403, "Resource not accessible by integration")


def unauthenticated() -> Refused:
    """401: nobody is signed in."""
    return Refused(
        401, "Requires authentication", headers=(("WWW-Authenticate", 'Basic realm="forge"'),)
    )
